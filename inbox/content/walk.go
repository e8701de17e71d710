package content

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Limits of what is read and written of one HTML text. The output limit is below the input limit,
// so that cleaned HTML is never cut when it is cleaned again.
const (
	maxHTML   = 16 << 20 // bytes read
	maxOutput = maxHTML - 64<<10
	maxDepth  = 200 // open elements; deeper tags are dropped, their text stays
)

// attribute is one attribute of a start tag, unescaped; both slices live until the next token.
type attribute struct{ key, value []byte }

// visitor receives a document in balanced order: each open is followed by one close with the same
// element, properly nested. Void elements such as br come as open without close.
type visitor interface {
	text(data []byte)
	open(element atom.Atom, attributes []attribute)
	close(element atom.Atom)
	// sheet is given the text of a style element for screens.
	sheet(css []byte)
	// wantsBody tells whether a page as a whole looks different from its surroundings. If so its body
	// is opened as a div.
	wantsBody(attributes []attribute) bool
	// full tells that the visitor wants nothing more.
	full() bool
}

// walk reads source and drives v over the elements that isKnown names. Unknown tags are dropped and
// their text is kept, except of those whose content is not meant for readers (script, style, …).
func walk(source string, v visitor) {
	w := walker{visitor: v, tokens: html.NewTokenizer(strings.NewReader(prepare(source)))}
	for !v.full() {
		switch w.tokens.Next() {
		case html.ErrorToken:
			w.closeTo(0)
			return
		case html.TextToken:
			switch {
			case w.skip == 0:
				v.text(w.tokens.Text())
			case w.skip == atom.Style && w.screen:
				v.sheet(w.tokens.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			w.start()
		case html.EndTagToken:
			w.end()
		}
	}
	w.closeTo(0)
}

// prepare cuts source to what is read and removes what no parser should see.
func prepare(source string) string {
	if len(source) > maxHTML {
		cut := maxHTML
		for cut > 0 && !utf8.RuneStart(source[cut]) {
			cut--
		}
		source = source[:cut]
	}
	if !utf8.ValidString(source) {
		source = strings.ToValidUTF8(source, "\uFFFD")
	}
	if strings.IndexByte(source, 0) >= 0 {
		source = strings.ReplaceAll(source, "\x00", "")
	}
	return source
}

type walker struct {
	visitor    visitor
	tokens     *html.Tokenizer
	stack      []atom.Atom
	attributes []attribute
	skip       atom.Atom // inside an element whose text is dropped
	screen     bool      // the style element that is skipped is for screens
}

func (w *walker) start() {
	name, more := w.tokens.TagName()
	element := atom.Lookup(name)
	w.attributes = w.attributes[:0]
	for more {
		var key, value []byte
		key, value, more = w.tokens.TagAttr()
		w.attributes = append(w.attributes, attribute{key, value})
	}
	if w.skip == atom.Template { // the one silent element that holds others
		return
	}
	if isSilent(element) {
		w.skip = element
		media := strings.ToLower(valueOf(w.attributes, "media"))
		w.screen = media == "" || media == "all" || strings.HasPrefix(media, "screen")
		return
	}
	w.skip = 0
	if element == atom.Body { // its look matters; as an element it may occur once only
		if w.visitor.wantsBody(w.attributes) {
			w.push(atom.Div)
		}
		return
	}
	if !isKnown(element) {
		if isApart(element) {
			w.visitor.text([]byte(" "))
		}
		return
	}
	w.imply(element)
	if isVoid(element) {
		w.visitor.open(element, w.attributes)
		return
	}
	w.push(element)
}

func (w *walker) push(element atom.Atom) {
	if len(w.stack) >= maxDepth {
		return
	}
	w.stack = append(w.stack, element)
	w.visitor.open(element, w.attributes)
}

// hasAttribute tells whether one of several attributes is there.
func hasAttribute(attributes []attribute, keys ...string) bool {
	return slices.ContainsFunc(attributes, func(a attribute) bool { return slices.Contains(keys, string(a.key)) })
}

// valueOf returns the value of an attribute; "" if it is not there.
func valueOf(attributes []attribute, key string) string {
	for _, a := range attributes {
		if string(a.key) == key {
			return string(a.value)
		}
	}
	return ""
}

func (w *walker) end() {
	name, _ := w.tokens.TagName()
	element := atom.Lookup(name)
	if w.skip != 0 {
		if element == w.skip {
			w.skip = 0
		}
		return
	}
	if element == atom.Br { // browsers read </br> as <br>
		w.visitor.open(atom.Br, nil)
		return
	}
	if !isKnown(element) || isVoid(element) {
		return
	}
	for i := len(w.stack) - 1; i >= 0; i-- {
		if w.stack[i] == element {
			w.closeTo(i)
			return
		}
		if bounds(w.stack[i], element) {
			return
		}
	}
}

// imply closes what the start of element ends without saying so: a list item the one before it, a
// row the row before it, a paragraph an open paragraph.
func (w *walker) imply(element atom.Atom) {
	var ends, limit func(atom.Atom) bool
	switch element {
	case atom.Li:
		ends, limit = is(atom.Li), isContainer
	case atom.Dd, atom.Dt:
		ends, limit = is(atom.Dd, atom.Dt), isContainer
	case atom.P:
		ends, limit = is(atom.P), isBlock
	case atom.Td, atom.Th:
		ends, limit = is(atom.Td, atom.Th), is(atom.Table, atom.Tr)
	case atom.Tr:
		ends, limit = is(atom.Tr), is(atom.Table)
	case atom.Tbody, atom.Thead, atom.Tfoot:
		ends, limit = is(atom.Tbody, atom.Thead, atom.Tfoot), is(atom.Table)
	default:
		return
	}
	for i := len(w.stack) - 1; i >= 0; i-- {
		if ends(w.stack[i]) {
			w.closeTo(i)
			return
		}
		if limit(w.stack[i]) {
			return
		}
	}
}

func (w *walker) closeTo(depth int) {
	for i := len(w.stack) - 1; i >= depth; i-- {
		w.visitor.close(w.stack[i])
	}
	w.stack = w.stack[:min(depth, len(w.stack))]
}

// bounds tells whether an end tag of element may not reach past open.
func bounds(open, element atom.Atom) bool {
	switch element {
	case atom.Table:
		return false
	case atom.Tr, atom.Td, atom.Th, atom.Tbody, atom.Thead, atom.Tfoot, atom.Caption, atom.Colgroup:
		return open == atom.Table
	case atom.Li:
		return isContainer(open)
	}
	switch open {
	case atom.Td, atom.Th, atom.Table, atom.Caption:
		return true
	}
	return false
}

func is(elements ...atom.Atom) func(atom.Atom) bool {
	return func(a atom.Atom) bool {
		for _, e := range elements {
			if a == e {
				return true
			}
		}
		return false
	}
}

// isSilent names the elements whose text is not for readers.
func isSilent(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Title, atom.Iframe, atom.Noembed, atom.Noframes, atom.Noscript, atom.Template:
		return true
	}
	return false
}

// isApart names elements that are dropped and whose words must not grow together with those before.
func isApart(a atom.Atom) bool {
	switch a {
	case atom.Button, atom.Details, atom.Dialog, atom.Fieldset, atom.Form, atom.Legend, atom.Menu, atom.Optgroup, atom.Option, atom.Select,
		atom.Summary, atom.Textarea:
		return true
	}
	return false
}

func isVoid(a atom.Atom) bool {
	switch a {
	case atom.Br, atom.Hr, atom.Img, atom.Col, atom.Wbr:
		return true
	}
	return false
}

// isContainer names the elements an implied end never reaches through.
func isContainer(a atom.Atom) bool {
	switch a {
	case atom.Ul, atom.Ol, atom.Dl, atom.Table, atom.Td, atom.Th, atom.Caption, atom.Blockquote:
		return true
	}
	return false
}

// isBlock names the elements that begin and end a line of text.
func isBlock(a atom.Atom) bool {
	switch a {
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Caption, atom.Center, atom.Dd, atom.Div,
		atom.Dl, atom.Dt, atom.Figcaption, atom.Figure, atom.Footer, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5,
		atom.H6, atom.Header, atom.Hr, atom.Li, atom.Main, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section,
		atom.Table, atom.Tbody, atom.Td, atom.Tfoot, atom.Th, atom.Thead, atom.Tr, atom.Ul:
		return true
	}
	return false
}

// isKnown names the elements that are kept.
func isKnown(a atom.Atom) bool {
	if isBlock(a) || isVoid(a) {
		return true
	}
	switch a {
	case atom.A, atom.Abbr, atom.B, atom.Bdi, atom.Bdo, atom.Big, atom.Cite, atom.Code, atom.Colgroup, atom.Del,
		atom.Dfn, atom.Em, atom.Font, atom.I, atom.Ins, atom.Kbd, atom.Mark, atom.Q, atom.S, atom.Samp, atom.Small,
		atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Sup, atom.Time, atom.Tt, atom.U, atom.Var:
		return true
	}
	return false
}
