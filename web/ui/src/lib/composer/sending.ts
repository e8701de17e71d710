// Sends what was written: at once, or later when there is no connection; once in either case. Offers
// the way back for as long as the server holds the message.
import { ApiError, newKey, post } from '$lib/api/client';
import type { Conversation, Id, Message } from '$lib/api/types';
import { date, t } from '$lib/i18n/i18n.svelte';
import { errorText } from '$lib/kit/errors';
import { toasts } from '$lib/kit/toasts.svelte';
import { here, match, navigate } from '$lib/router/router.svelte';
import { directory } from '$lib/store/directory.svelte';
import { drafts, isEmpty, join, type Content, type Draft } from '$lib/store/drafts.svelte';
import { outgoing, passing, type Waiting } from '$lib/store/outgoing.svelte';
import { workspace } from '$lib/inbox/workspace.svelte';
import { mentioned } from './words';

export interface SendOptions {
	/** what becomes of the conversation; absent: its state stays */
	then?: 'close' | 'pending';
	/** leave at this moment instead of after the time to undo */
	sendAt?: string;
	/** send although something was added since */
	anyway?: boolean;
}

/** sent: the server has it; waits: this device has it; conflict: something was added; refused: see toast */
export type Outcome = 'sent' | 'waits' | 'conflict' | 'refused';

function bodyOf(draft: Draft, options: SendOptions): Record<string, unknown> {
	const { text, html, cc, bcc, attachments } = draft.content;
	if (draft.kind === 'note') {
		const people = [...directory.users.values()].map(({ id, name }) => ({ id, name }));
		return { text, mentions: mentioned(text, people) };
	}
	return {
		text,
		html: html || undefined,
		cc,
		bcc,
		attachments: attachments.map((each) => each.id),
		send_at: options.sendAt,
		then: options.then,
		seen: draft.seen ?? undefined,
		anyway: options.anyway || undefined
	};
}

function nameOf(conversation: Conversation): string {
	return conversation.contact.name || conversation.contact.address;
}

/** Sends a draft; it is emptied unless the answer is conflict or refused. */
export async function send(draft: Draft, conversation: Conversation, options: SendOptions): Promise<Outcome> {
	await draft.settle();
	const { content, key } = draft;
	const body = bodyOf(draft, options);
	const waiting = { key, conversation: conversation.id, kind: draft.kind, name: nameOf(conversation), body, content };
	if (outgoing.of(conversation.id).length > 0) {
		await outgoing.add(waiting); // behind those that wait
		draft.finish();
		void outgoing.flush();
		return 'waits';
	}
	try {
		const path = `/conversations/${conversation.id}/${draft.kind === 'note' ? 'notes' : 'replies'}`;
		const message = await post<Message>(path, body, { key });
		draft.finish();
		arrived(conversation, message, content);
		return 'sent';
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		if (passing(error)) {
			await outgoing.add(waiting);
			draft.finish();
			return 'waits';
		}
		if (error.code === 'conflict' && draft.kind === 'reply') return 'conflict';
		if (error.code === 'key_reused') draft.key = newKey(); // an earlier try arrived, with other words
		toasts.show(errorText(error), { kind: 'failed' });
		workspace.touch([conversation.id]);
		return 'refused';
	}
}

/** Shows a message the server took, and offers to take it back. */
function arrived(conversation: Pick<Conversation, 'id' | 'contact'>, message: Message, content: Content): void {
	const thread = workspace.thread;
	if (thread?.id === conversation.id) thread.put(message);
	workspace.touch([conversation.id]);
	if (message.direction === 'note') return;
	offerUndo(conversation.id, conversation.contact.name || conversation.contact.address, message, content);
}

/** Longer than this, a reply is not held for undo but was asked to leave later. */
const longestUndo = 60_000;

function offerUndo(conversation: Id, name: string, message: Message, content: Content): void {
	const left = message.send_at ? Date.parse(message.send_at) - Date.now() : 0;
	if (message.state === 'held') {
		toasts.show(t('inbox.heldFor', { name }), { kind: 'info' });
		return;
	}
	if (left <= 0) {
		toasts.show(t('inbox.sentTo', { name }), { kind: 'done' });
		return;
	}
	const later = left > longestUndo;
	const words = later
		? t('inbox.scheduledFor', { name, time: date(message.send_at ?? '') })
		: t('inbox.sendingTo', { name, seconds: Math.round(left / 1000) });
	toasts.show(words, {
		kind: 'done',
		lasts: later ? undefined : left,
		undo: () => void takeBack(conversation, message.id, content)
	});
}

/** Takes a reply back: its words and files are in the composer again, of the conversation it was for. */
export async function takeBack(conversation: Id, message: Id, content: Content): Promise<void> {
	try {
		const withdrawn = await post<Message>(`/messages/${message}/undo`);
		if (workspace.thread?.id === conversation) workspace.thread.put(withdrawn);
		giveBack(conversation, 'reply', content);
		goTo(conversation);
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		toasts.show(error.code === 'conflict' ? t('inbox.tooLateToUndo') : errorText(error), { kind: 'failed' });
	}
	workspace.touch([conversation]);
}

/** Puts words back into a draft, before what was begun there since. */
function giveBack(conversation: Id, kind: Draft['kind'], content: Content): void {
	const draft = drafts.of(conversation, kind);
	draft.replace(isEmpty(draft.content) ? content : join(content, draft.content));
}

/** Opens a conversation in the view that is shown, and puts the focus into its composer. */
function goTo(conversation: Id): void {
	const view = match('/inbox/:view/:conversation?', here().path)?.view ?? 'all';
	const search = here().query.toString();
	navigate(`/inbox/${view}/${conversation}${search ? `?${search}` : ''}`);
	requestAnimationFrame(() => document.getElementById('composer')?.focus());
}

/** Takes a message that waits for the connection back into its draft. */
export function withdraw(key: string): void {
	const item = outgoing.withdraw(key);
	if (!item) {
		toasts.show(t('inbox.tooLateToUndo'), { kind: 'failed' });
		return;
	}
	giveBack(item.conversation, item.kind, item.content);
	goTo(item.conversation);
}

/** What becomes of messages that waited: set once, when the program starts. */
export function followOutgoing(): void {
	outgoing.onSent = (item: Waiting, message: Message) => {
		if (workspace.thread?.id === item.conversation) workspace.thread.put(message);
		workspace.touch([item.conversation]);
		if (item.kind === 'reply') offerUndo(item.conversation, item.name, message, item.content);
	};
	outgoing.onRefused = (item, error) => {
		giveBack(item.conversation, item.kind, item.content);
		const why = error.code === 'conflict' ? t('inbox.somethingNew') : errorText(error);
		toasts.show(t('inbox.waitingRefused', { name: item.name, why }), {
			kind: 'failed',
			action: { label: t('inbox.open'), run: () => goTo(item.conversation) }
		});
	};
}
