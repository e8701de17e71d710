package mailparse

import (
	"bytes"
	"cmp"
	"strings"
	"unicode/utf8"
)

// maxAddresses bounds the addresses read of one kind.
const maxAddresses = 1000

// maxAddressBytes bounds one address with its name.
const maxAddressBytes = 8 << 10

// senderFields name the sender, the likeliest first. A mail without From still has an envelope.
var senderFields = []string{"from", "sender", "resent-from", "resent-sender", "reply-to", "return-path", "x-sender", "x-from",
	"envelope-from", "x-envelope-from", "x-original-from", mailboxSender}

// firstAddress returns the first whole address of the named fields. A field that holds a name or a
// local name only counts if none holds a whole address.
func firstAddress(h header, hint string, names ...string) Address {
	var partial Address
	for _, name := range names {
		for _, a := range addresses(h.all(name), hint) {
			if strings.IndexByte(a.Address, '@') > 0 {
				if a.Name == "" {
					a.Name = cmp.Or(partial.Name, partial.Address)
				}
				return a
			}
			if partial == (Address{}) {
				partial = a
			}
		}
	}
	return partial
}

// addresses reads address lists. The raw bytes are cut first and names decoded after, so that an
// undecodable name never costs its address.
func addresses(values [][]byte, hint string) []Address {
	var list []Address
	add := func(one []byte) {
		if a, ok := readAddress(one, hint); ok && len(list) < maxAddresses {
			list = append(list, a)
		}
	}
	for _, value := range values {
		value = plainLetters(value, hint)
		var half []byte // "Doe" of an unquoted "Doe, Jo <jo@home.example>"
		for pieces := 0; len(value) > 0 && pieces < 2*maxAddresses && len(list) < maxAddresses; pieces++ {
			var one []byte
			one, value = cutAddress(value)
			if half != nil && isOtherHalf(half, one) {
				comma := []byte{','}
				if bytes.TrimSpace(one)[0] == '<' {
					comma = nil
				}
				one = bytes.Join([][]byte{half, one}, comma)
			} else if half != nil {
				add(half)
			}
			if half = nil; isHalfName(one) {
				half = one
				continue
			}
			if words := bareAddresses(one); words != nil {
				for _, word := range words {
					add(word)
				}
				continue
			}
			add(one)
		}
		add(half)
	}
	return list
}

// plainLetters decodes a value in a charset of two bytes a letter, the second of which may look like
// a bracket, a quote or a comma.
func plainLetters(value []byte, hint string) []byte {
	if len(value) > maxFieldBytes || isASCII(value) && bytes.IndexByte(value, 0x1b) < 0 || utf8.Valid(value) && !isShifted(value) {
		return value
	}
	text := decodeBytes(value, hint)
	if strings.ContainsRune(text, utf8.RuneError) || strings.Count(text, "@") == 0 && bytes.IndexByte(value, '@') >= 0 {
		return value
	}
	if bytes.IndexByte(value, 0x1b) < 0 && strings.Count(text, "<") != bytes.Count(value, []byte{'<'}) {
		return value
	}
	return []byte(text)
}

// bareAddresses returns the addresses of a piece in which nothing but blanks parts them, or nil.
func bareAddresses(piece []byte) [][]byte {
	if bytes.Count(piece, []byte{'@'}) < 2 || bytes.ContainsAny(piece, `<>"()=[]`) {
		return nil
	}
	words := bytes.Fields(piece[:min(len(piece), maxAddressBytes)])
	for _, word := range words {
		if at := bytes.IndexByte(word, '@'); at <= 0 || at == len(word)-1 {
			return nil
		}
	}
	return words
}

// isHalfName tells whether a piece of a list may be the first half of a name with a comma.
func isHalfName(piece []byte) bool {
	return len(piece) <= 64 && len(bytes.TrimSpace(piece)) > 0 && !bytes.ContainsAny(piece, `@<>"=(:`)
}

