// Checks a form makes before asking the server. Each returns what is wrong, "" if nothing is.
import { t } from '$lib/i18n/i18n.svelte';

/** Shortest password the server takes, in characters. */
export const shortest = 8;

export function checkFilled(value: string, wrong: string): string {
	return value.trim() === '' ? wrong : '';
}

export function checkEmail(value: string): string {
	return /^\S+@\S+$/.test(value.trim()) ? '' : t('account.emailWrong');
}

export function checkNewPassword(value: string): string {
	return [...value].length < shortest ? t('account.passwordShort', { count: shortest }) : '';
}
