package mailparse

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// encodedWord is one =?charset?encoding?text?= of RFC 2047, as it stands.
type encodedWord struct {
	charset  string
	encoding byte // 'q' or 'b'; what the text is, if the letter is wrong
	text     []byte
	size     int // bytes it takes in the header
}

// maxWord bounds an encoded word; the standard allows 75 bytes, some programs put a whole header in one.
const maxWord = 8 << 10

// readWord reads an encoded word at the start of raw, forgiving blanks in it. One that never ends
// goes to the end, or to the blank that no base64 has, if open is set.
func readWord(raw []byte, open bool) (encodedWord, bool) {
	if len(raw) < 6 || raw[0] != '=' || raw[1] != '?' {
		return encodedWord{}, false
	}
	raw = raw[:min(len(raw), maxWord)]
	charset, rest, _ := bytes.Cut(raw[2:], []byte{'?'})
	letter, text, found := bytes.Cut(rest, []byte{'?'})
	charset, letter = bytes.TrimSpace(charset), bytes.TrimSpace(letter)
	if !found || len(charset) > 40 || len(letter) != 1 || !isASCIILetter(letter[0]) || bytes.ContainsAny(charset, " \t=") {
		return encodedWord{}, false
	}
	w := encodedWord{charset: string(charset), encoding: letter[0] | 0x20}
	begin := len(raw) - len(text)
	end := wordEnd(text, w.encoding)
	if inner := bytes.Index(text[:max(end, 0)], []byte("=?")); end < 0 || inner >= 0 && inner != end-1 {
		if !open || !isCharset(w.charset) {
			return encodedWord{}, false
		}
		if end = openEnd(text, w.encoding); end == 0 {
			return encodedWord{}, false
		}
		w.size = begin + end
		text = bytes.TrimRight(text[:end], "?")
	} else {
		w.size = begin + end + 2
		text = text[:end]
	}
	w.text, w.encoding = text, trueEncoding(text, w.encoding)
	return w, true
}

// wordEnd returns where the "?=" is that ends a word's text, or -1. In =?utf-8?q?=C3=A9?= and
// =?utf-8?q?so?=3F?= the first one belongs to the text.
func wordEnd(text []byte, encoding byte) int {
	end := bytes.Index(text, []byte("?="))
	if end < 0 || encoding != 'q' || !hexPair(text[end+1:]) {
		return end
	}
	blank := bytes.IndexAny(text, " \t")
	next := bytes.Index(text[end+2:], []byte("?="))
	if next >= 0 && (blank < 0 || end+2+next < blank) {
		return end + 2 + next
	}
	return end
}

// openEnd returns where a word without an end stops.
func openEnd(text []byte, encoding byte) int {
	end := len(text)
	if i := bytes.Index(text, []byte("=?")); i >= 0 {
		end = i
	}
	if encoding != 'q' {
		if i := bytes.IndexAny(text[:end], " \t\"<"); i >= 0 {
			end = i
		}
	}
	return end
}

// trueEncoding tells how a text is really encoded: some programs write the wrong letter.
func trueEncoding(text []byte, letter byte) byte {
	if letter == 'q' && len(text) < 16 {
		return 'q'
	}
	plain := 0 // bytes that base64 never has, or has only at the end
	for i, b := range text {
		if base64Value[b] > 63 && !isBlank(b) && (b != '=' || i+2 < len(text)) || b == '_' {
			plain++
		}
	}
	switch {
	case letter == 'b' && (plain == 0 || !hexPairInside(text) && plain*8 < len(text)):
		return 'b'
	case plain > 0 || len(text)%4 != 0:
		return 'q'
	}
	if content := decodeBase64(text); utf8.Valid(content) && bytes.IndexFunc(content, isControlRune) < 0 {
		return 'b'
	}
	return 'q'
}

func isControlRune(r rune) bool { return r < ' ' || r == 0x7f }

func hexPair(b []byte) bool {
	return len(b) >= 3 && b[0] == '=' && hexValue(b[1]) < 16 && hexValue(b[2]) < 16
}

func hexPairInside(text []byte) bool {
	for i := bytes.IndexByte(text, '='); i >= 0 && i+2 < len(text); {
		if hexPair(text[i:]) {
			return true
		}
		next := bytes.IndexByte(text[i+1:], '=')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return false
}

// wordRun is encoded words of one charset side by side. They are joined before they are decoded,
// because many programs cut characters in two, and some cut groups of base64.
type wordRun struct {
	charset string
	content []byte
	group   []byte // base64 that was not decoded yet
	started bool
}

func (r *wordRun) add(w encodedWord) {
	r.started, r.charset = true, w.charset
	if w.encoding == 'b' {
		if over := len(r.group) % 4; over == 0 || over != 1 && (over+len(w.text))%4 != 0 || bytes.IndexByte(r.group, '=') >= 0 {
			r.settle() // a whole group, or padding is missing
		}
		r.group = append(r.group, w.text...)
		return
	}
	r.settle()
	r.content = append(r.content, decodeQuoted(bytes.ReplaceAll(w.text, []byte{'_'}, []byte{' '}))...)
}

func (r *wordRun) settle() {
	r.content = append(r.content, decodeBase64(r.group)...)
	r.group = nil
}

// decodeWords decodes a header value: encoded words wherever they stand, raw bytes by hint. The blanks
// between encoded words go.
func decodeWords(raw []byte, hint string) string {
	text := decodeWordsOnce(raw, hint)
	if strings.HasPrefix(text, "=?") && strings.HasSuffix(text, "?=") && text != string(raw) {
		return decodeWordsOnce([]byte(text), hint) // encoded twice on the way
	}
	return text
}

func decodeWordsOnce(raw []byte, hint string) string {
	first := bytes.Index(raw, []byte("=?"))
	if first < 0 {
		return decodeBytes(raw, hint)
	}
	var out strings.Builder
	var run wordRun
	flush := func() {
		if run.started {
			run.settle()
			out.WriteString(decodeText(run.content, run.charset, hint))
		}
		run = wordRun{}
	}
	plain := 0 // where undecoded bytes begin
	for i := first; i < len(raw); {
		word, ok := readWord(raw[i:], true)
		if !ok {
			next := bytes.Index(raw[i+1:], []byte("=?"))
			if next < 0 {
				break
			}
			i += 1 + next
			continue
		}
		if between := raw[plain:i]; len(bytes.TrimSpace(between)) > 0 || !run.started {
			flush()
			out.WriteString(decodeBytes(between, hint))
		}
		if run.started && !strings.EqualFold(run.charset, word.charset) {
			flush()
		}
		run.add(word)
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
			if word, ok := readWord(value[i:], true); ok {
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
