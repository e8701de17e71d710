package app_test

import (
	"fmt"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// forwarded connects an address whose mail is handed over, in a shop of its own, and returns the
// connection's id.
func (p *person) forwarded(address string) string {
	p.t.Helper()
	shop := p.call("POST", "/shops", map[string]any{"name": "Shop of " + address, "zone": "Europe/Rome"}, http.StatusCreated)["id"].(string)
	p.call("PATCH", "/shops/"+shop, map[string]any{"state": "active"}, http.StatusOK)
	body := map[string]any{"shop": shop, "kind": "email", "settings": map[string]any{"address": address, "forwarding": true,
		"imap": map[string]any{"host": "", "port": 993, "security": "tls"}, // as the form sends it
		"smtp": map[string]any{"host": "127.0.0.1", "port": 25, "security": "none"}}}
	return p.call("POST", "/connections", body, http.StatusCreated)["id"].(string)
}

// counts is what a connection received, by what became of it.
func (p *person) counts(connection string) map[string]any {
	p.t.Helper()
	return p.call("GET", "/connections/"+connection+"/ledger?limit=1", nil, http.StatusOK)["counts"].(map[string]any)
}

// openFolder is a folder that the mail server, which runs as somebody else, can pass through.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "door")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestForwardedMail goes the way of a shop whose mail server hands its mail over: by a real Postfix, on
// each kind of door, to an agent's socket.
func TestForwardedMail(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { forwardedMail(t, app.Config{}) })
	if !testing.Short() {
		t.Run("postgres", func(t *testing.T) { forwardedMail(t, app.Config{Database: storetest.FreshDatabase(t)}) })
	}
}

func forwardedMail(t *testing.T, c app.Config) {
	const lamps, chairs = "help@lamps.example", "help@chairs.example"
	c.SMTPListen, c.LMTPListen = freeAddress(t), "unix:"+filepath.Join(openFolder(t), "lmtp")
	d := open(t, c, app.Far{})
	owner := d.hire("Olga", rbac.Owner)
	connections := map[string]string{lamps: owner.forwarded(lamps), chairs: owner.forwarded(chairs)}
	sees := owner.watch("")
	for name, next := range map[string]string{"smtp": "smtp:[127.0.0.1]:" + port(c.SMTPListen), "lmtp": "lmtp:" + c.LMTPListen} {
		relay := emailtest.StartRelay(t, next)
		relay.Submit("ann@buyer.example", []string{"Help+ticket7@lamps.example", chairs}, letter(1, "ann@"+name+".example", lamps, "By "+name))
		relay.Submit("ann@buyer.example", []string{"stranger@elsewhere.example"}, letter(2, "ann@"+name+".example", "stranger@elsewhere.example", "Relayed?"))
		for range connections {
			sees.next("message.received")
		}
		eventually(t, "the relay rid of its mails", func() bool { return relay.Waiting() == 0 })
		if !strings.Contains(relay.Log(), "550 5.1.1") {
			t.Errorf("mail for somebody else was not refused by %s", name)
		}
	}
	for address, id := range connections {
		if got := owner.counts(id); got["message"] != 2.0 {
			t.Errorf("%s has %v, want 2 messages", address, got)
		}
	}
	if all := owner.items("/conversations?view=all&state=any"); len(all) != 4 {
		t.Errorf("%d conversations, want 4", len(all))
	}
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// A peer that never heard our answer repeats the mail; it stays one message.
func TestForwardedMailIsRepeated(t *testing.T) {
	const lamps = "help@lamps.example"
	c := app.Config{SMTPListen: freeAddress(t)}
	d := open(t, c, app.Far{})
	owner := d.hire("Olga", rbac.Owner)
	connection := owner.forwarded(lamps)
	for n := range 3 {
		trace := fmt.Appendf(nil, "Received: from somewhere by mx.lamps.example; attempt %d\r\n", n)
		if err := smtp.SendMail(c.SMTPListen, nil, "ann@buyer.example", []string{lamps}, append(trace, letter(1, "ann@buyer.example", lamps, "Once")...)); err != nil {
			t.Fatal(err)
		}
	}
	shop := owner.call("GET", "/connections/"+connection, nil, http.StatusOK)["shop"]
	owner.call("POST", "/connections", map[string]any{"shop": shop, "kind": "email", "settings": map[string]any{"address": "sales@lamps.example",
		"aliases": []string{"Help@lamps.example"}, "forwarding": true, "smtp": map[string]any{"host": "127.0.0.1"}}}, http.StatusUnprocessableEntity)
	owner.call("PATCH", "/connections/"+connection, map[string]any{"live_from": "2020-01-01T00:00:00Z"}, http.StatusOK)
	if got := owner.counts(connection); got["message"] != 1.0 || len(got) != 1 {
		t.Errorf("the ledger counts %v, want one message", got)
	}
}
