// One list of conversations: the pages of a view that were read, kept true by events. Which
// conversations belong to the view, and their order, is the server's word alone: changed ones are
// asked for by id under the view's own filter, and those it leaves out leave the list. Readings run
// one after the other, so that an older answer never covers a newer one.
import { ApiError, get } from '$lib/api/client';
import type { Conversation, Id, Page } from '$lib/api/types';

export const sorts = ['due', 'newest', 'oldest', 'waiting'] as const;
export type Sort = (typeof sorts)[number];

/** What makes a list: the query of GET /conversations. */
export interface ListQuery {
	view: string;
	sort: Sort;
	shop?: string;
	state?: string;
	assignee?: string;
	tag?: string;
	q?: string;
}

const pageSize = 50;
/** More changed conversations than this are read as a fresh first page. */
const mostByID = 100;
/** A refused reading of changed conversations is tried again after this time, then twice as long. */
const firstRetry = 2_000;
const longestRetry = 60_000;

/** Sorts as the server does; ties by id, so that the order is total. */
export function comparer(sort: Sort): (a: Conversation, b: Conversation) => number {
	const time = (value: string | null) => (value ? Date.parse(value) : NaN);
	const byId = (a: Conversation, b: Conversation) => Number(BigInt(a.id) - BigInt(b.id));
	switch (sort) {
		case 'newest':
			return (a, b) => time(b.last_at) - time(a.last_at) || byId(b, a);
		case 'oldest':
			return (a, b) => time(a.last_at) - time(b.last_at) || byId(a, b);
		case 'waiting':
			return (a, b) => last(time(a.waiting_since), time(b.waiting_since)) || byId(a, b);
		case 'due':
			return (a, b) =>
				last(time(a.due_at), time(b.due_at)) || (a.due_at ? 0 : time(b.last_at) - time(a.last_at)) || byId(a, b);
	}
}

/** Compares two times of which those that are missing come last. */
function last(a: number, b: number): number {
	if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
	return Number.isNaN(b) ? -1 : a - b;
}

export class ConversationList {
	readonly query: ListQuery;
	rows = $state.raw<ReadonlyMap<Id, Conversation>>(new Map());
	order = $state.raw<readonly Id[]>([]);
	/** ids that arrived while the list was held still */
	held = $state.raw<ReadonlySet<Id>>(new Set());
	loading = $state(false);
	/** milliseconds of the last complete reading; 0 before the first */
	loadedAt = $state(0);
	error = $state.raw<ApiError | null>(null);
	/** how far the list is scrolled, kept while another one is shown */
	top = 0;
	#next = $state<string | null>(null);
	#hold = false;
	#changed = new Set<Id>();
	#reading: Promise<void> = Promise.resolve();
	#readings = 0;
	#refreshing = false;
	/** the first page must be read (again) */
	#unread = true;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#tries = 0;
	/** where rows stood that have left, so that "next" goes on from there */
	#stood = new Map<Id, number>();

	constructor(query: ListQuery) {
		this.query = query;
	}

	get more(): boolean {
		return this.#next !== null;
	}

