// What screen readers are told. Polite news is merged and said at most once in five seconds;
// alerts are said at once. Announcer.svelte renders both regions.

const pause = 5000;

export class Announcer {
	polite = $state('');
	alert = $state('');

	#news: string[] = [];
	#saidAt = -Infinity;
	#timer: ReturnType<typeof setTimeout> | undefined;

	/** Says something when there is a pause; equal texts are said once. */
	say(text: string): void {
		if (!text || this.#news.includes(text)) return;
		this.#news.push(text);
		if (this.#timer) return;
		const wait = Math.max(100, this.#saidAt + pause - performance.now());
		this.#timer = setTimeout(() => this.#speak(), wait);
	}

	/** Says a failure at once. */
	warn(text: string): void {
		// The same text twice is not news to a live region; a changed one is.
		this.alert = this.alert === text ? `${text}\u00a0` : text;
	}

	#speak(): void {
		this.#timer = undefined;
		this.#saidAt = performance.now();
		const text = this.#news.join('. ');
		this.#news = [];
		this.polite = this.polite === text ? `${text}\u00a0` : text;
	}
}

export const announcer = new Announcer();
