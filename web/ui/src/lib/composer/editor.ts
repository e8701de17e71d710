// The rich text of the composer: paragraphs, quotes, lists, bold, italic, links. Loaded when the
// browser has nothing better to do; it sets styles by classes and the CSSOM alone.
import { baseKeymap, chainCommands, toggleMark, wrapIn, lift } from 'prosemirror-commands';
import { history, redo, undo } from 'prosemirror-history';
import { InputRule, inputRules, undoInputRule, wrappingInputRule } from 'prosemirror-inputrules';
import { keymap } from 'prosemirror-keymap';
import { DOMParser, DOMSerializer, Fragment, Schema, Slice, type MarkType, type Node } from 'prosemirror-model';
import { liftListItem, sinkListItem, splitListItem, wrapInList } from 'prosemirror-schema-list';
import { EditorState, Plugin, TextSelection, type Command, type Transaction } from 'prosemirror-state';
import { EditorView } from 'prosemirror-view';
import './editor.css';
import { safeLink } from './words';

export const schema = new Schema({
	nodes: {
		doc: { content: 'block+' },
		paragraph: { group: 'block', content: 'inline*', parseDOM: [{ tag: 'p' }, { tag: 'div' }], toDOM: () => ['p', 0] },
		blockquote: {
			group: 'block',
			content: 'block+',
			defining: true,
			parseDOM: [{ tag: 'blockquote' }],
			toDOM: () => ['blockquote', 0]
		},
		bullet_list: {
			group: 'block',
			content: 'list_item+',
			parseDOM: [{ tag: 'ul' }],
			toDOM: () => ['ul', 0]
		},
		ordered_list: {
			group: 'block',
			content: 'list_item+',
			attrs: { order: { default: 1 } },
			parseDOM: [{ tag: 'ol', getAttrs: (dom) => ({ order: Number(dom.getAttribute('start') ?? 1) || 1 }) }],
			toDOM: (node) => (node.attrs.order === 1 ? ['ol', 0] : ['ol', { start: String(node.attrs.order) }, 0])
		},
		list_item: { content: 'paragraph block*', defining: true, parseDOM: [{ tag: 'li' }], toDOM: () => ['li', 0] },
		text: { group: 'inline' },
		hard_break: {
			group: 'inline',
			inline: true,
			selectable: false,
			parseDOM: [{ tag: 'br' }],
			toDOM: () => ['br']
		}
	},
	marks: {
		link: {
			attrs: { href: {} },
			inclusive: false,
			parseDOM: [
				{
					tag: 'a[href]',
					getAttrs: (dom) => (safeLink(dom.getAttribute('href') ?? '') ? { href: dom.getAttribute('href') } : false)
				}
			],
			toDOM: (mark) => ['a', { href: mark.attrs.href as string }, 0]
		},
		strong: {
			parseDOM: [{ tag: 'strong' }, { tag: 'b' }],
			toDOM: () => ['strong', 0]
		},
		em: { parseDOM: [{ tag: 'em' }, { tag: 'i' }], toDOM: () => ['em', 0] }
	}
});

const { nodes, marks } = schema;

/** Something between marks becomes marked: **bold**, *italic*. */
function markRule(pattern: RegExp, mark: MarkType): InputRule {
	return new InputRule(pattern, (state, match, start, end) => {
		const [, before = '', text = ''] = match;
		if (!text) return null;
		const from = start + before.length;
		return state.tr
			.replaceWith(from, end, schema.text(text, [...state.doc.resolve(from).marks(), mark.create()]))
			.removeStoredMark(mark);
	});
}

const rules = inputRules({
	rules: [
		wrappingInputRule(/^\s*>\s$/, nodes.blockquote),
		wrappingInputRule(/^\s*[-*]\s$/, nodes.bullet_list),
		wrappingInputRule(
			/^(\d{1,3})[.)]\s$/,
			nodes.ordered_list,
			(match) => ({ order: Number(match[1]) }),
			(match, node) => node.childCount + (node.attrs.order as number) === Number(match[1])
		),
		markRule(/(^|[^*])\*\*([^*\s](?:[^*]*[^*\s])?)\*\*$/, marks.strong),
		markRule(/(^|[^*\p{L}\p{N}])\*([^*\s](?:[^*]*[^*\s])?)\*$/u, marks.em)
	]
});

