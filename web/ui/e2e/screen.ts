// What every screen has to be: accessible in both themes, and no wider than its window.
import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Puts a theme on the page, and waits until the colours have changed over. */
async function paint(page: Page, theme: string | undefined): Promise<void> {
	await page.evaluate(async (name) => {
		document.documentElement.dataset.theme = name;
		const changes = document.getAnimations().filter((each) => each instanceof CSSTransition);
		await Promise.allSettled(changes.map((each) => each.finished));
	}, theme);
}

/** Finds no fault with what is shown, or with a part of it, in the light and in the dark theme. */
export async function accessible(page: Page, part = 'html'): Promise<void> {
	const before = await page.evaluate(() => document.documentElement.dataset.theme);
	for (const theme of ['light', 'dark']) {
		await paint(page, theme);
		const { violations } = await new AxeBuilder({ page }).include(part).withTags(rules).analyze();
		const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
		expect(found, `accessibility, ${theme}, ${page.url()}`).toEqual([]);
	}
	await paint(page, before);
}

/** The page does not scroll sideways. */
export async function fits(page: Page): Promise<void> {
	const excess = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
	expect(excess, `pixels beyond the window, ${page.url()}`).toBeLessThanOrEqual(0);
}
