package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// folderCount is what the ledger says of one folder in one numbering.
type folderCount struct{ held, recorded, gone, outside, waiting, missing int }

// counted has a connection counted and returns what was found, the numbering in use first.
func counted(p *person, connection string) map[string][]folderCount {
	p.t.Helper()
	socket := p.watch("")
	p.call("POST", "/connections/"+connection+"/ledger/count", nil, http.StatusAccepted)
	for socket.next("connection.changed")["data"].(map[string]any)["counted"] != true {
		continue
	}
	answer := p.call("GET", "/connections/"+connection+"/ledger", nil, http.StatusOK)
	found, recorded := map[string][]folderCount{}, 0
	for _, each := range answer["folders"].([]any) {
		f := each.(map[string]any)
		n := func(name string) int { return int(f[name].(float64)) }
		c := folderCount{n("held"), n("recorded"), n("gone"), n("outside"), n("waiting"), n("missing")}
		if c.held != c.recorded-c.gone+c.outside+c.waiting+c.missing {
			p.t.Errorf("%s does not add up: %+v", f["folder"], c)
		}
		recorded += c.recorded
		if name := f["folder"].(string); c.held > 0 {
			found[name] = append([]folderCount{c}, found[name]...)
		} else {
			found[name] = append(found[name], c)
		}
	}
	sum := 0
	for _, n := range answer["counts"].(map[string]any) {
		sum += int(n.(float64))
	}
	if total := int(answer["total"].(float64)); total != sum || total != recorded {
		p.t.Errorf("the ledger has %d entries, its states add up to %d, its folders to %d", total, sum, recorded)
	}
	return found
}

// Whatever happens at the source, the ledger's counts add up with the mailbox.
func TestLedgerAddsUp(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { ledgerAddsUp(t, app.Config{}) })
	if !testing.Short() {
		t.Run("postgres", func(t *testing.T) { ledgerAddsUp(t, app.Config{Database: storetest.FreshDatabase(t)}) })
	}
}

func ledgerAddsUp(t *testing.T, c app.Config) {
	const shop = "help@lamps.example"
	dovecot := emailtest.StartDovecot(t, map[string]string{shop: "secret"})
	postfix := emailtest.StartPostfix(t, dovecot)
	d := open(t, c, app.Far{Roots: dovecot.Roots})
	owner := d.hire("Olga", rbac.Owner)
	deliver := func(n int, folder string, at time.Time) {
		t.Helper()
		dovecot.Deliver(shop, folder, letter(n, fmt.Sprintf("ann%d@buyer.example", n), shop, fmt.Sprintf("Parcel number%d.", n)), at)
	}
	now := time.Now()
	deliver(1, "INBOX", now.AddDate(0, 0, -90))
	deliver(2, "INBOX", now.Add(-30*24*time.Hour-time.Minute)) // older than the import by a minute
	for n := 3; n <= 6; n++ {
		deliver(n, "INBOX", now.Add(-time.Hour))
	}
	deliver(7, "Orders", now.Add(-time.Hour))
	id := owner.call("POST", "/shops", map[string]any{"name": "Lamps", "zone": "Europe/Rome"}, http.StatusCreated)["id"].(string)
	owner.call("PATCH", "/shops/"+id, map[string]any{"state": "active"}, http.StatusOK)
	at := settings(shop, dovecot, postfix)
	at["imap"].(map[string]any)["folders"] = []string{"INBOX", "Orders"}
	connection := owner.call("POST", "/connections", map[string]any{"shop": id, "kind": "email", "settings": at,
		"secret": map[string]any{"password": "secret"}}, http.StatusCreated)["id"].(string)
	total := func(want int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d entries in the ledger", want), func() bool {
			return owner.call("GET", "/connections/"+connection+"/ledger", nil, http.StatusOK)["total"] == float64(want)
		})
	}
	wants := func(when string, want map[string]folderCount) {
		t.Helper()
		got := counted(owner, connection)
		for folder, count := range want {
			if len(got[folder]) == 0 || got[folder][0] != count {
				t.Errorf("%s: %s is %+v, want %+v", when, folder, got[folder], count)
			}
		}
	}
	total(5)
	wants("after the import", map[string]folderCount{"INBOX": {held: 6, recorded: 4, outside: 2}, "Orders": {held: 1, recorded: 1}})

	// Another program moves one mail and deletes another.
	moved := dovecot.Expunge(shop, "INBOX", "number3.")
	dovecot.Deliver(shop, "Orders", moved, now.Add(-time.Hour))
	dovecot.Expunge(shop, "INBOX", "number4.")
	total(6)
	wants("moved and deleted", map[string]folderCount{"INBOX": {held: 4, recorded: 4, gone: 2, outside: 2}, "Orders": {held: 2, recorded: 2}})

	// The mailbox is rebuilt: everything has another number, and is known all the same.
	set := func(state string) {
		t.Helper()
		owner.call("PATCH", "/connections/"+connection, map[string]any{"state": state}, http.StatusOK)
	}
	set("disabled")
	dovecot.Renumber(shop, "INBOX")
	deliver(8, "INBOX", now)
	set("new")
	total(6 + 3)
	wants("renumbered", map[string]folderCount{"INBOX": {held: 5, recorded: 3, outside: 2}, "Orders": {held: 2, recorded: 2}})
	answer := owner.call("GET", "/connections/"+connection+"/ledger", nil, http.StatusOK)
	counts := answer["counts"].(map[string]any)
	if counts["message"] != 6.0 || counts["same"] != 3.0 {
		t.Errorf("counts %v, want six messages and three that are the same", counts)
	}

	// A pull passed mails by: they are found, and read.
	set("disabled")
	deliver(9, "INBOX", now)
	deliver(10, "INBOX", now)
	passBy(t, d, connection, 2)
	set("new")
	eventually(t, "the connection is well", func() bool {
		return owner.call("GET", "/connections/"+connection, nil, http.StatusOK)["state"] == "connected"
	})
	wants("passed by", map[string]folderCount{"INBOX": {held: 7, recorded: 5, outside: 2}, "Orders": {held: 2, recorded: 2}})
	if found := owner.items("/connections/" + connection + "/ledger?q=number10."); len(found) != 1 || found[0]["state"] != "message" {
		t.Errorf("what was passed by became %v", found)
	}
	if alarms := owner.items("/alarms"); len(alarms) != 0 {
		t.Errorf("alarms %v", alarms)
	}
}

