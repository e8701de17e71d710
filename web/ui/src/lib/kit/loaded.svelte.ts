// Something read from the server, with its states. While it is read again the old value stays.
import { ApiError } from '$lib/api/client';

export class Loaded<T> {
	value = $state.raw<T | undefined>(undefined);
	error = $state.raw<unknown>(null);
	loading = $state(false);

	#read: (signal: AbortSignal) => Promise<T>;
	#running: AbortController | null = null;

	constructor(read: (signal: AbortSignal) => Promise<T>) {
		this.#read = read;
	}

	/** Reads, or reads again; an earlier answer still on its way is dropped. */
	async load(): Promise<void> {
		this.#running?.abort();
		const mine = new AbortController();
		this.#running = mine;
		this.loading = true;
		try {
			const value = await this.#read(mine.signal);
			if (mine.signal.aborted) return;
			this.value = value;
			this.error = null;
		} catch (error) {
			if (!mine.signal.aborted) this.error = error;
		} finally {
			if (this.#running === mine) this.loading = false;
		}
	}

	stop(): void {
		this.#running?.abort();
	}

	/** The code of what went wrong; "" while all is well. */
	get code(): string {
		if (this.error === null) return '';
		return this.error instanceof ApiError ? this.error.code : 'internal';
	}
}
