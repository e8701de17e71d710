package content_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/deskbell/deskbell/inbox/content"
)

func FuzzReplyOnly(f *testing.F) {
	for _, seed := range []string{
		"Thanks\n\nOn Mon, 3 Mar 2025 Ann <a@b.example> wrote:\n> hello", "-- \nsig\n3.3.2025 10:10 a@b.example:\n> x", "\xff\r\n--\n:",
		"a\n-----Original Message-----\nFrom: x\nTo: y\nSubject: z", "Von: a\nAn: b\nBetreff: c\n>>> x", "x\n--\nOn 1.2.2025\n10:10 a@b wrote:\n>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := content.ReplyOnly(text)
		if !utf8.ValidString(got) {
			t.Errorf("ReplyOnly(%q) = %q is not UTF-8", text, got)
		}
		if strings.Trim(text, " \t\r\n\x00") != "" && got == "" && strings.ContainsFunc(text, func(r rune) bool { return r > ' ' && r < 0x7f && r != '>' }) {
			t.Errorf("ReplyOnly(%q) lost every word", text)
		}
		if preview := content.Preview(text, 40); utf8.RuneCountInString(preview) > 41 || strings.ContainsAny(preview, "\n\r") {
			t.Errorf("Preview(%q) = %q", text, preview)
		}
		if html := content.TextToHTML(text); content.SanitizeHTML(html) != html {
			t.Errorf("TextToHTML(%q) = %q, cleaned %q", text, html, content.SanitizeHTML(html))
		}
	})
}
