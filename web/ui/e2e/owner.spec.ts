// The first hour of an owner: from an empty server to a shop that receives mail and a colleague in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { company, expect, password, row, test, toast } from './desk';
import { accessible } from './screen';
import { certificateOf, Postman, raw } from './mail';
import { startEmpty, type Empty } from './programs';

const spare = 'spare@deskbell-demo.example';
let server: Empty;
let folder: string;

test.beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'deskbell-e2e-certificate-'));
	const certificates = join(folder, 'mail.pem');
	writeFileSync(certificates, await certificateOf(company().loopback.imap));
	server = await startEmpty(certificates);
});
test.afterAll(async () => {
	await server?.stop();
	rmSync(folder, { recursive: true, force: true });
});

test('an owner sets up, connects a mailbox and brings in an agent', async ({ visit }) => {
	const { loopback, mailboxes } = company();
	const page = await visit(server.url, { permissions: ['clipboard-read', 'clipboard-write'] });

	// The set-up page wants the code that the server printed.
	await page.getByLabel('Organisation').fill('Harbour Books');
	await page.getByLabel('Your name').fill('Nora Ashdown');
	await page.getByLabel('E-mail').fill('nora@harbourbooks.example');
	await page.getByLabel('Password', { exact: true }).fill(password);
	await page.getByLabel('Set-up code').fill('AAAA-BBBB-CCCC-DDDD');
	await page.getByRole('button', { name: 'Create and sign in' }).click();
	await expect(page.getByLabel('Set-up code')).toHaveAttribute('aria-invalid', 'true');
	await accessible(page);
	await page.getByLabel('Set-up code').fill(server.code);
	await page.getByRole('button', { name: 'Create and sign in' }).click();
	await expect(page.getByRole('heading', { level: 1, name: 'Shops' })).toBeVisible();

	// Once there is an owner, the same address offers to sign in.
	await page.context().clearCookies();
	await page.goto(server.url);
	await page.getByLabel('E-mail').fill('nora@harbourbooks.example');
	await page.getByLabel('Password', { exact: true }).fill(password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('link', { name: 'Settings' }).first().click();
	await page.getByRole('link', { name: 'Shops', exact: true }).click();

	await page.getByRole('button', { name: 'New shop' }).first().click();
	await page.getByRole('dialog').getByLabel('Name').fill('Quay Street');
	await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
	await expect(page.getByRole('heading', { name: 'Quay Street' })).toBeVisible();

	// A wrong password is told as such, for both servers; the right one connects.
	await page.getByRole('link', { name: 'Connect a mailbox' }).first().click();
	await page.getByRole('textbox', { name: 'Address' }).fill(spare);
	for (const [group, at] of [
		['Incoming mail (IMAP)', loopback.imap],
		['Outgoing mail (SMTP)', loopback.smtp]
	] as const) {
		const [host = '', port = ''] = at.split(':');
		const fields = page.getByRole('group', { name: group });
		await fields.getByLabel('Server', { exact: true }).fill(host);
		await fields.getByLabel('Port').fill(port);
	}
	await page.getByLabel('Password', { exact: true }).fill('not the password');
	await page.getByRole('button', { name: 'Test connection' }).click();
	const result = page.getByRole('status').filter({ hasText: 'Something does not work yet' });
	await expect(result).toContainText('The server for incoming mail refuses user name or password');
	await accessible(page);
	await page.getByLabel('Password', { exact: true }).fill(mailboxes[spare] ?? '');
	await page.getByRole('button', { name: 'Test connection' }).click();
	await expect(page.getByRole('status').filter({ hasText: 'Everything works' })).toBeVisible();
	await page.getByRole('button', { name: 'Connect', exact: true }).click();
	await expect(page.getByRole('heading', { name: spare })).toBeVisible();

	// Whom an owner invites is meant to be an admin, and the screen says so.
	await page.getByRole('link', { name: 'People' }).click();
	await page.getByRole('button', { name: 'Invite' }).click();
	const dialog = page.getByRole('dialog');
	await expect(dialog).toContainText('Whoever the owner adds starts as admin');
	await expect(dialog.getByRole('radio', { name: 'admin' })).toBeChecked();
	await dialog.getByLabel('E-mail').fill('owen@harbourbooks.example');
	await dialog.getByLabel('Name').fill('Owen Varley');
	await accessible(page);
	await dialog.getByRole('button', { name: 'Invite' }).click();
	const link = await dialog.getByLabel('Link').inputValue();
	await dialog.getByRole('button', { name: 'Done' }).click();

	const colleague = await visit(link);
	await expect(colleague.getByText('Harbour Books invites owen@harbourbooks.example as admin')).toBeVisible();
	await colleague.getByLabel('Password', { exact: true }).fill(password);
	await colleague.getByRole('button', { name: 'Accept and sign in' }).click();
	await expect(colleague).toHaveURL(/\/inbox\//);
	await colleague.goto(`${server.url}/settings/tags`);
	await expect(colleague.getByRole('button', { name: 'New tag' })).toBeVisible();

	// As an agent he sees tags and cannot make one, without signing in anew.
	await page.reload();
	const owen = page.getByRole('row', { name: /Owen Varley/ });
	await expect(owen).toContainText('admin');
	await owen.getByRole('button', { name: /Actions for/ }).click();
	await page.getByRole('menuitem', { name: 'Change roles' }).click();
	await page.getByRole('dialog').getByLabel('Everywhere').selectOption({ label: 'agent' });
	await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await expect(toast(page, 'Saved')).toBeVisible();
	await expect(owen).toContainText('agent');
	await colleague.reload();
	await expect(colleague.getByText('Only admins make and change tags')).toBeVisible();
	await expect(colleague.getByRole('button', { name: 'New tag' })).toBeHidden();
	expect((await colleague.request.post(`${server.url}/api/v1/tags`, { data: { name: 'late' } })).status()).toBe(403);

	// What customers write to the mailbox is seen without a reload.
	await page.goto(`${server.url}/inbox/all`);
	await expect(page.getByText('Live', { exact: true })).toBeVisible();
	const postman = await Postman.at(loopback.imap, spare, mailboxes[spare] ?? '');
	const from = { name: 'Theo Larkspur', address: 'theo@letters.example' };
	await postman.deliver(
		'INBOX',
		raw({ from, to: spare, subject: 'Is the atlas in stock?', text: 'I would like two.' })
	);
	postman.close();
	await expect(row(page, 'Is the atlas in stock?')).toBeVisible();
});
