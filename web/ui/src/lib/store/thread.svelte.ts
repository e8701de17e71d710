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

/** The first of the customer's messages that nobody answered yet; null if the last word is ours. */
function firstUnanswered(messages: readonly Message[]): Id | null {
	const answered = messages.findLastIndex((each) => each.direction === 'out');
	return messages.slice(answered + 1).find((each) => each.direction === 'in')?.id ?? null;
}

/** Whether messages that were shown are here no longer: the newest page lacks them, or there are too few. */
function moved(shown: readonly Message[], page: readonly Message[], count: number): boolean {
	const here = new Set(page.map((each) => each.id));
	const oldest = page.at(-1);
	const stand = shown.filter((each) => each.state !== 'withdrawn');
	return stand.length > count || stand.some((each) => !here.has(each.id) && (!oldest || byTime(each, oldest) >= 0));
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
	/** the "New" line stands above this message */
	newFrom = $state<Id | null>(null);
	/** messages of others that arrived while there was no connection; 0 once the reader knows */
	missed = $state(0);
	/** something changed since it was read */
	stale = false;
	/** the next reading ends a time without connection */
	gap = false;
	/** the reader marked it unread: looking at it does not mark it read again */
	keepUnread = $state(false);
	#older: string | null = null;
	#again = false;

	constructor(id: Id) {
		this.id = id;
	}

	/** The message added last of those on the screen: what an answer is based on. */
	get newest(): Id | null {
		let newest = 0n;
		for (const { id } of this.messages) if (BigInt(id) > newest) newest = BigInt(id);
		return newest === 0n ? null : String(newest);
	}

	/** Reads head, the newest messages and events. Calls while one is under way are folded into one. */
	async load(): Promise<void> {
		if (this.loading) {
			this.#again = true;
			return;
		}
		this.loading = true;
		try {
			do {
				this.#again = false;
				this.stale = false;
				await this.#read();
			} while (this.#again);
			this.error = null;
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			this.error = error;
			this.stale = true;
			if (error.status === 404) this.head = null; // it was moved out of the reader's sight
		} finally {
			this.loading = false;
		}
	}

	async #read(): Promise<void> {
		const before = this.messages;
		const [head, page, events] = await Promise.all([
			get<ConversationDetail>(`/conversations/${this.id}`),
			get<Page<Message>>(`/conversations/${this.id}/messages`, { limit: pageSize }),
			get<Page<LogEvent>>(`/conversations/${this.id}/events`, { limit: 100 })
		]);
		const known = new Set(this.messages.map((each) => each.id));
		if (
			this.head === null ||
			!page.items.some((each) => known.has(each.id)) ||
			moved(before, page.items, head.messages)
		) {
			// First reading, or so much arrived that the pages no longer touch, or messages moved to another
			// conversation: begin at the newest page.
			this.messages = [];
			this.#older = page.next;
		}
		this.#merge(page.items);
		if (this.head === null) this.newFrom = head.unread ? firstUnanswered(this.messages) : null;
		else this.#arrived(this.messages.filter((each) => !known.has(each.id) && each.direction !== 'out'));
		this.gap = false;
		this.head = head;
		this.events = [...events.items].reverse();
		this.#count();
	}

	#arrived(fresh: Message[]): void {
		if (fresh.length === 0) return;
		this.keepUnread = false;
		if (this.gap) this.missed += fresh.length;
		if (this.gap || !document.hasFocus()) this.newFrom ??= fresh[0]?.id ?? null;
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
		if (this.#again) await this.load();
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
