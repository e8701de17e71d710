// Addresses. Every screen has one; Back, reload and a link in a new tab all lead to the same place.

export interface Location {
	path: string;
	query: URLSearchParams;
	hash: string;
}

function read(): Location {
	return {
		path: window.location.pathname,
		query: new URLSearchParams(window.location.search),
		hash: window.location.hash.slice(1)
	};
}

let location = $state.raw<Location>(read());

/** Where the screen is now. */
export function here(): Location {
	return location;
}

/** Goes to an address inside the program; replace leaves no step for Back. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
	const url = new URL(to, window.location.href);
	const now = window.location.pathname + window.location.search + window.location.hash;
	const next = url.pathname + url.search + url.hash;
	if (options.replace) history.replaceState(null, '', next);
	else if (next !== now) history.pushState(null, '', next);
	location = read();
}

/** Changes some of the query; null removes a name. */
export function setQuery(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
	const query = new URLSearchParams(location.query);
	for (const [name, value] of Object.entries(changes)) {
		if (value === null) query.delete(name);
		else query.set(name, value);
	}
	const text = query.toString();
	navigate(location.path + (text ? `?${text}` : ''), options);
}

/**
 * The parameters of a path if it fits the pattern, else null. "/shops/:id" fits "/shops/3" with
 * {id: "3"}; a last ":name?" may be missing.
 */
export function match(pattern: string, path: string): Record<string, string> | null {
	const want = pattern.split('/').filter(Boolean);
	const have = path.split('/').filter(Boolean);
	if (have.length > want.length) return null;
	const params: Record<string, string> = {};
	for (const [index, part] of want.entries()) {
		const given = have[index];
		if (part.startsWith(':')) {
			const optional = part.endsWith('?');
			if (given === undefined) {
				if (optional) continue;
				return null;
			}
			try {
				params[part.slice(1, optional ? -1 : undefined)] = decodeURIComponent(given);
			} catch {
				return null; // a broken escape fits nothing
			}
		} else if (part !== given) {
			return null;
		}
	}
	return params;
}

/** Whether a click on a link should stay inside the program. */
function ours(event: MouseEvent, anchor: HTMLAnchorElement): boolean {
	return (
		!event.defaultPrevented &&
		event.button === 0 &&
		!(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) &&
		(!anchor.target || anchor.target === '_self') &&
		!anchor.hasAttribute('download') &&
		anchor.origin === window.location.origin &&
		!anchor.pathname.startsWith('/api/')
	);
}

/** Starts following Back, Forward and links. Returns how to stop. */
export function startRouter(): () => void {
	const onPop = () => (location = read());
	const onClick = (event: MouseEvent) => {
		const anchor = (event.target as Element | null)?.closest?.('a[href]');
		if (!(anchor instanceof HTMLAnchorElement) || !ours(event, anchor)) return;
		if (anchor.getAttribute('href')?.startsWith('#')) return; // skip links move the focus by themselves
		event.preventDefault();
		navigate(anchor.href);
	};
	window.addEventListener('popstate', onPop);
	document.addEventListener('click', onClick);
	location = read();
	return () => {
		window.removeEventListener('popstate', onPop);
		document.removeEventListener('click', onClick);
	};
}
