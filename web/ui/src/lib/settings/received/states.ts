// The states of the ledger in words and colours, in the order in which they are shown.
import type { LedgerEntry, LedgerState, TagColor } from '$lib/api/types';
import { t, type Key } from '$lib/i18n/i18n.svelte';

export const states: readonly { state: LedgerState; name: Key; color: TagColor; fill: string }[] = [
	{ state: 'message', name: 'settings.ledgerMessage', color: 'green', fill: 'fill-ok' },
	{ state: 'automatic', name: 'settings.ledgerAutomatic', color: 'blue', fill: 'fill-info' },
	{ state: 'same', name: 'settings.ledgerSame', color: 'grey', fill: 'fill-control-line' },
	{ state: 'ignored', name: 'settings.ledgerIgnored', color: 'grey', fill: 'fill-mute' },
	{ state: 'set_aside', name: 'settings.ledgerSetAside', color: 'red', fill: 'fill-bad' },
	{ state: 'waiting', name: 'settings.ledgerWaiting', color: 'amber', fill: 'fill-warn' },
	{ state: 'taking', name: 'settings.ledgerTaking', color: 'amber', fill: 'fill-warn' }
];

export function stateName(of: LedgerState): string {
	const found = states.find((each) => each.state === of);
	return found ? t(found.name) : of;
}

export function stateColor(of: LedgerState): TagColor {
	return states.find((each) => each.state === of)?.color ?? 'grey';
}

/** Where an entry is kept. */
export const entryPath = (entry: LedgerEntry) => `/connections/${entry.connection}/ledger/${entry.id}`;

/** Where an entry that is set aside is acted on. */
export const asidePath = (entry: LedgerEntry) => `/connections/${entry.connection}/set-aside/${entry.id}`;
