// Customers' letters: written straight into a mailbox of the demo's mail server, as a mail provider
// does. Speaks as much IMAP as that takes.
import { X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';

export interface Letter {
	/** name and address of who writes */
	from: { name: string; address: string };
	to: string;
	subject: string;
	text: string;
	/** sent instead of the text */
	html?: string;
	/** Message-ID without <>; made up if absent */
	id?: string;
	/** Message-IDs of the letters before, oldest first */
	references?: string[];
}

let written = 0;

/** A Message-ID nobody used. */
export function newID(): string {
	return `${process.pid}.${Date.now()}.${++written}@letters.example`;
}

function encoded(words: string): string {
	return `=?utf-8?B?${Buffer.from(words).toString('base64')}?=`;
}

/** The bytes of a letter. */
export function raw(letter: Letter): Buffer {
	const { from, to, subject, text, html, id = newID(), references = [] } = letter;
	const head = [
		`From: ${encoded(from.name)} <${from.address}>`,
		`To: ${to}`,
		`Subject: ${encoded(subject)}`,
		`Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
		`Message-ID: <${id}>`,
		'MIME-Version: 1.0',
		`Content-Type: text/${html === undefined ? 'plain' : 'html'}; charset=utf-8`,
		'Content-Transfer-Encoding: base64'
	];
	if (references.length > 0) {
		head.push(`In-Reply-To: <${references.at(-1)}>`, `References: ${references.map((each) => `<${each}>`).join(' ')}`);
	}
	return Buffer.from(`${head.join('\r\n')}\r\n\r\n${folded(Buffer.from(html ?? text).toString('base64'))}\r\n`);
}

/** Base64 in lines as long as mails have them. */
function folded(text: string): string {
	return text.replace(/.{76}/g, '$&\r\n');
}

/** One signed-in IMAP connection. Commands are sent one after another. */
export class Postman {
	#socket: TLSSocket;
	#text = '';
	#number = 0;
	#wake: () => void = () => undefined;

	private constructor(socket: TLSSocket) {
		this.#socket = socket;
		const more = (data?: Buffer) => {
			this.#text += data?.toString('latin1') ?? '';
			this.#wake();
		};
		socket.on('data', more);
		socket.on('close', () => more());
	}

	/** Signs in; at is host:port. The server's certificate is its own, so it is taken as it is. */
	static async at(at: string, user: string, password: string): Promise<Postman> {
		const postman = new Postman(await dial(at));
		await postman.#until(/^\* OK/);
		await postman.#do(`LOGIN "${user}" "${password}"`);
		return postman;
	}

	/** Makes a folder. */
	async create(folder: string): Promise<void> {
		await this.#do(`CREATE "${folder}"`);
	}

	/** Puts a letter into a folder. */
	async deliver(folder: string, letter: Buffer): Promise<void> {
		await this.#do(`APPEND "${folder}" {${letter.length}}`, letter);
	}

	close(): void {
		this.#socket.destroy();
	}

	async #do(command: string, literal?: Buffer): Promise<void> {
		const tag = `t${++this.#number}`;
		this.#text = '';
		this.#socket.write(`${tag} ${command}\r\n`);
		if (literal) {
			await this.#until(/^\+/m);
			this.#socket.write(Buffer.concat([literal, Buffer.from('\r\n')]));
		}
		const answer = await this.#until(new RegExp(`^${tag} (OK|NO|BAD).*$`, 'm'));
		if (answer[1] !== 'OK') throw new Error(`${command.split(' ')[0]}: ${answer[0]}`);
	}

	async #until(words: RegExp): Promise<RegExpExecArray> {
		for (;;) {
			const match = words.exec(this.#text);
			if (match) return match;
			if (this.#socket.destroyed) throw new Error('the mail server hung up');
			await new Promise<void>((resolve) => (this.#wake = resolve));
		}
	}
}

function dial(at: string): Promise<TLSSocket> {
	const [host, port] = at.split(':');
	return new Promise((resolve, reject) => {
		const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => resolve(socket));
		socket.once('error', reject);
	});
}

/** The certificate of the server at host:port, as PEM. */
export async function certificateOf(at: string): Promise<string> {
	const socket = await dial(at);
	const pem = new X509Certificate(socket.getPeerCertificate().raw).toString();
	socket.destroy();
	return pem;
}
