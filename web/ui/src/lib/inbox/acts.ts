// What can be done to conversations: each act is shown at once, confirmed by the server, and taken
// back visibly if it is refused. The ones that can be undone say so for ten seconds.
import { ApiError, call, post, put } from '$lib/api/client';
import type { Conversation, ConversationState, Id } from '$lib/api/types';
import { t } from '$lib/i18n/i18n.svelte';
import { errorText } from '$lib/kit/errors';
import { toasts } from '$lib/kit/toasts.svelte';
import { directory } from '$lib/store/directory.svelte';
import { workspace } from './workspace.svelte';

interface Act {
	conversation: Conversation;
	/** how it looks at once */
	change: Partial<Conversation>;
	send: () => Promise<Conversation>;
	/** what the toast says; "" for no toast */
	text: string;
	/** the way back, from what it is afterwards */
	undo?: (now: Conversation) => void;
}

async function act({ conversation, change, send, text, undo }: Act): Promise<boolean> {
	workspace.put({ ...conversation, ...change });
	try {
		const now = await send();
		workspace.put(now);
		workspace.touch([now.id]);
		if (text) toasts.show(text, { kind: 'done', undo: undo && (() => undo(now)) });
		return true;
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		workspace.put(conversation);
		workspace.touch([conversation.id]); // it may be another by now
		toasts.show(errorText(error), {
			kind: 'failed',
			action: retryable(error)
				? {
						label: t('common.retry'),
						run: () => void act({ conversation, change, send, text, undo })
					}
				: undefined
		});
		return false;
	}
}

function retryable(error: ApiError): boolean {
	return error.status === 0 || error.status >= 429;
}

/** Gives a conversation to somebody, or to nobody. */
export function assign(conversation: Conversation, user: Id | null, way: 'there' | 'back' = 'there'): Promise<boolean> {
	const before = conversation.assignee;
	if (before === user) return Promise.resolve(true);
	const text = user ? t('inbox.assignedTo', { name: directory.userName(user) }) : t('inbox.unassigned');
	return act({
		conversation,
		change: { assignee: user },
		send: () => put<Conversation>(`/conversations/${conversation.id}/assignee`, { user }),
		text,
		undo: way === 'there' ? (now) => void assign(now, before, 'back') : undefined
	});
}

const stateTexts = {
	open: 'inbox.opened',
	pending: 'inbox.madePending',
	snoozed: 'inbox.snoozed',
	closed: 'inbox.closed'
} as const;

interface StateOptions {
	/** for snoozed */
	until?: string;
	/** for closed */
	reason?: 'done' | 'spam';
}

/** What leads back to the state a conversation is in. */
function stateOf(conversation: Conversation): StateOptions & { state: ConversationState } {
	const { state, snoozed_until: until, closed_reason: reason } = conversation;
	if (state === 'snoozed' && until) return Date.parse(until) > Date.now() ? { state, until } : { state: 'open' };
	if (state === 'closed') return { state, reason: reason === 'spam' ? 'spam' : 'done' };
	return { state };
}

/** Moves a conversation to a state. */
export function setState(
	conversation: Conversation,
	state: ConversationState,
	options: StateOptions = {},
	way: 'there' | 'back' = 'there'
): Promise<boolean> {
	const { state: before, ...back } = stateOf(conversation);
	return act({
		conversation,
		change: { state, snoozed_until: options.until ?? null, closed_reason: options.reason ?? '' },
		send: () => put<Conversation>(`/conversations/${conversation.id}/state`, { state, ...options }),
		text: t(options.reason === 'spam' ? 'inbox.markedSpam' : stateTexts[state]),
		undo: way === 'there' ? (now) => void setState(now, before, back, 'back') : undefined
	});
}

/** Puts a tag on a conversation or takes it off. */
export function tag(
	conversation: Conversation,
	id: Id,
	on: boolean,
	way: 'there' | 'back' = 'there'
): Promise<boolean> {
	const tags = on ? [...conversation.tags, id] : conversation.tags.filter((each) => each !== id);
	return act({
		conversation,
		change: { tags },
		send: async () => {
			const path = `/conversations/${conversation.id}/tags/${id}`;
			const now = await call<Conversation | undefined>(on ? 'PUT' : 'DELETE', path);
			return now ?? { ...conversation, tags };
		},
		text: t(on ? 'inbox.tagAdded' : 'inbox.tagRemoved', { tag: directory.tagName(id) }),
		undo: way === 'there' ? (now) => void tag(now, id, !on, 'back') : undefined
	});
}

