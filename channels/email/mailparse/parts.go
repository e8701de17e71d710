package mailparse

import (
	"bytes"
	"strings"

	"github.com/deskbell/deskbell/inbox/content"
)

// parser walks the tree of parts and gathers what people read.
type parser struct {
	options Options
	message *Message
	hint    string // charset of the mail's own labels
	leaves  int
	report  report
	inner   bool // reads a mail inside a mail
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
type segment struct {
	text, html string
	flowed     bool
}

// part is one node of the tree.
type part struct {
	header      header
	body        []byte
	kind        string // media type, lower case
	params      map[string]string
	disposition string
	name        string // of the file, cleaned
}

func (p *parser) readBody(head header, body []byte) {
	segments := p.walk(p.newPart(head, body, "text/plain"), 0, false)
	p.finish(segments)
}

func (p *parser) newPart(h header, body []byte, standard string) part {
	kind, params := mediaType(h.get("content-type"), p.hint)
	disposition, fileParams := parseValue(h.get("content-disposition"), p.hint)
	name := cleanName(fileParams["filename"])
	if name == "" {
		name = cleanName(params["name"])
	}
	switch {
	case kind != "":
	case name != "" && standard == "text/plain":
		kind = "application/octet-stream"
	default:
		kind = standard
	}
	return part{h, body, kind, params, disposition, name}
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
func (p *parser) walk(x part, depth int, alternative bool) []segment {
	if strings.HasPrefix(x.kind, "multipart/") || x.kind == "text/plain" && depth == 0 && looksMultipart(x.body) {
		if depth >= p.options.MaxDepth {
			p.message.Truncated = true
			p.attach(x, x.body)
			return nil
		}
		parts, ok := p.children(x)
		if encoding := x.header.word("content-transfer-encoding"); !ok && encoding != "" {
			x.body = decodeTransfer(x.body, encoding) // against the standard, but some do it
			parts, ok = p.children(x)
		}
		if ok {
			return p.walkChildren(x, parts, depth)
		}
		x.kind = "text/plain" // no boundary anywhere: show what is there
	}
	if p.leaves++; p.leaves > p.options.MaxParts {
		p.message.Truncated = true
		return nil
	}
	return p.leaf(x, depth, alternative)
}

func (p *parser) walkChildren(x part, parts [][]byte, depth int) []segment {
	standard := "text/plain"
	if x.kind == "multipart/digest" {
		standard = "message/rfc822"
	}
	if x.kind == "multipart/report" && p.report.kind == "" {
		p.report.kind, p.report.whole = strings.ToLower(x.params["report-type"]), depth == 0
	}
	alternative := x.kind == "multipart/alternative"
	var groups [][]segment
	for _, raw := range parts {
		if p.leaves > p.options.MaxParts {
			break
		}
		h, body := splitPart(raw)
		groups = append(groups, p.walk(p.newPart(h, body, standard), depth+1, alternative))
	}
	if alternative {
		return chooseAlternative(groups)
	}
	var all []segment
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}

// chooseAlternative takes the text of the first form that is plain and the last that is HTML.
func chooseAlternative(groups [][]segment) []segment {
	var chosen segment
	found := false
	for _, group := range groups {
		var text, html []string
		flowed := false
		for _, s := range group {
			if s.html != "" {
				html = append(html, s.html)
			} else if s.text != "" {
				text = append(text, s.text)
				flowed = flowed || s.flowed
			}
		}
		if len(html) > 0 {
			chosen.html, found = strings.Join(html, "<br>"), true
		}
		if len(text) > 0 && len(html) == 0 && strings.TrimSpace(chosen.text) == "" {
			chosen.text, chosen.flowed, found = strings.Join(text, "\n\n"), flowed, true
		}
	}
	if !found {
		return nil
	}
	return []segment{chosen}
}

// children cuts a multipart into its parts. A boundary that is missing or wrong is guessed from the
// first line that looks like one.
func (p *parser) children(x part) ([][]byte, bool) {
	limit := p.options.MaxParts + 1
	if boundary := x.params["boundary"]; boundary != "" {
		if parts := splitMultipart(x.body, boundary, limit); len(parts) > 0 {
			return parts, true
		}
	}
	if boundary := guessBoundary(x.body); boundary != "" {
		if parts := splitMultipart(x.body, boundary, limit); len(parts) > 0 {
			return parts, true
		}
	}
	return nil, false
}

// splitMultipart returns the parts between the boundary's lines, at most limit. A missing last
// boundary ends the last part at the end.
func splitMultipart(body []byte, boundary string, limit int) [][]byte {
	delimiter := []byte("--" + boundary)
	var parts [][]byte
	begin, from := -1, 0
	for {
		at := bytes.Index(body[from:], delimiter)
		if at < 0 {
			break
		}
		at += from
		end, last, ok := boundaryLine(body, at, len(delimiter))
		if !ok {
			from = at + len(delimiter)
			continue
		}
		if begin >= 0 {
			parts = append(parts, withoutLineEnd(body[begin:at]))
		}
		if last || len(parts) >= limit {
			return parts
		}
		begin, from = end, end
	}
	if begin >= 0 && begin < len(body) {
		parts = append(parts, body[begin:])
	}
	return parts
}

// boundaryLine tells whether a delimiter at body[at:] is a whole line, where the next one begins,
// and whether it is the last delimiter.
func boundaryLine(body []byte, at, length int) (end int, last, ok bool) {
	if at > 0 && body[at-1] != '\n' && body[at-1] != '\r' {
		return 0, false, false
	}
	rest := body[at+length:]
	if bytes.HasPrefix(rest, []byte("--")) {
		last, rest = true, rest[2:]
	}
	end = len(body)
	line := rest[:min(len(rest), 200)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, end = line[:i], len(body)-len(rest)+i+1
	}
	return end, last, len(bytes.TrimSpace(line)) == 0
}

// withoutLineEnd takes off the line end that belongs to the boundary after it.
func withoutLineEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	return bytes.TrimSuffix(b, []byte{'\r'})
}

// guessBoundary returns what follows "--" on the first line that a header follows.
func guessBoundary(body []byte) string {
	for range 200 {
		if len(body) == 0 {
			return ""
		}
		var line []byte
		line, body = cutLine(body)
		line = bytes.TrimRight(line, " \t")
		if len(line) > 2 && len(line) < 200 && line[0] == '-' && line[1] == '-' {
			next, _ := cutLine(body)
			if name, _, ok := cutField(next); ok && strings.HasPrefix(name, "content-") {
				return string(line[2:])
			}
		}
	}
	return ""
}

// looksMultipart tells whether a body without the right header holds parts all the same.
func looksMultipart(body []byte) bool {
	start := bytes.TrimLeft(body[:min(len(body), 400)], "\r\n \t")
	if !bytes.HasPrefix(start, []byte("--")) && !bytes.HasPrefix(start, []byte("This is a multi")) && !bytes.HasPrefix(start, []byte("This message is in MIME")) {
		return false
	}
	return guessBoundary(body) != ""
}

// leaf reads a part without children.
func (p *parser) leaf(x part, depth int, alternative bool) []segment {
	if depth > 0 && p.report.original == nil && x.header.has("message-id") && x.header.has("from") {
		p.report.original = x.header // a mail put between the boundaries without a type
	}
	attached := x.disposition == "attachment" && !(alternative && x.name == "") || x.name != "" && p.leaves > 1
	switch x.kind {
	case "text/plain", "text/html", "text/enriched", "text/richtext":
		if !attached {
			return p.textLeaf(x)
		}
	case "text/x-amp-html", "text/watch-html":
		if alternative {
			return nil // the same again for programs that know it
		}
	case "message/delivery-status", "message/global-delivery-status":
		p.report.status = append(append(p.report.status, '\n', '\n'), decodeTransfer(x.body, x.header.word("content-transfer-encoding"))...)
		return nil
	case "message/disposition-notification", "message/global-disposition-notification":
		p.report.receipt = append(append(p.report.receipt, '\n', '\n'), decodeTransfer(x.body, x.header.word("content-transfer-encoding"))...)
		return nil
	case "message/feedback-report":
		p.report.feedback = decodeTransfer(x.body, x.header.word("content-transfer-encoding"))
		return nil
	case "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		if p.report.original == nil {
			p.report.original, _ = splitMail(decodeTransfer(x.body, x.header.word("content-transfer-encoding")))
		}
		if p.report.kind != "" {
			return nil
		}
	}
	body := decodeTransfer(x.body, x.header.word("content-transfer-encoding"))
	if x.kind == "message/rfc822" || x.kind == "message/global" || x.kind == "message/partial" {
		inner, _ := splitMail(body)
		if p.report.attached == nil {
			p.report.attached = body
			if p.report.original == nil {
				p.report.original = inner
			}
		}
		if x.name == "" {
			x.name = mailName(inner, p.hint)
		}
	}
	p.attach(x, body)
	return nil
}

