//go:build !race

// The race detector makes these timed tests ten times slower and finds nothing in pure functions.

package content_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox/content"
)

// TestHugeHTML checks that time and size stay bounded for input made to be slow.
func TestHugeHTML(t *testing.T) {
	for name, source := range map[string]string{
		"open tags":    strings.Repeat("<div>", 500_000),
		"open b p":     strings.Repeat("<p><b>x", 300_000),
		"end tags":     strings.Repeat("<div>", 190) + strings.Repeat("</span>", 500_000),
		"list items":   strings.Repeat("<ul><li>", 200_000),
		"quotes":       strings.Repeat("<blockquote>x", 200_000),
		"attributes":   "<p " + strings.Repeat("a ", 1_000_000) + ">x",
		"ampersands":   strings.Repeat("&", 6_000_000),
		"entities":     strings.Repeat("&lt", 2_000_000),
		"comment":      strings.Repeat("<!--", 1_000_000),
		"half tag":     "<a href='" + strings.Repeat("x", 5_000_000),
		"style":        strings.Repeat(`<p style="`+strings.Repeat("color:red;", 800)+`">x</p>`, 200),
		"style urls":   strings.Repeat(`<p style="background:`+strings.Repeat("url(", 1500)+`">x</p>`, 300),
		"rules":        "<style>" + strings.Repeat("p.a{color:red}", 1000) + "</style>" + strings.Repeat(`<p class="a">x`, 300_000),
		"rules unmet":  "<style>" + strings.Repeat(".b.a{color:red}", 1000) + "</style>" + strings.Repeat(`<p class="a">x`, 300_000),
		"sheets":       strings.Repeat("<style>p{color:red}</style><p>x", 300_000),
		"braces":       "<style>" + strings.Repeat("@media all{", 10_000) + "</style><p>x",
		"comments":     "<style>" + strings.Repeat("/*a*/{", 20_000) + "</style><p>x",
		"classes":      `<style>.a{color:red}</style>` + strings.Repeat(`<p class="`+strings.Repeat("b ", 500)+`">x`, 10_000),
		"body":         "<style>body{color:red}</style>" + strings.Repeat("<body>", 1_000_000),
		"many lines":   strings.Repeat("<br>", 1_000_000),
		"cells":        "<table>" + strings.Repeat("<tr><td>x", 200_000),
		"remote image": strings.Repeat(`<img src="https://shop.example/x">`, 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			cleaned := content.SanitizeHTML(source)
			content.ReadHTML(cleaned)
			if took := time.Since(start); took > 20*time.Second { // well under a second; quadratic work would take minutes
				t.Errorf("took %v for %d bytes", took, len(source))
			}
			if len(cleaned) > 17<<20 || content.SanitizeHTML(cleaned) != cleaned {
				t.Errorf("%d bytes out of %d", len(cleaned), len(source))
			}
		})
	}
}

// TestHugeText does the same for text without marks.
func TestHugeText(t *testing.T) {
	for name, text := range map[string]string{
		"colons":          strings.Repeat("1:1:\n", 30_000),
		"introductions":   strings.Repeat("On 3.3.2025 10:15 ann@home.example wrote:\n", 30_000),
		"wrapped":         strings.Repeat("On 3.3.2025\n10:15 ann@home.example\nwrote:\n\n", 30_000),
		"long line":       strings.Repeat("On 3.3.2025 10:15 a@b ", 30_000) + "wrote:\n> x",
		"dashes":          strings.Repeat("--\n", 30_000),
		"dashes, blanks":  strings.Repeat("--\n\n\n\n", 50_000),
		"headers":         strings.Repeat("From: x\n", 50_000),
		"rules":           strings.Repeat("--------------------\n", 30_000),
		"quotes":          strings.Repeat("x\n\n> y\n", 50_000),
		"blank lines":     "x" + strings.Repeat("\n", 50_000) + "> y",
		"farewells":       "x\n" + strings.Repeat("Sent from my iPhone\n", 40_000),
		"foreign quotes":  strings.Repeat("On 3.3.2025 10:15 Ann wrote:\n| x\n", 30_000),
		"quote marks":     strings.Repeat(">", 50_000),
		"initials":        strings.Repeat("AB> x\n", 50_000),
		"links":           strings.Repeat("<http://x", 50_000),
		"original":        strings.Repeat("--original-\n", 30_000),
		"disclaimers":     "x\n\n" + strings.Repeat("Disclaimer: y\n\n", 40_000),
		"one-line header": strings.Repeat("From: a To: b ", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			content.ReplyOnlyOf(text, "<p>"+text+"</p><blockquote type=cite>x</blockquote>")
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v for %d bytes", took, len(text))
			}
		})
	}
}
