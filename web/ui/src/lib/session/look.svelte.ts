// Theme, density and language on this device. The account keeps them too; the copy in localStorage
// is what public/theme.js reads before the first paint.
import { isLanguage, setLanguage, browserLanguage } from '$lib/i18n/i18n.svelte';
import type { LanguageCode } from '$lib/api/types';

export type Theme = 'system' | 'light' | 'dark';
export type Density = 'comfortable' | 'compact';

const place = 'deskbell.look';

interface Look {
	theme: Theme;
	density: Density;
	language: LanguageCode | '';
}

function read(): Look {
	let saved: Partial<Look> = {};
	try {
		saved = (JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Look> | null) ?? {};
	} catch {
		// Storage is off or the value is damaged: the defaults do.
	}
	return {
		theme: saved.theme === 'light' || saved.theme === 'dark' ? saved.theme : 'system',
		density: saved.density === 'compact' ? 'compact' : 'comfortable',
		language: isLanguage(saved.language) ? saved.language : ''
	};
}

let look = $state.raw<Look>(read());
const dark = window.matchMedia('(prefers-color-scheme: dark)');
let systemDark = $state(dark.matches);
dark.addEventListener('change', (event) => {
	systemDark = event.matches;
	paint();
});

function paint(): void {
	document.documentElement.dataset.theme = shownTheme();
	document.documentElement.dataset.density = look.density;
}

/** What the person chose. */
export function theme(): Theme {
	return look.theme;
}

/** What is on the screen: the choice, or the system's when that was chosen. */
export function shownTheme(): 'light' | 'dark' {
	if (look.theme !== 'system') return look.theme;
	return systemDark ? 'dark' : 'light';
}

export function density(): Density {
	return look.density;
}

/** The language to start with: chosen on this device, else the browser's. */
export function firstLanguage(): LanguageCode {
	return look.language || browserLanguage();
}

/** Changes the look at once and remembers it on this device. */
export async function setLook(change: Partial<Look>): Promise<void> {
	look = { ...look, ...change };
	try {
		localStorage.setItem(place, JSON.stringify(look));
	} catch {
		// Nothing to do: the look lasts until the tab closes.
	}
	paint();
	if (change.language) await setLanguage(change.language);
}
