// @vitest-environment node
// Computes the contrast of every pair of colours that meet on the screen, after WCAG 2.2.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

function tokens(selector: string): Record<string, string> {
	const start = css.indexOf(selector);
	const body = css.slice(css.indexOf('{', start) + 1, css.indexOf('}', start));
	return Object.fromEntries([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((found) => [found[1], found[2]]));
}

function luminance(color: string): number {
	const [r, g, b] = [1, 3, 5].map((at) => {
		const part = parseInt(color.slice(at, at + 2), 16) / 255;
		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
	}) as [number, number, number];
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
	const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
	return (light + 0.05) / (dark + 0.05);
}

const surfaces = ['bg', 'panel', 'raised', 'sunken', 'selected'];
const tags = ['grey', 'red', 'orange', 'amber', 'green', 'teal', 'blue', 'indigo', 'purple', 'pink'];

const text: [string, string][] = [
	...['ink', 'ink-2', 'mute', 'accent'].flatMap((ink) => surfaces.map((on): [string, string] => [ink, on])),
	...['ok', 'warn', 'bad', 'info'].flatMap((ink): [string, string][] => [
		[ink, `${ink}-tint`],
		[ink, 'panel'],
		[ink, 'bg'],
		[ink, 'raised']
	]),
	['warn', 'selected'],
	['bad', 'selected'],
	['on-accent', 'accent'],
	['on-accent', 'accent-hover'],
	['on-bad', 'bad'],
	['note-ink', 'note'],
	['ink', 'note'],
	['mute', 'note'],
	...tags.map((tag): [string, string] => [`tag-${tag}`, `tag-${tag}-tint`])
];
const parts: [string, string][] = [
	...['control-line', 'accent'].flatMap((ink) => ['panel', 'raised', 'bg'].map((on): [string, string] => [ink, on])),
	...['ok', 'warn', 'bad'].map((ink): [string, string] => [ink, 'bg'])
];

describe.each([':root', "[data-theme='dark']"])('%s', (theme) => {
	const colors = tokens(theme);
	const of = (name: string) => colors[name] ?? expect.fail(`no token ${name}`);

	it.each(text)('text %s on %s is at least 4.5', (ink, on) => {
		expect(contrast(of(ink), of(on))).toBeGreaterThanOrEqual(4.5);
	});
	it.each(parts)('control %s on %s is at least 3', (ink, on) => {
		expect(contrast(of(ink), of(on))).toBeGreaterThanOrEqual(3);
	});
});

it('knows both themes by the same names', () => {
	expect(Object.keys(tokens("[data-theme='dark']"))).toEqual(Object.keys(tokens(':root')));
});
