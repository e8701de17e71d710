// What every journey starts from: a shop of its own with a mailbox and people on duty round the clock,
// and browsers in which they are signed in. No browser may report an error, such as something that the
// content security policy refused.
import {
	expect,
	request,
	test as base,
	type APIRequestContext,
	type BrowserContextOptions,
	type Page
} from '@playwright/test';
import { newID, Postman, raw, type Letter } from './mail';
import type { Demo } from './programs';

export { expect };

export interface Login {
	email: string;
	password: string;
}

export interface Person extends Login {
	id: string;
	name: string;
}

export const password = 'correct horse battery';

/** The made-up company the runner started. */
export function company(): Demo {
	return JSON.parse(process.env.DESKBELL_DEMO ?? '') as Demo;
}

/** The first of the company with a role. */
export function loginOf(role: string): Login {
	const found = company().logins.find((each) => each.role === role);
	if (!found) throw new Error(`the company has no ${role}`);
	return found;
}

/** Sends one call and returns its answer; throws the server's words if it is refused. */
export async function call<T>(api: APIRequestContext, method: string, path: string, data?: object): Promise<T> {
	const answer = await api.fetch(`/api/v1${path}`, { method, data });
	if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
	return (answer.status() === 204 ? undefined : await answer.json()) as T;
}

/** A program's sign-in, beside the browsers. */
export async function signedIn(login: Login, url = company().url): Promise<APIRequestContext> {
	const api = await request.newContext({ baseURL: url });
	await signIn(api, login);
	return api;
}

async function signIn(api: APIRequestContext, { email, password }: Login): Promise<void> {
	await call(api, 'POST', '/session', { email, password, keep: false });
}

const spare = 'spare@deskbell-demo.example';
let desks = 0;

/** A shop, its people in the order in which new conversations go to them, and its mailbox. */
export class Desk {
	readonly shop: string;
	readonly name: string;
	readonly people: Person[];
	readonly owner: APIRequestContext;
	/** the mailbox: its number and its address */
	readonly connection: string;
	readonly address: string;
	readonly #postman: Postman;
	readonly #folder: string;

	private constructor(
		shop: string,
		name: string,
		people: Person[],
		owner: APIRequestContext,
		mail: [Postman, string, string]
	) {
		[this.shop, this.name, this.people, this.owner] = [shop, name, people, owner];
		[this.#postman, this.#folder, this.connection] = mail;
		this.address = `${this.#folder}@deskbell-demo.example`;
	}

	/** Opens a shop; the names are its agents'. Its mailbox is a folder of the company's spare one. */
	static async open(wanted: string, names: string[]): Promise<Desk> {
		const name = `${wanted} ${test.info().workerIndex}`; // a failed test is followed by a new worker
		const { loopback, imap, smtp, mailboxes } = company();
		const owner = await signedIn(loginOf('owner'));
		const desk = `desk${Date.now()}${++desks}`;
		const { id: shop } = await call<{ id: string }>(owner, 'POST', '/shops', { name, zone: 'Europe/Rome' });
		const people: Person[] = [];
		for (const each of names) people.push(await join(owner, { name: each, desk, shop }));
		await call(owner, 'PUT', `/shops/${shop}/assignment`, {
			primary: people[0]?.id ?? null,
			backups: people.slice(1).map(({ id }) => id),
			fallback: { kind: 'queue', user: null, team: null },
			limit: 200
		});
		const secret = mailboxes[spare] ?? '';
		const postman = await Postman.at(loopback.imap, spare, secret);
		await postman.create(desk);
		const server = (at: string) => ({
			host: at.split(':')[0],
			port: Number(at.split(':')[1]),
			security: 'tls',
			username: spare
		});
		const { id: connection } = await call<{ id: string }>(owner, 'POST', '/connections', {
			shop,
			kind: 'email',
			settings: {
				address: `${desk}@deskbell-demo.example`,
				imap: { ...server(imap), folders: [desk] },
				smtp: server(smtp)
			},
			secret: { password: secret }
		});
		return new Desk(shop, name, people, owner, [postman, desk, connection]);
	}

	/** A customer writes; returns the Message-ID. */
	async receive(letter: Pick<Letter, 'subject' | 'text'> & Partial<Letter>): Promise<string> {
		const id = letter.id ?? newID();
		const from = letter.from ?? { name: 'Ada Pennock', address: 'ada.pennock@letters.example' };
		await this.#postman.deliver(
			this.#folder,
			raw({ ...letter, id, from, to: `${this.#folder}@deskbell-demo.example` })
		);
		return id;
	}

	/** Something reaches the mailbox that may be no mail at all. */
	async receiveBytes(bytes: Buffer): Promise<void> {
		await this.#postman.deliver(this.#folder, bytes);
	}

