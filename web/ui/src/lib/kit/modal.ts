// Counts open dialogs, so that single keys rest while one is open.

let open = 0;

/** Says that a dialog has opened; the returned function says that it closed. */
export function enterModal(): () => void {
	open++;
	let left = false;
	return () => {
		if (left) return;
		left = true;
		open--;
	};
}

export function modalOpen(): boolean {
	return open > 0;
}
