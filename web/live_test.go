package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/webtest"
)

func seq(frame map[string]any) int64 { n, _ := frame["seq"].(float64); return int64(n) }

// mark writes an event that the owner alone sees, and returns its number; whoever has seen that number
// or a later one has seen everything before.
func mark(d desk, shop inbox.ShopID) {
	d.World.Do(func(tx *store.Tx) error {
		tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: shop})
		return nil
	})
}

func TestSocketSeesWhatItsPersonMay(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		own, foreign := d.conversation(0), d.conversation(1)
		ann, hello := d.Open(d.ann, "")
		if hello["kind"] != "hello" || hello["you"] != d.ann.String() || hello["version"] != "test" {
			t.Fatalf("hello %v", hello)
		}
		prev := seq(hello)
		d.Want(200, d.bob, "PUT", path(foreign, "/subject"), `{"subject":"secret"}`)
		d.Want(204, d.admin, "PUT", path(own, "/read"), `{"read":true}`) // his own business
		d.Want(200, d.admin, "PUT", path(own, "/subject"), `{"subject":"one"}`)
		d.Want(200, d.bob, "PUT", path(foreign, "/subject"), `{"subject":"more"}`)
		d.Want(200, d.admin, "PUT", path(own, "/subject"), `{"subject":"two"}`)
		for range 2 {
			frame := ann.Next()
			if frame["kind"] != "conversation.changed" || frame["conversation"] != own.ID.String() || int64(frame["prev"].(float64)) != prev || seq(frame) <= prev {
				t.Fatalf("frame %v after %d", frame, prev)
			}
			prev = seq(frame)
		}
	})
}

// A conversation that is given away is heard of by the one who loses it, also where each sees his own
// only, and by nobody else.
func TestSocketOfAssignedOnly(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		cleo := d.Agent("cleo", d.Shops[0])
		shop := "/shops/" + d.Shops[0].String()
		for _, user := range []rbac.UserID{d.ann, cleo} {
			d.Want(200, d.admin, "PATCH", shop+"/members/"+user.String(), `{"sees":"assigned","may_take":false}`)
		}
		c := d.conversation(0)
		ann, _ := d.Open(d.ann, "")
		other, _ := d.Open(cleo, "")
		d.Want(200, d.admin, "PUT", path(c, "/assignee"), map[string]any{"user": d.ann})
		d.Want(200, d.admin, "PUT", path(c, "/subject"), `{"subject":"for Ann"}`)
		d.Want(200, d.admin, "PUT", path(c, "/assignee"), map[string]any{"user": cleo})
		d.Want(200, d.admin, "PUT", path(c, "/subject"), `{"subject":"for Cleo"}`)
		mark(d, d.Shops[0])
		kinds := func(k *webtest.Socket) string {
			var list []string
			for {
				frame := k.Next()
				if frame["kind"] == "shop.changed" {
					return strings.Join(list, " ")
				}
				list = append(list, frame["kind"].(string))
			}
		}
		if got, want := kinds(ann), "conversation.assigned conversation.changed conversation.assigned"; got != want {
			t.Errorf("who loses it heard %q, want %q", got, want)
		}
		if got, want := kinds(other), "conversation.assigned conversation.changed"; got != want {
			t.Errorf("who gets it heard %q, want %q", got, want)
		}
	})
}

func TestSocketResumes(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		c := d.conversation(0)
		first, _ := d.Open(d.ann, "")
		d.Want(200, d.admin, "PUT", path(c, "/subject"), `{"subject":"0"}`)
		seen := seq(first.Kind("conversation.changed"))
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			d.Want(200, d.admin, "PUT", path(c, "/subject"), fmt.Sprintf(`{"subject":"missed %d"}`, i))
		}
		again, hello2 := d.Open(d.ann, fmt.Sprint(seen))
		if seq(hello2) != seen || hello2["kind"] != "hello" {
			t.Errorf("hello %v, want the place asked for, %d", hello2, seen)
		}
		prev := seen
		for range 5 {
			frame := again.Next()
			if frame["kind"] != "conversation.changed" || int64(frame["prev"].(float64)) != prev {
				t.Fatalf("frame %v after %d", frame, prev)
			}
			prev = seq(frame)
		}
		d.Want(200, d.admin, "PUT", path(c, "/subject"), `{"subject":"live"}`)
		if frame := again.Next(); int64(frame["prev"].(float64)) != prev {
			t.Errorf("the first live frame is %v after %d", frame, prev)
		}
		future, _ := d.Open(d.ann, "999999999")
		if frame := future.Next(); frame["kind"] != "reload" {
			t.Errorf("a number of another log: %v, want reload", frame)
		}
		d.World.Do(func(tx *store.Tx) error {
			for range 2100 {
				tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[0]})
			}
			return nil
		})
		late, _ := d.Open(d.ann, fmt.Sprint(seen))
		if frame := late.Next(); frame["kind"] != "reload" || seq(frame) < seen+2100 {
			t.Errorf("after too much: %v, want reload", frame)
		}
	})
}

