package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/webtest"
)

// each runs fn on a server with two shops, an owner, an admin and an agent of the first shop, and an
// agent of the second.
func each(t *testing.T, fn func(t *testing.T, d desk)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := webtest.New(t, s, 2, nil)
		d := desk{Server: server}
		d.owner = d.Person("olga", rbac.Grant{Role: rbac.Owner})
		d.admin = d.Person("adam", rbac.Grant{Role: rbac.Admin, Shop: d.Shops[0]})
		d.ann, d.bob = d.Agent("ann", d.Shops[0]), d.Agent("bob", d.Shops[1])
		fn(t, d)
	})
}

type desk struct {
	*webtest.Server
	owner, admin, ann, bob rbac.UserID
}

// conversation adds one to a shop.
func (d desk) conversation(shop int) inbox.Conversation { return d.Conversation(shop, nil) }

func path(c inbox.Conversation, rest string) string { return "/conversations/" + c.ID.String() + rest }

func TestAgentCannotCreateTag(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		a := d.Want(403, d.ann, "POST", "/tags", `{"name":"Refund"}`)
		if a.Map()["code"] != "denied" {
			t.Errorf("answer %s", a.Body)
		}
		socket, _ := d.Open(d.ann, "")
		socket.Send(`{"op":"tag_create","id":"1","name":"Refund"}`)
		if frame := socket.Kind("error"); frame["id"] != "1" || frame["problem"].(map[string]any)["code"] != "denied" {
			t.Errorf("frame %v", frame)
		}
		c := d.conversation(0)
		socket.Send(`{"op":"tag","id":"2","conversation":%q,"tag":"999"}`, c.ID)
		if frame := socket.Kind("error"); frame["problem"].(map[string]any)["status"] != 404.0 {
			t.Errorf("an unknown tag was applied: %v", frame)
		}
		bulk := d.Want(200, d.ann, "POST", "/conversations/bulk", map[string]any{"ids": []any{c.ID}, "op": "tag", "tag": "999"})
		if bulk.Map()["done"] != 0.0 {
			t.Errorf("bulk: %s", bulk.Body)
		}
		if ids := d.Want(200, d.owner, "GET", "/tags?archived=true", nil).IDs(); len(ids) != 0 {
			t.Errorf("tags exist: %v", ids)
		}
		d.Want(201, d.admin, "POST", "/tags", `{"name":"Refund","color":"red"}`)
		d.Want(409, d.admin, "POST", "/tags", `{"name":" refund "}`)
		d.Want(422, d.admin, "POST", "/tags", `{"name":"Other","color":"mauve"}`)
	})
}

