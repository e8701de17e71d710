// Words of the screen. A key is area.name; a value is a text with {placeholders}, or one text per
// plural category of the language, chosen by {count}. English is part of the first load and stands
// in for what another language lacks; the others are loaded when chosen. The dictionary is raw
// state: a change of language renders texts anew and nothing else, so drafts stay.
import type { LanguageCode } from '$lib/api/types';
import first from '../../messages/en';
import type settings from '../../messages/en/settings.json';

export type Plural = Partial<Record<Intl.LDMLPluralRule, string>>;
export type Dictionary = Record<string, Record<string, string | Plural>>;
type English = typeof first & { settings: typeof settings };
export type Area = keyof English;
export type Key = { [A in Area]: `${A}.${keyof English[A] & string}` }[Area];
export type Params = Record<string, string | number>;

export const languages: readonly LanguageCode[] = ['en', 'ru', 'it', 'zh'];

/** Each language in its own words. */
export const languageNames: Record<LanguageCode, string> = {
	en: 'English',
	ru: 'Русский',
	it: 'Italiano',
	zh: '中文'
};

let english: Dictionary = first;

const loaders: Record<LanguageCode, () => Promise<Dictionary>> = {
	en: async () => first,
	ru: async () => (await import('../../messages/ru')).default,
	it: async () => (await import('../../messages/it')).default,
	zh: async () => (await import('../../messages/zh')).default
};

const settingsLoaders: Record<LanguageCode, () => Promise<Dictionary>> = {
	en: async () => ({ settings: (await import('../../messages/en/settings.json')).default }),
	ru: async () => ({ settings: (await import('../../messages/ru/settings.json')).default }),
	it: async () => ({ settings: (await import('../../messages/it/settings.json')).default }),
	zh: async () => ({ settings: (await import('../../messages/zh/settings.json')).default })
};

/** the words of the settings were asked for once: a change of language brings them too */
let settingsToo = false;

async function read(code: LanguageCode): Promise<Dictionary> {
	const [base, more] = await Promise.all([loaders[code](), settingsToo ? settingsLoaders[code]() : {}]);
	const words = { ...base, ...more };
	if (code === 'en') english = words;
	return words;
}

let current = $state.raw<{ language: LanguageCode; words: Dictionary }>({ language: 'en', words: first });

export function isLanguage(code: unknown): code is LanguageCode {
	return typeof code === 'string' && (languages as readonly string[]).includes(code);
}

/** The language of the screen now. */
export function language(): LanguageCode {
	return current.language;
}

/** The first of the browser's languages that we speak. */
export function browserLanguage(): LanguageCode {
	for (const tag of navigator.languages ?? []) {
		const code = tag.slice(0, 2).toLowerCase();
		if (isLanguage(code)) return code;
	}
	return 'en';
}

let wanted: LanguageCode = 'en';

/** Loads a language and shows it. When two calls overlap the last one wins. */
export async function setLanguage(code: LanguageCode): Promise<void> {
	wanted = code;
	const words = await read(code);
	if (wanted !== code) return;
	current = { language: code, words };
	document.documentElement.lang = code;
}

/** Loads the words of the settings and of dialogs, which are not part of the first load. */
export async function loadWords(): Promise<void> {
	if (settingsToo) return;
	settingsToo = true;
	await setLanguage(wanted); // the one on its way, if there is one
}

/** A part of the screen together with the words that come later. */
export async function withWords<T>(part: Promise<T>): Promise<T> {
	await loadWords();
	return part;
}

function lookUp(words: Dictionary, key: string): string | Plural | undefined {
	const dot = key.indexOf('.');
	return words[key.slice(0, dot)]?.[key.slice(dot + 1)];
}

/** Whether there are words for the key: for codes that come from the server. */
export function known(key: string): key is Key {
	return lookUp(current.words, key) !== undefined || lookUp(english, key) !== undefined;
}

/**
 * The text of a key in the current language. Numbers among params are written as the language
 * writes them; count also chooses the plural form.
 */
export function t(key: Key, params: Params = {}): string {
	const { language, words } = current;
	let from = language;
	let value = lookUp(words, key);
	if (value === undefined) {
		value = lookUp(english, key) ?? key;
		from = 'en';
	}
	if (typeof value !== 'string') {
		const category = new Intl.PluralRules(from).select(Number(params.count ?? 0));
		value = value[category] ?? value.other ?? key;
	}
	return value.replace(/\{(\w+)\}/g, (whole, name: string) => {
		const param = params[name];
		if (param === undefined) return whole;
		return typeof param === 'number' ? number(param) : param;
	});
}

/** The person's own variety of a language for numbers and times, such as en-GB with its 24 hours. */
function region(code: LanguageCode): string {
	return navigator.languages?.find((tag) => tag.startsWith(`${code}-`)) ?? code;
}

const formatters = new Map<
	string,
	Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat | Intl.ListFormat
>();

function formatter<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat | Intl.ListFormat>(
	kind: string,
	options: object,
	make: (language: string) => T
): T {
	const tag = region(current.language);
	const id = `${tag} ${kind} ${JSON.stringify(options)}`;
	let found = formatters.get(id);
	if (!found) formatters.set(id, (found = make(tag)));
	return found as T;
}

/** A number as the language writes it. */
export function number(value: number, options: Intl.NumberFormatOptions = {}): string {
	return formatter('number', options, (code) => new Intl.NumberFormat(code, options)).format(value);
}

/** A moment or day as the language writes it, by default day and time, in the viewer's zone. */
export function date(
	at: string | number | Date,
	options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' }
): string {
	return formatter('date', options, (code) => new Intl.DateTimeFormat(code, options)).format(new Date(at));
}

/** Names joined as the language joins them: "a, b and c". */
export function list(items: string[]): string {
	return formatter('list', {}, (code) => new Intl.ListFormat(code, { type: 'conjunction' })).format(items);
}

/** The time between now and at in words, such as "5 minutes ago", "in 2 days". */
export function relative(at: string | number | Date, now: number = Date.now()): string {
	const seconds = Math.round((new Date(at).getTime() - now) / 1000);
	const steps: [Intl.RelativeTimeFormatUnit, number][] = [
		['day', 86_400],
		['hour', 3_600],
		['minute', 60]
	];
	const options: Intl.RelativeTimeFormatOptions = { numeric: 'auto', style: 'short' };
	const format = formatter('relative', options, (code) => new Intl.RelativeTimeFormat(code, options));
	for (const [unit, length] of steps) {
		if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
	}
	return format.format(0, 'second');
}

/** A size in bytes in words, such as "1.4 MB". */
export function bytes(size: number): string {
	const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
	let step = 0;
	while (size >= 1000 && step < units.length - 1) {
		size /= 1000;
		step++;
	}
	return number(size, { style: 'unit', unit: units[step], maximumFractionDigits: step > 1 ? 1 : 0 });
}
