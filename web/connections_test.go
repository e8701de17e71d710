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
		raw := "From: ann@buyer.example\r\nSubject: Broken\r\n\r\nWhere is my lamp?\r\n"
		kept := store.PackBlob([]byte(raw))
		connection := "/connections/" + d.Connections[0].String()
		d.World.Do(func(tx *store.Tx) error {
			if err := tx.PutBlobs(t.Context(), []store.Blob{kept}); err != nil {
				return err
			}
			now := d.Store.Now()
			return tx.SaveLedger(t.Context(), []inbox.LedgerEntry{
				{Connection: d.Connections[0], SourceKey: "INBOX|1|1", State: inbox.LedgerMessage, Message: c.LastInID, ReceivedAt: now, TakenAt: now},
				{Connection: d.Connections[0], SourceKey: "INBOX|1|2", State: inbox.LedgerSetAside, RawHash: kept.Hash, Size: kept.Size, Attempts: 3, Subject: "Broken", ReceivedAt: now,
					Reason: &inbox.Reason{Code: "reading_failed_thrice"}},
				{Connection: d.Connections[0], SourceKey: "INBOX|1|3", State: inbox.LedgerSame, ReceivedAt: now}})
		})
		var ledger struct {
			Items  []map[string]any
			Next   *string
			Counts map[string]int
			Total  int
		}
		d.Want(200, d.admin, "GET", connection+"/ledger?limit=2", nil).Into(&ledger)
		sum := 0
		for _, n := range ledger.Counts {
			sum += n
		}
		if len(ledger.Items) != 2 || ledger.Next == nil || ledger.Counts["message"] != 1 || ledger.Counts["set_aside"] != 1 || ledger.Counts["same"] != 1 ||
			sum != 3 || ledger.Total != 3 {
			t.Errorf("ledger: %+v", ledger)
		}
		d.Want(200, d.admin, "GET", connection+"/ledger?cursor="+*ledger.Next, nil).Into(&ledger)
		if len(ledger.Items) != 1 || ledger.Items[0]["conversation"] != c.ID.String() || ledger.Items[0]["message"] != c.LastInID.String() {
			t.Errorf("last page: %+v", ledger.Items)
		}
		if ids := d.Want(200, d.admin, "GET", connection+"/ledger?q=broken", nil).IDs(); len(ids) != 1 {
			t.Errorf("found %v, want one", ids)
		}
		for who, status := range map[rbac.UserID]int{d.ann: 403, d.bob: 404} {
			d.Want(status, who, "GET", connection+"/ledger", nil)
			d.Want(status, who, "POST", connection+"/ledger/count", nil)
			d.Want(status, who, "GET", connection+"/set-aside", nil)
		}
		d.Want(403, d.ann, "GET", "/set-aside", nil)
		d.Want(403, d.ann, "POST", "/set-aside/retry", `{}`)
		d.Want(403, d.ann, "GET", "/alarms", nil)
		d.Want(202, d.admin, "POST", connection+"/ledger/count", nil)
		aside := d.Want(200, d.admin, "GET", connection+"/set-aside", nil)
		if len(aside.IDs()) != 1 {
			t.Fatalf("set aside: %s", aside.Body)
		}
		if all := d.Want(200, d.admin, "GET", "/set-aside", nil).IDs(); len(all) != 1 || all[0] != aside.IDs()[0] {
			t.Errorf("set aside in all shops of the admin: %v", all)
		}
		if a := d.Want(200, d.admin, "GET", "/alarms", nil); !strings.Contains(string(a.Body), `"kind":"set_aside"`) {
			t.Errorf("alarms: %s", a.Body)
		}
		entry, item := connection+"/ledger/"+aside.IDs()[0], connection+"/set-aside/"+aside.IDs()[0]
		a := d.Want(200, d.admin, "GET", entry+"/raw", nil)
		if string(a.Body) != raw || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment;") ||
			a.Header.Get("Content-Type") != "message/rfc822" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("raw: %q %v", a.Body, a.Header)
		}
		if a := d.Want(200, d.admin, "GET", "/audit", nil); !strings.Contains(string(a.Body), `"message.raw_viewed"`) {
			t.Errorf("nobody knows that it was looked at: %s", a.Body)
		}
		d.Want(403, d.ann, "GET", entry+"/raw", nil)
		d.Want(404, d.bob, "GET", entry+"/raw", nil)
		other := "/connections/" + d.Connections[1].String() + "/ledger/" + aside.IDs()[0]
		d.Want(404, d.owner, "GET", other+"/raw", nil) // of another connection
		d.Want(404, d.owner, "GET", other, nil)

		d.Want(200, d.admin, "PATCH", connection, map[string]any{"settings": mailSettings("mail.lamps.example")})
		// The program reads it now: it becomes a message, and is set aside no more.
		for who, status := range map[rbac.UserID]int{d.ann: 403, d.bob: 404} {
			d.Want(status, who, "POST", item+"/retry", nil)
			d.Want(status, who, "POST", item+"/ignore", `{"reason":"no"}`)
			d.Want(status, who, "DELETE", item, nil)
		}
		if got := d.Want(200, d.admin, "POST", item+"/retry", nil).Map(); got["state"] != "message" || got["conversation"] == nil || got["attempts"] != 4.0 {
			t.Errorf("after a retry: %v", got)
		}
		d.Want(409, d.admin, "POST", item+"/retry", nil)
		d.Want(409, d.admin, "POST", item+"/ignore", `{"reason":"too late"}`)
		d.Want(409, d.admin, "DELETE", item, nil)
	})
}