// Whatever is asked about something of another shop is answered as if it did not exist.
func TestForeignShopIsInvisible(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		own, foreign := d.conversation(0), d.conversation(1)
		tag := d.Want(201, d.owner, "POST", "/tags", `{"name":"Refund"}`).Map()["id"].(string)
		file := upload(t, d, d.bob, "a.txt", []byte("hello"))
		note := d.Want(201, d.bob, "POST", path(foreign, "/notes"), `{"text":"secret"}`).Map()["id"].(string)
		connection := d.Connections[1].String()
		for _, r := range []struct{ method, path, body string }{
			{"GET", "", ""}, {"GET", "/messages", ""}, {"GET", "/events", ""}, {"GET", "/draft", ""},
			{"POST", "/replies", `{"text":"hi"}`}, {"POST", "/notes", `{"text":"hi"}`}, {"PUT", "/tags/" + tag, ""}, {"DELETE", "/tags/" + tag, ""},
			{"PUT", "/assignee", `{"user":null}`}, {"PUT", "/state", `{"state":"closed"}`}, {"PUT", "/snooze", `{"until":"2099-01-01T00:00:00Z"}`},
			{"PUT", "/subject", `{"subject":"x"}`}, {"PUT", "/draft", `{"text":"x"}`}, {"DELETE", "/draft", ""}, {"PUT", "/read", `{"read":true}`},
			{"DELETE", "", ""}, {"POST", "/merge", `{"into":"` + own.ID.String() + `"}`}, {"DELETE", "/merge", ""}, {"POST", "/split", `{"message":"1"}`}, {"DELETE", "/split", ""},
			{"PUT", "/links/" + own.ID.String(), ""}, {"DELETE", "/links/" + own.ID.String(), ""},
		} {
			body := any(nil)
			if r.body != "" {
				body = r.body
			}
			there := d.Want(404, d.ann, r.method, path(foreign, r.path), body)
			nowhere := d.Want(404, d.ann, r.method, "/conversations/999999"+r.path, body)
			if string(there.Body) != string(nowhere.Body) {
				t.Errorf("%s %s: foreign %s, unknown %s", r.method, r.path, there.Body, nowhere.Body)
			}
		}
		for _, p := range []string{"/shops/" + d.Shops[1].String(), "/shops/" + d.Shops[1].String() + "/members", "/shops/" + d.Shops[1].String() + "/assignment",
			"/messages/" + note + "/html", "/messages/" + note + "/raw", "/messages/" + foreign.LastInID.String() + "/raw", "/attachments/" + file, "/contacts/" + foreign.Contact.String(),
			"/contacts/" + foreign.Contact.String() + "/conversations", "/connections/" + connection, "/connections/" + connection + "/ledger", "/routing/explain?conversation=" + foreign.ID.String()} {
			d.Want(404, d.admin, "GET", p, nil)
		}
		d.Want(404, d.admin, "POST", "/connections/"+connection+"/test", nil)
		d.Want(404, d.admin, "PATCH", "/shops/"+d.Shops[1].String(), `{"name":"Mine now"}`)
		d.Want(404, d.ann, "POST", "/messages/"+note+"/undo", nil)
		d.Want(404, d.ann, "POST", "/messages/"+note+"/retry", nil)

		list := d.Want(200, d.ann, "GET", "/conversations?state=any", nil).IDs()
		if !slices.Equal(list, []string{own.ID.String()}) {
			t.Errorf("list: %v", list)
		}
		if ids := d.Want(200, d.ann, "GET", "/conversations?state=any&shop="+d.Shops[1].String(), nil).IDs(); len(ids) != 0 {
			t.Errorf("list of the foreign shop: %v", ids)
		}
		counts := d.Want(200, d.ann, "GET", "/conversations/counts", nil).Map()
		if len(counts["shops"].(map[string]any)) != 1 || counts["views"].(map[string]any)["all"].(map[string]any)["total"] != 1.0 {
			t.Errorf("counts: %v", counts)
		}
		for _, q := range []string{"parcel", "customer", "shop:" + d.Shops[1].String(), "from:customer"} {
			answer := d.Want(200, d.ann, "GET", "/search?q="+strings.ReplaceAll(q, " ", "+"), nil)
			if strings.Contains(string(answer.Body), `"id":"`+foreign.ID.String()+`"`) && strings.Contains(string(answer.Body), foreign.ContactName) {
				t.Errorf("search %q found %s", q, answer.Body)
			}
		}
		if ids := d.Want(200, d.ann, "GET", "/contacts", nil).IDs(); len(ids) != 1 {
			t.Errorf("contacts: %v", ids)
		}
		events := d.Want(200, d.ann, "GET", "/events?limit=200", nil)
		if strings.Contains(string(events.Body), `"shop":"`+d.Shops[1].String()+`"`) {
			t.Errorf("events: %s", events.Body)
		}
		bulk := d.Want(200, d.ann, "POST", "/conversations/bulk", map[string]any{"ids": []any{own.ID, foreign.ID}, "op": "state", "state": "closed"}).Map()
		if bulk["done"] != 1.0 || bulk["failed"].([]any)[0].(map[string]any)["code"] != "not_found" {
			t.Errorf("bulk: %v", bulk)
		}
	})
}

// In scope but not allowed is 403, and only signed-in people get that far.
func TestDeniedAndUnauthenticated(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		c := d.conversation(0)
		shop, connection := d.Shops[0].String(), d.Connections[0].String()
		tag := d.Want(201, d.owner, "POST", "/tags", `{"name":"Refund"}`).Map()["id"].(string)
		for _, r := range []struct{ method, path, body string }{
			{"GET", "/messages/" + c.LastInID.String() + "/raw", ""}, {"PATCH", "/shops/" + shop, `{"name":"x"}`}, {"POST", "/shops", `{"name":"x","zone":"UTC"}`},
			{"PUT", "/shops/" + shop + "/assignment", `{"primary":null}`}, {"PATCH", "/shops/" + shop + "/members/" + d.ann.String(), `{"sees":"assigned"}`},
			{"GET", "/connections", ""}, {"GET", "/connections/" + connection, ""}, {"PATCH", "/connections/" + connection, `{}`}, {"DELETE", "/connections/" + connection, ""},
			{"GET", "/connections/" + connection + "/ledger", ""}, {"GET", "/connections/" + connection + "/set-aside", ""},
			{"PATCH", "/tags/" + tag, `{"name":"x"}`}, {"POST", "/tags/" + tag + "/merge", `{"into":"1"}`},
		} {
			var body any
			if r.body != "" {
				body = r.body
			}
			d.Want(403, d.ann, r.method, r.path, body)
			d.Want(401, 0, r.method, r.path, body)
		}
		d.Want(403, d.admin, "POST", "/shops", `{"name":"Another","zone":"UTC"}`) // an admin of one shop only
		d.Want(201, d.owner, "POST", "/shops", `{"name":"Another","zone":"Europe/Rome"}`)
		d.Want(422, d.owner, "POST", "/shops", `{"name":"Third","zone":"Europe/Nowhere"}`)
	})
}

