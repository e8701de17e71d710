package mailparse

import (
	"bytes"
	"strings"
)

// Limits of a header.
const (
	maxFields      = 2000
	maxHeaderBytes = 1 << 20
	maxFieldBytes  = 256 << 10
)

// field is one header field: its name in lower case and its raw value, unfolded, without line ends.
type field struct {
	name  string
	value []byte
}

// header is the fields of a mail or part in their order.
type header []field

// get returns the first value of a field that is not empty, or nil.
func (h header) get(name string) []byte {
	for _, f := range h {
		if f.name == name && len(f.value) > 0 {
			return f.value
		}
	}
	return nil
}

// all returns every value of a field.
func (h header) all(name string) [][]byte {
	var values [][]byte
	for _, f := range h {
		if f.name == name {
			values = append(values, f.value)
		}
	}
	return values
}

func (h header) has(name string) bool {
	for _, f := range h {
		if f.name == name {
			return true
		}
	}
	return false
}

// word returns the first value of a field as a lower-case line, for fields made of keywords.
func (h header) word(name string) string {
	return strings.ToLower(cleanLine(string(h.get(name))))
}

// splitMail cuts a mail into header and body. It takes line ends of every kind, skips what lies before
// the header (the line of a mailbox file, a line that is no field), goes on after an empty line that
// some program put into the header, and takes a text without any header as a body.
func splitMail(raw []byte) (header, []byte) {
	raw = modernLines(withoutMark(raw))
	raw = bytes.TrimLeft(raw, "\r\n")
	raw, sender := cutMailboxLine(raw)
	h, body := splitPart(withoutJunk(raw))
	for range maxBlocks {
		if !headerGoesOn(h, body) {
			break
		}
		more, rest := splitPart(body)
		h, body = append(h, more...), rest
	}
	if len(sender) > 0 {
		h = append(h, field{mailboxSender, sender})
	}
	return h, body
}

// maxBlocks bounds the pieces into which empty lines may cut a header.
const maxBlocks = 4

// mailboxSender names the field that holds the sender of a mailbox file's line. No true field has a
// blank in its name.
const mailboxSender = "mailbox sender"

// withoutMark takes off a byte order mark; a mail stored as UTF-16 becomes UTF-8.
func withoutMark(raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte("\xff\xfe")) || bytes.HasPrefix(raw, []byte("\xfe\xff")) {
		if text, ok := decodeMarked(raw); ok {
			return []byte(text)
		}
	}
	return bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
}

// cutMailboxLine takes off the "From ann@home.example Mon Mar 3 …" that mailbox files put before
// each mail and returns its address; "From : Ann" is a field.
func cutMailboxLine(raw []byte) (mail, sender []byte) {
	for bytes.HasPrefix(raw, []byte("From ")) || bytes.HasPrefix(raw, []byte(">From ")) {
		line, rest := cutLine(raw)
		if _, _, isField := cutField(line); isField {
			break
		}
		if words := bytes.Fields(line); len(words) > 1 && sender == nil && bytes.IndexByte(words[1], '@') > 0 {
			sender = words[1]
		}
		raw = rest
	}
	return raw, sender
}

// withoutJunk takes off blanks before the first field, and a few lines that are none if plainly a
// header follows them.
func withoutJunk(raw []byte) []byte {
	line, next := cutLine(raw)
	if len(line) > 0 && isBlank(line[0]) {
		if _, _, ok := cutField(bytes.TrimLeft(line, " \t")); ok && fieldsFollow(next, 1) {
			return bytes.TrimLeft(raw, " \t")
		}
	}
	for rest, n := raw, 0; n < 4; n++ {
		if line, rest = cutLine(rest); len(line) == 0 {
			return raw
		}
		if _, _, ok := cutField(line); ok {
			return raw
		}
		if first, _ := cutLine(rest); isKnownField(first) && fieldsFollow(rest, 2) {
			return rest
		}
	}
	return raw
}

