// States of shops and connections: in words, in colour, in the order of trouble.
import type { ConnectionState, Shop, ShopState, TagColor } from '$lib/api/types';
import { t, type Key } from '$lib/i18n/i18n.svelte';

const shopStates: Record<ShopState, [Key, TagColor, number]> = {
	expired: ['settings.stateExpired', 'red', 0],
	degraded: ['settings.stateDegraded', 'orange', 1],
	authorizing: ['settings.stateAuthorizing', 'blue', 2],
	draft: ['settings.stateDraft', 'grey', 3],
	active: ['settings.stateActive', 'green', 4],
	stopped: ['settings.stateStopped', 'amber', 5],
	closed: ['settings.stateClosed', 'grey', 6]
};

const connectionStates: Record<ConnectionState, [Key, TagColor]> = {
	new: ['settings.connectionNew', 'blue'],
	connected: ['settings.connectionConnected', 'green'],
	degraded: ['settings.connectionDegraded', 'orange'],
	expired: ['settings.connectionExpired', 'red'],
	disabled: ['settings.connectionDisabled', 'grey']
};

export function shopStateName(state: ShopState): string {
	return t(shopStates[state]?.[0] ?? 'settings.stateDraft');
}

export function shopStateColor(state: ShopState): TagColor {
	return shopStates[state]?.[1] ?? 'grey';
}

export function connectionStateName(state: ConnectionState): string {
	return t(connectionStates[state]?.[0] ?? 'settings.connectionNew');
}

export function connectionStateColor(state: ConnectionState): TagColor {
	return connectionStates[state]?.[1] ?? 'grey';
}

/** Shops in trouble first, then by name. */
export function byTrouble(shops: readonly Shop[]): Shop[] {
	const rank = (shop: Shop) => shopStates[shop.state]?.[2] ?? 3;
	return [...shops].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}
