// One form being sent: busy, refused, done. Keeps what was typed; the screen owns the values.
import { ApiError } from '$lib/api/client';
import { errorText, fieldError } from './errors';

export class Form {
	busy = $state(false);
	#error = $state.raw<unknown>(null);
	#own = $state.raw<Readonly<Record<string, string>>>({});
	/** rises with every refusal, so that the summary takes the focus again */
	tries = $state(0);

	/** The message at an input: our own check first, else the server's; "" if nothing is wrong. */
	field(name: string): string {
		return this.#own[name] ?? fieldError(this.#error, name);
	}

	/** What is wrong as a whole; "" if nothing is. */
	get problem(): string {
		const own = Object.values(this.#own);
		if (own.length > 0) return own.join(' ');
		return this.#error === null ? '' : errorText(this.#error);
	}

	get error(): unknown {
		return this.#error;
	}

	/** The code of the refusal, such as "denied"; "" if there is none. */
	get code(): string {
		return this.#error instanceof ApiError ? this.#error.code : '';
	}

	/**
	 * Runs send unless a check failed; checks map an input to what is wrong with it ("" = fine).
	 * Tells whether it went through.
	 */
	async send(run: () => Promise<unknown>, checks: Record<string, string> = {}): Promise<boolean> {
		if (this.busy) return false;
		this.#error = null;
		this.#own = Object.fromEntries(Object.entries(checks).filter(([, wrong]) => wrong !== ''));
		if (Object.keys(this.#own).length > 0) {
			this.tries++;
			return false;
		}
		this.busy = true;
		try {
			await run();
			return true;
		} catch (error) {
			this.#error = error;
			this.tries++;
			return false;
		} finally {
			this.busy = false;
		}
	}

	clear(): void {
		this.#error = null;
		this.#own = {};
	}
}
