import { accessible, expect, test } from './test';

test('a week is filled by keyboard alone', async ({ page, signIn }) => {
	await signIn('admin', '/settings/shifts');
	const grid = page.getByRole('grid', { name: 'Shifts' });
	const cell = (day: RegExp) => grid.getByRole('gridcell', { name: day });
	await expect(grid).toBeVisible();
	await accessible(page);

	const monday = cell(/^Giulia Conti, Monday/);
	await monday.focus();
	await page.keyboard.press('Enter');
	const dialog = page.getByRole('dialog', { name: 'New shift' });
	await expect(dialog.getByLabel('Person')).toHaveValue(/\d+/);
	await expect(dialog.getByRole('checkbox', { name: 'Mon' })).toBeChecked();
	await accessible(page);
	await dialog.getByLabel('To', { exact: true }).fill('13:00');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await expect(monday).toHaveAccessibleName(/09:00–13:00/);

	await monday.focus();
	await page.keyboard.press('Control+c');
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('Control+v');
	const tuesday = cell(/^Giulia Conti, Tuesday/);
	await expect(tuesday).toHaveAccessibleName(/09:00–13:00/);
	await tuesday.focus();
	await page.keyboard.press('Delete');
	await expect(tuesday).toHaveAccessibleName(/no shift/);
	await page.getByRole('button', { name: 'Undo' }).last().click();
	await expect(tuesday).toHaveAccessibleName(/09:00–13:00/);

	// Over midnight, in another zone.
	await cell(/^Ivan Smirnov, Friday/).focus();
	await page.keyboard.press('Enter');
	await page.getByRole('dialog').getByLabel('From').fill('22:00');
	await page.getByRole('dialog').getByLabel('To', { exact: true }).fill('06:00');
	await expect(page.getByRole('dialog').getByText('Ends the next day')).toBeVisible();
	await page.getByRole('dialog').getByLabel('Time zone').selectOption('Asia/Shanghai');
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(cell(/^Ivan Smirnov, Friday/)).toHaveAccessibleName(/22:00–06:00/);
	await expect(cell(/^Ivan Smirnov, Friday/)).toContainText('Shanghai');

	await expect(page.getByRole('heading', { name: 'Gaps' })).toBeVisible();
	await expect(page.getByText('Blue Shoes').last()).toBeVisible();
});

test('an agent sees the week and cannot change it', async ({ page, signIn }) => {
	await signIn('agent', '/settings/shifts');
	await expect(page.getByText('Only admins change shifts.')).toBeVisible();
	await expect(page.getByRole('button', { name: 'New shift' })).toBeHidden();
	await page.getByRole('gridcell', { name: /^Ivan Smirnov, Friday/ }).focus();
	await page.keyboard.press('Enter');
	await expect(page.getByRole('dialog')).toBeHidden();
	await accessible(page);
});
