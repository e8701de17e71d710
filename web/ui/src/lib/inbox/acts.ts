// What can be done to a conversation: each act is shown at once, confirmed by the server, and taken
// back visibly if it is refused. The ones that can be undone say so for ten seconds.
import { ApiError, post, put, remove } from '$lib/api/client';
import type { Conversation, ConversationState, Id } from '$lib/api/types';
import { t } from '$lib/i18n/i18n.svelte';
import { reasonText } from '$lib/i18n/reason';
import { toasts } from '$lib/kit/toasts.svelte';
import { directory } from '$lib/store/directory.svelte';
import { workspace } from './workspace.svelte';

/** What a person reads of a refusal. */
export function problemText(error: unknown): string {
	if (!(error instanceof ApiError)) throw error;
	return reasonText(error.reason) || error.message;
}

/** Puts what a conversation is now wherever it is shown. */
function show(conversation: Conversation): void {
	workspace.list?.put(conversation);
	const thread = workspace.thread;
	if (thread?.head && thread.id === conversation.id) thread.head = { ...thread.head, ...conversation };
}

/** Shows a change at once and sends it; refused, the conversation is as before and a toast says why. */
async function act(
	conversation: Conversation,
	change: Partial<Conversation>,
	send: () => Promise<Conversation>,
	done?: { text: string; undo: (now: Conversation) => void }
): Promise<boolean> {
	show({ ...conversation, ...change });
	try {
		const now = await send();
		show(now);
		workspace.list?.touch([now.id]);
		workspace.count();
		if (done) toasts.show(done.text, { kind: 'done', undo: () => done.undo(now) });
		return true;
	} catch (error) {
		show(conversation);
		toasts.show(problemText(error), { kind: 'failed' });
		return false;
	}
}

/** Gives a conversation to somebody, or to nobody. */
export function assign(conversation: Conversation, user: Id | null): Promise<boolean> {
	const before = conversation.assignee;
	const text = user ? t('inbox.assignedTo', { name: directory.userName(user) }) : t('inbox.unassigned');
	return act(
		conversation,
		{ assignee: user },
		() => put<Conversation>(`/conversations/${conversation.id}/assignee`, { user }),
		{ text, undo: (now) => void assign(now, before) }
	);
}

/** Moves a conversation to a state; until is for snoozed, reason for closed. */
export function setState(
	conversation: Conversation,
	state: ConversationState,
	more: { until?: string; reason?: 'done' | 'spam' } = {}
): Promise<boolean> {
	const before = conversation;
	const texts = {
		open: 'inbox.opened',
		pending: 'inbox.madePending',
		snoozed: 'inbox.snoozed',
		closed: 'inbox.closed'
	} as const;
	return act(
		conversation,
		{ state, snoozed_until: more.until ?? null },
		() => put<Conversation>(`/conversations/${conversation.id}/state`, { state, ...more }),
		{
			text: t(texts[state]),
			undo: (now) => void setState(now, before.state, before.snoozed_until ? { until: before.snoozed_until } : {})
		}
	);
}

/** Puts a tag on a conversation or takes it off. */
export function tag(conversation: Conversation, id: Id, on: boolean): Promise<boolean> {
	const tags = on ? [...conversation.tags, id] : conversation.tags.filter((each) => each !== id);
	const path = `/conversations/${conversation.id}/tags/${id}`;
	return act(conversation, { tags }, async () => {
		if (on) return put<Conversation>(path);
		await remove(path);
		return { ...conversation, tags };
	});
}

/** Marks a conversation read or unread for this person. */
export async function markRead(conversation: Conversation, read: boolean): Promise<void> {
	show({ ...conversation, unread: !read });
	await put(`/conversations/${conversation.id}/read`, { read }).catch(() => show(conversation));
	workspace.count();
}

/** One act on many conversations; says how many were refused. */
export async function bulk(ids: Id[], body: Record<string, unknown>): Promise<void> {
	try {
		const result = await post<{ done: number; failed: { id: Id; detail: string }[] }>('/conversations/bulk', {
			ids,
			...body
		});
		if (result.failed.length > 0) {
			const detail = result.failed[0]?.detail ?? '';
			toasts.show(t('inbox.bulkFailed', { count: result.failed.length, detail }), { kind: 'failed' });
		} else {
			toasts.show(t('inbox.bulkDone', { count: result.done }), { kind: 'done' });
		}
	} catch (error) {
		toasts.show(problemText(error), { kind: 'failed' });
	}
	workspace.list?.touch(ids);
	workspace.count();
}
