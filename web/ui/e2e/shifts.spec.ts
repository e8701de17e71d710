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

test('a leave, an extra shift on it, and both taken back, by keyboard alone', async ({ page, signIn }) => {
	await signIn('admin', '/settings/shifts');
	const grid = page.getByRole('grid', { name: 'Shifts' });
	const wednesday = grid.getByRole('gridcell', { name: /^Giulia Conti, Wednesday/ });
	const thursday = grid.getByRole('gridcell', { name: /^Giulia Conti, Thursday/ });
	await wednesday.focus();
	await page.keyboard.press('l');
	const dialog = page.getByRole('dialog', { name: 'Absence or extra shift' });
	await expect(dialog.getByLabel('What')).toHaveValue('leave');
	await accessible(page);
	await dialog.getByLabel('Note').fill('At the sea');
	await page.keyboard.press('Enter');
	await expect(wednesday).toHaveAccessibleName(/: Leave$/);
	await expect(thursday).toHaveAccessibleName(/no shift/);

	await page.getByRole('button', { name: 'Absence or extra shift' }).press('Enter');
	await dialog.getByLabel('Person').selectOption('Giulia Conti');
	await dialog.getByLabel('What').selectOption('Extra shift');
	const day = await page.evaluate(() => {
		const monday = new Date();
		monday.setUTCDate(monday.getUTCDate() - ((monday.getUTCDay() + 6) % 7) + 2);
		return monday.toISOString().slice(0, 10);
	});
	await dialog.getByLabel('First day').fill(day);
	await dialog.getByLabel('Last day').fill(day);
	await dialog.getByLabel('To', { exact: true }).fill('12:00');
	await page.keyboard.press('Enter');
	await expect(wednesday).toHaveAccessibleName(/: Leave, Extra shift 09:00–12:00$/);

	await wednesday.focus();
	await page.keyboard.press('Delete');
	await page
		.getByRole('dialog')
		.getByRole('listitem')
		.filter({ hasText: 'Leave' })
		.getByRole('button', { name: 'Remove' })
		.click();
	await expect(wednesday).toHaveAccessibleName(/: Extra shift 09:00–12:00$/);
	await page.getByRole('button', { name: 'Undo' }).last().click();
	await expect(wednesday).toHaveAccessibleName(/: Leave, Extra/);
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