// Whoever reconnects in the middle of a storm sees every event once and in order.
func TestSocketJoinsWithoutGap(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		const events, sockets = 400, 8
		done := make(chan error, 1)
		_, hello := d.Open(d.ann, "")
		from := seq(hello)
		go func() {
			for range events {
				if err := d.Store.InTx(t.Context(), func(tx *store.Tx) error {
					tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[0]})
					tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[1]}) // a hole
					return nil
				}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for i := range sockets {
			socket, hello := d.Open(d.ann, fmt.Sprint(from))
			prev := seq(hello)
			for n := range events {
				frame := socket.Next()
				if frame["kind"] != "shop.changed" || int64(frame["prev"].(float64)) != prev || seq(frame) <= prev {
					t.Fatalf("socket %d, event %d: %v after %d", i, n, frame, prev)
				}
				prev = seq(frame)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestSocketFollowsRights(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		c := d.conversation(0)
		socket, _ := d.Open(d.ann, "")
		d.Want(200, d.admin, "PUT", "/shops/"+d.Shops[0].String()+"/assignment", map[string]any{"primary": d.admin})
		d.Want(200, d.admin, "PUT", path(c, "/subject"), `{"subject":"not for Ann any more"}`)
		d.World.Do(func(tx *store.Tx) error {
			tx.Append(inbox.Event{Kind: inbox.RosterChanged}) // for everybody
			return nil
		})
		for frame := socket.Next(); frame["kind"] != "roster.changed"; frame = socket.Next() {
			if frame["conversation"] != nil {
				t.Errorf("somebody whose rights ended saw %v", frame)
			}
		}
		socket.Send(`{"op":"note","id":"n","conversation":%q,"text":"still here"}`, c.ID)
		if frame := socket.Kind("error"); frame["problem"].(map[string]any)["status"] != 404.0 {
			t.Errorf("an act after the rights ended: %v", frame)
		}
		d.World.Do(func(tx *store.Tx) error { return tx.SetUserStatus(t.Context(), d.ann, rbac.UserDisabled) })
		if code := closeCode(socket); code != 4401 {
			t.Errorf("the socket of a disabled person closed with %d, want 4401", code)
		}
	})
}

// closeCode reads until the socket closes.
func closeCode(k *webtest.Socket) int {
	for {
		if err := k.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return 0
		}
		if _, _, err := k.ReadMessage(); err != nil {
			if closed, ok := err.(*websocket.CloseError); ok {
				return closed.Code
			}
			return 0
		}
	}
}

func TestSocketEndsWithSession(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		socket, _ := d.Open(d.ann, "")
		var tokens struct{ Items []struct{ ID string } }
		d.Want(200, d.ann, "GET", "/tokens", nil).Into(&tokens)
		d.Want(204, d.ann, "DELETE", "/tokens/"+tokens.Items[0].ID, nil)
		if code := closeCode(socket); code != 4401 {
			t.Errorf("closed with %d, want 4401", code)
		}
	})
}

func TestSocketActs(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		c := d.conversation(0)
		socket, _ := d.Open(d.admin, "")
		socket.Send(`{"op":"tag_create","id":"t","name":"Refund"}`)
		tag := socket.Kind("ack")["result"].(map[string]any)
		socket.Send(`{"op":"tag_create","id":"t","name":"Refund"}`) // sent again after a broken line
		if again := socket.Kind("ack")["result"].(map[string]any); again["id"] != tag["id"] {
			t.Errorf("one id, two tags: %v %v", tag, again)
		}
		socket.Send(`{"op":"tag","id":"1","conversation":%q,"tag":%q}`, c.ID, tag["id"])
		if got := socket.Kind("ack")["result"].(map[string]any)["tags"].([]any); len(got) != 1 {
			t.Errorf("tags %v", got)
		}
		socket.Send(`{"op":"reply","id":"r","conversation":%q,"text":"Hello","then":"close"}`, c.ID)
		first := socket.Kind("ack")["result"].(map[string]any)
		socket.Send(`{"op":"reply","id":"r","conversation":%q,"text":"Hello","then":"close"}`, c.ID)
		second := socket.Kind("ack")["result"].(map[string]any)
		if first["id"] != second["id"] || first["state"] != "queued" {
			t.Errorf("one id, two replies: %v %v", first, second)
		}
		for op, want := range map[string]string{
			`"op":"note","text":"n"`: "", `"op":"assign","user":"` + d.ann.String() + `"`: "", `"op":"untag","tag":"` + tag["id"].(string) + `"`: "",
			`"op":"close"`: "closed", `"op":"snooze","until":"2099-01-01T00:00:00Z"`: "snoozed",
		} {
			socket.Send(`{%s,"id":"x%d","conversation":%q}`, op, len(op), c.ID)
			result := socket.Kind("ack")["result"].(map[string]any)
			if want != "" && result["state"] != want {
				t.Errorf("%s: %v", op, result)
			}
		}
		for _, bad := range []string{`nonsense`, `[]`, `1`, `{"op":"fly","id":"a","conversation":"1"}`, `{"op":"note","conversation":"1"}`, `{"op":"note","id":"b"}`,
			`{"op":"tag","id":"c","conversation":"x"}`, `{"op":"viewing","conversation":"x"}`, `{"op":"viewing","conversation":"999999"}`, `{"op":"typing"}`,
			`{"op":"reply","id":"d","conversation":"` + c.ID.String() + `","text":"\u0000"}`, `{"op":"state","id":"e","conversation":"` + c.ID.String() + `","state":"gone"}`} {
			socket.Send("%s", bad)
			if frame := socket.Kind("error"); frame["problem"].(map[string]any)["status"].(float64) >= 500 {
				t.Errorf("%s: %v", bad, frame)
			}
		}
	})
}