// mailName names a mail inside a mail by its subject.
func mailName(inner header, hint string) string {
	subject := cleanName(content.Preview(decodeWords(inner.get("subject"), hint), 80))
	if subject == "" {
		subject = "mail"
	}
	return subject + ".eml"
}

func (p *parser) textLeaf(x part) []segment {
	raw := decodeTransfer(x.body, x.header.word("content-transfer-encoding"))
	if len(raw) > p.options.MaxText {
		raw = raw[:p.options.MaxText]
		p.message.Truncated = true
	}
	label := x.params["charset"]
	isHTML := x.kind == "text/html" && bytes.IndexByte(raw, '<') >= 0 || x.kind == "text/plain" && startsHTML(raw)
	if isHTML && charsetName(label) == "" {
		label = metaCharset(raw)
	}
	text := decodeText(raw, label, p.hint)
	switch {
	case isHTML, x.kind == "text/enriched", x.kind == "text/richtext":
		if x.kind == "text/enriched" || x.kind == "text/richtext" {
			return []segment{{text: content.HTMLToText("<pre>" + text + "</pre>")}}
		}
		return []segment{{html: text}}
	case strings.EqualFold(x.params["format"], "flowed"):
		return []segment{{text: unflow(plainLines(text), strings.EqualFold(x.params["delsp"], "yes")), flowed: true}}
	}
	return p.withoutUU(plainLines(text))
}

