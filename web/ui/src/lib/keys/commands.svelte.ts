// Commands: everything that can be done has one, with a title for the palette and, if frequent, a
// key. Screens register theirs while they are shown; of two for one key the later registered wins.
import { untrack } from 'svelte';
import type { Key } from '$lib/i18n/i18n.svelte';
import { modalOpen } from '$lib/kit/modal';
import { session } from '$lib/session/session.svelte';
import { combination, isControl, isSingle, takesText } from './keys';

export type Group = 'general' | 'go' | 'list' | 'conversation' | 'composer';

export interface Command {
	/** noun.verb; the name under which a person's own keys are kept */
	id: string;
	title: Key;
	group: Group;
	/** default keys: "j", "Shift+j", "Mod+k", "g i" (one after the other); none: palette only */
	keys?: string[];
	run: () => void;
	/** false: neither key nor palette offers it now */
	enabled?: () => boolean;
	/** acts also while text is typed; only for keys with Mod or Alt */
	whileTyping?: boolean;
	/** false keeps it out of the palette, such as "next row" */
	palette?: boolean;
}

/** What a command is, without what it does: enough to list it and to choose other keys for it. */
export type Description = Omit<Command, 'run' | 'enabled'>;

const described = new Map<string, Description>();

/**
 * Makes commands known before their screen is shown, so that settings and the list of shortcuts have
 * them. Call it at the top of a module of the first load.
 */
export function describeCommands(descriptions: readonly Description[]): void {
	for (const each of descriptions) described.set(each.id, each);
}

/** Every command known so far, shown now or not. */
export function knownCommands(): Description[] {
	const all = new Map(described);
	for (const command of commands()) all.set(command.id, command);
	return [...all.values()];
}

let layers = $state.raw<readonly (readonly Command[])[]>([]);

/** Offers commands until the returned function is called. */
export function registerCommands(commands: Command[]): () => void {
	// Called in effects, which must not run again because another screen registers its own.
	layers = [...untrack(() => layers), commands];
	return () => (layers = untrack(() => layers).filter((layer) => layer !== commands));
}

/** All commands offered now; where an id is there twice the later one counts. */
export function commands(): Command[] {
	const byId = new Map<string, Command>();
	for (const layer of layers) for (const command of layer) byId.set(command.id, command);
	return [...byId.values()];
}

/** Runs a command by its id if it is offered and enabled; tells whether it ran. */
export function runCommand(id: string): boolean {
	const command = commands().find((each) => each.id === id);
	if (!command || command.enabled?.() === false) return false;
	command.run();
	return true;
}

/** Whether single keys are on: the person can switch them off. */
export function singleKeys(): boolean {
	return session.me?.settings.single_keys !== false;
}

/** The keys of a command as this person has them. */
export function keysOf(command: Description): string[] {
	const own = session.me?.settings.keys?.[command.id];
	const keys = own === undefined ? (command.keys ?? []) : own === '' ? [] : [own];
	return singleKeys() ? keys : keys.filter((each) => !isSingle(each));
}

/** How long the second key of "g i" may take, in milliseconds. */
const patience = 1200;

let begun = '';
let begunAt = 0;

function find(pressed: string, typing: boolean): { command?: Command; starts: boolean } {
	let starts = false;
	for (const command of commands().reverse()) {
		if (typing && !command.whileTyping) continue;
		for (const keys of keysOf(command)) {
			if (keys === pressed && command.enabled?.() !== false) return { command, starts: false };
			if (keys.startsWith(`${pressed} `)) starts = true;
		}
	}
	return { starts };
}

/** Handles one key press; tells whether it was used. Exported for tests: startKeys calls it. */
export function press(event: KeyboardEvent): boolean {
	if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return false;
	if (modalOpen()) return false; // a dialog has its own keys
	const pressed = combination(event);
	if (pressed === '') return false;
	if ((pressed === 'Enter' || pressed === 'Space') && isControl(event.target)) return false; // presses it
	const typing = takesText(event.target);
	const continued = begun !== '' && event.timeStamp - begunAt <= patience ? `${begun} ${pressed}` : '';
	begun = '';
	for (const keys of continued ? [continued, pressed] : [pressed]) {
		const { command, starts } = find(keys, typing);
		if (command) {
			event.preventDefault();
			command.run();
			return true;
		}
		if (starts) {
			begun = keys;
			begunAt = event.timeStamp;
			event.preventDefault();
			return true;
		}
	}
	return false;
}

/** Starts listening to the keyboard. Returns how to stop. */
export function startKeys(): () => void {
	window.addEventListener('keydown', press);
	return () => window.removeEventListener('keydown', press);
}
