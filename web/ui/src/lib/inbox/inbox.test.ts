// The arithmetic of the inbox: which rows are rendered, what is due, what a thread shows, the way
// back of an act on many, addresses in texts.
import { describe, expect, it, vi } from 'vitest';
import type { Conversation, Message } from '$lib/api/types';
import type { LogEvent } from '$lib/live/frames';
import { session } from '$lib/session/session.svelte';
import { bulkWayBack } from './acts';
import { dueOf } from './due';
import { entriesOf } from './entries';
import { eventText } from './events';
import { linked } from './links';
import { pageHeight } from './pageHeight';
import { alwaysShown, picturesShown, senderOf, showPictures, trustSender } from './pictures';
import { scrollTo, windowOf } from './window';

describe('pageHeight', () => {
	it('grows with lines and with long lines, within bounds', () => {
		expect(pageHeight('')).toBe(160);
		expect(pageHeight('a\n'.repeat(20))).toBeGreaterThan(pageHeight('a\n'.repeat(10)));
		expect(pageHeight('a'.repeat(2_000))).toBeGreaterThan(pageHeight('a'.repeat(1_000)));
		expect(pageHeight('a\n'.repeat(100_000))).toBe(4_000);
	});
});

describe('pictures', () => {
	const from = (id: string, change: Partial<Message> = {}) =>
		({
			id,
			direction: 'in',
			unverified: false,
			from: { name: '', address: 'Pip@Orchard.example' },
			...change
		}) as Message;

	it('are shown for one message that was asked for', () => {
		showPictures(from('1'));
		expect(picturesShown(from('1'))).toBe(true);
		expect(picturesShown(from('2'))).toBe(false);
	});

	it('are shown for a sender who is trusted, unless it may be somebody else', async () => {
		const settings: Record<string, unknown> = { pictures_from: ['old@orchard.example'] };
		session.me = { settings } as unknown as typeof session.me;
		vi.stubGlobal('fetch', async (_url: string, init: RequestInit) => {
			Object.assign(settings, (JSON.parse(String(init.body)) as { settings: object }).settings);
			return Response.json({ settings: { ...settings } });
		});
		await trustSender(from('3'), true);
		expect(settings.pictures_from).toEqual(['pip@orchard.example', 'old@orchard.example']);
		expect(alwaysShown(from('4'))).toBe(true);
		expect(senderOf(from('4', { unverified: true }))).toBe('');
		expect(picturesShown(from('4', { unverified: true }))).toBe(false);
		await trustSender(from('3'), false);
		expect(settings.pictures_from).toEqual(['old@orchard.example']);
		expect(picturesShown(from('4'))).toBe(false);
		vi.unstubAllGlobals();
		session.me = null;
	});
});

describe('windowOf', () => {
	it('renders what is seen and a few more, within the list', () => {
		expect(windowOf(10_000, 72, 0, 720)).toEqual({ start: 0, end: 19 });
		const middle = windowOf(10_000, 72, 72 * 5_000, 720);
		expect(middle).toEqual({ start: 4_992, end: 5_019 });
		expect(windowOf(10_000, 72, 72 * 9_999, 720).end).toBe(10_000);
		expect(windowOf(0, 72, 0, 720)).toEqual({ start: 0, end: 0 });
	});

	it('stands a list that shrank under the scroll position', () => {
		const { start, end } = windowOf(5, 72, 72 * 500, 720);
		expect(start).toBeLessThanOrEqual(end);
		expect(end).toBe(5);
	});

	it('scrolls no further than needed', () => {
		expect(scrollTo(3, 72, 0, 720)).toBe(0);
		expect(scrollTo(10, 72, 0, 720)).toBe(72);
		expect(scrollTo(2, 72, 500, 720)).toBe(144);
	});
});

describe('dueOf', () => {
	const now = Date.parse('2026-01-05T09:00:00Z');
	const at = (change: Partial<Conversation>) => dueOf({ state: 'open', ...change } as Conversation, now)?.kind ?? null;

	it('tells overdue, soon, later, waiting and snoozed apart', () => {
		expect(at({ due_at: '2026-01-05T08:59:59Z' })).toBe('overdue');
		expect(at({ due_at: '2026-01-05T10:59:00Z' })).toBe('soon');
		expect(at({ due_at: '2026-01-05T11:01:00Z' })).toBe('later');
		expect(at({ due_at: null, waiting_since: '2026-01-05T08:00:00Z' })).toBe('waiting');
		expect(at({ state: 'snoozed', snoozed_until: '2026-01-06T08:00:00Z', due_at: '2026-01-05T08:00:00Z' })).toBe(
			'snoozed'
		);
		expect(at({ due_at: null, waiting_since: null })).toBeNull();
	});
});

