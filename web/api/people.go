package api

import (
	"context"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// viewer is what one reader may see of everybody.
type viewer struct {
	reader  rbac.UserID
	scope   rbac.Scope // of what he may read
	manages rbac.Scope // where he may invite, and so sees addresses and roles
	held    []rbac.Grant
	roles   map[rbac.UserID][]rbac.Grant
}

func (a *API) viewer(ctx context.Context) (*viewer, error) {
	actor := a.actor(ctx)
	roles, err := a.Store.Roles(ctx)
	return &viewer{reader: actor.User, scope: a.scope(ctx), manages: a.Rights.Scope(actor, rbac.UserInvite),
		held: a.Rights.Roles(actor.User), roles: roles}, err
}

// knows tells whether the reader sees that a user exists: himself, people of his shops and those of
// all shops; who may invite everywhere sees everybody.
func (p *viewer) knows(user rbac.UserID) bool {
	return p.manages.All || p.scope.Knows(user, p.roles[user])
}

// governs tells whether the reader may decide about a user's account.
func (p *viewer) governs(user rbac.UserID) bool { return rbac.Governs(p.held, p.roles[user]) }

// showsRoles returns those roles of a user the reader may see: his own, and as an admin those of his
// shops and of everybody who is something everywhere.
func (p *viewer) showsRoles(user rbac.UserID) []rbac.Grant {
	if user == p.reader || p.manages.All {
		return p.roles[user]
	}
	if p.manages.Empty() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.roles[user]), func(g rbac.Grant) bool { return g.Shop != 0 && !p.manages.SeesShop(g.Shop) })
}

// showsEmail tells whether the reader sees a user's address: his own, and as an admin everybody's
// whom he knows.
func (p *viewer) showsEmail(user rbac.UserID) bool { return user == p.reader || !p.manages.Empty() }

// User is a person with an account, as the reader may see him.
type User struct {
	ID       rbac.UserID     `json:"id"`
	Email    string          `json:"email" doc:"empty unless the reader may invite people, or is this person"`
	Name     string          `json:"name"`
	Language string          `json:"language"`
	Zone     string          `json:"zone"`
	Status   rbac.UserStatus `json:"status" enum:"invited,active,disabled"`
	Roles    []Role          `json:"roles" nullable:"false" doc:"empty unless the reader may invite people, or is this person"`
	Presence Presence        `json:"presence"`
	OnShift  bool            `json:"on_shift"`
	Open     int             `json:"open" doc:"open conversations this person holds"`
	SeenAt   instant         `json:"seen_at" doc:"null: never"`
}

// showUsers describes users the reader knows; it reads what they do now in one go.
func (a *API) showUsers(ctx context.Context, p *viewer, users []rbac.User) ([]User, error) {
	ids := make([]rbac.UserID, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	presences, err := a.Store.Presences(ctx)
	if err != nil {
		return nil, err
	}
	now := a.Now()
	duties, err := a.Routing.Duties(ctx, ids, now, now.Add(time.Second))
	if err != nil {
		return nil, err
	}
	loads, err := a.Store.Loads(ctx, ids, now)
	if err != nil {
		return nil, err
	}
	shown := make([]User, len(users))
	for i, u := range users {
		duty, drawn := duties[u.ID] // for whom no shift was drawn is always there
		shown[i] = User{ID: u.ID, Name: u.Name, Language: u.Language, Zone: u.Zone, Status: u.Status, Roles: showRoles(p.showsRoles(u.ID)),
			Presence: showPresence(presences[u.ID]), OnShift: u.Status == rbac.UserActive && (!drawn || len(duty) > 0), Open: loads[u.ID].Open, SeenAt: at(u.SeenAt)}
		if p.showsEmail(u.ID) {
			shown[i].Email = u.Email
		}
	}
	return shown, nil
}

func (a *API) showUser(ctx context.Context, p *viewer, u rbac.User) (User, error) {
	shown, err := a.showUsers(ctx, p, []rbac.User{u})
	if err != nil {
		return User{}, err
	}
	return shown[0], nil
}

// person returns a user the sender of a request may see and, with a permission, decide about; who he
// does not see is NotFound, who he sees but may not manage is Denied.
func (a *API) person(ctx context.Context, user rbac.UserID, permission rbac.Permission) (*viewer, error) {
	p, err := a.viewer(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case !p.knows(user):
		return nil, inbox.Errorf(inbox.NotFound, "there is no such user")
	case !a.Rights.CanAnywhere(a.actor(ctx), permission):
		return nil, inbox.Errorf(inbox.Denied, "you may not do this")
	}
	return p, nil
}