/** Shift+Enter: a new line inside the paragraph. */
const lineBreak: Command = (state, dispatch) => {
	dispatch?.(state.tr.replaceSelectionWith(nodes.hard_break.create()).scrollIntoView());
	return true;
};

const keys = {
	'Mod-z': chainCommands(undoInputRule, undo),
	'Mod-y': redo,
	'Mod-Shift-z': redo,
	'Mod-b': toggleMark(marks.strong),
	'Mod-i': toggleMark(marks.em),
	'Mod-Shift-8': wrapInList(nodes.bullet_list),
	'Mod-Shift-7': wrapInList(nodes.ordered_list),
	'Mod-Shift-9': wrapIn(nodes.blockquote),
	'Mod-[': lift,
	Enter: splitListItem(nodes.list_item),
	'Shift-Enter': lineBreak,
	Tab: sinkListItem(nodes.list_item),
	'Shift-Tab': liftListItem(nodes.list_item),
	Backspace: undoInputRule
};

/** A pasted address becomes a link on the words that are selected. */
const linkPaste = new Plugin({
	props: {
		handlePaste(view, event) {
			const text = event.clipboardData?.getData('text/plain').trim() ?? '';
			if (!/^https?:\/\/\S+$/.test(text) || view.state.selection.empty) return false;
			view.dispatch(
				view.state.tr.addMark(view.state.selection.from, view.state.selection.to, marks.link.create({ href: text }))
			);
			return true;
		}
	}
});

/** Plain text as a document: a blank line parts paragraphs, a line break stays one. */
export function fromText(text: string): Node {
	const paragraphs = text.split(/\n{2,}/).map((block) => {
		const inline: Node[] = [];
		for (const [index, line] of block.split('\n').entries()) {
			if (index > 0) inline.push(nodes.hard_break.create());
			if (line) inline.push(schema.text(line));
		}
		return nodes.paragraph.create(null, inline);
	});
	return nodes.doc.create(null, paragraphs);
}

/** HTML as a document; what the schema does not know is left out, and nothing in it runs or loads. */
export function fromHtml(html: string): Node {
	const page = new window.DOMParser().parseFromString(html, 'text/html');
	return DOMParser.fromSchema(schema).parse(page.body);
}

function inlineText(node: Node): string {
	let text = '';
	node.forEach((child) => {
		if (child.type === nodes.hard_break) text += '\n';
		else {
			const href = marks.link.isInSet(child.marks)?.attrs.href as string | undefined;
			const words = child.text ?? '';
			text += href && href !== words && href !== `mailto:${words}` ? `${words} (${href})` : words;
		}
	});
	return text;
}

function indent(text: string, first: string, rest: string): string {
	return text
		.split('\n')
		.map((line, index) => `${index === 0 ? first : rest}${line}`.trimEnd())
		.join('\n');
}

/** A block as plain text, as a mail without formatting shows it. */
function blockText(node: Node): string {
	if (node.type === nodes.paragraph) return inlineText(node);
	const parts: string[] = [];
	if (node.type === nodes.bullet_list || node.type === nodes.ordered_list) {
		node.forEach((item, _, index) => {
			const mark = node.type === nodes.bullet_list ? '- ' : `${(node.attrs.order as number) + index}. `;
			parts.push(indent(blocks(item, '\n'), mark, ' '.repeat(mark.length)));
		});
		return parts.join('\n');
	}
	if (node.type === nodes.blockquote) return indent(blocks(node, '\n\n'), '> ', '> ');
	return blocks(node, '\n\n');
}