// passBy moves a connection's cursor over the next mails of its inbox, as a fault of a server or of
// ours might.
func passBy(t *testing.T, d *desk, connection string, mails uint32) {
	t.Helper()
	var id inbox.ConnectionID
	if err := id.UnmarshalText([]byte(connection)); err != nil {
		t.Fatal(err)
	}
	c, err := d.app.Store.Connection(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var cursor map[string]map[string]any
	if err := json.Unmarshal([]byte(c.Cursor), &cursor); err != nil {
		t.Fatal(err)
	}
	cursor["INBOX"]["uid"] = cursor["INBOX"]["uid"].(float64) + float64(mails)
	text, err := json.Marshal(cursor)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.app.Store.InTx(t.Context(), func(tx *store.Tx) error { return tx.SetCursor(t.Context(), id, string(text)) }); err != nil {
		t.Fatal(err)
	}
}

// What was set aside is read again on a node that does not hold the connection, and while its server
// is away: its bytes are here.
func TestRetryOnAnyNode(t *testing.T) {
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
	owner := nodes[0].hire("Olga", rbac.Owner)
	id := owner.call("POST", "/shops", map[string]any{"name": "Lamps", "zone": "Europe/Rome"}, http.StatusCreated)["id"].(string)
	owner.call("PATCH", "/shops/"+id, map[string]any{"state": "active"}, http.StatusOK)
	connection := owner.call("POST", "/connections", map[string]any{"shop": id, "kind": "email", "settings": settings(shop, dovecot, postfix),
		"secret": map[string]any{"password": "secret"}}, http.StatusCreated)["id"].(string)
	eventually(t, "the mailbox is connected", func() bool {
		return owner.call("GET", "/connections/"+connection, nil, http.StatusOK)["state"] == "connected"
	})
	dovecot.Stop()

	// As an older program left them, which could not read these mails.
	var number inbox.ConnectionID
	if err := number.UnmarshalText([]byte(connection)); err != nil {
		t.Fatal(err)
	}
	const mails = 4
	err := nodes[0].app.Store.InTx(t.Context(), func(tx *store.Tx) error {
		var entries []inbox.LedgerEntry
		for n := range mails {
			raw := store.PackBlob(letter(n, fmt.Sprintf("ann%d@buyer.example", n), shop, fmt.Sprintf("Parcel %d", n)))
			if err := tx.PutBlobs(t.Context(), []store.Blob{raw}); err != nil {
				return err
			}
			entries = append(entries, inbox.LedgerEntry{Connection: number, SourceKey: fmt.Sprintf("INBOX|1|%d", n+1), State: inbox.LedgerSetAside,
				Place: inbox.Place{Folder: "INBOX", Epoch: 1, Number: uint32(n + 1)}, RawHash: raw.Hash, Size: raw.Size, Attempts: 3,
				ReceivedAt: time.Now(), Reason: &inbox.Reason{Code: "mail_unreadable"}})
		}
		return tx.SaveLedger(t.Context(), entries)
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, node := range nodes { // one of them holds the connection, the other does not
		at := owner.at(node)
		item := at.items("/set-aside")[0]
		got := at.call("POST", "/connections/"+connection+"/set-aside/"+item["id"].(string)+"/retry", nil, http.StatusOK)
		if got["state"] != "message" || got["conversation"] == nil {
			t.Errorf("node %d: became %v", n, got)
		}
	}
	if asked := owner.at(nodes[1]).call("POST", "/set-aside/retry", map[string]any{}, http.StatusAccepted)["asked"]; asked != 2.0 {
		t.Errorf("asked for %v, want 2", asked)
	}
	eventually(t, "the rest is read again", func() bool { return len(owner.items("/set-aside")) == 0 })
	if counts := owner.call("GET", "/connections/"+connection+"/ledger", nil, http.StatusOK)["counts"].(map[string]any); counts["message"] != float64(mails) {
		t.Errorf("counts %v, want %d messages", counts, mails)
	}
}
