package content

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

// HTMLToText returns the words of an HTML text as people would read them: lines and paragraphs,
// list marks, quotes with "> " before them, without what is hidden. If nothing is visible, the
// hidden words and then the texts for pictures are returned.
func HTMLToText(source string) string {
	return textOf(renderHTML(source))
}

// ReadHTML returns HTMLToText and ReplyOnlyHTML of the same source for the price of one.
func ReadHTML(source string) (text, reply string) {
	lines := renderHTML(source)
	text = textOf(lines)
	takeAllMarks(lines)
	return text, replyOf(lines, text)
}

// ReplyOnlyHTML is ReplyOnly for an HTML text: it also understands the marks that mail programs put
// around quotes and signatures. It reads cleaned and raw HTML alike.
func ReplyOnlyHTML(source string) string {
	_, reply := ReadHTML(source)
	return reply
}

func renderHTML(source string) []line {
	r := renderer{}
	walk(source, &r)
	r.flush()
	if hasWords(r.lines) {
		return r.lines
	}
	if r.sawHidden {
		hidden := renderer{showHidden: true}
		walk(source, &hidden)
		hidden.flush()
		if hasWords(hidden.lines) {
			return hidden.lines
		}
	}
	return splitLines(strings.Join(r.alternatives, "\n"))
}

func hasWords(lines []line) bool {
	for _, l := range lines {
		if l.text != "" {
			return true
		}
	}
	return false
}

// textOf joins lines, quotes marked with "> ".
func textOf(lines []line) string {
	var out strings.Builder
	for i, l := range lines {
		if i > 0 {
			out.WriteByte('\n')
		}
		if depth := min(l.quote+l.weak, maxQuoteMarks); depth > 0 {
			out.WriteString(strings.Repeat(">", depth))
			if l.text != "" {
				out.WriteByte(' ')
			}
		}
		out.WriteString(l.text)
	}
	return strings.Trim(out.String(), "\n")
}

// effect is what an open element does to the text in it.
type effect struct {
	hidden, pre  bool
	quote, weak  int8
	mark         mark
	ordered      bool
	number       int
	listDepth    int8
	isList       bool
	isWideMargin bool // a paragraph: an empty line before and after
	isTight      bool // its style takes the margins off
}

// renderer turns a balanced document into lines.
type renderer struct {
	lines        []line
	current      []byte
	blank        bool // an empty line is due before the next words
	space        bool // a blank is due before the next words of this line
	stack        []effect
	state        effect
	showHidden   bool
	rules        sheet // of raw HTML; cleaned HTML has them in its elements
	sawHidden    bool
	alternatives []string
	held         bool // a blank that keeps its line open, even if nothing follows
	signed       bool // Foxmail's rule above a signature is due
	ruled        bool // a rule is due above the next words
}

func (r *renderer) full() bool { return false }

func (r *renderer) text(data []byte) {
	if r.state.hidden && !r.showHidden {
		r.sawHidden = r.sawHidden || len(bytes.TrimSpace(data)) > 0
		return
	}
	if r.state.pre {
		r.preformatted(data)
		return
	}
	for len(data) > 0 {
		b := data[0]
		switch {
		case b == ' ' || b == '\n' || b == '\t' || b == '\r' || b == '\f':
			r.space = true
			data = data[1:]
		case b < utf8.RuneSelf:
			n := 1
			for n < len(data) && data[n] > ' ' && data[n] < utf8.RuneSelf {
				n++
			}
			if b > ' ' && b != 0x7f {
				r.word(data[:n])
			}
			data = data[n:]
		default:
			c, n := utf8.DecodeRune(data)
			switch {
			case c == '\u00a0' && len(r.current) == 0:
				r.held, r.space = true, true
			case c == '\u00a0' || c == '\u2007' || c == '\u202f' || c == '\u3000' && len(r.current) == 0:
				r.space = true
			case isInvisible(c):
			default:
				r.word(data[:n])
			}
			data = data[n:]
		}
	}
}

// isInvisible tells of characters that pad hidden preview lines and hide between letters.
func isInvisible(c rune) bool {
	switch c {
	case '\u00ad', '\u034f', '\u200b', '\u2060', '\ufeff', '\u180e', '\ufffc':
		return true
	}
	return false
}

func (r *renderer) word(word []byte) {
	if r.space && len(r.current) > 0 {
		r.current = append(r.current, ' ')
	}
	r.space = false
	r.current = append(r.current, word...)
}

