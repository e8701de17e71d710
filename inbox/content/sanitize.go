package content

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

// RemoteSource is the attribute that holds the address of a remote picture in cleaned HTML. Nothing
// loads from it. It stands nowhere else in cleaned HTML, where quotes in words and values are entities.
const RemoteSource = "data-remote"

// ShowRemote gives the remote pictures of cleaned HTML their addresses back, for a text that leaves.
func ShowRemote(cleaned string) string {
	return strings.ReplaceAll(cleaned, " "+RemoteSource+`="`, ` src="`)
}

// Limits of single attribute values, in bytes; longer ones are dropped.
const (
	maxPlainValue = 128
	maxTextValue  = 1 << 10
	maxStyleValue = 8 << 10
	maxURLValue   = 8 << 10
	maxDataValue  = 1 << 20 // of a picture inside its own address
)

// SanitizeHTML returns source with only harmless elements, attributes and styles left, balanced, in
// one canonical spelling, so that cleaning twice changes nothing. Links open elsewhere and say
// nothing of where they were opened; pictures of the mail itself (cid:) and small embedded ones
// stay; a remote picture keeps its address in RemoteSource alone, so nothing loads by itself. What a
// style sheet says of simple elements is written into them. Scripts, the sheets themselves, frames,
// forms, handlers and comments go; the words of unknown elements stay. At most 16 MiB are read.
//
// The list is applied to tokens and the output holds nothing but listed tags and escaped text, so no
// browser can read more into it. A general purpose cleaner was measured at a third of this speed
// before it looked at styles, and a tenth with them.
func SanitizeHTML(source string) string {
	c := cleaner{out: make([]byte, 0, min(len(source)+len(source)/8, maxOutput)+64)}
	walk(source, &c)
	return strings.Trim(string(c.out), " \t\n")
}

type cleaner struct {
	out     []byte
	stopped bool
	scratch []byte
	rules   sheet
	body    bool // the element being opened stands for the page's body
}

func (c *cleaner) full() bool { return c.stopped }

func (c *cleaner) text(data []byte) {
	from := len(c.out)
	c.out = appendEscaped(c.out, data)
	if len(c.out) <= maxOutput {
		return
	}
	c.stopped = true
	cut := maxOutput
	for cut > from && !utf8.RuneStart(c.out[cut]) {
		cut--
	}
	if i := bytes.LastIndexByte(c.out[max(from, cut-5):cut], '&'); i >= 0 { // never inside an entity
		cut = max(from, cut-5) + i
	}
	c.out = c.out[:max(cut, from)]
}

func (c *cleaner) close(element atom.Atom) {
	c.out = append(c.out, "</"...)
	c.out = append(c.out, element.String()...)
	c.out = append(c.out, '>')
}

func (c *cleaner) open(element atom.Atom, attributes []attribute) {
	c.out = append(c.out, '<')
	c.out = append(c.out, element.String()...)
	from := len(c.out)
	var seen [16]string
	written := seen[:0]
	given := c.given(element, attributes)
	for _, a := range attributes {
		name, value, ok := c.attribute(element, a)
		if !ok || contains(written, name) {
			continue
		}
		written = append(written, name)
		if len(c.out)+len(value) > maxOutput {
			c.out, c.stopped = c.out[:from], true
			break
		}
		c.out = append(c.out, ' ')
		c.out = append(c.out, name...)
		c.out = append(c.out, `="`...)
		c.out = appendEscaped(c.out, value)
		c.out = append(c.out, '"')
	}
	if given > 0 && !contains(written, "style") && !c.stopped {
		c.out = append(c.out, ` style="`...)
		c.out = appendEscaped(c.out, c.scratch[:given-1])
		c.out = append(c.out, '"')
	}
	if element == atom.A && contains(written, "href") {
		c.out = append(c.out, ` target="_blank" rel="noopener noreferrer nofollow"`...)
	}
	c.out = append(c.out, '>')
	if len(c.out) > maxOutput {
		c.stopped = true
	}
}

