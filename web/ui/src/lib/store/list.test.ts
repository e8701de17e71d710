// A list against a far side that answers as the server does: filters, sorts, pages, picks by id.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Conversation } from '$lib/api/types';
import { comparer, ConversationList, type Sort } from './list.svelte';

function conversation(id: number, change: Partial<Conversation> = {}): Conversation {
	return {
		id: String(id),
		shop: '1',
		connection: '1',
		channel: 'email',
		kind: 'message',
		subject: `subject ${id}`,
		contact: { id: '1', name: 'Ann', address: 'ann@mail.example' },
		state: 'open',
		closed_reason: '',
		status: null,
		assignee: '1',
		assigned_at: null,
		assign_reason: null,
		tags: [],
		preview: { text: '', author: null, direction: 'in' },
		messages: 1,
		has_attachments: false,
		unread: false,
		draft: false,
		last_at: minute(id),
		waiting_since: null,
		due_at: minute(id),
		snoozed_until: null,
		created_at: minute(0),
		unverified: false,
		version: 1,
		...change
	};
}

function minute(count: number): string {
	return new Date(Date.UTC(2026, 0, 5, 9, count)).toISOString();
}

/** What the far side has; closed ones are in no view. */
let there: Map<string, Conversation>;
let asked: URL[];
let refuse: number;

function put(...conversations: Conversation[]) {
	for (const each of conversations) there.set(each.id, each);
}

beforeEach(() => {
	[there, asked, refuse] = [new Map(), [], 0];
	vi.stubGlobal('fetch', async (address: string) => {
		const url = new URL(address, 'http://deskbell.test');
		asked.push(url);
		if (refuse > 0) {
			refuse--;
			return new Response(JSON.stringify({ code: 'unavailable', detail: 'busy' }), {
				status: 503,
				headers: { 'Content-Type': 'application/problem+json' }
			});
		}
		const ids = url.searchParams.get('ids')?.split(',');
		const at = Number(url.searchParams.get('cursor') ?? 0);
		const limit = Number(url.searchParams.get('limit'));
		const rows = [...there.values()]
			.filter((each) => each.state !== 'closed' && (!ids || ids.includes(each.id)))
			.sort(comparer((url.searchParams.get('sort') ?? 'due') as Sort));
		const next = at + limit < rows.length ? String(at + limit) : null;
		return new Response(JSON.stringify({ items: rows.slice(at, at + limit), next }));
	});
});

afterEach(() => {
	vi.unstubAllGlobals();
	vi.useRealTimers();
});

const list = (sort: Sort = 'due') => new ConversationList({ view: 'mine', sort });
const byIds = () => asked.filter((url) => url.searchParams.has('ids'));

describe('comparer', () => {
	it('puts what is due first, then the newest of what is not', () => {
		const rows = [
			conversation(1, { due_at: null, last_at: minute(1) }),
			conversation(2, { due_at: null, last_at: minute(5) }),
			conversation(3, { due_at: minute(9) }),
			conversation(4, { due_at: minute(2) })
		];
		expect(rows.sort(comparer('due')).map((each) => each.id)).toEqual(['4', '3', '2', '1']);
	});

	it('breaks ties by number, not by text', () => {
		const rows = [conversation(10, { last_at: minute(0) }), conversation(9, { last_at: minute(0) })];
		expect(rows.sort(comparer('oldest')).map((each) => each.id)).toEqual(['9', '10']);
		expect(rows.sort(comparer('newest')).map((each) => each.id)).toEqual(['10', '9']);
	});
});