func (r *renderer) preformatted(data []byte) {
	for {
		before, after, more := bytes.Cut(data, []byte{'\n'})
		r.current = append(r.current, before...)
		if !more {
			return
		}
		r.newline()
		data = after
	}
}

// newline ends the current line, also an empty one.
func (r *renderer) newline() {
	r.put(string(bytes.TrimRight(r.current, " \t\r")))
}

func (r *renderer) put(text string) {
	if r.blank && text != "" {
		r.blank = false
		if n := len(r.lines); n > 0 && r.lines[n-1].text != "" {
			empty := r.lineOf("")
			empty.quote, empty.weak = min(empty.quote, r.lines[n-1].quote), min(empty.weak, r.lines[n-1].weak)
			r.lines = append(r.lines, empty)
		}
	}
	if n := len(r.lines); text == "" && n > 1 && r.lines[n-1].text == "" && r.lines[n-2].text == "" {
		r.current, r.space = r.current[:0], false
		return // two empty lines are enough
	}
	r.lines = append(r.lines, r.lineOf(text))
	r.current, r.space = r.current[:0], false
}

func (r *renderer) lineOf(text string) line {
	l := line{text: text, quote: int(r.state.quote), weak: int(r.state.weak), mark: r.state.mark, ruled: r.ruled, signed: r.signed && text != ""}
	if text != "" {
		r.ruled, r.signed = false, false
	}
	return l
}

// flush ends the current line if it holds anything.
func (r *renderer) flush() {
	if len(bytes.TrimSpace(r.current)) > 0 {
		r.newline()
	} else if r.held {
		r.blank = true
	}
	r.held = false
	r.current, r.space = r.current[:0], false
}

func (r *renderer) open(element atom.Atom, attributes []attribute) {
	switch element {
	case atom.Br:
		if !r.state.hidden || r.showHidden {
			r.newline()
		}
		return
	case atom.Hr:
		r.flush()
		r.blank, r.ruled = true, true
		r.signed = isShortRule(attributes)
		return
	case atom.Img:
		r.picture(attributes)
		return
	case atom.Wbr, atom.Col:
		return
	}
	next := r.state
	next.isWideMargin, next.isTight, next.isList = false, false, false
	if isBlock(element) {
		if element == atom.Td || element == atom.Th {
			r.cell()
		} else {
			r.flush()
		}
	}
	r.readAttributes(element, attributes, &next)
	switch element {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Table:
		next.isWideMargin = element != atom.Table && !next.isTight
		r.blank = r.blank || next.isWideMargin
	case atom.Pre:
		next.pre = true
		r.blank = true
	case atom.Ul, atom.Ol, atom.Dl:
		next.isList, next.ordered, next.number = true, element == atom.Ol, 0
		next.listDepth = min(next.listDepth+1, 8)
	}
	if next.mark == markCut && r.state.mark != markCut {
		r.lines = append(r.lines, line{mark: markCut})
	}
	r.stack = append(r.stack, r.state)
	r.state = next
	if element == atom.Li {
		r.item()
	}
}

// cell parts the cells of a row by a blank.
func (r *renderer) cell() {
	if len(r.current) > 0 {
		r.space = true
	}
}

// item writes the mark of a list item; numbers are counted in the list's own state, which lies
// right below the item's on the stack.
func (r *renderer) item() {
	list := &r.stack[len(r.stack)-1]
	if list.listDepth > 1 {
		r.current = append(r.current, strings.Repeat("  ", int(list.listDepth-1))...)
	}
	if !list.ordered {
		r.current = append(r.current, "- "...)
		return
	}
	list.number++
	r.current = strconv.AppendInt(r.current, int64(list.number), 10)
	r.current = append(r.current, ". "...)
}

func (r *renderer) picture(attributes []attribute) {
	for _, a := range attributes {
		if string(a.key) != "alt" || len(bytes.TrimSpace(a.value)) == 0 || len(a.value) > maxTextValue {
			continue
		}
		if isEmoji(a.value) {
			r.text(a.value)
		} else if len(r.alternatives) < 100 {
			r.alternatives = append(r.alternatives, strings.Join(strings.Fields(string(a.value)), " "))
		}
		return
	}
}

