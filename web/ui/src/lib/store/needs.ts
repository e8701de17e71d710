// What needs a person in the connections of shops: a state in trouble, an alarm, mails set aside.
import type { Reason, Shop, ShopConnection, Time } from '$lib/api/types';

export interface Trouble {
	connection: ShopConnection;
	reason: Reason | null;
	since: Time | null;
}

/** What is wrong with the connections of a shop. */
export function troubles(shop: Shop): Trouble[] {
	return shop.connections.flatMap((connection) => [
		...(connection.state === 'expired' || connection.state === 'degraded'
			? [{ connection, reason: connection.problem, since: null }]
			: []),
		...connection.alarms.map(({ reason, since }) => ({ connection, reason, since }))
	]);
}

/** How many things need a person: each trouble, and each mail that is set aside. */
export function needs(shops: Iterable<Shop>): number {
	let count = 0;
	for (const shop of shops) {
		count += troubles(shop).length;
		for (const connection of shop.connections) count += connection.set_aside;
	}
	return count;
}
