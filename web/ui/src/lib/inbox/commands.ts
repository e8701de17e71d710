// The keys of the inbox, known to settings and to the list of shortcuts before the inbox is shown.
import { describeCommands, type Command, type Description } from '$lib/keys/commands.svelte';

type Known = Omit<Description, 'keys'> & { keys?: readonly string[] };

const list = 'list';
const conversation = 'conversation';

const descriptions = {
	next: { id: 'list.next', title: 'inbox.cmdNext', group: list, keys: ['j', 'ArrowDown'], palette: false },
	previous: { id: 'list.previous', title: 'inbox.cmdPrevious', group: list, keys: ['k', 'ArrowUp'], palette: false },
	openIt: { id: 'list.open', title: 'inbox.cmdOpen', group: list, keys: ['o', 'Enter'], palette: false },
	back: { id: 'list.back', title: 'inbox.backToList', group: list, keys: ['u', 'Escape'] },
	select: { id: 'list.select', title: 'inbox.cmdSelect', group: list, keys: ['x'] },
	selectDown: {
		id: 'list.selectDown',
		title: 'inbox.cmdSelectDown',
		group: list,
		keys: ['Shift+ArrowDown'],
		palette: false
	},
	selectUp: { id: 'list.selectUp', title: 'inbox.cmdSelectUp', group: list, keys: ['Shift+ArrowUp'], palette: false },
	selectAll: { id: 'list.selectAll', title: 'inbox.cmdSelectAll', group: list, keys: ['Mod+a'] },
	search: { id: 'list.search', title: 'common.search', group: list, keys: ['/', 'Mod+Shift+f'] },
	menu: { id: 'list.menu', title: 'inbox.cmdMenu', group: list, keys: ['Shift+F10', 'ContextMenu'], palette: false },
	assign: { id: 'conversation.assign', title: 'inbox.assign', group: conversation, keys: ['a'] },
	take: { id: 'conversation.take', title: 'inbox.cmdTake', group: conversation, keys: ['i'] },
	unassign: { id: 'conversation.unassign', title: 'inbox.cmdUnassign', group: conversation, keys: ['Shift+a'] },
	close: { id: 'conversation.close', title: 'inbox.cmdClose', group: conversation, keys: ['e'] },
	snooze: { id: 'conversation.snooze', title: 'inbox.snooze', group: conversation, keys: ['h'] },
	pending: { id: 'conversation.pending', title: 'inbox.cmdPending', group: conversation },
	spam: { id: 'conversation.spam', title: 'inbox.cmdSpam', group: conversation },
	tag: { id: 'conversation.tag', title: 'inbox.tags', group: conversation, keys: ['l'] },
	why: { id: 'conversation.why', title: 'inbox.whyTitle', group: conversation, keys: ['w'] },
	merge: { id: 'conversation.merge', title: 'inbox.cmdMerge', group: conversation, keys: ['m'] },
	unread: { id: 'conversation.unread', title: 'inbox.cmdUnread', group: conversation, keys: ['Shift+u'] },
	link: { id: 'conversation.link', title: 'inbox.cmdLink', group: conversation, keys: ['y'] },
	rename: { id: 'conversation.rename', title: 'inbox.cmdRename', group: conversation },
	customer: { id: 'conversation.customer', title: 'inbox.cmdCustomer', group: conversation, keys: ['q'] },
	nextMessage: {
		id: 'conversation.nextMessage',
		title: 'inbox.cmdNextMessage',
		group: conversation,
		keys: ['Shift+j'],
		palette: false
	},
	previousMessage: {
		id: 'conversation.previousMessage',
		title: 'inbox.cmdPreviousMessage',
		group: conversation,
		keys: ['Shift+k'],
		palette: false
	}
} as const satisfies Record<string, Known>;

export type Name = keyof typeof descriptions;

function described(name: Name): Description {
	const known: Known = descriptions[name];
	return { ...known, keys: known.keys ? [...known.keys] : undefined };
}

describeCommands((Object.keys(descriptions) as Name[]).map(described));

/** The commands, with what they do here and when they can. */
export function inboxCommands(acts: Partial<Record<Name, { run: () => void; enabled?: () => boolean }>>): Command[] {
	return (Object.keys(acts) as Name[]).map((name) => ({ ...described(name), ...acts[name]! }));
}