// isEmoji tells whether the text for a picture is a smiley that mail programs draw as a picture.
func isEmoji(alt []byte) bool {
	if len(alt) > 32 {
		return false
	}
	for _, c := range string(alt) {
		if c < 0x2000 && c != 0xa9 && c != 0xae {
			return false
		}
		if c >= 0x2e80 && c < 0x1f000 && !(c >= 0xfe00 && c <= 0xfe0f) {
			return false
		}
	}
	return true
}

func (r *renderer) readAttributes(element atom.Atom, attributes []attribute, next *effect) {
	cited := false
	style := r.rules.appendFor(nil, element, attributes)
	for _, a := range attributes {
		switch string(a.key) {
		case "style":
			style = append(style, a.value...)
			cited = cited || bytes.Contains(a.value, []byte("border-left"))
			next.isTight = next.isTight || hasNoMargin(a.value)
			r.ruled = r.ruled || element == atom.Div && isRuledAbove(a.value)
		case "hidden":
			next.hidden = true
		case "class":
			for _, class := range bytes.Fields(a.value[:min(len(a.value), maxTextValue)]) {
				r.apply(classMark(class), next)
				next.isTight = next.isTight || string(class) == "MsoNormal"
				cited = cited || isQuoteClass(class)
			}
		case "id":
			r.apply(idMark(a.value), next)
		case "name", "data-smartmail", "data-marker", "data-signature-widget":
			if isBlock(element) {
				r.apply(dataMark(a.key, a.value), next)
			}
		case "type":
			cited = cited || bytes.EqualFold(a.value, []byte("cite"))
		}
	}
	next.hidden = next.hidden || isHiddenStyle(style)
	if element != atom.Blockquote {
		return
	}
	if cited {
		next.quote = min(next.quote+1, maxQuoteMarks)
	} else {
		next.weak = min(next.weak+1, maxQuoteMarks)
	}
}

func (r *renderer) apply(m mark, next *effect) {
	switch m {
	case markQuote:
		next.quote = min(next.quote+1, maxQuoteMarks)
	case markIntro, markSignature, markCut, markOnly:
		next.mark = m
	}
}

// isShortRule tells of the rule of 210 pixels that Foxmail draws above a signature.
func isShortRule(attributes []attribute) bool {
	for _, a := range attributes {
		if string(a.key) == "style" && bytes.Contains(a.value[:min(len(a.value), maxStyleValue)], []byte("210px")) {
			return true
		}
	}
	return false
}

// isRuledAbove tells of the line that Outlook draws above the headers of the mail it quotes: a border
// at the top of an element that has no other.
func isRuledAbove(style []byte) bool {
	style = style[:min(len(style), maxStyleValue)]
	return bytes.Contains(style, []byte("border-top:")) && bytes.Contains(style, []byte("solid")) && !bytes.Contains(style, []byte("border-bottom:"))
}

// hasNoMargin tells whether a style sets all of an element's margin to nothing.
func hasNoMargin(style []byte) bool {
	_, value, found := bytes.Cut(style[:min(len(style), maxStyleValue)], []byte("margin:"))
	if !found {
		return false
	}
	if i := bytes.IndexByte(value, ';'); i >= 0 {
		value = value[:i]
	}
	return bytes.IndexByte(value, '0') >= 0 && !bytes.ContainsAny(value, "123456789")
}

func isHiddenStyle(style []byte) bool {
	hidden, settled := false, false // the last word counts, unless one before it was important
	for len(style) > 0 {
		var declaration []byte
		declaration, style = nextDeclaration(style)
		name, value, _ := bytes.Cut(declaration, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("display")) {
			value = bytes.ToLower(bytes.TrimSpace(value))
			important := bytes.HasSuffix(value, []byte("!important"))
			if important || !settled {
				hidden, settled = bytes.HasPrefix(value, []byte("none")), important
			}
		}
	}
	return hidden
}

func (r *renderer) sheet(css []byte) { r.rules.add(css) }

func (r *renderer) wantsBody(attributes []attribute) bool {
	return hasAttribute(attributes, "style", "bgcolor")
}

func (r *renderer) close(element atom.Atom) {
	if isBlock(element) && element != atom.Td && element != atom.Th {
		r.flush()
	}
	r.blank = r.blank || r.state.isWideMargin || element == atom.Pre
	n := len(r.stack) - 1
	r.state, r.stack = r.stack[n], r.stack[:n]
}
