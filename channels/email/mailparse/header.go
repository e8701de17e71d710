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

// splitMail cuts a mail into header and body. It takes line ends of every kind, skips the line that
// mailbox files put before a mail, and takes a text without any header as a body.
func splitMail(raw []byte) (header, []byte) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	raw = modernLines(raw)
	for len(raw) > 0 && (raw[0] == '\r' || raw[0] == '\n') {
		raw = raw[1:]
	}
	return splitPart(withoutMailboxLine(raw))
}

// withoutMailboxLine takes off the "From ann@home.example Mon Mar 3 …" that mailbox files put before
// each mail; "From : Ann" is a field.
func withoutMailboxLine(raw []byte) []byte {
	for bytes.HasPrefix(raw, []byte("From ")) || bytes.HasPrefix(raw, []byte(">From ")) {
		line, rest := cutLine(raw)
		if _, _, isField := cutField(line); isField {
			break
		}
		raw = rest
	}
	return raw
}

// modernLines turns the bare carriage returns of old systems into line feeds if there is no other
// line end.
func modernLines(raw []byte) []byte {
	if bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') < 0 {
		return raw
	}
	return bytes.ReplaceAll(raw, []byte{'\r'}, []byte{'\n'})
}

// splitPart cuts a part into header and body.
func splitPart(raw []byte) (header, []byte) {
	var h header
	rest := raw
	total := 0
	for len(rest) > 0 {
		line, next := cutLine(rest)
		total += len(rest) - len(next)
		if len(bytes.TrimRight(line, " \t")) == 0 && !continues(line, next) {
			return h, next
		}
		switch name, value, ok := cutField(line); {
		case isBlank(line[0]) && len(h) > 0:
			h.extend(bytes.TrimLeft(line, " \t"))
		case ok && len(h) < maxFields && total < maxHeaderBytes:
			h = append(h, field{name, value})
		case ok:
		case len(h) > 0 && fieldFollows(next):
			h.extend(line) // a folded line whose indent was lost
		default:
			return h, rest // the empty line before the body is missing
		}
		rest = next
	}
	return h, rest
}

// continues tells whether a line of blanks lies inside a header: some programs fold with one.
func continues(line, next []byte) bool {
	return len(line) > 0 && len(next) > 0 && isBlank(next[0])
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
		"content-disposition", "content-id", "dkim-signature", "authentication-results", "x-mailer", "sender"} {
		names[name] = name
	}
	return names
}()

// fieldFollows tells whether, within a few lines and before an empty one, a well-known field comes:
// then the line before it belongs to the header.
func fieldFollows(b []byte) bool {
	for range 8 {
		if len(b) == 0 {
			return false
		}
		var line []byte
		line, b = cutLine(b)
		if len(line) == 0 {
			return false
		}
		if name, _, ok := cutField(line); ok {
			if _, known := commonNames[name]; known || strings.HasPrefix(name, "x-") || strings.HasPrefix(name, "content-") {
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
