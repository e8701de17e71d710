// Short messages above the composer: what was done, with a way back. Each is also kept in the
// message history, and said to screen readers.
import { announcer } from './announcer.svelte';

export interface ToastOptions {
	kind?: 'done' | 'info' | 'failed';
	/** milliseconds on the screen; failures and toasts with Infinity stay until dismissed */
	lasts?: number;
	/** words and act of the button, such as Retry or Show */
	action?: { label: string; run: () => void };
	/** the way back: shown as Undo, and run by undoLast while the toast is shown */
	undo?: () => void;
	/** a toast with the same id replaces the one before */
	id?: string;
}

export interface Toast extends ToastOptions {
	key: number;
	text: string;
	at: number;
}

const most = 3;
const kept = 50;

class Toasts {
	shown = $state.raw<readonly Toast[]>([]);
	/** newest first */
	history = $state.raw<readonly Toast[]>([]);
	/** pixels from the lower edge that the composer takes */
	offset = $state(0);
	/** toasts with a button stay until dismissed: for screen readers and slow hands */
	keep = $state(false);

	#key = 0;
	#timers = new Map<number, ReturnType<typeof setTimeout>>();

	/** Shows a message. Returns how to take it away. */
	show(text: string, options: ToastOptions = {}): () => void {
		const toast: Toast = { ...options, text, key: ++this.#key, at: Date.now() };
		const others = this.shown.filter((each) => !options.id || each.id !== options.id);
		this.shown = [...others, toast].slice(-most);
		this.history = [toast, ...this.history].slice(0, kept);
		if (options.kind === 'failed') announcer.warn(text);
		else announcer.say(text);
		this.#arm(toast);
		return () => this.dismiss(toast.key);
	}

	#arm(toast: Toast): void {
		const stays = toast.kind === 'failed' || (this.keep && (toast.undo || toast.action));
		const lasts = toast.lasts ?? (stays ? Infinity : toast.undo || toast.action ? 10_000 : 5_000);
		if (lasts === Infinity) return;
		this.#timers.set(
			toast.key,
			setTimeout(() => this.dismiss(toast.key), lasts)
		);
	}

	dismiss(key: number): void {
		clearTimeout(this.#timers.get(key));
		this.#timers.delete(key);
		this.shown = this.shown.filter((toast) => toast.key !== key);
	}

	/** Holds the clock while the pointer or focus is on a toast. */
	hold(toast: Toast): void {
		clearTimeout(this.#timers.get(toast.key));
		this.#timers.delete(toast.key);
	}

	/** Starts the clock again. */
	release(toast: Toast): void {
		if (this.shown.some((each) => each.key === toast.key)) this.#arm(toast);
	}

	/** Undoes the newest thing that still can be undone; tells whether there was one. */
	undoLast(): boolean {
		const toast = this.shown.findLast((each) => each.undo);
		if (!toast) return false;
		this.dismiss(toast.key);
		toast.undo?.();
		return true;
	}
}

export const toasts = new Toasts();