// withoutUU takes uuencoded files out of a text and attaches them.
func (p *parser) withoutUU(text string) []segment {
	at := 0
	if !strings.HasPrefix(text, "begin ") {
		if at = strings.Index(text, "\nbegin ") + 1; at == 0 {
			return []segment{{text: text}}
		}
	}
	line, _, _ := strings.Cut(text[at:], "\n")
	if _, ok := uuBegin([]byte(line)); !ok {
		return []segment{{text: text}}
	}
	body := text[at:]
	end := strings.Index(body, "\nend")
	if end < 0 {
		return []segment{{text: text}}
	}
	file, name, ok := decodeUU([]byte(body[:end]))
	if !ok || len(file) == 0 {
		return []segment{{text: text}}
	}
	p.attach(part{kind: "application/octet-stream", name: cleanName(name)}, file)
	return []segment{{text: text[:at] + strings.TrimPrefix(body[end:], "\nend")}}
}

func (p *parser) attach(x part, body []byte) {
	if len(p.message.Attachments) >= p.options.MaxParts {
		p.message.Truncated = true
		return
	}
	p.message.Attachments = append(p.message.Attachments, Attachment{
		Name:        x.name,
		ContentType: x.kind,
		Inline:      x.disposition == "inline",
		ContentID:   firstID(x.header.get("content-id")),
		Content:     body,
	})
}

// cleanName makes a file name fit for display: no path, no control or direction characters, at most
// 200 bytes with its ending kept.
func cleanName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 && i < len(name)-1 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return -1
		case r == '/' || r == '\\':
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(cleanLine(name), `"' `)
	if name == "." || name == ".." {
		return ""
	}
	if len(name) <= 200 {
		return name
	}
	ending := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 12 {
		ending = name[i:]
	}
	return strings.ToValidUTF8(name[:200-len(ending)], "") + ending
}
