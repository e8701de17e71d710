// The audit log in words.
import type { AuditEntry, Id } from '$lib/api/types';
import { known, t } from '$lib/i18n/i18n.svelte';
import { directory } from '$lib/store/directory.svelte';

/** "tag.created" in the reader's language; the code itself if nobody worded it yet. */
export function actionText(action: string): string {
	const key = `settings.audit_${action.replace('.', '_')}`;
	return known(key) ? t(key) : action;
}

const names: Record<string, (id: Id) => string | undefined> = {
	user: (id) => (directory.users.has(id) ? directory.userName(id) : undefined),
	shop: (id) => directory.shops.get(id)?.name,
	tag: (id) => directory.tags.get(id)?.name,
	team: (id) => directory.teams.get(id)?.name
};

/** "shift 3 of user 7" as "Shift 3 · Ivan": kinds in the reader's language, ids as names if known. */
export function objectText(object: string): string {
	return [...object.matchAll(/(?!of )\b([a-z_]+) (\S+)/g)]
		.map(([, kind = '', id = '']) => [kind, id])
		.map(([kind, id]) => {
			const name = kind && id ? names[kind]?.(id) : undefined;
			if (name !== undefined) return name;
			const key = `settings.object_${kind}`;
			return `${known(key) ? t(key) : kind} ${id}`.trim();
		})
		.join(' · ');
}

export interface Change {
	/** field; "" if the entry is about one value */
	name: string;
	before: string;
	after: string;
}

/** The fields of a value: of an object each, else one without a name. */
function fields(text: string): Record<string, string> {
	if (!text) return {};
	if (text.startsWith('{')) {
		try {
			const value = JSON.parse(text) as Record<string, unknown>;
			return Object.fromEntries(
				Object.entries(value).map(([name, each]) => [name, typeof each === 'string' ? each : JSON.stringify(each)])
			);
		} catch {
			// Not JSON after all: shown as it is.
		}
	}
	return { '': text };
}

/** What differs between before and after. */
export function changes(entry: Pick<AuditEntry, 'before' | 'after'>): Change[] {
	const before = fields(entry.before);
	const after = fields(entry.after);
	return [...new Set([...Object.keys(before), ...Object.keys(after)])]
		.map((name) => ({ name, before: before[name] ?? '', after: after[name] ?? '' }))
		.filter((change) => change.before !== change.after);
}
