import { freePort } from './programs';
import { accessible, expect, said, test } from './test';

test('a shop is made, described, stopped and started', async ({ page, signIn }) => {
	await signIn('owner', '/settings/shops');
	await page.getByRole('button', { name: 'New shop' }).click();
	await page.getByRole('dialog').getByLabel('Name').fill('Green Scarves');
	await accessible(page);
	await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
	await expect(page.getByRole('heading', { name: 'Green Scarves' })).toBeVisible();

	await page.getByLabel('Sender name').fill('The scarf people');
	await page.getByLabel('Signature').fill('Kind regards');
	await page.getByLabel('Language for customers').selectOption('it');
	await page.getByRole('button', { name: 'Save' }).last().click();
	await said(page, 'Saved');
	await page.reload();
	await expect(page.getByLabel('Sender name')).toHaveValue('The scarf people');

	const start = page.getByRole('button', { name: 'Activate' });
	if (await start.isVisible()) await start.click();
	await page.getByRole('button', { name: 'Stop' }).click();
	await expect(page.getByText('Stopped', { exact: true })).toBeVisible();
	await page.getByRole('button', { name: 'Undo' }).first().click();
	await expect(page.getByText('Stopped', { exact: true })).toBeHidden();
});

test('who answers: order by keyboard, fall-back, flags', async ({ page, signIn }) => {
	await signIn('admin', '/settings/shops');
	await page.getByRole('main').getByRole('link', { name: 'Blue Shoes' }).click();
	await page.getByLabel('Add a person').selectOption({ label: 'Giulia Conti' });
	await page.getByRole('button', { name: 'Add', exact: true }).click();
	await page.getByRole('button', { name: 'Move Giulia Conti up' }).focus();
	// Who has been given a role in the shop stands in the list too; at the top the key does nothing.
	for (let press = 0; press < 4; press++) await page.keyboard.press('Enter');
	const people = page.locator('ol > li');
	await expect(people.first()).toContainText('Giulia Conti');
	await expect(people.first()).toContainText('Primary');
	await page.getByLabel('If none of them can').selectOption('user');
	await page.getByRole('button', { name: 'Save' }).first().click();
	await expect(page.getByText('Choose a person.').first()).toBeVisible();
	await page.getByLabel('Person', { exact: true }).selectOption({ label: 'Olga Petrova' });
	await page.getByRole('button', { name: 'Save' }).first().click();
	await said(page, 'Saved');

	await people.last().getByText('What this person sees and takes').click();
	await people.last().getByLabel('Sees every conversation of the shop').uncheck();
	await expect(people.last().getByLabel(/Sees the unassigned ones too/)).toBeVisible();
	await accessible(page);
	await page.reload();
	await expect(people.first()).toContainText('Giulia Conti');
	await people.last().getByText('What this person sees and takes').click();
	const sees = people.last().getByLabel('Sees every conversation of the shop');
	await expect(sees).not.toBeChecked();
	await sees.check();
});

test('a mailbox: provider filled in, test with what is wrong, connected, disabled, deleted', async ({
	page,
	signIn
}) => {
	const closed = await freePort(); // nobody listens there
	await signIn('admin', '/settings/shops');
	await page.getByRole('main').getByRole('link', { name: 'Red Hats' }).click();
	await page.getByRole('link', { name: 'Connect a mailbox' }).click();

	await page.getByRole('button', { name: 'Connect', exact: true }).click();
	await expect(page.getByRole('textbox', { name: 'Address' })).toHaveAttribute('aria-invalid', 'true');
	await page.getByRole('textbox', { name: 'Address' }).fill('someone@gmail.com');
	await page.keyboard.press('Tab');
	await expect(page.getByLabel('Provider')).toHaveValue('gmail');
	await expect(page.getByText(/app password/).first()).toBeVisible();

	await page.getByRole('textbox', { name: 'Address' }).fill('hats@acme.example');
	await page.getByLabel('Provider').selectOption({ label: 'Another, servers by hand' });
	await page.getByLabel('Server', { exact: true }).first().fill('127.0.0.1');
	await page.getByLabel('Port').first().fill(String(closed));
	await page.getByLabel('Encryption').first().selectOption('none');
	await page.getByLabel('Server', { exact: true }).last().fill('127.0.0.1');
	await page.getByLabel('Port').last().fill(String(closed));
	await page.getByLabel('Encryption').last().selectOption('none');
	await page.getByLabel('Password', { exact: true }).fill('secret');
	await page.getByRole('button', { name: 'Test connection' }).click();
	await expect(page.getByText('Something does not work yet')).toBeVisible();
	await expect(page.getByText(/incoming mail.*cannot be reached/)).toBeVisible();
	await accessible(page);

	await page.getByRole('button', { name: 'Connect', exact: true }).click();
	await expect(page.getByRole('heading', { name: 'hats@acme.example' })).toBeVisible();
	await expect(page.getByText('Everything that arrived')).toBeVisible();
	await page.getByRole('button', { name: 'Disable' }).click();
	await expect(page.getByText('Disabled', { exact: true })).toBeVisible();
	await accessible(page);

	// A new server asks for the password again; without it the change is refused at its place.
	await page.getByLabel('Server', { exact: true }).first().fill('localhost');
	const save = page.getByRole('button', { name: 'Save' }).last();
	await save.click();
	await expect(page.getByRole('alert').first()).toBeVisible();
	await page.getByLabel('Password', { exact: true }).fill('secret');
	await save.click();
	await said(page, 'Saved');

	await page.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
	await expect(page.getByText('No mailbox connected')).toBeVisible();
});