// isOtherHalf tells whether a piece is an address that lacks the first half of its name: a name
// without quotes before it, or none at all after a half of several words.
func isOtherHalf(half, piece []byte) bool {
	i := bytes.IndexByte(piece, '<')
	if i < 0 || bytes.IndexByte(piece[i:], '@') <= 1 {
		return false
	}
	if len(bytes.TrimSpace(piece[:i])) == 0 {
		return bytes.IndexByte(bytes.TrimSpace(half), ' ') > 0
	}
	return bytes.IndexByte(piece[:i], '"') < 0
}

// cutAddress returns the first address of a list: up to a comma or semicolon outside quotes, <> and
// comments, within reasonable bounds. The name of a group ("friends: a, b;") is dropped.
func cutAddress(list []byte) (one, rest []byte) {
	raw := list[:min(len(list), 2*maxAddressBytes)]
	quoted, angle, depth, begin, open := false, false, 0, 0, 0
	lastAt := bytes.LastIndexByte(raw, '@')
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case quoted:
			if b == '\\' {
				i++
			} else if b == '"' {
				quoted = false
			}
		case b == '"' && closesLater(raw[i+1:]):
			quoted = true
		case b == '=' && i+1 < len(raw) && raw[i+1] == '?':
			if word, ok := readWord(raw[i:], false); ok {
				i += word.size - 1
			}
		case b == '(':
			depth++
		case b == ')':
			depth = max(depth-1, 0)
		case b == '<':
			angle, open = true, i
		case b == '>':
			if angle && commaIsMissing(raw[begin:i], raw[i+1:]) {
				return raw[begin : i+1], list[i+1:]
			}
			angle = false
		case b == ':' && !angle && depth == 0 && lastAt > i && !isMailto(raw[begin:i]) && bytes.IndexByte(raw[begin:i], '@') < 0:
			begin = i + 1
		case (b == ',' || b == ';') && depth == 0 && (!angle || b == ';' || bytes.IndexByte(raw[open:i], '@') > 1):
			return raw[begin:i], list[i+1:]
		}
	}
	if quoted || angle || depth > 0 { // something never ends: cut at the first comma after an address
		if at := bytes.IndexByte(raw[begin:], '@'); at >= 0 {
			if i := bytes.IndexByte(raw[begin+at:], ','); i >= 0 {
				return raw[begin : begin+at+i], list[begin+at+i+1:]
			}
		}
	}
	return raw[begin:], list[len(raw):]
}

// commaIsMissing tells whether, after a whole address in <>, another one begins without a comma.
func commaIsMissing(before, after []byte) bool {
	if at := bytes.LastIndexByte(before, '@'); at < 0 || at < bytes.LastIndexByte(before, '<') {
		return false
	}
	after = after[:min(len(after), 1000)]
	open := bytes.IndexAny(after, "<,;>")
	if open < 0 || after[open] != '<' {
		return false
	}
	end := bytes.IndexAny(after[open+1:], "<,;>")
	return end > 0 && after[open+1+end] == '>' && bytes.IndexByte(after[open:open+1+end], '@') > 0
}

func isMailto(word []byte) bool {
	word = word[bytes.LastIndexAny(word, " \t<[(")+1:]
	return bytes.EqualFold(word, []byte("mailto"))
}

// closesLater tells whether a quote that opens here is closed within a reasonable name. If a whole
// address and a comma lie before the next quote, that one opens another name.
func closesLater(raw []byte) bool {
	end := bytes.IndexByte(raw[:min(len(raw), 1000)], '"')
	if end < 0 {
		return false
	}
	comma := bytes.Index(raw[:end], []byte(">,"))
	return comma < 0 || bytes.IndexByte(raw[:comma], '@') < 0
}

