// Conversations brought together and taken apart on the screen.
import { Desk, expect, message, row, test, toast } from './desk';
import { accessible, fits } from './screen';

let desk: Desk;
test.beforeAll(async () => {
	desk = await Desk.open('Hedge Lane', ['Milo Hedgepath']);
});
test.afterAll(() => desk?.close());

const ivy = { name: 'Ivy Thornbury', address: 'ivy.thornbury@letters.example' };

test('a message begins a conversation of its own, and goes back by Undo', async ({ enter }) => {
	const first = await desk.receive({ from: ivy, subject: 'Garden bench', text: 'The bench wobbles.' });
	const id = await desk.conversation('Garden bench');
	const second = await desk.receive({
		from: ivy,
		subject: 'Re: Garden lamp',
		text: 'And the lamp?',
		references: [first]
	});
	const page = await enter(desk.people[0]!, `/inbox/all/${id}`);
	await expect(message(page, 'And the lamp?')).toContainText('Subject: Re: Garden lamp');
	await expect(message(page, 'The bench wobbles.').getByRole('button', { name: /^More for/ })).toHaveCount(0);

	const split = async () => {
		await message(page, 'And the lamp?').getByRole('button', { name: 'More for the message of Ivy Thornbury' }).click();
		await page.getByRole('menuitem', { name: 'Split here' }).click();
		await expect(message(page, 'The bench wobbles.')).toHaveCount(0);
		await expect(message(page, 'And the lamp?')).toBeVisible();
		await expect(page.getByRole('region', { name: 'Related' })).toContainText('Split off from: #' + id);
	};
	await split();
	await accessible(page);
	await fits(page);
	await toast(page, 'Split off as').getByRole('button', { name: 'Undo' }).click();
	await expect(page).toHaveURL(new RegExp(`/inbox/all/${id}$`));
	await expect(message(page, 'And the lamp?')).toBeVisible();
	await expect(message(page, 'The bench wobbles.')).toBeVisible();

	// Split for good: the answer to the later part finds the later part.
	await split();
	const later = page.url();
	await desk.receive({
		from: ivy,
		subject: 'Re: Garden lamp',
		text: 'It is the green one.',
		references: [first, second]
	});
	await expect(message(page, 'It is the green one.')).toBeVisible();
	expect(page.url()).toBe(later);
	await page
		.getByRole('region', { name: 'Related' })
		.getByRole('link', { name: /Garden bench/ })
		.click();
	await expect(message(page, 'The bench wobbles.')).toBeVisible();
});

test('two of one customer are merged by keys; the old address leads on; taken out again', async ({ enter }) => {
	const fern = { name: 'Fern Mossley', address: 'fern.mossley@letters.example' };
	await desk.receive({ from: fern, subject: 'Trellis order', text: 'I ordered a trellis.' });
	await desk.receive({ from: fern, subject: 'Trellis late', text: 'It is late.' });
	const [order, late] = [await desk.conversation('Trellis order'), await desk.conversation('Trellis late')];
	const page = await enter(desk.people[0]!, `/inbox/all/${late}`);
	await expect(message(page, 'It is late.')).toBeVisible();
	await page.keyboard.press('m');
	const dialog = page.getByRole('dialog', { name: 'Merge into another conversation' });
	await expect(dialog.getByRole('option', { name: /Trellis order/ })).toBeVisible();
	await accessible(page);
	await page.keyboard.type('nobody wrote such a thing');
	await expect(dialog).toContainText('Nothing found');
	await dialog.getByRole('combobox').fill('trellis');
	await expect(dialog.getByRole('option')).toHaveCount(1);
	await page.keyboard.press('Enter');
	await expect(dialog).toContainText(`What was said in #${late} will show in #${order}`);
	await dialog.getByRole('button', { name: 'Merge', exact: true }).click();
	await expect(page).toHaveURL(new RegExp(`/inbox/all/${order}$`));
	await expect(message(page, 'It is late.')).toBeVisible();
	await expect(message(page, 'I ordered a trellis.')).toBeVisible();
	await expect(row(page, 'Trellis late')).toHaveCount(0);

	await page.goto(`/inbox/all/${late}`);
	await expect(page).toHaveURL(new RegExp(`/inbox/all/${order}$`));
	const related = page.getByRole('region', { name: 'Related' });
	await expect(related).toContainText(`Merged into this one: #${late}`);
	await related.getByRole('button', { name: 'Take out again' }).click();
	await expect(page).toHaveURL(new RegExp(`/inbox/all/${late}$`));
	await expect(message(page, 'I ordered a trellis.')).toHaveCount(0);
	await expect(message(page, 'It is late.')).toBeVisible();
});

test('a stranger who quotes is linked, merged only knowingly, and followed live', async ({ enter }) => {
	const rowan = { name: 'Rowan Birchley', address: 'rowan.birchley@letters.example' };
	const first = await desk.receive({ from: rowan, subject: 'Watering can', text: 'My can leaks.' });
	const can = await desk.conversation('Watering can');
	const alder = { name: 'Alder Birchley', address: 'alder@elsewhere.example' };
	await desk.receive({ from: alder, subject: 'Re: Watering can', text: 'I am his brother.', references: [first] });
	const brother = await desk.conversation('Re: Watering can');
	expect(brother).not.toBe(can);
	const page = await enter(desk.people[0]!, `/inbox/all/${brother}`);
	const watcher = await enter(desk.people[0]!, `/inbox/all/${brother}`);
	await expect(message(watcher, 'I am his brother.')).toBeVisible();
	const related = page.getByRole('region', { name: 'Related' });
	await expect(related).toContainText('Looks related, quotes a message');
	await related.getByRole('button', { name: 'Not related' }).click();
	await expect(related).toHaveCount(0);
	await toast(page, 'Marked as not related').getByRole('button', { name: 'Undo' }).click();
	await related.getByRole('button', { name: 'Merge into that one' }).click();
	const dialog = page.getByRole('dialog', { name: 'Merge into another conversation' });
	await expect(dialog).toContainText('These are two customers. Replies will go to Rowan Birchley');
	await dialog.getByRole('button', { name: 'Merge all the same' }).click();
	for (const each of [page, watcher]) {
		await expect(each).toHaveURL(new RegExp(`/inbox/all/${can}$`));
		await expect(message(each, 'I am his brother.')).toBeVisible();
		await expect(message(each, 'My can leaks.')).toBeVisible();
	}
	await toast(page, `Merged into #${can}`).getByRole('button', { name: 'Undo' }).click();
	await expect(page).toHaveURL(new RegExp(`/inbox/all/${brother}$`));
	await expect(message(page, 'My can leaks.')).toHaveCount(0);
});
