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

// invitations declares how people get an account.
func (a *API) invitations() {
	const summary = "Invite somebody. The role is admin by default if an owner invites, else agent; no shops means everywhere. The link is in this answer only."
	register(a, rbac.UserInvite, huma.Operation{Method: "POST", Path: "/users", DefaultStatus: http.StatusCreated, Summary: summary}, a.postInvitation)
	register(a, rbac.UserInvite, huma.Operation{Method: "POST", Path: "/invitations", DefaultStatus: http.StatusCreated, Summary: summary}, a.postInvitation)
	register(a, rbac.UserInvite, huma.Operation{Method: "GET", Path: "/invitations",
		Summary: "List the invitations nobody has followed yet, expired ones too."}, a.getInvitations)
	register(a, rbac.UserInvite, huma.Operation{Method: "POST", Path: "/invitations/{id}/{act}", DefaultStatus: http.StatusOK,
		OperationID: "post-invitations-id-resend", Summary: "Make a new link for an invitation; the old one is void."}, a.resendInvitation)
	register(a, rbac.UserInvite, huma.Operation{Method: "DELETE", Path: "/invitations/{id}",
		Summary: "Revoke an invitation and remove the account it was for."}, a.deleteInvitation)
	register(a, rbac.Public, huma.Operation{Method: "GET", Path: "/invitations/token/{token}",
		Summary: "Show whom a link is for."}, a.getLink)
	register(a, rbac.Public, huma.Operation{Method: "POST", Path: "/invitations/token/{token}", DefaultStatus: http.StatusOK,
		Summary: "Choose a password with a link, and sign in. A link works once."}, a.postLink)
}

// Invitation is an invitation nobody has followed yet.
type Invitation struct {
	ID        inbox.InvitationID `json:"id"`
	User      User               `json:"user"`
	Link      string             `json:"link,omitempty" doc:"only when it was made"`
	ExpiresAt instant            `json:"expires_at"`
	InvitedBy maybe[rbac.UserID] `json:"invited_by"`
}

func (a *API) showInvitation(ctx context.Context, made auth.Invited) (Invitation, error) {
	p, err := a.viewer(ctx)
	if err != nil {
		return Invitation{}, err
	}
	user, err := a.showUser(ctx, p, made.User)
	return Invitation{ID: made.Invitation.ID, User: user, Link: made.Link, ExpiresAt: at(made.Invitation.ExpiresAt), InvitedBy: some(made.Invitation.Inviter)}, err
}

func (a *API) postInvitation(ctx context.Context, in *struct {
	Body struct {
		Email string         `json:"email"`
		Name  string         `json:"name"`
		Role  rbac.Role      `json:"role,omitempty" enum:"owner,admin,agent"`
		Shops []inbox.ShopID `json:"shops,omitempty" nullable:"false" maxItems:"1000"`
	}
}) (*created[Invitation], error) {
	by := auth.From(ctx)
	made, err := a.People.Invite(ctx, by, auth.NewUser{Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role, Shops: in.Body.Shops,
		Language: by.User.Language, Zone: by.User.Zone})
	if err != nil {
		return nil, err
	}
	shown, err := a.showInvitation(ctx, made)
	return &created[Invitation]{Prefix + "/invitations/" + made.Invitation.ID.String(), shown}, err
}

func (a *API) getInvitations(ctx context.Context, _ *struct{}) (*body[page[Invitation]], error) {
	p, err := a.viewer(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.Store.Invitations(ctx)
	if err != nil {
		return nil, err
	}
	var mine []inbox.Invitation
	var users []rbac.User
	for _, i := range all {
		if !p.governs(i.User) {
			continue
		}
		u, err := a.Store.User(ctx, i.User)
		if err != nil {
			return nil, err
		}
		mine, users = append(mine, i), append(users, u)
	}
	shown, err := a.showUsers(ctx, p, users)
	if err != nil {
		return nil, err
	}
	list := page[Invitation]{Items: make([]Invitation, len(mine))}
	for i, invitation := range mine {
		list.Items[i] = Invitation{ID: invitation.ID, User: shown[i], ExpiresAt: at(invitation.ExpiresAt), InvitedBy: some(invitation.Inviter)}
	}
	return reply(list, nil)
}

type invitationPath struct {
	ID ref[inbox.InvitationID] `path:"id"`
}

// mayInvite refuses those who may invite nowhere; which invitations the others may touch depends on
// the roles of the invited.
func (a *API) mayInvite(ctx context.Context) error {
	if a.Rights.CanAnywhere(a.actor(ctx), rbac.UserInvite) {
		return nil
	}
	return inbox.Errorf(inbox.NotFound, "there is no such invitation")
}

// resendInvitation has its last word as a parameter because the mux cannot tell a path that ends in a
// fixed word from the one of a link, which begins with one.
func (a *API) resendInvitation(ctx context.Context, in *struct {
	ID  ref[inbox.InvitationID] `path:"id"`
	Act string                  `path:"act" enum:"resend"`
}) (*body[Invitation], error) {
	if err := a.mayInvite(ctx); err != nil {
		return nil, err
	}
	made, err := a.People.Resend(ctx, auth.From(ctx), in.ID.ID)
	if err != nil {
		return nil, err
	}
	return reply(a.showInvitation(ctx, made))
}

func (a *API) deleteInvitation(ctx context.Context, in *invitationPath) (*nothing, error) {
	if err := a.mayInvite(ctx); err != nil {
		return nil, err
	}
	return nil, a.People.Revoke(ctx, auth.From(ctx), in.ID.ID)
}

// LinkInfo is what the page of a link shows.
type LinkInfo struct {
	Email        string    `json:"email"`
	Name         string    `json:"name"`
	Organisation string    `json:"organisation"`
	Role         rbac.Role `json:"role" doc:"the widest one; empty if there is none yet"`

	Kind inbox.InvitationKind `json:"kind" enum:"invitation,reset" doc:"reset: the account exists, the link only sets a new password"`
}

// LinkPath carries what a link holds.
type LinkPath struct {
	Token string `path:"token" maxLength:"200"`
}

func (a *API) getLink(ctx context.Context, in *LinkPath) (*body[LinkInfo], error) {
	link, user, err := a.People.FindLink(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	organisation, err := a.Store.Setting(ctx, store.SettingOrganisation)
	if err != nil {
		return nil, err
	}
	info := LinkInfo{Email: user.Email, Name: user.Name, Organisation: organisation, Kind: link.Kind}
	if roles := a.Rights.Roles(user.ID); len(roles) > 0 {
		info.Role = roles[0].Role
	}
	return reply(info, nil)
}

func (a *API) postLink(ctx context.Context, in *struct {
	LinkPath
	Body struct {
		Name     string `json:"name,omitempty"`
		Password string `json:"password" maxLength:"1024"`
		Language string `json:"language,omitempty"`
		Zone     string `json:"zone,omitempty"`
	}
}) (*signedIn, error) {
	login, err := a.People.Accept(ctx, auth.From(ctx), in.Token, auth.Acceptance(in.Body))
	return a.welcome(ctx, login, err)
}
