package mailparse

import (
	"strings"

	"github.com/deskbell/deskbell/inbox/content"
)

// mailName names a mail inside a mail by its subject.
func mailName(inner header, hint string) string {
	subject := cleanName(content.Preview(decodeWords(inner.get("subject"), hint), 80))
	if subject == "" {
		subject = "mail"
	}
	return subject + ".eml"
}

// spareName returns the name of a file from the fields that describe it and that some programs use
// instead: its description or its place, if that reads like a name.
func spareName(h header, hint string) string {
	for _, field := range []string{"content-description", "content-location"} {
		name := cleanName(decodeWords(h.get(field), hint))
		if i := strings.LastIndexByte(name, '.'); i > 0 && len(name)-i >= 3 && len(name)-i <= 6 && strings.IndexByte(name[i:], ' ') < 0 {
			return name
		}
	}
	return ""
}

// cleanName makes a file name fit for display: no path, no control or direction characters, at most
// 200 bytes with its ending kept.
func cleanName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 && i < len(name)-1 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return -1
		case r == '/' || r == '\\':
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(cleanLine(name), `"' `)
	if name == "." || name == ".." {
		return ""
	}
	if len(name) <= 200 {
		return name
	}
	ending := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 12 {
		ending = name[i:]
	}
	return strings.ToValidUTF8(name[:200-len(ending)], "") + ending
}
