// What is alive while somebody is signed in: the stream of events, the list that is shown, the
// conversation that is open, the counts beside the views, and who else looks or writes.
import { get } from '$lib/api/client';
import type { Counts, Id } from '$lib/api/types';
import type { LogEvent, PresenceFrame } from '$lib/live/frames';
import { Live } from '$lib/live/live';
import { session } from '$lib/session/session.svelte';
import { status } from '$lib/shell/status.svelte';
import { directory } from '$lib/store/directory.svelte';
import { ConversationList, type ListQuery } from '$lib/store/list.svelte';
import { Thread } from '$lib/store/thread.svelte';

/** How somebody is in a conversation, and until when that is believed. */
interface Company {
	state: 'viewing' | 'typing';
	until: number;
}

/** Presence may be lost, so nobody is believed to be there for longer than this. */
const believed = 15_000;
/** Counts cost a statement per view: at most one reading in this time. */
const countEvery = 1_000;

function sameQuery(a: ListQuery, b: ListQuery): boolean {
	return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}

class Workspace {
	list = $state.raw<ConversationList | null>(null);
	thread = $state.raw<Thread | null>(null);
	/** conversation → person → how he is in it */
	company = $state.raw<ReadonlyMap<Id, ReadonlyMap<Id, Company>>>(new Map());
	#live: Live | null = null;
	#version = '';
	#counting: ReturnType<typeof setTimeout> | undefined;
	#counted = 0;

	/** Begins to follow the log; returns how to stop. */
	start(): () => void {
		const live = new Live({
			onEvents: (events) => this.#events(events),
			onReload: () => this.#readAgain(),
			onPresence: (frame) => this.#presence(frame),
			onState: (state, since) => {
				status.connection = state;
				status.since = since;
			},
			onVersion: (version) => {
				status.newVersion ||= this.#version !== '' && this.#version !== version;
				this.#version ||= version;
			}
		});
		this.#live = live;
		live.start();
		this.count();
		const stop = () => {
			live.stop();
			clearTimeout(this.#counting);
			this.#live = null;
			this.list = null;
			this.thread = null;
			this.company = new Map();
		};
		return stop;
	}

	/** Shows a list; the same query keeps the one that is shown. */
	show(query: ListQuery): ConversationList {
		if (this.list && sameQuery(this.list.query, query)) return this.list;
		const list = new ConversationList(query);
		this.list = list;
		void list.load();
		return list;
	}

	/** Opens a conversation, or none. */
	open(id: Id | null): Thread | null {
		if (id === (this.thread?.id ?? null)) return this.thread;
		this.thread = id === null ? null : new Thread(id);
		void this.thread?.load();
		this.#live?.view(id);
		return this.thread;
	}

	/** Tells the others that this person writes in the open conversation. */
	typing(): void {
		if (this.thread) this.#live?.typing(this.thread.id);
	}

	/** People other than the reader in a conversation. */
	others(conversation: Id, now: number): { user: Id; state: 'viewing' | 'typing' }[] {
		return [...(this.company.get(conversation) ?? [])]
			.filter(([user, each]) => user !== session.me?.id && each.until > now)
			.map(([user, each]) => ({ user, state: each.state }));
	}

	/** Reads the counts soon; many calls are one reading. */
	count(): void {
		this.#counting ??= setTimeout(
			() => {
				this.#counting = undefined;
				this.#counted = Date.now();
				get<Counts>('/conversations/counts')
					.then((counts) => (status.counts = counts))
					.catch(() => undefined); // the next event or reconnection tries again
			},
			Math.max(0, this.#counted + countEvery - Date.now())
		);
	}

	#readAgain(): void {
		void this.list?.load();
		void this.thread?.load();
		void directory.load().catch(() => undefined);
		this.count();
	}

	#events(events: LogEvent[]): void {
		const conversations = new Set<Id>();
		const parts = new Set<'users' | 'shops' | 'tags'>();
		for (const event of events) {
			if (event.conversation) conversations.add(event.conversation);
			if (event.kind === 'user.changed' || event.kind === 'presence.changed') parts.add('users');
			if (event.kind === 'shop.changed' || event.kind === 'connection.changed') parts.add('shops');
			if (event.kind === 'tag.changed') parts.add('tags');
			if (event.kind === 'access.changed' || this.#mine(event)) void this.#access(event);
		}
		if (parts.size > 0) void directory.load(...parts).catch(() => undefined);
		if (conversations.size === 0) return;
		this.list?.touch(conversations);
		if (this.thread && conversations.has(this.thread.id)) void this.thread.load();
		this.count();
	}

	#mine(event: LogEvent): boolean {
		return event.kind === 'presence.changed' && event.data.user === session.me?.id;
	}

	/** Somebody's roles changed, perhaps the reader's: what he may see is read again. */
	async #access(event: LogEvent): Promise<void> {
		await session.refresh().catch(() => undefined);
		if (event.kind === 'access.changed') this.#readAgain();
	}

	#presence(frame: PresenceFrame): void {
		const people = new Map(this.company.get(frame.conversation));
		if (frame.state === 'gone') people.delete(frame.user);
		else people.set(frame.user, { state: frame.state, until: Date.now() + believed });
		const company = new Map(this.company);
		if (people.size > 0) company.set(frame.conversation, people);
		else company.delete(frame.conversation);
		this.company = company;
	}
}

export const workspace = new Workspace();
