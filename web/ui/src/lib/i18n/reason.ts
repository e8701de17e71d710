// Words reasons: what the server stored as a code and parameters. Ids among the parameters (user,
// shop, tag, team, to, from) are shown as names.
import type { Reason } from '$lib/api/types';
import { directory } from '$lib/store/directory.svelte';
import { date, known, t, type Params } from './i18n.svelte';

const naming: Record<string, (id: string) => string> = {
	user: (id) => directory.userName(id),
	to: (id) => directory.userName(id),
	by: (id) => directory.userName(id),
	shop: (id) => directory.shopName(id),
	team: (id) => directory.teamName(id),
	tag: (id) => directory.tagName(id)
};

const moment = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

function wordParam(name: string, value: unknown): string | number {
	const text = String(value ?? '');
	if (moment.test(text)) return date(text);
	const named = naming[name];
	if (named && /^\d+$/.test(text)) return named(text);
	if (name === 'port') return text; // 1143 is a name, not an amount
	return typeof value === 'number' ? value : text;
}

function wordParams(reason: Reason): Params {
	return Object.fromEntries(Object.entries(reason.params ?? {}).map(([name, value]) => [name, wordParam(name, value)]));
}

/** Where a code is worded: reasons that only the settings show are read with them. */
function keyOf(code: string): string {
	const key = `reasons.${code}`;
	return known(key) ? key : `settings.reason_${code}`;
}

/**
 * The sentence for a reason; "" for none. What the far side answered in its own words follows in
 * brackets. A code nobody worded yet is shown as it is.
 */
export function reasonText(reason: Reason | null | undefined): string {
	if (!reason?.code) return '';
	const key = keyOf(reason.code);
	const params = wordParams(reason);
	const sentence = known(key) ? t(key, params) : t('reasons.unknown', { code: reason.code });
	return params.answer ? `${sentence} (${params.answer})` : sentence;
}

/** What a person can do about a reason; "" if there is no advice. */
export function reasonAdvice(reason: Reason | null | undefined): string {
	const key = keyOf(`${reason?.code}_advice`);
	return reason && known(key) ? t(key, wordParams(reason)) : '';
}