func TestActsOnConversation(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		c := d.conversation(0)
		tag := d.Want(201, d.owner, "POST", "/tags", `{"name":"Refund"}`).Map()["id"].(string)
		shown := d.Want(200, d.ann, "GET", path(c, ""), nil).Map()
		if reply := shown["reply"].(map[string]any); reply["allowed"] != true || shown["channel"] != "email" || shown["unread"] != true {
			t.Errorf("detail: %v", shown)
		}
		if shown["assignee"] != nil || shown["snoozed_until"] != nil || len(shown["tags"].([]any)) != 0 {
			t.Errorf("none is not null or []: %v", shown)
		}
		version := int64(shown["version"].(float64))
		match := func(v int64) []string { return []string{"If-Match", fmt.Sprintf(`"%d"`, v)} }

		shown = d.Want(200, d.ann, "PUT", path(c, "/tags/"+tag), nil, match(version)...).Map()
		if !slices.Equal(shown["tags"].([]any), []any{tag}) || shown["version"] != float64(version+1) {
			t.Errorf("after tagging: %v", shown)
		}
		again := d.Want(200, d.ann, "PUT", path(c, "/tags/"+tag), nil).Map()
		if again["version"] != shown["version"] {
			t.Error("tagging twice changed something")
		}
		stale := d.Want(409, d.ann, "PUT", path(c, "/state"), `{"state":"closed"}`, match(version)...).Map()
		if current := stale["current"].(map[string]any); current["version"] != shown["version"] || current["id"] != c.ID.String() {
			t.Errorf("current of a stale write: %v", stale)
		}
		d.Want(422, d.ann, "PUT", path(c, "/state"), `{"state":"closed"}`, "If-Match", "abc")
		d.Want(422, d.ann, "PUT", path(c, "/state"), `{"state":"snoozed"}`)
		d.Want(422, d.ann, "PUT", path(c, "/state"), `{"state":"open","reason":"spam"}`)
		d.Want(422, d.ann, "PUT", path(c, "/snooze"), `{"until":"2001-01-01T00:00:00Z"}`)
		for _, tt := range [][2]string{{`{"state":"snoozed","until":"2099-01-01T00:00:00Z"}`, "snoozed"}, {`{"state":"pending"}`, "pending"},
			{`{"state":"closed","reason":"spam"}`, "closed"}, {`{"state":"open"}`, "open"}} {
			if got := d.Want(200, d.ann, "PUT", path(c, "/state"), tt[0]).Map()["state"]; got != tt[1] {
				t.Errorf("%s: %v", tt[0], got)
			}
		}
		if got := d.Want(200, d.ann, "PUT", path(c, "/assignee"), map[string]any{"user": d.ann}).Map()["assignee"]; got != d.ann.String() {
			t.Errorf("assignee %v", got)
		}
		d.Want(422, d.ann, "PUT", path(c, "/assignee"), map[string]any{"user": d.bob}) // may not reply here
		if got := d.Want(200, d.ann, "PUT", path(c, "/subject"), `{"subject":"  Late \t parcel "}`).Map()["subject"]; got != "Late parcel" {
			t.Errorf("subject %q", got)
		}
		d.Want(204, d.ann, "PUT", path(c, "/read"), `{"read":true}`)
		if d.Want(200, d.ann, "GET", path(c, ""), nil).Map()["unread"] != false || d.Want(200, d.owner, "GET", path(c, ""), nil).Map()["unread"] != true {
			t.Error("reading is not one's own")
		}
		shown = d.Want(200, d.ann, "DELETE", path(c, "/tags/"+tag), nil).Map()
		if len(shown["tags"].([]any)) != 0 {
			t.Errorf("after untagging: %v", shown["tags"])
		}
		var history struct{ Items []struct{ Kind string } }
		d.Want(200, d.ann, "GET", path(c, "/events"), nil).Into(&history)
		var kinds []string
		for _, e := range history.Items {
			kinds = append(kinds, e.Kind)
		}
		for _, kind := range []string{"conversation.tagged", "conversation.untagged", "conversation.closed", "conversation.opened", "conversation.assigned"} {
			if !slices.Contains(kinds, kind) {
				t.Errorf("history %v has no %s", kinds, kind)
			}
		}
	})
}

