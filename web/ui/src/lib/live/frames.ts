// The frames of /api/v1/live, as the server writes them.
import type { Id, Time } from '$lib/api/types';

/** One line of the event log. Names nothing but ids, enums and numbers. */
export interface LogEvent {
	seq: number;
	/** the number sent before this one on this socket; numbers have holes, only a wrong prev is loss */
	prev: number;
	/** noun.verb in the past, such as message.received */
	kind: string;
	at: Time;
	shop: Id | null;
	conversation: Id | null;
	actor: Id | null;
	data: Record<string, unknown>;
}

/** Who looks at a conversation or writes in it; carries no number and may be lost. */
export interface PresenceFrame {
	kind: 'presence';
	conversation: Id;
	user: Id;
	state: 'viewing' | 'typing' | 'gone';
}

export type Frame =
	| { kind: 'hello'; seq: number; you: Id; version: string }
	| { kind: 'at'; seq: number }
	| { kind: 'reload'; seq: number }
	| PresenceFrame
	| { kind: 'ack'; id: string; result: unknown }
	| { kind: 'error'; id: string; problem: { code: string; detail: string; status: number } }
	| LogEvent;

export function isLogEvent(frame: Frame): frame is LogEvent {
	return 'prev' in frame;
}
