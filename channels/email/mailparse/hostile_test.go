//go:build !race

// The race detector makes these timed tests ten times slower and finds nothing in pure functions.

package mailparse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/mailparse"
)

// TestHostileMails checks that time and memory stay bounded for mails made to be slow.
func TestHostileMails(t *testing.T) {
	head := "From: a@b.example\nSubject: x\n"
	deep := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString("Content-Type: multipart/mixed; boundary=b" + strings.Repeat("x", i%50) + "\n\n--b" + strings.Repeat("x", i%50) + "\n")
		}
		return b.String()
	}
	for name, raw := range map[string]string{
		"parts":           head + "Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n\nhello\n", 100_000),
		"lines":           head + "\n" + strings.Repeat("a line of text: like this\n", 500_000),
		"quoted lines":    head + "\n" + strings.Repeat("> a line of text\n", 500_000),
		"introductions":   head + "\n" + strings.Repeat("On 3.3.2025 10:15 a@b.example wrote:\n", 300_000),
		"headers in text": head + "\n" + strings.Repeat("From: x\n", 500_000),
		"dashes":          head + "\n" + strings.Repeat("--\n", 500_000),
		"rules":           head + "\n" + strings.Repeat("------\n", 500_000),
		"deep":            head + deep(20_000),
		"fields":          strings.Repeat("X-A: b\n", 500_000) + "\nx",
		"bad fields":      head + strings.Repeat("no colon here\n", 300_000) + "X-A: b\n\nx",
		"folds":           head + "X: y\n" + strings.Repeat(" y\n", 500_000) + "\nx",
		"addresses":       "From: a@b.example\nTo: " + strings.Repeat("\"a\" <a@b.example>, ", 100_000) + "\n\nx",
		"open angles":     "From: a@b.example\nTo: " + strings.Repeat("<@,", 80_000) + "\n\nx",
		"colons":          "From: " + strings.Repeat("a:", 120_000) + "\n\nx",
		"quotes":          "From: " + strings.Repeat("\"", 240_001) + "\n\nx",
		"encoded words":   "Subject: " + strings.Repeat("=?a?q?", 40_000) + "\n\nx",
		"half words":      "Subject: " + strings.Repeat("=?", 120_000) + "\n\nx",
		"parameters":      head + "Content-Type: text/plain; " + strings.Repeat("a*0*=b; ", 30_000) + "\n\nx",
		"references":      head + "References: " + strings.Repeat("<a@b> ", 40_000) + "\n\nx",
		"html":            head + "Content-Type: text/html\n\n" + strings.Repeat("<p><b><div>", 300_000),
		"base64":          head + "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("QUJD\n", 1_000_000),
		"equal signs":     head + "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=\n=", 1_000_000),
		"begins":          head + "\n" + strings.Repeat("begin 644 a\n", 300_000),
		"answers":         "From: mailer-daemon@b.example\nSubject: x\nContent-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n" + strings.Repeat("Action: relayed\nDiagnostic-Code: "+strings.Repeat("y ", 20_000)+"\n\n", 300),
		"recipients":      "From: mailer-daemon@b.example\nSubject: failure notice\n\n" + strings.Repeat("<a@b.example>: 5\n", 300_000),
		"at signs":        "From: mailer-daemon@b.example\nSubject: failure notice\n\n" + strings.Repeat("@", 1_000_000),
		"8-bit":           head + "\n" + strings.Repeat("\xe4\xf6\xfc ", 1_000_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			m, _ := mailparse.Parse([]byte(raw), mailparse.Options{})
			mailparse.Sameness([]byte(raw))
			took := time.Since(start)
			t.Logf("%d bytes took %v", len(raw), took)
			if took > 20*time.Second { // about one second; quadratic work would take minutes
				t.Errorf("took %v", took)
			}
			if len(m.Attachments) > 1000 || len(m.To) > 1000 {
				t.Errorf("%d files, %d addresses", len(m.Attachments), len(m.To))
			}
		})
	}
}
