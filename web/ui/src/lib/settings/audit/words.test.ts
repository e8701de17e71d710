import { afterEach, expect, it } from 'vitest';
import type { User } from '$lib/api/types';
import { directory } from '$lib/store/directory.svelte';
import { actionText, changes, objectText } from './words';

afterEach(() => directory.clear());

it('words known actions and shows others as they are', () => {
	expect(actionText('user.password_changed')).toBe('Password changed');
	expect(actionText('moon.landed')).toBe('moon.landed');
});

it('names objects', () => {
	directory.putUser({ id: '7', name: 'Ann Example', email: 'ann@example.test' } as User);
	expect(objectText('user 7')).toBe('Ann Example');
	expect(objectText('user 8')).toBe('Person 8');
	expect(objectText('shift 3 of user 7')).toBe('Shift 3 · Ann Example');
	expect(objectText('')).toBe('');
});

it('shows what differs', () => {
	expect(changes({ before: '10', after: '20' })).toEqual([{ name: '', before: '10', after: '20' }]);
	expect(changes({ before: '{"name":"vip","color":"red"}', after: '{"name":"VIP","color":"red"}' })).toEqual([
		{ name: 'name', before: 'vip', after: 'VIP' }
	]);
	expect(changes({ before: '', after: '{not json' })).toEqual([{ name: '', before: '', after: '{not json' }]);
	expect(changes({ before: '', after: '' })).toEqual([]);
});
