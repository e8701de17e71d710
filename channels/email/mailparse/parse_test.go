package mailparse_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/deskbell/deskbell/channels/email/mailparse"
	"github.com/deskbell/deskbell/inbox/content"
)

// TestMails parses every testdata/KIND/*.eml and compares the fields that the .json beside it names.
// All mails are invented, and so is everybody in them.
func TestMails(t *testing.T) {
	for _, file := range mails(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".eml"), func(t *testing.T) {
			inspection := mailparse.Inspect(read(t, file))
			checkSafe(t, inspection)
			got := fields(t, encode(t, inspection))
			for name, want := range fields(t, read(t, strings.TrimSuffix(file, ".eml")+".json")) {
				if !reflect.DeepEqual(got[name], want) {
					t.Errorf("%s\n got %s\nwant %s", name, encode(t, got[name]), encode(t, want))
				}
			}
		})
	}
}

// onlyMarked are mails whose one part marks what the other does not show.
var onlyMarked = map[string]bool{"open-xchange": true, "outlook-signature-marked": true, "reply-html-knows-more": true, "samsung-phone": true, "spark": true, "zoho": true}

// TestEachPartAlone checks that the text and the HTML of a mail yield the same reply.
func TestEachPartAlone(t *testing.T) {
	checked := 0
	for _, file := range mails(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		want, ok := fields(t, read(t, strings.TrimSuffix(file, ".eml")+".json"))["reply_text"].(string)
		header, parts := halves(string(read(t, file)))
		if !ok || len(parts) != 2 || !strings.Contains(file, "/reply/") {
			continue
		}
		for i, part := range parts {
			if i == 0 && onlyMarked[name] {
				continue
			}
			checked++
			if got := mailparse.Inspect([]byte(header + part)).ReplyText; strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
				t.Errorf("%s, part %d alone: got %q, want %q", name, i+1, got, want)
			}
		}
	}
	if checked < 150 {
		t.Errorf("%d parts", checked)
	}
}

// halves cuts a mail of text and HTML into its header, without the type, and its parts.
func halves(raw string) (header string, parts []string) {
	header, rest, found := strings.Cut(raw, "Content-Type: multipart/alternative; boundary=\"")
	if !found {
		return "", nil
	}
	boundary, rest, _ := strings.Cut(rest, "\"")
	for part := range strings.SplitSeq(rest, "\n--"+boundary) {
		if strings.HasPrefix(part, "\nContent-Type: ") {
			parts = append(parts, part[1:])
		}
	}
	return header, parts
}

func mails(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.eml")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d mails, %v", len(files), err)
	}
	return files
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func fields(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return m
}

// quotedLocal is a local part in quotes, the only place where an address may have a blank.
var quotedLocal = regexp.MustCompile(`^"[^"<>]*"@`)

// checkSafe holds what every mail must yield, however broken it is.
func checkSafe(t *testing.T, i mailparse.Inspection) {
	t.Helper()
	all := []string{i.From.Name, i.From.Address, i.Subject, i.MessageID, i.InReplyTo, i.Date, i.Text, i.HTML, i.ReplyText, i.Bounce.Recipient, i.Bounce.Status}
	all = append(all, i.References...)
	for _, a := range append(append([]mailparse.InspectedAddress{i.From}, i.To...), i.Cc...) {
		all = append(all, a.Name, a.Address)
		if strings.ContainsAny(a.Name+a.Address, "\r\n\x00") || strings.ContainsAny(strings.TrimPrefix(a.Address, quotedLocal.FindString(a.Address)), " <>") {
			t.Errorf("address %+v", a)
		}
	}
	for _, a := range i.Attachments {
		all = append(all, a.Name, a.ContentType, a.ContentID)
		if strings.ContainsAny(a.Name, "/\\\r\n\x00\u202e") || strings.ContainsAny(a.ContentType, " \r\n") {
			t.Errorf("attachment %+v", a)
		}
	}
	for _, s := range all {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			t.Errorf("%q is not clean UTF-8", s)
		}
	}
	if strings.ContainsAny(i.Subject+i.MessageID+i.InReplyTo, "\r\n") {
		t.Errorf("line end in a header: %q %q %q", i.Subject, i.MessageID, i.InReplyTo)
	}
	if content.SanitizeHTML(i.HTML) != i.HTML {
		t.Errorf("HTML is not clean: %q", i.HTML)
	}
	if strings.TrimSpace(i.Text) != "" && i.ReplyText == "" {
		t.Errorf("no reply text in %q", i.Text)
	}
	if i.To == nil || i.Cc == nil || i.References == nil || i.Attachments == nil {
		t.Errorf("a list is nil: %+v", i)
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range mails(f) {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkSafe(t, mailparse.Inspect(raw))
		crlf := bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r"), nil), []byte("\n"), []byte("\r\n"))
		if bytes.Contains(raw, []byte("\n")) && bytes.Equal(bytes.ReplaceAll(crlf, []byte("\r\n"), []byte("\n")), raw) && mailparse.Sameness(raw) != mailparse.Sameness(crlf) {
			t.Errorf("the kind of line end changes the sameness of %q", raw)
		}
	})
}

