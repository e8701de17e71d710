// Weeks and shifts as plain days ("2026-01-31"), without zones: a shift's pattern names days, and
// the zone it is read in stands beside it.
import type { RosterException, Shift } from '$lib/api/types';

const dayLength = 86_400_000;

/** The day as midnight UTC, for arithmetic only. */
function at(day: string): number {
	return Date.parse(`${day}T00:00:00Z`);
}

export function addDays(day: string, count: number): string {
	return new Date(at(day) + count * dayLength).toISOString().slice(0, 10);
}

/** ISO weekday of a day: 1 = Monday … 7 = Sunday. */
export function weekday(day: string): number {
	return new Date(at(day)).getUTCDay() || 7;
}

/** The Monday of a day's week. */
export function monday(day: string): string {
	return addDays(day, 1 - weekday(day));
}

/** The seven days from a Monday on. */
export function week(start: string): string[] {
	return Array.from({ length: 7 }, (_, index) => addDays(start, index));
}

/** Today in a zone. */
export function today(zone: string, now: Date = new Date()): string {
	const parts = new Intl.DateTimeFormat('en', {
		timeZone: zone,
		year: 'numeric',
		month: '2-digit',
		day: '2-digit'
	}).formatToParts(now);
	const part = (type: string) => parts.find((each) => each.type === type)?.value ?? '';
	return `${part('year')}-${part('month')}-${part('day')}`;
}

/** The shifts of a person that begin on a day, earliest first. */
export function shiftsOn(shifts: readonly Shift[], user: string, day: string): Shift[] {
	const wanted = weekday(day);
	return shifts
		.filter(
			(shift) =>
				shift.user === user &&
				shift.weekdays.includes(wanted) &&
				(!shift.since || shift.since <= day) &&
				(!shift.until || day <= shift.until)
		)
		.sort((a, b) => a.from.localeCompare(b.from));
}

/** The exceptions of a person that touch a day, leaves and days off first. */
export function exceptionsOn(list: readonly RosterException[], user: string, day: string): RosterException[] {
	return list
		.filter((each) => each.user === user && each.first <= day && day <= each.last)
		.sort((a, b) => (a.from ?? '').localeCompare(b.from ?? ''));
}

/** Whether the pattern of a day is left out because of its exceptions. */
export function isOff(exceptions: readonly RosterException[]): boolean {
	return exceptions.some((each) => each.kind !== 'extra');
}

/** The hours somebody works on a day, clock changes aside. */
export function hoursOn(
	shifts: readonly Shift[],
	exceptions: readonly RosterException[],
	user: string,
	day: string
): number {
	const changes = exceptionsOn(exceptions, user, day);
	const pattern = isOff(changes) ? [] : shiftsOn(shifts, user, day);
	const extra = changes.flatMap(({ from, to }) => (from && to ? [{ from, to }] : []));
	return [...pattern, ...extra].reduce((total, each) => total + hours(each), 0);
}

/** Whether a shift ends on the day after it begins. */
export function overnight(shift: Pick<Shift, 'from' | 'to'>): boolean {
	return shift.to <= shift.from;
}

/** Length in hours, clock changes aside. */
export function hours(shift: Pick<Shift, 'from' | 'to'>): number {
	const minutes = (time: string) => {
		const [hour = 0, minute = 0] = time.split(':').map(Number);
		return hour * 60 + minute;
	};
	const length = minutes(shift.to) - minutes(shift.from);
	return (length <= 0 ? length + 1440 : length) / 60;
}
