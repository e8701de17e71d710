// Languages, themes, narrow windows and what machines can tell about accessibility.
import { type Page } from '@playwright/test';
import { Desk, expect, message, replyBox, row, test } from './desk';
import { accessible, fits } from './screen';

let desk: Desk;
let open: string;
const subjects = [
	'Ein sehr langer Betreff über eine Bestellung, die noch nicht angekommen ist',
	'Вопрос о доставке',
	'关于订单的问题'
];
test.beforeAll(async () => {
	desk = await Desk.open('Prism Yard', ['Nora Grünwald', 'Tullio Montelupo']);
	[open = ''] = await desk.receiveAll(subjects);
});
test.afterAll(() => desk?.close());

test('another language keeps what was being written', async ({ enter }) => {
	const page = await enter(desk.people[0]!, `/inbox/mine/${open}`);
	await replyBox(page).click();
	await page.keyboard.type('Half a sent');
	await page.evaluate(() => void Object.assign(window, { stayed: true }));
	const writing = page.getByRole('region').getByRole('textbox').filter({ hasText: 'Half a sent' });
	for (const [code, language, reply] of [
		['ru', 'Русский', /^Ответ/],
		['it', 'Italiano', /^Ris/],
		['zh', '中文', /回复/],
		['en', 'English', /^Reply to/]
	] as const) {
		await page.locator('a[href="/settings"]').first().click();
		await page.locator('select').filter({ hasText: 'Italiano' }).selectOption({ label: language });
		await expect(page.locator('html')).toHaveAttribute('lang', code);
		await page.locator('a[href="/inbox/mine"]').first().click();
		await row(page, subjects[0]!).click();
		await expect(writing).toBeVisible();
		await expect(writing).toHaveAccessibleName(reply);
	}
	expect(await page.evaluate(() => 'stayed' in window)).toBe(true);
	await page.keyboard.press('Control+k');
	await page.keyboard.type('Switch between light');
	await page.keyboard.press('Enter');
	await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
	await expect(writing).toBeVisible();
});

test('the inbox and its dialogs are accessible in both themes', async ({ enter }) => {
	const page = await enter(desk.people[1]!, `/inbox/all/${open}`);
	await expect(message(page, 'Hello')).toBeVisible();
	await expect(page.getByRole('button', { name: 'Bold' })).toBeVisible();
	await accessible(page);
	for (const [key, name] of [
		['l', 'Tags'],
		['h', 'Snooze'],
		['w', 'Why this assignment']
	] as const) {
		await page.keyboard.press(key);
		await expect(page.getByRole('dialog', { name })).toBeVisible();
		await expect(page.getByRole('dialog').locator('.animate-pulse')).toHaveCount(0);
		await accessible(page, 'dialog');
		await page.keyboard.press('Escape');
		await expect(page.getByRole('dialog')).toHaveCount(0);
	}
	await page.keyboard.press('x');
	await expect(page.getByRole('toolbar', { name: 'Selected conversations' })).toBeVisible();
	await accessible(page);
});

test('nothing is cut off in windows of 360 and 1024 pixels', async ({ enter, visit }) => {
	const shown = async (page: Page) => expect(row(page, subjects[0]!)).toBeVisible();
	for (const width of [360, 1024]) {
		const options = { viewport: { width, height: 740 } };
		const stranger = await visit('/', options);
		await expect(stranger.getByRole('heading', { name: 'Sign in' })).toBeVisible();
		await fits(stranger);
		const page = await enter(desk.people[1]!, '/inbox/all', options);
		await shown(page);
		await fits(page);
		await row(page, subjects[0]!).click();
		await expect(message(page, 'Hello')).toBeVisible();
		await fits(page);
		await accessible(page);
	}
});
