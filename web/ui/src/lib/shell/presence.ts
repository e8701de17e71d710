import type { Presence } from '$lib/api/types';
import { date, t } from '$lib/i18n/i18n.svelte';

/** "Break until 14:30", in the reader's language and zone. */
export function presenceText(presence: Presence, now: number = Date.now()): string {
	const { state, until } = presence;
	const name = t(state === 'break' ? 'common.onBreak' : state === 'leave' ? 'common.onLeave' : 'common.available');
	if (!until || state === 'available') return name;
	const far = new Date(until).getTime() - now > 20 * 3_600_000;
	const time = date(until, far ? { dateStyle: 'medium' } : { timeStyle: 'short' });
	return t('common.stateUntil', { state: name, time });
}
