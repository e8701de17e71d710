package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

const password = "correct horse"

// node is one server on a database.
type node struct {
	*auth.Service
	t testing.TB
}

func newNode(t testing.TB, s *store.Store) node {
	t.Helper()
	rights, err := rbac.NewEnforcer(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	service, err := auth.New(auth.Options{Store: s, Rights: rights, PublicURL: "https://desk.example",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	if err != nil {
		t.Fatal(err)
	}
	return node{service, t}
}

// add makes an account; the system gives any role.
func (n node) add(name string, role rbac.Role, shops ...rbac.ShopID) rbac.UserID {
	n.t.Helper()
	u, err := n.AddUser(n.t.Context(), auth.System(), auth.NewUser{Email: name + "@people.example", Name: name, Role: role, Shops: shops, Password: password})
	if err != nil {
		n.t.Fatal(err)
	}
	return u.ID
}

func (n node) shop(name string) rbac.ShopID {
	n.t.Helper()
	var id rbac.ShopID
	err := n.Store.InTx(n.t.Context(), func(tx *store.Tx) (err error) {
		id, err = tx.CreateShop(n.t.Context(), inbox.Shop{Name: name, Zone: "UTC", State: inbox.ShopActive})
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}

func (n node) signIn(name string) *http.Cookie {
	n.t.Helper()
	login, err := n.SignIn(n.t.Context(), auth.Identity{Address: "198.51.100.7"}, auth.Credentials{Email: name + "@people.example", Password: password})
	if err != nil {
		n.t.Fatal(err)
	}
	return login.Cookie
}

func (n node) identify(cookie *http.Cookie) auth.Identity {
	n.t.Helper()
	r := httptest.NewRequest("GET", "/api/v1/me", nil)
	r.AddCookie(cookie)
	id, err := n.Identify(r)
	if err != nil {
		n.t.Fatal(err)
	}
	return id
}

func (n node) as(user rbac.UserID) auth.Identity {
	n.t.Helper()
	u, err := n.Store.User(n.t.Context(), user)
	if err != nil {
		n.t.Fatal(err)
	}
	return auth.Identity{Actor: rbac.Actor{User: user}, User: u, Address: "198.51.100.7"}
}

func (n node) roles(user rbac.UserID) []rbac.Grant {
	n.t.Helper()
	grants, err := n.Store.UserRoles(n.t.Context(), user)
	if err != nil {
		n.t.Fatal(err)
	}
	for i := range grants {
		grants[i].User = 0
	}
	return grants
}

func (n node) audited(action inbox.AuditAction) int {
	n.t.Helper()
	entries, err := n.Store.AuditEntries(n.t.Context(), rbac.Scope{All: true}, 0, 1000)
	if err != nil {
		n.t.Fatal(err)
	}
	count := 0
	for _, e := range entries {
		if e.Action == action {
			count++
		}
	}
	return count
}

func want(t *testing.T, err error, code inbox.Code) {
	t.Helper()
	if inbox.CodeOf(err) != code || (code == "") != (err == nil) {
		t.Errorf("error %v, want code %q", err, code)
	}
}

func token(link string) string { return path.Base(link) }

// clocked is a service on SQLite whose time the test decides.
func clocked(t *testing.T) (node, func(time.Duration)) {
	t.Helper()
	var mu sync.Mutex
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s, err := store.Open(t.Context(), store.Options{Folder: t.TempDir(), Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return newNode(t, s), func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
}

func TestSetUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		old, needed, err := n.EnsureSetupCode(ctx)
		if err != nil || !needed || len(old) != 19 {
			t.Fatalf("EnsureSetupCode = %q, %v, %v", old, needed, err)
		}
		code, _, err := n.EnsureSetupCode(ctx)
		if err != nil {
			t.Fatal(err)
		}
		in := auth.SetUp{Code: old, Organisation: "Example Ltd", Email: " Boss@People.example", Name: "Boss", Password: password, Zone: "Europe/Riga"}
		_, err = n.SetUp(ctx, auth.Identity{}, in)
		var wrong *inbox.Error
		if !errors.As(err, &wrong) || wrong.Code != inbox.Invalid || wrong.Field != "body.code" {
			t.Errorf("an old code: %v", err)
		}
		in.Code = strings.ToLower(strings.ReplaceAll(code, "-", " "))
		for field, bad := range map[string]func(auth.SetUp) auth.SetUp{
			"body.password":     func(in auth.SetUp) auth.SetUp { in.Password = "1234567"; return in },
			"body.email":        func(in auth.SetUp) auth.SetUp { in.Email = "Boss <boss@people.example>"; return in },
			"body.name":         func(in auth.SetUp) auth.SetUp { in.Name = " "; return in },
			"body.organisation": func(in auth.SetUp) auth.SetUp { in.Organisation = ""; return in },
			"body.zone":         func(in auth.SetUp) auth.SetUp { in.Zone = "../etc/passwd"; return in },
			"body.language":     func(in auth.SetUp) auth.SetUp { in.Language = "xx"; return in },
		} {
			_, err := n.SetUp(ctx, auth.Identity{}, bad(in))
			if !errors.As(err, &wrong) || wrong.Field != field {
				t.Errorf("bad %s: %v", field, err)
			}
		}
		login, err := n.SetUp(ctx, auth.Identity{}, in)
		want(t, err, "")
		_, err = n.SetUp(ctx, auth.Identity{}, in)
		want(t, err, inbox.SetupDone)
		id := n.identify(login.Cookie)
		if !n.Rights.Can(id.Actor, rbac.OwnerGrant, 0) || id.User.Status != rbac.UserActive || id.User.Email != "boss@people.example" {
			t.Errorf("who set up is %+v, owner %v", id.User, n.Rights.Can(id.Actor, rbac.OwnerGrant, 0))
		}
		if name, err := s.Setting(ctx, store.SettingOrganisation); err != nil || name != "Example Ltd" {
			t.Errorf("organisation %q, %v", name, err)
		}
		if _, needed, err := n.EnsureSetupCode(ctx); err != nil || needed {
			t.Errorf("EnsureSetupCode afterwards: needed %v, %v", needed, err)
		}
	})
}

// Whoever comes second gets nothing, even with the right code.
func TestSetUpAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		code, _, err := n.EnsureSetupCode(ctx)
		want(t, err, "")
		err = storetest.Overlap(t, s, func(tx *store.Tx) error {
			if err := tx.LockPolicy(ctx); err != nil {
				return err
			}
			_, err := tx.CreateUser(ctx, rbac.User{Email: "first@people.example", Name: "First", Status: rbac.UserActive}, "")
			return err
		}, func() error {
			_, err := n.SetUp(ctx, auth.Identity{}, auth.SetUp{Code: code, Organisation: "Example Ltd", Email: "second@people.example", Name: "Second", Password: password})
			return err
		})
		want(t, err, inbox.SetupDone)
	})
}

func TestSignIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		n.add("boss", rbac.Owner)
		ann, gone := n.add("ann", rbac.Agent), n.add("gone", rbac.Agent)
		want(t, n.SetStatus(ctx, auth.System(), gone, rbac.UserDisabled), "")
		from := auth.Identity{Address: "198.51.100.7", Agent: "Test browser"}

		var messages []string
		for _, in := range []auth.Credentials{{Email: "ann@people.example", Password: "wrong wrong"}, {Email: "nobody@people.example", Password: password},
			{Email: "gone@people.example", Password: password}, {Email: "", Password: ""}} {
			login, err := n.SignIn(ctx, from, in)
			want(t, err, inbox.InvalidCredentials)
			if login.Cookie != nil {
				t.Errorf("%s was signed in", in.Email)
			}
			messages = append(messages, err.Error())
		}
		if len(slices.Compact(messages)) != 1 {
			t.Errorf("answers differ: %q", messages)
		}
		if got := n.audited(inbox.AuditSignInDenied); got != 4 {
			t.Errorf("%d denials on record, want 4", got)
		}

		login, err := n.SignIn(ctx, from, auth.Credentials{Email: "ANN@people.example ", Password: password})
		want(t, err, "")
		c := login.Cookie
		if c.Name != auth.CookieName || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge != 0 || len(c.Value) != 43 {
			t.Errorf("cookie = %+v", c)
		}
		id := n.identify(c)
		if id.Actor.User != ann || id.User.Name != "ann" || id.Session == 0 {
			t.Errorf("identity = %+v", id)
		}
		list, err := s.Sessions(ctx, ann)
		if err != nil || len(list) != 1 || list[0].Address != "198.51.100.7" || list[0].Agent != "Test browser" {
			t.Errorf("sessions = %+v, %v", list, err)
		}

		// Signing in again from the same browser ends its session; keeping makes the cookie last.
		login, err = n.SignIn(ctx, id, auth.Credentials{Email: "ann@people.example", Password: password, Keep: true})
		want(t, err, "")
		if login.Cookie.MaxAge != 30*24*3600 || n.identify(c).SignedIn() {
			t.Errorf("cookie lasts %d s, old session lives %v", login.Cookie.MaxAge, n.identify(c).SignedIn())
		}
		want(t, n.SignOut(ctx, n.identify(login.Cookie)), "")
		if n.identify(login.Cookie).SignedIn() {
			t.Error("still signed in")
		}
		for _, bad := range []string{"", "x", "' OR 1=1 --", strings.Repeat("a", 5000)} {
			if id := n.identify(&http.Cookie{Name: auth.CookieName, Value: bad}); id.SignedIn() || id.User.ID != 0 {
				t.Errorf("cookie %.20q signed in %+v", bad, id)
			}
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	n, pass := clocked(t)
	n.add("ann", rbac.Owner)
	short := n.signIn("ann")
	kept, err := n.SignIn(t.Context(), auth.Identity{}, auth.Credentials{Email: "ann@people.example", Password: password, Keep: true})
	want(t, err, "")
	for _, step := range []struct {
		after           time.Duration
		short, kept     bool
		whatHappensHere string
	}{
		{11 * time.Hour, true, true, "used"},
		{11 * time.Hour, true, true, "used again: idle time begins anew"},
		{3 * time.Hour, false, true, "24 h have passed"},
		{13 * 24 * time.Hour, false, true, "kept and used"},
		{13 * 24 * time.Hour, false, true, "kept and used again"},
		{4 * 24 * time.Hour, false, false, "30 days have passed"},
	} {
		pass(step.after)
		if a, b := n.identify(short).SignedIn(), n.identify(kept.Cookie).SignedIn(); a != step.short || b != step.kept {
			t.Errorf("%s: signed in %v, kept %v; want %v, %v", step.whatHappensHere, a, b, step.short, step.kept)
		}
	}
	idle := n.signIn("ann")
	pass(12*time.Hour + time.Second)
	if n.identify(idle).SignedIn() {
		t.Error("unused for more than 12 h and still signed in")
	}
}

func TestAttemptsAreLimited(t *testing.T) {
	n, pass := clocked(t)
	n.add("ann", rbac.Owner)
	n.add("bob", rbac.Agent)
	ctx := t.Context()
	try := func(address, name, password string) error {
		_, err := n.SignIn(ctx, auth.Identity{Address: address}, auth.Credentials{Email: name + "@people.example", Password: password})
		return err
	}
	for range 10 {
		want(t, try("198.51.100.1", "ann", "wrong wrong"), inbox.InvalidCredentials)
		want(t, try("198.51.100.2", "nobody", "wrong wrong"), inbox.InvalidCredentials)
	}
	err := try("198.51.100.3", "ann", password)
	want(t, err, inbox.Limited)
	var limited *inbox.Error
	if errors.As(err, &limited); limited == nil || limited.RetryAt.Sub(n.Store.Now()) <= 0 || limited.RetryAt.Sub(n.Store.Now()) > 15*time.Minute {
		t.Errorf("retry at %v", limited)
	}
	want(t, try("198.51.100.2", "nobody", password), inbox.Limited) // an unknown account answers the same
	want(t, try("198.51.100.1", "bob", password), "")               // others are not concerned
	pass(91 * time.Second)
	want(t, try("198.51.100.3", "ann", password), "") // one attempt came back; it was right, so all are back
	want(t, try("198.51.100.3", "ann", "wrong wrong"), inbox.InvalidCredentials)
	want(t, try("198.51.100.3", "ann", password), "")

	// One address, one household: many accounts do not help.
	last := error(nil)
	for i := range 45 {
		last = try("2001:db8:1:2::"+string("0123456789abcdef"[i%16]), "nobody"+strings.Repeat("x", i), "wrong wrong")
	}
	want(t, last, inbox.Limited)
	want(t, try("2001:db8:1:3::1", "ann", password), "")
}

// What changes on one node counts with the next request on another.
func TestChangesCountEverywhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, one, two := t.Context(), newNode(t, s), newNode(t, s)
		shop := one.shop("Lamps")
		one.add("boss", rbac.Owner)
		ann := one.add("ann", rbac.Agent, shop)
		cookie := one.signIn("ann")
		_, text, err := one.CreateToken(ctx, one.as(ann), ann, "script", time.Time{})
		want(t, err, "")
		byToken := func() auth.Identity {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "bearer "+text)
			id, err := two.Identify(r)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		may := func(id auth.Identity) bool { return two.Rights.Can(id.Actor, rbac.ConversationReply, shop) }
		socket := two.identify(cookie)
		if id := byToken(); !may(socket) || !may(id) || id.Token == 0 || id.Session != 0 {
			t.Fatalf("by cookie %+v, by token %+v", socket, id)
		}
		want(t, one.SetRoles(ctx, auth.System(), ann, nil), "")
		if id := two.identify(cookie); !id.SignedIn() || may(id) || may(byToken()) {
			t.Error("a withdrawn role still counts")
		}
		want(t, one.SetRoles(ctx, auth.System(), ann, []rbac.Grant{{Role: rbac.Agent, Shop: shop}}), "")
		if again, err := two.Recheck(ctx, socket); err != nil || !may(again) {
			t.Errorf("Recheck = %+v, %v", again, err)
		}
		want(t, one.SetStatus(ctx, auth.System(), ann, rbac.UserDisabled), "")
		if two.identify(cookie).SignedIn() || byToken().SignedIn() {
			t.Error("a disabled user is signed in")
		}
		_, err = two.Recheck(ctx, socket)
		want(t, err, inbox.Unauthenticated)
	})
}

func TestChangePassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		n.add("ann", rbac.Owner)
		here, elsewhere := n.signIn("ann"), n.signIn("ann")
		id := n.identify(here)
		var wrong *inbox.Error
		if err := n.ChangePassword(ctx, id, "wrong wrong", "another pass"); !errors.As(err, &wrong) || wrong.Field != "body.current" {
			t.Errorf("wrong current password: %v", err)
		}
		if err := n.ChangePassword(ctx, id, password, strings.Repeat("ж", 129)); !errors.As(err, &wrong) || wrong.Field != "body.new" {
			t.Errorf("too long: %v", err)
		}
		changed := strings.Repeat("ж", 128)
		want(t, n.ChangePassword(ctx, id, password, changed), "")
		if !n.identify(here).SignedIn() || n.identify(elsewhere).SignedIn() {
			t.Error("this session must stay and the others end")
		}
		_, err := n.SignIn(ctx, auth.Identity{}, auth.Credentials{Email: "ann@people.example", Password: password})
		want(t, err, inbox.InvalidCredentials)
		_, err = n.SignIn(ctx, auth.Identity{}, auth.Credentials{Email: "ann@people.example", Password: changed})
		want(t, err, "")
	})
}

func TestMiddleware(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		n := newNode(t, s)
		ann := n.add("ann", rbac.Owner)
		cookie := n.signIn("ann")
		_, bearer, err := n.CreateToken(t.Context(), n.as(ann), ann, "script", time.Time{})
		want(t, err, "")
		handler := n.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Who", auth.From(r.Context()).Actor.User.String())
		}))
		for name, tt := range map[string]struct {
			method  string
			headers map[string]string
			cookie  bool
			status  int
			who     string
		}{
			"page of ours":                    {"POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://desk.example"}, true, 200, ann.String()},
			"behind a proxy that renames":     {"POST", map[string]string{"Origin": "https://desk.example"}, true, 200, ann.String()},
			"another site":                    {"POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, true, 403, ""},
			"a neighbour on the domain":       {"DELETE", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://other.desk.example"}, true, 403, ""},
			"another site, an old browser":    {"POST", map[string]string{"Origin": "https://evil.example"}, true, 403, ""},
			"another site, no cookie":         {"POST", map[string]string{"Origin": "https://evil.example"}, false, 403, ""},
			"another site only reads":         {"GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, true, 200, ann.String()},
			"a program":                       {"POST", map[string]string{"Authorization": "Bearer " + bearer}, false, 200, ann.String()},
			"a program with a wrong token":    {"POST", map[string]string{"Authorization": "Bearer x" + bearer}, true, 200, "0"},
			"a program with another scheme":   {"POST", map[string]string{"Authorization": "Basic YTpi"}, true, 200, "0"},
			"nobody":                          {"POST", nil, false, 200, "0"},
			"a session's cookie as the token": {"POST", map[string]string{"Authorization": "Bearer " + cookie.Value}, false, 200, "0"},
		} {
			t.Run(name, func(t *testing.T) {
				r := httptest.NewRequest(tt.method, "http://10.1.1.1:8080/api/v1/tags", nil)
				for k, v := range tt.headers {
					r.Header.Set(k, v)
				}
				if tt.cookie {
					r.AddCookie(cookie)
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != tt.status || w.Header().Get("Who") != tt.who {
					t.Errorf("%d as %q, want %d as %q", w.Code, w.Header().Get("Who"), tt.status, tt.who)
				}
			})
		}
		for origin, same := range map[string]bool{"": true, "https://desk.example": true, "http://10.1.1.1:8080": true, "https://evil.example": false, "null": false} {
			r := httptest.NewRequest("GET", "http://10.1.1.1:8080/api/v1/live", nil)
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
			if got := n.SameOrigin(r); got != same {
				t.Errorf("SameOrigin(%q) = %v", origin, got)
			}
		}
	})
}

