package mailparse

import (
	"bytes"
	"sort"
	"strconv"
	"strings"
)

// maxParams bounds the parameters of one value.
const maxParams = 200

// piece is one parameter as it stands: name*0*=value.
type piece struct {
	index    int // of a continuation; 0 without
	extended bool
	value    []byte
}

// parseValue reads "type; name=value; …" with quotes, RFC 2231 (continuations and charsets) and the
// encoded words that should not be there but are. The value and the names come in lower case.
func parseValue(raw []byte, hint string) (value string, params map[string]string) {
	value, rest := cutSemicolon(raw)
	value = strings.ToLower(strings.TrimSpace(value))
	if len(rest) == 0 {
		return value, nil
	}
	pieces := map[string][]piece{}
	for count := 0; len(rest) > 0 && count < maxParams; count++ {
		var name string
		var p piece
		name, p, rest = nextParam(rest)
		if name != "" {
			pieces[name] = append(pieces[name], p)
		}
	}
	params = make(map[string]string, len(pieces))
	for name, list := range pieces {
		params[name] = joinPieces(list, hint)
	}
	return value, params
}

func cutSemicolon(raw []byte) (string, []byte) {
	if i := bytes.IndexByte(raw, ';'); i >= 0 {
		return string(raw[:i]), raw[i+1:]
	}
	return string(raw), nil
}

// nextParam reads one parameter and returns what follows it.
func nextParam(raw []byte) (name string, p piece, rest []byte) {
	raw = bytes.TrimLeft(raw, "; \t\r\n")
	end := bytes.IndexAny(raw, "=;")
	if end < 0 {
		return "", piece{}, nil
	}
	if raw[end] == ';' {
		return "", piece{}, raw[end+1:]
	}
	name = strings.ToLower(strings.TrimSpace(string(raw[:end])))
	p.value, rest = paramValue(bytes.TrimLeft(raw[end+1:], " \t\r\n"))
	if base, ok := strings.CutSuffix(name, "*"); ok {
		name, p.extended = base, true
	}
	if i := strings.LastIndexByte(name, '*'); i >= 0 {
		if n, err := strconv.Atoi(name[i+1:]); err == nil && n >= 0 && n < maxParams {
			name, p.index = name[:i], n
		}
	}
	return name, p, rest
}

// paramValue reads a quoted or a plain value. A plain one goes to the next semicolon, because many
// programs forget to quote names with blanks; a quote that never ends goes to the end.
func paramValue(raw []byte) (value, rest []byte) {
	if len(raw) == 0 || raw[0] != '"' {
		if i := bytes.IndexByte(raw, ';'); i >= 0 {
			return bytes.TrimSpace(raw[:i]), raw[i+1:]
		}
		return bytes.TrimSpace(raw), nil
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
			if j := bytes.IndexByte(rest, ';'); j >= 0 {
				return value, rest[j+1:]
			}
			return value, nil
		default:
			value = append(value, raw[i])
		}
	}
	return value, nil
}

// joinPieces puts a value together and decodes it.
func joinPieces(list []piece, hint string) string {
	sort.SliceStable(list, func(i, j int) bool { return list[i].index < list[j].index })
	if plain, ok := preferExtended(list); ok {
		list = plain
	}
	var content []byte
	charset := ""
	extended := false
	for i, p := range list {
		value := p.value
		if p.extended {
			extended = true
			if i == 0 {
				if parts := bytes.SplitN(value, []byte{'\''}, 3); len(parts) == 3 {
					charset, value = string(parts[0]), parts[2]
				}
			}
			value = decodePercent(value)
		}
		content = append(content, value...)
	}
	if extended {
		return cleanLine(decodeText(content, charset, hint))
	}
	return cleanLine(decodeWords(content, hint))
}

// preferExtended handles a value given twice, plainly and extended: the extended one counts.
func preferExtended(list []piece) ([]piece, bool) {
	if len(list) < 2 || list[1].index != 0 {
		return nil, false
	}
	for _, p := range list {
		if p.extended {
			return []piece{p}, true
		}
	}
	return list[:1], true
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
