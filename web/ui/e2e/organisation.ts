// An organisation with people, shops and tags but no mail: what the tests of the settings change.
import { request, type APIRequestContext } from '@playwright/test';
import { call } from './desk';

export const password = 'correct horse battery';

/** Where it is, and the e-mail address of one person of each role. */
export interface Organisation {
	url: string;
	owner: string;
	admin: string;
	agent: string;
}

async function join(
	owner: APIRequestContext,
	url: string,
	body: { email: string; name: string; role: string; shops?: string[] }
) {
	const { link } = await call<{ link: string }>(owner, 'POST', '/invitations', body);
	const guest = await request.newContext({ baseURL: url });
	const accepted = { name: body.name, password, language: 'en', zone: 'Europe/Rome' };
	const { id } = await call<{ id: string }>(guest, 'POST', `/invitations/token/${link.split('/').at(-1)}`, accepted);
	await guest.dispose();
	return id;
}

/** Sets an empty server up. */
export async function fill(url: string, code: string): Promise<Organisation> {
	const owner = await request.newContext({ baseURL: url });
	await call(owner, 'POST', '/setup', {
		code,
		organisation: 'Acme Trading',
		email: 'olga@acme.example',
		name: 'Olga Petrova',
		password,
		language: 'en',
		zone: 'Europe/Rome'
	});
	const shoes = await call<{ id: string }>(owner, 'POST', '/shops', { name: 'Blue Shoes', zone: 'Europe/Rome' });
	await call(owner, 'POST', '/shops', { name: 'Red Hats', zone: 'Europe/London' });
	await join(owner, url, { email: 'giulia@acme.example', name: 'Giulia Conti', role: 'admin' });
	const ivan = { email: 'ivan@acme.example', name: 'Ivan Smirnov', role: 'agent', shops: [shoes.id] };
	await call(owner, 'PUT', `/shops/${shoes.id}/assignment`, {
		primary: await join(owner, url, ivan),
		backups: [],
		fallback: { kind: 'queue', user: null, team: null },
		limit: 30
	});
	for (const [name, color] of [
		['refund', 'red'],
		['late parcel', 'orange'],
		['late delivery', 'amber']
	]) {
		await call(owner, 'POST', '/tags', { name, color });
	}
	await owner.dispose();
	return { url, owner: 'olga@acme.example', admin: 'giulia@acme.example', agent: ivan.email };
}
