package web_test

import (
	"strings"
	"testing"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/seal"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/webtest"
)

// eachWithMail is each with the real kind of mail connections.
func eachWithMail(t *testing.T, fn func(t *testing.T, d desk)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mail := email.Kind()
		d := desk{Server: webtest.New(t, s, 2, channels.Registry{mail.Name: mail})}
		d.owner = d.Person("olga", rbac.Grant{Role: rbac.Owner})
		d.admin = d.Person("adam", rbac.Grant{Role: rbac.Admin, Shop: d.Shops[0]})
		d.ann, d.bob = d.Agent("ann", d.Shops[0]), d.Agent("bob", d.Shops[1])
		fn(t, d)
	})
}

func mailSettings(host string) map[string]any {
	return map[string]any{"address": "help@lamps.example", "imap": map[string]any{"host": host, "port": 993, "security": "tls"},
		"smtp": map[string]any{"host": host, "port": 465, "security": "tls"}}
}

func TestConnections(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d desk) {
		kinds := d.Want(200, d.ann, "GET", "/connection-kinds", nil)
		if !strings.Contains(string(kinds.Body), `"kind":"email"`) || !strings.Contains(string(kinds.Body), `"schema":{`) {
			t.Errorf("kinds: %s", kinds.Body)
		}
		wanted := map[string]any{"shop": d.Shops[0], "kind": "email", "settings": mailSettings("mail.lamps.example"), "secret": map[string]any{"password": "hunter2"}}
		d.Want(403, d.ann, "POST", "/connections", wanted)
		made := d.Want(201, d.admin, "POST", "/connections", wanted)
		c := made.Map()
		if c["name"] != "help@lamps.example" || c["state"] != "new" || len(c["secrets_set"].([]any)) != 1 || c["live_from"] == nil {
			t.Errorf("made %v", c)
		}
		connection := "/connections/" + c["id"].(string)
		for _, path := range []string{connection, "/connections", "/connections?shop=" + d.Shops[0].String(), "/audit", "/shops", "/events?limit=200"} {
			if a := d.Want(200, d.owner, "GET", path, nil); strings.Contains(string(a.Body), "hunter2") {
				t.Errorf("%s tells the password", path)
			}
		}
		wanted["shop"] = d.Shops[1]
		d.Want(404, d.admin, "POST", "/connections", wanted)
		wanted["shop"] = "999999"
		d.Want(404, d.admin, "POST", "/connections", wanted)

		for name, tt := range map[string]struct {
			change func(settings map[string]any)
			field  string
		}{
			"no address":     {func(s map[string]any) { delete(s, "address") }, "body.settings.address"},
			"port as text":   {func(s map[string]any) { s["imap"].(map[string]any)["port"] = "993" }, "body.settings.imap.port"},
			"unknown":        {func(s map[string]any) { s["colour"] = "red" }, "body.settings.colour"},
			"security":       {func(s map[string]any) { s["smtp"].(map[string]any)["security"] = "maybe" }, "body.settings.smtp.security"},
			"host is a list": {func(s map[string]any) { s["imap"].(map[string]any)["host"] = []any{} }, "body.settings.imap.host"},
		} {
			settings := mailSettings("mail.lamps.example")
			tt.change(settings)
			a := d.Want(422, d.admin, "PATCH", connection, map[string]any{"settings": settings})
			if !strings.Contains(string(a.Body), `"location":"`+tt.field+`"`) {
				t.Errorf("%s: %s, want %s", name, a.Body, tt.field)
			}
		}
		d.Want(422, d.admin, "PATCH", connection, map[string]any{"secret": map[string]any{"pin": "1234"}})
		d.Want(422, d.owner, "POST", "/connections", map[string]any{"shop": d.Shops[0], "kind": "telegraph", "settings": map[string]any{}})

		d.Want(200, d.admin, "PATCH", connection, `{"state":"disabled"}`)
		if got := d.Want(200, d.admin, "GET", connection, nil).Map()["state"]; got != "disabled" {
			t.Errorf("state %v", got)
		}
		d.Want(204, d.admin, "DELETE", connection, nil)
		d.Want(404, d.admin, "GET", connection, nil)
		d.conversation(0)
		d.Want(409, d.admin, "DELETE", "/connections/"+d.Connections[0].String(), nil) // it has messages
	})
}