func TestReplyNoteDraft(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		c := d.conversation(0)
		d.Want(404, d.ann, "GET", path(c, "/draft"), nil)
		file := upload(t, d, d.ann, "label.png", png)
		d.Want(200, d.ann, "PUT", path(c, "/draft?kind=reply"), map[string]any{"text": "Dear", "attachments": []any{map[string]any{"id": file, "name": "label.png"}}})
		if draft := d.Want(200, d.ann, "GET", path(c, "/draft"), nil).Map(); draft["text"] != "Dear" || len(draft["attachments"].([]any)) != 1 {
			t.Errorf("draft %v", draft)
		}
		d.Want(404, d.owner, "GET", path(c, "/draft"), nil)

		body := map[string]any{"text": "It is on its way.", "attachments": []any{file}, "then": "close", "seen": c.LastInID}
		first := d.Want(202, d.ann, "POST", path(c, "/replies"), body, "Idempotency-Key", "k-1")
		second := d.Want(202, d.ann, "POST", path(c, "/replies"), body, "Idempotency-Key", "k-1")
		if first.Map()["id"] != second.Map()["id"] || first.Map()["state"] != "queued" || first.Map()["send_at"] == nil {
			t.Errorf("one key, two replies: %s %s", first.Body, second.Body)
		}
		d.Want(404, d.ann, "GET", path(c, "/draft"), nil)
		body["text"] = "Something else."
		if reused := d.Want(422, d.ann, "POST", path(c, "/replies"), body, "Idempotency-Key", "k-1").Map(); reused["code"] != "key_reused" {
			t.Errorf("another body under the key: %v", reused)
		}
		d.Want(422, d.ann, "POST", path(c, "/replies"), `{"text":"x"}`, "Idempotency-Key", "with space")
		if state := d.Want(200, d.ann, "GET", path(c, ""), nil).Map()["state"]; state != "closed" {
			t.Errorf("state after the reply: %v", state)
		}
		undone := d.Want(200, d.ann, "POST", "/messages/"+first.Map()["id"].(string)+"/undo", nil).Map()
		if undone["state"] != "withdrawn" {
			t.Errorf("undone: %v", undone)
		}
		d.Want(409, d.ann, "POST", "/messages/"+first.Map()["id"].(string)+"/undo", nil)
		d.Want(200, d.ann, "GET", path(c, "/draft"), nil)
		d.Want(204, d.ann, "DELETE", path(c, "/draft"), nil)
		d.Want(404, d.ann, "GET", path(c, "/draft"), nil)

		note := d.Want(201, d.admin, "POST", path(c, "/notes"), map[string]any{"text": "Look at this, Ann.", "mentions": []any{d.ann}}, "Idempotency-Key", "n-1").Map()
		if note["direction"] != "note" || note["author"] != d.admin.String() {
			t.Errorf("note %v", note)
		}
		d.Want(422, d.admin, "POST", path(c, "/notes"), map[string]any{"text": "And Bob.", "mentions": []any{d.bob}})
		newer := d.Want(409, d.ann, "POST", path(c, "/replies"), map[string]any{"text": "Hello", "seen": c.LastInID}).Map()
		if newer["current"] != note["id"] {
			t.Errorf("newer: %v, want current %v", newer, note["id"])
		}
		d.Want(202, d.ann, "POST", path(c, "/replies"), map[string]any{"text": "Hello", "seen": c.LastInID, "anyway": true})
		if ids := d.Want(200, d.ann, "GET", "/conversations?view=mentions", nil).IDs(); len(ids) != 1 {
			t.Errorf("mentions: %v", ids)
		}
		var thread struct{ Items []map[string]any }
		d.Want(200, d.ann, "GET", path(c, "/messages?limit=2"), nil).Into(&thread)
		if len(thread.Items) != 2 || thread.Items[0]["text"] != "Hello" || thread.Items[1]["direction"] != "note" {
			t.Errorf("thread: %v", thread.Items)
		}
		d.Want(422, d.ann, "POST", path(c, "/replies"), `{"text":"  "}`)
		d.Want(422, d.ann, "POST", path(c, "/replies"), `{"text":"x","cc":[{"address":"not an address"}]}`)
	})
}

var png = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89")

