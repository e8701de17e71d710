package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// policy is a fixed policy: user 1 is owner, user 2 agent of shop 7.
type policy struct{}

func (policy) Policy(context.Context) (rbac.Policy, error) {
	return rbac.Policy{Version: 1, Lines: append(rbac.DefaultLines(),
		rbac.GrantLine(rbac.Grant{User: 1, Role: rbac.Owner}), rbac.GrantLine(rbac.Grant{User: 2, Role: rbac.Agent, Shop: 7}))}, nil
}

// frame is an API without a database, whose caller is in the context.
func frame(t *testing.T) (*API, *http.ServeMux) {
	t.Helper()
	rights, err := rbac.NewEnforcer(t.Context(), policy{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	return New(mux, Options{Rights: rights, Caller: func(ctx context.Context) Caller {
		user, _ := ctx.Value(callerKey{}).(rbac.UserID)
		return Caller{Actor: rbac.Actor{User: user}}
	}}), mux
}

type callerKey struct{}

func send(t *testing.T, h http.Handler, user rbac.UserID, method, path, text string) (int, Problem, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), callerKey{}, user), method, Prefix+path, strings.NewReader(text))
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var p Problem
	if w.Header().Get("Content-Type") == problemType {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w.Code, p, w.Header()
}

func TestRegisterRefusesWhatIsNotDeclared(t *testing.T) {
	handler := func(context.Context, *struct{}) (*nothing, error) { return nil, nil }
	for name, tt := range map[string]struct {
		permission rbac.Permission
		operation  huma.Operation
		want       string
	}{
		"no permission":      {"", huma.Operation{Method: "GET", Path: "/x", Summary: "X."}, "declares no permission"},
		"unknown permission": {"tag.fly", huma.Operation{Method: "GET", Path: "/x", Summary: "X."}, "is no permission"},
		"no summary":         {rbac.SignedIn, huma.Operation{Method: "GET", Path: "/x"}, "does not say"},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := frame(t)
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, tt.want) {
					t.Errorf("said %q, want %q", said, tt.want)
				}
			}()
			register(a, tt.permission, tt.operation, handler)
		})
	}
}

func TestGuard(t *testing.T) {
	a, mux := frame(t)
	ok := func(context.Context, *struct{}) (*nothing, error) { return nil, nil }
	register(a, rbac.Public, huma.Operation{Method: "GET", Path: "/test/public", Summary: "For all."}, ok)
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/test/signed-in", Summary: "For accounts."}, ok)
	register(a, rbac.TagManage, huma.Operation{Method: "GET", Path: "/test/tags", Summary: "For admins."}, ok)
	register(a, rbac.ConversationRead, huma.Operation{Method: "GET", Path: "/test/list", Summary: "By scope."}, ok)
	for _, tt := range []struct {
		user rbac.UserID
		path string
		want int
	}{
		{0, "/test/public", 204}, {0, "/test/signed-in", 401}, {0, "/test/tags", 401}, {0, "/test/list", 401},
		{2, "/test/signed-in", 204}, {2, "/test/tags", 403}, {2, "/test/list", 204}, {3, "/test/list", 204},
		{3, "/test/tags", 403}, {1, "/test/tags", 204}, {1, "/test/nothing", 404},
	} {
		if got, p, _ := send(t, mux, tt.user, "GET", tt.path, ""); got != tt.want || got > 299 && p.Status != got {
			t.Errorf("user %s GET %s = %d %+v, want %d", tt.user, tt.path, got, p, tt.want)
		}
	}
	if got, _, header := send(t, mux, 1, "DELETE", "/test/tags", ""); got != 405 || header.Get("Allow") != "GET" {
		t.Errorf("DELETE = %d, Allow %q", got, header.Get("Allow"))
	}
}

