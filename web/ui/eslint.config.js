import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

// A static style attribute is parsed as HTML and refused by the content security policy;
// style:property directives go through the CSSOM and are allowed.
const noStaticStyle = {
	selector: 'SvelteStartTag > SvelteAttribute[key.name="style"]',
	message: 'style attributes are refused by the content security policy: use a class or style:property={value}'
};

export default ts.config(
	{
		ignores: ['dist/', 'node_modules/', 'test-results/', 'playwright-report/', 'coverage/', 'src/lib/api/schema.d.ts']
	},
	js.configs.recommended,
	...ts.configs.recommended,
	...svelte.configs.recommended,
	{
		languageOptions: { globals: { ...globals.browser, ...globals.node } },
		rules: {
			'no-undef': 'off', // TypeScript does this better
			'@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
			'svelte/no-navigation-without-resolve': 'off', // a rule for SvelteKit's router
			// State outside components is replaced, never mutated; plain maps and dates are what we want.
			'svelte/prefer-svelte-reactivity': 'off',
			'svelte/no-at-html-tags': 'error',
			'no-restricted-syntax': ['error', noStaticStyle],
			'no-restricted-imports': [
				'error',
				{ paths: [{ name: '@lucide/svelte', message: 'import one icon: @lucide/svelte/icons/inbox' }] }
			]
		}
	},
	{
		files: ['**/*.svelte', '**/*.svelte.ts'],
		languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } }
	}
);