func form(t *testing.T, name string, content []byte) (*bytes.Buffer, string) {
	t.Helper()
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q; filename=%q", "file", name)}, "Content-Type": {"text/html"}})
	if err == nil {
		_, err = part.Write(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &text, w.FormDataContentType()
}

func upload(t *testing.T, d desk, user rbac.UserID, name string, content []byte) string {
	t.Helper()
	text, kind := form(t, name, content)
	return d.Want(201, user, "POST", "/attachments", io.Reader(text), "Content-Type", kind).Map()["id"].(string)
}

func TestAttachments(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		large := bytes.Repeat([]byte("0123456789abcdef"), store.SmallBlob/8)
		for name, tt := range map[string]struct {
			content     []byte
			disposition string
			kind        string
		}{
			"picture.html": {png, "inline", "image/png"}, // its content decides
			"picture.avif": {[]byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00"), "inline", "image/avif"},
			"drawing.svg":  {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "attachment", "text/html"},
			"page.html":    {[]byte("<script>alert(1)</script>"), "attachment", "text/html"},
			"large.bin":    {large, "attachment", "text/html"},
		} {
			id := upload(t, d, d.ann, "../../etc/"+name, tt.content)
			got := d.Want(200, d.ann, "GET", "/attachments/"+id, nil)
			if !bytes.Equal(got.Body, tt.content) {
				t.Errorf("%s: %d bytes came back of %d", name, len(got.Body), len(tt.content))
			}
			disposition := got.Header.Get("Content-Disposition")
			if !strings.HasPrefix(disposition, tt.disposition+";") || !strings.HasSuffix(disposition, "''"+name) || got.Header.Get("Content-Type") != tt.kind {
				t.Errorf("%s: %s %s", name, disposition, got.Header.Get("Content-Type"))
			}
			if got.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("%s: headers %v", name, got.Header)
			}
			d.Want(404, d.owner, "GET", "/attachments/"+id, nil) // nobody else's before it is sent
		}
		part := d.Want(206, d.ann, "GET", "/attachments/"+upload(t, d, d.ann, "x", large), nil, "Range", "bytes=16-31")
		if string(part.Body) != "0123456789abcdef" {
			t.Errorf("part: %q", part.Body)
		}
		text, kind := form(t, "huge.bin", make([]byte, 26<<20))
		if a := d.Do(d.ann, "POST", "/attachments", io.Reader(text), "Content-Type", kind); a.Status != 413 {
			t.Errorf("26 MB: %d %s", a.Status, a.Body)
		}
		d.Want(422, d.ann, "POST", "/attachments", strings.NewReader("--x\r\n\r\n--x--"), "Content-Type", "multipart/form-data; boundary=x")
	})
}

func TestMailFrame(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		packed := store.PackBlob(png)
		raw := store.PackBlob([]byte("From: x\r\n\r\nhello"))
		var m inbox.Message
		d.Conversation(0, func(c *inbox.Conversation, in *inbox.Message) {
			in.HTML = `<p onclick="x()">Hi <img src="cid:pic@1"><img src="cid:other"></p><script>bad()</script>`
			in.RawHash, in.Files = raw.Hash, 1
			in.Attachments = []inbox.Attachment{{Name: "p.png", ContentType: "image/png", ContentID: "pic@1", Inline: true, Size: packed.Size, Hash: packed.Hash}}
			m = *in
		})
		d.World.Do(func(tx *store.Tx) error { return tx.PutBlobs(t.Context(), []store.Blob{packed, raw}) })
		got := d.Want(200, d.ann, "GET", "/messages/"+m.ID.String()+"/html", nil)
		text := string(got.Body)
		if strings.Contains(text, "script>") || strings.Contains(text, "onclick") || strings.Contains(text, "cid:") || !strings.Contains(text, `src="data:image/png;base64,`) {
			t.Errorf("frame: %s", text)
		}
		policy := got.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "sandbox") || strings.Contains(policy, "script-src") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("policy: %s", policy)
		}
		if got := d.Want(200, d.admin, "GET", "/messages/"+m.ID.String()+"/raw", nil); string(got.Body) != "From: x\r\n\r\nhello" || got.Header.Get("Content-Type") != "message/rfc822" {
			t.Errorf("raw: %q %v", got.Body, got.Header)
		}
		if audit := d.Want(200, d.owner, "GET", "/audit", nil); !strings.Contains(string(audit.Body), "message.raw_viewed") {
			t.Errorf("looking at raw bytes is not on record: %s", audit.Body)
		}
	})
}