// readAddress reads one address with its name; false if there is neither.
func readAddress(raw []byte, hint string) (Address, bool) {
	raw = bytes.TrimSpace(raw[:min(len(raw), maxAddressBytes)])
	if len(raw) == 0 || raw[len(raw)-1] == ':' { // nothing, or the name of an empty group
		return Address{}, false
	}
	name, spec, found := cutAngle(raw)
	if !found && bytes.Contains(raw, []byte("=?")) { // name and address may be one encoded word
		if decoded := decodeWords(raw, hint); strings.Contains(decoded, "@") {
			raw = []byte(cleanLine(decoded))
			name, spec, found = cutAngle(raw)
		}
	}
	if !found {
		name, spec = cutBare(raw)
	}
	a := Address{Name: readName(name, hint), Address: cleanAddress(spec, hint)}
	if strings.EqualFold(a.Name, a.Address) {
		a.Name = ""
	}
	return a, a.Name != "" || a.Address != ""
}

// cutAngle cuts "name <address>" at the last <> that holds an @. If the @ stands outside, as in
// "ann@home.example <Ann>", the halves are changed.
func cutAngle(raw []byte) (name, spec []byte, found bool) {
	open := bytes.LastIndexByte(raw, '<')
	if open < 0 {
		return nil, nil, false
	}
	end := len(raw)
	if i := bytes.IndexByte(raw[open:], '>'); i >= 0 {
		end = open + i
	}
	name, spec = bytes.Trim(raw[:open], " \t<"), raw[open+1:end]
	if end < len(raw)-1 && len(bytes.Trim(name, " \t<\"")) == 0 { // <address> name
		name = bytes.TrimLeft(raw[end+1:], "> ")
	}
	if bytes.IndexByte(spec, '@') >= 0 || bytes.IndexByte(name, '@') < 0 {
		return name, spec, true
	}
	if bytes.IndexByte(name, '<') >= 0 {
		return cutAngle(name)
	}
	inner, address := cutBare(name)
	if len(bytes.TrimSpace(inner)) == 0 {
		inner = spec
	}
	return inner, address, true
}

// cutBare cuts an address without <>: the word with the @, wherever it stands. The rest is the name,
// or else the comment: ann@home.example (Ann).
func cutBare(raw []byte) (name, spec []byte) {
	outside, comment := withoutComment(raw)
	if bytes.IndexByte(outside, '@') < 0 {
		switch {
		case bytes.IndexByte(comment, '@') >= 0: // Ann (ann@home.example)
			return outside, comment
		case len(comment) > 0 || bytes.ContainsAny(raw, " \"="):
			return raw, nil
		}
		return nil, raw // a local name
	}
	begin, end := addressWord(outside)
	name = append(append([]byte(nil), outside[:begin]...), outside[end:]...)
	name = bytes.TrimSuffix(bytes.TrimSpace(name), []byte("[]"))
	if len(bytes.Trim(name, " \t<>\"'")) == 0 {
		name = comment
	}
	return name, outside[begin:end]
}

// withoutComment takes the comment in parentheses out of an address without <>.
func withoutComment(raw []byte) (outside, comment []byte) {
	open := bytes.IndexByte(raw, '(')
	if open < 0 {
		return raw, nil
	}
	end := bytes.LastIndexByte(raw, ')')
	if end < open {
		end = len(raw)
	}
	outside = append(append([]byte(nil), raw[:open]...), raw[min(end+1, len(raw)):]...)
	return bytes.TrimSpace(outside), raw[open+1 : end]
}

// addressWord returns where the word with the first @ begins and ends. Blanks around the @ and in a
// quoted local part belong to it.
func addressWord(raw []byte) (begin, end int) {
	at := bytes.IndexByte(raw, '@')
	begin = at
	for begin > 0 && isBlank(raw[begin-1]) {
		begin--
	}
	if open := bytes.IndexByte(raw[:begin], '"'); open >= 0 && begin > 0 && raw[begin-1] == '"' && open < begin-1 {
		begin = open
	} else {
		begin = bytes.LastIndexAny(raw[:begin], " \t\"[") + 1
	}
	end = at + 1
	for end < len(raw) && isBlank(raw[end]) {
		end++
	}
	if i := bytes.IndexAny(raw[end:], " \t\"]"); i >= 0 {
		if raw[end] == '[' && raw[end+i] == ']' {
			i++ // a server named by its number
		}
		return begin, end + i
	}
	return begin, len(raw)
}

