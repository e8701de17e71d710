package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// A node whose folder is not that of the others, or whose key is not, does not start; one that was
// moved or renamed does.
func TestSecondNodeOnAnotherFolder(t *testing.T) {
	database, first, second := storetest.FreshDatabase(t), t.TempDir(), t.TempDir()
	start := func(c app.Config) error {
		t.Helper()
		c.Database, c.Listen, c.Poll = database, "127.0.0.1:0", 60
		a, err := app.New(t.Context(), c, &url.URL{Scheme: "http", Host: "desk.example"}, app.Far{}, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return a.Stop()
	}
	key, blobs := filepath.Join(first, "key"), filepath.Join(first, "blobs")
	for _, tt := range []struct {
		name    string
		config  app.Config
		refused string
	}{
		{"first", app.Config{Data: first, Node: "one"}, ""},
		{"first again", app.Config{Data: first, Node: "one"}, ""},
		{"under another name", app.Config{Data: first, Node: "renamed"}, ""},
		{"another folder", app.Config{Data: second, KeyFile: key, Node: "two"}, "--blobs-shared"},
		{"the same folder", app.Config{Data: second, KeyFile: key, Blobs: blobs, Node: "two"}, ""},
		{"said to be the same", app.Config{Data: second, KeyFile: key, BlobsShared: true, Node: "two"}, ""},
		{"no key", app.Config{Data: second, Blobs: blobs, Node: "two"}, "key"},
	} {
		err := start(tt.config)
		if (err == nil) != (tt.refused == "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.refused)
		}
	}
}

// at is the same person at another node.
func (p *person) at(d *desk) *person { return &person{desk: d, id: p.id, token: p.token} }

// Two nodes on one database: mail comes in once and both show it, replies given to either leave once.
func TestTwoNodes(t *testing.T) {
	if testing.Short() { // it needs PostgreSQL
		return
	}
	const shop = "help@lamps.example"
	dovecot := emailtest.StartDovecot(t, map[string]string{shop: "secret"})
	postfix := emailtest.StartPostfix(t, dovecot)
	c := app.Config{Database: storetest.FreshDatabase(t), KeyFile: filepath.Join(t.TempDir(), "key"), Blobs: t.TempDir(), BlobsShared: true}
	var nodes []*desk
	for _, name := range []string{"one", "two"} {
		c.Node = name
		nodes = append(nodes, open(t, c, app.Far{Roots: dovecot.Roots}))
	}
	owner, lia := nodes[0].hire("Olga", rbac.Owner), nodes[1].hire("Lia", rbac.Agent)
	id := owner.call("POST", "/shops", map[string]any{"name": "Lamps", "zone": "Europe/Rome"}, http.StatusCreated)["id"].(string)
	owner.at(nodes[1]).call("PATCH", "/shops/"+id, map[string]any{"state": "active"}, http.StatusOK)
	owner.call("PUT", "/shops/"+id+"/assignment", map[string]any{"primary": lia.id, "backups": []string{}, "fallback": map[string]any{"kind": "queue"}, "limit": 100}, http.StatusOK)
	lia.call("PATCH", "/me", map[string]any{"settings": map[string]any{"undo_seconds": 0}}, http.StatusOK)
	sockets := []*socket{lia.at(nodes[0]).watch(""), lia.at(nodes[1]).watch("")}
	owner.at(nodes[1]).call("POST", "/connections", map[string]any{"shop": id, "kind": "email", "settings": settings(shop, dovecot, postfix),
		"secret": map[string]any{"password": "secret"}}, http.StatusCreated)

	const mails = 6
	for n := range mails {
		dovecot.Deliver(shop, "INBOX", letter(n, fmt.Sprintf("ann%d@buyer.example", n), shop, fmt.Sprintf("Parcel %d", n)), time.Now())
	}
	conversations := received(sockets[0], mails)
	if other := received(sockets[1], mails); !slices.Equal(conversations, other) {
		t.Errorf("one node shows conversations %v, the other %v", conversations, other)
	}
	if listed := lia.items("/conversations?view=mine"); len(listed) != mails {
		t.Errorf("%d mails are %d conversations", mails, len(listed))
	}
	for n, conversation := range conversations {
		lia.at(nodes[n%2]).call("POST", "/conversations/"+conversation+"/replies", map[string]any{"text": "It is on its way."}, http.StatusAccepted)
	}
	for _, s := range sockets {
		for range mails {
			s.next("message.sent")
		}
	}
	for n := range mails {
		to := fmt.Sprintf("ann%d@buyer.example", n)
		eventually(t, "the reply at the mail server", func() bool { return len(postfix.Accepted(to)) > 0 })
		if got := len(postfix.Accepted(to)); got != 1 {
			t.Errorf("%s got %d replies", to, got)
		}
	}
}

// received are the conversations of the next mails a socket is told of, in order.
func received(s *socket, mails int) (conversations []string) {
	s.t.Helper()
	for range mails {
		conversations = append(conversations, s.next("message.received")["conversation"].(string))
	}
	return conversations
}
