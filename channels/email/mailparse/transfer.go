package mailparse

import (
	"bytes"
	"strings"
)

// decodeTransfer undoes a content transfer encoding. Broken encodings give what can be read of them;
// an unknown one leaves the bytes as they are.
func decodeTransfer(raw []byte, name string) []byte {
	name = strings.ToLower(strings.Trim(name, " \t\"';"))
	switch {
	case strings.HasPrefix(name, "quoted-printable"), name == "qp", name == "quoted":
		return decodeQuoted(raw)
	case strings.HasPrefix(name, "base64"), name == "b64":
		if start := bytes.TrimLeft(raw, "\r\n"); endsBase64(start) {
			return raw // plain words under a wrong label
		}
		return decodeBase64(raw)
	case name == "x-uuencode", name == "uuencode", name == "x-uue", name == "uue":
		if content, _, ok := decodeUU(raw); ok {
			return content
		}
	}
	return raw
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

// endsBase64 tells whether the line at the start of rest cannot be base64: words with blanks.
func endsBase64(rest []byte) bool {
	line := rest[:min(len(rest), 80)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimSpace(line)
	return bytes.Count(line, []byte{' '}) >= 2 || len(line) > 4 && bytes.Trim(line, "_-") == nil
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

// decodeUU decodes the first uuencoded file in raw and returns its name; false if there is none.
func decodeUU(raw []byte) (content []byte, name string, ok bool) {
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw)
		if name, ok = uuBegin(line); ok {
			break
		}
	}
	if !ok {
		return nil, "", false
	}
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw)
		if string(line) == "end" {
			break
		}
		content = appendUU(content, line)
	}
	return content, name, true
}

// uuBegin reads a line such as "begin 644 photo.jpg".
func uuBegin(line []byte) (name string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("begin "))
	if !ok || len(rest) < 5 {
		return "", false
	}
	mode, file, found := bytes.Cut(rest, []byte(" "))
	if !found || len(mode) < 3 || len(mode) > 4 || bytes.Trim(mode, "01234567") != nil && len(bytes.Trim(mode, "01234567")) > 0 {
		return "", false
	}
	return strings.TrimSpace(string(file)), len(file) > 0
}

func appendUU(out, line []byte) []byte {
	if len(line) == 0 {
		return out
	}
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
