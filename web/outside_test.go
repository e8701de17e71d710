package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/auth"
	"github.com/deskbell/deskbell/web/webtest"
)

const password = "correct horse battery"

// visitor is somebody with a browser: a cookie instead of a token.
func visitor(t *testing.T, d *webtest.Server, name string, role rbac.Role) *http.Cookie {
	t.Helper()
	email := name + "@people.example"
	if _, err := d.People.AddUser(t.Context(), auth.System(), auth.NewUser{Email: email, Name: name, Role: role, Password: password}); err != nil {
		t.Fatal(err)
	}
	a := d.Want(200, 0, "POST", "/session", map[string]any{"email": email, "password": password})
	cookie, err := http.ParseSetCookie(a.Header.Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

func TestCookie(t *testing.T) {
	d := webtest.New(t, storetest.SQLite(t), 1, nil)
	cookie := visitor(t, d, "olga", rbac.Owner)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("the cookie is %s", cookie)
	}
	if len(cookie.Value) < 32 {
		t.Errorf("the session has a name of %d characters", len(cookie.Value))
	}
}

// A page of another site may send requests with the reader's cookie: it changes nothing, opens no
// socket and reads no answer.
func TestOtherSites(t *testing.T) {
	d := webtest.New(t, storetest.SQLite(t), 1, nil)
	cookie := visitor(t, d, "olga", rbac.Owner)
	session := cookie.Name + "=" + cookie.Value
	const tag = `{"name":"Refund"}`
	for name, header := range map[string][]string{
		"another site":         {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
		"an old browser":       {"Origin", "https://evil.example"},
		"a neighbour's domain": {"Origin", "http://other.127.0.0.1", "Sec-Fetch-Site", "same-site"},
		"a frame without one":  {"Origin", "null"},
		"a form":               {"Origin", "https://evil.example", "Content-Type", "text/plain"},
	} {
		header = append(header, "Cookie", session)
		for _, r := range [][2]string{{"POST", "/tags"}, {"POST", "/session"}, {"DELETE", "/session"}, {"PATCH", "/me"}, {"PUT", "/conversations/1/assignee"}} {
			if a := d.Do(0, r[0], r[1], tag, header...); a.Status != 403 {
				t.Errorf("%s: %s %s = %d %s, want 403", name, r[0], r[1], a.Status, a.Body)
			}
		}
		if a := d.Do(0, "GET", "/me", nil, header...); a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: may read /me", name)
		}
		preflight := d.Do(0, "OPTIONS", "/tags", nil, append(header, "Access-Control-Request-Method", "POST")...)
		if preflight.Header.Get("Access-Control-Allow-Origin") != "" || preflight.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s: may ask: %v", name, preflight.Header)
		}
		conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(d.URL, "http")+api.Prefix+"/live",
			http.Header{"Cookie": {session}, "Origin": {header[1]}})
		if err == nil {
			conn.Close()
		}
		if response == nil || response.StatusCode != 403 {
			t.Errorf("%s: a socket is answered %v", name, response)
		}
	}
	if tags := d.Want(200, 0, "GET", "/tags", nil, "Cookie", session).IDs(); len(tags) != 0 {
		t.Errorf("there are tags: %v", tags)
	}
	d.Want(201, 0, "POST", "/tags", tag, "Cookie", session, "Origin", d.URL, "Sec-Fetch-Site", "same-origin")
	d.Want(204, 0, "DELETE", "/session", nil, "Cookie", session, "Origin", d.URL)
	d.Want(401, 0, "GET", "/me", nil, "Cookie", session)
}

