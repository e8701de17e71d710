// What is being written, per conversation and kind: kept on this device within 300 ms of a key and on
// the server within 2 s, and given back after a reload, a crash, a sign-out or on another device.
import { ApiError, get, newKey, put, remove } from '$lib/api/client';
import type { Address, Attachment, Draft as ServerDraft, Id } from '$lib/api/types';
import type { LogEvent } from '$lib/live/frames';
import { shelf, type Shelf } from './shelf';

export type DraftKind = 'reply' | 'note';

export interface Content {
	text: string;
	/** the text with its formatting; "" for plain text */
	html: string;
	cc: Address[];
	bcc: Address[];
	attachments: Attachment[];
}

/** A draft as the device keeps it. */
interface Kept {
	user: Id;
	conversation: Id;
	kind: DraftKind;
	content: Content;
	key: string;
	seen: Id | null;
	/** the server has exactly this */
	saved: boolean;
	changedAt: number;
}

export const emptyContent: Content = { text: '', html: '', cc: [], bcc: [], attachments: [] };

/** The device has it within this time of a key, the server within the other. */
const onDevice = 200;
const onServer = 1_500;
/** A refused saving on the server is tried again after this time. */
const tryAgain = 10_000;
/** Words of another device are not put under the fingers of somebody who typed so recently. */
const typing = 5_000;

/** Whether there is nothing worth keeping. */
export function isEmpty(content: Content): boolean {
	return content.text.trim() === '' && content.attachments.length === 0;
}

export class Draft {
	content = $state.raw<Content>(emptyContent);
	/** Idempotency-Key of the message this becomes: sent twice, it is one message */
	key = newKey();
	/** newest message when the author last began to write */
	seen: Id | null = null;
	/** rises when the content was replaced from outside, so that the editor shows it */
	turn = $state(0);
	/** the server has what is shown here */
	saved = $state(true);
	/** when the author last changed something, milliseconds */
	changedAt = $state(0);
	/** the warning about a missing attachment was given */
	warned = false;
	#drafts: Drafts;
	#restored: Promise<void> | null = null;
	#deviceTimer: ReturnType<typeof setTimeout> | undefined;
	#serverTimer: ReturnType<typeof setTimeout> | undefined;
	#saving: Promise<void> = Promise.resolve();
	/** it was on this device before */
	#taken = false;
	/** the server may hold a draft */
	#onServer = false;
	/** rises with every change, to tell whether a saving is still the newest */
	#version = 0;

	constructor(
		drafts: Drafts,
		readonly conversation: Id,
		readonly kind: DraftKind
	) {
		this.#drafts = drafts;
	}

