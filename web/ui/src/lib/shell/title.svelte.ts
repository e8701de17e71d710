// The title of the page: "Subject – View – Deskbell", with the number of unread in front.

let parts = $state.raw<readonly string[]>([]);
let unread = $state(0);

/** Sets the parts, most particular first. */
export function setTitle(...names: string[]): void {
	parts = names.filter(Boolean);
}

/** Sets the number shown as "(3)"; 0 hides it. */
export function setUnread(count: number): void {
	unread = count;
}

export function pageTitle(): string {
	const text = [...parts, 'Deskbell'].join(' – ');
	return unread > 0 ? `(${unread > 999 ? '999+' : unread}) ${text}` : text;
}
