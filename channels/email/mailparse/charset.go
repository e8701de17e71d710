package mailparse

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// decodeText turns bytes labelled with a charset into text. Labels are often missing or wrong, so:
// plain ASCII needs none; what is valid UTF-8 and cannot sensibly be the labelled charset is UTF-8;
// without a usable label the bytes are looked at, hint (the charset of another part of the same
// mail) first. Undecodable bytes become U+FFFD; NUL and a byte order mark go.
func decodeText(raw []byte, label, hint string) string {
	return withoutC1(withoutNUL(decodeLabelled(raw, charsetName(label), charsetName(hint))))
}

// withoutC1 gives the second set of control characters, which no mail means, the signs of Windows that
// were meant before some program took them for Latin 1.
func withoutC1(s string) string {
	for i := strings.IndexByte(s, 0xc2); i >= 0 && i+1 < len(s); {
		if s[i+1] < 0xa0 {
			return strings.Map(func(r rune) rune {
				if r >= 0x80 && r < 0xa0 && r != 0x85 {
					return charmap.Windows1252.DecodeByte(byte(r))
				}
				return r
			}, s)
		}
		next := strings.IndexByte(s[i+1:], 0xc2)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return s
}

// decodeBytes decodes raw header bytes, which have no label.
func decodeBytes(raw []byte, hint string) string { return decodeText(raw, "", hint) }

func decodeLabelled(raw []byte, name, hint string) string {
	wide := strings.HasPrefix(name, "utf-16") || name == "utf-32"
	plain := isASCII(raw)
	if plain && !wide && name != "utf-7" && !isShifted(raw) {
		return string(raw)
	}
	if text, ok := decodeMarked(raw); ok {
		return text
	}
	switch {
	case wide:
		if text, ok := decodeWide(raw, name); ok {
			return text
		}
		name = ""
	case name == "utf-7":
		return decodeUTF7(raw)
	case isShifted(raw) && (plain || strings.HasPrefix(name, "iso-2022")):
		if text, ok := decodeShifted(raw, name); ok {
			return text
		}
	}
	if isTrueUTF8(raw, name) {
		return string(raw)
	}
	if text, ok := decodeAs(raw, trueCharset(raw, name)); ok {
		return text
	}
	if hint != name {
		if text, ok := decodeAs(raw, hint); ok {
			return text
		}
	}
	return decodeGuessed(raw)
}

// isTrueUTF8 tells whether bytes are UTF-8 whatever they are called. Pairs of bytes in a charset of
// two bytes a letter may look like it, so under such a name there must be many.
func isTrueUTF8(raw []byte, name string) bool {
	if !utf8.Valid(raw) {
		return false
	}
	if !isMultiByte(name) {
		return true
	}
	weight := 0
	sample := raw[:min(len(raw), 64<<10)]
	for i, r := range string(sample) {
		alone := i > 0 && isASCIILetter(sample[i-1]) && i+2 < len(sample) && sample[i+2] < utf8.RuneSelf
		switch {
		case r == utf8.RuneError || r < utf8.RuneSelf:
		case r >= 0x800 || alone:
			weight += 3 // three bytes that fit, or an accent within a word
		default:
			weight++
		}
	}
	return weight >= 4
}

// trueCharset corrects a label that the bytes show to be wrong: a standard charset that cannot have
// bytes which its sibling of Windows has, or Western for words that are not.
func trueCharset(raw []byte, name string) string {
	name = trueSibling(raw, name)
	if name != "windows-1252" && name != "us-ascii" {
		return name
	}
	sample := sampleOf(raw)
	if c := countBytes(sample); c.high < 8 || c.high*2 < c.words {
		return name
	}
	if guess, sure := guessAlphabet(sample); sure {
		return guess
	}
	if guess := guessEastAsian(sample); guess != "" {
		return guess
	}
	return name
}

// trueSibling returns the charset of Windows for a standard one if the bytes use its places.
func trueSibling(raw []byte, name string) string {
	sibling, known := siblings[name]
	if !known {
		return name
	}
	for _, b := range raw {
		if b >= 0x80 && b < 0xa0 && b != 0x85 {
			return sibling
		}
	}
	return name
}

// sampleOf returns the bytes from which a charset is guessed: some from the first above ASCII on.
func sampleOf(raw []byte) []byte {
	begin := 0
	for begin < len(raw) && raw[begin] < utf8.RuneSelf {
		begin++
	}
	begin = max(begin-512, 0)
	return raw[begin:min(len(raw), begin+8<<10)]
}

// decodeAs decodes by a named charset; false if there is no such charset or the bytes cannot be it.
func decodeAs(raw []byte, name string) (string, bool) {
	if name == "" {
		return "", false
	}
	if name == "utf-8" || name == "us-ascii" {
		return decodeMixed(raw)
	}
	table := charsetOf(name)
	if table == nil {
		return "", false
	}
	if _, single := table.(*charmap.Charmap); single && hasUTF8Line(raw) {
		return decodeMixed(raw)
	}
	text, err := table.NewDecoder().Bytes(raw)
	if err != nil {
		return "", false
	}
	bad := bytes.Count(text, []byte("\uFFFD"))
	if bad > 0 && (utf8.Valid(raw) || bad > 2+len(text)/100) {
		return "", false
	}
	return string(text), true
}

// decodeMixed accepts bytes that are UTF-8 but for a few broken characters, such as one cut in two,
// and lines in another charset, such as those that a program in between added.
func decodeMixed(raw []byte) (string, bool) {
	good, bad := countUTF8(raw)
	if bad == 0 || good >= 3*bad {
		if !hasUTF8Line(raw) {
			return strings.ToValidUTF8(string(raw), "\uFFFD"), true
		}
	} else if !hasUTF8Line(raw) {
		return "", false
	}
	var other []byte // the lines in another charset, by which it is guessed
	for line := range bytes.Lines(raw) {
		if good, bad := countUTF8(line); good < 3*bad && len(other) < 8<<10 {
			other = append(other, line...)
		}
	}
	charset := guessOne(other)
	var out strings.Builder
	out.Grow(len(raw) + len(raw)/8)
	for line := range bytes.Lines(raw) {
		if good, bad := countUTF8(line); good < 3*bad {
			if text, err := charsetOf(charset).NewDecoder().Bytes(line); err == nil {
				line = text
			}
		}
		out.WriteString(strings.ToValidUTF8(string(line), "\uFFFD"))
	}
	return out.String(), true
}

// countUTF8 counts the characters above ASCII that are UTF-8, and those that are not or are cut.
func countUTF8(raw []byte) (good, bad int) {
	broken := false
	for len(raw) > 0 {
		if raw[0] < utf8.RuneSelf {
			raw, broken = raw[1:], false
			continue
		}
		r, size := utf8.DecodeRune(raw)
		switch {
		case r != utf8.RuneError || size > 1:
			good++
			broken = false
		case !broken || utf8.RuneStart(raw[0]):
			bad++
			broken = true
		}
		raw = raw[size:]
	}
	return good, bad
}

// hasUTF8Line tells whether, beside other lines, a whole line is UTF-8 beyond doubt.
func hasUTF8Line(raw []byte) bool {
	if bytes.IndexByte(raw, '\n') < 0 {
		return false
	}
	for line := range bytes.Lines(raw) {
		if good, bad := countUTF8(line); good >= 2 && bad == 0 {
			return true
		}
	}
	return false
}

// guessOne names a charset that we can decode, the likeliest.
func guessOne(sample []byte) string {
	for _, name := range guessCharsets(sample) {
		if charsetOf(name) != nil {
			return name
		}
	}
	return "windows-1252"
}

// decodeGuessed names the charset from the bytes alone.
func decodeGuessed(raw []byte) string {
	if text, ok := decodeMixed(raw); ok {
		return text
	}
	for _, name := range guessCharsets(sampleOf(raw)) {
		if text, ok := decodeAs(raw, trueSibling(raw, name)); ok {
			return text
		}
	}
	if text, err := charmap.Windows1252.NewDecoder().Bytes(raw); err == nil {
		return string(text)
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

func isASCII(raw []byte) bool {
	for _, b := range raw {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isShifted tells of the escapes of ISO 2022 and HZ, in which all bytes are ASCII.
func isShifted(raw []byte) bool {
	return bytes.IndexByte(raw, 0x1b) >= 0 && (bytes.Contains(raw, []byte("\x1b$")) || bytes.Contains(raw, []byte("\x1b("))) ||
		bytes.IndexByte(raw, 0x0e) >= 0 && bytes.IndexByte(raw, 0x0f) >= 0 ||
		bytes.Contains(raw, []byte("~{")) && bytes.Contains(raw, []byte("~}"))
}

// decodeShifted decodes by the escapes, whatever the label says; false if they belong to no charset.
func decodeShifted(raw []byte, name string) (string, bool) {
	switch {
	case bytes.Contains(raw, []byte("\x1b$)C")), name == "iso-2022-kr":
		text, err := korean.EUCKR.NewDecoder().Bytes(liftShifted(raw))
		return string(text), err == nil
	case bytes.Contains(raw, []byte("\x1b$)A")), name == "iso-2022-cn":
		text, err := simplifiedchinese.GBK.NewDecoder().Bytes(liftShifted(raw))
		return string(text), err == nil
	case bytes.IndexByte(raw, 0x1b) >= 0:
		return decodeAs(raw, "iso-2022-jp")
	case name == "" || name == "us-ascii" || name == "hz-gb-2312":
		return decodeAs(raw, "hz-gb-2312")
	}
	return "", false
}

// liftShifted turns the two-byte letters between the bytes SO and SI into those of the EUC charset of
// the same letters, and drops the escapes (RFC 1557, RFC 1922).
func liftShifted(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	shifted := false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case b == 0x0e || b == 0x0f:
			shifted = b == 0x0e
		case b == 0x1b && i+3 < len(raw) && raw[i+1] == '$':
			i += 3
		case shifted && b > ' ':
			out = append(out, b|0x80)
		default:
			shifted = shifted && b != '\n'
			out = append(out, b)
		}
	}
	return out
}

func withoutNUL(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}
