// Drafts against a far side that keeps one draft, and a shelf that lasts as long as the test.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Drafts, emptyContent, join } from './drafts.svelte';
import { MemoryShelf } from './shelf';

let server: Record<string, unknown> | null;
let calls: string[];
let offline: boolean;
let shelf: MemoryShelf;
let drafts: Drafts;

beforeEach(async () => {
	vi.useFakeTimers();
	[server, calls, offline, shelf] = [null, [], false, new MemoryShelf()];
	vi.stubGlobal('fetch', async (_: string, options: RequestInit) => {
		if (offline) throw new TypeError('no network');
		calls.push(options.method ?? 'GET');
		if (options.method === 'PUT') {
			server = JSON.parse(String(options.body)) as Record<string, unknown>;
			return new Response(JSON.stringify(server));
		}
		if (options.method === 'DELETE') server = null;
		if (options.method === 'DELETE') return new Response(null, { status: 204 });
		if (server) return new Response(JSON.stringify(server));
		return new Response(JSON.stringify({ code: 'not_found' }), {
			status: 404,
			headers: { 'Content-Type': 'application/problem+json' }
		});
	});
	drafts = new Drafts(() => Promise.resolve(shelf));
	await drafts.start('1');
});

afterEach(() => {
	drafts.stop();
	vi.unstubAllGlobals();
	vi.useRealTimers();
});

/** The same person after a reload of the page. */
async function reloaded(user = '1'): Promise<Drafts> {
	drafts.stop();
	drafts = new Drafts(() => Promise.resolve(shelf));
	await drafts.start(user);
	return drafts;
}

const kept = () => shelf.all<{ content: { text: string }; key: string }>('drafts');

describe('a draft', () => {
	it('is on the device within 300 ms and on the server within 2 s', async () => {
		drafts.of('7', 'reply').edit({ text: 'Hel' });
		await vi.advanceTimersByTimeAsync(150);
		drafts.of('7', 'reply').edit({ text: 'Hello' });
		await vi.advanceTimersByTimeAsync(150);
		expect((await kept())[0]?.content.text).toBe('Hello');
		expect(server).toBeNull();
		await vi.advanceTimersByTimeAsync(1_700);
		expect(server).toMatchObject({ kind: 'reply', text: 'Hello' });
		expect(drafts.of('7', 'reply').saved).toBe(true);
	});

	it('is saved while somebody types without a pause', async () => {
		for (let time = 0; time < 30; time++) {
			drafts.of('7', 'reply').edit({ text: 'x'.repeat(time + 1) });
			await vi.advanceTimersByTimeAsync(100);
		}
		expect(calls.filter((each) => each === 'PUT').length).toBeGreaterThanOrEqual(1);
	});

	it('comes back after a reload, with its key, and reaches the server later', async () => {
		offline = true;
		const { key } = drafts.of('7', 'reply');
		drafts.of('7', 'reply').edit({ text: 'written without a net' });
		await vi.advanceTimersByTimeAsync(2_000);
		const again = (await reloaded()).of('7', 'reply');
		expect(again.content.text).toBe('written without a net');
		expect(again.key).toBe(key);
		offline = false;
		await vi.advanceTimersByTimeAsync(2_000);
		expect(server).toMatchObject({ text: 'written without a net' });
	});

	it('is not shown to another person on the same device', async () => {
		drafts.of('7', 'reply').edit({ text: 'mine' });
		await vi.advanceTimersByTimeAsync(300);
		expect((await reloaded('2')).of('7', 'reply').content.text).toBe('');
	});

	it('keeps reply and note apart', async () => {
		drafts.of('7', 'reply').edit({ text: 'to Ann' });
		drafts.of('7', 'note').edit({ text: 'to Ivan' });
		await vi.advanceTimersByTimeAsync(300);
		const again = await reloaded();
		expect([again.of('7', 'reply').content.text, again.of('7', 'note').content.text]).toEqual(['to Ann', 'to Ivan']);
	});

	it('is read from the server if another device wrote it', async () => {
		server = { kind: 'reply', ...emptyContent, text: 'from the telephone' };
		const draft = drafts.of('7', 'reply');
		await draft.restore();
		expect(draft.content.text).toBe('from the telephone');
		expect(draft.turn).toBe(1);
	});

	it('puts words typed while the server answers behind those from elsewhere', async () => {
		server = { kind: 'reply', ...emptyContent, text: 'from the telephone' };
		const draft = drafts.of('7', 'reply');
		const restoring = draft.restore();
		draft.edit({ text: 'typed at once' });
		await restoring;
		expect(draft.content.text).toBe('from the telephone\n\ntyped at once');
	});

	it('begins anew with another key when its message is sent', async () => {
		const draft = drafts.of('7', 'reply');
		draft.edit({ text: 'Hello' });
		await vi.advanceTimersByTimeAsync(300);
		const { key } = draft;
		draft.finish();
		await vi.advanceTimersByTimeAsync(10_000);
		expect(draft.key).not.toBe(key);
		expect(draft.content).toEqual(emptyContent);
		expect(calls).toEqual([]); // the server ended the draft when it took the message
		expect(await kept()).toEqual([]);
	});

	it('is deleted on the server when everything was deleted', async () => {
		const draft = drafts.of('7', 'reply');
		draft.edit({ text: 'Hello' });
		await vi.advanceTimersByTimeAsync(2_000);
		draft.edit({ text: '' });
		await vi.advanceTimersByTimeAsync(2_000);
		expect(calls).toEqual(['PUT', 'DELETE']);
		expect(await kept()).toEqual([]);
	});
});

describe('a draft after a reload', () => {
	it('is deleted on the server also if the device had not heard that it was saved', async () => {
		drafts.of('7', 'reply').edit({ text: 'Hello' });
		await vi.advanceTimersByTimeAsync(300); // the device has it, the server not yet
		server = { kind: 'reply', ...emptyContent, text: 'Hello' };
		const again = (await reloaded()).of('7', 'reply');
		await again.restore();
		again.edit({ text: '' });
		await vi.advanceTimersByTimeAsync(2_000);
		expect(server).toBeNull();
	});
});

describe('join', () => {
	it('keeps both texts and every file once', () => {
		const file = { id: '1', name: 'a', content_type: '', size: 1, inline: false, content_id: '' };
		const both = join(
			{ ...emptyContent, text: 'one', html: '<p>one</p>', attachments: [file] },
			{ ...emptyContent, text: 'two', html: '', attachments: [file, { ...file, id: '2' }] }
		);
		expect(both.text).toBe('one\n\ntwo');
		expect(both.html).toBe(''); // formatting of one half would hide the other
		expect(both.attachments.map((each) => each.id)).toEqual(['1', '2']);
	});
});