func TestPresence(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		c, foreign := d.conversation(0), d.conversation(1)
		ann, _ := d.Open(d.ann, "")
		admin, _ := d.Open(d.admin, "")
		bob, _ := d.Open(d.bob, "")
		bob.Send(`{"op":"viewing","conversation":%q}`, foreign.ID)
		ann.Send(`{"op":"viewing","conversation":%q}`, c.ID)
		admin.Send(`{"op":"viewing","conversation":%q}`, c.ID)
		if frame := ann.Kind("presence"); frame["user"] != d.admin.String() || frame["state"] != "viewing" || frame["conversation"] != c.ID.String() {
			t.Errorf("who was there heard %v", frame)
		}
		if frame := admin.Kind("presence"); frame["user"] != d.ann.String() || frame["state"] != "viewing" {
			t.Errorf("who came heard %v", frame)
		}
		ann.Send(`{"op":"typing","conversation":%q}`, c.ID)
		if frame := admin.Kind("presence"); frame["state"] != "typing" {
			t.Errorf("typing: %v", frame)
		}
		if err := ann.Close(); err != nil {
			t.Fatal(err)
		}
		if frame := admin.Kind("presence"); frame["state"] != "gone" || frame["user"] != d.ann.String() {
			t.Errorf("leaving: %v", frame)
		}
		mark(d, d.Shops[1])
		if frame := bob.Next(); frame["kind"] != "shop.changed" {
			t.Errorf("somebody elsewhere heard %v", frame)
		}
	})
}

func TestSocketRefused(t *testing.T) {
	s := storetest.SQLite(t)
	d := webtest.New(t, s, 1, nil)
	ann := d.Agent("ann", d.Shops[0])
	address := "ws" + strings.TrimPrefix(d.URL, "http") + api.Prefix + "/live"
	bearer := "Bearer " + d.Token(ann)
	for name, tt := range map[string]struct {
		query  string
		header http.Header
		want   int
	}{
		"nobody":       {"", http.Header{}, 401},
		"another site": {"", http.Header{"Authorization": {bearer}, "Origin": {"https://evil.example"}}, 403},
		"bad number":   {"?after=x", http.Header{"Authorization": {bearer}}, 422},
		"negative":     {"?after=-1", http.Header{"Authorization": {bearer}}, 422},
		"own page":     {"", http.Header{"Authorization": {bearer}, "Origin": {d.URL}}, 101},
	} {
		conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), address+tt.query, tt.header)
		if answer == nil || answer.StatusCode != tt.want {
			t.Errorf("%s: %v %v, want %d", name, answer, err, tt.want)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// A socket that does not read is cut; the others notice nothing.
func TestSlowSocketIsCut(t *testing.T) {
	s := storetest.SQLite(t)
	server := webtest.New(t, s, 1, nil)
	d := desk{Server: server}
	ann, slowpoke := d.Agent("ann", d.Shops[0]), d.Agent("slow", d.Shops[0])
	slow, _ := d.Open(slowpoke, "")
	fast, hello := d.Open(ann, "")
	filler := strings.Repeat("x", 4000)
	prev := seq(hello)
	deadline := time.Now().Add(20 * time.Second)
	for cut := false; !cut; {
		if time.Now().After(deadline) {
			t.Fatal("the slow socket was never cut")
		}
		d.World.Do(func(tx *store.Tx) error {
			for range 50 {
				tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[0], Data: map[string]any{"filler": filler}})
			}
			return nil
		})
		for range 50 {
			frame := fast.Next()
			if int64(frame["prev"].(float64)) != prev {
				t.Fatalf("the fast one lost something: %d after %d", seq(frame), prev)
			}
			prev = seq(frame)
		}
		figures := metrics(t, server)
		cut = strings.Contains(figures, "deskbell_live_cut 1") && strings.Contains(figures, "deskbell_live_sockets 1")
	}
	_ = slow.Close()
}
