import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Me } from '$lib/api/types';
import { session } from '$lib/session/session.svelte';
import {
	commands,
	knownCommands,
	describeCommands,
	keysOf,
	press,
	registerCommands,
	type Command
} from './commands.svelte';
import { combination, isSingle, keyCaps } from './keys';
import { score, search } from './palette.svelte';

const key = (init: KeyboardEventInit) => new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init });
const command = (
	id: string,
	keys: string[],
	more: Partial<Command> = {}
): Command & { run: ReturnType<typeof vi.fn> } =>
	({
		id,
		title: 'common.save',
		group: 'list',
		keys,
		run: vi.fn(),
		...more
	}) as Command & { run: ReturnType<typeof vi.fn> };

const me = (settings: Me['settings']): Me => ({
	id: '1',
	email: 'ann@example.test',
	name: 'Ann',
	language: 'en',
	zone: 'UTC',
	organisation: 'Example',
	roles: [],
	permissions: {},
	settings,
	presence: { state: 'available', since: null, until: null }
});

let stops: (() => void)[] = [];
const offer = (...list: Command[]) => stops.push(registerCommands(list));

beforeEach(() => (session.me = me({})));
afterEach(() => {
	for (const stop of stops) stop();
	stops = [];
	session.me = null;
	document.body.replaceChildren();
});

it('names keys by the Latin letter, and by place in other layouts', () => {
	expect(combination(key({ key: 'j', code: 'KeyJ' }))).toBe('j');
	expect(combination(key({ key: 'о', code: 'KeyJ' }))).toBe('j'); // Russian
	expect(combination(key({ key: 'j', code: 'KeyC' }))).toBe('j'); // Dvorak
	expect(combination(key({ key: 'J', code: 'KeyJ', shiftKey: true }))).toBe('Shift+j');
	expect(combination(key({ key: 'Л', code: 'KeyK', shiftKey: true }))).toBe('Shift+k');
	expect(combination(key({ key: 'k', code: 'KeyK', ctrlKey: true }))).toBe('Mod+k');
	expect(combination(key({ key: 'Enter', code: 'Enter', ctrlKey: true, shiftKey: true }))).toBe('Mod+Shift+Enter');
	expect(combination(key({ key: '?', code: 'Slash', shiftKey: true }))).toBe('?');
	expect(combination(key({ key: '1', code: 'Digit1' }))).toBe('1');
	expect(combination(key({ key: 'Shift', code: 'ShiftLeft', shiftKey: true }))).toBe('');
});

it('runs a command and the row of keys of another', () => {
	const next = command('row.next', ['j']);
	const inbox = command('go.inbox', ['g i']);
	offer(next, inbox);
	expect(press(key({ key: 'j', code: 'KeyJ' }))).toBe(true);
	press(key({ key: 'g', code: 'KeyG' }));
	press(key({ key: 'i', code: 'KeyI' }));
	expect(next.run).toHaveBeenCalledTimes(1);
	expect(inbox.run).toHaveBeenCalledTimes(1);
});

it('begins anew when the second key fits nothing', () => {
	const next = command('row.next', ['j']);
	offer(next, command('go.inbox', ['g i']));
	press(key({ key: 'g', code: 'KeyG' }));
	press(key({ key: 'j', code: 'KeyJ' }));
	expect(next.run).toHaveBeenCalledTimes(1);
});

it('is silent while text is typed or composed', () => {
	const next = command('row.next', ['j']);
	const open = command('palette.open', ['Mod+k'], { whileTyping: true });
	offer(next, open);
	const input = document.createElement('textarea');
	document.body.append(input);
	const typed = (init: KeyboardEventInit) => {
		const event = key(init);
		input.addEventListener('keydown', press, { once: true });
		input.dispatchEvent(event);
	};
	typed({ key: 'j', code: 'KeyJ' });
	expect(next.run).not.toHaveBeenCalled();
	typed({ key: 'k', code: 'KeyK', ctrlKey: true });
	expect(open.run).toHaveBeenCalledTimes(1);
	press(key({ key: 'j', code: 'KeyJ', isComposing: true }));
	expect(next.run).not.toHaveBeenCalled();
});

it('lets the later screen win and gives the key back', () => {
	const first = command('row.next', ['j']);
	const second = command('message.next', ['j']);
	offer(first);
	const stop = registerCommands([second]);
	press(key({ key: 'j', code: 'KeyJ' }));
	stop();
	press(key({ key: 'j', code: 'KeyJ' }));
	expect([first.run, second.run].map((run) => run.mock.calls.length)).toEqual([1, 1]);
});

it('passes over what is not enabled', () => {
	offer(command('row.close', ['e'], { enabled: () => false }));
	expect(press(key({ key: 'e', code: 'KeyE' }))).toBe(false);
});

it('obeys the own keys of the person', () => {
	const close = command('row.close', ['e']);
	offer(close, command('row.next', ['j']));
	session.me = me({ keys: { 'row.close': 'x', 'row.next': '' } });
	expect(keysOf(close)).toEqual(['x']);
	press(key({ key: 'x', code: 'KeyX' }));
	expect(close.run).toHaveBeenCalledTimes(1);
	expect(press(key({ key: 'j', code: 'KeyJ' }))).toBe(false);
});

it('switches single keys off and leaves the others', () => {
	const close = command('row.close', ['e', 'Mod+e']);
	offer(close);
	session.me = me({ single_keys: false });
	expect(keysOf(close)).toEqual(['Mod+e']);
	expect(['g i', '?', 'Shift+j'].map(isSingle)).toEqual([true, true, true]);
	expect(['Mod+k', 'Alt+Enter', 'Escape'].map(isSingle)).toEqual([false, false, false]);
});

it('knows commands whose screen is not shown', () => {
	describeCommands([{ id: 'reply.start', title: 'common.add', group: 'composer', keys: ['r'] }]);
	expect(knownCommands().some((each) => each.id === 'reply.start')).toBe(true);
	expect(commands().some((each) => each.id === 'reply.start')).toBe(false);
});

it('finds commands by words in any order', () => {
	offer(
		command('a.a', [], { title: 'common.goSettings' }),
		command('b.b', [], { title: 'common.settings' }),
		command('c.c', [], { title: 'common.signOut' })
	);
	expect(search('settings').map((item) => item.id)).toEqual(['b.b', 'a.a']);
	expect(search('settings go').map((item) => item.id)).toEqual(['a.a']);
	expect(score('xyz', 'Sign out')).toBe(0);
});

it('shows keys as caps', () => {
	expect(keyCaps('Mod+Shift+Enter')).toEqual(['Ctrl', 'Shift', 'Enter']);
	expect(keyCaps('g i')).toEqual(['G', 'I']);
});
