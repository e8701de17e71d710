// An agent's morning without a mouse: sign in, read, answer, take it back, send again, close.
import { type Locator, type Page } from '@playwright/test';
import { call, Desk, expect, message, replyBox, row, signedIn, test, toast } from './desk';

let desk: Desk;
test.beforeAll(async () => {
	desk = await Desk.open('Lantern Street', ['Maisie Okoro']);
});
test.afterAll(() => desk?.close());

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
	for (let presses = 0; presses < 12; presses++) {
		if (await wanted.evaluate((element) => element === document.activeElement)) return;
		await page.keyboard.press('Tab');
	}
	await expect(wanted).toBeFocused();
}

test('sign in, read, answer, undo, send, read the reply, close: by keyboard alone', async ({ visit }) => {
	const [maisie] = desk.people;
	const subjects = ['A lamp without a shade', 'Which bulb fits?', 'Thank you'];
	await desk.receiveAll(subjects.slice(1));
	const first = await desk.receive({
		subject: 'A lamp without a shade',
		text: 'The lamp came without its shade.',
		from: { name: 'Callum Whitlock', address: 'callum@letters.example' }
	});
	await desk.conversation('A lamp without a shade');
	const api = await signedIn(maisie!);
	await call(api, 'PATCH', '/me', { settings: { undo_seconds: 5, after_send: 'next' } });
	await api.dispose();

	const page = await visit('/');
	const { keyboard } = page;
	await tabTo(page, page.getByLabel('E-mail'));
	await keyboard.type(maisie!.email);
	await tabTo(page, page.getByLabel('Password', { exact: true }));
	await keyboard.type(maisie!.password);
	await keyboard.press('Enter');

	// Down and up the list; Enter opens what the keys are at.
	await expect(page.getByRole('option')).toHaveCount(3);
	const list = page.getByRole('listbox', { name: 'Mine' });
	const rows = await page.getByRole('option').allInnerTexts();
	const at = rows.findIndex((text) => text.includes('A lamp without a shade'));
	const opened = page.locator('#conversation-title');
	for (let step = 0; step < rows.length; step++) await keyboard.press('j');
	for (let step = rows.length - 1; step > at; step--) await keyboard.press('k');
	await expect(list).toHaveAttribute('aria-activedescendant', /./);
	await keyboard.press('Enter');
	await expect(opened).toHaveText('A lamp without a shade');
	await expect(message(page, 'came without its shade')).toBeVisible();

	// R begins an answer, Ctrl+Enter sends it and goes on; Z brings words and place back.
	await keyboard.press('r');
	await expect(replyBox(page)).toBeFocused();
	await keyboard.type('The shade leaves today.');
	await keyboard.press('Control+Enter');
	await expect(toast(page, /^Sending to Callum Whitlock/)).toBeVisible();
	await expect(opened).not.toHaveText('A lamp without a shade');
	await keyboard.press('z');
	await expect(opened).toHaveText('A lamp without a shade');
	await expect(replyBox(page)).toContainText('The shade leaves today.');
	await expect(replyBox(page)).toBeFocused();
	await expect(message(page, 'The shade leaves today.')).toHaveCount(0);
	await expect(page.getByText('Maisie Okoro withdrew a reply before it left')).toBeVisible();

	// Sent for good, it leaves when the time to undo is over; the customer's answer appears by itself.
	await keyboard.type(' Sorry!');
	await keyboard.press('Control+Enter');
	await expect(opened).not.toHaveText('A lamp without a shade');
	const away = (await opened.innerText()) === 'Which bulb fits?' ? 'Which bulb fits?' : 'Thank you';
	await keyboard.press(rows.findIndex((text) => text.includes(away)) > at ? 'k' : 'j');
	await expect(opened).toHaveText('A lamp without a shade');
	await expect(message(page, 'Sorry!')).toContainText(/Sent|Delivered/);
	await desk.receive({
		subject: 'Re: A lamp without a shade',
		text: 'Wonderful, many thanks.',
		from: { name: 'Callum Whitlock', address: 'callum@letters.example' },
		references: [first]
	});
	await expect(message(page, 'Wonderful, many thanks.')).toBeVisible();

	// E closes it and opens the next; it has left the list.
	await keyboard.press('e');
	await expect(toast(page, 'Closed')).toBeVisible();
	await expect(opened).not.toHaveText('A lamp without a shade');
	await expect(row(page, 'A lamp without a shade')).toHaveCount(0);
	await expect(page.getByRole('option')).toHaveCount(2);
});