// readName decodes a display name: quotes and comments off, encoded words decoded even inside quotes.
func readName(raw []byte, hint string) string {
	raw = bytes.Trim(raw, " \t")
	if bytes.ContainsAny(raw, `\"`) {
		raw = unquote(raw)
	}
	name := cleanLine(decodeWords(raw, hint))
	for len(name) >= 2 && (name[0] == '"' && name[len(name)-1] == '"' || name[0] == '\'' && name[len(name)-1] == '\'' ||
		name[0] == '(' && name[len(name)-1] == ')' || name[0] == '[' && name[len(name)-1] == ']') {
		name = strings.TrimSpace(name[1 : len(name)-1])
	}
	return name
}

// unquote takes quotes off, and the backslash off quoted characters.
func unquote(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '"' {
			continue
		}
		if raw[i] == '\\' && i+1 < len(raw) && raw[i+1] < 0x80 {
			i++
		}
		out = append(out, raw[i])
	}
	return out
}

// cleanAddress takes blanks, control characters, quotes around the whole, a source route and mailto:
// off an address; "" if there is nothing before or after the @.
func cleanAddress(raw []byte, hint string) string {
	if len(raw) > 998 {
		return ""
	}
	address := strings.Trim(decodeWords(raw, hint), " \t<>,;()")
	if !strings.Contains(address, "@[") { // what closes the number of a server belongs to it
		address = strings.Trim(address, "[]")
	}
	if outer := strings.Trim(address, `"'`); strings.Contains(outer, "@") && !strings.ContainsAny(outer, `"`) {
		address = outer
	}
	if strings.ContainsAny(address, " \t") && strings.Contains(address, "@") {
		begin, end := addressWord([]byte(address))
		address = address[begin:end]
	}
	if i := strings.LastIndexByte(address, ':'); i >= 0 && (address[0] == '@' || strings.EqualFold(address[:i], "mailto")) {
		address = address[i+1:]
	}
	quoted := address != "" && address[0] == '"' // only there may a blank stand
	address = strings.Map(func(r rune) rune {
		if r == '@' {
			quoted = false
		}
		if r <= ' ' && !(r == ' ' && quoted) || r == 0x7f || r == '<' || r == '>' {
			return -1
		}
		return r
	}, address)
	address = strings.TrimRight(strings.Trim(strings.ReplaceAll(address, "@@", "@"), ",;'"), ".")
	if strings.HasPrefix(address, "@") || strings.HasSuffix(address, "@") {
		return ""
	}
	return address
}

// recipients returns the addresses that servers noted when they delivered the mail.
func recipients(h header) []string {
	var list []string
	seen := map[string]bool{}
	for _, f := range h {
		switch f.name {
		case "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-rcpt-to", "x-original-recipient",
			"original-recipient", "apparently-to", "x-apparently-to", "x-forwarded-to", "x-real-to", "x-mailgun-incoming-recipient":
		default:
			continue
		}
		value := f.value
		if i := bytes.Index(value, []byte("rfc822;")); i >= 0 {
			value = value[i+len("rfc822;"):]
		}
		for _, a := range addresses([][]byte{value}, "") {
			address := strings.ToLower(a.Address)
			if strings.Contains(address, "@") && !seen[address] && len(list) < 100 {
				seen[address] = true
				list = append(list, address)
			}
		}
	}
	return list
}

// PlainAddress takes the tag out of an address: "help@shop.example" for "help+tag@shop.example"
// (RFC 5233).
func PlainAddress(address string) (plain string, tagged bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address, false
	}
	local, _, tagged := strings.Cut(address[:at], "+")
	if !tagged || local == "" {
		return address, false
	}
	return local + address[at:], true
}
