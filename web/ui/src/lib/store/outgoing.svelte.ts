// Messages written without a connection: they wait here, in order, can be withdrawn, and leave once
// each when the connection is back. The Idempotency-Key makes a second delivery harmless.
import { ApiError, post } from '$lib/api/client';
import type { Id, Message } from '$lib/api/types';
import { status } from '$lib/shell/status.svelte';
import type { Content, DraftKind } from './drafts.svelte';
import { shelf, type Shelf } from './shelf';

export interface Waiting {
	key: string;
	user: Id;
	conversation: Id;
	kind: DraftKind;
	/** to whom it goes, as the list of waiting messages says it */
	name: string;
	/** what is sent */
	body: Record<string, unknown>;
	/** what comes back when it is withdrawn or refused */
	content: Content;
	at: number;
}

/** A busy server is asked again after this time. */
const tryAgain = 15_000;

/** Whether a refusal may pass by itself. */
export function passing(error: unknown): boolean {
	return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 502);
}

export class Outgoing {
	items = $state.raw<readonly Waiting[]>([]);
	/** what becomes of a message that left, and of one that was refused */
	onSent: (item: Waiting, message: Message) => void = () => undefined;
	onRefused: (item: Waiting, error: ApiError) => void = () => undefined;
	#shelf: () => Promise<Shelf>;
	#user: Id = '';
	#flushing = false;
	#retry: ReturnType<typeof setTimeout> | undefined;

	constructor(open: () => Promise<Shelf> = shelf) {
		this.#shelf = open;
	}

	/** Takes up what this person left waiting on this device. */
	async start(user: Id): Promise<void> {
		this.#user = user;
		const kept = await (await this.#shelf()).all<Waiting>('outgoing');
		if (this.#user !== user) return;
		const mine = kept.filter((item) => item.user === user && !this.items.some((other) => other.key === item.key));
		this.#set([...this.items, ...mine].sort((a, b) => a.at - b.at));
		await this.flush();
	}

	stop(): void {
		clearTimeout(this.#retry);
		this.#user = '';
		this.#set([]);
	}

	#set(items: readonly Waiting[]): void {
		this.items = items;
		status.waiting = items.length;
	}

	/** Those of a conversation, in the order in which they will leave. */
	of(conversation: Id): Waiting[] {
		return this.items.filter((item) => item.conversation === conversation);
	}

	/** Puts a message behind those that wait. */
	async add(message: Omit<Waiting, 'user' | 'at'>): Promise<void> {
		const item: Waiting = { ...message, user: this.#user, at: Date.now() };
		this.#set([...this.items, item]);
		await (await this.#shelf()).put('outgoing', item.key, item);
		if (status.connection === 'live') this.#later();
	}

	/** Takes a waiting message back; null if it has just left. */
	withdraw(key: string): Waiting | null {
		const item = this.items.find((each) => each.key === key);
		if (!item || this.#sending === key) return null;
		this.#drop(key);
		return item;
	}

	#sending = '';

	#drop(key: string): void {
		this.#set(this.items.filter((each) => each.key !== key));
		void this.#shelf().then((place) => place.remove('outgoing', key));
	}

	#later(): void {
		clearTimeout(this.#retry);
		this.#retry = setTimeout(() => void this.flush(), tryAgain);
	}

	/** Sends what waits, in order, until one finds no connection. */
	async flush(): Promise<void> {
		if (this.#flushing || this.items.length === 0) return;
		this.#flushing = true;
		const user = this.#user;
		try {
			for (let item = this.items[0]; item && this.#user === user; item = this.items[0]) {
				this.#sending = item.key;
				const path = `/conversations/${item.conversation}/${item.kind === 'note' ? 'notes' : 'replies'}`;
				const message = await post<Message>(path, item.body, { key: item.key });
				this.#drop(item.key);
				this.onSent(item, message);
			}
		} catch (error) {
			this.#refused(error);
		} finally {
			this.#flushing = false;
			this.#sending = '';
		}
	}

	#refused(error: unknown): void {
		if (!(error instanceof ApiError)) throw error;
		if (passing(error) || error.status === 401) {
			this.#later();
			return;
		}
		const item = this.items.find((each) => each.key === this.#sending);
		if (!item) return;
		this.#drop(item.key);
		this.onRefused(item, error);
		this.#later(); // the next one may be fine
	}
}

export const outgoing = new Outgoing();