// headerGoesOn tells whether the block after an empty line belongs to the header: it consists of
// fields alone, brings what is missing (the sender, or the type), and repeats none that a mail has once.
func headerGoesOn(h header, body []byte) bool {
	if len(h) == 0 || bytes.HasPrefix(h.get("content-type"), []byte("message/")) {
		return false
	}
	brings := false
	for n := 0; ; n++ {
		line, rest := cutLine(body)
		if len(bytes.TrimSpace(line)) == 0 {
			return n > 0 && brings
		}
		body = rest
		if n > 0 && isBlank(line[0]) {
			continue
		}
		name, _, ok := cutField(line)
		if !ok || n > 200 {
			return false
		}
		switch name {
		case "from", "subject", "date", "message-id", "to", "content-type", "mime-version":
			if h.has(name) {
				return false
			}
			brings = brings || name == "from" || strings.HasPrefix(name, "content-") && h.has("from")
		}
	}
}

// modernLines turns the bare carriage returns of old systems into line feeds if there is no other
// line end, or if they part the fields of a header.
func modernLines(raw []byte) []byte {
	first := bytes.IndexByte(raw, '\n')
	if first < 0 {
		return bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'})
	}
	bare := bytes.IndexByte(raw[:first], '\r')
	if bare < 0 || len(bytes.Trim(raw[bare:first], "\r")) == 0 {
		return raw
	}
	if next, _, _ := bytes.Cut(raw[bare+1:first], []byte{'\r'}); !isKnownField(next) {
		return raw
	}
	out := bytes.Clone(raw)
	for i := 0; i+1 < len(out); i++ {
		if out[i] == '\r' && out[i+1] != '\n' && out[i+1] != '\r' {
			out[i] = '\n'
		}
	}
	return out
}

// splitPart cuts a part into header and body.
func splitPart(raw []byte) (header, []byte) {
	var h header
	rest := raw
	total, before := 0, 0 // bytes so far, and of the line before
	for len(rest) > 0 {
		line, next := cutLine(rest)
		if len(bytes.TrimRight(line, " \t")) == 0 && !h.continues(line, next) {
			return h, next
		}
		switch name, value, ok := cutField(line); {
		case isBlank(line[0]) && len(h) > 0:
			h.extend(bytes.TrimLeft(line, " \t"))
		case ok && len(h) < maxFields && total < maxHeaderBytes:
			h = append(h, field{name, value})
		case ok:
		case len(h) > 0 && fieldsFollow(next, 1):
			if lostIndent(h[len(h)-1].value, before, line) {
				h.extend(line)
			}
		default:
			return h, rest // the empty line before the body is missing
		}
		before = len(line)
		total += len(rest) - len(next)
		rest = next
	}
	return h, rest
}

// lostIndent tells whether a line without a colon is the folded end of the field before it: that was
// full, or is plainly not at its end. Other such lines are noise.
func lostIndent(value []byte, lineBefore int, line []byte) bool {
	if bytes.HasSuffix(value, []byte("?=")) { // only another encoded word goes on from there
		return bytes.HasPrefix(line, []byte("=?"))
	}
	word, _, _ := bytes.Cut(line, []byte{' '})
	return lineBefore+1+len(word) > 66 ||
		bytes.HasSuffix(value, []byte{','}) || bytes.HasSuffix(value, []byte{';'}) || len(value) == 0 ||
		bytes.HasPrefix(line, []byte("=?")) || line[0] == '<' || indexFold(line[:min(len(line), 200)], "boundary=") >= 0
}

// continues tells whether a line of blanks lies inside a header: some programs fold with one.
func (h header) continues(line, next []byte) bool {
	if len(line) == 0 || len(next) == 0 {
		return false
	}
	first, _ := cutLine(next)
	name, _, _ := cutField(first)
	return isBlank(next[0]) || isKnownField(first) && !h.has(name)
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

// extend appends a folded line to the last field.
func (h header) extend(line []byte) {
	last := &h[len(h)-1]
	if len(last.value)+len(line) > maxFieldBytes || len(line) == 0 {
		return
	}
	if len(last.value) > 0 {
		last.value = append(last.value, ' ')
	}
	last.value = append(last.value, line...)
}

// cutLine returns the first line of b without its end, and what follows.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimRight(b, "\r"), nil
	}
	return bytes.TrimRight(b[:i], "\r"), b[i+1:]
}

