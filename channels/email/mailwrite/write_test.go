package mailwrite_test

import (
	"bytes"
	"errors"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/mailparse"
	"github.com/deskbell/deskbell/channels/email/mailwrite"
	"github.com/deskbell/deskbell/inbox"
)

func reply() inbox.Outgoing {
	return inbox.Outgoing{
		HeaderID:   "r7.k2@shop.example",
		From:       inbox.Address{Name: "Lampenladen Müller", Address: "help@shop.example"},
		To:         []inbox.Address{{Name: "Ann Example", Address: "ann@home.example"}},
		Subject:    "Re: Order 4711",
		Text:       "Hello Ann,\n\nit leaves us tomorrow.\n",
		InReplyTo:  "a1@home.example",
		References: []string{"r5@shop.example", "a1@home.example"},
		At:         time.Date(2025, 3, 3, 10, 15, 0, 0, time.FixedZone("", 3600)),
	}
}

func TestReplyTo(t *testing.T) {
	m := reply()
	m.ReplyTo = inbox.Address{Name: "Lampenladen Müller", Address: "help+abc@shop.example"}
	if got := parse(t, write(t, m)).ReplyTo; len(got) != 1 || got[0].Address != m.ReplyTo.Address || got[0].Name != m.ReplyTo.Name {
		t.Errorf("answers go to %v, want %v", got, m.ReplyTo)
	}
	m.ReplyTo.Address = "help\r\nBcc: eve@elsewhere.example"
	if err := mailwrite.Write(new(bytes.Buffer), m, mailwrite.Options{}); inbox.CodeOf(err) != inbox.Invalid {
		t.Errorf("a broken address is written: %v", err)
	}
}

func write(t *testing.T, m inbox.Outgoing) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := mailwrite.Write(&out, m, mailwrite.Options{}); err != nil {
		t.Fatalf("Write: %v", err)
	}
	checkLines(t, out.Bytes())
	return out.Bytes()
}

// checkLines holds a mail to RFC 5322: CRLF alone, ASCII alone, no line over 998 bytes, headers of
// at most 78 where they can be folded.
func checkLines(t *testing.T, raw []byte) {
	t.Helper()
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		t.Errorf("the mail does not end with a line end")
	}
	header := true
	for line := range bytes.SplitSeq(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n")) {
		header = header && len(line) > 0
		if bytes.ContainsAny(line, "\r\n\x00") || bytes.IndexFunc(line, func(r rune) bool { return r >= 0x80 }) >= 0 || len(line) > 998 {
			t.Errorf("bad line %q", line)
		}
		if header && len(line) > 200 && bytes.Contains(bytes.TrimSpace(line), []byte(" ")) {
			t.Errorf("long header line %q", line)
		}
	}
}

func parse(t *testing.T, raw []byte) *mailparse.Message {
	t.Helper()
	if _, err := mail.ReadMessage(bytes.NewReader(raw)); err != nil {
		t.Fatalf("net/mail cannot read it: %v\n%s", err, raw)
	}
	m, err := mailparse.Parse(raw, mailparse.Options{})
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return m
}

func TestWriteText(t *testing.T) {
	raw := write(t, reply())
	const want = "From: =?utf-8?q?Lampenladen_M=C3=BCller?=\r\n <help@shop.example>\r\n" +
		"To: Ann Example\r\n <ann@home.example>\r\n" +
		"Subject: Re: Order 4711\r\n" +
		"Date: Mon, 03 Mar 2025 09:15:00 +0000\r\n" +
		"Message-ID: <r7.k2@shop.example>\r\n" +
		"In-Reply-To: <a1@home.example>\r\n" +
		"References: <r5@shop.example>\r\n <a1@home.example>\r\n" +
		"MIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
		"Hello Ann,\r\n\r\nit leaves us tomorrow.\r\n"
	if string(raw) != want {
		t.Errorf("got\n%s\nwant\n%s", raw, want)
	}
}

