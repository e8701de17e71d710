package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing"
)

// rota is an API over a database with an owner, an admin of one shop, an agent in it, and a stranger
// in another.
type rota struct {
	t                             *testing.T
	store                         *store.Store
	routing                       *routing.Service
	mux                           *http.ServeMux
	owner, admin, agent, stranger inbox.UserID
	shop, other                   inbox.ShopID
}

func eachRota(t *testing.T, fn func(t *testing.T, r *rota)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := &rota{t: t, store: s, mux: http.NewServeMux()}
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			for i, user := range []*inbox.UserID{&r.owner, &r.admin, &r.agent, &r.stranger} {
				u, err := tx.CreateUser(t.Context(), rbac.User{Email: fmt.Sprintf("p%d@people.example", i), Name: "A", Status: rbac.UserActive}, "")
				if err != nil {
					return err
				}
				*user = u.ID
			}
			var err1, err2 error
			r.shop, err1 = tx.CreateShop(t.Context(), inbox.Shop{Name: "Lamps", Zone: "UTC", State: inbox.ShopActive})
			r.other, err2 = tx.CreateShop(t.Context(), inbox.Shop{Name: "Shoes", Zone: "UTC", State: inbox.ShopActive})
			return errors.Join(err1, err2,
				tx.SetRoles(t.Context(), r.owner, []rbac.Grant{{User: r.owner, Role: rbac.Owner}}),
				tx.SetRoles(t.Context(), r.admin, []rbac.Grant{{User: r.admin, Role: rbac.Admin, Shop: r.shop}}),
				tx.SetMembers(t.Context(), r.shop, []inbox.Member{{User: r.agent}}),
				tx.SetMembers(t.Context(), r.other, []inbox.Member{{User: r.stranger}}))
		})
		if err != nil {
			t.Fatal(err)
		}
		rights, err := rbac.NewEnforcer(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		r.routing = routing.New(routing.Options{Store: s, Rights: rights})
		New(r.mux, Options{Store: s, Rights: rights, Routing: r.routing, Caller: func(ctx context.Context) Caller {
			user, _ := ctx.Value(callerKey{}).(rbac.UserID)
			return Caller{Actor: rbac.Actor{User: user}, Address: "192.0.2.1"}
		}})
		fn(t, r)
	})
}

// call sends a request as a user, checks the status and reads the answer into out, which may be nil.
func (r *rota) call(user inbox.UserID, method, path, text string, want int, out any) http.Header {
	r.t.Helper()
	request := httptest.NewRequestWithContext(context.WithValue(r.t.Context(), callerKey{}, user), method, Prefix+path, strings.NewReader(text))
	if text != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	r.mux.ServeHTTP(w, request)
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != want {
		r.t.Errorf("%s %s as %s = %d %s, want %d", method, path, user, w.Code, body, want)
		return w.Header()
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			r.t.Errorf("%s %s: %v in %s", method, path, err, body)
		}
	}
	return w.Header()
}

func (r *rota) drawn(user inbox.UserID, change string) string {
	return fmt.Sprintf(`{"user":"%s","zone":"Europe/Rome","weekdays":[1,2],"from":"22:00","to":"06:00","since":null,"until":"2026-12-31"%s}`, user, change)
}

