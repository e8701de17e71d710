package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing"
	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/auth"
)

const password = "correct horse"

// desk is a server with its database.
type desk struct {
	t       *testing.T
	store   *store.Store
	people  *auth.Service
	handler http.Handler
}

func newDesk(t *testing.T, s *store.Store) *desk {
	t.Helper()
	rights, err := rbac.NewEnforcer(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	people, err := auth.New(auth.Options{Store: s, Rights: rights, PublicURL: "https://desk.example"})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	api.New(mux, api.Options{Store: s, Rights: rights, People: people, Routing: routing.New(routing.Options{Store: s, Rights: rights})})
	return &desk{t, s, people, people.Middleware(mux)}
}

func (d *desk) shop(name string) rbac.ShopID {
	d.t.Helper()
	var id rbac.ShopID
	err := d.store.InTx(d.t.Context(), func(tx *store.Tx) (err error) {
		id, err = tx.CreateShop(d.t.Context(), inbox.Shop{Name: name, Zone: "UTC", State: inbox.ShopActive})
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// person is a browser somebody is signed in with, or nobody if cookie is "".
type person struct {
	*desk
	id     rbac.UserID
	cookie string
}

func (d *desk) add(name string, role rbac.Role, shops ...rbac.ShopID) person {
	d.t.Helper()
	u, err := d.people.AddUser(d.t.Context(), auth.System(), auth.NewUser{Email: name + "@people.example", Name: name, Role: role, Shops: shops, Password: password})
	if err != nil {
		d.t.Fatal(err)
	}
	login, err := d.people.SignIn(d.t.Context(), auth.Identity{}, auth.Credentials{Email: u.Email, Password: password})
	if err != nil {
		d.t.Fatal(err)
	}
	return person{d, u.ID, login.Cookie.Name + "=" + login.Cookie.Value}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// items are the rows of a list, by the value of one field.
func (a answer) items(field string) []string {
	list, _ := a.body["items"].([]any)
	values := make([]string, len(list))
	for i, row := range list {
		values[i] = fmt.Sprint(row.(map[string]any)[field])
	}
	return values
}

func (a answer) text(field string) string { return fmt.Sprint(a.body[field]) }

func (p person) call(method, path string, in any) answer {
	p.t.Helper()
	var sent bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&sent).Encode(in); err != nil {
			p.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, "https://desk.example"+api.Prefix+path, &sent)
	r.Header.Set("Content-Type", "application/json")
	if p.cookie != "" {
		r.Header.Set("Cookie", p.cookie)
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	got := answer{status: w.Code, header: w.Header()}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &got.body); err != nil {
			p.t.Fatalf("%s %s: %s", method, path, w.Body)
		}
	}
	return got
}

// want calls and checks status and, for problems, the code.
func (p person) want(status int, code, method, path string, in any) answer {
	p.t.Helper()
	got := p.call(method, path, in)
	if got.status != status || code != "" && got.body["code"] != code {
		p.t.Errorf("%s %s = %d %v, want %d %s", method, path, got.status, got.body, status, code)
	}
	return got
}

type object map[string]any

func TestSetUpAndSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s)
		nobody := person{desk: d}
		if got := nobody.want(200, "", "GET", "/setup", nil); got.body["needed"] != true {
			t.Errorf("setup = %v", got.body)
		}
		code, _, err := d.people.EnsureSetupCode(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in := object{"code": "wrong", "organisation": "Example Ltd", "email": "boss@people.example", "name": "Boss", "password": password, "language": "en", "zone": "Europe/Riga"}
		got := nobody.want(422, "invalid", "POST", "/setup", in)
		if errors, _ := got.body["errors"].([]any); len(errors) != 1 || errors[0].(map[string]any)["location"] != "body.code" {
			t.Errorf("a wrong code: %v", got.body)
		}
		in["code"] = code
		got = nobody.want(201, "", "POST", "/setup", in)
		if got.text("email") != "boss@people.example" || got.text("organisation") != "Example Ltd" || !strings.Contains(got.header.Get("Set-Cookie"), "HttpOnly; Secure; SameSite=Lax") {
			t.Errorf("set up: %v, %v", got.body, got.header)
		}
		nobody.want(409, "setup_done", "POST", "/setup", in)
		if got := nobody.want(200, "", "GET", "/setup", nil); got.body["needed"] != false || got.text("organisation") != "Example Ltd" {
			t.Errorf("setup = %v", got.body)
		}

		nobody.want(401, "unauthenticated", "GET", "/me", nil)
		nobody.want(401, "invalid_credentials", "POST", "/session", object{"email": "boss@people.example", "password": "wrong wrong"})
		got = nobody.want(200, "", "POST", "/session", object{"email": "boss@people.example", "password": password, "keep": true})
		cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
		boss := person{desk: d, cookie: cookie}
		me := boss.want(200, "", "GET", "/me", nil)
		if text := fmt.Sprint(me.body["permissions"].(map[string]any)["key.rotate"], me.body["roles"], me.body["presence"]); text != "[*] [map[role:owner shop:<nil>]] map[since:<nil> state:available until:<nil>]" {
			t.Errorf("me: %s", text)
		}
		if got := boss.want(200, "", "GET", "/sessions", nil); !slices.Equal(got.items("current"), []string{"true", "false"}) {
			t.Errorf("sessions: %v", got.body)
		}
		me = boss.want(200, "", "PATCH", "/me", object{"language": "it", "settings": object{"undo_seconds": 20, "theme": "dark"}})
		if me.text("language") != "it" || me.body["settings"].(map[string]any)["undo_seconds"] != 20.0 {
			t.Errorf("me: %v", me.body)
		}
		boss.want(422, "invalid", "PATCH", "/me", object{"settings": object{"undo_seconds": 7}})
		boss.want(422, "invalid", "PATCH", "/me", object{"zone": "Mars"})
		boss.want(422, "invalid", "PUT", "/me/password", object{"current": "wrong wrong", "new": "another pass"})
		boss.want(204, "", "PUT", "/me/password", object{"current": password, "new": "another pass"})
		if got := boss.want(204, "", "DELETE", "/session", nil); !strings.Contains(got.header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("sign out: %v", got.header)
		}
		boss.want(401, "unauthenticated", "GET", "/me", nil)
		for range 12 {
			got = nobody.call("POST", "/session", object{"email": "boss@people.example", "password": "wrong wrong"})
		}
		if got.status != 429 || got.body["code"] != "limited" || got.header.Get("Retry-After") == "" {
			t.Errorf("after many tries: %d %v %v", got.status, got.body, got.header)
		}
	})
}

func TestPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s)
		nobody := person{desk: d}
		lamps, chairs := d.shop("Lamps"), d.shop("Chairs")
		boss := d.add("boss", rbac.Owner)
		ann, bob := d.add("ann", rbac.Agent, lamps), d.add("bob", rbac.Agent, chairs)
		keeper := d.add("keeper", rbac.Admin, lamps)

		// Who sees whom, and what of him.
		for who, names := range map[person][]string{boss: {"ann", "bob", "boss", "keeper"}, ann: {"ann", "boss", "keeper"}, bob: {"bob", "boss"}, keeper: {"ann", "boss", "keeper"}} {
			if got := who.want(200, "", "GET", "/users", nil); !slices.Equal(got.items("name"), names) {
				t.Errorf("user %s sees %v, want %v", who.id, got.items("name"), names)
			}
		}
		if got := ann.want(200, "", "GET", "/users/"+keeper.id.String(), nil); got.text("email") != "" || got.text("roles") != "[]" || got.body["on_shift"] != true {
			t.Errorf("an agent sees %v", got.body)
		}
		if got := keeper.want(200, "", "GET", "/users/"+ann.id.String(), nil); got.text("email") != "ann@people.example" || got.text("roles") != "[map[role:agent shop:"+lamps.String()+"]]" {
			t.Errorf("an admin sees %v", got.body)
		}
		ann.want(404, "not_found", "GET", "/users/"+bob.id.String(), nil)
		ann.want(404, "not_found", "GET", "/users/99", nil)

		// What one is not allowed, and what one does not even see.
		ann.want(403, "denied", "POST", "/users", object{"email": "x@people.example", "name": "X"})
		ann.want(403, "denied", "PATCH", "/users/"+keeper.id.String(), object{"name": "X"})
		ann.want(404, "not_found", "PATCH", "/users/"+bob.id.String(), object{"name": "X"})
		keeper.want(404, "not_found", "PUT", "/users/"+bob.id.String()+"/roles", object{"roles": []object{}})
		keeper.want(403, "denied", "PATCH", "/users/"+boss.id.String(), object{"status": "disabled"})
		keeper.want(403, "denied", "POST", "/users/"+boss.id.String()+"/reset", nil)
		keeper.want(403, "denied", "PUT", "/users/"+ann.id.String()+"/roles", object{"roles": []object{{"role": "admin", "shop": nil}}})
		boss.want(409, "last_admin", "PUT", "/users/"+boss.id.String()+"/roles", object{"roles": []object{{"role": "admin", "shop": nil}}})
		boss.want(409, "last_admin", "PATCH", "/users/"+boss.id.String(), object{"status": "disabled"})
		boss.want(422, "invalid", "PUT", "/users/"+ann.id.String()+"/roles", object{"roles": []object{{"role": "king", "shop": nil}}})
		if got := boss.want(200, "", "GET", "/audit?limit=200", nil); !slices.Contains(got.items("action"), "access.denied") {
			t.Errorf("denials are not on record: %v", got.items("action"))
		}

		// Inviting, and following the link.
		got := boss.want(201, "", "POST", "/invitations", object{"email": "cat@people.example", "name": "Cat"})
		if got.body["user"].(map[string]any)["status"] != "invited" || fmt.Sprint(got.body["user"].(map[string]any)["roles"]) != "[map[role:admin shop:<nil>]]" || got.header.Get("Location") != api.Prefix+"/invitations/"+got.text("id") {
			t.Errorf("invited: %v, %v", got.body, got.header)
		}
		if list := boss.want(200, "", "GET", "/invitations", nil); len(list.items("link")) != 1 || list.items("link")[0] != "<nil>" {
			t.Errorf("invitations: %v", list.body)
		}
		if list := keeper.want(200, "", "GET", "/invitations", nil); len(list.items("id")) != 0 {
			t.Errorf("an admin of one shop sees the invitation of an admin of all: %v", list.body)
		}
		keeper.want(404, "not_found", "POST", "/invitations/"+got.text("id")+"/resend", nil)
		ann.want(404, "not_found", "DELETE", "/invitations/"+got.text("id"), nil)
		got = boss.want(200, "", "POST", "/invitations/"+got.text("id")+"/resend", nil)
		link := "/invitations/token/" + path.Base(got.text("link"))
		if info := nobody.want(200, "", "GET", link, nil); info.text("name") != "Cat" || info.text("role") != "admin" || info.text("kind") != "invitation" {
			t.Errorf("link: %v", info.body)
		}
		nobody.want(404, "token_invalid", "GET", link+"x", nil)
		nobody.want(422, "invalid", "POST", link, object{"password": "short"})
		got = nobody.want(200, "", "POST", link, object{"name": "Cat Example", "password": password, "language": "en", "zone": "UTC"})
		cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
		if me := (person{desk: d, cookie: cookie}).want(200, "", "GET", "/me", nil); me.text("name") != "Cat Example" {
			t.Errorf("who joined: %v", me.body)
		}
		nobody.want(404, "token_invalid", "POST", link, object{"password": password})
		got = keeper.want(201, "", "POST", "/users", object{"email": "dan@people.example", "name": "Dan", "shops": []string{lamps.String()}})
		keeper.want(204, "", "DELETE", "/invitations/"+got.text("id"), nil)

		// Changes count at once.
		if got := keeper.want(200, "", "PUT", "/users/"+ann.id.String()+"/roles", object{"roles": []object{{"role": "admin", "shop": lamps.String()}}}); !strings.Contains(got.text("roles"), "admin") {
			t.Errorf("roles: %v", got.body)
		}
		ann.want(200, "", "GET", "/audit", nil)
		got = keeper.want(201, "", "POST", "/users/"+ann.id.String()+"/reset", nil)
		link = "/invitations/token/" + path.Base(got.text("link"))
		if info := nobody.want(200, "", "GET", link, nil); info.text("kind") != "reset" {
			t.Errorf("link for a new password: %v", info.body)
		}
		nobody.want(200, "", "POST", link, object{"password": "another pass"})
		ann.want(401, "unauthenticated", "GET", "/me", nil)
		boss.want(200, "", "PATCH", "/users/"+bob.id.String(), object{"status": "disabled", "name": "Bob Example"})
		bob.want(401, "unauthenticated", "GET", "/me", nil)
	})
}

