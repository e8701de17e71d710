package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// signedIn is the answer to what begins a session.
type signedIn struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Me
}

// welcome answers a new session.
func (a *API) welcome(ctx context.Context, login auth.Login, err error) (*signedIn, error) {
	if err != nil {
		return nil, err
	}
	me, err := a.describeMe(ctx, login.User)
	return &signedIn{login.Cookie.String(), me}, err
}

// setup declares what happens once, before anybody has an account.
func (a *API) setup() {
	register(a, rbac.Public, huma.Operation{Method: "GET", Path: "/setup",
		Summary: "Tell whether the first owner is still to be made."}, a.getSetup)
	register(a, rbac.Public, huma.Operation{Method: "POST", Path: "/setup", DefaultStatus: http.StatusCreated,
		Summary: "Make the first owner with the code the server printed, and sign him in."}, a.postSetup)
}

// SetupState is whether the installation is somebody's.
type SetupState struct {
	Needed       bool   `json:"needed"`
	Organisation string `json:"organisation"`
}

func (a *API) getSetup(ctx context.Context, _ *struct{}) (*body[SetupState], error) {
	needed, err := a.People.NeedsSetUp(ctx)
	if err != nil {
		return nil, err
	}
	organisation, err := a.Store.Setting(ctx, store.SettingOrganisation)
	return reply(SetupState{needed, organisation}, err)
}

func (a *API) postSetup(ctx context.Context, in *struct {
	Body struct {
		Code         string `json:"code" maxLength:"100"`
		Organisation string `json:"organisation"`
		Email        string `json:"email"`
		Name         string `json:"name"`
		Password     string `json:"password"`
		Language     string `json:"language,omitempty"`
		Zone         string `json:"zone,omitempty"`
	}
}) (*signedIn, error) {
	b := in.Body
	login, err := a.People.SetUp(ctx, auth.From(ctx), auth.SetUp{Code: b.Code, Organisation: b.Organisation, Email: b.Email,
		Name: b.Name, Password: b.Password, Language: b.Language, Zone: b.Zone})
	return a.welcome(ctx, login, err)
}

// session declares signing in and out, and one's own sessions.
func (a *API) session() {
	register(a, rbac.Public, huma.Operation{Method: "POST", Path: "/session", DefaultStatus: http.StatusOK,
		Summary: "Sign in. The answer is the same for an unknown address and a wrong password."}, a.postSession)
	register(a, rbac.SignedIn, huma.Operation{Method: "DELETE", Path: "/session", Summary: "Sign out."}, a.deleteSession)
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/sessions",
		Summary: "List one's own sessions, the one used last first."}, a.getSessions)
	register(a, rbac.SignedIn, huma.Operation{Method: "DELETE", Path: "/sessions/{id}", Summary: "End one of one's own sessions."}, a.deleteOneSession)
}

func (a *API) postSession(ctx context.Context, in *struct {
	Body struct {
		Email    string `json:"email" maxLength:"320"`
		Password string `json:"password" maxLength:"1024"`
		Keep     bool   `json:"keep,omitempty" doc:"stay signed in on this device"`
	}
}) (*signedIn, error) {
	login, err := a.People.SignIn(ctx, auth.From(ctx), auth.Credentials{Email: in.Body.Email, Password: in.Body.Password, Keep: in.Body.Keep})
	return a.welcome(ctx, login, err)
}

type signedOut struct {
	SetCookie string `header:"Set-Cookie"`
}

func (a *API) deleteSession(ctx context.Context, _ *struct{}) (*signedOut, error) {
	if err := a.People.SignOut(ctx, auth.From(ctx)); err != nil && inbox.CodeOf(err) != inbox.NotFound {
		return nil, err
	}
	return &signedOut{a.People.NoCookie().String()}, nil
}

// Session is one browser somebody is signed in with.
type Session struct {
	ID        inbox.SessionID `json:"id"`
	CreatedAt instant         `json:"created_at"`
	SeenAt    instant         `json:"seen_at"`
	Address   string          `json:"address"`
	Agent     string          `json:"agent" doc:"what the browser calls itself"`
	Current   bool            `json:"current" doc:"the session of this request"`
}

func (a *API) getSessions(ctx context.Context, _ *struct{}) (*body[page[Session]], error) {
	by := auth.From(ctx)
	sessions, err := a.Store.Sessions(ctx, by.Actor.User)
	return reply(whole(sessions, func(s inbox.Session) Session {
		return Session{ID: s.ID, CreatedAt: at(s.CreatedAt), SeenAt: at(s.SeenAt), Address: s.Address, Agent: s.Agent, Current: s.ID == by.Session}
	}), err)
}

func (a *API) deleteOneSession(ctx context.Context, in *struct {
	ID ref[inbox.SessionID] `path:"id"`
}) (*nothing, error) {
	return nil, a.People.EndSession(ctx, auth.From(ctx), in.ID.ID)
}

// whole is a list that is never longer than a page.
func whole[R, T any](rows []R, show func(R) T) page[T] {
	p := page[T]{Items: make([]T, len(rows))}
	for i, r := range rows {
		p.Items[i] = show(r)
	}
	return p
}
