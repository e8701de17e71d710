import { accessible, expect, test } from './test';

test('an admin makes, renames, merges and archives tags', async ({ page, signIn }) => {
	await signIn('admin', '/settings/tags');
	const actions = async (tag: string, name: string) => {
		await page.getByRole('button', { name: `Actions for ${tag}` }).click();
		await page.getByRole('menuitem', { name }).click();
	};

	await page.getByRole('button', { name: 'New tag' }).click();
	await page.getByRole('dialog').getByLabel('Name').fill('refund');
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(page.getByRole('dialog').getByRole('alert')).toBeVisible(); // there is one of this name
	await page.getByRole('dialog').getByLabel('Name').fill('wholesale');
	await page.getByRole('radio', { name: 'Indigo' }).check();
	await accessible(page);
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(page.getByRole('cell', { name: 'wholesale', exact: true })).toBeVisible();

	await actions('wholesale', 'Edit');
	await page.getByRole('dialog').getByLabel('Name').fill('wholesale order');
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(page.getByRole('cell', { name: 'wholesale order', exact: true })).toBeVisible();

	await actions('late delivery', 'Merge into another');
	await page.getByLabel('Into').selectOption({ label: 'late parcel' });
	await accessible(page);
	await page.getByRole('dialog').getByRole('button', { name: 'Merge' }).click();
	await expect(page.getByRole('cell', { name: 'late delivery', exact: true })).toBeHidden();

	await actions('wholesale order', 'Archive');
	await expect(page.getByRole('cell', { name: 'wholesale order', exact: true })).toBeHidden();
	await page.getByRole('button', { name: 'Undo' }).click();
	await expect(page.getByRole('cell', { name: 'wholesale order', exact: true })).toBeVisible();
});

test('an agent reads and is told to ask an admin', async ({ page, signIn }) => {
	await signIn('agent', '/settings/tags');
	await expect(page.getByText('Ask an admin if one is missing')).toBeVisible();
	await expect(page.getByRole('cell', { name: 'refund', exact: true })).toBeVisible();
	await expect(page.getByRole('button', { name: 'New tag' })).toBeHidden();
	await expect(page.getByRole('button', { name: /Actions for refund/ })).toBeHidden();
	await accessible(page);
});
