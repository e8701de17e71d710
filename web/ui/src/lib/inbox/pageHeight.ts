/** Characters in a line of a mail, roughly, and pixels from one line to the next. */
const width = 80;
const line = 23;

/**
 * How high the frame of a formatted mail begins, in pixels. The frame runs no script and has no origin,
 * so nobody can measure what is in it; its words tell about how long it is. It scrolls and can be drawn
 * larger.
 */
export function pageHeight(text: string): number {
	const lines = text.split('\n').reduce((sum, each) => sum + Math.max(1, Math.ceil(each.length / width)), 0);
	return Math.min(Math.max(lines * line + 60, 160), 4000);
}
