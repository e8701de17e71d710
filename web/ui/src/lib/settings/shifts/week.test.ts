// @vitest-environment node
import { expect, it } from 'vitest';
import type { RosterException, Shift } from '$lib/api/types';
import {
	addDays,
	exceptionsOn,
	hours,
	hoursOn,
	isOff,
	monday,
	overnight,
	shiftsOn,
	today,
	week,
	weekday
} from './week';

const shift = (change: Partial<Shift>): Shift => ({
	id: '1',
	user: '1',
	zone: 'Europe/Rome',
	weekdays: [1, 2, 3, 4, 5],
	from: '09:00',
	to: '17:00',
	since: null,
	until: null,
	...change
});

it('counts days across months and clock changes', () => {
	expect(addDays('2026-02-27', 3)).toBe('2026-03-02');
	expect(week('2026-03-23')).toEqual([
		'2026-03-23',
		'2026-03-24',
		'2026-03-25',
		'2026-03-26',
		'2026-03-27',
		'2026-03-28',
		'2026-03-29'
	]);
});

it('begins the week on Monday', () => {
	expect(weekday('2026-03-29')).toBe(7);
	expect(monday('2026-03-29')).toBe('2026-03-23');
	expect(monday('2026-03-23')).toBe('2026-03-23');
});

it('knows what day it is elsewhere', () => {
	const now = new Date('2026-03-02T23:30:00Z');
	expect(today('UTC', now)).toBe('2026-03-02');
	expect(today('Asia/Shanghai', now)).toBe('2026-03-03');
	expect(today('America/New_York', now)).toBe('2026-03-02');
});

it('shows a shift on its weekdays between its first and last day', () => {
	const late = shift({ id: '2', from: '18:00', to: '22:00' });
	const early = shift({ id: '3', since: '2026-03-03', until: '2026-03-04' });
	const ids = (day: string) => shiftsOn([late, early], '1', day).map((each) => each.id);
	expect(ids('2026-03-02')).toEqual(['2']);
	expect(ids('2026-03-03')).toEqual(['3', '2']);
	expect(ids('2026-03-04')).toEqual(['3', '2']);
	expect(ids('2026-03-05')).toEqual(['2']);
	expect(ids('2026-03-07')).toEqual([]);
	expect(shiftsOn([late], '2', '2026-03-02')).toEqual([]);
});

it('measures shifts that end the next day', () => {
	expect(overnight(shift({ from: '22:00', to: '06:00' }))).toBe(true);
	expect(hours(shift({ from: '22:00', to: '06:00' }))).toBe(8);
	expect(hours(shift({ from: '16:00', to: '24:00' }))).toBe(8);
	expect(overnight(shift({ from: '16:00', to: '24:00' }))).toBe(false);
	expect(hours(shift({ from: '00:00', to: '00:00' }))).toBe(24);
});

it('counts days off, leaves and extra shifts', () => {
	const change = (kind: RosterException['kind'], first: string, last: string, from = '', to = ''): RosterException => ({
		id: first,
		user: '1',
		kind,
		first,
		last,
		zone: 'UTC',
		from: from || null,
		to: to || null
	});
	const pattern = [shift({})];
	const list = [
		change('extra', '2026-03-04', '2026-03-04', '18:00', '02:00'),
		change('leave', '2026-03-03', '2026-03-04'),
		change('off', '2026-03-06', '2026-03-06')
	];
	const days = week('2026-03-02');
	expect(days.map((day) => hoursOn(pattern, list, '1', day))).toEqual([8, 0, 8, 8, 0, 0, 0]);
	expect(days.map((day) => isOff(exceptionsOn(list, '1', day)))).toEqual([
		false,
		true,
		true,
		false,
		true,
		false,
		false
	]);
	expect(exceptionsOn(list, '1', '2026-03-04').map((each) => each.kind)).toEqual(['leave', 'extra']);
	expect(exceptionsOn(list, '2', '2026-03-04')).toEqual([]);
});
