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
	lines: Line[];
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
	for (const { entry } of placed) {
		const before = entries.at(-1);
		if (before && !before.message && !entry.message) before.lines.push(...entry.lines);
		else entries.push(entry);
	}
	return entries;
}
