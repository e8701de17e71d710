import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Announcer, announcer } from './announcer.svelte';
import { toasts } from './toasts.svelte';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
	for (const toast of toasts.shown) toasts.dismiss(toast.key);
	toasts.keep = false;
	vi.useRealTimers();
});

const texts = () => toasts.shown.map((toast) => toast.text);

it('goes away by itself, later if it has a button, never if it is a failure', () => {
	toasts.show('saved');
	toasts.show('closed', { undo: () => undefined });
	toasts.show('refused', { kind: 'failed' });
	vi.advanceTimersByTime(5_000);
	expect(texts()).toEqual(['closed', 'refused']);
	vi.advanceTimersByTime(60_000);
	expect(texts()).toEqual(['refused']);
});

it('stays for those who want messages to stay', () => {
	toasts.keep = true;
	toasts.show('closed', { undo: () => undefined });
	vi.advanceTimersByTime(60_000);
	expect(texts()).toEqual(['closed']);
});

it('rests while it is looked at', () => {
	toasts.show('saved');
	const [toast] = toasts.shown;
	if (!toast) throw new Error('nothing shown');
	toasts.hold(toast);
	vi.advanceTimersByTime(60_000);
	expect(texts()).toEqual(['saved']);
	toasts.release(toast);
	vi.advanceTimersByTime(5_000);
	expect(texts()).toEqual([]);
});

it('replaces its own kind and shows three at most', () => {
	for (const text of ['a', 'b']) toasts.show(text, { id: 'settings' });
	expect(texts()).toEqual(['b']);
	for (const text of ['c', 'd', 'e']) toasts.show(text);
	expect(texts()).toEqual(['c', 'd', 'e']);
	expect(toasts.history.slice(0, 3).map((toast) => toast.text)).toEqual(['e', 'd', 'c']);
});

it('undoes the newest thing that can be undone, once', () => {
	const undo = vi.fn();
	toasts.show('closed', { undo });
	toasts.show('saved');
	expect(toasts.undoLast()).toBe(true);
	expect(undo).toHaveBeenCalledTimes(1);
	expect(toasts.undoLast()).toBe(false);
});

it('tells screen readers of failures at once', () => {
	toasts.show('not sent', { kind: 'failed' });
	expect(announcer.alert).toBe('not sent');
});

it('merges news for screen readers, once in five seconds', () => {
	const own = new Announcer();
	own.say('one new conversation');
	own.say('saved');
	own.say('saved');
	vi.advanceTimersByTime(100);
	expect(own.polite).toBe('one new conversation. saved');
	own.say('closed');
	vi.advanceTimersByTime(4_000);
	expect(own.polite).toBe('one new conversation. saved');
	vi.advanceTimersByTime(1_100);
	expect(own.polite).toBe('closed');
});
