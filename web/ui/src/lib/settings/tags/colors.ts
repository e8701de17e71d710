import type { TagColor } from '$lib/api/types';
import { t, type Key } from '$lib/i18n/i18n.svelte';

const names: Record<TagColor, Key> = {
	grey: 'settings.colorGrey',
	red: 'settings.colorRed',
	orange: 'settings.colorOrange',
	amber: 'settings.colorAmber',
	green: 'settings.colorGreen',
	teal: 'settings.colorTeal',
	blue: 'settings.colorBlue',
	indigo: 'settings.colorIndigo',
	purple: 'settings.colorPurple',
	pink: 'settings.colorPink'
};

export function colorName(color: TagColor): string {
	return t(names[color]);
}
