package api

import (
	"context"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// Me is who is signed in and what he may.
type Me struct {
	ID           rbac.UserID                  `json:"id"`
	Email        string                       `json:"email"`
	Name         string                       `json:"name"`
	Language     string                       `json:"language" enum:"en,ru,it,zh"`
	Zone         string                       `json:"zone" doc:"IANA name"`
	Organisation string                       `json:"organisation"`
	Roles        []Role                       `json:"roles" nullable:"false"`
	Permissions  map[rbac.Permission][]string `json:"permissions" doc:"permission to shop ids, or to * alone for all shops"`
	Settings     map[string]any               `json:"settings" doc:"the screen's own choices"`
	Presence     Presence                     `json:"presence"`
}

// Role is one role in one shop, or everywhere.
type Role struct {
	Role rbac.Role           `json:"role" enum:"owner,admin,agent"`
	Shop maybe[inbox.ShopID] `json:"shop" doc:"null: everywhere"`
}

func showRoles(grants []rbac.Grant) []Role {
	roles := make([]Role, len(grants))
	for i, g := range grants {
		roles[i] = Role{Role: g.Role, Shop: some(g.Shop)}
	}
	return roles
}

// Presence is what a person says of himself.
type Presence struct {
	State inbox.PresenceState `json:"state" enum:"available,break,leave"`
	Since instant             `json:"since"`
	Until instant             `json:"until" doc:"null: until changed"`
}

func showPresence(p inbox.Presence) Presence {
	if p.State == "" {
		p.State = inbox.Available
	}
	return Presence{State: p.State, Since: at(p.Since), Until: at(p.Until)}
}

// describeMe reads what the screen asks first.
func (a *API) describeMe(ctx context.Context, u rbac.User) (Me, error) {
	organisation, err := a.Store.Setting(ctx, store.SettingOrganisation)
	if err != nil {
		return Me{}, err
	}
	presence, err := a.Store.Presence(ctx, u.ID)
	if err != nil {
		return Me{}, err
	}
	settings := u.Settings
	if settings == nil {
		settings = map[string]any{}
	}
	return Me{ID: u.ID, Email: u.Email, Name: u.Name, Language: u.Language, Zone: u.Zone, Organisation: organisation,
		Roles: showRoles(a.Rights.Roles(u.ID)), Permissions: a.Rights.Permissions(u.ID), Settings: settings,
		Presence: showPresence(presence)}, nil
}

// me declares what a person reads and changes of himself.
func (a *API) me() {
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/me",
		Summary: "Tell who is signed in and what he may."}, a.getMe)
	register(a, rbac.SignedIn, huma.Operation{Method: "PATCH", Path: "/me",
		Summary: "Change one's own name, language, time zone or settings. Settings are merged; null removes one."}, a.patchMe)
	register(a, rbac.SignedIn, huma.Operation{Method: "PUT", Path: "/me/password",
		Summary: "Change one's own password. All other sessions end."}, a.putPassword)
}

func (a *API) getMe(ctx context.Context, _ *struct{}) (*body[Me], error) {
	return reply(a.describeMe(ctx, auth.From(ctx).User))
}

func (a *API) patchMe(ctx context.Context, in *struct {
	Body struct {
		Name     *string        `json:"name,omitempty"`
		Language *string        `json:"language,omitempty"`
		Zone     *string        `json:"zone,omitempty"`
		Settings map[string]any `json:"settings,omitempty"`
	}
}) (*body[Me], error) {
	b := in.Body
	if err := checkUndo(b.Settings); err != nil {
		return nil, err
	}
	user, err := a.People.SaveProfile(ctx, auth.From(ctx), auth.Profile{Name: b.Name, Language: b.Language, Zone: b.Zone, Settings: b.Settings})
	if err != nil {
		return nil, err
	}
	return reply(a.describeMe(ctx, user))
}

// undoSeconds are how long a reply may wait to be undone.
var undoSeconds = []float64{0, 5, 10, 20, 30}

// checkUndo looks at the one setting of a person that the server obeys.
func checkUndo(settings map[string]any) error {
	value := settings["undo_seconds"]
	if seconds, ok := value.(float64); value == nil || ok && slices.Contains(undoSeconds, seconds) {
		return nil
	}
	return inbox.InvalidField("body.settings.undo_seconds", "a reply waits for 0, 5, 10, 20 or 30 seconds")
}

func (a *API) putPassword(ctx context.Context, in *struct {
	Body struct {
		Current string `json:"current" maxLength:"1024"`
		New     string `json:"new" maxLength:"1024"`
	}
}) (*nothing, error) {
	return nil, a.People.ChangePassword(ctx, auth.From(ctx), in.Body.Current, in.Body.New)
}
