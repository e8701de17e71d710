package mailparse

import (
	"bytes"
	"strings"
)

// parser walks the tree of parts and gathers what people read.
type parser struct {
	options Options
	message *Message
	hint    string // charset of the mail's own labels
	leaves  int
	budget  int // bytes that unpacking may still make
	report  report
	inner   bool // reads a mail inside a mail

	fallback, fallbackHTML []string // texts for a mail that has no other, such as what an invitation says
	unnamed                []int    // the invitations among the attachments that we named
}

// report is what programs told one another in a mail beside its text.
type report struct {
	whole    bool   // the mail itself is a multipart/report, not one of its parts
	kind     string // report-type
	status   []byte // of message/delivery-status
	receipt  []byte // of message/disposition-notification
	feedback []byte // of message/feedback-report
	original header // of the mail the report is about
	attached []byte // that mail, or the first one attached
}

// segment is a stretch of the body that people read, in one or both forms.
type segment struct{ text, html string }

// part is one node of the tree.
type part struct {
	header      header
	body        []byte
	kind        string // media type, lower case
	params      map[string]string
	disposition string
	name        string // of the file, cleaned
	parent      string // media type of the multipart around it; "" for the mail itself
	isRoot      bool   // the part of a multipart/related that shows the others
	inner       []part // its parts, if they were cut already
}

func (p *parser) readBody(head header, body []byte) {
	p.budget = 2 * p.options.MaxSize
	p.finish(p.walk(p.newPart(head, body, "text/plain"), 0))
}

func (p *parser) newPart(h header, body []byte, standard string) part {
	var kind string
	var params map[string]string
	for _, value := range h.all("content-type") {
		if kind, params = mediaType(value, p.hint); kind != "" {
			break
		}
	}
	disposition, fileParams := parseValue(h.get("content-disposition"), p.hint)
	name := cleanName(fileParams["filename"])
	if name == "" {
		name = cleanName(params["name"])
	}
	if name == "" && !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "multipart/") {
		name = spareName(h, p.hint)
	}
	switch {
	case kind != "":
	case name != "" && standard == "text/plain":
		kind = "application/octet-stream"
	default:
		kind = standard
	}
	return part{header: h, body: body, kind: kind, params: params, disposition: disposition, name: name}
}

// mediaType reads a Content-Type, also without the semicolon or the second half.
func mediaType(raw []byte, hint string) (string, map[string]string) {
	kind, params := parseValue(bytes.TrimSpace(raw), hint)
	kind = strings.Trim(kind, "\"' ,:")
	if i := strings.IndexAny(kind, " \t,("); i > 0 {
		kind = kind[:i]
	}
	switch kind {
	case "text", "plain", "txt":
		kind = "text/plain"
	case "html", "htm":
		kind = "text/html"
	case "multipart":
		kind = "multipart/mixed"
	}
	if !isMediaType(kind) {
		kind = ""
	}
	return kind, params
}

