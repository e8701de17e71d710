package inbox

import "strings"

// BaseAddress returns an address without its subaddress: help@shop.example of help+x@shop.example
// (RFC 5233). Whether a mailbox takes subaddresses is for its server to say.
func BaseAddress(address string) string {
	local, domain, found := strings.Cut(address, "@")
	base, _, sub := strings.Cut(local, "+")
	if !found || !sub || base == "" {
		return address
	}
	return base + "@" + domain
}

// Disguised tells whether the display name is written to look like another address than the one it
// stands before, as in "help@shop.example" <x@elsewhere.example>.
func (a Address) Disguised() bool {
	for word := range strings.FieldsFuncSeq(a.Name, func(r rune) bool { return strings.ContainsRune(" \t<>()[]\"',;:“”«»", r) }) {
		local, domain, found := strings.Cut(strings.ReplaceAll(word, "＠", "@"), "@")
		if found && local != "" && strings.Contains(strings.Trim(domain, "."), ".") && !strings.EqualFold(strings.Trim(word, "."), a.Address) {
			return true
		}
	}
	return false
}