function blocks(node: Node, between: string): string {
	const parts: string[] = [];
	node.forEach((child) => parts.push(blockText(child)));
	return parts.join(between);
}

export function toText(doc: Node): string {
	return blocks(doc, '\n\n')
		.replace(/\n{3,}/g, '\n\n')
		.trimEnd();
}

/** Whether a document has formatting that plain text would lose. */
function formatted(doc: Node): boolean {
	let found = false;
	doc.descendants((node) => {
		found ||= node.marks.length > 0 || (node.isBlock && node.type !== nodes.paragraph);
		return !found;
	});
	return found;
}

/** HTML of a document; "" if plain text says the same. */
export function toHtml(doc: Node): string {
	if (!formatted(doc)) return '';
	const place = document.createElement('div');
	place.append(DOMSerializer.fromSchema(schema).serializeFragment(doc.content));
	return place.innerHTML;
}

export interface EditorOptions {
	/** the words changed by typing or by a button */
	onchange: (text: string, html: string) => void;
	/** files were pasted or dropped into the text */
	onfiles: (files: File[]) => void;
	/** what stands between an @ and the caret, or null; the place is where the caret is on the screen */
	onmention: (typed: string | null, place: { left: number; top: number } | null) => void;
	/** a key that the list of mentions wants; tells whether it took it */
	onkey: (event: KeyboardEvent) => boolean;
	/** which kinds of formatting the caret stands in */
	onplace: (active: ReadonlySet<Formatting>) => void;
}

export type Formatting = 'bold' | 'italic' | 'bullets' | 'numbers' | 'quote' | 'link';

/** The editor: created once, its words swapped per conversation. */
export class Editor {
	readonly view: EditorView;
	#options: EditorOptions;
	#states = new WeakMap<object, { state: EditorState; turn: number }>();
	#owner: object | null = null;
	#turn = 0;

	constructor(place: HTMLElement, options: EditorOptions) {
		this.#options = options;
		this.view = new EditorView(place, {
			state: this.#state(fromText('')),
			dispatchTransaction: (change) => this.#dispatch(change),
			handleKeyDown: (_, event) => options.onkey(event),
			handleDOMEvents: { keydown: (_, event) => this.#passes(event) },
			handlePaste: (_, event) => this.#files(event.clipboardData),
			handleDrop: (_, event) => this.#files(event.dataTransfer),
			clipboardTextSerializer: (slice) => blocks(nodes.doc.create(null, closed(slice)), '\n\n')
		});
	}

	#state(doc: Node): EditorState {
		return EditorState.create({ doc, plugins: [rules, linkPaste, history(), keymap(keys), keymap(baseKeymap)] });
	}

