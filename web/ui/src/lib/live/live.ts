// Follows the event log over one websocket: every event this person may see, once and in order, or
// the word that the screen must read everything again. Knows nothing of what the events mean.
import { isLogEvent, type Frame, type LogEvent, type PresenceFrame } from './frames';

export interface LiveOptions {
	/** events of the last 100 ms, in order, never empty */
	onEvents: (events: LogEvent[]) => void;
	/**
	 * what was read before must be read again: it was read before the log was followed, or the gap was
	 * too long to replay. first: it is the first connection
	 */
	onReload: (first: boolean) => void;
	onPresence: (frame: PresenceFrame) => void;
	/** live, or trying again since a moment (milliseconds); offline when the browser says so */
	onState: (state: 'live' | 'reconnecting' | 'offline', since: number) => void;
	/** the server's program, at every connection */
	onVersion: (version: string) => void;
	/** several tries in a row failed, or the server said so: the session may have ended */
	onTrouble?: () => void;
	/** how the socket is opened; tests put the far side here */
	open?: (address: string) => WebSocket;
	random?: () => number;
}

/** The server speaks at least so often; a socket silent for longer than `silence` is dead. */
const heartbeat = 20_000;
const silence = 45_000;
/** How long a connection may take to be greeted. */
const greeting = 15_000;
/** Events are handed over together, so that a burst costs one rendering. */
const flushEvery = 100;
const firstRetry = 500;
const longestRetry = 30_000;
/** After so many failed tries in a row something other than the network may be wrong. */
const patience = 3;
/** The code with which the server closes the socket of a session that is over. */
const sessionOver = 4401;
/** Who looks at a conversation says so again after this time: others believe it for 15 s. */
const viewEvery = 10_000;

export class Live {
	#options: Required<LiveOptions>;
	#socket: WebSocket | null = null;
	/** number of the last event handed over or skipped; null before the first hello */
	#seq: number | null = null;
	#events: LogEvent[] = [];
	#flush: ReturnType<typeof setTimeout> | undefined;
	#watch: ReturnType<typeof setTimeout> | undefined;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#tries = 0;
	#running = false;
	#brokenSince = 0;
	#heard = 0;
	#viewing: string | null = null;
	#telling: ReturnType<typeof setInterval> | undefined;

	constructor(options: LiveOptions) {
		this.#options = {
			open: (address) => new WebSocket(address),
			random: Math.random,
			onTrouble: () => undefined,
			...options
		};
	}

	/** Connects and stays connected until stop. */
	start(): void {
		if (this.#running) return;
		this.#running = true;
		window.addEventListener('online', this.#now);
		window.addEventListener('offline', this.#offline);
		document.addEventListener('visibilitychange', this.#woke);
		this.#connect();
	}

	/** Disconnects and forgets the place in the log. */
	stop(): void {
		this.#running = false;
		window.removeEventListener('online', this.#now);
		window.removeEventListener('offline', this.#offline);
		document.removeEventListener('visibilitychange', this.#woke);
		clearTimeout(this.#retry);
		clearInterval(this.#telling);
		this.#viewing = null;
		this.#forget();
		this.#seq = null;
		this.#tries = 0;
		this.#brokenSince = 0;
		this.#drop();
	}

	/** Tells the others which conversation this person looks at; repeated after a reconnection. */
	view(conversation: string | null): void {
		this.#viewing = conversation;
		this.#say({ op: 'viewing', conversation });
		clearInterval(this.#telling);
		if (conversation === null) return;
		this.#telling = setInterval(() => {
			if (document.visibilityState === 'visible') this.#say({ op: 'viewing', conversation });
		}, viewEvery);
	}

	/** Tells the others that this person writes. Call it at most every few seconds. */
	typing(conversation: string): void {
		this.#say({ op: 'typing', conversation });
	}

	#say(message: unknown): void {
		if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
	}

	#address(): string {
		const url = new URL('/api/v1/live', window.location.href);
		url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
		if (this.#seq !== null) url.searchParams.set('after', String(this.#seq));
		return url.href;
	}

	#connect(): void {
		clearTimeout(this.#retry);
		this.#drop();
		const socket = this.#options.open(this.#address());
		this.#socket = socket;
		this.#listen(greeting);
		socket.onmessage = (message: MessageEvent<string>) => {
			if (socket !== this.#socket) return;
			this.#listen(silence);
			this.#take(JSON.parse(message.data) as Frame);
		};
		socket.onclose = (event) => {
			if (socket !== this.#socket) return;
			this.#broken();
			if (event.code === sessionOver && this.#running) this.#options.onTrouble();
		};
	}

	/** Restarts the watch over a silent socket. */
	#listen(allowed: number): void {
		this.#heard = Date.now();
		clearTimeout(this.#watch);
		this.#watch = setTimeout(() => this.#broken(), allowed);
	}

	#drop(): void {
		clearTimeout(this.#watch);
		const socket = this.#socket;
		this.#socket = null;
		socket?.close();
	}

	/** Forgets events not handed over yet. */
	#forget(): void {
		clearTimeout(this.#flush);
		this.#flush = undefined;
		this.#events = [];
	}

	#take(frame: Frame): void {
		if (isLogEvent(frame)) {
			this.#event(frame);
			return;
		}
		switch (frame.kind) {
			case 'hello':
				this.#greeted(frame.seq, frame.version);
				break;
			case 'at':
				this.#seq = Math.max(this.#seq ?? 0, frame.seq);
				break;
			case 'reload':
				this.#forget();
				this.#seq = frame.seq;
				this.#options.onReload(false);
				break;
			case 'presence':
				this.#options.onPresence(frame);
				break;
		}
	}

	#greeted(seq: number, version: string): void {
		this.#tries = 0;
		this.#brokenSince = 0;
		this.#options.onVersion(version);
		if (this.#viewing) this.view(this.#viewing);
		const first = this.#seq === null;
		// The first hello says where the log stands; later ones repeat the place asked for.
		this.#seq ??= seq;
		this.#options.onState('live', 0);
		if (first) this.#options.onReload(true);
	}

	#event(event: LogEvent): void {
		const known = this.#seq ?? 0;
		if (event.seq <= known) return; // sent twice around a reconnection
		if (event.prev > known) {
			this.#broken(); // something is missing: ask again from the last one known
			return;
		}
		this.#seq = event.seq;
		this.#events.push(event);
		this.#flush ??= setTimeout(() => {
			this.#flush = undefined;
			const events = this.#events;
			this.#events = [];
			if (events.length > 0) this.#options.onEvents(events);
		}, flushEvery);
	}

	#broken(): void {
		this.#drop();
		if (!this.#running) return;
		this.#brokenSince ||= Date.now();
		this.#options.onState(navigator.onLine ? 'reconnecting' : 'offline', this.#brokenSince);
		const wait = Math.min(longestRetry, firstRetry * 2 ** this.#tries++);
		clearTimeout(this.#retry);
		this.#retry = setTimeout(() => this.#connect(), wait * (0.5 + this.#options.random() / 2));
		if (this.#tries === patience) this.#options.onTrouble();
	}

	#now = () => {
		this.#tries = 0;
		this.#connect();
	};

	/** The network is gone: the socket is dead although it does not know it yet. */
	#offline = () => this.#broken();

	/** A lid was opened, or the tab came to the front: a socket that died in sleep does not know it. */
	#woke = () => {
		const quiet = Date.now() - this.#heard > heartbeat + 5_000;
		if (document.visibilityState === 'visible' && (quiet || this.#socket === null)) this.#now();
	};
}