func TestRoundTrip(t *testing.T) {
	long := strings.Repeat("Ein sehr langer Betreff über Lampen. ", 20)
	for name, change := range map[string]func(*inbox.Outgoing){
		"plain": func(*inbox.Outgoing) {},
		"cyrillic": func(m *inbox.Outgoing) {
			m.Subject, m.Text = "Ваш заказ отправлен, номер 4711", "Добрый день!\n\nПосылка в пути."
		},
		"chinese": func(m *inbox.Outgoing) {
			m.Subject, m.Text = "您的订单已发货", strings.Repeat("您好，包裹已经寄出。", 200)
		},
		"long subject":  func(m *inbox.Outgoing) { m.Subject = strings.TrimSpace(long) },
		"encoded look":  func(m *inbox.Outgoing) { m.Subject = "=?utf-8?q?not_a_word?= really" },
		"long line":     func(m *inbox.Outgoing) { m.Text = strings.Repeat("x", 5000) + " = end" },
		"blanks at end": func(m *inbox.Outgoing) { m.Text = "one \ntwo\t\nFrom here on\n." },
		"quoted name":   func(m *inbox.Outgoing) { m.To[0].Name = `Ann "the \ lamp" <Example>, Ltd.` },
		"emoji name":    func(m *inbox.Outgoing) { m.To[0].Name = strings.Repeat("Ann 🙂 Пример ", 10) },
		"several people": func(m *inbox.Outgoing) {
			m.To = append(m.To, inbox.Address{Address: "bob+x@home.example"})
			m.Cc = m.To
		},
		"html":             func(m *inbox.Outgoing) { m.HTML = "<p>Hello <b>Ann</b></p>" },
		"signature":        func(m *inbox.Outgoing) { m.Text = "Yes.\n\n-- \nHelp" },
		"no blanks at all": func(m *inbox.Outgoing) { m.Subject = strings.Repeat("long", 300) },
	} {
		t.Run(name, func(t *testing.T) {
			m := reply()
			change(&m)
			got := parse(t, write(t, m))
			if got.Subject != m.Subject {
				t.Errorf("subject %q, want %q", got.Subject, m.Subject)
			}
			if want := strings.TrimRight(m.Text, " \t\n"); got.Text != want {
				t.Errorf("text %q, want %q", got.Text, want)
			}
			if got.HTML != m.HTML {
				t.Errorf("html %q, want %q", got.HTML, m.HTML)
			}
			if got.From != mailparse.Address(m.From) || len(got.To) != len(m.To) || len(got.Cc) != len(m.Cc) {
				t.Fatalf("addresses %v %v %v", got.From, got.To, got.Cc)
			}
			for i, a := range m.To {
				a.Name = strings.TrimSpace(a.Name)
				if got.To[i] != mailparse.Address(a) {
					t.Errorf("to %v, want %v", got.To[i], a)
				}
			}
			if !got.Date.Equal(m.At) || got.MessageID != m.HeaderID || got.InReplyTo != m.InReplyTo || got.AutoSubmitted != "" || got.Automatic != "" {
				t.Errorf("header %+v", got)
			}
		})
	}
}

func TestFilesAndPictures(t *testing.T) {
	names := []string{"invoice.pdf", `a "b" \c.txt`, "Rechnung für Müller.pdf", strings.Repeat("очень длинное имя ", 5) + ".docx", "发票 2025.xlsx", "",
		strings.Repeat("long-", 30) + ".csv"}
	m := reply()
	m.HTML = `<p>See <img src="cid:pic1@shop.example" alt="lamp"></p>`
	m.Files = []inbox.File{{Name: "lamp.png", ContentType: "image/png", Inline: true, ContentID: "pic1@shop.example", Content: []byte("\x89PNG\r\n")}}
	for _, name := range names {
		m.Files = append(m.Files, inbox.File{Name: name, ContentType: "application/pdf", Content: bytes.Repeat([]byte{0, 255, '\n', '.'}, 100)})
	}
	got := parse(t, write(t, m))
	if len(got.Attachments) != len(m.Files) {
		t.Fatalf("%d files, want %d", len(got.Attachments), len(m.Files))
	}
	for i, a := range got.Attachments {
		want := m.Files[i]
		want.Name = strings.ReplaceAll(want.Name, `a "b" \c.txt`, "c.txt") // shown without what looks like a path
		if a.Name != want.Name || a.ContentType != want.ContentType || a.Inline != want.Inline || a.ContentID != want.ContentID || !bytes.Equal(a.Content, want.Content) {
			t.Errorf("file %d: %q %q %v %q, %d bytes", i, a.Name, a.ContentType, a.Inline, a.ContentID, len(a.Content))
		}
	}
	if !strings.Contains(got.HTML, `src="cid:pic1@shop.example"`) || got.Text != strings.TrimSpace(m.Text) {
		t.Errorf("html %q, text %q", got.HTML, got.Text)
	}
}

// TestInjection checks that nothing a person or a stranger wrote adds a field or a part.
func TestInjection(t *testing.T) {
	const evil = "x\r\nBcc: spy@evil.example\r\n\r\n--=_ body\x00\u2028"
	m := reply()
	m.Subject, m.From.Name, m.To[0].Name = evil, evil, evil
	m.InReplyTo, m.References = evil, []string{evil, "good@home.example"}
	m.Thread = evil
	m.Files = []inbox.File{{Name: evil, ContentType: "text/html\r\nX: y", ContentID: evil, Content: []byte("x")}}
	raw := write(t, m)
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed.Header) != 8 || parsed.Header.Get("Bcc") != "" || parsed.Header.Get("In-Reply-To") != "" || parsed.Header.Get("References") != "<good@home.example>" {
		t.Errorf("header %v", parsed.Header)
	}
	if got := parse(t, raw); len(got.Attachments) != 1 || got.Attachments[0].ContentType != "application/octet-stream" {
		t.Errorf("files %+v", got.Attachments)
	}
}