// isMediaType tells whether kind is two tokens of RFC 2045 with a slash between.
func isMediaType(kind string) bool {
	major, minor, found := strings.Cut(kind, "/")
	return found && major != "" && minor != "" && strings.IndexFunc(major+minor, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?=`, r)
	}) < 0
}

// walk returns the segments of one part and stores its attachments.
func (p *parser) walk(x part, depth int) []segment {
	if strings.HasPrefix(x.kind, "multipart/") || strings.HasPrefix(x.kind, "text/") && depth == 0 && looksMultipart(x) {
		if depth >= p.options.MaxDepth {
			p.message.Truncated = true
			p.attach(x, x.body)
			return nil
		}
		if x.inner != nil {
			return p.walkParts(x, x.inner, depth)
		}
		inner, ok := p.children(x)
		if encoding := x.header.encoding(); !ok && encoding != "" {
			x.body = decodeTransfer(x.body, encoding) // against the standard, but some do it
			inner, ok = p.children(x)
		}
		if ok {
			return p.walkChildren(x, inner, depth)
		}
		x.kind = "text/plain" // no boundary anywhere: show what is there
	}
	if p.leaves++; p.leaves > p.options.MaxParts {
		p.message.Truncated = true
		return nil
	}
	return p.leaf(x, depth)
}

func (p *parser) walkChildren(x part, inner split, depth int) []segment {
	if x.kind == "multipart/report" && p.report.kind == "" {
		p.report.kind, p.report.whole = strings.ToLower(x.params["report-type"]), depth == 0
	}
	before := len(p.message.Attachments)
	segments := p.walkParts(x, p.newParts(x, inner.parts), depth)
	if len(p.message.Attachments) == before && !readable(segments) && len(p.fallback)+len(p.fallbackHTML) == 0 {
		return p.outside(inner, segments)
	}
	return segments
}

func (p *parser) walkParts(x part, children []part, depth int) []segment {
	p.protect(protectionOf(x, children))
	var groups [][]segment
	for _, child := range children {
		if p.leaves > p.options.MaxParts {
			p.message.Truncated = true
			break
		}
		groups = append(groups, p.walk(child, depth+1))
	}
	if x.kind == "multipart/alternative" {
		return chooseAlternative(groups)
	}
	var all []segment
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}

// newParts reads the headers of a multipart's parts. Parts that only serve other programs are left out.
func (p *parser) newParts(x part, raw [][]byte) []part {
	standard := "text/plain"
	if x.kind == "multipart/digest" {
		standard = "message/rfc822"
	}
	children := make([]part, 0, len(raw))
	for _, one := range raw {
		h, body := splitPart(one)
		if len(h) == 0 && standard == "text/plain" && startsPart(body) {
			h, body = splitPart(bytes.TrimLeft(body, "\r\n")) // an empty line before the header
		}
		child := p.newPart(h, body, standard)
		child.parent = x.kind
		if x.kind == "multipart/appledouble" && child.kind == "application/applefile" || child.kind == "application/pgp-encrypted" {
			continue
		}
		children = append(children, child)
	}
	if x.kind == "multipart/related" {
		markRoot(children, x.params["start"])
	}
	return regroup(x, children)
}

// markRoot marks the part of a multipart/related that shows the others: the one that start names, or
// the first (RFC 2387).
func markRoot(children []part, start string) {
	root := 0
	if start = strings.Trim(start, "<> "); start != "" {
		for i := range children {
			if firstID(children[i].header.get("content-id")) == start {
				root = i
			}
		}
	}
	if root < len(children) {
		children[root].isRoot = true
	}
}

// regroup mends a multipart inside another of the same boundary, whose parts were all cut at once: an
// empty multipart/alternative or related takes the parts after it.
func regroup(x part, children []part) []part {
	if len(children) < 2 || !strings.HasPrefix(children[0].kind, "multipart/") || len(bytes.TrimSpace(children[0].body)) > 0 {
		return children
	}
	if children[0].params["boundary"] != x.params["boundary"] {
		return children
	}
	first, rest := children[0], children[1:]
	files := len(rest)
	for i := range rest {
		if rest[i].disposition == "attachment" || first.kind == "multipart/alternative" && !strings.HasPrefix(rest[i].kind, "text/") {
			files = i
			break
		}
	}
	first.inner = rest[:files:files]
	for i := range first.inner {
		first.inner[i].parent = first.kind
	}
	return append([]part{first}, rest[files:]...)
}

// readable tells whether segments hold any text.
func readable(segments []segment) bool {
	for _, s := range segments {
		if strings.TrimSpace(s.text) != "" || strings.TrimSpace(s.html) != "" {
			return true
		}
	}
	return false
}

// outside returns what stands before and after the parts if these hold nothing at all. The words that
// programs put there for programs without MIME are not worth showing.
func (p *parser) outside(inner split, segments []segment) []segment {
	for _, raw := range [][]byte{inner.preamble, inner.epilogue} {
		if len(bytes.TrimSpace(raw)) == 0 || indexFold(raw[:min(len(raw), 400)], "mime") >= 0 || indexFold(raw[:min(len(raw), 400)], "multi-part") >= 0 {
			continue
		}
		segments = append(segments, p.textLeaf(part{body: raw, kind: "text/plain"})...)
	}
	return segments
}