func TestDates(t *testing.T) {
	for value, want := range map[string]string{
		"Mon, 3 Mar 2025 10:15:00 +0100":       "2025-03-03T09:15:00Z",
		"3 Mar 2025 10:15 GMT":                 "2025-03-03T10:15:00Z",
		"Mon, 03 Mar 25 10:15:00 EST":          "2025-03-03T15:15:00Z",
		"Mon Mar  3 10:15:00 2025":             "2025-03-03T10:15:00Z",
		"Mon, 3 Mar 2025 10:15:00 +0100 (CET)": "2025-03-03T09:15:00Z",
		"Monday, March 3, 2025 10:15 PM":       "2025-03-03T22:15:00Z",
		"2025-03-03 10:15:00 +0300":            "2025-03-03T07:15:00Z",
		"2025-03-03T10:15:00Z":                 "2025-03-03T10:15:00Z",
		"Mon, 03-Mar-2025 10:15:00 GMT+2":      "2025-03-03T08:15:00Z",
		"3 Mar 2025 10:15:60 -0000":            "2025-03-03T10:15:59Z",
		"3 Mar 99 10:15:00 +0000":              "1999-03-03T10:15:00Z",
		"Di, 05 Mär 2024 11:02:17 +0100":       "2024-03-05T10:02:17Z",
		"mer. 6 févr. 2024 11:02 +01:00":       "2024-02-06T10:02:00Z",
		"Tue, 5 Mar 2024 11.02.17 +0100":       "2024-03-05T10:02:17Z",
		"5.3.2024 11:02:17.25 +0100":           "2024-03-05T10:02:17Z",
		"=?utf-8?Q?5_Mar_2024_11:02_GMT?=":     "2024-03-05T11:02:00Z",
		"tomorrow":                             "",
		"":                                     "",
		"99 Foo 2025 10:15":                    "",
		"Mon, 3 Mar 20255555555555 10:15:00":   "",
	} {
		got := mailparse.Inspect([]byte("From: a@b.example\nDate: " + value + "\n\nx")).Date
		if got != want {
			t.Errorf("date %q = %q, want %q", value, got, want)
		}
	}
}

