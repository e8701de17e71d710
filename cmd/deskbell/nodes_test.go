package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/deskbell/deskbell/cmd/internal/client"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

// Of two nodes the one that works for the mailbox is killed: the other takes over within the time of
// a lease, nothing is lost, nothing is there twice and no reply is sent twice.
func TestKillOneOfTwoNodes(t *testing.T) {
	dsn := storetest.FreshDatabase(t)
	h := openHouse(t, dsn) // the only node so far, so the mailbox is its
	other, err := h.server.Beside(t.TempDir(), "DESKBELL_NODE=other", "DESKBELL_KEY_FILE="+filepath.Join(h.server.Data(), "key"),
		"DESKBELL_BLOBS="+filepath.Join(h.server.Data(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	const total = 60
	deliver := func(from, to int) {
		for n := from; n < to; n++ {
			h.box.Deliver(customerMail(n+1), time.Now())
		}
	}
	deliver(0, 40)
	h.until("taking mails in", func() (int, bool) {
		stored := h.counts()["message"]
		return stored, stored >= 40
	})
	list, err := client.List[client.Conversation](t.Context(), h.caller, "/conversations?view=all&sort=oldest")
	if err != nil {
		t.Fatal(err)
	}
	// The kill falls into taking in and into sending. From here on the other node is asked.
	deliver(40, 50)
	for i, c := range list {
		caller := h.caller
		if i%2 == 1 {
			caller = other.Client()
		}
		body := map[string]any{"text": "Answer to " + c.Subject + "."}
		if err := caller.Do(t.Context(), http.MethodPost, "/conversations/"+c.ID+"/replies", "reply-"+c.ID, body, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.server.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	h.caller = other.Client()
	deliver(50, total)
	outlive(t, dsn)
	h.until("taking over", func() (int, bool) {
		stored := h.counts()["message"]
		return stored, stored >= total
	})
	t.Logf("taken over %s after the kill, beside the time a lease lasts", time.Since(killed).Round(time.Second/10))
	h.sentOnce(list)
	h.exactlyOnceEach(total)
}

// outlive makes the time pass that the leases of a dead node last: all leases end half a minute
// earlier. Who lives renews his.
func outlive(t *testing.T, dsn string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	const lasts = 30 * time.Second
	if _, err := connection.Exec(t.Context(), "UPDATE leases SET expires_at = expires_at - $1 WHERE node <> 'other'", lasts.Microseconds()); err != nil {
		t.Fatal(err)
	}
}

// exactlyOnceEach checks that each mail is in one conversation.
func (h *house) exactlyOnceEach(total int) {
	h.t.Helper()
	list, err := client.List[client.Conversation](h.t.Context(), h.caller, "/conversations?view=all&state=any&sort=oldest")
	if err != nil {
		h.t.Fatal(err)
	}
	seen := map[string]int{}
	for _, c := range list {
		seen[c.Subject]++
	}
	for n := range total {
		if subject := fmt.Sprintf("Question %d", n+1); seen[subject] != 1 {
			h.t.Errorf("%q is there %d times", subject, seen[subject])
		}
	}
	if len(list) != total {
		h.t.Errorf("there are %d conversations, want %d", len(list), total)
	}
}
