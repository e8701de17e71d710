// The test of every specification: pages that fail on console errors (a refused script or style is
// one), signing in, and the accessibility check in both themes.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test as base, type Page } from '@playwright/test';

export { expect };
export type Role = 'owner' | 'admin' | 'agent';

export function credentials(role: Role): { email: string; password: string } {
	const text = process.env[`DESKBELL_${role.toUpperCase()}`] ?? '';
	const colon = text.indexOf(':');
	if (colon < 0) throw new Error(`DESKBELL_${role.toUpperCase()} is not "email:password"`);
	return { email: text.slice(0, colon), password: text.slice(colon + 1) };
}

export const test = base.extend<{ signIn: (role: Role, path?: string) => Promise<void> }>({
	// Set while the tests run: the server is started after the configuration was read.
	// eslint-disable-next-line no-empty-pattern -- Playwright wants a pattern here
	baseURL: async ({}, use) => use(process.env.DESKBELL_URL),
	page: async ({ page }, use) => {
		const faults: string[] = [];
		page.on('pageerror', (error) => faults.push(error.message));
		page.on('console', (message) => {
			// The browser reports every refused call by itself; the screen deals with those.
			if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) faults.push(message.text());
		});
		await use(page);
		expect(faults, 'errors in the console').toEqual([]);
	},
	// Signs in by a call, not by the form, and opens a page.
	signIn: async ({ page, context }, use) =>
		use(async (role, path = '/settings/profile') => {
			const answer = await context.request.post('/api/v1/session', { data: { ...credentials(role), keep: false } });
			expect(answer.status(), await answer.text()).toBe(200);
			await page.goto(path);
			await expect(page.getByRole('main')).toBeVisible();
		})
});

/** Finds no fault with the page, in the light and in the dark theme. */
export async function accessible(page: Page): Promise<void> {
	for (const theme of ['light', 'dark']) {
		await page.evaluate((name) => (document.documentElement.dataset.theme = name), theme);
		const result = await new AxeBuilder({ page })
			.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
			.analyze();
		const found = result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
		expect(found, `accessibility, ${theme}`).toEqual([]);
	}
}

/** Waits for a toast. */
export async function said(page: Page, text: string): Promise<void> {
	await expect(page.getByRole('group', { name: text, exact: true })).toBeVisible();
}