// given begins the style of an element in scratch with what is said of it elsewhere, up to a semicolon,
// and returns the length of that.
func (c *cleaner) given(element atom.Atom, attributes []attribute) int {
	c.scratch = c.scratch[:0]
	if element == atom.P && isTightParagraph(attributes) {
		c.scratch = append(c.scratch, "margin:0;"...)
	}
	if c.body {
		element, c.body = atom.Body, false
	}
	c.scratch = c.rules.appendFor(c.scratch, element, attributes)
	return len(c.scratch)
}

func (c *cleaner) sheet(css []byte) { c.rules.add(css) }

func (c *cleaner) wantsBody(attributes []attribute) bool {
	c.body = hasAttribute(attributes, "style", "bgcolor") || len(c.rules.appendFor(nil, atom.Body, attributes)) > 0
	return c.body
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// isTightParagraph tells of Word's paragraphs, which have no margins by a style sheet that is not
// kept. One with a style of its own says what it needs itself.
func isTightParagraph(attributes []attribute) bool {
	tight := false
	for _, a := range attributes {
		switch string(a.key) {
		case "class":
			tight = bytes.HasPrefix(a.value, []byte("MsoNormal"))
		case "style":
			if bytes.Contains(bytes.ToLower(a.value), []byte("margin")) {
				return false
			}
		}
	}
	return tight
}

// attribute returns the name and value to write for a, or false if it goes.
func (c *cleaner) attribute(element atom.Atom, a attribute) (name string, value []byte, ok bool) {
	key := atom.Lookup(a.key)
	switch key {
	case 0:
		if element == atom.Img && string(a.key) == RemoteSource {
			address, kind := cleanURL(a.value)
			return RemoteSource, address, kind == urlWeb
		}
		return plainAttribute(element, string(a.key), a.value)
	case atom.Style:
		given := len(c.scratch)
		style := appendStyle(c.scratch, a.value)
		if len(style) > maxStyleValue { // it would be dropped the next time
			style = style[given:]
		}
		return "style", bytes.TrimSuffix(style, []byte(";")), len(style) > 0
	case atom.Class:
		marks := quoteMarks(a.value)
		return "class", marks, len(marks) > 0
	case atom.Id:
		return "id", a.value, isQuoteID(a.value)
	case atom.Href:
		if element != atom.A {
			return "", nil, false
		}
		address, kind := cleanURL(a.value)
		return "href", address, kind == urlWeb || kind == urlPerson
	case atom.Src:
		if element != atom.Img {
			return "", nil, false
		}
		address, kind := cleanURL(a.value)
		switch kind {
		case urlPart, urlPicture:
			return "src", address, true
		case urlWeb:
			return RemoteSource, address, true
		}
	case atom.Title, atom.Alt:
		if key == atom.Alt && element != atom.Img {
			return "", nil, false
		}
		return key.String(), a.value, len(a.value) <= maxTextValue
	case atom.Type:
		if element == atom.Blockquote {
			return "type", []byte("cite"), string(bytes.ToLower(a.value)) == "cite"
		}
		return plainAttribute(element, "type", a.value)
	default:
		return plainAttribute(element, string(a.key), a.value)
	}
	return "", nil, false
}

// plainAttribute admits attributes of layout whose values are words and numbers.
func plainAttribute(element atom.Atom, name string, value []byte) (string, []byte, bool) {
	if !plainAllowed(element, name) || len(value) > maxPlainValue {
		return "", nil, false
	}
	for _, b := range value {
		if !isWordByte(b) && b < 0x80 && strings.IndexByte(" #%.,+-_*'\"", b) < 0 {
			return "", nil, false
		}
	}
	return name, value, true
}

func plainAllowed(element atom.Atom, name string) bool {
	switch name {
	case "dir", "lang", "align", "hidden":
		return true
	case "width", "height":
		return element == atom.Img || element == atom.Hr || isTablePart(element)
	case "border":
		return element == atom.Img || element == atom.Table
	case "bgcolor", "bordercolor":
		return isTablePart(element) || element == atom.Div
	case "clear":
		return element == atom.Br
	case "noshade":
		return element == atom.Hr
	case "reversed":
		return element == atom.Ol
	case "valign", "nowrap":
		return isTablePart(element)
	case "cellpadding", "cellspacing":
		return element == atom.Table
	case "colspan", "rowspan":
		return element == atom.Td || element == atom.Th
	case "span":
		return element == atom.Col || element == atom.Colgroup
	case "hspace", "vspace":
		return element == atom.Img
	case "color", "size":
		return element == atom.Font || element == atom.Hr
	case "face":
		return element == atom.Font
	case "start":
		return element == atom.Ol
	case "type":
		return element == atom.Ol || element == atom.Ul || element == atom.Li
	case "value":
		return element == atom.Li
	}
	return false
}

func isTablePart(a atom.Atom) bool {
	switch a {
	case atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Tr, atom.Td, atom.Th, atom.Col, atom.Colgroup, atom.Caption:
		return true
	}
	return false
}

func isWordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// appendEscaped appends data as HTML text that is also safe inside double quotes. Control
// characters that HTML does not allow go.
func appendEscaped(out, data []byte) []byte {
	from := 0
	for i, b := range data {
		var with string
		switch {
		case b == '&':
			with = "&amp;"
		case b == '<':
			with = "&lt;"
		case b == '>':
			with = "&gt;"
		case b == '"':
			with = "&#34;"
		case b < ' ' && b != '\n' && b != '\t', b == 0x7f:
		default:
			continue
		}
		out = append(out, data[from:i]...)
		out = append(out, with...)
		from = i + 1
	}
	return append(out, data[from:]...)
}

// urlKind is what an address in a mail leads to.
type urlKind int

const (
	urlRefused urlKind = iota
	urlWeb             // http, https
	urlPerson          // mailto, tel
	urlPart            // cid: another part of the mail
	urlPicture         // data: with a picture of a harmless type
)

// cleanURL returns raw as browsers read it (without blanks around and line ends inside) and its
// kind. An address without a scheme is refused, except one of a host (//shop.example/x).
func cleanURL(raw []byte) ([]byte, urlKind) {
	if len(raw) > maxDataValue {
		return nil, urlRefused
	}
	address := bytes.TrimFunc(raw, func(r rune) bool { return r <= ' ' })
	if bytes.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		address = bytes.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, address)
	}
	if bytes.HasPrefix(address, []byte("//")) {
		address = append([]byte("https:"), address...)
	}
	scheme, rest, found := bytes.Cut(address, []byte(":"))
	if !found || len(scheme) > 10 {
		return nil, urlRefused
	}
	kind := urlRefused
	known := strings.ToLower(string(scheme))
	if known != string(scheme) {
		address = append(append([]byte(known), ':'), rest...)
	}
	switch known {
	case "http", "https":
		if !bytes.HasPrefix(rest, []byte("//")) {
			return nil, urlRefused
		}
		kind = urlWeb
	case "mailto", "tel":
		kind = urlPerson
	case "cid":
		kind = urlPart
	case "data":
		if isPictureData(rest) {
			return address, urlPicture
		}
	}
	if len(address) > maxURLValue {
		return nil, urlRefused
	}
	return address, kind
}

// isPictureData tells whether a data: address holds a picture in base64 that cannot run anything.
func isPictureData(rest []byte) bool {
	head, _, _ := bytes.Cut(rest[:min(len(rest), 64)], []byte(","))
	switch strings.ToLower(string(head)) {
	case "image/png;base64", "image/jpeg;base64", "image/jpg;base64", "image/gif;base64", "image/webp;base64", "image/avif;base64", "image/bmp;base64":
		return true
	}
	return false
}
