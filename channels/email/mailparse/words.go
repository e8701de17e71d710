package mailparse

import (
	"bytes"
	"strings"
)

// encodedWord is one =?charset?encoding?text?= of RFC 2047, its bytes decoded but not its charset.
type encodedWord struct {
	charset string
	content []byte
	size    int // bytes it takes in the header
}

// maxWord bounds an encoded word; the standard allows 75 bytes, some programs put a whole header in one.
const maxWord = 8 << 10

// readWord reads an encoded word at the start of raw, forgiving blanks and missing padding in it.
func readWord(raw []byte) (encodedWord, bool) {
	if len(raw) < 6 || raw[0] != '=' || raw[1] != '?' {
		return encodedWord{}, false
	}
	raw = raw[:min(len(raw), maxWord)]
	charset, rest, found := bytes.Cut(raw[2:], []byte{'?'})
	if !found || len(charset) > 40 || len(charset) == 0 || len(rest) < 2 || rest[1] != '?' || bytes.ContainsAny(charset, " \t=") {
		return encodedWord{}, false
	}
	text := rest[2:]
	end := bytes.Index(text, []byte("?="))
	if end < 0 {
		return encodedWord{}, false
	}
	if end == 0 && len(text) > 3 && isQuoted(rest[0]) { // =?utf-8?q?=C3=A9?=: the text itself begins with =
		if next := bytes.Index(text[1:], []byte("?=")); next >= 0 && hexPair(text[1:]) {
			end = next + 1
		}
	}
	w := encodedWord{charset: string(charset), size: len(raw) - len(rest) + 2 + end + 2}
	text = text[:end]
	switch {
	case isQuoted(rest[0]):
		w.content = decodeQuoted(bytes.ReplaceAll(text, []byte{'_'}, []byte{' '}))
	case rest[0] == 'B' || rest[0] == 'b':
		w.content = decodeBase64(text)
	default:
		return encodedWord{}, false
	}
	return w, true
}

func isQuoted(b byte) bool { return b == 'Q' || b == 'q' }

func hexPair(b []byte) bool {
	return len(b) >= 2 && b[0] == '=' && hexValue(b[1]) < 16
}

// decodeWords decodes a header value: encoded words wherever they stand, raw bytes by hint. Words of
// one charset side by side are joined before they are decoded, because many programs cut characters
// in two; the blanks between encoded words go.
func decodeWords(raw []byte, hint string) string {
	first := bytes.Index(raw, []byte("=?"))
	if first < 0 {
		return decodeBytes(raw, hint)
	}
	var out strings.Builder
	var pending encodedWord
	flush := func() {
		if pending.content != nil {
			out.WriteString(decodeText(pending.content, pending.charset, hint))
		}
		pending = encodedWord{}
	}
	plain := 0 // where undecoded bytes begin
	for i := first; i < len(raw); {
		word, ok := readWord(raw[i:])
		if !ok {
			next := bytes.Index(raw[i+1:], []byte("=?"))
			if next < 0 {
				break
			}
			i += 1 + next
			continue
		}
		if between := raw[plain:i]; len(bytes.TrimSpace(between)) > 0 || pending.content == nil {
			flush()
			out.WriteString(decodeBytes(between, hint))
		}
		if pending.content != nil && !strings.EqualFold(pending.charset, word.charset) {
			flush()
		}
		pending.charset = word.charset
		pending.content = append(pending.content, word.content...)
		if pending.content == nil {
			pending.content = []byte{}
		}
		i += word.size
		plain = i
	}
	flush()
	out.WriteString(decodeBytes(raw[plain:], hint))
	return out.String()
}

// charsetHint returns the charset that the mail's own labels speak of, for bytes without a label: its
// encoded words, its type, or the first label in its parts.
func charsetHint(h header, body []byte) string {
	for _, name := range []string{"subject", "from", "to"} {
		value := h.get(name)
		if i := bytes.Index(value, []byte("=?")); i >= 0 {
			if word, ok := readWord(value[i:]); ok {
				if charset := charsetName(word.charset); charset != "utf-8" && charset != "us-ascii" {
					return charset
				}
			}
		}
	}
	for _, place := range [][]byte{h.get("content-type"), body[:min(len(body), 4<<10)]} {
		if charset := charsetName(labelIn(place)); charset != "utf-8" && charset != "us-ascii" {
			return charset
		}
	}
	return ""
}

// indexFold returns where lower, a word in lower-case ASCII, first stands in raw in any case, or -1.
// (Lowering raw first would move the places of what follows.)
func indexFold(raw []byte, lower string) int {
	for i := 0; i+len(lower) <= len(raw); i++ {
		j := 0
		for j < len(lower) && (raw[i+j] == lower[j] || raw[i+j]|0x20 == lower[j] && isASCIILetter(raw[i+j])) {
			j++
		}
		if j == len(lower) {
			return i
		}
	}
	return -1
}

// labelIn returns the first value of "charset=" in raw, or "".
func labelIn(raw []byte) string {
	i := indexFold(raw, "charset=")
	if i < 0 {
		return ""
	}
	rest := bytes.TrimLeft(raw[i+len("charset="):], `"' `)
	end := bytes.IndexAny(rest, "\"' ;/>\r\n\t")
	if end < 0 {
		end = len(rest)
	}
	if end > 40 {
		return ""
	}
	return string(rest[:end])
}
