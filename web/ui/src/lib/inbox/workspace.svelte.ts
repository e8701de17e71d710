// What is alive while somebody is signed in: the stream of events, the lists and conversations that
// were read, the counts beside the views, and who else looks or writes. Screens come and go; this
// starts with the session and ends with it.
import { get } from '$lib/api/client';
import type { Conversation, Counts, Id } from '$lib/api/types';
import type { LogEvent, PresenceFrame } from '$lib/live/frames';
import { Live } from '$lib/live/live';
import { session } from '$lib/session/session.svelte';
import { status } from '$lib/shell/status.svelte';
import { directory } from '$lib/store/directory.svelte';
import { drafts } from '$lib/store/drafts.svelte';
import { ConversationList, type ListQuery } from '$lib/store/list.svelte';
import { outgoing } from '$lib/store/outgoing.svelte';
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
/** Lists and conversations kept beside the ones that are shown. */
const keptLists = 8;
const keptThreads = 24;
/** Conversations are read ahead when the reader has stayed at one for so long. */
const settleAfter = 250;
/** A connection lost for longer than this is a time the reader was away. */
const shortGap = 5_000;

function nameOf(query: ListQuery): string {
	return JSON.stringify(Object.entries(query).sort());
}

/** Puts a value last in a map that keeps at most so many. */
function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
	map.delete(key);
	map.set(key, value);
	for (const old of map.keys()) {
		if (map.size <= most) break;
		map.delete(old);
	}
}

class Workspace {
	list = $state.raw<ConversationList | null>(null);
	thread = $state.raw<Thread | null>(null);
	/** conversation → person → how he is in it */
	company = $state.raw<ReadonlyMap<Id, ReadonlyMap<Id, Company>>>(new Map());
	/** moves every second while there is company, so that it can be seen to leave */
	#beat = $state(0);
	#beating: ReturnType<typeof setInterval> | undefined;
	#lists = new Map<string, ConversationList>();
	#threads = new Map<Id, Thread>();
	#live: Live | null = null;
	#version = '';
	#lostAt = 0;
	#counting: ReturnType<typeof setTimeout> | undefined;
	#counted = 0;
	#ahead: ReturnType<typeof setTimeout> | undefined;

	/** Begins to follow the log; returns how to stop. */
	start(): () => void {
		const live = new Live({
			onEvents: (events) => this.#events(events),
			onReload: (first) => this.#readAgain(first),
			onPresence: (frame) => this.#presence(frame),
			onState: (state, since) => this.#state(state, since),
			onVersion: (version) => {
				status.newVersion ||= this.#version !== '' && this.#version !== version;
				this.#version ||= version;
			},
			// A refused socket says nothing; an ordinary call finds out whether the session has ended.
			onTrouble: () => void session.refresh().catch(() => undefined)
		});
		this.#live = live;
		live.start();
		live.view(this.thread?.id ?? null); // a link into a conversation opened it before
		this.count();
		const user = session.me?.id ?? '';
		void drafts.start(user);
		void outgoing.start(user);
		return () => this.#stop(live);
	}

