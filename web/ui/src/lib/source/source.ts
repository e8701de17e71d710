// The source of a mail as text: its first part, taken apart into headers and the rest.
import { address, ApiError } from '$lib/api/client';

/** Bytes of a source that are shown; the rest can be downloaded. */
export const shownBytes = 64 * 1024;

export interface Source {
	headers: { name: string; value: string }[];
	body: string;
	/** bytes of the whole */
	size: number;
}

/** Reads the first part of a source. Every read is on record. Throws ApiError. */
export async function readSource(path: string, signal: AbortSignal): Promise<Source> {
	let response: Response;
	try {
		response = await fetch(address(path), { headers: { Range: `bytes=0-${shownBytes - 1}` }, signal });
	} catch (error) {
		if (signal.aborted) throw error;
		throw new ApiError(0, 'offline', 'The server cannot be reached.');
	}
	if (response.status === 416) return { headers: [], body: '', size: 0 }; // an empty mail has no first byte
	if (!response.ok) {
		const codes: Record<number, string> = { 401: 'unauthenticated', 403: 'denied', 404: 'not_found' };
		throw new ApiError(response.status, codes[response.status] ?? 'internal', response.statusText);
	}
	const bytes = new Uint8Array(await response.arrayBuffer());
	const whole = Number(/\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1] ?? bytes.length);
	return { ...apart(new TextDecoder().decode(bytes)), size: whole };
}

/** Takes a mail apart at its first empty line; folded headers stay as they are written. */
export function apart(text: string): { headers: { name: string; value: string }[]; body: string } {
	const end = /\r?\n\r?\n/.exec(text);
	const head = end ? text.slice(0, end.index) : text;
	const headers: { name: string; value: string }[] = [];
	for (const line of head.split(/\r?\n/)) {
		const last = headers.at(-1);
		const colon = line.indexOf(':');
		if (last && /^[ \t]/.test(line)) last.value += `\n${line}`;
		else if (colon > 0 && /^[\x21-\x39\x3b-\x7e]+$/.test(line.slice(0, colon)))
			headers.push({ name: line.slice(0, colon), value: line.slice(colon + 1) });
		else return { headers, body: headers.length === 0 ? text : text.slice(text.indexOf(line)) }; // no mail as one knows it
	}
	return { headers, body: end ? text.slice(end.index + end[0].length) : '' };
}