func TestBlindCopies(t *testing.T) {
	m := reply()
	m.To, m.Bcc = nil, []inbox.Address{{Address: "ann@home.example"}}
	raw := write(t, m)
	if bytes.Contains(raw, []byte("ann@home.example")) || !bytes.Contains(raw, []byte("To: undisclosed-recipients:;\r\n")) {
		t.Errorf("the blind copy shows:\n%s", raw)
	}
}

func TestSameBytes(t *testing.T) {
	m := reply()
	m.HTML = "<p>x</p>"
	m.Files = []inbox.File{{Name: "ä", Content: []byte{}}}
	first := write(t, m)
	if !bytes.Equal(first, write(t, m)) {
		t.Error("two attempts differ")
	}
	m.HeaderID = "other@shop.example"
	if bytes.Equal(first, write(t, m)) {
		t.Error("two replies are the same")
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*inbox.Outgoing){
		"no id":          func(m *inbox.Outgoing) { m.HeaderID = "" },
		"id with break":  func(m *inbox.Outgoing) { m.HeaderID = "a@b\r\nX: y" },
		"no date":        func(m *inbox.Outgoing) { m.At = time.Time{} },
		"no sender":      func(m *inbox.Outgoing) { m.From = inbox.Address{} },
		"no recipient":   func(m *inbox.Outgoing) { m.To = nil },
		"two addresses":  func(m *inbox.Outgoing) { m.To[0].Address = "a@b.example, c@d.example" },
		"address break":  func(m *inbox.Outgoing) { m.Cc = []inbox.Address{{Address: "a@b.example\r\nX: y"}} },
		"local not ours": func(m *inbox.Outgoing) { m.To[0].Address = "анна@home.example" },
		"no text":        func(m *inbox.Outgoing) { m.Text = " \n" },
		"html alone":     func(m *inbox.Outgoing) { m.Text, m.HTML = "", "<p>x</p>" },
		"file left out":  func(m *inbox.Outgoing) { m.Files = []inbox.File{{Name: "x"}} },
	} {
		t.Run(name, func(t *testing.T) {
			m := reply()
			change(&m)
			var out bytes.Buffer
			err := mailwrite.Write(&out, m, mailwrite.Options{})
			if inbox.CodeOf(err) != inbox.Invalid || out.Len() > 0 {
				t.Errorf("error %v, %d bytes written", err, out.Len())
			}
		})
	}
}

func TestInternationalDomain(t *testing.T) {
	m := reply()
	m.To[0].Address = "ann@bücher.example"
	if raw := write(t, m); !bytes.Contains(raw, []byte("<ann@xn--bcher-kva.example>")) {
		t.Errorf("got\n%s", raw)
	}
}

func TestAutomaticMail(t *testing.T) {
	var out bytes.Buffer
	if err := mailwrite.Write(&out, reply(), mailwrite.Options{AutoSubmitted: "auto-replied"}); err != nil {
		t.Fatal(err)
	}
	if got := parse(t, out.Bytes()); got.Automatic != mailparse.AutoReply || got.AutoSubmitted != "auto-replied" {
		t.Errorf("auto reply %v %q", got.Automatic, got.AutoSubmitted)
	}
}

type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("the line is dead")
	}
	return len(p), nil
}

func TestWriteError(t *testing.T) {
	m := reply()
	m.Files = []inbox.File{{Name: "x", Content: make([]byte, 1<<20)}}
	if err := mailwrite.Write(&brokenWriter{left: 9000}, m, mailwrite.Options{}); err == nil || inbox.CodeOf(err) != "" {
		t.Errorf("error %v", err)
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("Subject", "Ann", "text", "<p>x</p>", "a.pdf", "a1@home.example")
	f.Add("a\r\nb", "\"", "From x\n.\n--=_", "", "\xff", "<>")
	f.Fuzz(func(t *testing.T, subject, name, text, html, file, id string) {
		m := reply()
		m.Subject, m.To[0].Name, m.Text, m.HTML, m.InReplyTo = subject, name, text, html, id
		m.Files = []inbox.File{{Name: file, ContentType: file, ContentID: id, Inline: true, Content: []byte(text)}}
		var out bytes.Buffer
		if err := mailwrite.Write(&out, m, mailwrite.Options{}); err != nil {
			return
		}
		checkLines(t, out.Bytes())
		if got := parse(t, out.Bytes()); len(got.Attachments) != 1 || got.From.Address != "help@shop.example" || got.MessageID != m.HeaderID || !bytes.Equal(got.Attachments[0].Content, []byte(text)) {
			t.Errorf("came back as %+v", got)
		}
	})
}
