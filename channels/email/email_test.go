package email

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/inbox"
)

const password = "correct horse"

// now is the clock of the tests; mails are delivered around it.
var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// provider starts a mail provider with one account.
func provider(t *testing.T, o emailtest.Options) (*emailtest.Server, *emailtest.Mailbox) {
	t.Helper()
	s, err := emailtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, s.AddMailbox("help@shop.example", password)
}

// settingsFor are the settings of the provider's account, with changes.
func settingsFor(s *emailtest.Server, change func(map[string]any)) json.RawMessage {
	imapHost, imapPort := s.IMAP()
	smtpHost, smtpPort := s.SMTP()
	set := map[string]any{
		"address": "help@shop.example",
		"imap":    map[string]any{"host": imapHost, "port": imapPort, "security": s.Security()},
		"smtp":    map[string]any{"host": smtpHost, "port": smtpPort, "security": s.Security()},
		"aliases": []string{"sales@shop.example"},
	}
	if change != nil {
		change(set)
	}
	return encode(set)
}

func encode(set map[string]any) json.RawMessage {
	raw, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return raw
}

// open opens an adapter on the provider's account.
func open(t *testing.T, s *emailtest.Server, change func(map[string]any)) *Adapter {
	t.Helper()
	return openWith(t, channels.Config{
		Connection: 7,
		Settings:   settingsFor(s, change),
		Secret:     map[string]string{"password": password, "access_token": password},
		LiveFrom:   now.Add(-time.Hour),
		Now:        func() time.Time { return now },
		Roots:      s.Roots(),
	})
}

func openWith(t *testing.T, c channels.Config) *Adapter {
	t.Helper()
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a.(*Adapter)
}

// letter is a small mail.
func letter(n int) []byte {
	return []byte(strings.ReplaceAll(fmt.Sprintf(`From: Ann Buyer <ann@buyer.example>
To: help@shop.example
Subject: Parcel %d
Message-ID: <%d@buyer.example>
Date: Tue, 10 Mar 2026 11:%02d:00 +0000

Where is parcel %d?
`, n, n, n%60, n), "\n", "\r\n"))
}

// pull reads everything after a cursor.
func pull(t *testing.T, a channels.Adapter, cursor string) (items []inbox.Incoming, next string) {
	t.Helper()
	items, next, err := tryPull(t, a, cursor)
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return items, next
}

func tryPull(t *testing.T, a channels.Adapter, cursor string) (items []inbox.Incoming, next string, err error) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	next = cursor
	err = a.Pull(ctx, cursor, func(p channels.Page) error {
		if len(p.Keys) > 100 {
			t.Errorf("a page of %d items", len(p.Keys))
		}
		for i := range p.Keys {
			items = append(items, p.Parse(i))
		}
		next = p.Cursor
		return nil
	})
	return items, next, err
}

func keys(items []inbox.Incoming) string {
	var list []string
	for _, item := range items {
		list = append(list, item.SourceKey)
	}
	return strings.Join(list, " ")
}

func TestPullBringsMailAndGoesOnFromTheCursor(t *testing.T) {
	for _, security := range []string{emailtest.Plain, emailtest.StartTLS, emailtest.TLS} {
		t.Run(security, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{Security: security})
			box.Deliver(letter(1), now.Add(-10*time.Minute))
			box.Deliver(letter(2), now.Add(-5*time.Minute))
			a := open(t, s, nil)
			items, cursor := pull(t, a, "")
			if got, want := keys(items), "INBOX|1|1 INBOX|1|2"; got != want {
				t.Fatalf("keys %q, want %q", got, want)
			}
			first := items[0]
			if first.Identity.RemoteID != "ann@buyer.example" || first.Subject != "Parcel 1" || first.Outbound || !first.At.Equal(now.Add(-10*time.Minute)) {
				t.Errorf("first item: %+v", first)
			}
			box.Deliver(letter(3), now)
			items, next := pull(t, a, cursor)
			if got, want := keys(items), "INBOX|1|3"; got != want {
				t.Errorf("keys %q, want %q", got, want)
			}
			if items, _ := pull(t, a, next); len(items) != 0 {
				t.Errorf("nothing is new, but %q came", keys(items))
			}
			if !box.Untouched("INBOX") {
				t.Error("a mail was marked or deleted")
			}
		})
	}
}

func TestSendSubmitsOnce(t *testing.T) {
	for _, security := range []string{emailtest.Plain, emailtest.StartTLS, emailtest.TLS} {
		t.Run(security, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{Security: security})
			a := open(t, s, nil)
			id, err := a.Send(t.Context(), reply())
			if err != nil || id != "r1@shop.example" {
				t.Fatalf("send: %q, %v", id, err)
			}
			sent := box.Submitted()
			if len(sent) != 1 || strings.Join(sent[0].To, " ") != "ann@buyer.example boss@shop.example" {
				t.Fatalf("submitted: %+v", sent)
			}
			if strings.Contains(string(sent[0].Raw), "boss@shop.example") {
				t.Error("the blind copy stands in the mail")
			}
		})
	}
}

func reply() inbox.Outgoing {
	return inbox.Outgoing{
		Message: 1, Connection: 7, HeaderID: "r1@shop.example",
		From:    inbox.Address{Name: "Shop", Address: "help@shop.example"},
		To:      []inbox.Address{{Name: "Ann", Address: "ann@buyer.example"}},
		Bcc:     []inbox.Address{{Address: "boss@shop.example"}},
		Subject: "Re: Parcel 1", Text: "It is on its way.", At: now,
		InReplyTo: "1@buyer.example", References: []string{"1@buyer.example"},
	}
}
