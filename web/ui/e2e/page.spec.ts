// Formatted mails: what attackers write into them does nothing in a real browser, and pictures from
// elsewhere come when they are asked for, through the server alone.
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { call, Desk, expect, row, signedIn, test } from './desk';
import { fits } from './screen';

const hostile = JSON.parse(
	readFileSync(new URL('../../../inbox/content/testdata/hostile.json', import.meta.url), 'utf8')
) as Record<string, string>;

const picture = Buffer.from(
	'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
	'base64'
);

/** A server elsewhere, with everything it was asked for. */
class Elsewhere {
	readonly asked: IncomingMessage[] = [];
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
	}

	static async start(): Promise<Elsewhere> {
		const server = createServer();
		const elsewhere = new Elsewhere(server);
		server.on('request', (request, response) => {
			elsewhere.asked.push(request);
			response.setHeader('Content-Type', 'image/png');
			response.end(picture);
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		return elsewhere;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	close(): void {
		this.#server.close();
	}
}

let desk: Desk;
let elsewhere: Elsewhere;
test.beforeAll(async () => {
	elsewhere = await Elsewhere.start();
	desk = await Desk.open('Quince House', ['Wilma Pennock']);
});
test.afterAll(async () => {
	elsewhere?.close();
	await desk?.close();
});

/** Notes every address a page asks that is not the desk's own. */
function strangers(page: Page): string[] {
	const found: string[] = [];
	page.on('request', (request) => {
		const { protocol, origin } = new URL(request.url());
		if (protocol !== 'data:' && origin !== new URL(page.url()).origin) found.push(request.url());
	});
	return found;
}

const frameOf = (page: Page) => page.frameLocator('iframe');
const width = (page: Page) =>
	frameOf(page)
		.getByAltText('pear')
		.evaluate((img: HTMLImageElement) => img.naturalWidth);

test('pictures from elsewhere: hidden, then shown by keys, then always for one sender', async ({ enter }) => {
	const from = { name: 'Pip Orchard', address: 'pip@orchard.example' };
	const html = (name: string) =>
		`<p>Look at this ${name}</p><img alt="pear" src="${elsewhere.url}/${name}.png" width="40" height="40">`;
	await desk.receive({ subject: 'A pear', text: '', from, html: html('pear') });
	const id = await desk.conversation('A pear');
	const page = await enter(desk.people[0]!, `/inbox/mine/${id}`);
	const asked = strangers(page);
	await page.getByRole('button', { name: 'Show with formatting' }).focus();
	await page.keyboard.press('Enter');
	await expect(frameOf(page).getByText('Look at this pear')).toBeVisible();
	expect(elsewhere.asked).toHaveLength(0);
	expect(await width(page)).toBe(0);
	await fits(page);

	await page.getByRole('button', { name: 'Show pictures' }).focus();
	await page.keyboard.press('Enter');
	await expect.poll(() => width(page)).toBe(1);
	expect(elsewhere.asked.map((each) => each.url)).toEqual(['/pear.png']);
	const [first] = elsewhere.asked;
	expect(first?.headers['user-agent']).toContain('Deskbell');
	expect(first?.headers.cookie ?? first?.headers.referer).toBeUndefined();
	await expect(page.locator('iframe')).toBeFocused();

	// The choice was for this message and this visit.
	await page.reload();
	await page.getByRole('button', { name: 'Show with formatting' }).click();
	await page.getByRole('button', { name: 'Always for pip@orchard.example' }).focus();
	await page.keyboard.press('Enter');
	await expect(page.getByText('Pictures of pip@orchard.example are always shown.')).toBeVisible();
	await expect.poll(() => width(page)).toBe(1);

	await desk.receive({ subject: 'A plum', text: '', from, html: html('plum') });
	await row(page, 'A plum').click();
	await page.getByRole('button', { name: 'Show with formatting' }).click();
	await expect(frameOf(page).getByText('Look at this plum')).toBeVisible();
	await expect.poll(() => width(page)).toBe(1);
	await page.getByRole('button', { name: 'No longer' }).click();
	await expect(page.getByRole('button', { name: 'Show pictures' })).toBeVisible();
	await expect.poll(() => width(page)).toBe(0);
	expect(asked).toEqual([]);
});

test('links of a mail open elsewhere, without a way back', async ({ enter }) => {
	const html = `<p>Dear all</p><a href="${elsewhere.url}/page" target="_top">the page</a>`;
	await desk.receive({ subject: 'A link', text: '', html });
	const page = await enter(desk.people[0]!, `/inbox/mine/${await desk.conversation('A link')}`);
	await page.getByRole('button', { name: 'Show with formatting' }).click();
	const [opened] = await Promise.all([
		page.waitForEvent('popup'),
		frameOf(page).getByRole('link', { name: 'the page' }).click()
	]);
	await opened.waitForLoadState();
	expect(await opened.evaluate(() => [window.opener, document.referrer])).toEqual([null, '']);
	expect(new URL(page.url()).pathname).toContain('/inbox/mine');
});

/** The numbers of all messages of the shop's mails to a subject. */
async function messages(subject: string): Promise<string[]> {
	const api = await signedIn(desk.people[0]!);
	const ids: string[] = [];
	let cursor: string | null = '';
	while (cursor !== null) {
		const query: string = `/conversations?view=all&state=any&shop=${desk.shop}&limit=200&cursor=${encodeURIComponent(cursor)}`;
		const page: { items: { id: string; subject: string }[]; next: string | null } = await call(api, 'GET', query);
		for (const each of page.items.filter((item) => item.subject === subject)) {
			const thread = await call<{ items: { id: string }[] }>(api, 'GET', `/conversations/${each.id}/messages`);
			ids.push(...thread.items.map(({ id }) => id));
		}
		cursor = page.next;
	}
	await api.dispose();
	return ids;
}

test('what attackers write loads nothing and runs nothing', async ({ enter, browser }) => {
	test.setTimeout(240_000);
	const sources = Object.values(hostile);
	for (const [index, html] of sources.entries()) {
		const from = { name: `Attacker ${index}`, address: `attacker${index}@evil.example` };
		await desk.receive({
			subject: 'Payload',
			text: '',
			from,
			html: html.replaceAll('https://evil.example', elsewhere.url)
		});
	}
	let ids: string[] = [];
	await expect
		.poll(async () => (ids = await messages('Payload')).length, { timeout: 60_000, intervals: [500] })
		.toBe(sources.length);

	const before = elsewhere.asked.length;
	const page = await enter(desk.people[0]!, '/inbox/mine');
	const asked = strangers(page);
	const bare = await browser.newPage(); // no policy and no cage: the cleaned text alone has to hold
	const alarms: string[] = [];
	for (const each of [page, bare]) {
		each.on('dialog', (dialog) => {
			alarms.push(dialog.message());
			void dialog.dismiss();
		});
	}
	await bare.route('**/*', (route) =>
		route.request().url() === 'http://bare.example/'
			? route.fulfill({ contentType: 'text/html', body: '<!doctype html>' })
			: route.abort()
	);
	await bare.goto('http://bare.example/');
	const leaks = strangers(bare);
	const batch = 25;
	for (let from = 0; from < ids.length; from += batch) {
		const some = ids.slice(from, from + batch);
		// In frames as the screen makes them.
		await page.evaluate(
			(list) =>
				Promise.all(
					list.map(
						(id) =>
							new Promise<void>((resolve) => {
								const frame = document.createElement('iframe');
								frame.setAttribute('sandbox', 'allow-popups allow-popups-to-escape-sandbox');
								frame.onload = () => resolve(frame.remove());
								frame.src = `/api/v1/messages/${id}/html`;
								document.body.append(frame);
							})
					)
				),
			some
		);
		for (const id of some) {
			const answer = await page.request.get(`/api/v1/messages/${id}/html`);
			const text = await answer.text();
			await bare.evaluate((html) => {
				document.body.innerHTML = html; // mutates what changes by being read twice
				const again = document.body.innerHTML;
				document.body.innerHTML = again;
				for (const each of document.body.querySelectorAll('*')) each.dispatchEvent(new MouseEvent('mouseover'));
			}, text);
			const odd = await bare.evaluate(() =>
				[...document.body.querySelectorAll('*')].flatMap((each) => [
					...(each.namespaceURI === 'http://www.w3.org/1999/xhtml' ? [] : [each.outerHTML]),
					...(each.matches('script, iframe, object, embed, form, input, button, link, base, svg, math, template')
						? [each.outerHTML]
						: []),
					...each.getAttributeNames().filter((name) => name.startsWith('on'))
				])
			);
			expect(odd, text).toEqual([]);
			await bare.setContent(text);
		}
	}
	await bare.close();
	expect(alarms).toEqual([]);
	expect(leaks).toEqual([]);
	expect(asked).toEqual([]);
	expect(elsewhere.asked).toHaveLength(before);
});