func TestAssignment(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		cleo := d.Person("cleo")
		shop := "/shops/" + d.Shops[0].String()
		d.Want(422, d.admin, "PUT", shop+"/assignment", map[string]any{"primary": nil, "backups": []any{d.ann}})
		put := d.Want(200, d.admin, "PUT", shop+"/assignment", map[string]any{"primary": cleo, "backups": []any{d.ann}, "limit": 7,
			"fallback": map[string]any{"kind": "user", "user": d.ann}}).Map()
		if put["primary"] != cleo.String() || !slices.Equal(put["backups"].([]any), []any{d.ann.String()}) || put["limit"] != 7.0 {
			t.Errorf("assignment: %v", put)
		}
		c := d.conversation(0)
		d.Want(200, cleo, "GET", path(c, ""), nil) // a member at once
		d.Want(200, d.admin, "PATCH", shop+"/members/"+cleo.String(), `{"sees":"assigned","may_take":false}`)
		d.Want(404, cleo, "GET", path(c, ""), nil) // narrowed at once
		d.Want(422, d.admin, "PUT", shop+"/assignment", map[string]any{"primary": cleo, "fallback": map[string]any{"kind": "user", "user": d.bob}})
		d.Want(200, d.admin, "PUT", shop+"/assignment", map[string]any{"primary": d.ann, "backups": []any{cleo}})
		var members struct{ Items []map[string]any }
		d.Want(200, d.ann, "GET", shop+"/members", nil).Into(&members)
		if len(members.Items) != 2 || members.Items[1]["sees"] != "assigned" || members.Items[0]["position"] != 0.0 {
			t.Errorf("members: %v", members.Items)
		}
		d.Want(200, d.admin, "PUT", shop+"/assignment", map[string]any{"primary": d.ann})
		d.Want(404, cleo, "GET", shop, nil)
	})
}

func TestIdempotencyKey(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		first := d.Want(201, d.owner, "POST", "/shops", `{"name":"Lamps","zone":"UTC"}`, "Idempotency-Key", "a")
		again := d.Want(201, d.owner, "POST", "/shops", `{"name":"Lamps","zone":"UTC"}`, "Idempotency-Key", "a")
		if string(first.Body) != string(again.Body) || first.Header.Get("Location") != again.Header.Get("Location") || first.Header.Get("Location") == "" {
			t.Errorf("first %s, again %s", first.Body, again.Body)
		}
		if d.Want(422, d.owner, "POST", "/shops", `{"name":"Shoes","zone":"UTC"}`, "Idempotency-Key", "a").Map()["code"] != "key_reused" {
			t.Error("another body under the key was not refused")
		}
		d.Want(409, d.owner, "POST", "/shops", `{"name":"Lamps","zone":"UTC"}`, "Idempotency-Key", "b")
		d.Want(409, d.owner, "POST", "/shops", `{"name":"Lamps","zone":"UTC"}`, "Idempotency-Key", "b") // what failed is tried again
		d.Want(422, d.owner, "POST", "/shops", `{"name":"Hats","zone":"UTC"}`, "Idempotency-Key", "ä")
		many := make(chan int, 8)
		for range cap(many) {
			go func() {
				many <- d.Do(d.owner, "POST", "/shops", `{"name":"Bags","zone":"UTC"}`, "Idempotency-Key", "c").Status
			}()
		}
		made := 0
		for range cap(many) {
			switch status := <-many; status {
			case 201:
				made++
			case 409: // under way
			default:
				t.Errorf("one of many at once: %d", status)
			}
		}
		if made == 0 {
			t.Error("none of many at once made the shop")
		}
		if n := strings.Count(string(d.Want(200, d.owner, "GET", "/shops", nil).Body), `"Bags"`); n != 1 {
			t.Errorf("%d shops of one key", n)
		}
	})
}

func TestPaging(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		d.Conversations(25, func(int, *inbox.Conversation, *inbox.Message) int { return 0 })
		var seen []string
		for next := ""; ; {
			a := d.Want(200, d.ann, "GET", "/conversations?sort=newest&limit=10&cursor="+next, nil)
			seen = append(seen, a.IDs()...)
			cursor, _ := a.Map()["next"].(string)
			if next = cursor; next == "" {
				break
			}
		}
		if len(seen) != 25 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 25 {
			t.Errorf("pages: %v", seen)
		}
		d.Want(422, d.ann, "GET", "/conversations?cursor=x", nil)
		d.Want(422, d.ann, "GET", "/conversations?limit=201", nil)
		d.Want(422, d.ann, "GET", "/conversations?sort=price", nil)
		if ids := d.Want(200, d.ann, "GET", "/conversations?q=n7", nil).IDs(); len(ids) != 1 {
			t.Errorf("search in the list: %v", ids)
		}
	})
}