describe('ConversationList', () => {
	it('asks for changed conversations by id and obeys the answer', async () => {
		put(conversation(1), conversation(2), conversation(3));
		const rows = list();
		await rows.load();
		put(conversation(2, { state: 'closed' }), conversation(4), conversation(3, { subject: 'new words' }));
		rows.mark(['2', '3', '4']);
		await rows.refresh();
		expect(byIds().map((url) => url.searchParams.get('ids'))).toEqual(['2,3,4']);
		expect(rows.order).toEqual(['1', '3', '4']);
		expect(rows.rows.get('3')?.subject).toBe('new words');
	});

	it('keeps what is behind the last page it read for that page', async () => {
		put(...Array.from({ length: 60 }, (_, index) => conversation(index + 1)));
		const rows = list();
		await rows.load();
		expect(rows.order).toHaveLength(50);
		put(conversation(99), conversation(100, { due_at: minute(0) }));
		rows.mark(['99', '100']);
		await rows.refresh();
		expect(rows.order[0]).toBe('100');
		expect(rows.order).not.toContain('99');
		await rows.loadAll();
		expect(rows.order.at(-1)).toBe('99');
		expect(new Set(rows.order).size).toBe(rows.order.length);
	});

	it('holds still: what arrives waits, what is there keeps its place', async () => {
		put(conversation(2), conversation(3));
		const rows = list();
		await rows.load();
		rows.hold(true);
		put(conversation(1), conversation(3, { due_at: minute(0) }));
		rows.mark(['1', '3']);
		await rows.refresh();
		expect(rows.order).toEqual(['2', '3']);
		expect([...rows.held]).toEqual(['1']);
		rows.release();
		expect(rows.order).toEqual(['3', '1', '2']);
		expect(rows.held.size).toBe(0);
	});

	it('lets rows move again when nobody holds it', async () => {
		put(conversation(2));
		const rows = list();
		await rows.load();
		rows.hold(true);
		put(conversation(1));
		rows.mark(['1']);
		await rows.refresh();
		rows.hold(false);
		expect(rows.order).toEqual(['1', '2']);
	});

	it('shows further pages also while it is held', async () => {
		put(...Array.from({ length: 60 }, (_, index) => conversation(index + 1)));
		const rows = list();
		await rows.load();
		rows.hold(true);
		await rows.loadMore();
		expect(rows.order).toHaveLength(60);
		expect(rows.held.size).toBe(0);
	});

	it('forgets nothing when the server is busy', async () => {
		vi.useFakeTimers();
		put(conversation(1));
		const rows = list();
		await rows.load();
		put(conversation(2));
		refuse = 1;
		rows.mark(['2']);
		await rows.refresh();
		expect(rows.error?.code).toBe('unavailable');
		expect(rows.order).toEqual(['1']);
		await vi.advanceTimersByTimeAsync(2_000);
		expect(rows.order).toEqual(['1', '2']);
		expect(rows.error).toBeNull();
	});

	it('reads the first page again when very much changed', async () => {
		put(conversation(1));
		const rows = list();
		await rows.load();
		const many = Array.from({ length: 150 }, (_, index) => conversation(index + 2));
		put(...many);
		rows.mark(many.map((each) => each.id));
		await rows.refresh();
		expect(byIds()).toEqual([]);
		expect(rows.order).toHaveLength(50);
		expect(rows.more).toBe(true);
	});

	it('knows the neighbour of a row that has left', async () => {
		put(conversation(1), conversation(2), conversation(3));
		const rows = list();
		await rows.load();
		put(conversation(2, { state: 'closed' }));
		rows.mark(['2']);
		await rows.refresh();
		expect(rows.neighbour('2', 1)).toBe('3');
		expect(rows.neighbour('2', -1)).toBe('1');
		expect(rows.neighbour(null, 1)).toBe('1');
		expect(rows.neighbour('3', 1)).toBeNull();
	});

	it('never lets an older answer cover a newer one', async () => {
		put(conversation(1));
		const rows = list();
		const first = rows.load();
		put(conversation(1, { subject: 'newer' }));
		rows.mark(['1']);
		await Promise.all([first, rows.refresh()]);
		expect(rows.rows.get('1')?.subject).toBe('newer');
	});
});