	/** Reads the first page; what was shown stays until the answer is there. */
	load(): Promise<void> {
		this.#unread = true;
		return this.#read(async () => {
			this.#changed.clear(); // what changed until now is in the answer
			const page = await this.#page(null);
			this.#next = page.next;
			this.#show(new Map(page.items.map((each) => [each.id, each])), this.loadedAt > 0);
			this.loadedAt = Date.now();
			this.#unread = false;
		});
	}

	/** Reads the next page, if there is one and none is under way. */
	async loadMore(): Promise<void> {
		if (!this.#next || this.loading) return;
		await this.#read(async () => {
			const page = await this.#page(this.#next);
			const rows = new Map(this.rows);
			for (const each of page.items) rows.set(each.id, each);
			this.#next = page.next;
			this.#show(rows, false);
		});
	}

	/** Reads on until the end, or until there are so many rows. */
	async loadAll(most = 5_000): Promise<void> {
		while (this.more && this.order.length < most) {
			await this.loadMore();
			if (this.error) return;
		}
	}

	/** Runs a reading after those before it; a refusal is kept in error. */
	#read(run: () => Promise<void>): Promise<void> {
		this.loading = true;
		this.#readings++;
		const mine = this.#reading.then(async () => {
			clearTimeout(this.#retry);
			try {
				await run();
				this.error = null;
				this.#tries = 0;
			} catch (error) {
				if (!(error instanceof ApiError)) throw error;
				this.error = error;
				if (error.status !== 403) this.#tryLater();
			} finally {
				if (--this.#readings === 0) this.loading = false;
			}
		});
		this.#reading = mine.catch(() => undefined);
		return mine;
	}

	#page(cursor: string | null): Promise<Page<Conversation>> {
		return get<Page<Conversation>>('/conversations', { ...this.query, cursor, limit: pageSize });
	}

	/** Notes that conversations changed, without reading them: for a list that is not shown. */
	mark(ids: Iterable<Id>): void {
		for (const id of ids) this.#changed.add(id);
	}

	/** Says that conversations changed; they are read again together, soon. */
	touch(ids: Iterable<Id>): void {
		this.mark(ids);
		void this.refresh();
	}

	/** Reads what is known to be out of date; after a failure it is still known. */
	async refresh(): Promise<void> {
		if (this.#refreshing) return;
		this.#refreshing = true;
		try {
			while (this.#unread || this.#changed.size > 0) {
				if (this.#unread || this.#changed.size > mostByID) await this.load();
				else await this.#read(() => this.#readChanged());
				if (this.error) break;
			}
		} finally {
			this.#refreshing = false;
		}
	}

	#tryLater(): void {
		const wait = Math.min(longestRetry, firstRetry * 2 ** this.#tries++);
		clearTimeout(this.#retry);
		this.#retry = setTimeout(() => {
			if (this.#unread || this.#changed.size > 0) void this.refresh();
			else void this.loadMore();
		}, wait);
	}

	/** No reading is tried again by itself from now on. */
	stop(): void {
		clearTimeout(this.#retry);
	}

	async #readChanged(): Promise<void> {
		const ids = [...this.#changed];
		this.#changed.clear();
		try {
			const query = { ...this.query, ids: ids.join(','), limit: 200 };
			const page = await get<Page<Conversation>>('/conversations', query);
			this.#settle(ids, page.items);
		} catch (error) {
			this.mark(ids);
			throw error;
		}
	}

	/** Applies what the server said of changed conversations. */
	#settle(asked: Id[], found: Conversation[]): void {
		const rows = new Map(this.rows);
		const here = new Set(found.map((each) => each.id));
		for (const id of asked) if (!here.has(id)) rows.delete(id);
		const end = this.#end();
		const compare = comparer(this.query.sort);
		for (const each of found) {
			// Behind the last page that was read: it comes with its page.
			if (!rows.has(each.id) && this.more && end && compare(each, end) > 0) continue;
			rows.set(each.id, each);
		}
		this.#show(rows, true);
	}

	#end(): Conversation | undefined {
		const id = this.order.at(-1);
		return id === undefined ? undefined : this.rows.get(id);
	}

	/**
	 * Shows rows. While the list is held, rows on the screen keep their places; new ones wait behind the
	 * pill if they arrived, or follow at the end if they are a further page.
	 */
	#show(rows: ReadonlyMap<Id, Conversation>, arrived: boolean): void {
		for (const [index, id] of this.order.entries()) if (!rows.has(id)) this.#stood.set(id, index);
		this.rows = rows;
		if (!this.#hold || this.loadedAt === 0) {
			this.release();
			return;
		}
		const kept = this.order.filter((id) => rows.has(id));
		const placed = new Set(kept);
		const fresh = [...rows.keys()].filter((id) => !placed.has(id));
		const waiting = arrived ? fresh : fresh.filter((id) => this.held.has(id));
		const further = arrived ? [] : fresh.filter((id) => !this.held.has(id));
		this.held = new Set(waiting);
		this.order = [...kept, ...this.#sorted(further)];
	}

	#sorted(ids: Id[]): Id[] {
		return ids
			.map((id) => this.rows.get(id))
			.filter((each) => each !== undefined)
			.sort(comparer(this.query.sort))
			.map((each) => each.id);
	}

	/** Holds the rows still (pointer over the list, or keyboard focus in it), or lets them move. */
	hold(still: boolean): void {
		if (this.#hold === still) return;
		this.#hold = still;
		if (!still) this.release();
	}

	/** Shows what was held back and sorts again. */
	release(): void {
		if (this.held.size > 0) this.held = new Set();
		const order = this.#sorted([...this.rows.keys()]);
		if (order.length !== this.order.length || order.some((id, index) => id !== this.order[index])) this.order = order;
	}

	/** Puts a conversation the server just answered with, or an optimistic change, into its row. */
	put(conversation: Conversation): void {
		if (!this.rows.has(conversation.id)) return;
		this.rows = new Map(this.rows).set(conversation.id, conversation);
	}

	/** The row after or before another one in the order shown, also if that one has left the list. */
	neighbour(id: Id | null, step: 1 | -1): Id | null {
		if (id === null) return (step === 1 ? this.order[0] : this.order.at(-1)) ?? null;
		const at = this.order.indexOf(id);
		if (at >= 0) return this.order[at + step] ?? null;
		const stood = this.#stood.get(id);
		if (stood === undefined) return this.order[0] ?? null;
		return this.order[step === 1 ? stood : stood - 1] ?? null;
	}
}
