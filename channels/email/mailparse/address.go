package mailparse

import (
	"bytes"
	"strings"
)

// maxAddresses bounds the addresses read of one kind.
const maxAddresses = 1000

// maxAddressBytes bounds one address with its name.
const maxAddressBytes = 8 << 10

// firstAddress returns the first readable address of the named fields. A field that holds a name
// without an address counts only if none holds an address.
func firstAddress(h header, hint string, names ...string) Address {
	var named Address
	for _, name := range names {
		for _, a := range addresses(h.all(name), hint) {
			if a.Address != "" {
				if named.Name != "" && a.Name == "" {
					a.Name = named.Name
				}
				return a
			}
			if named.Name == "" {
				named = a
			}
		}
	}
	return named
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
		var half []byte // "Doe" of an unquoted "Doe, Jo <jo@home.example>"
		for len(value) > 0 && len(list) < maxAddresses {
			var one []byte
			one, value = cutAddress(value)
			if half != nil && isOtherHalf(one) {
				one = append(append(append([]byte(nil), half...), ','), one...)
			} else if half != nil {
				add(half)
			}
			if half = nil; isHalfName(one) {
				half = one
				continue
			}
			add(one)
		}
		add(half)
	}
	return list
}

// isHalfName tells whether a piece of a list may be the first half of a name with a comma.
func isHalfName(piece []byte) bool {
	return len(piece) <= 64 && len(bytes.TrimSpace(piece)) > 0 && !bytes.ContainsAny(piece, `@<>"=(:`)
}

// isOtherHalf tells whether a piece is a name without quotes and an address.
func isOtherHalf(piece []byte) bool {
	i := bytes.IndexByte(piece, '<')
	return i > 0 && len(bytes.TrimSpace(piece[:i])) > 0 && bytes.IndexByte(piece[:i], '"') < 0 && bytes.IndexByte(piece[i:], '@') > 0
}

// cutAddress returns the first address of a list: up to a comma or semicolon outside quotes, <> and
// comments. The name of a group ("friends: a, b;") is dropped.
func cutAddress(raw []byte) (one, rest []byte) {
	quoted, angle, depth, begin := false, false, 0, 0
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
			if word, ok := readWord(raw[i:]); ok {
				i += word.size - 1
			}
		case b == '(':
			depth++
		case b == ')':
			depth = max(depth-1, 0)
		case b == '<':
			angle = true
		case b == '>':
			angle = false
		case b == ':' && !angle && depth == 0 && lastAt > i && !isMailto(raw[begin:i]) && bytes.IndexByte(raw[begin:i], '@') < 0:
			begin = i + 1
		case (b == ',' || b == ';') && depth == 0 && (!angle || b == ';'):
			return raw[begin:i], raw[i+1:]
		}
	}
	if quoted || angle || depth > 0 { // something never ends: cut at the first comma after an address
		if at := bytes.IndexByte(raw[begin:], '@'); at >= 0 {
			if i := bytes.IndexByte(raw[begin+at:], ','); i >= 0 {
				return raw[begin : begin+at+i], raw[begin+at+i+1:]
			}
		}
	}
	return raw[begin:], nil
}

func isMailto(word []byte) bool {
	return bytes.EqualFold(bytes.TrimSpace(bytes.TrimLeft(word, "<")), []byte("mailto"))
}

// closesLater tells whether a quote that opens here is closed within a reasonable name.
func closesLater(raw []byte) bool {
	return bytes.IndexByte(raw[:min(len(raw), 1000)], '"') >= 0
}

// readAddress reads one address with its name; false if there is neither.
func readAddress(raw []byte, hint string) (Address, bool) {
	raw = bytes.TrimSpace(raw[:min(len(raw), maxAddressBytes)])
	if len(raw) == 0 || raw[len(raw)-1] == ':' { // nothing, or the name of an empty group
		return Address{}, false
	}
	name, spec, found := cutAngle(raw)
	if !found {
		name, spec = cutBare(raw)
	}
	a := Address{Name: readName(name, hint), Address: cleanAddress(spec, hint)}
	if a.Address == "" && strings.Contains(a.Name, "@") { // the whole was one encoded word
		if inner, innerSpec, ok := cutAngle([]byte(a.Name)); ok {
			a = Address{Name: strings.Trim(cleanLine(string(inner)), `"' `), Address: cleanAddress(innerSpec, hint)}
		} else if !strings.Contains(a.Name, " ") {
			a = Address{Address: cleanAddress([]byte(a.Name), hint)}
		}
	}
	if strings.EqualFold(a.Name, a.Address) {
		a.Name = ""
	}
	return a, a.Name != "" || a.Address != ""
}

