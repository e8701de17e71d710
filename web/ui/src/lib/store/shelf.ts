// Where this device keeps what was typed: IndexedDB, so that it survives reload, crash and sign-out.
// Where a browser refuses storage (some private windows) it lasts as long as the tab.
import { openDB, type IDBPDatabase } from 'idb';

export type Place = 'drafts' | 'outgoing';

export interface Shelf {
	/** every value of a place */
	all<T>(place: Place): Promise<T[]>;
	put(place: Place, key: string, value: unknown): Promise<void>;
	remove(place: Place, key: string): Promise<void>;
}

/** A shelf that lasts as long as the tab. */
export class MemoryShelf implements Shelf {
	#places = new Map<Place, Map<string, unknown>>();

	#place(name: Place): Map<string, unknown> {
		let place = this.#places.get(name);
		if (!place) this.#places.set(name, (place = new Map()));
		return place;
	}

	all<T>(place: Place): Promise<T[]> {
		return Promise.resolve([...this.#place(place).values()].map((each) => structuredClone(each)) as T[]);
	}

	put(place: Place, key: string, value: unknown): Promise<void> {
		this.#place(place).set(key, structuredClone(value));
		return Promise.resolve();
	}

	remove(place: Place, key: string): Promise<void> {
		this.#place(place).delete(key);
		return Promise.resolve();
	}
}

class DatabaseShelf implements Shelf {
	constructor(readonly database: IDBPDatabase) {}

	all<T>(place: Place): Promise<T[]> {
		return this.database.getAll(place) as Promise<T[]>;
	}

	async put(place: Place, key: string, value: unknown): Promise<void> {
		await this.database.put(place, value, key);
	}

	remove(place: Place, key: string): Promise<void> {
		return this.database.delete(place, key);
	}
}

let opened: Promise<Shelf> | null = null;

/** The shelf of this browser, shared by all who ask. */
export function shelf(): Promise<Shelf> {
	opened ??= openDB('deskbell', 1, {
		upgrade(database) {
			database.createObjectStore('drafts');
			database.createObjectStore('outgoing');
		}
	}).then(
		(database) => new DatabaseShelf(database),
		() => new MemoryShelf()
	);
	return opened;
}