// cutField reads "Name: value"; a blank before the colon is forgiven.
func cutField(line []byte) (name string, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || i > 128 {
		return "", nil, false
	}
	key := bytes.TrimRight(line[:i], " \t")
	if len(key) == 0 {
		return "", nil, false
	}
	for _, b := range key {
		if b <= ' ' || b >= 0x7f {
			return "", nil, false
		}
	}
	value = bytes.Trim(line[i+1:], " \t")
	if len(value) > maxFieldBytes {
		value = value[:maxFieldBytes]
	}
	return lowerName(key), value[:len(value):len(value)], true
}

// lowerName returns a field's name in lower case without allocating for the common ones.
func lowerName(key []byte) string {
	var buffer [32]byte
	if len(key) > len(buffer) {
		return strings.ToLower(string(key))
	}
	for i, b := range key {
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		buffer[i] = b
	}
	if name, known := commonNames[string(buffer[:len(key)])]; known {
		return name
	}
	return string(buffer[:len(key)])
}

var commonNames = func() map[string]string {
	names := map[string]string{}
	for _, name := range []string{"from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references", "reply-to",
		"received", "return-path", "delivered-to", "mime-version", "content-type", "content-transfer-encoding",
		"content-disposition", "content-id", "dkim-signature", "authentication-results", "x-mailer", "sender", "bcc", "user-agent",
		"organization", "importance", "priority", "precedence", "auto-submitted", "envelope-to", "errors-to", "thread-topic", "thread-index"} {
		names[name] = name
	}
	return names
}()

// isKnownField tells whether a line is a field that mails have.
func isKnownField(line []byte) bool {
	name, _, ok := cutField(line)
	if !ok {
		return false
	}
	_, known := commonNames[name]
	return known || strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "content-") || strings.HasPrefix(name, "list-") || strings.HasPrefix(name, "resent-")
}

// fieldsFollow tells whether, within a few lines and before an empty one, so many known fields come:
// then the lines between them belong to the header.
func fieldsFollow(b []byte, count int) bool {
	for range 8 {
		if len(b) == 0 {
			return false
		}
		var line []byte
		line, b = cutLine(b)
		if len(line) == 0 {
			return false
		}
		if isKnownField(line) {
			if count--; count == 0 {
				return true
			}
		}
	}
	return false
}

// cleanLine makes one line of s: control characters become blanks, runs of blanks one.
func cleanLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
}

// withoutControls makes one line of s, in which control characters are blanks; runs of blanks stay.
func withoutControls(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}

// firstID returns the first message id of a value, without <>.
func firstID(value []byte) string {
	if list := ids([][]byte{value}); len(list) > 0 {
		return list[0]
	}
	return ""
}

// maxIDs bounds References; the newest are kept.
const maxIDs = 500

// ids returns the message ids of some values, without <>. Without any <>, words with an @ count.
func ids(values [][]byte) []string {
	var list []string
	for _, value := range values {
		if bytes.Contains(value, []byte("=?")) { // against the standard, but some encode it
			value = []byte(decodeWords(value, ""))
		}
		rest := value
		found := false
		for len(rest) > 0 {
			begin := bytes.IndexByte(rest, '<')
			if begin < 0 {
				break
			}
			end := bytes.IndexByte(rest[begin:], '>')
			if end < 0 {
				break
			}
			if id := cleanID(rest[begin+1 : begin+end]); id != "" {
				list = append(list, id)
				found = true
			}
			rest = rest[begin+end+1:]
		}
		if found {
			continue
		}
		for word := range bytes.FieldsSeq(value) {
			if bytes.IndexByte(word, '@') > 0 || len(values) == 1 && len(value) == len(word) {
				if id := cleanID(word); id != "" {
					list = append(list, id)
				}
			}
		}
	}
	if len(list) > maxIDs {
		list = list[len(list)-maxIDs:]
	}
	return list
}

// cleanID takes blanks, brackets and undecodable bytes out of a message id.
func cleanID(id []byte) string {
	if len(id) > 998 {
		return ""
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r <= ' ' || r == '<' || r == '>' || r == 0x7f {
			return -1
		}
		return r
	}, string(id)), "\uFFFD")
}