// Who cannot be found out may do nothing.
func TestMiddlewareWithoutDatabase(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, s)
	n.add("ann", rbac.Owner)
	cookie := n.signIn("ann")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/api/v1/me", nil)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	n.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was let in") })).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestClientAddress(t *testing.T) {
	n, _ := clocked(t)
	for name, tt := range map[string]struct {
		peer, forwarded, want string
	}{
		"direct":                     {"203.0.113.5:999", "", "203.0.113.5"},
		"a claim by anybody":         {"203.0.113.5:999", "198.51.100.9", "203.0.113.5"},
		"behind the proxy":           {"192.0.2.1:999", "198.51.100.9", "198.51.100.9"},
		"behind two":                 {"192.0.2.1:999", "198.51.100.9, 192.0.2.7", "198.51.100.9"},
		"a claim before the proxy":   {"192.0.2.1:999", "10.9.9.9, 198.51.100.9", "198.51.100.9"},
		"the proxy says nothing":     {"192.0.2.1:999", "", "192.0.2.1"},
		"the proxy says nonsense":    {"192.0.2.1:999", "198.51.100.9, unknown", "192.0.2.1"},
		"IPv4 written as IPv6":       {"[::ffff:192.0.2.1]:999", "198.51.100.9", "198.51.100.9"},
		"only proxies":               {"192.0.2.1:999", "192.0.2.2", "192.0.2.2"},
		"IPv6":                       {"[2001:db8::1]:999", "", "2001:db8::1"},
		"a local socket":             {"@", "198.51.100.9", ""},
		"several headers, one claim": {"192.0.2.1:999", "198.51.100.9,192.0.2.3,192.0.2.4", "198.51.100.9"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.peer
			if tt.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			if got := n.ClientAddress(r); got != tt.want {
				t.Errorf("ClientAddress = %q, want %q", got, tt.want)
			}
		})
	}
}
