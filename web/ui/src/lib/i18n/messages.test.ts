// @vitest-environment node
// Every language says everything English says, with the same placeholders and its own plural forms.
import { describe, expect, it } from 'vitest';
import first from '../../messages/en';
import settings from '../../messages/en/settings.json';
import itFirst from '../../messages/it';
import itSettings from '../../messages/it/settings.json';
import ruFirst from '../../messages/ru';
import ruSettings from '../../messages/ru/settings.json';
import zhFirst from '../../messages/zh';
import zhSettings from '../../messages/zh/settings.json';
import type { Dictionary, Plural } from './i18n.svelte';

const en: Dictionary = { ...first, settings };
const languages: Record<string, Dictionary> = {
	ru: { ...ruFirst, settings: ruSettings },
	it: { ...itFirst, settings: itSettings },
	zh: { ...zhFirst, settings: zhSettings }
};

function flat(words: Dictionary): Map<string, string | Plural> {
	return new Map(
		Object.entries(words).flatMap(([area, texts]) =>
			Object.entries(texts).map(([key, value]) => [`${area}.${key}`, value] as const)
		)
	);
}

function texts(value: string | Plural): string[] {
	return typeof value === 'string' ? [value] : Object.values(value);
}

function placeholders(text: string): string {
	return [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join(' ');
}

function pluralKeys(code: string): string {
	return new Intl.PluralRules(code).resolvedOptions().pluralCategories.toSorted().join(' ');
}

const english = flat(en);

describe.each(Object.entries({ en, ...languages }))('%s', (code, words) => {
	const own = flat(words);

	it('has the same keys as English', () => {
		expect([...own.keys()].sort()).toEqual([...english.keys()].sort());
	});

	it('has no empty text', () => {
		expect([...own].filter(([, value]) => texts(value).some((text) => !text.trim())).map(([key]) => key)).toEqual([]);
	});

	it('uses the placeholders of English in every form', () => {
		const wrong = [...own].filter(([key, value]) => {
			const all = new Set(texts(english.get(key) ?? '').map(placeholders));
			return texts(value).some((text) => !all.has(placeholders(text)));
		});
		expect(wrong.map(([key]) => key)).toEqual([]);
	});

	it('has exactly the plural forms of the language', () => {
		const wrong = [...own].filter(([key, value]) => {
			const plural = typeof english.get(key) === 'object';
			if (!plural) return typeof value === 'object';
			return typeof value === 'string' || Object.keys(value).sort().join(' ') !== pluralKeys(code);
		});
		expect(wrong.map(([key]) => key)).toEqual([]);
	});
});

it('does not leave English texts untranslated', () => {
	// Names and words that are the same in another language.
	const same = new Set(['Deskbell', 'E-mail', 'Password', 'Link', 'Token', 'STARTTLS', '{role} in {shops}']);
	const words = (text: string) => text.replace(/\{\w+\}/g, '').match(/\p{L}{4,}/gu) ?? [];
	for (const [code, dictionary] of Object.entries(languages)) {
		const copied = [...flat(dictionary)].filter(
			([key, value]) =>
				typeof value === 'string' &&
				value === english.get(key) &&
				words(value).length > 0 &&
				!same.has(value) &&
				!/^OAuth|^Offline/.test(value)
		);
		expect(
			copied.map(([key]) => key),
			code
		).toEqual([]);
	}
});
