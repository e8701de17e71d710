// Finds addresses of pages in plain text, so that they can be shown as links.

export interface Part {
	text: string;
	/** the address, if the part is one */
	href?: string;
}

const address = /\bhttps?:\/\/[^\s<>"']+/gi;

/** Splits a text into words and addresses; nothing is lost or added. */
export function linked(text: string): Part[] {
	const parts: Part[] = [];
	let at = 0;
	for (const found of text.matchAll(address)) {
		// A full stop or bracket behind an address belongs to the sentence.
		let href = found[0].replace(/[.,;:!?。，、]+$/u, '');
		if (href.endsWith(')') && !href.includes('(')) href = href.slice(0, -1);
		if (found.index > at) parts.push({ text: text.slice(at, found.index) });
		parts.push({ text: href, href });
		at = found.index + href.length;
	}
	if (at < text.length) parts.push({ text: text.slice(at) });
	return parts;
}
