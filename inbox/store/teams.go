package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type teamRow struct {
	bun.BaseModel `bun:"table:teams"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Name          string `bun:"name"`
}

type teamUserRow struct {
	bun.BaseModel `bun:"table:team_users"`
	Team          int64 `bun:"team_id,pk"`
	User          int64 `bun:"user_id,pk"`
}

// Teams returns all teams by name, each with its users.
func (q queries) Teams(ctx context.Context) ([]inbox.Team, error) {
	var rows []teamRow
	if err := q.db.NewSelect().Model(&rows).Order("name").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list teams: %w", err)
	}
	var users []teamUserRow
	if err := q.db.NewSelect().Model(&users).Order("user_id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list who is in teams: %w", err)
	}
	of := map[int64][]inbox.UserID{}
	for _, u := range users {
		of[u.Team] = append(of[u.Team], inbox.UserID(u.User))
	}
	teams := make([]inbox.Team, len(rows))
	for i, r := range rows {
		teams[i] = inbox.Team{ID: inbox.TeamID(r.ID), Name: r.Name, Users: of[r.ID]}
	}
	return teams, nil
}

// Team returns one team. NotFound if it is unknown.
func (q queries) Team(ctx context.Context, id inbox.TeamID) (inbox.Team, error) {
	var r teamRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.Team{}, notFound(err, "team")
	}
	var users []int64
	if err := q.db.NewSelect().Table("team_users").Column("user_id").Where("team_id = ?", r.ID).Order("user_id").Scan(ctx, &users); err != nil {
		return inbox.Team{}, fmt.Errorf("list who is in team %s: %w", id, err)
	}
	t := inbox.Team{ID: id, Name: r.Name}
	for _, u := range users {
		t.Users = append(t.Users, inbox.UserID(u))
	}
	return t, nil
}

// CreateTeam keeps a new team. Conflict if the name is taken, Invalid if a user is unknown.
func (tx *Tx) CreateTeam(ctx context.Context, t inbox.Team) (inbox.TeamID, error) {
	r := teamRow{Name: t.Name}
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return 0, teamError(err)
	}
	t.ID = inbox.TeamID(r.ID)
	return t.ID, tx.fillTeam(ctx, t)
}

// SaveTeam replaces a team's name and users. NotFound if there is no such team; else as CreateTeam.
func (tx *Tx) SaveTeam(ctx context.Context, t inbox.Team) error {
	result, err := tx.db.NewUpdate().Table("teams").Set("name = ?", t.Name).Where("id = ?", int64(t.ID)).Exec(ctx)
	if err != nil {
		return teamError(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such team")
	}
	if _, err := tx.db.NewDelete().Table("team_users").Where("team_id = ?", int64(t.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("empty team %s: %w", t.ID, err)
	}
	return tx.fillTeam(ctx, t)
}

func (tx *Tx) fillTeam(ctx context.Context, t inbox.Team) error {
	tx.Append(inbox.Event{Kind: inbox.RosterChanged})
	if len(t.Users) == 0 {
		return nil
	}
	var rows []teamUserRow
	for _, u := range t.Users {
		rows = append(rows, teamUserRow{Team: int64(t.ID), User: int64(u)})
	}
	_, err := tx.db.NewInsert().Model(&rows).On("CONFLICT (team_id, user_id) DO NOTHING").Exec(ctx)
	return teamError(err)
}

// DeleteTeam removes a team. Conflict if a shop falls back on it, NotFound if it is unknown.
func (tx *Tx) DeleteTeam(ctx context.Context, id inbox.TeamID) error {
	result, err := tx.db.NewDelete().Table("teams").Where("id = ?", int64(id)).Exec(ctx)
	if foreign(err) {
		return inbox.Errorf(inbox.Conflict, "a shop falls back on this team; choose another fallback first")
	}
	if err != nil {
		return fmt.Errorf("delete team %s: %w", id, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such team")
	}
	tx.Append(inbox.Event{Kind: inbox.RosterChanged})
	return nil
}

func teamError(err error) error {
	switch {
	case err == nil:
		return nil
	case unique(err):
		return &inbox.Error{Code: inbox.Conflict, Field: "body.name", Msg: "another team has this name", Err: err}
	case foreign(err):
		return &inbox.Error{Code: inbox.Invalid, Field: "body.users", Msg: "somebody in this team does not exist", Err: err}
	}
	return fmt.Errorf("save a team: %w", err)
}
