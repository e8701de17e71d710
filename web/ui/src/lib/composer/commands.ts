// The keys of the composer. Those with Ctrl or Alt act also while text is typed.
import { describeCommands, type Command, type Description } from '$lib/keys/commands.svelte';

const descriptions = {
	reply: { id: 'composer.reply', title: 'inbox.reply', group: 'composer', keys: ['r'] },
	note: { id: 'composer.note', title: 'inbox.note', group: 'composer', keys: ['n'] },
	send: { id: 'composer.send', title: 'inbox.send', group: 'composer', keys: ['Mod+Enter'], whileTyping: true },
	sendAndClose: {
		id: 'composer.sendAndClose',
		title: 'inbox.sendAndClose',
		group: 'composer',
		keys: ['Mod+Shift+Enter'],
		whileTyping: true
	},
	sendAndStay: {
		id: 'composer.sendAndStay',
		title: 'inbox.sendAndStay',
		group: 'composer',
		keys: ['Alt+Enter'],
		whileTyping: true
	},
	sendAndWait: { id: 'composer.sendAndWait', title: 'inbox.sendAndWait', group: 'composer' },
	sendLater: { id: 'composer.sendLater', title: 'inbox.sendLater', group: 'composer' },
	link: { id: 'composer.link', title: 'inbox.link', group: 'composer', keys: ['Mod+Shift+l'], whileTyping: true },
	attach: { id: 'composer.attach', title: 'inbox.attach', group: 'composer' }
} as const satisfies Record<string, Description & { keys?: readonly string[] }>;

type Name = keyof typeof descriptions;

describeCommands(Object.values(descriptions).map((each) => ({ ...each, keys: 'keys' in each ? [...each.keys] : [] })));

/** The commands, with what they do here. */
export function composerCommands(
	run: Record<Name, () => void> & { ready: () => boolean; reading: () => boolean }
): Command[] {
	return (Object.keys(descriptions) as Name[]).map((name) => {
		const description: Description & { keys?: readonly string[] } = descriptions[name];
		const sends = name.startsWith('send');
		const enabled = name === 'send' ? run.ready : sends ? () => run.ready() && run.reading() : undefined;
		return { ...description, keys: [...(description.keys ?? [])], run: run[name], enabled };
	});
}