func TestSetAsideIsLeftOut(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d desk) {
		connection := "/connections/" + d.Connections[0].String()
		contents := []store.Blob{store.PackBlob([]byte("first")), store.PackBlob([]byte("second"))}
		d.World.Do(func(tx *store.Tx) error {
			if err := tx.PutBlobs(t.Context(), contents); err != nil {
				return err
			}
			now := d.Store.Now()
			return tx.SaveLedger(t.Context(), []inbox.LedgerEntry{
				{Connection: d.Connections[0], SourceKey: "INBOX|1|1", State: inbox.LedgerSetAside, RawHash: contents[0].Hash, Subject: "One", ReceivedAt: now},
				{Connection: d.Connections[0], SourceKey: "INBOX|1|2", State: inbox.LedgerSetAside, RawHash: contents[1].Hash, Subject: "Two", ReceivedAt: now}})
		})
		ids := d.Want(200, d.admin, "GET", connection+"/set-aside", nil).IDs() // the newest first
		d.Want(422, d.admin, "POST", connection+"/set-aside/"+ids[1]+"/ignore", `{"reason":""}`)
		ignored := d.Want(200, d.admin, "POST", connection+"/set-aside/"+ids[1]+"/ignore", `{"reason":"an advertisement"}`).Map()
		if why := ignored["reason"].(map[string]any); ignored["state"] != "ignored" || why["code"] != "ignored_by_hand" || why["params"].(map[string]any)["note"] != "an advertisement" {
			t.Errorf("ignored: %v", ignored)
		}
		d.Want(200, d.admin, "GET", connection+"/ledger/"+ids[1]+"/raw", nil)
		d.Want(204, d.admin, "DELETE", connection+"/set-aside/"+ids[0], nil)
		d.Want(404, d.admin, "GET", connection+"/ledger/"+ids[0]+"/raw", nil)
		if gone := d.Want(200, d.admin, "GET", connection+"/ledger/"+ids[0], nil).Map(); gone["state"] != "ignored" || gone["subject"] != "" {
			t.Errorf("deleted: %v", gone)
		}
		if _, err := d.Store.SmallBlobContent(t.Context(), contents[1].Hash); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("deleted bytes: %v, want them gone", err)
		}
		lines := string(d.Want(200, d.admin, "GET", "/audit", nil).Body)
		for _, action := range []string{"ledger.ignored", "ledger.deleted"} {
			if !strings.Contains(lines, action) {
				t.Errorf("%s is not on record", action)
			}
		}
	})
}

func TestSilenceSetting(t *testing.T) {
	eachWithMail(t, func(t *testing.T, d desk) {
		c := d.Want(201, d.admin, "POST", "/connections", map[string]any{"shop": d.Shops[0], "kind": "email", "settings": mailSettings("mail.lamps.example")}).Map()
		connection := "/connections/" + c["id"].(string)
		d.Want(422, d.admin, "PATCH", connection, `{"silence_hours":-2}`)
		if got := d.Want(200, d.admin, "PATCH", connection, `{"silence_hours":12}`).Map(); got["silence_hours"] != 12.0 {
			t.Errorf("kept %v", got["silence_hours"])
		}
	})
}