func TestOutside(t *testing.T) {
	s := storetest.SQLite(t)
	d := webtest.New(t, s, 1, nil)
	ann := d.Agent("ann", d.Shops[0])
	for path, want := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/api/v1/openapi.json": 200, "/api/v1/docs": 200,
		"/inbox/all": 200, "/assets/none.js": 404, "/api/v1/nothing": 404, "/api/v2": 404} {
		a := d.Raw(0, "GET", path, nil)
		if a.Status != want {
			t.Errorf("GET %s = %d, want %d", path, a.Status, want)
		}
		if a.Header.Get("Content-Security-Policy") == "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s has headers %v", path, a.Header)
		}
	}
	if figures := metrics(t, d); !strings.Contains(figures, "deskbell_live_sockets 0") || !strings.Contains(figures, `operation="GET /api/v1/docs"`) {
		t.Errorf("metrics: %s", figures)
	}
	d.Want(403, ann, "POST", "/tags", `{"name":"x"}`, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	var document map[string]any
	d.Want(200, 0, "GET", "/openapi.json", nil).Into(&document)
	if document["openapi"] != "3.1.0" {
		t.Errorf("document %v", document["openapi"])
	}
	if a := d.Want(200, ann, "GET", "/conversations", nil); a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a list may be cached: %v", a.Header)
	}
}

// metrics is what Prometheus reads.
func metrics(t *testing.T, d *webtest.Server) string {
	t.Helper()
	w := httptest.NewRecorder()
	d.Web.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 200 {
		t.Errorf("metrics: %d", w.Code)
	}
	return w.Body.String()
}

// operation is what the OpenAPI document says of one.
type operation struct {
	Parameters []struct {
		Name, In string
		Schema   map[string]any
	}
	RequestBody struct {
		Content map[string]struct{ Schema map[string]any }
	}
	Permission string `json:"x-permission"`
}

// document is the part of the OpenAPI document that tests walk.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]map[string]any }
}

func describe(d *webtest.Server) (found document) {
	d.Want(200, 0, "GET", "/openapi.json", nil).Into(&found)
	return found
}

// body is one that fits, as far as that can be told.
func (o operation) body(schemas map[string]map[string]any) any {
	schema := o.RequestBody.Content["application/json"].Schema
	if schema == nil {
		return nil
	}
	if ref, ok := schema["$ref"].(string); ok {
		schema = schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	properties, _ := schema["properties"].(map[string]any)
	whole := map[string]json.RawMessage{}
	for name, s := range properties {
		whole[name] = plausible(s, schemas)
	}
	return whole
}

// Whoever has no role does nothing, whatever he names; an agent does nothing that agents may not.
func TestEveryOperationAsksForItsRight(t *testing.T) {
	s := storetest.SQLite(t)
	d := webtest.New(t, s, 1, nil)
	d.Person("olga", rbac.Grant{Role: rbac.Owner})
	nobody, agent := d.Person("nora"), d.Agent("ann", d.Shops[0])
	d.Conversation(0, nil)
	d.World.Do(func(tx *store.Tx) error {
		_, err := tx.CreateTag(t.Context(), agent, inbox.Tag{Name: "Refund", Color: "red"})
		return err
	})
	agents := map[string]bool{"public": true, "signed_in": true}
	for _, line := range rbac.DefaultLines() {
		if line.V0 == string(rbac.Agent) {
			agents[line.V1] = true
		}
	}
	found := describe(d)
	for path, operations := range found.Paths {
		for method, o := range operations {
			address := path
			for _, p := range o.Parameters {
				if p.In == "path" { // the first of each is there
					address = strings.ReplaceAll(address, "{"+p.Name+"}", "1")
				}
			}
			method = strings.ToUpper(method)
			open := o.Permission == "public" || o.Permission == "signed_in" ||
				!strings.Contains(path, "{") && (o.Permission == "conversation.read" || o.Permission == "contact.read") // a list of nothing
			if a := d.Do(nobody, method, address, o.body(found.Components.Schemas)); a.Status < 400 && !open {
				t.Errorf("%s %s for somebody without roles: %d %s", method, address, a.Status, a.Body)
			}
			if agents[o.Permission] {
				continue
			}
			if a := d.Do(agent, method, address, o.body(found.Components.Schemas)); a.Status < 400 {
				t.Errorf("%s %s needs %s, for an agent: %d %s", method, address, o.Permission, a.Status, a.Body)
			}
			if a := d.Do(0, method, address, o.body(found.Components.Schemas)); a.Status != 401 {
				t.Errorf("%s %s for nobody: %d %s", method, address, a.Status, a.Body)
			}
		}
	}
}

// Every operation answers nonsense with 4xx that names the field, and never fails.
func TestNonsense(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { sendNonsense(t, webtest.New(t, s, 1, nil)) })
}

