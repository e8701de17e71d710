package mailwrite

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/deskbell/deskbell/inbox"
)

// Limits of what a header may carry, in bytes.
const (
	maxText    = 2000 // a subject
	maxName    = 300  // a display name or file name
	maxAddress = 320
	lineLength = 76
)

func appendBase64(out, content []byte) []byte { return base64.StdEncoding.AppendEncode(out, content) }

// oneLine makes s fit for a header: valid UTF-8 in one line without control characters, at most
// limit bytes.
func oneLine(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}), " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// encodeText writes unstructured text, folded; used is what the first line already holds.
func encodeText(s string, used int) string {
	s = oneLine(s, maxText)
	if isPlain(s) {
		return fold(strings.Split(s, " "), used)
	}
	return fold(encodedWords(s), used)
}

// isPlain tells whether text may stand in a header as it is: ASCII that nobody takes for an encoded
// word, without words too long for a line.
func isPlain(s string) bool {
	word := 0
	for i := range len(s) {
		if s[i] >= 0x7f {
			return false
		}
		if word++; s[i] == ' ' {
			word = 0
		}
		if word > lineLength {
			return false
		}
	}
	return !strings.Contains(s, "=?")
}

// fold joins words by blanks and begins a new line where one would become too long.
func fold(words []string, used int) string {
	var out strings.Builder
	for i, word := range words {
		if i > 0 {
			if used+1+len(word) > lineLength {
				out.WriteString("\r\n")
				used = 0
			}
			out.WriteByte(' ')
			used++
		}
		out.WriteString(word)
		used += len(word)
	}
	return out.String()
}

// encodedWords cuts s into encoded words of RFC 2047, each of whole characters and at most 75 bytes:
// readable ones for text that is mostly ASCII, else base64.
func encodedWords(s string) []string {
	high := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			high++
		}
	}
	wrap, cost, limit := wordQ, costQ, 60
	if high*3 > len(s) {
		wrap, cost, limit = wordB, utf8.RuneLen, 45
	}
	var words []string
	begin, used := 0, 0
	for i, r := range s {
		if c := cost(r); used+c > limit {
			words = append(words, wrap(s[begin:i]))
			begin, used = i, c
		} else {
			used += c
		}
	}
	return append(words, wrap(s[begin:]))
}

func wordB(s string) string {
	return "=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

func wordQ(s string) string {
	var out strings.Builder
	out.WriteString("=?utf-8?q?")
	for i := range len(s) {
		switch b := s[i]; {
		case b == ' ':
			out.WriteByte('_')
		case isLetterOrDigit(b):
			out.WriteByte(b)
		default:
			writeHex(&out, '=', b)
		}
	}
	out.WriteString("?=")
	return out.String()
}

// costQ is the number of bytes a character takes in wordQ.
func costQ(r rune) int {
	if r == ' ' || r < utf8.RuneSelf && isLetterOrDigit(byte(r)) {
		return 1
	}
	return 3 * utf8.RuneLen(r)
}

func isLetterOrDigit(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

func writeHex(out *strings.Builder, mark, b byte) {
	const digits = "0123456789ABCDEF"
	out.WriteByte(mark)
	out.WriteByte(digits[b>>4])
	out.WriteByte(digits[b&15])
}

// formatAddresses writes a list, one address a line.
func formatAddresses(list []inbox.Address) (string, error) {
	formatted := make([]string, 0, len(list))
	for _, a := range list {
		one, err := formatAddress(a)
		if err != nil {
			return "", err
		}
		formatted = append(formatted, one)
	}
	return strings.Join(formatted, ",\r\n "), nil
}

// formatAddress writes "name <address>", the name as an atom, a quoted string or encoded words.
func formatAddress(a inbox.Address) (string, error) {
	address, err := asciiAddress(a.Address)
	if err != nil {
		return "", err
	}
	name := oneLine(a.Name, maxName)
	switch {
	case name == "":
		return address, nil
	case !isPlain(name):
		name = fold(encodedWords(name), len("From: "))
	case strings.Trim(name, phraseBytes) != "":
		name = quote(name)
	}
	return name + "\r\n <" + address + ">", nil
}

// phraseBytes may stand in a display name without quotes.
const phraseBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&'*+-/=?^_`{|}~"

// asciiAddress checks an address and writes its domain in ASCII. A local part that is not ASCII would
// need servers that few have, so it is refused.
func asciiAddress(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at == len(address)-1 || len(address) > maxAddress {
		return "", inbox.Errorf(inbox.Invalid, "an address of the reply is not complete")
	}
	local, domain := address[:at], address[at+1:]
	if strings.Trim(local, phraseBytes+".") != "" || strings.Contains(local, " ") {
		return "", inbox.Errorf(inbox.Invalid, "an address of the reply has characters that mail cannot carry")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || ascii == "" || strings.Trim(ascii, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") != "" {
		return "", &inbox.Error{Code: inbox.Invalid, Msg: "an address of the reply has no valid domain", Err: err}
	}
	return local + "@" + ascii, nil
}

// cleanToken returns s if it is a keyword, else "".
func cleanToken(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") != "" || len(s) > 64 {
		return ""
	}
	return s
}

// cleanType returns a media type that may carry base64, else application/octet-stream.
func cleanType(kind string) string {
	kind = strings.ToLower(strings.TrimSpace(kind))
	major, minor, found := strings.Cut(kind, "/")
	const tokens = "abcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-"
	if !found || major == "" || minor == "" || len(kind) > 127 || strings.Trim(major+minor, tokens) != "" || major == "multipart" || major == "message" {
		return "application/octet-stream"
	}
	return kind
}

// fileName writes the filename parameter: quoted if it is ASCII, else as RFC 2231 has it, in pieces
// that fit a line.
func fileName(name string) string {
	name = oneLine(name, maxName)
	if name == "" {
		return ""
	}
	if isPlain(name) && len(name) <= 60 {
		return ";\r\n filename=" + quote(name)
	}
	var pieces []string
	var piece strings.Builder
	for _, r := range name {
		one := percent(string(r))
		if piece.Len()+len(one) > 54 {
			pieces = append(pieces, piece.String())
			piece.Reset()
		}
		piece.WriteString(one)
	}
	pieces = append(pieces, piece.String())
	if len(pieces) == 1 {
		return ";\r\n filename*=utf-8''" + pieces[0]
	}
	var out strings.Builder
	for i, p := range pieces {
		out.WriteString(";\r\n filename*" + strconv.Itoa(i) + "*=")
		if i == 0 {
			out.WriteString("utf-8''")
		}
		out.WriteString(p)
	}
	return out.String()
}

// oldName writes the name parameter of Content-Type for programs that know nothing of RFC 2231.
func oldName(name string) string {
	name = oneLine(name, maxName)
	switch {
	case name == "":
		return ""
	case isPlain(name) && len(name) <= 60:
		return ";\r\n name=" + quote(name)
	}
	return ";\r\n name=\"" + strings.Join(encodedWords(name), "\r\n ") + `"`
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func percent(s string) string {
	var out strings.Builder
	for i := range len(s) {
		if b := s[i]; isLetterOrDigit(b) || b == '.' || b == '-' || b == '_' {
			out.WriteByte(b)
		} else {
			writeHex(&out, '%', b)
		}
	}
	return out.String()
}
