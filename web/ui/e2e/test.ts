// The test of the settings: pages of the organisation without mail, signing in there, waiting for a toast.
import { expect, type Page } from '@playwright/test';
import { call, test as base } from './desk';
import { password, type Organisation } from './organisation';

export { accessible } from './screen';
export { expect };
export type Role = 'owner' | 'admin' | 'agent';

function organisation(): Organisation {
	return JSON.parse(process.env.DESKBELL_ORGANISATION ?? '') as Organisation;
}

export function credentials(role: Role): { email: string; password: string } {
	return { email: organisation()[role], password };
}

export const test = base.extend<{ signIn: (role: Role, path?: string) => Promise<void> }>({
	// Known while the tests run: the server is started after the configuration was read.
	// eslint-disable-next-line no-empty-pattern -- Playwright wants a pattern here
	baseURL: async ({}, use) => use(organisation().url),
	// Signs in by a call, not by the form, and opens a page.
	signIn: async ({ page, context }, use) =>
		use(async (role, path = '/settings/profile') => {
			await call(context.request, 'POST', '/session', { ...credentials(role), keep: false });
			await page.goto(path);
			await expect(page.getByRole('main')).toBeVisible();
		})
});

/** Waits for a toast. */
export async function said(page: Page, text: string): Promise<void> {
	await expect(page.getByRole('group', { name: text, exact: true })).toBeVisible();
}