func TestShifts(t *testing.T) {
	eachRota(t, func(t *testing.T, r *rota) {
		var s map[string]any
		header := r.call(r.admin, "POST", "/shifts", r.drawn(r.agent, ""), 201, &s)
		id, _ := s["id"].(string)
		if header.Get("Location") != Prefix+"/shifts/"+id || s["user"] != r.agent.String() || s["from"] != "22:00" || s["to"] != "06:00" ||
			s["since"] != nil || s["until"] != "2026-12-31" || s["zone"] != "Europe/Rome" {
			t.Errorf("drawn: %v at %s", s, header.Get("Location"))
		}
		r.call(r.agent, "POST", "/shifts", r.drawn(r.agent, ""), 403, nil)
		r.call(r.admin, "POST", "/shifts", r.drawn(r.stranger, ""), 422, nil)
		r.call(r.owner, "POST", "/shifts", r.drawn(r.stranger, ""), 201, nil)
		r.call(r.owner, "POST", "/shifts", r.drawn(987654, ""), 422, nil)
		for location, text := range map[string]string{
			"body.zone":     strings.Replace(r.drawn(r.agent, ""), "Rome", "Atlantis", 1),
			"body.weekdays": strings.Replace(r.drawn(r.agent, ""), "[1,2]", "[0]", 1),
			"body.from":     strings.Replace(r.drawn(r.agent, ""), "22:00", "24:00", 1),
			"body.to":       strings.Replace(r.drawn(r.agent, ""), "06:00", "6:00", 1),
			"body.until":    strings.Replace(r.drawn(r.agent, ""), "2026-12-31", "2026-13-31", 1),
		} {
			var p Problem
			r.call(r.admin, "POST", "/shifts", text, 422, &p)
			if len(p.Errors) != 1 || p.Errors[0].Location != location {
				t.Errorf("%s: %+v", location, p.Errors)
			}
		}

		var list struct{ Items []map[string]any }
		for user, want := range map[inbox.UserID]int{r.owner: 2, r.admin: 1, r.agent: 1, r.stranger: 1} {
			r.call(user, "GET", "/shifts", "", 200, &list)
			if len(list.Items) != want {
				t.Errorf("%s sees %d shifts, want %d", user, len(list.Items), want)
			}
		}
		r.call(r.owner, "GET", "/shifts?user="+r.agent.String(), "", 200, &list)
		if len(list.Items) != 1 || list.Items[0]["id"] != id {
			t.Errorf("of the agent: %v", list.Items)
		}
		r.call(0, "GET", "/shifts", "", 401, nil)

		path := "/shifts/" + id
		changed := strings.Replace(r.drawn(r.agent, ""), "06:00", "24:00", 1)
		r.call(r.admin, "PUT", path, changed, 200, &s)
		if s["to"] != "24:00" || s["id"] != id {
			t.Errorf("drawn anew: %v", s)
		}
		r.call(r.agent, "PUT", path, changed, 403, nil)
		r.call(r.stranger, "PUT", path, changed, 404, nil)
		r.call(r.admin, "PUT", path, r.drawn(r.stranger, ""), 422, nil)
		r.call(r.stranger, "DELETE", path, "", 404, nil)
		r.call(r.agent, "DELETE", path, "", 403, nil)
		r.call(r.admin, "DELETE", path, "", 204, nil)
		r.call(r.admin, "DELETE", path, "", 404, nil)

		entries, err := r.store.AuditEntries(t.Context(), rbac.Scope{All: true}, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if e := entries[0]; len(entries) != 4 || e.Action != inbox.AuditShiftRemoved || e.Actor != r.admin || e.Address != "192.0.2.1" ||
			e.Before != "[1 2] 22:00–24:00 Europe/Rome, always to 2026-12-31" {
			t.Errorf("%d lines on record, the last %+v", len(entries), e)
		}
	})
}

func TestRosterExceptions(t *testing.T) {
	eachRota(t, func(t *testing.T, r *rota) {
		r.call(r.owner, "POST", "/shifts", r.drawn(r.agent, ""), 201, nil)
		leave := func(user inbox.UserID) string {
			return fmt.Sprintf(`{"user":"%s","kind":"leave","first":"2026-10-26","last":"2026-10-26","zone":"Europe/Rome","note":"at the sea"}`, user)
		}
		var e map[string]any
		header := r.call(r.admin, "POST", "/roster/exceptions", leave(r.agent), 201, &e)
		id, _ := e["id"].(string)
		path := "/roster/exceptions/" + id
		if header.Get("Location") != Prefix+path || e["kind"] != "leave" || e["first"] != "2026-10-26" || e["from"] != nil || e["note"] != "at the sea" {
			t.Errorf("kept: %v at %s", e, header.Get("Location"))
		}
		r.call(r.agent, "POST", "/roster/exceptions", leave(r.agent), 403, nil)
		r.call(r.admin, "POST", "/roster/exceptions", leave(r.stranger), 422, nil)
		for location, text := range map[string]string{
			"body.zone":  strings.Replace(leave(r.agent), "Rome", "Atlantis", 1),
			"body.kind":  strings.Replace(leave(r.agent), "leave", "ill", 1),
			"body.first": strings.Replace(leave(r.agent), "2026-10-26", "26.10.2026", 1),
			"body.last":  strings.Replace(leave(r.agent), `"last":"2026-10-26"`, `"last":"2026-10-25"`, 1),
			"body.from":  strings.Replace(leave(r.agent), "leave", "extra", 1),
		} {
			var p Problem
			r.call(r.admin, "POST", "/roster/exceptions", text, 422, &p)
			if len(p.Errors) != 1 || p.Errors[0].Location != location {
				t.Errorf("%s: %+v", location, p.Errors)
			}
		}

		var list struct{ Items []map[string]any }
		for query, want := range map[string]int{"": 1, "?from=2026-10-26&to=2026-10-26": 1, "?from=2026-10-27": 0, "?to=2026-10-25": 0, "?user=" + r.admin.String(): 0} {
			if r.call(r.agent, "GET", "/roster/exceptions"+query, "", 200, &list); len(list.Items) != want {
				t.Errorf("%s: %d, want %d", query, len(list.Items), want)
			}
		}
		if r.call(r.stranger, "GET", "/roster/exceptions", "", 200, &list); len(list.Items) != 0 {
			t.Errorf("a stranger sees %v", list.Items)
		}
		var got struct{ Duties []struct{ User string } }
		const monday = "/roster?from=2026-10-26T12:00:00Z&to=2026-10-27T12:00:00Z"
		if r.call(r.agent, "GET", monday, "", 200, &got); len(got.Duties) != 0 {
			t.Errorf("on duty while on leave: %v", got.Duties)
		}

		extra := strings.Replace(leave(r.agent), `"leave"`, `"extra","from":"12:00","to":"24:00"`, 1)
		r.call(r.agent, "PUT", path, extra, 403, nil)
		r.call(r.stranger, "PUT", path, extra, 404, nil)
		if r.call(r.admin, "PUT", path, extra, 200, &e); e["from"] != "12:00" || e["to"] != "24:00" || e["id"] != id {
			t.Errorf("changed: %v", e)
		}
		if r.call(r.agent, "GET", monday, "", 200, &got); len(got.Duties) != 1 {
			t.Errorf("extra shift and night in one: %v", got.Duties)
		}
		r.call(r.stranger, "DELETE", path, "", 404, nil)
		r.call(r.agent, "DELETE", path, "", 403, nil)
		r.call(r.admin, "DELETE", path, "", 204, nil)
		r.call(r.admin, "DELETE", path, "", 404, nil)
		entries, err := r.store.AuditEntries(t.Context(), rbac.Scope{All: true}, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if e := entries[0]; e.Action != inbox.AuditExceptionRemoved || e.Actor != r.admin || e.Before != "extra 2026-10-26 to 2026-10-26 Europe/Rome 12:00–24:00" {
			t.Errorf("on record: %+v", e)
		}
	})
}

func TestRoster(t *testing.T) {
	eachRota(t, func(t *testing.T, r *rota) {
		r.call(r.owner, "POST", "/shifts", r.drawn(r.agent, ""), 201, nil)
		r.call(r.owner, "POST", "/shifts", r.drawn(r.stranger, ""), 201, nil)
		var got struct {
			Duties []struct {
				User     string
				From, To time.Time
			}
			Gaps []struct{ Shop string }
		}
		// A Monday in the week in which clocks change.
		r.call(r.agent, "GET", "/roster?from=2026-10-26T00:00:00Z&to=2026-10-27T12:00:00Z", "", 200, &got)
		if len(got.Duties) != 1 || got.Duties[0].User != r.agent.String() || !got.Duties[0].From.Equal(time.Date(2026, 10, 26, 21, 0, 0, 0, time.UTC)) ||
			got.Duties[0].To.Sub(got.Duties[0].From) != 8*time.Hour {
			t.Errorf("duties = %v", got.Duties)
		}
		if len(got.Gaps) != 2 || got.Gaps[0].Shop != r.shop.String() {
			t.Errorf("gaps = %v", got.Gaps)
		}
		r.call(r.owner, "GET", "/roster?from=2026-10-26T00:00:00Z&to=2026-11-30T00:00:00Z", "", 200, &got)
		if len(got.Duties) != 20 {
			t.Errorf("the owner sees %d duties, want 20", len(got.Duties))
		}
		for _, query := range []string{"", "?from=2026-10-26T00:00:00Z", "?from=2026-10-26T00:00:00Z&to=2026-10-26T00:00:00Z",
			"?from=2026-10-26T00:00:00Z&to=2026-12-26T00:00:00Z", "?from=today&to=2026-12-26T00:00:00Z"} {
			r.call(r.owner, "GET", "/roster"+query, "", 422, nil)
		}
	})
}

func TestPreview(t *testing.T) {
	eachRota(t, func(t *testing.T, r *rota) {
		r.call(r.owner, "POST", "/shifts", r.drawn(r.agent, ""), 201, nil)
		var got struct {
			Assignee   *string
			Reason     struct{ Code string }
			Next, At   *time.Time
			Candidates []struct{ User string }
		}
		path := "/routing/preview?shop=" + r.shop.String()
		// A Tuesday; the night begins at 22:00 in Rome.
		r.call(r.admin, "GET", path+"&at=2026-10-27T22:00:00Z", "", 200, &got)
		if got.Assignee == nil || *got.Assignee != r.agent.String() || got.Reason.Code != routing.ReasonPrimary || got.Next != nil {
			t.Errorf("at night: %+v", got)
		}
		r.call(r.admin, "GET", path+"&at=2026-10-27T12:00:00Z", "", 200, &got)
		if got.Assignee != nil || got.Next == nil || !got.Next.Equal(time.Date(2026, 10, 27, 21, 0, 0, 0, time.UTC)) {
			t.Errorf("at noon: %+v", got)
		}
		r.call(r.admin, "GET", path, "", 200, &got)
		if got.At == nil || time.Since(*got.At).Abs() > time.Minute {
			t.Errorf("without a moment: %+v", got)
		}
		r.call(r.agent, "GET", path, "", 403, nil)
		r.call(r.stranger, "GET", path, "", 403, nil)
		r.call(r.admin, "GET", "/routing/preview?shop=987654", "", 404, nil)
		r.call(r.admin, "GET", "/routing/preview", "", 422, nil)
		r.call(r.admin, "GET", path+"&at=2036-10-27T12:00:00Z", "", 422, nil)
	})
}

// arrive lets a customer begin a conversation in the first shop.
func (r *rota) arrive() inbox.ConversationID {
	r.t.Helper()
	var c *inbox.Conversation
	err := r.store.InTx(r.t.Context(), func(tx *store.Tx) error {
		connection, err := tx.CreateConnection(r.t.Context(), inbox.Connection{Shop: r.shop, Kind: "email", Name: "help@lamps.example", Settings: map[string]any{}})
		if err != nil {
			return err
		}
		contacts, err := tx.Meet(r.t.Context(), []store.Meeting{{Shop: r.shop, Identity: inbox.Identity{Kind: "email", RemoteID: "ann@buyer.example"}}})
		if err != nil {
			return err
		}
		ids, err := tx.Reserve(r.t.Context(), "conversations", 1)
		if err != nil {
			return err
		}
		c = &inbox.Conversation{ID: inbox.ConversationID(ids[0]), Shop: r.shop, Connection: connection, Contact: contacts[0],
			Kind: inbox.KindMessage, LastAt: time.Now()}
		c.Receive(time.Now(), time.Hour)
		write, err := r.routing.Route(r.t.Context(), tx, []*inbox.Conversation{c})
		if err != nil {
			return err
		}
		if err := tx.AddConversations(r.t.Context(), []*inbox.Conversation{c}); err != nil {
			return err
		}
		return write(r.t.Context())
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return c.ID
}

func TestExplain(t *testing.T) {
	eachRota(t, func(t *testing.T, r *rota) {
		id := r.arrive()
		path := "/routing/explain?conversation=" + id.String()
		var why map[string]any
		r.call(r.agent, "GET", path, "", 200, &why)
		candidates, _ := why["candidates"].([]any)
		reason, _ := why["reason"].(map[string]any)
		if why["conversation"] != id.String() || why["assignee"] != r.agent.String() || why["actor"] != nil || why["at"] == nil ||
			reason["code"] != "primary" || len(candidates) != 1 {
			t.Fatalf("why = %v", why)
		}
		c, _ := candidates[0].(map[string]any)
		for name, want := range map[string]any{"user": r.agent.String(), "position": 0.0, "on_shift": true, "presence": "available", "open": 0.0,
			"limit": 30.0, "due_soon": 0.0, "last_assigned_at": nil, "chosen": true, "excluded": nil} {
			if got, there := c[name]; !there || got != want {
				t.Errorf("%s = %v, want %v", name, got, want)
			}
		}
		r.call(r.stranger, "GET", path, "", 404, nil)
		r.call(r.agent, "GET", "/routing/explain?conversation=999", "", 404, nil)
		r.call(r.agent, "GET", "/routing/explain", "", 422, nil)
	})
}