describe('entriesOf', () => {
	const message = (id: string, minute: number, state = 'received') =>
		({ id, at: `2026-01-05T09:${String(minute).padStart(2, '0')}:00Z`, state }) as Message;
	const event = (seq: number, minute: number, kind = 'conversation.closed') =>
		({
			seq,
			kind,
			at: `2026-01-05T09:${String(minute).padStart(2, '0')}:00Z`,
			actor: '1',
			data: {}
		}) as unknown as LogEvent;

	it('puts lines that follow each other together, between the messages', () => {
		const entries = entriesOf([message('1', 0), message('2', 10)], [event(1, 2), event(2, 3), event(3, 12)], false);
		expect(entries.map((each) => each.message?.id ?? each.lines.length)).toEqual(['1', 2, '2', 1]);
	});

	it('has no line for events nobody needs, and no card for a withdrawn reply', () => {
		const entries = entriesOf([message('1', 0, 'withdrawn')], [event(1, 1, 'draft.saved')], false);
		expect(entries).toEqual([]);
	});

	it('shows a subject where it changed, not where an answer repeats it', () => {
		const subjects = [
			'Late parcel',
			'Re: Late parcel',
			'AW: RE[2]: late  parcel',
			'回复：Wrong colour',
			'Ответ: Wrong colour',
			''
		];
		const messages = subjects.map((subject, index) => ({ ...message(String(index), index), subject }));
		const shown = entriesOf(messages, [], false).map((each) => each.subject ?? '');
		expect(shown).toEqual(['', '', '', '回复：Wrong colour', '', '']);
	});

	it('leaves out what happened before the first message that was read', () => {
		expect(entriesOf([message('1', 5)], [event(1, 1)], true).map((each) => each.key)).toEqual(['m1']);
	});
});

describe('bulkWayBack', () => {
	const row = (id: string, change: Partial<Conversation>) =>
		({
			id,
			state: 'open',
			assignee: null,
			tags: [],
			unread: false,
			closed_reason: '',
			snoozed_until: null,
			...change
		}) as Conversation;

	it('leads each back to whom it belonged, together where it is the same', () => {
		const before = [
			row('1', { assignee: '5' }),
			row('2', {}),
			row('3', { assignee: '5' }),
			row('4', { assignee: '9' })
		];
		expect(bulkWayBack(before, { op: 'assign', user: '9' })).toEqual([
			{ ids: ['1', '3'], body: { op: 'assign', user: '5' } },
			{ ids: ['2'], body: { op: 'assign', user: null } }
		]);
	});

	it('takes a tag only from those that did not have it', () => {
		const before = [row('1', { tags: ['7'] }), row('2', {})];
		expect(bulkWayBack(before, { op: 'tag', tag: '7' })).toEqual([{ ids: ['2'], body: { op: 'untag', tag: '7' } }]);
	});

	it('opens again what was open and wakes what slept too late', () => {
		const before = [row('1', {}), row('2', { state: 'snoozed', snoozed_until: '2020-01-01T00:00:00Z' })];
		expect(bulkWayBack(before, { op: 'state', state: 'closed' })).toEqual([
			{ ids: ['1', '2'], body: { op: 'state', state: 'open' } }
		]);
	});
});

describe('linked', () => {
	it('finds addresses and leaves the sentence its full stop', () => {
		expect(linked('See https://a.example/x?y=1. (http://b.example)')).toEqual([
			{ text: 'See ' },
			{ text: 'https://a.example/x?y=1', href: 'https://a.example/x?y=1' },
			{ text: '. (' },
			{ text: 'http://b.example', href: 'http://b.example' },
			{ text: ')' }
		]);
		expect(linked('javascript:alert(1)')).toEqual([{ text: 'javascript:alert(1)' }]);
		expect(linked('')).toEqual([]);
	});
});

describe('eventText', () => {
	const event = (kind: string, data: Record<string, unknown>) =>
		({
			seq: 1,
			prev: 0,
			kind,
			at: '2026-01-01T10:00:00Z',
			shop: '1',
			conversation: '7',
			actor: null,
			data
		}) as LogEvent;

	it('says why a reply came back, and says it once', () => {
		const why = { code: 'undelivered_full', params: { status: '5.2.2', permanent: true } };
		expect(eventText(event('message.failed', { message: '3', reason: why }))).toContain('mailbox is full');
		expect(eventText(event('message.failed', { message: '3', reason: { code: 'send_refused' } }))).toBe('');
		expect(eventText(event('conversation.opened', { state: 'open', reason: { code: 'reply_undelivered' } }))).toBe('');
		expect(eventText(event('conversation.opened', { state: 'open' }))).not.toBe('');
	});
});
