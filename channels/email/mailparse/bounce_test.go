package mailparse_test

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/channels/email/mailparse"
)

var statusForm = regexp.MustCompile(`^[245]\.\d\.\d{1,3}$`)

// FuzzBounce holds what every report must yield, and that no words of a person make his mail one.
func FuzzBounce(f *testing.F) {
	for _, pattern := range []string{"testdata/bounce/*.eml", "testdata/automatic/*.eml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 40 {
			f.Fatalf("%s: %d mails, %v", pattern, len(files), err)
		}
		for _, file := range files {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkReport(t, raw)
		person := append([]byte("From: Ann Example <ann@buyer.example>\nTo: help@lamps.example\nSubject: Undelivered Mail Returned to Sender\n\nThis came back.\n\n"), raw...)
		if m, _ := mailparse.Parse(person, mailparse.Options{}); m.Report.Bounced() {
			t.Errorf("a person's mail is a report: %+v", m.Report)
		}
	})
}

func checkReport(t *testing.T, raw []byte) {
	t.Helper()
	checkSafe(t, mailparse.Inspect(raw))
	m, _ := mailparse.Parse(raw, mailparse.Options{})
	r := m.Report
	if r.Recipient != "" && (!strings.Contains(r.Recipient, "@") || strings.ContainsAny(r.Recipient, " <>\r\n\t")) {
		t.Errorf("recipient %q", r.Recipient)
	}
	if r.Status != "" && !statusForm.MatchString(r.Status) {
		t.Errorf("status %q", r.Status)
	}
	if strings.ContainsAny(r.MessageID, " <>\r\n\t") || strings.ContainsAny(r.Subject, "\r\n") {
		t.Errorf("message id %q, subject %q", r.MessageID, r.Subject)
	}
	kind := map[mailparse.Outcome]mailparse.Automatic{mailparse.Failed: mailparse.AutoBounce, mailparse.Delayed: mailparse.AutoDelay}[r.Outcome]
	if kind != "" && m.Automatic != kind || r.Permanent && r.Outcome != mailparse.Failed || r.Outcome == mailparse.Failed && r.Status == "" {
		t.Errorf("a %q mail reports %+v", m.Automatic, r)
	}
}

// TestReportsNameTheMail checks what a report is matched by, in every form in which it may stand.
func TestReportsNameTheMail(t *testing.T) {
	for file, want := range map[string]mailparse.Report{
		"bounce/dsn-postfix":         {Outcome: mailparse.Failed, MessageID: "q4x7k2@lamps.example", Subject: "Your lamp"},
		"bounce/dsn-headers-only":    {Outcome: mailparse.Failed, MessageID: "q4x7k2@lamps.example", Subject: "Your lamp"},
		"bounce/dsn-sieve-reject":    {Outcome: mailparse.Failed, MessageID: "q4x7k2@lamps.example", Subject: "Your lamp"},
		"bounce/qmail-unknown":       {Outcome: mailparse.Failed, MessageID: "q4x7k2@lamps.example", Subject: "Your lamp"},
		"bounce/exchange-html":       {Outcome: mailparse.Failed, MessageID: "q4x7k2@lamps.example"},
		"bounce/mail2000":            {Outcome: mailparse.Failed, MessageID: "q4x7k2@lamps.example", Subject: "Your lamp"},
		"bounce/symantec-delay":      {Outcome: mailparse.Delayed},
		"bounce/not-success":         {Outcome: mailparse.Delivered, MessageID: "q4x7k2@lamps.example", Subject: "Your lamp"},
		"bounce/not-relayed":         {},
		"automatic/receipt-read":     {Outcome: mailparse.Read, MessageID: "q4x7k2@lamps.example"},
		"automatic/receipt-not-read": {MessageID: "q4x7k2@lamps.example"},
		"automatic/receipt-words":    {},
		"automatic/complaint":        {Outcome: mailparse.Complained, MessageID: "q4x7k2@lamps.example"},
	} {
		m, err := mailparse.Parse(read(t, "testdata/"+file+".eml"), mailparse.Options{})
		got := m.Report
		got.Recipient, got.Status, got.Permanent = "", "", false
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", file, got, err, want)
		}
	}
}

// TestNobodysForwardIsAReport sends every report of the test mails on, as mail programs do it.
func TestNobodysForwardIsAReport(t *testing.T) {
	files, err := filepath.Glob("testdata/bounce/*.eml")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d mails, %v", len(files), err)
	}
	const person = "Return-Path: <ann@buyer.example>\nFrom: Ann Example <ann@buyer.example>\nTo: help@lamps.example\nMIME-Version: 1.0\n"
	for _, file := range files {
		raw := read(t, file)
		m, _ := mailparse.Parse(raw, mailparse.Options{})
		quoted := "> " + strings.ReplaceAll(m.Text, "\n", "\n> ")
		for name, forward := range map[string]string{
			"attached":  "Subject: Fwd: " + m.Subject + "\nContent-Type: multipart/mixed; boundary=out\n\n--out\n\nWhat is this?\n--out\nContent-Type: message/rfc822\n\n" + string(raw) + "\n--out--\n",
			"unnamed":   "Subject: Problem\nContent-Type: multipart/mixed; boundary=out\n\n--out\n\nWhat is this?\n--out\nContent-Type: message/rfc822\n\n" + string(raw) + "\n--out--\n",
			"inline":    "Subject: Fwd: " + m.Subject + "\nContent-Type: text/plain; charset=utf-8\n\nWhat is this?\n\n-------- Forwarded Message --------\nFrom: " + m.From.Address + "\n\n" + m.Text,
			"pasted":    "Subject: " + m.Subject + "\nContent-Type: text/plain; charset=utf-8\n\n" + m.Text,
			"quoted":    "Subject: Re: " + m.Subject + "\nContent-Type: text/plain; charset=utf-8\n\nHere is my new address.\n\n" + quoted,
			"kept form": "Subject: Fwd: " + m.Subject + "\n" + string(bodyOf(raw)),
		} {
			if m, _ := mailparse.Parse([]byte(person+forward), mailparse.Options{}); m.Report.Outcome != "" || m.Automatic != "" {
				t.Errorf("%s %s: %q, %+v", file, name, m.Automatic, m.Report)
			}
		}
	}
}

// bodyOf returns a mail's body with the fields that say what it is made of.
func bodyOf(raw []byte) []byte {
	for _, field := range []string{"MIME-Version:", "Content-Type:", "\n\n", "\r\n\r\n"} {
		if i := bytes.Index(raw, []byte(field)); i >= 0 {
			return raw[i:]
		}
	}
	return nil
}