	/**
	 * Keys that are not the text's: Esc, and Enter with Ctrl or Alt. The editor would swallow them; true
	 * keeps its hands off, so that the program's commands get them.
	 */
	#passes(event: KeyboardEvent): boolean {
		const sends = event.key === 'Enter' && (event.ctrlKey || event.metaKey || event.altKey);
		if (event.isComposing || !(sends || event.key === 'Escape')) return false;
		if (event.key === 'Escape') this.#options.onkey(event);
		return true;
	}

	#files(data: DataTransfer | null): boolean {
		const files = [...(data?.files ?? [])];
		// Office programs put a picture of the text beside the text: then the text is meant.
		if (files.length === 0 || data?.types.includes('text/html')) return false;
		this.#options.onfiles(files);
		return true;
	}

	#dispatch(change: Transaction): void {
		this.view.updateState(this.view.state.apply(change));
		if (change.docChanged) this.#options.onchange(toText(this.view.state.doc), toHtml(this.view.state.doc));
		if (change.docChanged || change.selectionSet || change.storedMarksSet) this.#look();
	}

	/** Tells where the caret stands. */
	#look(): void {
		const { $from, empty } = this.view.state.selection;
		const active = new Set<Formatting>();
		const at = this.view.state.storedMarks ?? $from.marks();
		if (marks.strong.isInSet(at)) active.add('bold');
		if (marks.em.isInSet(at)) active.add('italic');
		if (marks.link.isInSet(at)) active.add('link');
		for (let depth = $from.depth; depth > 0; depth--) {
			const { type } = $from.node(depth);
			if (type === nodes.bullet_list) active.add('bullets');
			if (type === nodes.ordered_list) active.add('numbers');
			if (type === nodes.blockquote) active.add('quote');
		}
		this.#options.onplace(active);
		const before = $from.parent.textBetween(Math.max(0, $from.parentOffset - 40), $from.parentOffset, '\n', '\n');
		const typed = empty ? /(?:^|[\s(])@([\p{L}\p{N}._-]{0,30})$/u.exec(before)?.[1] : undefined;
		const place = typed === undefined ? null : this.view.coordsAtPos($from.pos - typed.length - 1);
		this.#options.onmention(typed ?? null, place);
	}

	/** Shows the words of a draft; with the same turn the place and the way back are as they were. */
	show(owner: object, turn: number, content: { text: string; html: string }): void {
		if (this.#owner === owner && this.#turn === turn) return;
		if (this.#owner) this.#states.set(this.#owner, { state: this.view.state, turn: this.#turn });
		const known = this.#states.get(owner);
		const state =
			known?.turn === turn ? known.state : this.#state(content.html ? fromHtml(content.html) : fromText(content.text));
		this.#owner = owner;
		this.#turn = turn;
		this.view.updateState(
			known?.turn === turn ? state : state.apply(state.tr.setSelection(TextSelection.atEnd(state.doc)))
		);
		this.#look();
	}

	/** Sets the attributes that say to a screen reader what is written here. */
	describe(attributes: Record<string, string>): void {
		this.view.setProps({ attributes });
	}

	format(what: Formatting, href = ''): void {
		const { state } = this.view;
		const run = (command: Command) => command(state, (change) => this.#dispatch(change), this.view);
		if (what === 'bold') run(toggleMark(marks.strong));
		else if (what === 'italic') run(toggleMark(marks.em));
		else if (what === 'bullets') run(chainCommands(liftListItem(nodes.list_item), wrapInList(nodes.bullet_list)));
		else if (what === 'numbers') run(chainCommands(liftListItem(nodes.list_item), wrapInList(nodes.ordered_list)));
		else if (what === 'quote') run(this.#inQuote() ? lift : wrapIn(nodes.blockquote));
		else this.#link(href);
		this.view.focus();
	}

	#inQuote(): boolean {
		const { $from } = this.view.state.selection;
		for (let depth = $from.depth; depth > 0; depth--) if ($from.node(depth).type === nodes.blockquote) return true;
		return false;
	}

	/** Puts a link on the selection, or writes the address; "" takes the link off. */
	#link(href: string): void {
		const { state } = this.view;
		const { from, to, empty } = state.selection;
		if (!href) this.#dispatch(state.tr.removeMark(from, to, marks.link));
		else if (empty)
			this.#dispatch(state.tr.replaceSelectionWith(schema.text(href, [marks.link.create({ href })]), false));
		else this.#dispatch(state.tr.addMark(from, to, marks.link.create({ href })));
	}

	/** Puts a name in place of what was typed behind the @. */
	mention(typed: string, name: string): void {
		const { state } = this.view;
		const { from } = state.selection;
		this.#dispatch(state.tr.insertText(`@${name} `, from - typed.length - 1, from));
		this.view.focus();
	}

	/** Puts text where the caret is. */
	insert(text: string): void {
		const doc = fromText(text);
		this.#dispatch(this.view.state.tr.replaceSelection(new Slice(Fragment.from(doc.content), 1, 1)).scrollIntoView());
	}

	focus(): void {
		this.view.focus();
	}

	destroy(): void {
		this.view.destroy();
	}
}

function closed(slice: Slice): Fragment {
	return slice.content.firstChild?.isInline
		? Fragment.from(nodes.paragraph.create(null, slice.content))
		: slice.content;
}
