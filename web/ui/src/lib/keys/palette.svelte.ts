// The command palette: open at once (it is part of the first load, so that keys typed right after
// Ctrl+K land in it), filter by words in any order, learn by seeing the keys.
import { t, type Key } from '$lib/i18n/i18n.svelte';
import { commands, keysOf } from './commands.svelte';

export interface PaletteItem {
	id: string;
	title: string;
	/** more words to find it by, not shown */
	words?: string;
	/** shown small on the right when there are no keys */
	hint?: string;
	keys?: string;
	run: () => void;
}

type Source = (query: string) => PaletteItem[];

let sources: Source[] = [];
let open = $state(false);

/** Adds items beside the commands, such as people or shops to go to. Returns how to take them away. */
export function registerSource(source: Source): () => void {
	sources = [...sources, source];
	return () => (sources = sources.filter((other) => other !== source));
}

export const palette = {
	get open() {
		return open;
	},
	show: () => (open = true),
	hide: () => (open = false)
};

const groups: Record<string, Key> = {
	general: 'common.groupGeneral',
	go: 'common.groupGo',
	list: 'common.groupList',
	conversation: 'common.groupConversation',
	composer: 'common.groupComposer'
};

export function groupTitle(group: string): string {
	const key = groups[group];
	return key ? t(key) : group;
}

/** How well all words of the query are found in a text: 0 not at all, more is better. */
export function score(query: string, text: string): number {
	const hay = text.toLocaleLowerCase();
	let sum = 1;
	for (const word of query.toLocaleLowerCase().split(/\s+/).filter(Boolean)) {
		const at = hay.indexOf(word);
		if (at < 0) return 0;
		sum += at === 0 ? 3 : /\s/.test(hay[at - 1] ?? '') ? 2 : 1;
	}
	return sum;
}

/** What the palette offers for a query, best first; the order of registration among equals. */
export function search(query: string): PaletteItem[] {
	const offered: PaletteItem[] = commands()
		.filter((command) => command.palette !== false && command.enabled?.() !== false)
		.map((command) => ({
			id: command.id,
			title: t(command.title),
			words: command.id.replace('.', ' '),
			hint: groupTitle(command.group),
			keys: keysOf(command)[0],
			run: command.run
		}));
	const found = [...offered, ...sources.flatMap((source) => source(query))]
		.map((item) => ({ item, rank: score(query, `${item.title} ${item.words ?? ''}`) }))
		.filter(({ rank }) => rank > 0);
	found.sort((a, b) => b.rank - a.rank);
	return found.slice(0, 50).map(({ item }) => item);
}
