import { untrack } from 'svelte';

/** Runs act whenever what read returns has changed, not for its first value. Call it while a component is made. */
export function whenChanged(read: () => unknown, act: () => void): void {
	let before = read();
	$effect(() => {
		const now = read();
		if (now === before) return;
		before = now;
		untrack(act);
	});
}
