// Connections by their names, as the directory has them with their shops.
import type { Id, ShopConnection } from '$lib/api/types';
import { directory } from '$lib/store/directory.svelte';

function connectionOf(id: Id): ShopConnection | undefined {
	for (const shop of directory.shops.values()) {
		const found = shop.connections.find((each) => each.id === id);
		if (found) return found;
	}
	return undefined;
}

/** The name of a connection; its number if it is not known. */
export function connectionName(id: Id): string {
	return connectionOf(id)?.name ?? id;
}
