package mailparse

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// encoding returns the content transfer encoding that a header names: "base64", "quoted-printable",
// "uuencode", or "" if the bytes are as they are. Of several fields the first that means anything
// counts, and spelling is forgiven.
func (h header) encoding() string {
	for _, f := range h {
		if f.name != "content-transfer-encoding" {
			continue
		}
		switch name := strings.ToLower(string(f.value)); {
		case strings.Contains(name, "base64"), strings.Contains(name, "base-64"), strings.Contains(name, "base 64"), strings.Contains(name, "b64"):
			return "base64"
		case strings.Contains(name, "quoted"), strings.Trim(name, "\"' ") == "qp":
			return "quoted-printable"
		case strings.Contains(name, "uue"):
			return "uuencode"
		}
	}
	return ""
}

// decodeTransfer undoes a content transfer encoding. Broken encodings give what can be read of them.
func decodeTransfer(raw []byte, encoding string) []byte {
	switch encoding {
	case "quoted-printable":
		if isPlainText(raw) {
			return raw
		}
		return decodeQuoted(raw)
	case "base64":
		if start := bytes.TrimLeft(raw, "\r\n \t"); endsBase64(start) {
			return raw // plain words under a wrong label
		}
		return decodeBase64(raw)
	case "uuencode":
		if content, ok := decodeUU(raw); ok {
			return content
		}
	}
	return raw
}

// decodeUndeclared decodes a text that is plainly base64 or quoted-printable though its header does
// not tell; false if it is not.
func decodeUndeclared(raw []byte) ([]byte, bool) {
	switch {
	case isQuotedText(raw):
		return decodeQuoted(raw), true
	case isBase64Text(raw):
		decoded := decodeBase64(raw)
		return decoded, utf8.Valid(decoded) && !looksBinary(decoded)
	}
	return nil, false
}

// isQuotedText tells whether every equal sign of a text is one of quoted-printable, and some of them are
// beyond doubt: bytes above ASCII, or the end of a line that was full.
func isQuotedText(raw []byte) bool {
	breaks, pairs, certain, column := 0, 0, 0, 0
	for {
		i := bytes.IndexByte(raw, '=')
		if i < 0 {
			return breaks > 0 && pairs > 0 && certain > 0
		}
		if end := bytes.LastIndexByte(raw[:i], '\n'); end >= 0 {
			column = -end - 1
		}
		column += i + 1
		switch {
		case hexPair(raw[i:]) && raw[i+1] <= 'F' && raw[i+2] <= 'F':
			pairs++
			if raw[i+1] >= '8' {
				certain++
			}
		case bytes.HasPrefix(raw[i+1:], []byte("\n")), bytes.HasPrefix(raw[i+1:], []byte("\r\n")):
			breaks++
			if column > 64 {
				certain++
			}
		default:
			return false
		}
		raw = raw[i+1:]
	}
}

// isPlainText tells whether a text called quoted-printable is not: it has equal signs that encode
// nothing, and none that certainly does. Some pairs of an address of a page look as if they did.
func isPlainText(raw []byte) bool {
	wrong := false
	for {
		i := bytes.IndexByte(raw, '=')
		if i < 0 {
			return wrong
		}
		raw = raw[i+1:]
		switch {
		case len(raw) < 2 || raw[0] <= ' ' || bytes.HasPrefix(raw, []byte("3D")) || bytes.HasPrefix(raw, []byte("20")):
			return false
		case hexValue(raw[0]) > 15 || hexValue(raw[1]) > 15:
			wrong = true
		case raw[0] >= '8' && raw[0] <= 'F' || raw[0] == '0':
			return false
		}
	}
}

// isBase64Text tells whether a text consists of lines of base64 alone, all of one length but the last.
func isBase64Text(raw []byte) bool {
	raw = bytes.TrimSpace(raw)
	width := 0
	for len(raw) > 0 {
		var line []byte
		if line, raw = cutLine(raw); width == 0 {
			width = len(line)
		}
		if len(line) > width || len(line) < width && len(raw) > 0 || len(line)%4 != 0 {
			return false
		}
		for i, b := range line {
			if base64Value[b] > 63 && (b != '=' || i < len(line)-2) {
				return false
			}
		}
	}
	return width >= 40
}

// base64Value maps a byte to its six bits; 255 means none. The alphabet of URLs is understood too.
var base64Value = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i, b := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[b] = byte(i)
	}
	table['-'], table['_'] = 62, 63
	return table
}()

// decodeBase64 decodes whatever base64 there is: bytes of no alphabet are skipped, padding may be
// missing or stand in the middle where two encodings were joined. A last line that is plainly text,
// such as what a mailing list appends, ends it.
func decodeBase64(raw []byte) []byte {
	out := make([]byte, 0, len(raw)/4*3+3)
	var bits uint32
	count := 0
	for i, b := range raw {
		value := base64Value[b]
		if value > 63 {
			if b == '=' {
				out = flushBits(out, bits, count)
				bits, count = 0, 0
			} else if b == '\n' && endsBase64(raw[i+1:]) {
				break
			}
			continue
		}
		bits = bits<<6 | uint32(value)
		if count++; count == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			bits, count = 0, 0
		}
	}
	return flushBits(out, bits, count)
}

// flushBits appends the whole bytes of an unfinished group.
func flushBits(out []byte, bits uint32, count int) []byte {
	switch count {
	case 2:
		return append(out, byte(bits>>4))
	case 3:
		return append(out, byte(bits>>10), byte(bits>>2))
	}
	return out
}

// endsBase64 tells whether the line at the start of rest cannot be base64: words with blanks. Base64
// that was parted by blanks has capitals and digits within its words.
func endsBase64(rest []byte) bool {
	line := rest[:min(len(rest), 80)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimSpace(line)
	if len(line) > 4 && len(bytes.Trim(line, "_-")) == 0 {
		return true
	}
	if bytes.Count(line, []byte{' '}) < 2 {
		return false
	}
	words, encoded := 0, 0
	for word := range bytes.FieldsSeq(line) {
		words++
		if bytes.ContainsAny(word[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=") {
			encoded++
		}
	}
	return encoded*2 < words
}

// decodeQuoted decodes quoted-printable and forgives what is not: bare equal signs stay.
func decodeQuoted(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '=')
		if i < 0 {
			return append(out, raw...)
		}
		out = append(out, raw[:i]...)
		raw = raw[i+1:]
		if len(raw) >= 2 {
			high, low := hexValue(raw[0]), hexValue(raw[1])
			if high < 16 && low < 16 {
				out = append(out, high<<4|low)
				raw = raw[2:]
				continue
			}
		}
		if n, ok := softBreak(raw); ok {
			raw = raw[n:]
			continue
		}
		out = append(out, '=')
	}
	return out
}

// softBreak returns the length of a line end, perhaps with blanks before it, at the start of raw.
func softBreak(raw []byte) (n int, ok bool) {
	for n < len(raw) && n < 80 && (raw[n] == ' ' || raw[n] == '\t' || raw[n] == '\r') {
		n++
	}
	if n == len(raw) {
		return n, true
	}
	return n + 1, raw[n] == '\n'
}

func hexValue(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return b - '0'
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10
	}
	return 255
}