	#stop(live: Live): void {
		live.stop();
		drafts.stop();
		outgoing.stop();
		clearTimeout(this.#counting);
		clearTimeout(this.#ahead);
		clearInterval(this.#beating);
		this.#counting = undefined;
		this.#beating = undefined;
		for (const list of this.#lists.values()) list.stop();
		this.#lists.clear();
		this.#threads.clear();
		this.#live = null;
		this.list = null;
		this.thread = null;
		this.company = new Map();
		status.connection = 'connecting';
		status.since = 0;
		status.counts = { views: {}, shops: {} };
	}

	/** Shows a list; one that was shown before comes back as it was and is brought up to date. */
	show(query: ListQuery): ConversationList {
		const name = nameOf(query);
		const known = this.#lists.get(name);
		if (known && known === this.list) return known;
		const list = known ?? new ConversationList(query);
		keep(this.#lists, name, list, keptLists);
		this.list = list;
		void list.refresh();
		return list;
	}

	/** Opens a conversation, or none. */
	open(id: Id | null): Thread | null {
		if (id === (this.thread?.id ?? null)) return this.thread;
		this.#leave();
		this.thread = id === null ? null : this.#threadOf(id);
		const thread = this.thread;
		if (thread && (thread.head === null || thread.stale)) void thread.load();
		this.#live?.view(id);
		this.#readAhead();
		return thread;
	}

	/** The next visit begins without the marks of this one. */
	#leave(): void {
		const thread = this.thread;
		if (!thread) return;
		thread.newFrom = null;
		thread.missed = 0;
		thread.keepUnread = false;
	}

	#threadOf(id: Id): Thread {
		const thread = this.#threads.get(id) ?? new Thread(id);
		keep(this.#threads, id, thread, keptThreads);
		return thread;
	}

	/** Reads what the reader will probably open next: three after the open one, one before. */
	#readAhead(): void {
		clearTimeout(this.#ahead);
		this.#ahead = setTimeout(() => {
			const { list, thread } = this;
			const at = thread ? list?.order.indexOf(thread.id) : undefined;
			if (!list || at === undefined || at < 0 || status.connection !== 'live') return;
			for (const step of [1, 2, 3, -1]) {
				const id = list.order[at + step];
				if (id === undefined) continue;
				const next = this.#threads.get(id);
				if (next && !next.stale) continue;
				void this.#threadOf(id).load();
			}
		}, settleAfter);
	}

	/** Puts what a conversation is now wherever it is shown. */
	put(conversation: Conversation): void {
		for (const list of this.#lists.values()) list.put(conversation);
		const thread = this.#threads.get(conversation.id);
		if (thread?.head) thread.head = { ...thread.head, ...conversation };
	}

	/** Says that conversations changed: what is shown is read again now, the rest when it is shown. */
	touch(ids: Iterable<Id>): void {
		const all = [...ids];
		for (const list of this.#lists.values()) {
			if (list === this.list) list.touch(all);
			else list.mark(all);
		}
		for (const id of all) {
			const thread = this.#threads.get(id);
			if (!thread) continue;
			if (thread === this.thread) void thread.load();
			else thread.stale = true;
		}
		this.count();
	}

	/** Tells the others that this person writes in a conversation. */
	typing(conversation: Id): void {
		this.#live?.typing(conversation);
	}

	/** People other than the reader in a conversation. Reactive. */
	others(conversation: Id): { user: Id; state: 'viewing' | 'typing' }[] {
		const now = Math.max(this.#beat, Date.now());
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

	#state(state: 'live' | 'reconnecting' | 'offline', since: number): void {
		status.connection = state;
		status.since = since;
		if (state !== 'live') {
			this.#lostAt ||= Date.now();
			return;
		}
		if (this.#lostAt > 0) {
			if (this.thread && Date.now() - this.#lostAt > shortGap) this.thread.gap = true;
			this.#lostAt = 0;
			// Events bring what happened meanwhile; what could not be read then is read now.
			void this.list?.refresh();
			if (this.thread?.stale || this.thread?.gap) void this.thread.load();
			this.count();
		}
		void outgoing.flush();
		void drafts.flush();
	}

	/** Reads again what is shown; names only if they may be older than a moment. */
	#readAgain(first = false): void {
		for (const [name, list] of this.#lists) {
			if (list !== this.list) this.#lists.delete(name);
		}
		for (const thread of this.#threads.values()) thread.stale = true;
		void this.list?.load();
		void this.thread?.load();
		if (!first) void directory.load().catch(() => undefined);
		this.count();
	}

	#events(events: LogEvent[]): void {
		const conversations = new Set<Id>();
		const parts = new Set<'users' | 'shops' | 'tags'>();
		let access = false;
		let own = false;
		for (const event of events) {
			if (event.conversation) conversations.add(event.conversation);
			if (event.kind === 'user.changed' || event.kind === 'presence.changed') parts.add('users');
			// Who is a member of which shop stands with the people.
			if (event.kind === 'shop.changed') parts.add('users').add('shops');
			if (event.kind === 'connection.changed') parts.add('shops');
			if (event.kind === 'tag.changed') parts.add('tags');
			access ||= event.kind === 'access.changed';
			own ||= event.kind === 'presence.changed' && event.data.user === session.me?.id;
			if (event.kind.startsWith('draft.') && event.actor === session.me?.id) drafts.changed(event);
		}
		if (parts.size > 0) void directory.load(...parts).catch(() => undefined);
		if (access || own) void session.refresh().catch(() => undefined);
		if (access) this.#readAgain();
		if (conversations.size > 0) this.touch(conversations);
	}

	#presence(frame: PresenceFrame): void {
		const people = new Map(this.company.get(frame.conversation));
		if (frame.state === 'gone') people.delete(frame.user);
		else people.set(frame.user, { state: frame.state, until: Date.now() + believed });
		const company = new Map(this.company);
		if (people.size > 0) company.set(frame.conversation, people);
		else company.delete(frame.conversation);
		this.company = company;
		this.#beating ??= setInterval(() => this.#forgetGone(), 1_000);
	}

	/** Drops people who were not heard of for too long. */
	#forgetGone(): void {
		this.#beat = Date.now();
		const company = new Map<Id, ReadonlyMap<Id, Company>>();
		for (const [conversation, people] of this.company) {
			const here = new Map([...people].filter(([, each]) => each.until > this.#beat));
			if (here.size > 0) company.set(conversation, here);
		}
		this.company = company;
		if (company.size > 0) return;
		clearInterval(this.#beating);
		this.#beating = undefined;
	}
}

export const workspace = new Workspace();