func sendNonsense(t *testing.T, d *webtest.Server) {
	owner := d.Person("olga", rbac.Grant{Role: rbac.Owner})
	document := describe(d)
	calls := 0
	for path, operations := range document.Paths {
		for method, operation := range operations {
			method = strings.ToUpper(method)
			if operation.Permission == "" {
				t.Errorf("%s %s has no permission in the document", method, path)
			}
			if path == "/session" || path == "/me/password" { // ends the session or is throttled
				continue
			}
			check := func(what, address string, body any) {
				t.Helper()
				calls++
				a := d.Do(owner, method, address, body)
				if a.Status >= 500 {
					t.Errorf("%s %s with %s: %d %s", method, address, what, a.Status, a.Body)
				}
				if a.Status == 422 {
					var p struct{ Errors []struct{ Location string } }
					a.Into(&p)
					if len(p.Errors) == 0 || p.Errors[0].Location == "" {
						t.Errorf("%s %s with %s: no field is named: %s", method, address, what, a.Body)
					}
				}
			}
			fill := func(id string) string {
				for _, p := range operation.Parameters {
					if p.In == "path" {
						path = strings.ReplaceAll(path, "{"+p.Name+"}", id)
					}
				}
				return path
			}
			original := path
			for _, id := range []string{"999999", "abc", "-1", "0", "99999999999999999999999", "%00", "%ff", "' OR 1=1", strings.Repeat("9", 400)} {
				path = original
				address := strings.ReplaceAll(fill(id), " ", "%20")
				schema := operation.RequestBody.Content["application/json"].Schema
				if schema == nil {
					check("id "+id, address, nil)
					continue
				}
				for what, body := range nonsense(schema, document.Components.Schemas) {
					if id == "999999" || what == "null" {
						check(what, address, body)
					}
				}
			}
			path = original
			for _, p := range operation.Parameters {
				if p.In != "query" {
					continue
				}
				for _, value := range []string{"", "x", "-1", "%00", "%ff", "99999999999999999999", strings.Repeat("x", 3000), "'", `"`} {
					path = original
					check(p.Name+"="+value, fill("999999")+"?"+p.Name+"="+value, nil)
				}
			}
		}
	}
	if calls < 1000 {
		t.Errorf("only %d calls: is the document empty?", calls)
	}
}

// nonsense makes bodies that do not fit a schema, or only just.
func nonsense(schema map[string]any, schemas map[string]map[string]any) map[string]string {
	list := map[string]string{"nothing": "", "null": "null", "a list": "[]", "a number": "1", "text": `"x"`, "broken": `{"`, "an object": "{}",
		"deep": strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), "not UTF-8": "{\"name\":\"\xff\xfe\"}"}
	if ref, ok := schema["$ref"].(string); ok {
		schema = schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	properties, _ := schema["properties"].(map[string]any)
	for name := range properties {
		for what, value := range map[string]string{"null": "null", "a number": "1.5", "text": `"x"`, "long text": `"` + strings.Repeat("x", 20_000) + `"`, "a list": "[1]",
			"an object": `{"x":1}`, "an id": `"999999"`, "a huge id": `"999999999999999999"`, "zero text": `"\u0000"`, "a list of ids": `["999999"]`, "true": "true", "empty": `""`} {
			list[name+" is "+what] = fmt.Sprintf(`{%q:%s}`, name, value)
			whole := map[string]json.RawMessage{}
			for other, s := range properties {
				whole[other] = plausible(s, schemas)
			}
			whole[name] = json.RawMessage(value)
			text, err := json.Marshal(whole)
			if err == nil {
				list[name+" alone is "+what] = string(text)
			}
		}
	}
	return list
}

// plausible is a value that fits a schema of one field.
func plausible(schema any, schemas map[string]map[string]any) json.RawMessage {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		s = schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	kind := s["type"]
	if kinds, ok := kind.([]any); ok {
		kind = kinds[0]
	}
	if values, ok := s["enum"].([]any); ok {
		text, _ := json.Marshal(values[0])
		return text
	}
	switch kind {
	case "integer", "number":
		return json.RawMessage("1")
	case "boolean":
		return json.RawMessage("true")
	case "array":
		return json.RawMessage("[]")
	case "object":
		return json.RawMessage("{}")
	}
	if s["format"] == "date-time" {
		return json.RawMessage(`"2099-01-01T00:00:00Z"`)
	}
	if s["pattern"] != nil {
		return json.RawMessage(`"999999"`)
	}
	return json.RawMessage(`"UTC"`)
}
