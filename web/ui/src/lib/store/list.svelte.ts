// One list of conversations: the pages of a view that were read, kept true by events. Which
// conversations belong to the view, and their order, is the server's word alone: changed ones are
// asked for by id under the view's own filter, and those it leaves out leave the list.
import { ApiError, get } from '$lib/api/client';
import type { Conversation, Id, Page } from '$lib/api/types';

export type Sort = 'due' | 'newest' | 'oldest' | 'waiting';

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
	/** the first page was read at least once; milliseconds of the last reading */
	loadedAt = $state(0);
	error = $state.raw<ApiError | null>(null);
	#next: string | null = null;
	#hold = false;
	#changed = new Set<Id>();
	#refreshing = false;

	constructor(query: ListQuery) {
		this.query = query;
	}

	get more(): boolean {
		return this.#next !== null;
	}

	/** Reads the first page; what was shown stays until the answer is there. */
	async load(): Promise<void> {
		await this.#read(async () => {
			const page = await this.#page(null);
			this.#replace(page.items);
			this.#next = page.next;
			this.held = new Set();
			this.loadedAt = Date.now();
		});
	}

	/** Reads the next page, if there is one and none is under way. */
	async loadMore(): Promise<void> {
		if (!this.#next || this.loading) return;
		await this.#read(async () => {
			const page = await this.#page(this.#next);
			this.#merge(page.items);
			this.#next = page.next;
		});
	}

	async #read(run: () => Promise<void>): Promise<void> {
		this.loading = true;
		try {
			await run();
			this.error = null;
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			this.error = error;
		} finally {
			this.loading = false;
		}
	}

	#page(cursor: string | null): Promise<Page<Conversation>> {
		return get<Page<Conversation>>('/conversations', { ...this.query, cursor, limit: pageSize });
	}

	/** Says that conversations changed; they are read again together, soon. */
	touch(ids: Iterable<Id>): void {
		for (const id of ids) this.#changed.add(id);
		void this.#refresh();
	}

	async #refresh(): Promise<void> {
		if (this.#refreshing) return;
		this.#refreshing = true;
		try {
			while (this.#changed.size > 0) {
				const ids = [...this.#changed];
				this.#changed.clear();
				if (ids.length > mostByID) {
					await this.load();
					continue;
				}
				const page = await get<Page<Conversation>>('/conversations', { ...this.query, ids: ids.join(','), limit: 200 });
				this.#settle(ids, page.items);
			}
			this.error = null;
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			this.error = error; // the next event, reconnection or visit reads again
		} finally {
			this.#refreshing = false;
		}
	}

	/** Applies what the server said of changed conversations. */
	#settle(asked: Id[], found: Conversation[]): void {
		const rows = new Map(this.rows);
		const here = new Set(found.map((each) => each.id));
		for (const id of asked) if (!here.has(id)) rows.delete(id);
		const end = this.#end();
		const held = new Set(this.held);
		const compare = comparer(this.query.sort);
		for (const each of found) {
			const fresh = !rows.has(each.id);
			// Behind the last page that was read: it comes with its page.
			if (fresh && this.more && end && compare(each, end) > 0) continue;
			if (fresh && this.#hold) held.add(each.id);
			rows.set(each.id, each);
		}
		for (const id of held) if (!rows.has(id)) held.delete(id);
		this.held = held;
		this.#show(rows);
	}

	#end(): Conversation | undefined {
		const id = this.order.at(-1);
		return id === undefined ? undefined : this.rows.get(id);
	}

	#replace(items: Conversation[]): void {
		this.#show(new Map(items.map((each) => [each.id, each])));
	}

	#merge(items: Conversation[]): void {
		const rows = new Map(this.rows);
		for (const each of items) rows.set(each.id, each);
		this.#show(rows);
	}

	/** Shows rows; while the list is held, rows on the screen keep their places. */
	#show(rows: ReadonlyMap<Id, Conversation>): void {
		this.rows = rows;
		if (this.#hold) {
			this.order = this.order.filter((id) => rows.has(id));
			const placed = new Set(this.order);
			const later = [...rows.keys()].filter((id) => !placed.has(id) && !this.held.has(id));
			if (later.length > 0) this.order = [...this.order, ...this.#sorted(later)];
			return;
		}
		this.held = new Set();
		this.order = this.#sorted([...rows.keys()]);
	}

	#sorted(ids: Id[]): Id[] {
		const compare = comparer(this.query.sort);
		return ids
			.map((id) => this.rows.get(id))
			.filter((each) => each !== undefined)
			.sort(compare)
			.map((each) => each.id);
	}

	/** Holds the rows still (pointer over the list, or keyboard focus in it), or lets them move. */
	hold(still: boolean): void {
		if (this.#hold === still) return;
		this.#hold = still;
	}

	/** Shows what was held back and sorts again. */
	release(): void {
		this.held = new Set();
		this.order = this.#sorted([...this.rows.keys()]);
	}

	/** Puts a conversation the server just answered with, or an optimistic change, into its row. */
	put(conversation: Conversation): void {
		if (!this.rows.has(conversation.id)) return;
		this.rows = new Map(this.rows).set(conversation.id, conversation);
	}

	/** The row after or before another one in the order shown. */
	neighbour(id: Id | null, step: 1 | -1): Id | null {
		if (id === null) return (step === 1 ? this.order[0] : this.order.at(-1)) ?? null;
		const at = this.order.indexOf(id);
		return at < 0 ? (this.order[0] ?? null) : (this.order[at + step] ?? null);
	}
}
