package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// users declares what concerns people with an account.
func (a *API) users() {
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/users",
		Summary: "List the people of one's shops by name. Addresses and roles are shown to those who may invite."}, a.getUsers)
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/users/{id}", Summary: "Show one person."}, a.getUser)
	register(a, rbac.UserInvite, huma.Operation{Method: "PATCH", Path: "/users/{id}",
		Summary: "Rename, disable or enable an account whose roles one could take away."}, a.patchUser)
	register(a, rbac.RoleGrant, huma.Operation{Method: "PUT", Path: "/users/{id}/roles",
		Summary: "Replace the roles of a person. Nobody gives or takes a role above or wider than his own; roles in shops one does not see stay."}, a.putRoles)
	register(a, rbac.UserInvite, huma.Operation{Method: "POST", Path: "/users/{id}/reset", DefaultStatus: http.StatusCreated,
		Summary: "Make a link for a new password. It works once, for an hour, and is in this answer only."}, a.postReset)
	register(a, rbac.SignedIn, huma.Operation{Method: "PUT", Path: "/users/{id}/presence",
		Summary: "Say that one is available, on a break or on leave; for others this takes roster.manage."}, a.putPresence)
}

// UserPath names a person. Exported, like the other paths that are embedded, because huma reads only
// exported parts.
type UserPath struct {
	ID ref[rbac.UserID] `path:"id"`
}

func (a *API) getUsers(ctx context.Context, _ *struct{}) (*body[page[User]], error) {
	p, err := a.viewer(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.Store.Users(ctx)
	if err != nil {
		return nil, err
	}
	known := slices.DeleteFunc(all, func(u rbac.User) bool { return !p.knows(u.ID) })
	shown, err := a.showUsers(ctx, p, known)
	return reply(page[User]{Items: shown}, err)
}

func (a *API) getUser(ctx context.Context, in *UserPath) (*body[User], error) {
	return a.answerUser(ctx, in.ID.ID)
}

// answerUser shows a user as he is now.
func (a *API) answerUser(ctx context.Context, id rbac.UserID) (*body[User], error) {
	p, err := a.person(ctx, id, rbac.SignedIn)
	if err != nil {
		return nil, err
	}
	u, err := a.Store.User(ctx, id)
	if err != nil {
		return nil, err
	}
	return reply(a.showUser(ctx, p, u))
}

func (a *API) patchUser(ctx context.Context, in *struct {
	UserPath
	Body struct {
		Name   string          `json:"name,omitempty"`
		Status rbac.UserStatus `json:"status,omitempty" enum:"active,disabled"`
	}
}) (*body[User], error) {
	id, by := in.ID.ID, auth.From(ctx)
	if _, err := a.person(ctx, id, rbac.UserInvite); err != nil {
		return nil, err
	}
	if in.Body.Name != "" {
		if err := a.People.Rename(ctx, by, id, in.Body.Name); err != nil {
			return nil, err
		}
	}
	if in.Body.Status != "" {
		if err := a.People.SetStatus(ctx, by, id, in.Body.Status); err != nil {
			return nil, err
		}
	}
	return a.answerUser(ctx, id)
}

func (a *API) putRoles(ctx context.Context, in *struct {
	UserPath
	Body struct {
		Roles []Role `json:"roles" nullable:"false" maxItems:"1000"`
	}
}) (*body[User], error) {
	if _, err := a.person(ctx, in.ID.ID, rbac.RoleGrant); err != nil {
		return nil, err
	}
	grants := make([]rbac.Grant, len(in.Body.Roles))
	for i, r := range in.Body.Roles {
		grants[i] = rbac.Grant{Role: r.Role, Shop: r.Shop.id()}
	}
	if err := a.People.SetRoles(ctx, auth.From(ctx), in.ID.ID, grants); err != nil {
		return nil, err
	}
	return a.answerUser(ctx, in.ID.ID)
}

// ResetLink lets somebody choose a new password.
type ResetLink struct {
	Link      string  `json:"link"`
	ExpiresAt instant `json:"expires_at"`
}

func (a *API) postReset(ctx context.Context, in *UserPath) (*body[ResetLink], error) {
	if _, err := a.person(ctx, in.ID.ID, rbac.UserInvite); err != nil {
		return nil, err
	}
	made, err := a.People.ResetLink(ctx, auth.From(ctx), in.ID.ID)
	return reply(ResetLink{made.Link, at(made.Invitation.ExpiresAt)}, err)
}

func (a *API) putPresence(ctx context.Context, in *struct {
	UserPath
	Body struct {
		State inbox.PresenceState `json:"state" enum:"available,break,leave"`
		Until instant             `json:"until,omitempty" doc:"null: until changed"`
	}
}) (*body[Presence], error) {
	id, by := in.ID.ID, auth.From(ctx)
	if err := a.maySetPresence(ctx, id); err != nil {
		return nil, err
	}
	until := in.Body.Until.Time
	if !until.IsZero() && !until.After(a.Now()) {
		return nil, inbox.InvalidField("body.until", "this has passed")
	}
	var p inbox.Presence
	err := a.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.SetPresence(ctx, by.Actor.User, inbox.Presence{User: id, State: in.Body.State, Until: until})
		if err != nil || id == by.Actor.User {
			return err
		}
		return tx.Audit(ctx, inbox.AuditEntry{Actor: by.Actor.User, Address: by.Address, Action: inbox.AuditPresenceByOthers,
			Object: "user " + id.String(), After: string(p.State)})
	})
	return reply(showPresence(p), err)
}

// maySetPresence tells whether the sender of a request may say where somebody is: of himself always, of
// others if he manages the roster of a shop they work in.
func (a *API) maySetPresence(ctx context.Context, user rbac.UserID) error {
	actor := a.actor(ctx)
	if user == actor.User {
		return nil
	}
	p, err := a.person(ctx, user, rbac.RosterManage)
	if err != nil {
		return err
	}
	for _, g := range append(p.roles[user], rbac.Grant{}) { // shop 0: who manages all rosters manages this one
		if a.Rights.Can(actor, rbac.RosterManage, g.Shop) {
			return nil
		}
	}
	return inbox.Errorf(inbox.Denied, "you may not do this")
}