/** Names a conversation anew. */
export function rename(conversation: Conversation, subject: string, way: 'there' | 'back' = 'there'): Promise<boolean> {
	const before = conversation.subject;
	if (before === subject) return Promise.resolve(true);
	return act({
		conversation,
		change: { subject },
		send: () => put<Conversation>(`/conversations/${conversation.id}/subject`, { subject }),
		text: t('inbox.renamed'),
		undo: way === 'there' ? (now) => void rename(now, before, 'back') : undefined
	});
}

/** Marks a conversation read or unread for this person. */
export async function markRead(conversation: Conversation, read: boolean): Promise<void> {
	workspace.put({ ...conversation, unread: !read });
	try {
		await put(`/conversations/${conversation.id}/read`, { read });
	} catch (error) {
		if (!(error instanceof ApiError)) throw error; // a mark of convenience: the next reading shows the truth
	}
	workspace.touch([conversation.id]);
}

export type BulkAct =
	| { op: 'assign'; user: Id | null }
	| { op: 'state'; state: ConversationState; until?: string; reason?: 'done' | 'spam' }
	| { op: 'tag' | 'untag'; tag: Id }
	| { op: 'read'; read: boolean };

/** Most conversations in one call. */
const bulkMost = 500;

interface BulkResult {
	done: number;
	failed: { id: Id; code: string; detail: string }[];
}

async function sendBulk(ids: Id[], body: BulkAct): Promise<BulkResult> {
	const all: BulkResult = { done: 0, failed: [] };
	for (let at = 0; at < ids.length; at += bulkMost) {
		const part = await post<BulkResult>('/conversations/bulk', { ids: ids.slice(at, at + bulkMost), ...body });
		all.done += part.done;
		all.failed.push(...part.failed);
	}
	return all;
}

/** The calls that lead back to how conversations were: those that go back alike go together. */
export function bulkWayBack(before: readonly Conversation[], body: BulkAct): { ids: Id[]; body: BulkAct }[] {
	const ways = new Map<string, { ids: Id[]; body: BulkAct }>();
	for (const each of before) {
		const back = wayBack(each, body);
		if (!back) continue;
		const name = JSON.stringify(back);
		const way = ways.get(name);
		if (way) way.ids.push(each.id);
		else ways.set(name, { ids: [each.id], body: back });
	}
	return [...ways.values()];
}

/** null if the act changed nothing. */
function wayBack(before: Conversation, body: BulkAct): BulkAct | null {
	switch (body.op) {
		case 'assign':
			return before.assignee === body.user ? null : { op: 'assign', user: before.assignee };
		case 'state':
			return { op: 'state', ...stateOf(before) };
		case 'tag':
			return before.tags.includes(body.tag) ? null : { op: 'untag', tag: body.tag };
		case 'untag':
			return before.tags.includes(body.tag) ? { op: 'tag', tag: body.tag } : null;
		case 'read':
			return before.unread === !body.read ? null : { op: 'read', read: !body.read };
	}
}

/** One act on many conversations; says how many were refused, and offers the way back for the rest. */
export async function bulk(conversations: readonly Conversation[], body: BulkAct): Promise<void> {
	const ids = conversations.map((each) => each.id);
	try {
		const { done, failed } = await sendBulk(ids, body);
		const refused = new Set(failed.map((each) => each.id));
		const back = bulkWayBack(
			conversations.filter((each) => !refused.has(each.id)),
			body
		);
		const undo = async () => {
			for (const way of back) await sendBulk(way.ids, way.body);
			workspace.touch(ids);
		};
		if (done > 0) {
			toasts.show(t('inbox.bulkDone', { count: done }), {
				kind: 'done',
				undo: () => void undo().catch((error: unknown) => toasts.show(errorText(error), { kind: 'failed' }))
			});
		}
		if (failed.length > 0) {
			toasts.show(t('inbox.bulkFailed', { count: failed.length, detail: failed[0]?.detail ?? '' }), { kind: 'failed' });
		}
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		toasts.show(errorText(error), { kind: 'failed' });
	}
	workspace.touch(ids);
}
