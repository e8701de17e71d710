// What is due of a conversation, and how urgent it is: the first thing a row says.
import type { Conversation } from '$lib/api/types';
import type { Key } from '$lib/i18n/i18n.svelte';

export interface Due {
	kind: 'overdue' | 'soon' | 'later' | 'snoozed' | 'waiting';
	/** the moment it is about, RFC 3339 */
	at: string;
	words: Key;
	/** the same for a row, where the icon and its colour say the rest */
	short: Key;
}

/** Answers due within this time are marked. */
const soon = 2 * 60 * 60 * 1000;

/** What the due chip of a conversation says; null if nothing waits. */
export function dueOf(conversation: Conversation, now: number): Due | null {
	if (conversation.state === 'snoozed' && conversation.snoozed_until) {
		return { kind: 'snoozed', at: conversation.snoozed_until, words: 'inbox.dueSnoozed', short: 'inbox.dueSnoozed' };
	}
	if (conversation.due_at) {
		const left = Date.parse(conversation.due_at) - now;
		const kind = left < 0 ? 'overdue' : left < soon ? 'soon' : 'later';
		const late = kind === 'overdue';
		return {
			kind,
			at: conversation.due_at,
			words: late ? 'inbox.dueOverdue' : 'inbox.dueAnswer',
			short: late ? 'inbox.dueOverdueShort' : 'inbox.dueAnswerShort'
		};
	}
	if (conversation.waiting_since) {
		return {
			kind: 'waiting',
			at: conversation.waiting_since,
			words: 'inbox.dueWaiting',
			short: 'inbox.dueWaitingShort'
		};
	}
	return null;
}
