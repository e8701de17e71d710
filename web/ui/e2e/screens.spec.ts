import { accessible, expect, said, test } from './test';

const sections = [
	'profile',
	'work',
	'shortcuts',
	'security',
	'tokens',
	'shops',
	'set-aside',
	'people',
	'shifts',
	'teams',
	'tags',
	'organisation',
	'audit'
];

for (const section of sections) {
	test(`settings, ${section}: accessible in both themes`, async ({ page, signIn }) => {
		await signIn('owner', `/settings/${section}`);
		await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
		await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
		await accessible(page);
	});
}

test('nothing is cut off at 360 pixels, in any language', async ({ page, signIn }) => {
	test.slow();
	await page.setViewportSize({ width: 360, height: 740 });
	await signIn('owner');
	for (const language of ['ru', 'it', 'zh', 'en']) {
		await page.request.patch('/api/v1/me', { data: { language } });
		for (const section of sections) {
			await page.goto(`/settings/${section}`);
			await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
			await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
			const wide = await page.evaluate(() => document.documentElement.scrollWidth);
			expect(wide, `${section} in ${language}`).toBeLessThanOrEqual(360);
		}
	}
});

test('teams and the organisation’s name', async ({ page, signIn }) => {
	await signIn('owner', '/settings/teams');
	await page.getByRole('button', { name: 'New team' }).click();
	await page.getByRole('dialog').getByLabel('Name').fill('Evening');
	await page.getByRole('dialog').getByLabel('Giulia Conti').check();
	await accessible(page);
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(page.getByRole('listitem').filter({ hasText: 'Evening' })).toContainText('Giulia Conti');

	await page.goto('/settings/organisation');
	await page.getByRole('textbox', { name: 'Organisation' }).fill('Acme Trading Ltd');
	await page.getByRole('button', { name: 'Save' }).click();
	await said(page, 'Saved');
	await page.getByRole('textbox', { name: 'Organisation' }).fill('Acme Trading');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.goto('/settings/audit');
	await expect(page.getByRole('row', { name: /Settings changed/ }).first()).toContainText('Acme Trading');
	await expect(page.getByRole('row', { name: /Team changed/ }).first()).toBeVisible();
});

test('without a server the screen says so and recovers', async ({ page, signIn, context }) => {
	await signIn('owner', '/settings/tags');
	await expect(page.getByRole('cell', { name: 'refund', exact: true })).toBeVisible();
	await context.setOffline(true);
	await page.getByRole('link', { name: 'Audit log' }).click();
	await expect(page.getByText('This could not be loaded')).toBeVisible();
	await expect(page.getByText('The server cannot be reached')).toBeVisible();
	await context.setOffline(false);
	await expect(page.getByRole('table')).toBeVisible(); // by itself, once the network is back
});

test('an unknown address says so', async ({ page, signIn }) => {
	await signIn('agent', '/settings/nothing');
	await expect(page.getByText('There is nothing at this address').last()).toBeVisible();
	await page.goto('/nowhere/at/all');
	await expect(page.getByText('There is nothing at this address').last()).toBeVisible();
});
