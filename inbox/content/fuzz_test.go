package content_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/deskbell/deskbell/inbox/content"
)

func FuzzReplyOnly(f *testing.F) {
	for _, seed := range []string{
		"Thanks\n\nOn Mon, 3 Mar 2025 Ann <a@b.example> wrote:\n> hello", "-- \nsig\n3.3.2025 10:10 a@b.example:\n> x", "\xff\r\n--\n:",
		"a\n-----Original Message-----\nFrom: x\nTo: y\nSubject: z", "Von: a\nAn: b\nBetreff: c\n>>> x", "x\n--\nOn 1.2.2025\n10:10 a@b wrote:\n>",
		"ok On Wed, Apr 4, 2012 at 3:59 PM, bob@home.example wrote:\n> Hi", "--- Begin message ---\nx\n--- End message ---\ny", "x\n\nSent from my iPhone\n| a\n| b",
		"On 3.3.2025 10:15 Ann wrote:\n| a\n| b\nc", "AB> x\nAB> y\nz", "CAUTION: this email\n\nx\n\nDisclaimer: y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := content.ReplyOnly(text)
		checkReply(t, text, got)
		if preview := content.Preview(text, 40); utf8.RuneCountInString(preview) > 41 || strings.ContainsAny(preview, "\n\r") {
			t.Errorf("Preview(%q) = %q", text, preview)
		}
		if html := content.TextToHTML(text); content.SanitizeHTML(html) != html {
			t.Errorf("TextToHTML(%q) = %q, cleaned %q", text, html, content.SanitizeHTML(html))
		}
	})
}

func FuzzReplyOnlyHTML(f *testing.F) {
	for _, seed := range []string{
		`<div>a</div><div class="gmail_quote"><div class="gmail_attr">On Mon Ann wrote:</div><blockquote>b</blockquote></div>`, `a<hr><b>From:</b> x@y.example<br><b>Sent:</b> 3.3.2025 10:15<br>b`,
		`<p>a<div id=Signature>b</div><div style="border:none;border-top:solid #E1E1E1 1.0pt">From: x`, `<blockquote type=cite>a</blockquote>b<blockquote>c`, `<div id=UserInputtedText>a</div>b`,
		`a<br>-- <br>b`, `<div class="x_yahoo_quoted">b`, `<div style="display:none">a`,
	} {
		f.Add("a\n\n> b", seed)
	}
	f.Fuzz(func(t *testing.T, text, html string) {
		whole, got := content.ReadHTML(html)
		checkReply(t, whole, got)
		if both := content.ReplyOnlyOf(text, html); both != got {
			checkReply(t, text, both)
		}
	})
}

// checkReply holds what is true of any reply: it is UTF-8, made of the lines of the text in their order,
// and not empty unless the text is.
func checkReply(t *testing.T, text, reply string) {
	t.Helper()
	if !utf8.ValidString(reply) {
		t.Errorf("%q: reply %q is not UTF-8", text, reply)
	}
	hasLetter := func(r rune) bool { return unicode.IsLetter(r) }
	if reply == "" && strings.ContainsFunc(text, hasLetter) {
		t.Errorf("%q lost every word", text)
	}
	source := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, "\uFFFD")), "\n")
	for line := range strings.SplitSeq(reply, "\n") {
		at := 0
		for at < len(source) && !strings.Contains(withoutControls(source[at]), withoutControls(line)) {
			at++
		}
		if at == len(source) {
			t.Fatalf("%q: line %q of the reply is not of the text or not in its place", text, line)
		}
		if line != "" {
			source = source[at+1:]
		}
	}
}

func withoutControls(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
