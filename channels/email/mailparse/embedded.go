package mailparse

import (
	"bytes"
	"strings"
)

// withoutFiles takes the files that stand between the lines of a text (uuencode, its base64 form and
// yEnc) out of it and attaches them.
func (p *parser) withoutFiles(raw []byte) []byte {
	if !bytes.Contains(raw, []byte("begin ")) && !bytes.Contains(raw, []byte("begin-base64 ")) {
		return raw
	}
	yEnd, base64End := bytes.LastIndex(raw, yEncEnd), bytes.LastIndex(raw, base64UUEnd)
	var out []byte // nil as long as nothing was taken out
	rest, kept := raw, 0
	for len(rest) > 0 {
		line, next := cutLine(rest)
		if len(line) > 6 && (line[0] == 'b' || line[0] == '=') {
			at := len(raw) - len(next)
			if name, file, after, ok := cutFile(line, next, at <= yEnd, at <= base64End); ok {
				out = append(out, raw[kept:len(raw)-len(rest)]...)
				kept, rest = len(raw)-len(after), after
				p.attach(part{kind: "application/octet-stream", name: cleanName(decodeBytes([]byte(name), p.hint))}, file)
				continue
			}
		}
		rest = next
	}
	if kept == 0 {
		return raw
	}
	return append(out, raw[kept:]...)
}

// The lines that end a file in yEnc, and one in the base64 form of uuencode.
var yEncEnd, base64UUEnd = []byte("\n=yend "), []byte("\n====")

// cutFile reads a file whose first line is line, and returns what follows it. The ends of two forms are
// looked for only if there is one later on, so that many beginnings without it cost nothing.
func cutFile(line, body []byte, yEnds, base64Ends bool) (name string, file, after []byte, ok bool) {
	if name, ok = uuBegin(line); ok {
		file, after, ok = cutUU(body)
		return name, file, after, ok && len(file) > 0
	}
	if rest, found := bytes.CutPrefix(line, []byte("begin-base64 ")); found && base64Ends {
		_, file, found := bytes.Cut(rest, []byte{' '})
		end := bytes.Index(body, base64UUEnd)
		if !found || end < 0 {
			return "", nil, nil, false
		}
		_, after = cutLine(body[end+1:])
		return string(bytes.TrimSpace(file)), decodeBase64(body[:end]), after, true
	}
	if yEnds && bytes.HasPrefix(line, []byte("=ybegin ")) {
		if i := bytes.Index(line, []byte(" name=")); i >= 0 {
			file, after, ok = cutYEnc(body)
			return string(bytes.TrimSpace(line[i+len(" name="):])), file, after, ok
		}
	}
	return "", nil, nil, false
}

// cutUU decodes the lines of a uuencoded file. A line that cannot be one ends it: then it is no file,
// unless it is the last of several, for the end may be cut off.
func cutUU(body []byte) (file, after []byte, ok bool) {
	lines := 0
	for len(body) > 0 {
		line, rest := cutLine(body)
		trimmed := bytes.TrimRight(line, " \t")
		switch {
		case string(trimmed) == "end":
			return file, rest, true
		case len(trimmed) == 0, string(trimmed) == "`":
		case !isUULine(line):
			return file, body, lines > 1 && len(bytes.TrimSpace(rest)) == 0
		default:
			file = appendUU(file, line)
			lines++
		}
		body = rest
	}
	return file, nil, lines > 1
}

// isUULine tells whether a line has the length that its first byte tells; some programs leave out
// blanks at the end or add a checksum.
func isUULine(line []byte) bool {
	if line[0] < ' ' || line[0] > '`' {
		return false
	}
	want := (int(line[0]-' ')&63 + 2) / 3 * 4
	if len(line)-1 > want+2 || len(line)-1 < want-8 {
		return false
	}
	for _, b := range line[1:] {
		if b < ' ' || b > '`' {
			return false
		}
	}
	return true
}

// cutYEnc decodes the lines of a yEnc file up to its end.
func cutYEnc(body []byte) (file, after []byte, ok bool) {
	end := bytes.Index(body, yEncEnd)
	if end < 0 {
		return nil, nil, false
	}
	_, after = cutLine(body[end+1:])
	body = body[:end]
	if bytes.HasPrefix(body, []byte("=ypart ")) {
		_, body = cutLine(body)
	}
	file = make([]byte, 0, len(body))
	escaped := false
	for _, b := range body {
		switch {
		case b == '\r' || b == '\n':
		case escaped:
			file, escaped = append(file, b-64-42), false
		case b == '=':
			escaped = true
		default:
			file = append(file, b-42)
		}
	}
	return file, after, true
}

// uuBegin reads a line such as "begin 644 photo.jpg".
func uuBegin(line []byte) (name string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("begin "))
	if !ok {
		return "", false
	}
	mode, file, found := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	if !found || len(mode) < 3 || len(mode) > 6 || len(bytes.Trim(mode, "01234567")) > 0 {
		return "", false
	}
	name = strings.TrimSpace(string(file))
	return name, name != ""
}

// decodeUU decodes the first uuencoded file in raw, or lines of one without its first line; false if
// there is none.
func decodeUU(raw []byte) (content []byte, ok bool) {
	for rest := raw; len(rest) > 0; {
		var line []byte
		if line, rest = cutLine(rest); len(line) > 6 && line[0] == 'b' {
			if _, isBegin := uuBegin(line); isBegin {
				content, _, _ = cutUU(rest)
				return content, true
			}
		}
	}
	content, after, _ := cutUU(bytes.TrimLeft(raw, "\r\n"))
	return content, len(content) > 0 && len(bytes.TrimSpace(after)) == 0
}

func appendUU(out, line []byte) []byte {
	want := int(line[0]-' ') & 63
	line = line[1:]
	for want > 0 && len(line) > 0 {
		var group [4]byte
		for i := range group {
			if i < len(line) {
				group[i] = (line[i] - ' ') & 63
			}
		}
		three := [3]byte{group[0]<<2 | group[1]>>4, group[1]<<4 | group[2]>>2, group[2]<<6 | group[3]}
		n := min(want, 3)
		out = append(out, three[:n]...)
		want -= n
		line = line[min(4, len(line)):]
	}
	return out
}
