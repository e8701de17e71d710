// The audit log in words.
import type { AuditEntry } from '$lib/api/types';
import { known, t } from '$lib/i18n/i18n.svelte';
import { directory } from '$lib/store/directory.svelte';

/** "tag.created" in the reader's language; the code itself if nobody worded it yet. */
export function actionText(action: string): string {
	const key = `settings.audit_${action.replace('.', '_')}`;
	return known(key) ? t(key) : action;
}

/** "user:3" as the person's name; other objects stay as they are. */
export function objectText(object: string): string {
	const [kind, id] = object.split(/[:/]/);
	if (kind === 'user' && id && directory.users.has(id)) return directory.userName(id);
	if (kind === 'shop' && id && directory.shops.has(id)) return directory.shopName(id);
	if (kind === 'tag' && id && directory.tags.has(id)) return directory.tagName(id);
	return object;
}

export interface Change {
	name: string;
	before: string;
	after: string;
}

function text(value: unknown): string {
	if (value === null || value === undefined || value === '') return '';
	return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The fields that differ between before and after. */
export function changes(entry: Pick<AuditEntry, 'before' | 'after'>): Change[] {
	const fields = (value: unknown): Record<string, unknown> =>
		typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : value ? { '': value } : {};
	const before = fields(entry.before);
	const after = fields(entry.after);
	return [...new Set([...Object.keys(before), ...Object.keys(after)])]
		.map((name) => ({ name, before: text(before[name]), after: text(after[name]) }))
		.filter((change) => change.before !== change.after);
}