// Whatever is answered, a browser is told what it may do with it.
func TestHeadersOfEveryAnswer(t *testing.T) {
	d := webtest.New(t, storetest.SQLite(t), 1, nil)
	packed := store.PackBlob([]byte("<script>alert(1)</script>"))
	var m inbox.Message
	d.Conversation(0, func(_ *inbox.Conversation, in *inbox.Message) {
		in.HTML, in.Files = `<script src="https://evil.example/x.js"></script><img src="https://evil.example/x.png">`, 1
		in.Attachments = []inbox.Attachment{{Name: "x.html", ContentType: "text/html", Size: packed.Size, Hash: packed.Hash}}
		m = *in
	})
	d.World.Do(func(tx *store.Tx) error { return tx.PutBlobs(t.Context(), []store.Blob{packed}) })
	ann, owner := d.Agent("ann", d.Shops[0]), d.Person("olga", rbac.Grant{Role: rbac.Owner})
	var messages struct {
		Items []struct{ Attachments []struct{ ID string } }
	}
	d.Want(200, ann, "GET", "/conversations/"+m.Conversation.String()+"/messages", nil).Into(&messages)
	file := "/api/v1/attachments/" + messages.Items[0].Attachments[0].ID

	for _, tt := range []struct {
		user         rbac.UserID
		method, path string
		body         any
		want         int
	}{
		{ann, "GET", "/api/v1/me", nil, 200}, {0, "GET", "/api/v1/me", nil, 401}, {ann, "POST", "/api/v1/tags", `{"name":"x"}`, 403},
		{ann, "GET", "/api/v1/conversations/999", nil, 404}, {ann, "GET", "/api/v1/nothing", nil, 404}, {ann, "DELETE", "/api/v1/me", nil, 405},
		{owner, "POST", "/api/v1/tags", `{"name":""}`, 422}, {owner, "POST", "/api/v1/tags", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		{ann, "GET", file, nil, 200}, {ann, "GET", "/api/v1/messages/" + m.ID.String() + "/html", nil, 200}, {0, "GET", file, nil, 401},
		{0, "GET", "/", nil, 200}, {0, "GET", "/inbox/all", nil, 200}, {0, "GET", "/assets/none.js", nil, 404}, {0, "POST", "/", `{}`, 405},
		{0, "GET", "/healthz", nil, 200}, {0, "GET", "/readyz", nil, 200}, {0, "GET", "/api/v1/openapi.json", nil, 200}, {0, "GET", "/api/v1/docs", nil, 200},
		{0, "GET", "/api/v1/live", nil, 401}, {ann, "GET", "/api/v1/live", nil, 400},
	} {
		a := d.Raw(tt.user, tt.method, tt.path, tt.body)
		if a.Status != tt.want {
			t.Errorf("%s %s = %d %.200s, want %d", tt.method, tt.path, a.Status, a.Body, tt.want)
		}
		policy := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") && !strings.Contains(policy, "default-src 'self'") || !strings.Contains(policy, "frame-ancestors") ||
			strings.Contains(policy, "http:") || strings.Contains(policy, "https:") || strings.Contains(policy, "script-src 'unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s %s has the policy %q", tt.method, tt.path, policy)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") == "" || a.Header.Get("Content-Type") == "" {
			t.Errorf("%s %s (%d) has headers %v", tt.method, tt.path, a.Status, a.Header)
		}
		if strings.HasPrefix(tt.path, "/api/") && tt.want >= 400 && tt.want != 400 && a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s (%d) is a %s", tt.method, tt.path, a.Status, a.Header.Get("Content-Type"))
		}
	}
	if a := d.Raw(ann, "GET", file, nil); !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("a page somebody sent is shown: %v", a.Header)
	}
	if frame := d.Raw(ann, "GET", "/api/v1/messages/"+m.ID.String()+"/html", nil); strings.Contains(string(frame.Body), "<script") || strings.Contains(string(frame.Body), ` src="http`) {
		t.Errorf("the frame asks the other site: %s", frame.Body)
	}
}

