// One conversation as it is open: its head, its messages and what happened to it, oldest first, kept
// true by reading what is new whenever an event names it.
import { ApiError, get } from '$lib/api/client';
import type { ConversationDetail, Id, Message, Page } from '$lib/api/types';
import type { LogEvent } from '$lib/live/frames';

const pageSize = 30;

/** Oldest first; ids break ties. */
function byTime(a: { at: string; id: Id }, b: { at: string; id: Id }): number {
	return Date.parse(a.at) - Date.parse(b.at) || Number(BigInt(a.id) - BigInt(b.id));
}

export class Thread {
	readonly id: Id;
	head = $state.raw<ConversationDetail | null>(null);
	messages = $state.raw<readonly Message[]>([]);
	events = $state.raw<readonly LogEvent[]>([]);
	loading = $state(false);
	error = $state.raw<ApiError | null>(null);
	/** messages older than the first one shown */
	older = $state(0);
	/** newest message when the conversation was opened: the "New" line stands behind it */
	seenUntil: Id | null = null;
	#older: string | null = null;
	#stale = false;

	constructor(id: Id) {
		this.id = id;
	}

	/** Newest message that is not the reader's own, for the check before sending. */
	get newest(): Id | null {
		return this.messages.at(-1)?.id ?? null;
	}

	/** Reads head, the newest messages and events. Calls while one is under way are folded into one. */
	async load(): Promise<void> {
		if (this.loading) {
			this.#stale = true;
			return;
		}
		this.loading = true;
		try {
			do {
				this.#stale = false;
				await this.#read();
			} while (this.#stale);
			this.error = null;
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			this.error = error;
		} finally {
			this.loading = false;
		}
	}

	async #read(): Promise<void> {
		const [head, page, events] = await Promise.all([
			get<ConversationDetail>(`/conversations/${this.id}`),
			get<Page<Message>>(`/conversations/${this.id}/messages`, { limit: pageSize }),
			get<Page<LogEvent>>(`/conversations/${this.id}/events`, { limit: 100 })
		]);
		const first = this.head === null;
		this.#merge(page.items);
		if (first) {
			this.#older = page.next;
			this.seenUntil = head.unread ? null : (this.messages.at(-1)?.id ?? null);
		}
		this.head = head;
		this.events = [...events.items].reverse();
		this.#count();
	}

	/** Reads the page before the oldest message shown. */
	async loadOlder(): Promise<void> {
		if (!this.#older || this.loading) return;
		this.loading = true;
		try {
			const page = await get<Page<Message>>(`/conversations/${this.id}/messages`, {
				limit: pageSize,
				cursor: this.#older
			});
			this.#older = page.next;
			this.#merge(page.items);
			this.#count();
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			this.error = error;
		} finally {
			this.loading = false;
		}
	}

	/** Puts a message the server just answered with into its place. */
	put(message: Message): void {
		this.#merge([message]);
	}

	#merge(items: readonly Message[]): void {
		const known = new Map(this.messages.map((each) => [each.id, each]));
		for (const each of items) known.set(each.id, each);
		this.messages = [...known.values()].sort(byTime);
	}

	#count(): void {
		this.older = this.#older ? Math.max(1, (this.head?.messages ?? 0) - this.messages.length) : 0;
	}
}
