// Messages that wait for the connection, against a far side that counts what it takes.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { emptyContent } from './drafts.svelte';
import { Outgoing, type Waiting } from './outgoing.svelte';
import { MemoryShelf } from './shelf';

let offline: boolean;
let conflict: boolean;
let taken: string[];
let shelf: MemoryShelf;
let outgoing: Outgoing;
let refused: string[];

beforeEach(async () => {
	[offline, conflict, taken, refused, shelf] = [true, false, [], [], new MemoryShelf()];
	vi.stubGlobal('fetch', async (_: string, options: RequestInit) => {
		if (offline) throw new TypeError('no network');
		if (conflict) {
			conflict = false;
			return new Response(JSON.stringify({ code: 'conflict' }), {
				status: 409,
				headers: { 'Content-Type': 'application/problem+json' }
			});
		}
		taken.push(new Headers(options.headers).get('Idempotency-Key') ?? '');
		return new Response(JSON.stringify({ id: '1' }), { status: 202 });
	});
	await begin();
});

async function begin() {
	outgoing = new Outgoing(() => Promise.resolve(shelf));
	outgoing.onRefused = (item) => refused.push(item.key);
	await outgoing.start('1');
}

afterEach(() => {
	outgoing.stop();
	vi.unstubAllGlobals();
});

function message(key: string): Omit<Waiting, 'user' | 'at'> {
	return {
		key,
		conversation: '7',
		kind: 'reply',
		name: 'Ann',
		body: { text: key },
		content: { ...emptyContent, text: key }
	};
}

describe('Outgoing', () => {
	it('sends what waited, in order and once', async () => {
		await outgoing.add(message('a'));
		await outgoing.add(message('b'));
		await outgoing.flush();
		expect(taken).toEqual([]);
		expect(outgoing.items).toHaveLength(2);
		offline = false;
		await Promise.all([outgoing.flush(), outgoing.flush()]);
		expect(taken).toEqual(['a', 'b']);
		expect(outgoing.items).toEqual([]);
	});

	it('survives a reload', async () => {
		await outgoing.add(message('a'));
		outgoing.stop();
		offline = false;
		await begin();
		expect(taken).toEqual(['a']);
		expect(await shelf.all('outgoing')).toEqual([]);
	});

	it('gives a withdrawn message back and never sends it', async () => {
		await outgoing.add(message('a'));
		expect(outgoing.withdraw('a')?.content.text).toBe('a');
		offline = false;
		await outgoing.flush();
		expect(taken).toEqual([]);
	});

	it('hands a refused message back and goes on with the next', async () => {
		await outgoing.add(message('a'));
		await outgoing.add(message('b'));
		[offline, conflict] = [false, true];
		await outgoing.flush();
		await outgoing.flush();
		expect(refused).toEqual(['a']);
		expect(taken).toEqual(['b']);
	});
});