func TestEnvelope(t *testing.T) {
	m, err := mailparse.Parse([]byte("Return-Path: <Bounces+1@home.example>\nDelivered-To: Help@shop.example\nX-Original-To: sales@shop.example\nEnvelope-To: help@shop.example\n"+
		"Authentication-Results: mx.shop.example;\n dmarc=fail header.from=home.example\nList-Id: <x>\nReply-To: Ann <ann@home.example>\nFrom: a@home.example\n\nx"), mailparse.Options{})
	if err != nil || m.ReturnPath != "Bounces+1@home.example" || !m.Bulk || m.ReplyTo[0].Address != "ann@home.example" ||
		!reflect.DeepEqual(m.Recipients, []string{"help@shop.example", "sales@shop.example"}) ||
		!reflect.DeepEqual(m.AuthenticationResults, []string{"mx.shop.example; dmarc=fail header.from=home.example"}) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestSameness(t *testing.T) {
	const one = "Received: by a\nFrom: Ann <ann@home.example>\nTo: help@shop.example\nSubject: Hello\n there\nDate: Mon, 3 Mar 2025 10:15:00 +0100\nMessage-ID: <a1@home.example>\n\nWhere is it?\nAnn\n"
	same := mailparse.Sameness([]byte(one))
	for name, other := range map[string]string{
		"other trace":        strings.Replace(one, "by a", "by b\n\twith more", 1) + "",
		"status and uid":     "Status: RO\nX-UID: 7\n" + one,
		"order of fields":    strings.Replace("Date: Mon, 3 Mar 2025 10:15:00 +0100\n"+one, "there\nDate: Mon, 3 Mar 2025 10:15:00 +0100", "there", 1),
		"line ends":          strings.ReplaceAll(one, "\n", "\r\n"),
		"empty lines at end": one + "\r\n\n",
		"mailbox line":       "From ann@home.example Mon Mar  3\n" + one,
	} {
		if mailparse.Sameness([]byte(other)) != same {
			t.Errorf("%s: must be the same mail", name)
		}
	}
	for name, other := range map[string]string{
		"other body":    strings.Replace(one, "Where", "where", 1),
		"other id":      strings.Replace(one, "a1@", "a2@", 1),
		"other subject": strings.Replace(one, "there", "There", 1),
		"other folding": strings.Replace(one, "\n there", " there", 1),
		"other date":    strings.Replace(one, "10:15", "10:16", 1),
		"copy":          strings.Replace(one, "Subject", "Cc: bob@home.example\nSubject", 1),
		"moved text":    strings.Replace(one, "Hello\n there", "Hello", 1),
	} {
		if mailparse.Sameness([]byte(other)) == same {
			t.Errorf("%s: must be another mail", name)
		}
	}
}

func TestLimits(t *testing.T) {
	raw := []byte("From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\nContent-Type: image/png\n\nPNG\n", 10) + "--x--\n")
	if m, _ := mailparse.Parse(raw, mailparse.Options{MaxParts: 3}); len(m.Attachments) != 3 || !m.Truncated {
		t.Errorf("%d files, truncated %v", len(m.Attachments), m.Truncated)
	}
	if m, _ := mailparse.Parse(raw, mailparse.Options{MaxSize: 100}); len(m.Attachments) != 1 || !m.Truncated {
		t.Errorf("%d files, truncated %v", len(m.Attachments), m.Truncated)
	}
	if m, _ := mailparse.Parse([]byte("From: a@b.example\n\n"+strings.Repeat("ä", 100)), mailparse.Options{MaxText: 11}); m.Text != strings.Repeat("ä", 5) || !m.Truncated {
		t.Errorf("text %q, truncated %v", m.Text, m.Truncated)
	}
	if m, _ := mailparse.Parse(raw, mailparse.Options{}); len(m.Attachments) != 10 || m.Truncated {
		t.Errorf("%d files, truncated %v", len(m.Attachments), m.Truncated)
	}
}

func TestBounceNamesTheMail(t *testing.T) {
	status := "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822;ann@home.example\nAction: failed\nStatus: 5.1.1\n"
	for name, raw := range map[string]string{
		"whole mail": "From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nNo.\n--x\n" + status +
			"--x\nContent-Type: message/rfc822\n\nMessage-ID: <r7@shop.example>\nFrom: help@shop.example\n\nHello\n--x--\n",
		"its headers": "From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nNo.\n--x\n" + status +
			"--x\nContent-Type: text/rfc822-headers\n\nMessage-ID: <r7@shop.example>\nFrom: help@shop.example\n--x--\n",
		"in words": "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nUser unknown: ann@home.example\n\n--- Below is your mail.\n\nMessage-Id: <r7@shop.example>\n",
	} {
		m, _ := mailparse.Parse([]byte(raw), mailparse.Options{})
		if !m.Report.Bounced() || m.Report.MessageID != "r7@shop.example" || m.Report.Recipient != "ann@home.example" {
			t.Errorf("%s: %+v", name, m.Report)
		}
	}
}
