import { startEmpty, type Empty } from './programs';
import { accessible, expect, test } from './test';

let server: Empty;

test.beforeAll(async () => {
	server = await startEmpty();
});
test.afterAll(() => server.stop());

test('the first person creates the owner with the printed code', async ({ page }) => {
	await page.goto(server.url);
	await expect(page.getByRole('heading', { name: 'Create the owner' })).toBeVisible();
	await accessible(page);

	await page.getByRole('button', { name: 'Create and sign in' }).click();
	await expect(page.getByRole('alert').filter({ hasText: 'Enter the code' })).toBeVisible();
	await expect(page.getByLabel('Set-up code')).toHaveAttribute('aria-invalid', 'true');

	await page.getByLabel('Organisation').fill('Acme Trading');
	await page.getByLabel('Your name').fill('Olga Petrova');
	await page.getByLabel('E-mail').fill('olga@acme.example');
	await page.getByLabel('Password', { exact: true }).fill('short');
	await page.getByLabel('Set-up code').fill('AAAA-BBBB-CCCC-DDDD');
	await page.getByRole('button', { name: 'Create and sign in' }).click();
	await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('aria-invalid', 'true');

	await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
	await page.getByRole('button', { name: 'Create and sign in' }).click();
	await expect(page.getByLabel('Set-up code')).toHaveAttribute('aria-invalid', 'true');

	await page.getByLabel('Set-up code').fill(server.code);
	await page.getByRole('button', { name: 'Create and sign in' }).click();
	await expect(page).toHaveURL(/\/settings\/shops$/);
	await expect(page.getByText('No shops yet')).toBeVisible();
	await accessible(page);

	// It works once: afterwards the same address offers to sign in.
	await page.context().clearCookies();
	await page.goto(server.url);
	await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
	await expect(page.getByText('Acme Trading')).toBeVisible();
});
