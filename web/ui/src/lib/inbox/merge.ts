// Conversations brought together and taken apart. Each can be undone for ten seconds; what is merged can
// be separated later too, from the links of the one that stays.
import { ApiError, call, post } from '$lib/api/client';
import type { Conversation, Id } from '$lib/api/types';
import { t } from '$lib/i18n/i18n.svelte';
import { errorText } from '$lib/kit/errors';
import { toasts } from '$lib/kit/toasts.svelte';
import { workspace } from './workspace.svelte';

/** Goes to a conversation. */
export type Go = (id: Id) => void;

/** Runs an act that ends at a conversation, and says if it was refused. */
async function ending(send: () => Promise<Conversation>, touched: Id[]): Promise<Conversation | null> {
	try {
		const now = await send();
		workspace.put(now);
		workspace.touch([...touched, now.id]);
		return now;
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		toasts.show(errorText(error), { kind: 'failed' });
		workspace.touch(touched);
		return null;
	}
}

/** Merges a conversation into another one and goes there; refusals are thrown. */
export async function merge(
	source: Pick<Conversation, 'id' | 'version'>,
	into: Id,
	twoCustomers: boolean,
	go: Go
): Promise<void> {
	const now = await post<Conversation>(`/conversations/${source.id}/merge`, { into, two_customers: twoCustomers });
	workspace.touch([source.id, now.id]);
	go(now.id);
	toasts.show(t('settings.thread_mergedInto', { number: now.id }), {
		kind: 'done',
		undo: () => void unmerge(source.id, go)
	});
}

/** Takes a conversation out of the one it was merged into, and goes to it. */
export async function unmerge(id: Id, go: Go): Promise<void> {
	const from = workspace.thread?.head?.id;
	const now = await ending(() => call<Conversation>('DELETE', `/conversations/${id}/merge`), from ? [from] : []);
	if (!now) return;
	toasts.show(t('settings.thread_unmerged'), { kind: 'done' });
	go(now.id);
}

/** Begins a new conversation with a message and all after it, and goes there. */
export async function split(conversation: Conversation, message: Id, go: Go): Promise<void> {
	const now = await ending(
		() => post<Conversation>(`/conversations/${conversation.id}/split`, { message }),
		[conversation.id]
	);
	if (!now) return;
	go(now.id);
	toasts.show(t('settings.thread_splitOff', { number: now.id }), {
		kind: 'done',
		undo: () => void unsplit(now.id, go)
	});
}

async function unsplit(id: Id, go: Go): Promise<void> {
	const now = await ending(() => call<Conversation>('DELETE', `/conversations/${id}/split`), [id]);
	if (now) go(now.id);
}

/** Says that two conversations are not related, or that they are. */
export async function relate(id: Id, other: Id, related: boolean): Promise<void> {
	try {
		await call(related ? 'PUT' : 'DELETE', `/conversations/${id}/links/${other}`);
		if (!related) {
			toasts.show(t('settings.thread_notRelatedDone'), { kind: 'done', undo: () => void relate(id, other, true) });
		}
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		toasts.show(errorText(error), { kind: 'failed' });
	}
	workspace.touch([id, other]);
}
