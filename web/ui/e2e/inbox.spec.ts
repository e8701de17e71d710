// What an agent does with conversations besides answering them.
import { call, Desk, expect, message, noteBox, replyBox, row, test, toast } from './desk';

let desk: Desk;
test.beforeAll(async () => {
	desk = await Desk.open('Orchard Row', ['Owen Pennock', 'Lucia Robledo']);
});
test.afterAll(() => desk?.close());

test('several at once: selected by keys, closed, brought back', async ({ enter }) => {
	await desk.receiveAll(['Apples', 'Pears', 'Plums', 'Figs']);
	const page = await enter(desk.people[0]!, '/inbox/mine');
	await expect(page.getByRole('option')).toHaveCount(4);
	await page.keyboard.press('j');
	await page.keyboard.press('x');
	await page.keyboard.press('Shift+ArrowDown');
	await page.keyboard.press('Shift+ArrowDown');
	const bar = page.getByRole('toolbar', { name: 'Selected conversations' });
	await expect(bar).toContainText('3 selected');
	await expect(page.getByRole('option', { selected: true })).toHaveCount(3);
	await page.keyboard.press('e');
	await expect(toast(page, 'Done for 3 conversations')).toBeVisible();
	await expect(page.getByRole('option')).toHaveCount(1);
	await page.keyboard.press('z');
	await expect(page.getByRole('option')).toHaveCount(4);
	const states = (await desk.conversations()).map((each) => each.state);
	expect(states).toEqual(['open', 'open', 'open', 'open']);

	// One of them by mouse, from where the closed ones are.
	await row(page, 'Figs').click();
	const head = page.getByRole('region', { name: 'Conversation', exact: true });
	await head.getByRole('button', { name: 'Close' }).click();
	await expect(row(page, 'Figs')).toHaveCount(0);
	await page.getByRole('link', { name: /^Closed/ }).click();
	await row(page, 'Figs').click();
	await head.getByRole('button', { name: 'Reopen' }).click();
	await expect(row(page, 'Figs')).toHaveCount(0);
	await page.getByRole('link', { name: /^Mine/ }).click();
	await expect(row(page, 'Figs')).toBeVisible();
});

test('a draft outlives a reload, a note is marked as such', async ({ enter }) => {
	const [id = ''] = await desk.receiveAll(['Cherries']);
	const page = await enter(desk.people[0]!, `/inbox/mine/${id}`);
	await replyBox(page).click();
	await page.keyboard.type('The cherries are');
	await expect(page.getByText('Draft saved')).toBeVisible();
	await page.reload();
	await expect(replyBox(page)).toContainText('The cherries are');
	await expect(row(page, 'Cherries')).toContainText('Draft');

	await page.getByRole('button', { name: 'Note', exact: true }).click();
	await expect(noteBox(page)).toBeFocused();
	await page.keyboard.type('He always orders in June');
	await page.getByRole('button', { name: 'Add note' }).click();
	const note = message(page, 'He always orders in June');
	await expect(note).toContainText('Note — not seen by customer');
	await page.getByRole('button', { name: 'Reply', exact: true }).click();
	await expect(replyBox(page)).toContainText('The cherries are');
	// The note stayed here: nothing left for the customer.
	const { items } = await call<{ items: { direction: string }[] }>(desk.owner, 'GET', `/conversations/${id}/messages`);
	expect(items.map((each) => each.direction).sort()).toEqual(['in', 'note']);
});

test('snoozed, handed over, tagged, and why it came here', async ({ enter }) => {
	const [owen, lucia] = desk.people;
	const [id = ''] = await desk.receiveAll(['Quinces']);
	const page = await enter(owen!, `/inbox/all/${id}`);
	const head = page.getByRole('region', { name: 'Conversation', exact: true });
	await expect(message(page, 'quinces')).toBeVisible();

	await page.keyboard.press('w');
	const why = page.getByRole('dialog', { name: 'Why this assignment' });
	await expect(why.getByRole('row', { name: /Owen Pennock/ })).toContainText('Chosen');
	await page.keyboard.press('Escape');
	await expect(why).toBeHidden();

	await page.keyboard.press('l');
	const tags = page.getByRole('dialog', { name: 'Tags' });
	await expect(tags).toContainText('Only admins create tags');
	await page.keyboard.type('Praise');
	await page.keyboard.press('Enter');
	await page.keyboard.press('Escape');
	await expect(head.getByRole('button', { name: 'Remove tag Praise' })).toBeVisible();

	await page.keyboard.press('a');
	await expect(page.getByRole('dialog', { name: 'Assign' })).toBeVisible();
	await page.keyboard.type('Lucia');
	await page.keyboard.press('Enter');
	await expect(toast(page, 'Assigned to Lucia Robledo')).toBeVisible();
	await page.goto(`/inbox/all/${id}`);
	await expect(head.getByRole('button', { name: 'Lucia Robledo' })).toBeVisible();

	await page.keyboard.press('h');
	await expect(page.getByRole('button', { name: /^In an hour/ })).toBeFocused();
	await page.keyboard.press('Enter');
	await expect(toast(page, 'Snoozed')).toBeVisible();
	const colleague = await enter(lucia!, '/inbox/snoozed');
	await expect(row(colleague, 'Quinces')).toBeVisible();
	await page.getByRole('group', { name: 'Snoozed' }).getByRole('button', { name: 'Undo' }).click();
	await expect(row(colleague, 'Quinces')).toHaveCount(0);
});
