// Files on their way to the server, each for the draft it was added to, also when another
// conversation is open by then.
import { ApiError } from '$lib/api/client';
import type { Attachment } from '$lib/api/types';
import { bytes, t } from '$lib/i18n/i18n.svelte';
import { errorText } from '$lib/kit/errors';
import type { Draft } from '$lib/store/drafts.svelte';

/** A file and all files of a message together may have so many bytes. */
export const largest = 25_000_000;

export class Upload {
	/** 0 to 1 */
	progress = $state(0);
	/** what went wrong; "" while it goes on */
	problem = $state('');
	#request: XMLHttpRequest | null = null;

	constructor(
		readonly draft: Draft,
		readonly file: File
	) {}

	/** Sends the file; the answer is the attachment, null if it was refused or stopped. */
	send(): Promise<Attachment | null> {
		const used = this.draft.content.attachments.reduce((sum, each) => sum + each.size, 0);
		if (this.file.size + used > largest) {
			this.problem = t('inbox.fileTooLarge', { size: bytes(largest) });
			return Promise.resolve(null);
		}
		this.problem = '';
		const request = new XMLHttpRequest(); // fetch tells nothing of the progress of what is sent
		this.#request = request;
		const form = new FormData();
		form.append('file', this.file, this.file.name);
		return new Promise((resolve) => {
			request.upload.onprogress = (event) => (this.progress = event.total > 0 ? event.loaded / event.total : 0);
			request.onabort = () => resolve(null);
			request.onerror = () => resolve(this.#fail(0, 'offline'));
			request.onload = () => {
				if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as Attachment);
				else resolve(this.#fail(request.status, codeOf(request)));
			};
			request.open('POST', '/api/v1/attachments');
			request.setRequestHeader('Accept', 'application/json');
			request.send(form);
		});
	}

	#fail(status: number, code: string): null {
		this.problem = errorText(new ApiError(status, code, ''));
		return null;
	}

	stop(): void {
		this.#request?.abort();
	}
}

function codeOf(request: XMLHttpRequest): string {
	try {
		const problem = JSON.parse(request.responseText) as { code?: unknown };
		if (typeof problem.code === 'string') return problem.code;
	} catch {
		// An answer of something in between: its status says enough.
	}
	return request.status === 413 ? 'too_large' : 'internal';
}

class Uploads {
	items = $state.raw<readonly Upload[]>([]);

	/** Those of a draft. */
	of(draft: Draft): Upload[] {
		return this.items.filter((each) => each.draft === draft);
	}

	/** Adds files to a draft, one after the other. */
	async add(draft: Draft, files: File[]): Promise<void> {
		const fresh = files.map((file) => new Upload(draft, file));
		this.items = [...this.items, ...fresh];
		for (const upload of fresh) await this.run(upload);
	}

	/** Sends one, or sends it again. */
	async run(upload: Upload): Promise<void> {
		if (!this.items.includes(upload)) return; // removed while it waited
		const attachment = await upload.send();
		if (!attachment) return;
		upload.draft.edit({ attachments: [...upload.draft.content.attachments, attachment] });
		this.drop(upload);
	}

	drop(upload: Upload): void {
		upload.stop();
		this.items = this.items.filter((each) => each !== upload);
	}
}

export const uploads = new Uploads();
