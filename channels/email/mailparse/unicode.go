package mailparse

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeMarked decodes text that begins with a byte order mark.
func decodeMarked(raw []byte) (string, bool) {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(raw[3:]), "\uFFFD"), true
	case bytes.HasPrefix(raw, []byte("\xff\xfe\x00\x00")):
		return decodeUTF32(raw[4:], false), true
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		return decodeUTF16(raw[2:], false), true
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return decodeUTF16(raw[2:], true), true
	}
	return "", false
}

// decodeWide decodes bytes labelled with one of the wide forms of Unicode and without a mark. Which
// byte comes first is seen from the bytes, because labels lie about it. False if the bytes are none
// of these forms: those have control characters or hardly any ASCII.
func decodeWide(raw []byte, name string) (string, bool) {
	if looksASCII(raw) && bytes.IndexFunc(raw, isOddControl) < 0 {
		return "", false
	}
	if name == "utf-32" {
		return decodeUTF32(raw, len(raw) > 0 && raw[0] == 0), true
	}
	big, little := commonUnits(raw)
	if big == little {
		return decodeUTF16(raw, name != "utf-16le"), true
	}
	return decodeUTF16(raw, big > little), true
}

func isOddControl(r rune) bool { return isControlRune(r) && r != '\n' && r != '\r' && r != '\t' }

// looksASCII tells whether nearly all bytes are ASCII.
func looksASCII(raw []byte) bool {
	high := 0
	for _, b := range raw {
		if b >= utf8.RuneSelf {
			high++
		}
	}
	return high*4 <= len(raw)
}

// commonUnits counts the common characters that the bytes are with the high byte first, and last.
func commonUnits(raw []byte) (big, little int) {
	common := func(high, low byte) int {
		switch {
		case high == 0 && (low >= ' ' || low == '\n' || low == '\r' || low == '\t'):
			return 4
		case high > 0 && high <= 0x06, high >= 0x30 && high <= 0x9f, high >= 0xac && high <= 0xd7, high == 0xff, high == 0x20:
			return 1
		}
		return 0
	}
	raw = raw[:min(len(raw), 8<<10)]
	for i := 0; i+1 < len(raw); i += 2 {
		big += common(raw[i], raw[i+1])
		little += common(raw[i+1], raw[i])
	}
	return big, little
}

func decodeUTF16(raw []byte, bigEndian bool) string {
	var out strings.Builder
	out.Grow(len(raw))
	units := make([]uint16, 0, 4<<10)
	for i := 0; i+1 < len(raw); i += 2 {
		unit := uint16(raw[i+1])<<8 | uint16(raw[i])
		if bigEndian {
			unit = uint16(raw[i])<<8 | uint16(raw[i+1])
		}
		units = append(units, unit)
		if len(units) >= 4<<10-1 && !utf16.IsSurrogate(rune(unit)) {
			writeUnits(&out, units)
			units = units[:0]
		}
	}
	writeUnits(&out, units)
	return strings.TrimPrefix(out.String(), "\uFEFF")
}

func writeUnits(out *strings.Builder, units []uint16) {
	for _, r := range utf16.Decode(units) {
		out.WriteRune(r)
	}
}

func decodeUTF32(raw []byte, bigEndian bool) string {
	var out strings.Builder
	for i := 0; i+3 < len(raw); i += 4 {
		r := rune(raw[i+3])<<24 | rune(raw[i+2])<<16 | rune(raw[i+1])<<8 | rune(raw[i])
		if bigEndian {
			r = rune(raw[i])<<24 | rune(raw[i+1])<<16 | rune(raw[i+2])<<8 | rune(raw[i+3])
		}
		if !utf8.ValidRune(r) {
			r = utf8.RuneError
		}
		out.WriteRune(r)
	}
	return strings.TrimPrefix(out.String(), "\uFEFF")
}

// decodeUTF7 decodes RFC 2152, which some old programs still write.
func decodeUTF7(raw []byte) string {
	var out strings.Builder
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '+')
		if i < 0 {
			out.Write(raw)
			break
		}
		out.Write(raw[:i])
		raw = raw[i+1:]
		if len(raw) > 0 && raw[0] == '-' {
			out.WriteByte('+')
			raw = raw[1:]
			continue
		}
		n := 0
		for n < len(raw) && base64Value[raw[n]] < 64 && raw[n] != '-' && raw[n] != '_' {
			n++
		}
		units := decodeBase64(raw[:n])
		words := make([]uint16, 0, len(units)/2)
		for j := 0; j+1 < len(units); j += 2 {
			words = append(words, uint16(units[j])<<8|uint16(units[j+1]))
		}
		for _, r := range utf16.Decode(words) {
			out.WriteRune(r)
		}
		raw = raw[n:]
		if len(raw) > 0 && raw[0] == '-' {
			raw = raw[1:]
		}
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}
