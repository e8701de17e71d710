import { accessible, credentials, expect, said, test } from './test';

test('signing in by keyboard alone, after a wrong password', async ({ page }) => {
	const { email, password } = credentials('agent');
	await page.goto('/settings/profile');
	await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
	await accessible(page);

	await page.getByLabel('E-mail').focus();
	await page.keyboard.type(email);
	await page.keyboard.press('Tab');
	await page.keyboard.type('not the password');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('alert').filter({ hasText: 'E-mail or password is wrong' })).toBeVisible();
	await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');

	await page.getByLabel('Password', { exact: true }).focus();
	await page.keyboard.type(password);
	await page.keyboard.press('Enter');
	// The address asked for is where one arrives.
	await expect(page.getByRole('heading', { level: 1, name: 'Profile' })).toBeVisible();
});

test('an ended session keeps the screen and goes on after signing in again', async ({ page, signIn }) => {
	await signIn('agent');
	const name = page.getByLabel('Your name');
	await name.fill('Ivan Ivanovich Smirnov');
	await page.context().clearCookies();
	await page.getByRole('button', { name: 'Save' }).click();

	const dialog = page.getByRole('dialog', { name: 'Sign in again' });
	await expect(dialog).toBeVisible();
	await page.keyboard.press('Escape');
	await expect(dialog).toBeVisible();
	await accessible(page);
	await dialog.getByLabel('Password', { exact: true }).fill(credentials('agent').password);
	await page.keyboard.press('Enter');

	await expect(dialog).toBeHidden();
	await said(page, 'Saved');
	await expect(name).toHaveValue('Ivan Ivanovich Smirnov');
	await name.fill('Ivan Smirnov');
	await page.getByRole('button', { name: 'Save' }).click();
});

test('a change of language keeps what is being typed', async ({ page, signIn }) => {
	await signIn('agent');
	await page.getByLabel('Your name').fill('half a na');
	for (const [language, save] of [
		['Русский', 'Сохранить'],
		['Italiano', 'Salva'],
		['中文', '保存'],
		['English', 'Save']
	] as const) {
		await page
			.locator('section')
			.getByRole('combobox')
			.filter({ has: page.getByRole('option', { name: 'Italiano' }) })
			.selectOption({ label: language });
		await expect(page.getByRole('button', { name: save, exact: true })).toBeVisible();
		await expect(page.locator('input[autocomplete="name"]')).toHaveValue('half a na');
	}
	await expect(page.locator('html')).toHaveAttribute('lang', 'en');
});

test('theme and choices count at once and survive a reload', async ({ page, signIn }) => {
	await signIn('agent', '/settings/work');
	await page.getByRole('radio', { name: 'Dark' }).check();
	await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
	await page.getByRole('radio', { name: '20 seconds' }).check();
	await said(page, 'Saved');
	await page.reload();
	await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
	await expect(page.getByRole('radio', { name: '20 seconds' })).toBeChecked();
	await page.getByRole('radio', { name: 'As the system' }).check();
	await page.getByRole('radio', { name: '10 seconds' }).check();
	await said(page, 'Saved');
});

test('the palette takes keys typed right after Ctrl+K', async ({ page, signIn }) => {
	await signIn('owner', '/settings/work');
	await page.keyboard.press('Control+k');
	await page.keyboard.type('audit');
	await expect(page.getByRole('option', { name: 'Audit log' })).toBeVisible();
	await accessible(page);
	await page.keyboard.press('Enter');
	await expect(page.getByRole('heading', { level: 1, name: 'Audit log' })).toBeVisible();
	await page.goBack();
	await expect(page.getByRole('heading', { level: 1, name: 'Appearance and work' })).toBeVisible();
});

test('keys can be changed and single keys switched off', async ({ page, signIn }) => {
	await signIn('agent', '/settings/shortcuts');
	await page.keyboard.press('?');
	await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
	await accessible(page);
	await page.keyboard.press('Escape');

	await page.getByRole('button', { name: 'Change key: Go to settings' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByRole('textbox').focus();
	await page.keyboard.press('Alt+s');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await page.getByRole('link', { name: 'Tags' }).click();
	await page.keyboard.press('Alt+s');
	await expect(page.getByRole('heading', { level: 1, name: 'Profile' })).toBeVisible();

	await page.goto('/settings/shortcuts');
	await page.getByLabel('Use single-key shortcuts').uncheck();
	await said(page, 'Saved');
	await page.getByRole('heading', { level: 1 }).focus();
	await page.keyboard.press('?');
	await expect(page.getByRole('dialog')).toBeHidden();
	await page.getByLabel('Use single-key shortcuts').check();
	await page.getByRole('button', { name: 'Change key: Go to settings' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Default' }).click();
	await said(page, 'Saved');
});

test('a token is shown once and can be revoked', async ({ page, signIn }) => {
	await signIn('agent', '/settings/tokens');
	await page.getByRole('button', { name: 'Create token' }).click();
	await expect(page.getByLabel('What it is for')).toHaveAttribute('aria-invalid', 'true');
	await page.getByLabel('What it is for').fill('Morning report');
	await page.getByRole('button', { name: 'Create token' }).click();
	const token = await page.getByLabel('Morning report').inputValue();
	expect(token.length).toBeGreaterThan(20);
	const bearer = { headers: { Authorization: `Bearer ${token}` } };
	expect((await page.request.get('/api/v1/me', bearer)).status()).toBe(200);

	await page.reload();
	await expect(page.getByText(token)).toBeHidden();
	await page.getByRole('button', { name: 'Revoke' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
	await expect(page.getByText('You have no tokens')).toBeVisible();
});

test('devices are listed and can be signed out', async ({ page, signIn, browser, baseURL }) => {
	const other = await browser.newContext({ baseURL });
	await other.request.post('/api/v1/session', { data: { ...credentials('agent'), keep: false } });
	await signIn('agent', '/settings/security');
	await expect(page.getByText('This device')).toBeVisible();
	const end = page.getByRole('main').getByRole('button', { name: 'Sign out' });
	const count = await end.count();
	expect(count).toBeGreaterThan(1);
	const mine = page.getByRole('listitem').filter({ hasText: 'This device' });
	await expect(mine).toHaveCount(1);
	for (let left = count; left > 1; left--) {
		await page
			.getByRole('main')
			.getByRole('listitem')
			.filter({ hasNotText: 'This device' })
			.filter({ has: page.getByRole('button', { name: 'Sign out' }) })
			.first()
			.getByRole('button')
			.click();
		await expect(end).toHaveCount(left - 1);
	}
	expect((await other.request.get('/api/v1/me')).status()).toBe(401);
	await other.close();
});

test('break and back, from the navigation', async ({ page, signIn }) => {
	await signIn('agent', '/settings/tags');
	const status = page.getByRole('button', { name: /Ivan Smirnov: Available/ });
	await status.focus();
	await page.keyboard.press('Enter');
	await expect(page.getByRole('menuitem', { name: 'Available' })).toBeFocused();
	await accessible(page);
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('button', { name: /On a break until/ })).toBeVisible();
	await page.reload();
	await page.getByRole('button', { name: /On a break until/ }).click();
	await page.getByRole('menuitem', { name: 'Available' }).click();
	await expect(status).toBeVisible();
});
