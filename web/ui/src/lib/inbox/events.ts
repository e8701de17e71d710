// Words the events of a conversation that a reader cares about; messages speak for themselves.
import type { Reason } from '$lib/api/types';
import { date, t } from '$lib/i18n/i18n.svelte';
import { reasonText } from '$lib/i18n/reason';
import type { LogEvent } from '$lib/live/frames';
import { directory } from '$lib/store/directory.svelte';

function actor(event: LogEvent): string {
	return event.actor ? directory.userName(event.actor) : 'Deskbell';
}

function assigned(event: LogEvent, name: string, to: string | null): string {
	if (!to) return event.actor ? t('inbox.eventUnassigned', { name }) : t('inbox.eventQueued');
	if (!event.actor) return t('inbox.eventAutomatic', { to: directory.userName(to) });
	return to === event.actor
		? t('inbox.eventTaken', { name })
		: t('inbox.eventAssigned', { name, to: directory.userName(to) });
}

/** One line for an event; "" for one that has no line. */
export function eventText(event: LogEvent): string {
	const data = event.data;
	const name = actor(event);
	switch (event.kind) {
		case 'conversation.assigned': {
			const why = reasonText(data.reason as Reason | null);
			const to = data.to as string | null;
			const line = assigned(event, name, to);
			return why ? `${line} (${why})` : line;
		}
		case 'conversation.tagged':
			return t('inbox.eventTagged', { name, tag: directory.tagName(String(data.tag)) });
		case 'conversation.untagged':
			return t('inbox.eventUntagged', { name, tag: directory.tagName(String(data.tag)) });
		case 'conversation.closed':
			return t(data.reason === 'spam' ? 'inbox.eventSpam' : 'inbox.eventClosed', { name });
		case 'conversation.changed':
			return t('inbox.eventRenamed', { name });
		case 'conversation.merged':
			return data.from ? t('inbox.eventMerged', { name, number: String(data.from) }) : '';
		case 'conversation.unmerged':
			return data.from ? t('inbox.eventUnmerged', { name, number: String(data.from) }) : '';
		case 'conversation.split':
			return t('inbox.eventSplit', { name, number: String(data.to) });
		case 'conversation.opened':
			if ((data.reason as Reason | undefined)?.code === 'reply_undelivered') return ''; // the line of the failure says it
			return t('inbox.eventOpened', { name });
		case 'conversation.pending':
			return t('inbox.eventPending', { name });
		case 'conversation.snoozed':
			return t('inbox.eventSnoozed', { name, until: date(String(data.until ?? '')) });
		case 'message.failed': {
			const why = data.reason as Reason | undefined;
			return why?.code.startsWith('undelivered') ? t('inbox.eventUndelivered', { why: reasonText(why) }) : '';
		}
		case 'message.withdrawn':
			return t('inbox.eventWithdrawn', { name });
		default:
			return '';
	}
}
