// Which rows of a long list are on the screen: fixed heights make it arithmetic.

export interface Window {
	/** first row to render */
	start: number;
	/** behind the last row to render */
	end: number;
}

/** Rows rendered above and below what is seen, so that a quick scroll shows no holes. */
const spare = 8;

/** The rows to render of count rows of a height, with the list scrolled to top in a view of a height. */
export function windowOf(count: number, rowHeight: number, top: number, viewHeight: number): Window {
	const first = Math.floor(Math.max(0, top) / rowHeight);
	const seen = Math.ceil(viewHeight / rowHeight) + 1;
	const start = Math.max(0, Math.min(first - spare, count));
	return { start, end: Math.min(count, first + seen + spare) };
}

/** Where the list must be scrolled so that a row is seen whole; top if it is already. */
export function scrollTo(index: number, rowHeight: number, top: number, viewHeight: number): number {
	const above = index * rowHeight;
	const below = above + rowHeight - viewHeight;
	return Math.max(below, Math.min(above, top));
}
