// The stream of events against a far side that this test plays: an object with the socket's shape.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LogEvent } from './frames';
import { Live } from './live';

/** The far side of one connection. */
class FarSide {
	onmessage: ((message: MessageEvent<string>) => void) | null = null;
	onclose: ((event: CloseEvent) => void) | null = null;
	readyState: number = WebSocket.OPEN;
	said: unknown[] = [];

	constructor(readonly address: string) {}

	send(text: string): void {
		this.said.push(JSON.parse(text));
	}

	close(): void {
		this.readyState = WebSocket.CLOSED;
	}

	tell(frame: object): void {
		this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(frame) }));
	}

	hello(seq: number): void {
		this.tell({ kind: 'hello', seq, you: '1', version: 'v1' });
	}

	event(seq: number, prev: number): void {
		this.tell({ seq, prev, kind: 'message.received', at: '', shop: '1', conversation: '7', actor: null, data: {} });
	}

	/** The network is cut, or the server closes with a code of its own. */
	cut(code = 1006): void {
		this.readyState = WebSocket.CLOSED;
		this.onclose?.(new CloseEvent('close', { code }));
	}

	get after(): string | null {
		return new URL(this.address).searchParams.get('after');
	}
}

let sides: FarSide[];
let live: Live;
let events: number[];
let batches: number;
const reloads: boolean[] = [];
const states: string[] = [];
let trouble: number;

const last = () => sides.at(-1)!;

beforeEach(() => {
	vi.useFakeTimers();
	[sides, events, batches, trouble] = [[], [], 0, 0];
	reloads.length = 0;
	states.length = 0;
	live = new Live({
		onEvents: (list: LogEvent[]) => {
			batches++;
			events.push(...list.map((each) => each.seq));
		},
		onReload: (first) => reloads.push(first),
		onPresence: () => undefined,
		onState: (state) => states.push(state),
		onVersion: () => undefined,
		onTrouble: () => trouble++,
		open: (address) => {
			const side = new FarSide(address);
			sides.push(side);
			return side as unknown as WebSocket;
		},
		random: () => 1
	});
	live.start();
});

afterEach(() => {
	live.stop();
	vi.useRealTimers();
});

describe('Live', () => {
	it('begins without a place in the log, and hands events over together', () => {
		expect(last().after).toBeNull();
		last().hello(10);
		expect(reloads).toEqual([true]); // what was read before the greeting may be older than it
		last().event(12, 10);
		last().event(15, 12); // numbers have holes: other people's shops
		expect(events).toEqual([]);
		vi.advanceTimersByTime(100);
		expect(events).toEqual([12, 15]);
		expect(batches).toBe(1);
	});

	it('goes on after the last event it knows when the connection was cut', () => {
		last().hello(10);
		last().event(12, 10);
		last().cut();
		expect(states.at(-1)).toBe('reconnecting');
		vi.advanceTimersByTime(500);
		expect(sides).toHaveLength(2);
		expect(last().after).toBe('12');
		last().hello(20);
		last().event(12, 10); // repeated around the cut
		last().event(14, 12);
		vi.advanceTimersByTime(100);
		expect(events).toEqual([12, 14]);
		expect(reloads).toEqual([true]);
	});

	it('asks again when the number before an event is one it never saw', () => {
		last().hello(10);
		last().event(20, 15);
		vi.advanceTimersByTime(500);
		expect(sides).toHaveLength(2);
		expect(last().after).toBe('10');
		expect(events).toEqual([]);
	});

	it('moves on with the heartbeat, and takes an event whose predecessor lies before it', () => {
		last().hello(10);
		last().tell({ kind: 'at', seq: 30 });
		last().event(31, 10);
		vi.advanceTimersByTime(100);
		expect(events).toEqual([31]);
		last().cut();
		vi.advanceTimersByTime(500);
		expect(last().after).toBe('31');
	});

	it('has everything read again when the gap is too long, from the number it is told', () => {
		last().hello(10);
		last().event(11, 10);
		last().tell({ kind: 'reload', seq: 5000 });
		vi.advanceTimersByTime(100);
		expect(events).toEqual([]); // part of what is read again
		expect(reloads).toEqual([true, false]);
		last().event(5002, 5000);
		vi.advanceTimersByTime(100);
		expect(events).toEqual([5002]);
	});

	it('takes a silent socket for dead', () => {
		last().hello(10);
		vi.advanceTimersByTime(44_000);
		expect(sides).toHaveLength(1);
		vi.advanceTimersByTime(2_000);
		expect(sides).toHaveLength(2);
	});

	it('tries again less and less often, for ever, and says once that something is wrong', () => {
		const waits = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
		for (const [index, wait] of waits.entries()) {
			last().cut();
			vi.advanceTimersByTime(wait - 1);
			expect(sides).toHaveLength(index + 1);
			vi.advanceTimersByTime(1);
			expect(sides).toHaveLength(index + 2);
		}
		expect(trouble).toBe(1);
	});

	it('says at once when the server ended the session', () => {
		last().hello(10);
		last().cut(4401);
		expect(trouble).toBe(1);
		expect(states.at(-1)).toBe('reconnecting');
	});

	it('connects at once when the network is back or a sleeper wakes', () => {
		last().hello(10);
		for (let time = 0; time < 6; time++) {
			last().cut();
			vi.advanceTimersByTime(30_000);
		}
		last().cut();
		const before = sides.length;
		window.dispatchEvent(new Event('online'));
		expect(sides).toHaveLength(before + 1);
		last().hello(11);
		vi.setSystemTime(Date.now() + 26_000); // asleep: no timer ran
		document.dispatchEvent(new Event('visibilitychange'));
		expect(sides).toHaveLength(before + 2);
	});

	it('leaves a socket that spoke lately alone when the tab comes to the front', () => {
		last().hello(10);
		document.dispatchEvent(new Event('visibilitychange'));
		expect(sides).toHaveLength(1);
	});

	it('says again what it looks at after a reconnection', () => {
		last().hello(10);
		live.view('7');
		expect(last().said).toEqual([{ op: 'viewing', conversation: '7' }]);
		last().cut();
		vi.advanceTimersByTime(500);
		last().hello(10);
		expect(last().said).toEqual([{ op: 'viewing', conversation: '7' }]);
	});

	it('can be started again after it was stopped, from nowhere', () => {
		last().hello(10);
		last().event(11, 10);
		live.stop();
		vi.advanceTimersByTime(60_000);
		expect(events).toEqual([]);
		live.start();
		expect(last().after).toBeNull();
		last().hello(20);
		last().event(21, 20);
		vi.advanceTimersByTime(100);
		expect(events).toEqual([21]);
	});
});
