package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// teams declares named sets of people. They belong to no shop, so changing one takes roster.manage
// everywhere.
func (a *API) teams() {
	register(a, rbac.SignedIn, huma.Operation{Method: "GET", Path: "/teams",
		Summary: "List teams by name, each with those of its people one may see."}, a.getTeams)
	register(a, rbac.RosterManage, huma.Operation{Method: "POST", Path: "/teams", DefaultStatus: http.StatusCreated, Summary: "Make a team."}, a.postTeam)
	register(a, rbac.RosterManage, huma.Operation{Method: "PATCH", Path: "/teams/{id}", Summary: "Rename a team or replace its people."}, a.patchTeam)
	register(a, rbac.RosterManage, huma.Operation{Method: "DELETE", Path: "/teams/{id}", Summary: "Delete a team no shop falls back on."}, a.deleteTeam)
}

// Team is a named set of people.
type Team struct {
	ID    inbox.TeamID  `json:"id"`
	Name  string        `json:"name"`
	Users []rbac.UserID `json:"users" nullable:"false"`
}

func showTeam(t inbox.Team, knows func(rbac.UserID) bool) Team {
	return Team{ID: t.ID, Name: t.Name, Users: append([]rbac.UserID{}, slices.DeleteFunc(t.Users, func(u rbac.UserID) bool { return !knows(u) })...)}
}

func (a *API) getTeams(ctx context.Context, _ *struct{}) (*body[page[Team]], error) {
	p, err := a.viewer(ctx)
	if err != nil {
		return nil, err
	}
	teams, err := a.Store.Teams(ctx)
	return reply(whole(teams, func(t inbox.Team) Team { return showTeam(t, p.knows) }), err)
}

// mayManageTeams refuses those who manage the roster of some shops only.
func (a *API) mayManageTeams(ctx context.Context) error {
	if a.Rights.Can(a.actor(ctx), rbac.RosterManage, 0) {
		return nil
	}
	return inbox.Errorf(inbox.Denied, "teams are changed by admins of all shops")
}

func (a *API) postTeam(ctx context.Context, in *struct {
	Body struct {
		Name  string        `json:"name" minLength:"1" maxLength:"100"`
		Users []rbac.UserID `json:"users,omitempty" nullable:"false" maxItems:"1000"`
	}
}) (*created[Team], error) {
	t := inbox.Team{Name: in.Body.Name, Users: in.Body.Users}
	shown, err := a.changeTeam(ctx, "", func(tx *store.Tx) (inbox.TeamID, error) {
		if err := checkTeamName(&t); err != nil {
			return 0, err
		}
		return tx.CreateTeam(ctx, t)
	})
	return &created[Team]{Prefix + "/teams/" + shown.ID.String(), shown}, err
}

// TeamPath names a team.
type TeamPath struct {
	ID ref[inbox.TeamID] `path:"id"`
}

func (a *API) patchTeam(ctx context.Context, in *struct {
	TeamPath
	Body struct {
		Name  string         `json:"name,omitempty" maxLength:"100"`
		Users *[]rbac.UserID `json:"users,omitempty" maxItems:"1000"`
	}
}) (*body[Team], error) {
	id := in.ID.ID
	return reply(a.changeTeam(ctx, "", func(tx *store.Tx) (inbox.TeamID, error) {
		t, err := tx.Team(ctx, id)
		if err != nil {
			return 0, err
		}
		if in.Body.Name != "" {
			t.Name = in.Body.Name
		}
		if in.Body.Users != nil {
			t.Users = *in.Body.Users
		}
		if err := checkTeamName(&t); err != nil {
			return 0, err
		}
		return id, tx.SaveTeam(ctx, t)
	}))
}

func checkTeamName(t *inbox.Team) error {
	if t.Name = strings.TrimSpace(t.Name); t.Name == "" {
		return inbox.InvalidField("body.name", "this is missing")
	}
	return nil
}

func (a *API) deleteTeam(ctx context.Context, in *TeamPath) (*nothing, error) {
	_, err := a.changeTeam(ctx, "deleted", func(tx *store.Tx) (inbox.TeamID, error) { return in.ID.ID, tx.DeleteTeam(ctx, in.ID.ID) })
	return nil, err
}

// changeTeam runs a change, puts it on record and returns the team as it is then; after says what
// became of it if it is gone.
func (a *API) changeTeam(ctx context.Context, after string, change func(tx *store.Tx) (inbox.TeamID, error)) (Team, error) {
	if err := a.mayManageTeams(ctx); err != nil {
		return Team{}, err
	}
	by := auth.From(ctx)
	var t inbox.Team
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		id, err := change(tx)
		if err != nil {
			return err
		}
		if after == "" {
			if t, err = tx.Team(ctx, id); err != nil {
				return err
			}
		}
		return tx.Audit(ctx, inbox.AuditEntry{Actor: by.Actor.User, Address: by.Address, Action: inbox.AuditTeamChanged, Object: "team " + id.String(), After: after})
	})
	return showTeam(t, func(rbac.UserID) bool { return true }), err
}
