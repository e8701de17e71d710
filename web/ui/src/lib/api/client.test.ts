import { afterEach, expect, it, vi } from 'vitest';
import { address, all, ApiError, call, newKey, onSessionEnd, post } from './client';

interface Seen {
	url: string;
	init: RequestInit;
}

/** Answers the calls one after the other, as a server would, and keeps what was asked. */
function answers(...responses: (Response | Error)[]): Seen[] {
	const seen: Seen[] = [];
	vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
		seen.push({ url, init });
		const next = responses.shift();
		if (!next) throw new Error('one call too many');
		if (next instanceof Error) throw next;
		return next;
	});
	return seen;
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
	new Response(JSON.stringify(body), {
		status,
		headers: { 'Content-Type': status > 399 ? 'application/problem+json' : 'application/json', ...headers }
	});

const refused = async (promise: Promise<unknown>): Promise<ApiError> => {
	const error = await promise.then(
		() => null,
		(reason: unknown) => reason
	);
	expect(error).toBeInstanceOf(ApiError);
	return error as ApiError;
};

afterEach(() => {
	vi.unstubAllGlobals();
	onSessionEnd(null);
});

it('sends JSON with its key and version', async () => {
	const seen = answers(json(201, { id: '7' }));
	await expect(post('/tags', { name: 'vip' }, { key: 'k1', version: 12 })).resolves.toEqual({ id: '7' });
	const headers = seen[0]?.init.headers as Headers;
	expect(seen[0]?.url).toBe('/api/v1/tags');
	expect(seen[0]?.init.body).toBe('{"name":"vip"}');
	expect(headers.get('Idempotency-Key')).toBe('k1');
	expect(headers.get('If-Match')).toBe('"12"');
});

it('leaves empty parts out of an address', () => {
	expect(address('/conversations', { view: 'mine', q: '', cursor: null, limit: 50, unread: false })).toBe(
		'/api/v1/conversations?view=mine&limit=50&unread=false'
	);
});

it('returns nothing for 204', async () => {
	answers(new Response(null, { status: 204 }));
	await expect(call('DELETE', '/tags/7')).resolves.toBeUndefined();
});

it('turns a problem into its code, fields and waiting time', async () => {
	answers(
		json(422, { code: 'invalid', detail: 'no', errors: [{ location: 'body.name', message: 'is empty' }] }),
		json(429, { code: 'limited', detail: 'slow down' }, { 'Retry-After': '30' }),
		json(409, { code: 'conflict', detail: 'newer', current: { version: 4 } }),
		new Response('<html>bad gateway</html>', { status: 502, headers: { 'Content-Type': 'text/html' } })
	);
	const invalid = await refused(call('POST', '/tags'));
	expect([invalid.code, invalid.field('name'), invalid.field('color')]).toEqual(['invalid', 'is empty', '']);
	expect((await refused(call('POST', '/session', { open: true }))).retryAfter).toBe(30);
	expect((await refused(call('PUT', '/x'))).current).toEqual({ version: 4 });
	expect((await refused(call('GET', '/x'))).code).toBe('unavailable');
});

it('says offline when no answer comes', async () => {
	answers(new TypeError('Failed to fetch'));
	const error = await refused(call('GET', '/me'));
	expect([error.status, error.code]).toEqual([0, 'offline']);
});

it('waits for a new sign-in and repeats the call', async () => {
	const seen = answers(json(401, { code: 'unauthenticated' }), json(200, { ok: true }));
	const ask = vi.fn(async () => true);
	onSessionEnd(ask);
	await expect(post('/notes', { text: 'hello' }, { key: 'k' })).resolves.toEqual({ ok: true });
	expect(ask).toHaveBeenCalledTimes(1);
	expect(seen.map(({ init }) => init.body)).toEqual(['{"text":"hello"}', '{"text":"hello"}']);
});

it('gives up when nobody signs in, and never asks during sign-in', async () => {
	answers(json(401, { code: 'unauthenticated' }), json(401, { code: 'invalid_credentials' }));
	const ask = vi.fn(async () => false);
	onSessionEnd(ask);
	expect((await refused(call('GET', '/me'))).code).toBe('unauthenticated');
	expect((await refused(call('POST', '/session', { open: true }))).code).toBe('invalid_credentials');
	expect(ask).toHaveBeenCalledTimes(1);
});

it('reads a list to its end', async () => {
	const seen = answers(json(200, { items: [1, 2], next: 'c2' }), json(200, { items: [3], next: null }));
	await expect(all('/shops')).resolves.toEqual([1, 2, 3]);
	expect(seen[1]?.url).toBe('/api/v1/shops?limit=200&cursor=c2');
});

it('draws keys that differ', () => {
	expect(newKey()).toMatch(/^[0-9a-f]{32}$/);
	expect(newKey()).not.toBe(newKey());
});
