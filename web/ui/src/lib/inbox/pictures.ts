// Whose pictures may come from elsewhere. What was asked for one message counts as long as the screen is
// open; whom to trust always is one of the person's own choices, kept with the account.
import { SvelteSet } from 'svelte/reactivity';
import type { Id, Message } from '$lib/api/types';
import { session } from '$lib/session/session.svelte';

/** How many senders an account keeps; the oldest is forgotten first. */
const most = 200;

const asked = new SvelteSet<Id>();
session.onEnd(() => asked.clear());

/** The sender as it is kept, or '' if nobody can tell that the message is from him. */
export function senderOf(message: Message): string {
	return message.unverified || message.direction !== 'in' ? '' : message.from.address.toLowerCase();
}

function trusted(): readonly string[] {
	const kept = session.me?.settings.pictures_from;
	return Array.isArray(kept) ? kept : [];
}

/** Whether pictures of every message of its sender are shown. */
export function alwaysShown(message: Message): boolean {
	const sender = senderOf(message);
	return sender !== '' && trusted().includes(sender);
}

/** Whether the pictures of a message are shown. */
export function picturesShown(message: Message): boolean {
	return asked.has(message.id) || alwaysShown(message);
}

/** Shows the pictures of one message until the screen is closed. */
export function showPictures(message: Message): void {
	asked.add(message.id);
}

/** Shows the pictures of every message of its sender, or no longer. */
export async function trustSender(message: Message, always: boolean): Promise<void> {
	const sender = senderOf(message);
	const others = trusted().filter((each) => each !== sender);
	if (!always) asked.delete(message.id);
	await session.saveSettings({ pictures_from: always ? [sender, ...others].slice(0, most) : others });
}