func TestProblems(t *testing.T) {
	a, mux := frame(t)
	var answer error
	register(a, rbac.Public, huma.Operation{Method: "GET", Path: "/test", Summary: "Fails."},
		func(context.Context, *struct{}) (*nothing, error) { return nil, answer })
	secret := errors.New("password=hunter2")
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"unknown error":   {secret, 500, "internal"},
		"cause of known":  {&inbox.Error{Code: inbox.Conflict, Msg: "taken", Err: secret}, 409, "conflict"},
		"field":           {&inbox.Error{Code: inbox.Invalid, Field: "body.name", Msg: "too long", Err: secret}, 422, "invalid"},
		"two fields":      {fmt.Errorf("check: %w", errors.Join(inbox.InvalidField("body.name", "too long"), inbox.InvalidField("body.zone", "odd"))), 422, "invalid"},
		"wait":            {&inbox.Error{Code: inbox.Limited, Msg: "slow down", RetryAt: time.Now().Add(90 * time.Second)}, 429, "limited"},
		"a code without":  {&inbox.Error{Code: "odd", Msg: "hm", Err: secret}, 500, "internal"},
		"with what is":    {currentError{inbox.Errorf(inbox.Conflict, "changed"), 12}, 409, "conflict"},
		"wrong password":  {inbox.Errorf(inbox.InvalidCredentials, "no"), 401, "invalid_credentials"},
		"last admin":      {inbox.Errorf(inbox.LastAdmin, "no"), 409, "last_admin"},
		"not reachable":   {inbox.Errorf(inbox.Unavailable, "later"), 503, "unavailable"},
		"another's thing": {inbox.Errorf(inbox.NotFound, "there is no such tag"), 404, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			answer = tt.err
			status, p, header := send(t, mux, 0, "GET", "/test", "")
			if status != tt.status || p.Code != tt.code || p.Status != status || p.Title == "" || p.Detail == "" {
				t.Errorf("got %d %+v, want %d %s", status, p, tt.status, tt.code)
			}
			if text, _ := json.Marshal(p); strings.Contains(string(text), "hunter2") {
				t.Errorf("the cause is in the answer: %s", text)
			}
			if (status == 500) != (p.Request != "") {
				t.Errorf("request %q of a %d", p.Request, status)
			}
			if (status == 429 || status == 503) != (header.Get("Retry-After") != "") {
				t.Errorf("Retry-After %q of a %d", header.Get("Retry-After"), status)
			}
			if name == "field" && (len(p.Errors) != 1 || p.Errors[0].Location != "body.name") {
				t.Errorf("errors = %+v", p.Errors)
			}
			if name == "two fields" && (len(p.Errors) != 2 || p.Errors[1].Location != "body.zone") {
				t.Errorf("errors = %+v", p.Errors)
			}
			if name == "with what is" && p.Current != float64(12) {
				t.Errorf("current = %v", p.Current)
			}
		})
	}
}

type testInput struct {
	ID ref[inbox.ConversationID] `path:"id"`
	Paging
	Body struct {
		Name  string              `json:"name" minLength:"1" maxLength:"10"`
		Shop  inbox.ShopID        `json:"shop"`
		User  maybe[inbox.UserID] `json:"user"`
		Until instant             `json:"until" required:"false"`
		Shops []inbox.ShopID      `json:"shops,omitempty"`
	}
}