	get #path(): string {
		return `/conversations/${this.conversation}/draft`;
	}

	/** Takes up what the device kept from an earlier visit. */
	take(kept: Kept): void {
		if (this.#version > 0) return;
		this.#taken = true;
		this.content = kept.content;
		this.key = kept.key;
		this.seen = kept.seen;
		this.saved = kept.saved;
		this.changedAt = kept.changedAt;
		this.#onServer = true; // perhaps: the device may not have heard that it was saved
		this.turn++;
		if (!kept.saved) this.#later(onServer);
	}

	/** Reads the server's draft once; what was typed here and not yet saved there wins. */
	restore(): Promise<void> {
		this.#restored ??= this.#fetch().catch((error: unknown) => {
			this.#restored = null; // the next visit asks again
			if (!(error instanceof ApiError)) throw error;
		});
		return this.#restored;
	}

	async #fetch(): Promise<void> {
		const before = this.#version;
		let found: ServerDraft | null = null;
		try {
			found = await get<ServerDraft>(this.#path, { kind: this.kind });
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 404) throw error;
		}
		this.#onServer ||= found !== null;
		if (this.#version !== before || !this.saved) {
			// Words typed while the answer was on its way follow those from elsewhere; neither is lost.
			if (found && before === 0 && !this.#taken && !isEmpty(this.content))
				this.replace(join(contentOf(found), this.content));
			return;
		}
		this.#onServer = found !== null;
		const content = found ? contentOf(found) : emptyContent;
		if (JSON.stringify(content) === JSON.stringify(this.content)) return;
		this.content = content;
		this.turn++;
		this.#keep();
	}

	/** The author changed something. */
	edit(change: Partial<Content>): void {
		this.#restored ??= Promise.resolve(); // what the server has from now on is from here
		this.content = { ...this.content, ...change };
		this.#changed();
	}

	/** Replaces everything, such as by words that come back after Undo. */
	replace(content: Content): void {
		this.content = content;
		this.turn++;
		this.#changed();
	}

	#changed(): void {
		this.#version++;
		this.changedAt = Date.now();
		this.saved = false;
		this.#deviceTimer ??= setTimeout(() => this.#keep(), onDevice);
		this.#later(onServer);
	}

	#later(wait: number): void {
		this.#serverTimer ??= setTimeout(() => {
			this.#serverTimer = undefined;
			void this.save();
		}, wait);
	}

	#keep(): void {
		clearTimeout(this.#deviceTimer);
		this.#deviceTimer = undefined;
		this.#drafts.keep(this);
	}

	/** Writes down at once what the device does not have yet. */
	keepNow(): void {
		if (this.#deviceTimer !== undefined) this.#keep();
	}

	/** Saves on the server what it does not have yet. */
	save(): Promise<void> {
		clearTimeout(this.#serverTimer);
		this.#serverTimer = undefined;
		this.#saving = this.#saving.then(() => this.#save());
		return this.#saving;
	}

	async #save(): Promise<void> {
		if (this.saved) return;
		const version = this.#version;
		try {
			if (!isEmpty(this.content)) {
				await put(this.#path, { kind: this.kind, ...this.content }, { query: { kind: this.kind } });
				this.#onServer = true;
			} else if (this.#onServer) {
				await this.#remove();
			}
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			// No right to write here any more, or gone: the device keeps it. All else is tried again.
			if (error.status === 0 || error.status >= 429) this.#later(tryAgain);
			return;
		}
		if (version !== this.#version) return;
		this.saved = true;
		this.#keep();
	}

	async #remove(): Promise<void> {
		try {
			await remove(this.#path, { query: { kind: this.kind } });
		} catch (error) {
			if (!(error instanceof ApiError) || error.status !== 404) throw error; // it was not there
		}
		this.#onServer = false;
	}

	/** Stops saving for a moment: the message is about to be sent, and its draft ends there. */
	async settle(): Promise<void> {
		clearTimeout(this.#serverTimer);
		this.#serverTimer = undefined;
		await this.#saving;
	}

	/** The message was taken over by the server or the queue: the next one begins empty. */
	finish(): void {
		clearTimeout(this.#serverTimer);
		this.#serverTimer = undefined;
		this.content = emptyContent;
		this.key = newKey();
		this.seen = null;
		this.warned = false;
		this.turn++;
		this.#version++;
		this.changedAt = Date.now();
		this.saved = true;
		this.#onServer = false;
		this.#keep();
	}

	/** Throws away what was written, here and on the server. */
	discard(): void {
		this.replace(emptyContent);
		this.key = newKey();
		this.seen = null;
		void this.save();
	}

	/** The draft was changed on another device. */
	elsewhere(): void {
		if (!this.saved || Date.now() - this.changedAt < typing) return;
		this.#restored = null;
		void this.restore();
	}

	stop(): void {
		this.keepNow();
		clearTimeout(this.#serverTimer);
		this.#serverTimer = undefined;
	}
}

function contentOf(draft: ServerDraft): Content {
	const { text, html, cc, bcc, attachments } = draft;
	return { text, html, cc: cc ?? [], bcc: bcc ?? [], attachments: attachments ?? [] };
}

/** One draft behind the other; formatting stays if both have it. */
export function join(first: Content, second: Content): Content {
	const files = new Map([...first.attachments, ...second.attachments].map((each) => [each.id, each]));
	return {
		text: [first.text, second.text].filter((each) => each.trim()).join('\n\n'),
		html: first.html && second.html ? first.html + second.html : '',
		cc: second.cc.length > 0 ? second.cc : first.cc,
		bcc: second.bcc.length > 0 ? second.bcc : first.bcc,
		attachments: [...files.values()]
	};
}

export class Drafts {
	#drafts = new Map<string, Draft>();
	#shelf: () => Promise<Shelf>;
	#user: Id = '';

	constructor(open: () => Promise<Shelf> = shelf) {
		this.#shelf = open;
	}

	/** Takes up what this person left on this device. */
	async start(user: Id): Promise<void> {
		this.#user = user;
		window.addEventListener('pagehide', this.#hide);
		document.addEventListener('visibilitychange', this.#hide);
		const kept = await (await this.#shelf()).all<Kept>('drafts');
		if (this.#user !== user) return;
		for (const each of kept) if (each.user === user) this.of(each.conversation, each.kind).take(each);
	}

	/** Ends with the session; what is on the device stays there for the same person. */
	stop(): void {
		window.removeEventListener('pagehide', this.#hide);
		document.removeEventListener('visibilitychange', this.#hide);
		for (const draft of this.#drafts.values()) draft.stop();
		this.#drafts.clear();
		this.#user = '';
	}

	/** The draft of a conversation; there is always one, perhaps empty. */
	of(conversation: Id, kind: DraftKind): Draft {
		const name = `${conversation}:${kind}`;
		let draft = this.#drafts.get(name);
		if (!draft) this.#drafts.set(name, (draft = new Draft(this, conversation, kind)));
		return draft;
	}

	/** Whether something is being written in a conversation that the server may not know of yet. */
	has(conversation: Id): boolean {
		return (['reply', 'note'] as const).some((kind) => {
			const draft = this.#drafts.get(`${conversation}:${kind}`);
			return draft !== undefined && !isEmpty(draft.content);
		});
	}

	/** Writes a draft down on the device. */
	keep(draft: Draft): void {
		const user = this.#user;
		if (!user) return;
		const { conversation, kind, content, key, seen, saved, changedAt } = draft;
		const kept: Kept = { user, conversation, kind, content: $state.snapshot(content), key, seen, saved, changedAt };
		const name = `${user}:${conversation}:${kind}`;
		const empty = isEmpty(content) && saved;
		void this.#shelf()
			.then((place) => (empty ? place.remove('drafts', name) : place.put('drafts', name, kept)))
			.catch(() => undefined); // the device is full: the server has it in two seconds
	}

	/** Saves everything that waits: the connection is back. */
	async flush(): Promise<void> {
		await Promise.all([...this.#drafts.values()].map((draft) => draft.save()));
	}

	/** An event says that a draft was saved or discarded, perhaps on another device. */
	changed(event: LogEvent): void {
		const kind = event.data.kind === 'note' ? 'note' : 'reply';
		this.#drafts.get(`${event.conversation}:${kind}`)?.elsewhere();
	}

	#hide = () => {
		for (const draft of this.#drafts.values()) draft.keepNow();
	};
}

export const drafts = new Drafts();
