import { afterEach, expect, it, vi } from 'vitest';
import { call } from '$lib/api/client';
import type { Me } from '$lib/api/types';
import { session } from './session.svelte';

const me: Me = {
	id: '1',
	email: 'ann@example.test',
	name: 'Ann',
	language: 'en',
	zone: 'UTC',
	organisation: 'Example',
	roles: [{ role: 'agent', shop: '3' }],
	permissions: { 'conversation.reply': ['3', '7'], 'tag.manage': ['*'], 'shop.manage': [] },
	settings: {},
	presence: { state: 'available', since: null, until: null }
};

const answer = (status: number, body: unknown) =>
	new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

/** A server that knows one password and ends the session when told to. */
function server() {
	const state = { signedIn: true, notes: 0 };
	vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
		const path = url.replace('/api/v1', '').split('?')[0];
		if (path === '/session' && init.method === 'POST') {
			state.signedIn = (JSON.parse(String(init.body)) as { password: string }).password === 'right';
			return state.signedIn ? answer(200, me) : answer(401, { code: 'invalid_credentials' });
		}
		if (path === '/setup') return answer(200, { needed: false, organisation: 'Example' });
		if (!state.signedIn) return answer(401, { code: 'unauthenticated' });
		if (path === '/me') return answer(200, me);
		if (path === '/notes') return answer(200, { count: ++state.notes });
		return answer(200, { items: [], next: null });
	});
	return state;
}

afterEach(() => {
	session.forget();
	vi.unstubAllGlobals();
});

it('knows what the person may do where', async () => {
	server();
	await session.start();
	expect(session.stage).toBe('signed-in');
	expect(session.can('conversation.reply')).toBe(true);
	expect(session.can('conversation.reply', '7')).toBe(true);
	expect(session.can('conversation.reply', '9')).toBe(false);
	expect(session.can('tag.manage', '9')).toBe(true);
	expect(session.can('shop.manage')).toBe(false);
	expect(session.can('audit.read')).toBe(false);
	expect(session.canEverywhere('conversation.reply')).toBe(false);
});

it('asks to sign in when nobody is', async () => {
	server().signedIn = false;
	await session.start();
	expect([session.stage, session.organisation]).toEqual(['signed-out', 'Example']);
});

it('keeps the screen when the session ends and goes on after the new sign-in', async () => {
	const state = server();
	await session.start();
	state.signedIn = false;
	const writing = call<{ count: number }>('POST', '/notes', { body: { text: 'hello' } });
	await vi.waitFor(() => expect(session.expired).toBe(true));
	expect([session.stage, session.me?.name]).toEqual(['signed-in', 'Ann']);
	await expect(session.signIn('ann@example.test', 'wrong', false)).rejects.toMatchObject({
		code: 'invalid_credentials'
	});
	expect(session.expired).toBe(true);
	await session.signIn('ann@example.test', 'right', false);
	await expect(writing).resolves.toEqual({ count: 1 });
	expect(session.expired).toBe(false);
});

it('lets waiting calls fail when the person leaves', async () => {
	const state = server();
	const ended = vi.fn();
	await session.start();
	const stop = session.onEnd(ended);
	state.signedIn = false;
	const writing = call('POST', '/notes', { body: {} });
	await vi.waitFor(() => expect(session.expired).toBe(true));
	session.forget();
	await expect(writing).rejects.toMatchObject({ code: 'unauthenticated' });
	expect(ended).toHaveBeenCalledTimes(1);
	expect([session.stage, session.me]).toEqual(['signed-out', null]);
	stop();
});
