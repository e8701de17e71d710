// What a thread shows, in order of time: messages, and between them the lines of what happened.
// Pure, so that it can be tested.
import type { Message } from '$lib/api/types';
import type { LogEvent } from '$lib/live/frames';
import { eventText } from './events';

export interface Line {
	key: string;
	at: string;
	text: string;
}

/** A message, or lines that follow each other. */
export interface Entry {
	key: string;
	message?: Message;
	/** of a message: its subject, where it differs from that of the message before */
	subject?: string;
	lines: Line[];
}

/** "Re:", "AW:", "Ответ:", "回复：" and the like, however many */
const marks = /^(?:\p{L}{1,7}\s?(?:[[(]\d+[\])])?\s*[:：]\s*)+/u;

/** What a subject is about; near enough to see whether two differ. */
function about(subject: string): string {
	return subject.trim().replace(marks, '').replace(/\s+/g, ' ').toLowerCase();
}

/**
 * The entries of a thread. While older messages are not read (partial), events before the first
 * message are left out. Withdrawn replies are a line, not a message: nobody got them.
 */
export function entriesOf(messages: readonly Message[], events: readonly LogEvent[], partial: boolean): Entry[] {
	const first = messages[0] ? Date.parse(messages[0].at) : 0;
	const placed: { at: number; entry: Entry }[] = [];
	for (const message of messages) {
		if (message.state === 'withdrawn') continue;
		placed.push({ at: Date.parse(message.at), entry: { key: `m${message.id}`, message, lines: [] } });
	}
	for (const event of events) {
		const at = Date.parse(event.at);
		const text = eventText(event);
		if (!text || (partial && at < first)) continue;
		placed.push({ at, entry: { key: `e${event.seq}`, lines: [{ key: String(event.seq), at: event.at, text }] } });
	}
	placed.sort((a, b) => a.at - b.at);
	const entries: Entry[] = [];
	let subject = '';
	for (const { entry } of placed) {
		if (entry.message?.subject) {
			if (subject && about(subject) !== about(entry.message.subject)) entry.subject = entry.message.subject;
			subject = entry.message.subject;
		}
		const before = entries.at(-1);
		if (before && !before.message && !entry.message) before.lines.push(...entry.lines);
		else entries.push(entry);
	}
	return entries;
}