func TestTokensPresenceTeamsSettings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s)
		lamps, chairs := d.shop("Lamps"), d.shop("Chairs")
		boss := d.add("boss", rbac.Owner)
		ann, bob := d.add("ann", rbac.Agent, lamps), d.add("bob", rbac.Agent, chairs)
		keeper := d.add("keeper", rbac.Admin, lamps)

		made := ann.want(201, "", "POST", "/tokens", object{"name": "script", "expires_at": nil})
		r := httptest.NewRequest("GET", api.Prefix+"/me", nil)
		r.Header.Set("Authorization", "Bearer "+made.text("token"))
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Body.String(), "ann@people.example") {
			t.Errorf("by token: %d %s", w.Code, w.Body)
		}
		if list := ann.want(200, "", "GET", "/tokens", nil); !slices.Equal(list.items("token"), []string{"<nil>"}) || list.items("used_at")[0] == "<nil>" {
			t.Errorf("tokens: %v", list.body)
		}
		bob.want(404, "not_found", "DELETE", "/tokens/"+made.text("id"), nil)
		ann.want(204, "", "DELETE", "/tokens/"+made.text("id"), nil)
		ann.want(422, "invalid", "POST", "/tokens", object{"name": "old", "expires_at": "2001-01-01T00:00:00Z"})

		if got := ann.want(200, "", "PUT", "/users/"+ann.id.String()+"/presence", object{"state": "break", "until": "2099-01-01T00:00:00Z"}); got.text("until") != "2099-01-01T00:00:00Z" {
			t.Errorf("presence: %v", got.body)
		}
		ann.want(422, "invalid", "PUT", "/users/"+ann.id.String()+"/presence", object{"state": "break", "until": "2001-01-01T00:00:00Z"})
		ann.want(403, "denied", "PUT", "/users/"+keeper.id.String()+"/presence", object{"state": "leave", "until": nil})
		ann.want(404, "not_found", "PUT", "/users/"+bob.id.String()+"/presence", object{"state": "leave", "until": nil})
		keeper.want(200, "", "PUT", "/users/"+ann.id.String()+"/presence", object{"state": "leave"})
		keeper.want(403, "denied", "PUT", "/users/"+boss.id.String()+"/presence", object{"state": "leave"})

		keeper.want(403, "denied", "POST", "/teams", object{"name": "Night"})
		team := boss.want(201, "", "POST", "/teams", object{"name": "Night", "users": []string{ann.id.String(), bob.id.String()}})
		boss.want(409, "conflict", "POST", "/teams", object{"name": "Night"})
		boss.want(422, "invalid", "POST", "/teams", object{"name": " "})
		if got := ann.want(200, "", "GET", "/teams", nil); got.items("users")[0] != fmt.Sprint([]string{ann.id.String()}) {
			t.Errorf("an agent sees people of other shops in a team: %v", got.body)
		}
		if got := boss.want(200, "", "PATCH", "/teams/"+team.text("id"), object{"name": "Late"}); got.text("name") != "Late" || got.text("users") != fmt.Sprint([]string{ann.id.String(), bob.id.String()}) {
			t.Errorf("team: %v", got.body)
		}
		if got := boss.want(200, "", "PATCH", "/teams/"+team.text("id"), object{"users": []string{}}); got.text("users") != "[]" {
			t.Errorf("team: %v", got.body)
		}
		boss.want(204, "", "DELETE", "/teams/"+team.text("id"), nil)
		boss.want(404, "not_found", "DELETE", "/teams/"+team.text("id"), nil)

		if got := ann.want(200, "", "GET", "/settings", nil); got.text("undo_seconds") != "10" {
			t.Errorf("settings: %v", got.body)
		}
		keeper.want(403, "denied", "PATCH", "/settings", object{"undo_seconds": 5})
		if got := boss.want(200, "", "PATCH", "/settings", object{"undo_seconds": 5, "organisation": "Example Ltd"}); got.text("undo_seconds") != "5" || got.text("organisation") != "Example Ltd" {
			t.Errorf("settings: %v", got.body)
		}
		boss.want(422, "invalid", "PATCH", "/settings", object{"undo_seconds": 6})

		ann.want(403, "denied", "GET", "/audit", nil)
		if got := keeper.want(200, "", "GET", "/audit?limit=200", nil); len(got.items("id")) == 0 || slices.ContainsFunc(got.items("shop"), func(shop string) bool { return shop != lamps.String() }) {
			t.Errorf("an admin of one shop reads %v", got.body)
		}
		first := boss.want(200, "", "GET", "/audit?limit=2", nil)
		second := boss.want(200, "", "GET", "/audit?limit=2&cursor="+first.text("next"), nil)
		if len(first.items("id")) != 2 || len(second.items("id")) != 2 || first.items("id")[1] == second.items("id")[0] {
			t.Errorf("pages: %v, %v", first.items("id"), second.items("id"))
		}
	})
}
