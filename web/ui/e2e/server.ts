// Starts a server from bin/deskbell in a folder of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = process.env.DESKBELL_BIN ?? fileURLToPath(new URL('../../../bin/deskbell', import.meta.url));

export interface Server {
	url: string;
	/** the one-time code for creating the owner */
	code: string;
	stop: () => Promise<void>;
}

/** A port nobody listens on just now. */
export async function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const probe = createServer();
		probe.once('error', reject);
		probe.listen(0, '127.0.0.1', () => {
			const address = probe.address();
			probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
		});
	});
}

/** Waits until the server has printed its code and answers. */
async function ready(child: ChildProcess, url: string, printed: () => string): Promise<string> {
	const deadline = Date.now() + 30_000;
	while (Date.now() < deadline) {
		if (child.exitCode !== null) throw new Error(`the server ended: ${printed()}`);
		const code = /one-time code: (\S+)/.exec(printed())?.[1];
		const answer = code ? await fetch(`${url}/readyz`).catch(() => null) : null;
		if (code && answer?.ok) return code;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error(`the server is not ready after 30 s: ${printed()}`);
}

/** Starts an empty server. Throws if bin/deskbell was not built. */
export async function startServer(): Promise<Server> {
	if (!existsSync(program)) throw new Error(`${program} is missing: run "make build" first`);
	const folder = mkdtempSync(join(tmpdir(), 'deskbell-e2e-'));
	const port = await freePort();
	const url = `http://127.0.0.1:${port}`;
	const child = spawn(program, ['serve', '--listen', `127.0.0.1:${port}`, '--data', folder, '--public-url', url], {
		stdio: ['ignore', 'pipe', 'pipe']
	});
	let text = '';
	child.stdout.on('data', (data: Buffer) => (text += data.toString()));
	child.stderr.on('data', (data: Buffer) => (text += data.toString()));
	const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
	const stop = async () => {
		child.kill('SIGTERM');
		await ended;
		rmSync(folder, { recursive: true, force: true });
	};
	try {
		return { url, code: await ready(child, url, () => text), stop };
	} catch (error) {
		await stop();
		throw error;
	}
}
