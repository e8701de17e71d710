// The screen is true without a reload: what arrives, who writes, and what happened while it was offline.
import { type Page } from '@playwright/test';
import { Desk, expect, message, noteBox, replyBox, row, test } from './desk';

let desk: Desk;
test.beforeAll(async () => {
	desk = await Desk.open('Foundry Lane', ['Theo Thistlewood', 'Annika Kessler']);
});
test.afterAll(() => desk?.close());

/** Leaves a mark that a reload would wipe away. */
const mark = (page: Page) => page.evaluate(() => void Object.assign(window, { stayed: true }));
const stayed = (page: Page) => page.evaluate(() => 'stayed' in window);

/** Everything of the inbox that must be the same in two browsers of one person. */
async function picture(page: Page): Promise<{ rows: string[]; views: string[]; thread: string[]; head: string }> {
	return {
		rows: await page.getByRole('option').allInnerTexts(),
		views: await page.getByRole('navigation', { name: 'Navigation' }).getByRole('link').allInnerTexts(),
		thread: await page.getByRole('log').locator('article, li').allInnerTexts(),
		head: await page.getByRole('region', { name: 'Conversation', exact: true }).locator('header').first().innerText()
	};
}

async function pick(page: Page, key: string, what: string): Promise<void> {
	await page.keyboard.press(key);
	await expect(page.getByRole('dialog').getByRole('combobox')).toBeFocused();
	await page.keyboard.type(what);
	await page.keyboard.press('Enter');
}

test('a new mail, its count and who is replying are seen as they happen', async ({ enter }) => {
	const [theo, annika] = desk.people;
	const page = await enter(theo!, '/inbox/mine');
	await expect(page.getByText('Live', { exact: true })).toBeVisible();
	await mark(page);
	const mine = page.getByRole('navigation', { name: 'Navigation' }).getByRole('link', { name: /^Mine/ });
	await expect(mine).not.toContainText('1');
	const [id = ''] = await desk.receiveAll(['Where is my anvil?']);
	await expect(row(page, 'Where is my anvil?')).toBeVisible();
	await expect(mine).toContainText('1');
	await expect(page).toHaveTitle(/^\(1\)/);
	await row(page, 'Where is my anvil?').click();
	await expect(message(page, 'where is my anvil?')).toBeVisible();
	await expect(page).not.toHaveTitle(/^\(1\)/);

	const colleague = await enter(annika!, `/inbox/all/${id}`);
	await expect(page.getByText('Annika Kessler is viewing').first()).toBeVisible();
	await replyBox(colleague).click();
	await colleague.keyboard.type('On its way');
	await expect(page.getByText('Annika Kessler is replying').first()).toBeVisible();
	await expect(colleague.getByText('Theo Thistlewood is viewing').first()).toBeVisible();
	expect(await stayed(page)).toBe(true);
});

test('after being offline a browser shows exactly what the other one shows', async ({ enter }) => {
	const [theo, annika] = desk.people;
	const [open = '', given = '', done = ''] = await desk.receiveAll(['Two hammers', 'One chisel', 'Bent tongs']);
	const first = await enter(theo!, `/inbox/mine/${open}`);
	const second = await enter(theo!, `/inbox/mine/${open}`);
	for (const page of [first, second]) {
		await expect(message(page, 'two hammers')).toBeVisible();
		await expect(page.getByText('Live', { exact: true })).toBeVisible();
		await mark(page);
	}
	const frames: string[] = [];
	second.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(payload.toString())));
	await second.context().setOffline(true);
	await expect(second.getByText(/^Offline since/).first()).toBeVisible();

	// In the first browser: a tag, a note, an answer; another handed over, a third closed; a mail comes in.
	await pick(first, 'l', 'Damaged');
	await first.keyboard.press('Escape');
	await expect(first.getByRole('button', { name: 'Remove tag Damaged' })).toBeVisible();
	await first.keyboard.press('n');
	await expect(noteBox(first)).toBeFocused();
	await first.keyboard.type('Hammers are in the back room');
	await first.keyboard.press('Control+Enter');
	await expect(message(first, 'Hammers are in the back room')).toBeVisible();
	await first.keyboard.press('Escape');
	await first.keyboard.press('r');
	await expect(replyBox(first)).toBeFocused();
	await first.keyboard.type('We found both hammers.');
	await first.keyboard.press('Alt+Enter');
	await expect(message(first, 'We found both hammers.')).toBeVisible();
	await row(first, 'One chisel').click();
	await expect(message(first, 'one chisel')).toBeVisible();
	await pick(first, 'a', annika!.name);
	await expect(row(first, 'One chisel')).toHaveCount(0);
	await row(first, 'Bent tongs').click();
	await first.mouse.move(700, 300); // rows keep still under the pointer
	await expect(message(first, 'bent tongs')).toBeVisible();
	await first.keyboard.press('e');
	await expect(row(first, 'Bent tongs')).toHaveCount(0);
	await desk.receiveAll(['A new bellows']);
	await expect(row(first, 'A new bellows')).toBeVisible();
	await row(first, 'Two hammers').click();
	await expect(message(first, 'We found both hammers.')).toContainText(/Sent|Delivered/, { timeout: 20_000 });
	await first.mouse.move(700, 300);
	expect(frames).toEqual([]);
	await expect(row(second, 'A new bellows')).toHaveCount(0);

	await second.context().setOffline(false);
	await expect(row(second, 'A new bellows')).toBeVisible();
	await expect.poll(async () => ({ second: await picture(second) })).toEqual({ second: await picture(first) });
	const { rows, thread } = await picture(second);
	expect(rows.join()).not.toMatch(/One chisel|Bent tongs/);
	expect(thread.join()).toContain('Hammers are in the back room');
	expect(await stayed(second)).toBe(true);
	const states = new Map((await desk.conversations()).map((each) => [each.id, each]));
	expect(states.get(given)?.assignee).toBe(annika!.id);
	expect(states.get(done)?.state).toBe('closed');
});
