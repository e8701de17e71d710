import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { fileURLToPath } from 'node:url';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig } from 'vitest/config';

const server = process.env.DESKBELL_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig(({ mode }) => ({
	plugins: [tailwindcss(), svelte(), ...(mode === 'test' ? [svelteTesting()] : [])],
	resolve: { alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) } },
	build: {
		target: 'es2023',
		assetsInlineLimit: 0, // the content security policy allows no data: scripts or fonts
		modulePreload: { polyfill: false }, // the polyfill is an inline script
		reportCompressedSize: false
	},
	server: {
		host: '127.0.0.1',
		port: 5173,
		proxy: { '/api': { target: server, ws: true } }
	},
	test: {
		include: ['src/**/*.test.ts'],
		environment: 'jsdom',
		restoreMocks: true,
		setupFiles: ['src/test/setup.ts', 'src/test/words.ts']
	}
}));