// Whoever points a connection at a server of his own gets no password sent there.
func TestAnotherServerNeedsTheSecretAgain(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d desk) {
		made := d.Want(201, d.admin, "POST", "/connections", map[string]any{"shop": d.Shops[0], "kind": "email", "settings": mailSettings("mail.lamps.example"),
			"secret": map[string]any{"password": "hunter2"}}).Map()
		connection := "/connections/" + made["id"].(string)
		moved := map[string]any{"settings": mailSettings("mail.evil.example")}
		if refused := d.Want(422, d.admin, "PATCH", connection, moved).Map(); refused["reason"].(map[string]any)["code"] != "secret_needed" {
			t.Errorf("refused: %v", refused)
		}
		weaker := mailSettings("mail.lamps.example")
		weaker["smtp"].(map[string]any)["security"] = "none"
		d.Want(422, d.admin, "PATCH", connection, map[string]any{"settings": weaker})
		renamed := mailSettings("mail.lamps.example")
		renamed["address"] = "hello@lamps.example"
		if c := d.Want(200, d.admin, "PATCH", connection, map[string]any{"settings": renamed}).Map(); c["name"] != "hello@lamps.example" || len(c["secrets_set"].([]any)) != 1 {
			t.Errorf("another address: %v", c)
		}
		moved["secret"] = map[string]any{"password": "another"}
		d.Want(200, d.admin, "PATCH", connection, moved)

		var id inbox.ConnectionID
		if err := id.UnmarshalText([]byte(made["id"].(string))); err != nil {
			t.Fatal(err)
		}
		kept, err := d.Store.Connection(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(kept.Secret), "another") {
			t.Error("the database has the password as it is")
		}
		text, err := d.Ring.Open(kept.Secret, seal.Binding{Table: "connections", Field: "secret", Row: int64(id), Shop: int64(d.Shops[0])})
		if err != nil || string(text) != `{"password":"another"}` {
			t.Errorf("the secret opens as %q, %v", text, err)
		}
		if _, err := d.Ring.Open(kept.Secret, seal.Binding{Table: "connections", Field: "secret", Row: int64(id) + 1, Shop: int64(d.Shops[0])}); err == nil {
			t.Error("the secret opens for another row")
		}
	})
}

func TestLedgerAndSetAside(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d desk) {
		c := d.conversation(0)
		raw := store.PackBlob([]byte("not a mail"))
		connection := "/connections/" + d.Connections[0].String()
		d.World.Do(func(tx *store.Tx) error {
			if err := tx.PutBlobs(t.Context(), []store.Blob{raw}); err != nil {
				return err
			}
			now := d.Store.Now()
			return tx.SaveLedger(t.Context(), []inbox.LedgerEntry{
				{Connection: d.Connections[0], SourceKey: "INBOX|1|1", State: inbox.LedgerMessage, Message: c.LastInID, ReceivedAt: now, TakenAt: now},
				{Connection: d.Connections[0], SourceKey: "INBOX|1|2", State: inbox.LedgerSetAside, RawHash: raw.Hash, Size: raw.Size, Attempts: 3, ReceivedAt: now,
					Reason: &inbox.Reason{Code: "reading_failed_thrice"}},
				{Connection: d.Connections[0], SourceKey: "INBOX|1|3", State: inbox.LedgerSame, ReceivedAt: now}})
		})
		var ledger struct {
			Items  []map[string]any
			Next   *string
			Counts map[string]int
		}
		d.Want(200, d.admin, "GET", connection+"/ledger?limit=2", nil).Into(&ledger)
		if len(ledger.Items) != 2 || ledger.Next == nil || ledger.Counts["message"] != 1 || ledger.Counts["set_aside"] != 1 || ledger.Counts["same"] != 1 {
			t.Errorf("ledger: %+v", ledger)
		}
		d.Want(200, d.admin, "GET", connection+"/ledger?cursor="+*ledger.Next, nil).Into(&ledger)
		if len(ledger.Items) != 1 || ledger.Items[0]["conversation"] != c.ID.String() || ledger.Items[0]["message"] != c.LastInID.String() {
			t.Errorf("last page: %+v", ledger.Items)
		}
		aside := d.Want(200, d.admin, "GET", connection+"/set-aside", nil)
		if len(aside.IDs()) != 1 {
			t.Fatalf("set aside: %s", aside.Body)
		}
		item := connection + "/set-aside/" + aside.IDs()[0]
		if a := d.Want(200, d.admin, "GET", item+"/raw", nil); string(a.Body) != "not a mail" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment;") {
			t.Errorf("raw: %q %v", a.Body, a.Header)
		}
		d.Want(403, d.ann, "GET", item+"/raw", nil)
		d.Want(404, d.owner, "GET", "/connections/"+d.Connections[1].String()+"/set-aside/"+aside.IDs()[0]+"/raw", nil) // of another connection
		d.Want(503, d.admin, "POST", item+"/retry", nil)                                                                // no connection runs here
		d.Want(204, d.admin, "DELETE", item, nil)
		d.Want(409, d.admin, "DELETE", item, nil)
		if ids := d.Want(200, d.admin, "GET", connection+"/ledger?state=ignored", nil).IDs(); len(ids) != 1 {
			t.Errorf("ignored: %v", ids)
		}
	})
}
