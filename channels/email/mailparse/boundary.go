package mailparse

import (
	"bytes"
	"strings"
)

// split is what the boundary of a multipart parts.
type split struct {
	parts              [][]byte
	preamble, epilogue []byte // what lies outside the parts
}

// children cuts a multipart into its parts. A boundary that is missing or wrong is guessed from the
// lines that look like one.
func (p *parser) children(x part) (split, bool) {
	limit := p.options.MaxParts + 1
	if boundary := strings.TrimRight(x.params["boundary"], " \t"); boundary != "" {
		if s := splitMultipart(x.body, boundary, limit); len(s.parts) > 0 {
			return s, true
		}
	}
	if boundary := guessBoundary(x.body, true); boundary != "" {
		if s := splitMultipart(x.body, boundary, limit); len(s.parts) > 0 {
			return s, true
		}
	}
	return split{}, false
}

// splitMultipart returns the parts between the boundary's lines, at most limit. A missing last
// boundary ends the last part at the end; after a last one that came too early the parts go on. A
// first part without a line before it is seen by its header.
func splitMultipart(body []byte, boundary string, limit int) split {
	delimiter := []byte("--" + boundary)
	var s split
	begin, from, outside := -1, 0, 0
	for len(s.parts) < limit {
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
		switch {
		case begin >= 0:
			s.parts = append(s.parts, withoutLineEnd(body[begin:at]))
		case outside == 0 && startsPart(body[:at]):
			s.parts = append(s.parts, withoutLineEnd(body[:at]))
		case outside == 0:
			s.preamble = body[:at]
		}
		begin, from, outside = end, end, end
		if last {
			begin = -1
		}
	}
	switch {
	case begin >= 0 && begin < len(body) && len(s.parts) < limit:
		s.parts = append(s.parts, body[begin:])
	case begin < 0 && outside > 0:
		s.epilogue = body[outside:]
	}
	return s
}

// startsPart tells whether what lies before the first boundary is a part all the same.
func startsPart(preamble []byte) bool {
	line, _ := cutLine(bytes.TrimLeft(preamble, "\r\n"))
	name, _, ok := cutField(line)
	return ok && strings.HasPrefix(name, "content-")
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

// guessBoundary returns what follows "--" on the first line that a header follows, or, if loose is
// set, on the first that comes twice.
func guessBoundary(body []byte, loose bool) string {
	var candidates []string
	for range 400 {
		if len(body) == 0 {
			return ""
		}
		var line []byte
		line, body = cutLine(body)
		line = bytes.TrimRight(line, " \t")
		if len(line) <= 2 || len(line) > 200 || line[0] != '-' || line[1] != '-' || len(bytes.Trim(line, "-_=")) == 0 {
			continue
		}
		next, _ := cutLine(body)
		if name, _, ok := cutField(next); ok && strings.HasPrefix(name, "content-") {
			return string(line[2:])
		}
		if !loose || bytes.IndexByte(line, ' ') >= 0 {
			continue
		}
		for _, candidate := range candidates {
			if bare := strings.TrimSuffix(string(line[2:]), "--"); bare == candidate {
				return candidate
			}
		}
		if len(candidates) < 8 {
			candidates = append(candidates, string(line[2:]))
		}
	}
	return ""
}

// looksMultipart tells whether a part with another label holds parts all the same: its boundary is
// named and there, or the body begins with one.
func looksMultipart(x part) bool {
	if boundary := x.params["boundary"]; boundary != "" && bytes.Contains(x.body, []byte("--"+boundary)) {
		return guessBoundary(x.body, false) != ""
	}
	start := bytes.TrimLeft(x.body[:min(len(x.body), 400)], "\r\n \t")
	if !bytes.HasPrefix(start, []byte("--")) && !bytes.HasPrefix(start, []byte("This is a multi")) && !bytes.HasPrefix(start, []byte("This is a MIME")) &&
		!bytes.HasPrefix(start, []byte("This message is in MIME")) {
		return false
	}
	return guessBoundary(x.body, false) != ""
}
