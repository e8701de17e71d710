// What jsdom lacks and the screen asks for while modules load.
if (typeof window !== 'undefined' && !window.matchMedia) {
	window.matchMedia = (media: string) =>
		({
			matches: media.includes('min-width'),
			media,
			onchange: null,
			addEventListener: () => undefined,
			removeEventListener: () => undefined,
			addListener: () => undefined,
			removeListener: () => undefined,
			dispatchEvent: () => false
		}) as MediaQueryList;
}
