import { afterEach, beforeEach, expect, it } from 'vitest';
import { here, match, navigate, setQuery, startRouter } from './router.svelte';

let stop = () => {};

beforeEach(() => {
	window.history.replaceState(null, '', '/');
	stop = startRouter();
});
afterEach(() => {
	stop();
	document.body.replaceChildren();
});

function link(href: string, attributes: Record<string, string> = {}): HTMLAnchorElement {
	const anchor = document.createElement('a');
	anchor.href = href;
	for (const [name, value] of Object.entries(attributes)) anchor.setAttribute(name, value);
	document.body.append(anchor);
	return anchor;
}

/** Clicks and tells whether the browser would have followed the link by itself. */
function click(anchor: HTMLAnchorElement, how: MouseEventInit = {}): boolean {
	const event = new MouseEvent('click', { bubbles: true, cancelable: true, button: 0, ...how });
	let left = true;
	const last = (each: Event) => {
		left = !each.defaultPrevented;
		each.preventDefault(); // jsdom cannot leave the page
	};
	window.addEventListener('click', last, { once: true });
	anchor.dispatchEvent(event);
	return left;
}

it('fits patterns with parameters and an optional end', () => {
	expect(match('/inbox/:view/:conversation?', '/inbox/mine')).toEqual({ view: 'mine' });
	expect(match('/inbox/:view/:conversation?', '/inbox/mine/7')).toEqual({ view: 'mine', conversation: '7' });
	expect(match('/inbox/:view/:conversation?', '/inbox')).toBeNull();
	expect(match('/inbox/:view', '/settings/mine')).toBeNull();
	expect(match('/inbox/:view', '/inbox/mine/7')).toBeNull();
	expect(match('/invite/:token', '/invite/a%2Fb')).toEqual({ token: 'a/b' });
	expect(match('/invite/:token', '/invite/%E0%A4%A')).toBeNull();
});

it('moves without loading, and Back returns', async () => {
	navigate('/inbox/mine?shop=3');
	navigate('/settings/tags');
	expect(here().path).toBe('/settings/tags');
	const back = new Promise((resolve) => window.addEventListener('popstate', resolve, { once: true }));
	window.history.back();
	await back;
	expect(here().path).toBe('/inbox/mine');
	expect(here().query.get('shop')).toBe('3');
});

it('changes the query and leaves the rest', () => {
	navigate('/inbox/all?shop=3&sort=newest');
	setQuery({ shop: null, tag: '5' });
	expect(window.location.search).toBe('?sort=newest&tag=5');
	setQuery({ sort: null, tag: null });
	expect(window.location.search).toBe('');
});

it('keeps plain clicks on own links inside', () => {
	expect(click(link('/settings/tags'))).toBe(false);
	expect(here().path).toBe('/settings/tags');
});

it('leaves to the browser what opens elsewhere', () => {
	expect(click(link('/settings/tags'), { ctrlKey: true })).toBe(true);
	expect(click(link('/settings/tags', { target: '_blank' }))).toBe(true);
	expect(click(link('/file.eml', { download: '' }))).toBe(true);
	expect(click(link('/api/v1/attachments/3'))).toBe(true);
	expect(click(link('https://other.example/'))).toBe(true);
	expect(here().path).toBe('/');
});