// cutAngle cuts "name <address>" at the last <> outside quotes that holds an @, else at the last.
func cutAngle(raw []byte) (name, spec []byte, found bool) {
	end := len(raw)
	open := bytes.LastIndexByte(raw, '<')
	if open < 0 {
		return nil, nil, false
	}
	if i := bytes.IndexByte(raw[open:], '>'); i >= 0 {
		end = open + i
	}
	spec = raw[open+1 : end]
	name = raw[:open]
	if end < len(raw)-1 && len(bytes.TrimSpace(name)) == 0 { // <address> name
		name = raw[end+1:]
	}
	if bytes.IndexByte(spec, '@') < 0 {
		if inner := bytes.IndexByte(name, '<'); inner >= 0 && bytes.IndexByte(name[inner:], '@') >= 0 {
			return cutAngle(bytes.TrimRight(name, " <"))
		}
	}
	return name, spec, true
}

// cutBare cuts an address without <>: the word with the @, the rest is the name.
func cutBare(raw []byte) (name, spec []byte) {
	if open := bytes.IndexByte(raw, '('); open >= 0 { // ann@home.example (Ann)
		if end := bytes.LastIndexByte(raw, ')'); end > open {
			return raw[open+1 : end], bytes.TrimSpace(raw[:open])
		}
	}
	at := bytes.LastIndexByte(raw, '@')
	if at < 0 {
		if !bytes.ContainsAny(raw, " \"=") {
			return nil, raw // a local name
		}
		return raw, nil
	}
	if raw[0] == '"' && bytes.IndexByte(raw[1:], '"')+2 >= at {
		return nil, raw // a quoted local part
	}
	begin := bytes.LastIndexAny(raw[:at], " \t\"") + 1
	end := len(raw)
	if i := bytes.IndexAny(raw[at:], " \t\""); i >= 0 {
		end = at + i
	}
	name = append(append([]byte(nil), raw[:begin]...), raw[end:]...)
	return name, raw[begin:end]
}

// readName decodes a display name: quotes and comments off, encoded words decoded even inside quotes.
func readName(raw []byte, hint string) string {
	raw = bytes.TrimSpace(raw)
	if bytes.IndexByte(raw, '\\') >= 0 {
		raw = unescape(raw)
	}
	name := cleanLine(decodeWords(raw, hint))
	for len(name) >= 2 && (name[0] == '"' && name[len(name)-1] == '"' || name[0] == '\'' && name[len(name)-1] == '\'') {
		name = strings.TrimSpace(name[1 : len(name)-1])
	}
	if len(name) >= 2 && name[0] == '(' && name[len(name)-1] == ')' {
		name = strings.TrimSpace(name[1 : len(name)-1])
	}
	return strings.TrimSpace(strings.Trim(name, `"`))
}

// unescape takes the backslash off quoted characters.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' && i+1 < len(raw) && raw[i+1] < 0x80 {
			i++
		}
		out = append(out, raw[i])
	}
	return out
}

// cleanAddress takes blanks, control characters, a source route and mailto: off an address.
func cleanAddress(raw []byte, hint string) string {
	if len(raw) > 998 {
		return ""
	}
	address := decodeWords(bytes.Trim(raw, " \t<>,;"), hint)
	if i := strings.LastIndex(address, ":"); i >= 0 && (strings.HasPrefix(address, "@") || strings.EqualFold(address[:i], "mailto")) {
		address = address[i+1:]
	}
	address = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r == '<' || r == '>' {
			return -1
		}
		return r
	}, address)
	return strings.Trim(address, ",;'")
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
