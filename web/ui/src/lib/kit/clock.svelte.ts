// The minute hand: what shows relative times reads now() and is rendered again every half minute.

let tick = $state(Date.now());
setInterval(() => (tick = Date.now()), 30_000);

/** Milliseconds since 1970, at most half a minute old. Reactive. */
export function now(): number {
	return tick;
}
