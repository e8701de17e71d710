// What the composer understands of the words in it.

/** Whether an address may be a link in a mail: pages, mail and telephones only. */
export function safeLink(href: string): boolean {
	return /^(?:https?:\/\/|mailto:|tel:)\S+$/i.test(href);
}

/** What a person typed as an address, complete; "" if it is none. */
export function completeLink(typed: string): string {
	const text = typed.trim();
	if (safeLink(text)) return text;
	if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return `mailto:${text}`;
	return /^[^\s/]+\.[^\s/]{2,}(?:\/\S*)?$/.test(text) ? `https://${text}` : '';
}

/** Ways of saying that a file comes with the mail, in the four languages and those they are mixed with. */
const attached =
	/\battach(?:ed|ing|ment|ments)\b|\benclosed\b|прикреп|вложени|во вложении|прилага|\ballegat[oaie]\b|\ballego\b|\bin allegato\b|附件|附上|附图|\banbei\b|\banhang\b|\bangehängt\b/iu;

/** Whether the author's own words (not those he quotes) speak of an attachment. */
export function mentionsAttachment(text: string): boolean {
	return text.split('\n').some((line) => !line.startsWith('>') && attached.test(line));
}

export interface Person {
	id: string;
	name: string;
}

/** The people whose @name stands in a text. */
export function mentioned(text: string, people: readonly Person[]): string[] {
	return people.filter((each) => each.name !== '' && text.includes(`@${each.name}`)).map((each) => each.id);
}

/** Addresses typed in a row, such as `Ann <ann@x.example>, bob@x.example`; null if one is none. */
export function readAddresses(typed: string): { name: string; address: string }[] | null {
	const found: { name: string; address: string }[] = [];
	for (const part of typed.split(/[,;\n]+/).map((each) => each.trim())) {
		if (!part) continue;
		const named = /^"?([^"<>]*?)"?\s*<([^<>\s]+)>$/.exec(part);
		const address = named?.[2] ?? part;
		if (!/^[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>().]+$/.test(address)) return null;
		found.push({ name: named?.[1]?.trim() ?? '', address });
	}
	return found;
}
