import { accessible, expect, test } from './test';

test('the simulator says who gets a conversation, now and later', async ({ page, signIn }) => {
	await signIn('admin', '/settings/routing');
	await expect(page.getByRole('heading', { name: 'Routing simulator' })).toBeVisible();
	await page.getByLabel('Shop').selectOption('Blue Shoes');
	const people = page.getByRole('table');
	await expect(people.getByRole('row').nth(1)).toBeVisible();
	await expect(
		people
			.getByText('Chosen')
			.or(page.getByText(/^Nobody/))
			.first()
	).toBeVisible();
	await accessible(page);
	const answered = page.waitForResponse(/routing\/preview.*at=/);
	await page.getByLabel('Moment').fill('2026-12-24T03:00');
	expect((await answered).status()).toBe(200);
	await expect(people.getByRole('row').nth(1)).toBeVisible();
});

test('an agent is not offered the simulator', async ({ page, signIn }) => {
	await signIn('agent', '/settings/routing');
	await expect(page.getByRole('link', { name: 'Routing simulator' })).toBeHidden();
	await expect(page.getByLabel('Moment')).toBeHidden();
});
