// Starts the programs under test in folders of their own and ends them again.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program that runs, with what it printed so far. */
export interface Program {
	printed: () => string;
	/** resolves with the first match in what is printed; rejects if the program ends or is too slow */
	saying: (words: RegExp) => Promise<RegExpExecArray>;
	stop: () => Promise<void>;
}

/** Milliseconds a program may take to be ready, and to end. */
const patience = 30_000;

function launch(name: string, args: (folder: string) => string[], env: NodeJS.ProcessEnv = {}): Program {
	const path = fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));
	if (!existsSync(path)) throw new Error(`${path} is missing: run "make build" first`);
	const folder = mkdtempSync(join(tmpdir(), `${name}-e2e-`));
	const child = spawn(path, args(folder), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
	let text = '';
	const read = (data: Buffer) => (text += data.toString());
	child.stdout.on('data', read);
	child.stderr.on('data', read);
	const kill = () => child.kill('SIGKILL'); // the runner itself was ended
	process.once('exit', kill);
	const stop = async () => {
		await ended(child);
		process.off('exit', kill);
		rmSync(folder, { recursive: true, force: true });
	};
	return { printed: () => text, saying: (words) => said(child, words, () => text), stop };
}

function said(child: ChildProcess, words: RegExp, text: () => string): Promise<RegExpExecArray> {
	return new Promise((resolve, reject) => {
		const settle = (act: () => void) => {
			clearTimeout(timer);
			child.stdout?.off('data', look);
			child.stderr?.off('data', look);
			child.off('exit', gone);
			act();
		};
		const look = () => {
			const match = words.exec(text());
			if (match) settle(() => resolve(match));
		};
		const gone = () => settle(() => reject(new Error(`the program ended:\n${text()}`)));
		const timer = setTimeout(() => settle(() => reject(new Error(`not ready in time:\n${text()}`))), patience);
		child.stdout?.on('data', look);
		child.stderr?.on('data', look);
		child.on('exit', gone);
		look();
	});
}

async function ended(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
	child.kill('SIGTERM');
	const timer = setTimeout(() => child.kill('SIGKILL'), patience);
	await exit;
	clearTimeout(timer);
}

/** What the demo prints about itself. */
export interface Demo {
	url: string;
	logins: { role: string; name: string; email: string; password: string }[];
	/** passwords by address */
	mailboxes: Record<string, string>;
	/** host:port as the demo's own connections know its mail servers */
	imap: string;
	smtp: string;
	/** host:port for everybody else */
	loopback: { imap: string; smtp: string };
}

/** Starts the made-up company; nobody writes there but the tests. */
export async function startDemo(): Promise<{ demo: Demo; stop: () => Promise<void> }> {
	const program = launch('deskbell-demo', (folder) => [
		...['--json', '--pace', '0', '--answer', '1s', '--listen', '127.0.0.1:0', '--data', join(folder, 'demo')]
	]);
	try {
		const [line] = await program.saying(/^\{.*\}$/m);
		return { demo: JSON.parse(line) as Demo, stop: program.stop };
	} catch (error) {
		await program.stop();
		throw error;
	}
}

/** A server nobody has set up yet, with the one-time code for its owner. */
export interface Empty {
	url: string;
	code: string;
	stop: () => Promise<void>;
}

/** Starts an empty server; certificates is a PEM file of those it trusts, the system's if absent. */
export async function startEmpty(certificates?: string): Promise<Empty> {
	const program = launch(
		'deskbell',
		(folder) => ['serve', '--listen', '127.0.0.1:0', '--allow-networks', '127.0.0.0/8', '--data', join(folder, 'data')],
		certificates ? { SSL_CERT_FILE: certificates } : {}
	);
	try {
		const [, url] = await program.saying(/^Deskbell is at (\S+)$/m);
		const [, code] = await program.saying(/one-time code: (\S+)/);
		return { url: url ?? '', code: code ?? '', stop: program.stop };
	} catch (error) {
		await program.stop();
		throw error;
	}
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
