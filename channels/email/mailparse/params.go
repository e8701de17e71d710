package mailparse

import (
	"bytes"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// maxParams bounds the parameters of one value.
const maxParams = 200

// piece is one parameter as it stands: name*0*=value.
type piece struct {
	part     bool // of a continuation
	index    int  // in the continuation
	extended bool
	value    []byte
}

// parseValue reads "type; name=value; …" with quotes, RFC 2231 (continuations and charsets) and the
// encoded words that should not be there but are. The value and the names come in lower case.
func parseValue(raw []byte, hint string) (value string, params map[string]string) {
	if bytes.HasPrefix(raw, []byte("=?")) { // the whole field was encoded
		raw = []byte(decodeWords(raw, hint))
	}
	end := valueEnd(raw)
	if name, _, found := bytes.Cut(raw, []byte{'='}); found && knownParam(bytes.TrimSpace(name)) {
		end = 0 // the value itself is missing
	}
	value, rest := strings.ToLower(string(bytes.TrimSpace(raw[:end]))), raw[end:]
	if len(rest) == 0 {
		return value, nil
	}
	pieces := map[string][]piece{}
	before := "" // the parameter before
	for count := 0; len(rest) > 0 && count < maxParams; count++ {
		var name string
		var p piece
		name, p, rest = nextParam(rest)
		if name != "" {
			pieces[name] = append(pieces[name], p)
			before = name
		} else if len(p.value) > 0 && (before == "filename" || before == "name") { // a name without quotes had a semicolon
			last := &pieces[before][len(pieces[before])-1]
			last.value = bytes.Join([][]byte{last.value, p.value}, []byte{';'})
		}
	}
	params = make(map[string]string, len(pieces))
	for name, list := range pieces {
		if name == "boundary" { // not a text: its blanks count
			params[name] = string(list[0].value)
			continue
		}
		params[name] = joinPieces(list, hint)
	}
	return value, params
}

// nextParam reads one parameter and returns what follows it. What has no equal sign is a value without a
// name.
func nextParam(raw []byte) (name string, p piece, rest []byte) {
	raw = bytes.TrimLeft(raw, "; \t\r\n")
	end := bytes.IndexAny(raw, "=;")
	if end < 0 {
		return "", piece{value: bytes.TrimRight(raw, " \t")}, nil
	}
	if raw[end] == ';' {
		return "", piece{value: bytes.TrimRight(raw[:end], " \t")}, raw[end+1:]
	}
	name = strings.ToLower(strings.TrimSpace(string(raw[:end])))
	p.value, rest = paramValue(bytes.TrimLeft(raw[end+1:], " \t\r\n"))
	if base, ok := strings.CutSuffix(name, "*"); ok {
		name, p.extended = base, true
	}
	if i := strings.LastIndexByte(name, '*'); i >= 0 {
		if n, err := strconv.Atoi(name[i+1:]); err == nil && n >= 0 && n < maxParams {
			name, p.index, p.part = name[:i], n, true
		}
	}
	return name, p, rest
}

// paramValue reads a quoted or a plain value and returns what follows. A plain one goes to the next
// semicolon, because many programs forget to quote names with blanks, or to a known parameter if
// the semicolon is forgotten; a quote that never ends goes to the end.
func paramValue(raw []byte) (value, rest []byte) {
	if len(raw) == 0 || raw[0] != '"' {
		end := valueEnd(raw)
		return bytes.TrimSpace(raw[:end]), raw[end:]
	}
	for i := 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			if i+1 < len(raw) && (raw[i+1] == '"' || raw[i+1] == '\\') {
				i++
			}
			value = append(value, raw[i])
		case '"':
			rest = raw[i+1:]
			if end := valueEnd(rest); len(bytes.TrimSpace(rest[:end])) > 0 && bytes.IndexByte(rest[:end], '"') >= 0 {
				value = append(value, raw[i]) // a quote inside the name
				continue
			}
			return value, rest[valueEnd(rest):]
		default:
			value = append(value, raw[i])
		}
	}
	return value, nil
}

// valueEnd returns where a value without quotes ends.
func valueEnd(raw []byte) int {
	end := bytes.IndexByte(raw, ';')
	if end < 0 {
		end = len(raw)
	}
	for at := 0; at < end; {
		equal := bytes.IndexByte(raw[at:end], '=')
		if equal < 0 {
			break
		}
		begin := bytes.LastIndexAny(raw[at:at+equal], " \t\",") + 1
		if begin > 0 && knownParam(raw[at+begin:at+equal]) {
			return at + begin
		}
		at += equal + 1
	}
	return end
}

// knownParam tells whether a word names a parameter that ends the one before it.
func knownParam(name []byte) bool {
	switch word, _, _ := strings.Cut(strings.ToLower(string(name[:min(len(name), 20)])), "*"); word {
	case "charset", "name", "filename", "boundary", "format", "delsp", "type", "size", "protocol", "micalg", "method",
		"report-type", "smime-type", "creation-date", "modification-date", "x-unix-mode":
		return true
	}
	return false
}

// joinPieces puts a value together and decodes it. Of a value given plainly and extended, the
// extended one counts.
func joinPieces(list []piece, hint string) string {
	if len(list) > 1 {
		list = choosePieces(list)
	}
	var content []byte
	charset := ""
	extended := false
	for i, p := range list {
		value := p.value
		if p.extended || i == 0 && looksExtended(value) {
			extended = true
			if i == 0 {
				charset, value = cutCharset(value)
			}
			value = decodePercent(value)
		}
		content = append(content, value...)
	}
	text := ""
	if extended {
		text = decodeText(content, charset, hint)
		content = []byte(text)
	}
	if !extended || strings.Contains(text, "=?") {
		text = decodeWords(content, hint)
	}
	return cleanLine(text)
}

// choosePieces returns the continuations of a value in their order, or else the extended one, or the
// first.
func choosePieces(list []piece) []piece {
	var parts []piece
	for _, p := range list {
		if p.part {
			parts = append(parts, p)
		}
	}
	if len(parts) > 0 {
		sort.SliceStable(parts, func(i, j int) bool { return parts[i].index < parts[j].index })
		return slices.CompactFunc(parts, func(a, b piece) bool { return a.index == b.index })
	}
	for _, p := range list {
		if p.extended {
			return []piece{p}
		}
	}
	for _, p := range list {
		if len(p.value) > 0 {
			return []piece{p}
		}
	}
	return list[:1]
}

// cutCharset cuts "utf-8'en'name"; some programs put a blank between the quotes, or leave them out.
func cutCharset(value []byte) (charset string, rest []byte) {
	if parts := bytes.SplitN(value, []byte{'\''}, 3); len(parts) == 3 && len(parts[0]) <= 40 {
		return string(parts[0]), parts[2]
	}
	return "", value
}

// looksExtended tells whether a plain value is an extended one that lacks its star: utf-8”a%20b.
func looksExtended(value []byte) bool {
	label, rest := cutCharset(value)
	return label != "" && isCharset(label) && bytes.IndexByte(rest, '%') >= 0
}

// decodePercent undoes %XX; other percent signs stay.
func decodePercent(raw []byte) []byte {
	if bytes.IndexByte(raw, '%') < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '%' && i+2 < len(raw) {
			high, low := hexValue(raw[i+1]), hexValue(raw[i+2])
			if high < 16 && low < 16 {
				out = append(out, high<<4|low)
				i += 2
				continue
			}
		}
		out = append(out, raw[i])
	}
	return out
}
