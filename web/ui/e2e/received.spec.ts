// What a mailbox received: a mail nobody can read is set aside, an admin sees that and looks into it,
// and the counts add up with the mailbox; an agent gets none of it.
import { call, Desk, expect, loginOf, signedIn, test, toast } from './desk';
import { accessible, fits } from './screen';

let desk: Desk;
test.beforeAll(async () => (desk = await Desk.open('Ledger', ['Vera Holm'])));
test.afterAll(() => desk.close());

test('a mail that cannot be read is set aside, looked into and ignored', async ({ enter }) => {
	await desk.receive({ subject: 'A lamp that hums', text: 'It hums at night.' });
	await desk.conversation('A lamp that hums');
	const page = await enter(loginOf('owner'), '/settings/set-aside');
	await expect(page.getByRole('heading', { level: 1, name: 'Set aside' })).toBeVisible();
	const section = page.getByRole('link', { name: /^Set aside/ });
	const before = Number(/\d+/.exec((await section.textContent()) ?? '')?.[0] ?? 0);

	await desk.receiveBytes(Buffer.from('\r\n'));
	await expect(section).toContainText(String(before + 1)); // by the live event, without a reload
	await accessible(page);

	await page
		.getByRole('row', { name: new RegExp(desk.address) })
		.getByRole('button', { name: 'No subject' })
		.click();
	const dialog = page.getByRole('dialog');
	await expect(dialog).toContainText('The mail could not be read');
	await dialog.getByRole('button', { name: 'Source' }).click();
	await expect(dialog.getByRole('group', { name: 'Source of the mail' })).toBeVisible();
	await expect(dialog.getByRole('link', { name: 'Download all of it' })).toHaveAttribute('href', /\/ledger\/\d+\/raw$/);
	await accessible(page);
	await dialog.getByRole('button', { name: 'Try again' }).click();
	await expect(toast(page, 'It still cannot be read')).toBeVisible();

	await dialog.getByRole('button', { name: 'Ignore' }).click();
	await dialog.getByLabel('Why is it ignored?').fill('An empty test mail');
	await dialog.getByRole('button', { name: 'Ignore' }).first().click();
	await expect(dialog).toContainText('An empty test mail');
	await page.keyboard.press('Escape');
	await expect(dialog).toBeHidden();
	if (before > 0) await expect(section).toContainText(String(before));
	else await expect(section).toHaveText('Set aside');
});

test('mailbox and ledger add up; what arrived is found, with its source', async ({ enter }) => {
	const page = await enter(loginOf('owner'), `/settings/connections/${desk.connection}/received`);
	await page.getByRole('button', { name: 'Count and read again' }).click();
	await expect(page.getByText('Everything adds up')).toBeVisible();
	const folder = page.getByRole('region', { name: 'Mailbox and ledger' }).getByRole('row').nth(1);
	await expect(folder.getByRole('cell')).toHaveText(['2', '2', '0', '0', '0', '0']);
	await page.getByLabel('Sender, subject or Message-ID').fill('hums');
	const entry = page.getByRole('button', { name: 'A lamp that hums' });
	await expect(entry).toBeVisible();
	await expect(page.getByRole('button', { name: 'No subject' })).toBeHidden();
	await entry.focus();
	await page.keyboard.press('Enter');
	await page.getByRole('dialog').getByRole('button', { name: 'Source' }).click();
	await expect(page.getByRole('dialog').getByText('Message-ID:')).toBeVisible();
	await page.keyboard.press('Escape');
	await accessible(page);
	await page.setViewportSize({ width: 360, height: 740 });
	await fits(page);
});

test('an agent sees none of it', async ({ enter }) => {
	const [vera] = desk.people;
	if (!vera) throw new Error('nobody is there');
	const page = await enter(vera, '/settings/set-aside');
	await expect(page.getByText('You may not see this')).toBeVisible();
	const api = await signedIn(vera);
	for (const path of ['/set-aside', '/alarms', `/connections/${desk.connection}/ledger`])
		expect((await api.get(`/api/v1${path}`)).status()).toBe(403);
	expect((await api.get('/api/v1/connections/999999/ledger')).status()).toBe(404);
	await expect(call(api, 'POST', '/set-aside/retry', {})).rejects.toThrow('403');
	await api.dispose();
});
