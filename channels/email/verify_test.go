package email

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/deskbell/deskbell/channels"
)

// names are name servers with the keys of domains, under selector "s".
type names struct {
	keys  map[string]string
	asked []string
	fault error
}

func (n *names) LookupTXT(_ context.Context, name string) ([]string, error) {
	n.asked = append(n.asked, name)
	if n.fault != nil {
		return nil, n.fault
	}
	if key, ok := n.keys[name]; ok {
		return []string{key}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// signedBy returns a mail signed by a domain, whose key the name servers then have.
func (n *names) signedBy(t *testing.T, domain, raw string) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := dkim.Sign(&out, strings.NewReader(raw), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: private, Hash: crypto.SHA256}); err != nil {
		t.Fatal(err)
	}
	n.keys["s._domainkey."+domain] = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	return out.String()
}

func TestSignatures(t *testing.T) {
	const raw = "From: Ann <ann@buyer.example>\r\nTo: help@shop.example\r\nSubject: Lamp\r\n\r\nHello\r\n"
	live := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		mail  func(t *testing.T, n *names) string
		by    string // the setting
		at    time.Time
		fault error
		want  bool
		asks  bool
	}{
		"signed by the sender's domain": {func(t *testing.T, n *names) string { return n.signedBy(t, "buyer.example", raw) }, "signature", live, nil, false, true},
		"by a part of it":               {func(t *testing.T, n *names) string { return n.signedBy(t, "mail.buyer.example", raw) }, "signature", live, nil, false, true},
		"by somebody else":              {func(t *testing.T, n *names) string { return n.signedBy(t, "elsewhere.example", raw) }, "signature", live, nil, true, false},
		"by a neighbour under a public name": {func(t *testing.T, n *names) string {
			return n.signedBy(t, "evil.co.uk", strings.Replace(raw, "buyer.example", "buyer.co.uk", 1))
		}, "signature", live, nil, true, false},
		"changed since": {func(t *testing.T, n *names) string {
			return strings.Replace(n.signedBy(t, "buyer.example", raw), "Hello", "Goodbye", 1)
		}, "signature", live, nil, true, true},
		"a second sender on top": {func(t *testing.T, n *names) string {
			return "From: boss@buyer.example\r\n" + n.signedBy(t, "buyer.example", raw)
		}, "signature", live, nil, true, false},
		"not signed":                   {func(*testing.T, *names) string { return raw }, "signature", live, nil, true, false},
		"name servers do not answer":   {func(t *testing.T, n *names) string { return n.signedBy(t, "buyer.example", raw) }, "signature", live, errors.New("timeout"), false, true},
		"imported":                     {func(*testing.T, *names) string { return raw }, "signature", live.Add(-time.Hour), nil, false, false},
		"by the receiver's word alone": {func(*testing.T, *names) string { return raw }, "receiver", live, nil, false, false},
		"the receiver has spoken first": {func(*testing.T, *names) string {
			return "Authentication-Results: mx.provider.example; dmarc=pass header.from=buyer.example\r\n" + raw
		}, "signature", live, nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := &names{keys: map[string]string{}, fault: tt.fault}
			a := openWith(t, channels.Config{LookupTXT: n.LookupTXT, LiveFrom: live, Now: func() time.Time { return live.Add(time.Hour) }, Settings: encode(map[string]any{
				"address": help, "verify": tt.by, "imap": map[string]any{"host": "imap.provider.example"}, "smtp": map[string]any{"host": "smtp.provider.example"}})})
			raw := []byte(tt.mail(t, n))
			in := a.read("INBOX", &mail{key: "k", raw: raw, described: described{at: tt.at}})
			if in.Unverified != tt.want || in.Problem != nil {
				t.Errorf("unverified %v (%v), want %v", in.Unverified, in.Problem, tt.want)
			}
			if (len(n.asked) > 0) != tt.asks {
				t.Errorf("asked for %v", n.asked)
			}
		})
	}
}

func TestSilentNameServersAreLeftAlone(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	n := &names{keys: map[string]string{"a": "1"}, fault: errors.New("timeout")}
	k := &keyring{ask: n.LookupTXT, now: func() time.Time { return now }, known: map[string]keyAnswer{}}
	for range 5 {
		if _, err := k.lookup(t.Context(), "a"); err == nil {
			t.Fatal("an answer out of nothing")
		}
	}
	if len(n.asked) != 1 {
		t.Errorf("asked %d times within a minute, want once", len(n.asked))
	}
	n.fault, now = nil, now.Add(2*time.Minute)
	for range 5 {
		if records, err := k.lookup(t.Context(), "a"); err != nil || len(records) != 1 {
			t.Errorf("%v, %v", records, err)
		}
	}
	if len(n.asked) != 2 {
		t.Errorf("asked %d times, want the answer kept", len(n.asked))
	}
}
