// Before all tests: a server with an owner, an admin and an agent, two shops and some tags. With
// DESKBELL_URL an existing server is used; DESKBELL_OWNER, DESKBELL_ADMIN and DESKBELL_AGENT then
// say "email:password".
import { request, type APIRequestContext } from '@playwright/test';
import { startServer } from './server';

export const password = 'correct horse battery';

type Json = Record<string, unknown>;

/** Sends one call and returns its answer; throws with the server's words if it is refused. */
async function send(api: APIRequestContext, method: string, path: string, data?: Json): Promise<Json> {
	const response = await api.fetch(`/api/v1${path}`, { method, data });
	if (!response.ok()) throw new Error(`${method} ${path}: ${response.status()} ${await response.text()}`);
	return response.status() === 204 ? {} : ((await response.json()) as Json);
}

async function join(owner: APIRequestContext, url: string, body: Json): Promise<string> {
	const made = await send(owner, 'POST', '/invitations', body);
	const guest = await request.newContext({ baseURL: url });
	const token = String(made.link).split('/').at(-1);
	const me = await send(guest, 'POST', `/invitations/token/${token}`, {
		name: body.name,
		password,
		language: 'en',
		zone: 'Europe/Rome'
	});
	await guest.dispose();
	return String(me.id);
}

async function fill(url: string, code: string): Promise<void> {
	const owner = await request.newContext({ baseURL: url });
	await send(owner, 'POST', '/setup', {
		code,
		organisation: 'Acme Trading',
		email: 'olga@acme.example',
		name: 'Olga Petrova',
		password,
		language: 'en',
		zone: 'Europe/Rome'
	});
	const shoes = await send(owner, 'POST', '/shops', { name: 'Blue Shoes', zone: 'Europe/Rome' });
	await send(owner, 'POST', '/shops', { name: 'Red Hats', zone: 'Europe/London' });
	await join(owner, url, { email: 'giulia@acme.example', name: 'Giulia Conti', role: 'admin' });
	const agent = await join(owner, url, {
		email: 'ivan@acme.example',
		name: 'Ivan Smirnov',
		role: 'agent',
		shops: [shoes.id]
	});
	await send(owner, 'PUT', `/shops/${String(shoes.id)}/assignment`, {
		primary: agent,
		backups: [],
		fallback: { kind: 'queue', user: null, team: null },
		limit: 30
	});
	for (const [name, color] of [
		['refund', 'red'],
		['late parcel', 'orange'],
		['late delivery', 'amber']
	]) {
		await send(owner, 'POST', '/tags', { name, color });
	}
	await owner.dispose();
}

export default async function setUp(): Promise<(() => Promise<void>) | void> {
	if (process.env.DESKBELL_URL) return;
	const server = await startServer();
	try {
		await fill(server.url, server.code);
	} catch (error) {
		await server.stop();
		throw error;
	}
	process.env.DESKBELL_URL = server.url;
	process.env.DESKBELL_OWNER = `olga@acme.example:${password}`;
	process.env.DESKBELL_ADMIN = `giulia@acme.example:${password}`;
	process.env.DESKBELL_AGENT = `ivan@acme.example:${password}`;
	return server.stop;
}