	/** Customers write, each about something of his own; resolves when all is in the inbox. Oldest first. */
	async receiveAll(subjects: string[]): Promise<string[]> {
		for (const [index, subject] of subjects.entries()) {
			const from = { name: `Customer ${index + 1}`, address: `customer${index + 1}@letters.example` };
			await this.receive({ from, subject, text: `Hello, this is about ${subject.toLowerCase()}.` });
		}
		const ids: string[] = [];
		for (const subject of subjects) ids.push(await this.conversation(subject));
		return ids;
	}

	/** The number of the conversation with a subject, once it is there. */
	async conversation(subject: string): Promise<string> {
		let id: string | undefined;
		await expect
			.poll(async () => (id = (await this.conversations()).find((each) => each.subject === subject)?.id), {
				intervals: [50]
			})
			.toBeTruthy();
		return id ?? '';
	}

	/** Every conversation of the shop. */
	async conversations(): Promise<{ id: string; subject: string; state: string; assignee: string | null }[]> {
		const path = `/conversations?view=all&state=any&shop=${this.shop}&limit=200`;
		return (
			await call<{ items: { id: string; subject: string; state: string; assignee: string | null }[] }>(
				this.owner,
				'GET',
				path
			)
		).items;
	}

	async close(): Promise<void> {
		this.#postman.close();
		await this.owner.dispose();
	}
}

/** Invites an agent of one shop, who accepts and is on duty round the clock. */
async function join(owner: APIRequestContext, who: { name: string; desk: string; shop: string }): Promise<Person> {
	const email = `${who.name.toLowerCase().replaceAll(' ', '.')}.${who.desk}@deskbell-demo.example`;
	const invitation = { email, name: who.name, role: 'agent', shops: [who.shop] };
	const { link } = await call<{ link: string }>(owner, 'POST', '/invitations', invitation);
	const guest = await request.newContext({ baseURL: company().url });
	const accepted = { name: who.name, password, language: 'en', zone: 'Europe/Rome' };
	const { id } = await call<{ id: string }>(guest, 'POST', `/invitations/token/${link.split('/').at(-1)}`, accepted);
	await guest.dispose();
	const shift = { user: id, zone: 'Europe/Rome', weekdays: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' };
	await call(owner, 'POST', '/shifts', shift);
	return { id, email, password, name: who.name };
}

/** What a browser reports about a page that is in order: answers with an error, and being offline. */
const harmless = /Failed to load resource|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED/;

/** Collects what goes wrong in a page. */
export function watch(page: Page, faults: string[]): void {
	page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
	page.on('console', (message) => {
		if (message.type() === 'error' && !harmless.test(message.text())) faults.push(`${page.url()}: ${message.text()}`);
	});
}

export interface Fixtures {
	/** Opens a browser of its own; nobody is signed in. */
	visit: (path: string, options?: BrowserContextOptions) => Promise<Page>;
	/** Opens a browser of its own with somebody signed in. */
	enter: (login: Login, path: string, options?: BrowserContextOptions) => Promise<Page>;
}

export const test = base.extend<Fixtures & { faults: string[] }>({
	// eslint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from a pattern
	faults: async ({}, use) => {
		const faults: string[] = [];
		await use(faults);
		expect(faults, 'errors in the console').toEqual([]);
	},
	page: async ({ page, faults }, use) => {
		watch(page, faults);
		await use(page);
	},
	visit: async ({ browser, faults }, use) => {
		await use(async (path, options) => {
			const context = await browser.newContext({ baseURL: company().url, ...options });
			const page = await context.newPage();
			watch(page, faults);
			await page.goto(path);
			return page;
		});
	},
	enter: async ({ browser, faults }, use) => {
		await use(async (login, path, options) => {
			const context = await browser.newContext({ baseURL: company().url, ...options });
			await signIn(context.request, login);
			const page = await context.newPage();
			watch(page, faults);
			await page.goto(path);
			return page;
		});
	}
});

/** A row of the list by what it says. */
export function row(page: Page, words: string | RegExp) {
	return page.getByRole('option').filter({ hasText: words });
}

/** Where an answer is written. */
export function replyBox(page: Page) {
	return page.getByRole('textbox', { name: /^Reply to / });
}

/** Where a note is written. */
export function noteBox(page: Page) {
	return page.getByRole('textbox', { name: 'Note', exact: true });
}

/** A message of the open conversation by its words. */
export function message(page: Page, words: string | RegExp) {
	return page.getByRole('log').getByRole('article').filter({ hasText: words });
}

/** A toast by its words. */
export function toast(page: Page, words: string | RegExp) {
	return page.getByRole('group', { name: words });
}
