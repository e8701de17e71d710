// What was pressed, as text: "j", "Shift+j", "Mod+k", "Mod+Shift+Enter", "?". Mod is Ctrl, on a Mac
// the command key. Letters count by the Latin letter on the key; when the layout is not Latin, by
// the place of the key, so that Russian and Chinese layouts work without switching.

const apple = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The key of an event without its modifiers; "" for a lone modifier. */
export function keyName(event: KeyboardEvent): string {
	const { key, code } = event;
	if (key === 'Control' || key === 'Shift' || key === 'Alt' || key === 'Meta' || key === 'AltGraph') return '';
	if (/^[a-z]$/i.test(key)) return key.toLowerCase();
	if (/^[0-9]$/.test(key)) return key;
	// A letter of another alphabet, or what AltGr and dead keys make of a letter key.
	if (/^Key[A-Z]$/.test(code) && !isPunctuation(key)) return code.slice(3).toLowerCase();
	if (/^Digit[0-9]$/.test(code) && !event.shiftKey && !isPunctuation(key)) return code.slice(5);
	return key === ' ' ? 'Space' : key;
}

function isPunctuation(key: string): boolean {
	return key.length === 1 && !/\p{L}/u.test(key);
}

/** The whole combination. Shift is left out for punctuation, which already contains it. */
export function combination(event: KeyboardEvent): string {
	const name = keyName(event);
	if (name === '') return '';
	const mod = apple ? event.metaKey : event.ctrlKey;
	const other = apple ? event.ctrlKey : event.metaKey;
	const shift = event.shiftKey && !(name.length === 1 && isPunctuation(name) && !/[0-9]/.test(name));
	return [mod && 'Mod', other && (apple ? 'Ctrl' : 'Meta'), event.altKey && 'Alt', shift && 'Shift', name]
		.filter(Boolean)
		.join('+');
}

/** Whether letters typed into this element are text. */
export function takesText(target: EventTarget | null): boolean {
	if (!(target instanceof HTMLElement)) return false;
	if (target.isContentEditable || target.closest('[contenteditable="true"]')) return true;
	if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
	if (!(target instanceof HTMLInputElement)) return false;
	return !/^(?:button|checkbox|radio|range|reset|submit|color|file|image)$/.test(target.type);
}

/** Whether Enter and Space already mean something on this element. */
export function isControl(target: EventTarget | null): boolean {
	return (
		target instanceof Element && target.closest('a[href], button, summary, input, select, [role="gridcell"]') !== null
	);
}

/** Whether the keys are a single key (or a row of them) without Ctrl, Alt or the command key. */
export function isSingle(keys: string): boolean {
	return !/\b(?:Mod|Ctrl|Alt|Meta)\+/.test(keys) && !/^(?:Escape|Enter|Arrow\w+)$/.test(keys);
}

const symbols: Record<string, string> = {
	ArrowUp: '↑',
	ArrowDown: '↓',
	ArrowLeft: '←',
	ArrowRight: '→',
	Escape: 'Esc',
	Mod: apple ? '⌘' : 'Ctrl'
};

/** Keys as a person reads them: ["Ctrl", "K"]; a row of keys gives one list after the other. */
export function keyCaps(keys: string): string[] {
	return keys
		.split(' ')
		.flatMap((step) => step.split('+'))
		.map((part) => symbols[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}
