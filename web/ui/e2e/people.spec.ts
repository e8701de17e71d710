import { accessible, credentials, expect, test } from './test';

test('the owner invites; who follows the link starts as admin', async ({ page, signIn, browser, baseURL }) => {
	await signIn('owner', '/settings/people');
	await page.getByRole('button', { name: 'Invite' }).click();
	const dialog = page.getByRole('dialog', { name: 'Invite a person' });
	await expect(dialog.getByText('Whoever the owner adds starts as admin')).toBeVisible();
	await expect(dialog.getByRole('radio', { name: 'admin' })).toBeChecked();
	await accessible(page);
	await dialog.getByLabel('E-mail').fill('nadia@acme.example');
	await dialog.getByLabel('Name').fill('Nadia');
	await dialog.getByRole('button', { name: 'Invite' }).click();
	const link = await dialog.getByLabel('Link').inputValue();
	await dialog.getByRole('button', { name: 'Done' }).click();
	await expect(page.getByRole('row', { name: /Nadia/ })).toContainText('Invited');

	const guest = await browser.newContext({ baseURL, locale: 'en-GB' });
	const visitor = await guest.newPage();
	await visitor.goto(link);
	await expect(visitor.getByText(/Acme Trading invites nadia@acme.example as admin/)).toBeVisible();
	await expect(visitor.getByLabel('Your name')).toHaveValue('Nadia');
	await accessible(visitor);
	await visitor.getByLabel('Password', { exact: true }).fill('a long pass phrase');
	await visitor.getByRole('button', { name: 'Accept and sign in' }).click();
	await expect(visitor).toHaveURL(/\/inbox\/mine/);

	await visitor.goto(link);
	await expect(visitor.getByText('This link is no longer valid').first()).toBeVisible();
	await guest.close();

	await page.reload();
	await expect(page.getByRole('row', { name: /Nadia/ })).toContainText('admin everywhere');
});

test('roles, a new password, disabling and enabling', async ({ page, signIn, browser, baseURL }) => {
	await signIn('owner', '/settings/people');
	const row = page.getByRole('row', { name: /Nadia/ });
	const act = async (name: string) => {
		await row.getByRole('button', { name: /Actions for/ }).click();
		await page.getByRole('menuitem', { name }).click();
	};

	await act('Change roles');
	await page.getByLabel('Everywhere').selectOption({ label: 'None' });
	await page.getByLabel('Blue Shoes').selectOption({ label: 'agent' });
	await accessible(page);
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(row).toContainText('agent in Blue Shoes');

	await act('Link for a new password');
	const link = await page.getByLabel('Link', { exact: true }).inputValue();
	await page.getByRole('button', { name: 'Done' }).click();
	const guest = await browser.newContext({ baseURL, locale: 'en-GB' });
	const visitor = await guest.newPage();
	await visitor.goto(link);
	await expect(visitor.getByRole('heading', { name: 'Choose a new password' })).toBeVisible();
	await visitor.getByLabel('New password').fill('another pass phrase');
	await visitor.getByRole('button', { name: 'Set password and sign in' }).click();
	await expect(visitor).toHaveURL(/\/inbox\/mine/);

	await act('Disable');
	await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
	await expect(row).toContainText('Disabled');
	expect((await guest.request.get('/api/v1/me')).status()).toBe(401);
	await guest.close();
	await act('Enable');
	await expect(row).not.toContainText('Disabled');
});

test('the last owner cannot be taken away', async ({ page, signIn }) => {
	await signIn('owner', '/settings/people');
	await page
		.getByRole('row', { name: /Olga Petrova/ })
		.getByRole('button', { name: /Actions for/ })
		.click();
	await page.getByRole('menuitem', { name: 'Change roles' }).click();
	await page.getByLabel('Everywhere').selectOption({ label: 'agent' });
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(page.getByRole('alert').filter({ hasText: 'last person with these rights' })).toBeVisible();
});

test('an admin sets somebody’s status', async ({ page, signIn }) => {
	await signIn('admin', '/settings/people');
	const row = page.getByRole('row', { name: /Ivan Smirnov/ });
	const set = async (state: string) => {
		await row.getByRole('button', { name: /Actions for/ }).click();
		await page.getByRole('menuitem', { name: 'Set status' }).click();
		await page.getByRole('dialog').getByRole('radio', { name: state }).check();
		await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	};
	await set('On leave');
	await expect(row).toContainText('On leave');
	await set('Available');
	await expect(row).not.toContainText('On leave');
});

test('an agent is told whom to ask', async ({ page, signIn }) => {
	await signIn('agent', '/settings/people');
	await expect(page.getByText('You may not see this')).toBeVisible();
	await expect(page.getByRole('link', { name: 'Audit log' })).toBeHidden();
	await accessible(page);
	expect(credentials('agent').email).toContain('@');
});