func TestInput(t *testing.T) {
	a, mux := frame(t)
	var got testInput
	register(a, rbac.Public, huma.Operation{Method: "POST", Path: "/test/{id}", Summary: "Takes."},
		func(_ context.Context, in *testInput) (*nothing, error) {
			got = *in
			return nil, nil
		})
	settle(a.huma.OpenAPI())
	const good = `{"name":"Ann","shop":"12","user":null,"until":null,"shops":["3"]}`
	if status, p, _ := send(t, mux, 0, "POST", "/test/999999999999999999", good); status != 204 {
		t.Fatalf("good input: %d %+v", status, p)
	}
	if got.ID.ID != 999999999999999999 || got.Limit != 50 || got.Body.Shop != 12 || got.Body.User != 0 || got.Body.Shops[0] != 3 {
		t.Errorf("read %+v", got)
	}
	for name, tt := range map[string]struct{ path, text, location string }{
		"id is a word":       {"/test/abc", good, "path.id"},
		"id is negative":     {"/test/-1", good, "path.id"},
		"id is zero":         {"/test/0", good, "path.id"},
		"id is too large":    {"/test/1000000000000000000", good, "path.id"},
		"limit":              {"/test/1?limit=201", good, "query.limit"},
		"limit is a word":    {"/test/1?limit=x", good, "query.limit"},
		"no body":            {"/test/1", "", "body"},
		"broken":             {"/test/1", `{"name":`, "body"},
		"missing":            {"/test/1", `{"shop":"1","user":null}`, "body.name"},
		"empty":              {"/test/1", `{"name":"","shop":"1","user":null}`, "body.name"},
		"long":               {"/test/1", `{"name":"` + strings.Repeat("x", 11) + `","shop":"1","user":null}`, "body.name"},
		"a number for an id": {"/test/1", `{"name":"a","shop":1,"user":null}`, "body.shop"},
		"a word for an id":   {"/test/1", `{"name":"a","shop":"one","user":null}`, "body.shop"},
		"id out of range":    {"/test/1", `{"name":"a","shop":"9999999999999999999","user":null}`, "body.shop"},
		"a word for maybe":   {"/test/1", `{"name":"a","shop":"1","user":"me"}`, "body.user"},
		"bad id in a list":   {"/test/1", `{"name":"a","shop":"1","user":null,"shops":["a"]}`, "body.shops[0]"},
		"bad time":           {"/test/1", `{"name":"a","shop":"1","user":null,"until":"soon"}`, "body.until"},
		"unknown field":      {"/test/1", `{"name":"a","shop":"1","user":null,"x":1}`, "body.x"},
	} {
		t.Run(name, func(t *testing.T) {
			status, p, _ := send(t, mux, 0, "POST", tt.path, tt.text)
			if status < 400 || status > 422 || len(p.Errors) == 0 || p.Errors[0].Location != tt.location || p.Code != "invalid" {
				t.Errorf("got %d %+v, want 4xx at %s", status, p, tt.location)
			}
		})
	}
	status, p, _ := send(t, mux, 0, "POST", "/test/1", `{"name":"`+strings.Repeat("x", 1<<20)+`"}`)
	if status != 413 || p.Code != "too_large" {
		t.Errorf("too large a body: %d %+v", status, p)
	}
}

func TestCursor(t *testing.T) {
	type position struct{ Due, ID int64 }
	var got position
	if err := readCursor(cursor(position{1 << 62, 7}), &got); err != nil || got != (position{1 << 62, 7}) {
		t.Errorf("cursor round trip: %+v, %v", got, err)
	}
	for _, bad := range []string{"x", "!!", cursor("text"), cursor(map[string]int{"Other": 1})} {
		if err := readCursor(bad, &got); inbox.CodeOf(err) != inbox.Invalid {
			t.Errorf("readCursor(%q) = %v, want Invalid", bad, err)
		}
	}
	rows := []int{1, 2, 3}
	show := func(n int) int { return n }
	key := func(n int) any { return n }
	if p := list(rows, 2, key, show); len(p.Items) != 2 || p.Next == nil || *p.Next != cursor(2) {
		t.Errorf("page of two: %+v", p)
	}
	if p := list(rows, 3, key, show); len(p.Items) != 3 || p.Next != nil {
		t.Errorf("page of all: %+v", p)
	}
	if text, _ := json.Marshal(list([]int(nil), 3, key, show)); string(text) != `{"items":[],"next":null}` {
		t.Errorf("empty page: %s", text)
	}
}

func TestIfMatch(t *testing.T) {
	for header, want := range map[string]int64{"": 0, "*": 0, `"12"`: 12, `W/"12"`: 12, "12": 12} {
		if got, err := ifMatch(header); err != nil || got != want {
			t.Errorf("ifMatch(%q) = %d, %v, want %d", header, got, err, want)
		}
	}
	for _, header := range []string{`"x"`, `"-1"`, `"0"`, `"1", "2"`} {
		if _, err := ifMatch(header); inbox.CodeOf(err) != inbox.Invalid {
			t.Errorf("ifMatch(%q) = %v, want Invalid", header, err)
		}
	}
}

func TestHasNUL(t *testing.T) {
	for text, want := range map[string]bool{`"a"`: false, `"\u0000"`: true, `"\\u0000"`: false, `"\\\u0000"`: true, `"\\\\u0000"`: false,
		`"\\u0000 \u0000"`: true, `"\u0001"`: false, `\u0000`: true} {
		if got := hasNUL([]byte(text)); got != want {
			t.Errorf("hasNUL(%s) = %v, want %v", text, got, want)
		}
	}
}
