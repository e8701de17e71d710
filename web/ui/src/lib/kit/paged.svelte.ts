// A list read page by page.
import { ApiError, get, type Query } from '$lib/api/client';
import type { Page } from '$lib/api/types';

export class Paged<T> {
	items = $state.raw<readonly T[]>([]);
	next = $state<string | null>(null);
	error = $state.raw<unknown>(null);
	loading = $state(false);
	/** at least one page was read */
	ready = $state(false);

	#path: string;
	#query: Query = {};
	#turn = 0;

	constructor(path: string) {
		this.#path = path;
	}

	/** Reads the first page, with another query if given. */
	async start(query: Query = this.#query): Promise<void> {
		this.#query = query;
		await this.#read(null);
	}

	async more(): Promise<void> {
		if (this.next && !this.loading) await this.#read(this.next);
	}

	async #read(cursor: string | null): Promise<void> {
		const turn = ++this.#turn;
		this.loading = true;
		try {
			const page = await get<Page<T>>(this.#path, { ...this.#query, cursor });
			if (turn !== this.#turn) return;
			this.items = cursor ? [...this.items, ...page.items] : page.items;
			this.next = page.next;
			this.error = null;
			this.ready = true;
		} catch (error) {
			if (turn === this.#turn) this.error = error;
		} finally {
			if (turn === this.#turn) this.loading = false;
		}
	}

	get code(): string {
		if (this.error === null) return '';
		return this.error instanceof ApiError ? this.error.code : 'internal';
	}
}