// Each operation but the public ones wants to know who asks, before it says anything else.
func TestNobodyMayNothing(t *testing.T) {
	d := webtest.New(t, storetest.SQLite(t), 1, nil)
	var document struct {
		Paths map[string]map[string]struct {
			Permission rbac.Permission `json:"x-permission"`
		}
	}
	d.Want(200, 0, "GET", "/openapi.json", nil).Into(&document)
	var open []string
	calls := 0
	for path, operations := range document.Paths {
		for method, operation := range operations {
			method = strings.ToUpper(method)
			if operation.Permission == rbac.Public {
				open = append(open, method+" "+path)
				continue
			}
			address := strings.NewReplacer("{", "", "}", "").Replace(path)
			for _, header := range [][]string{nil, {"Authorization", "Bearer deskbell_nonsense"}, {"Authorization", "Basic b2xnYTp4"}, {"Cookie", auth.CookieName + "=nonsense"}} {
				for _, body := range []any{nil, "{"} {
					calls++
					if a := d.Do(0, method, address, body, header...); a.Status != 401 {
						t.Errorf("%s %s with %v: %d %s, want 401", method, address, header, a.Status, a.Body)
					}
				}
			}
		}
	}
	slices.Sort(open)
	if want := []string{"GET /invitations/token/{token}", "GET /setup", "POST /invitations/token/{token}", "POST /session", "POST /setup"}; !slices.Equal(open, want) {
		t.Errorf("open to everybody are %v, want %v", open, want)
	}
	if calls < 400 {
		t.Errorf("only %d calls: is the document empty?", calls)
	}
}

// What hangs on something of another shop is as unknown as what is not there.
func TestChainsOfOtherShops(t *testing.T) {
	each(t, func(t *testing.T, d desk) {
		packed := store.PackBlob([]byte("secret"))
		var theirs inbox.Message
		d.Conversation(1, func(_ *inbox.Conversation, in *inbox.Message) {
			in.Files, in.Attachments = 1, []inbox.Attachment{{Name: "x.txt", ContentType: "text/plain", Size: packed.Size, Hash: packed.Hash}}
			theirs = *in
		})
		d.World.Do(func(tx *store.Tx) error { return tx.PutBlobs(t.Context(), []store.Blob{packed}) })
		var messages struct {
			Items []struct{ Attachments []struct{ ID string } }
		}
		d.Want(200, d.owner, "GET", "/conversations/"+theirs.Conversation.String()+"/messages", nil).Into(&messages)
		file := messages.Items[0].Attachments[0].ID
		d.Want(200, d.owner, "GET", "/attachments/"+file, nil)
		ours := d.conversation(0)
		for _, user := range []rbac.UserID{d.ann, d.admin} {
			for _, id := range []string{file, "999999"} {
				known, unknown := d.Want(404, user, "GET", "/attachments/"+id, nil), d.Want(404, user, "GET", "/attachments/888888", nil)
				if known.Map()["detail"] != unknown.Map()["detail"] {
					t.Errorf("a foreign file is told from an unknown one: %s, %s", known.Body, unknown.Body)
				}
				d.Want(422, user, "POST", path(ours, "/replies"), map[string]any{"text": "x", "attachments": []string{id}})
			}
			d.Want(404, user, "GET", "/messages/"+theirs.ID.String()+"/html", nil)
			d.Want(404, user, "PATCH", "/shops/"+d.Shops[1].String()+"/members/"+d.ann.String(), `{"sees":"assigned"}`)
			d.Want(404, user, "GET", "/connections/"+d.Connections[1].String()+"/ledger", nil)
		}
	})
}

// Who guesses passwords is stopped, also with the right one; others are not.
func TestGuessing(t *testing.T) {
	d := webtest.New(t, storetest.SQLite(t), 1, nil)
	visitor(t, d, "olga", rbac.Owner)
	visitor(t, d, "ben", rbac.Agent)
	try := func(name, password string) webtest.Answer {
		return d.Do(0, "POST", "/session", map[string]any{"email": name + "@people.example", "password": password})
	}
	unknown, wrong := try("nobody", "wrong password"), try("olga", "wrong password")
	if unknown.Status != 401 || string(unknown.Body) != string(wrong.Body) {
		t.Errorf("an unknown address is told from a wrong password: %d %s, %d %s", unknown.Status, unknown.Body, wrong.Status, wrong.Body)
	}
	for range 20 {
		wrong = try("olga", "wrong password")
	}
	if wrong.Status != 429 || wrong.Header.Get("Retry-After") == "" {
		t.Errorf("the twentieth guess is answered %d, Retry-After %q", wrong.Status, wrong.Header.Get("Retry-After"))
	}
	if right := try("olga", password); right.Status != 429 {
		t.Errorf("the right password is answered %d", right.Status)
	}
	if other := try("ben", password); other.Status != 200 {
		t.Errorf("somebody else is answered %d %s", other.Status, other.Body)
	}
}
