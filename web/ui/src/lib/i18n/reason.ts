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
	if (typeof value === 'number' && !(name in naming)) return value;
	const text = String(value ?? '');
	const name_ = naming[name];
	if (name_) return name_(text);
	return moment.test(text) ? date(text) : text;
}

/** The sentence for a reason; "" for none. A code nobody worded yet is shown as it is. */
export function reasonText(reason: Reason | null | undefined): string {
	if (!reason?.code) return '';
	const params: Params = {};
	for (const [name, value] of Object.entries(reason.params ?? {})) params[name] = wordParam(name, value);
	const key = `reasons.${reason.code}`;
	return known(key) ? t(key, params) : t('reasons.unknown', { code: reason.code });
}
