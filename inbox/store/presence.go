package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type presenceRow struct {
	bun.BaseModel `bun:"table:presence"`
	User          int64  `bun:"user_id,pk"`
	State         string `bun:"state"`
	Since         int64  `bun:"since"`
	Until         int64  `bun:"until,nullzero"`
}

type presenceLogRow struct {
	bun.BaseModel `bun:"table:presence_log"`
	ID            int64  `bun:"id,pk,autoincrement"`
	User          int64  `bun:"user_id"`
	State         string `bun:"state"`
	At            int64  `bun:"at"`
	Actor         int64  `bun:"actor_id,nullzero"`
}

// presence is what counts at a moment: who was away until then is available again.
func (r presenceRow) presence(now time.Time) inbox.Presence {
	p := inbox.Presence{User: inbox.UserID(r.User), State: inbox.PresenceState(r.State), Since: moment(r.Since), Until: moment(r.Until)}
	if !p.Until.IsZero() && !p.Until.After(now) {
		return inbox.Presence{User: p.User, State: inbox.Available, Since: p.Until}
	}
	return p
}

// Presence returns what a person says of himself, or said last if that still counts; available if he
// never said anything.
func (q queries) Presence(ctx context.Context, user rbac.UserID) (inbox.Presence, error) {
	var r presenceRow
	err := q.db.NewSelect().Model(&r).Where("user_id = ?", int64(user)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return inbox.Presence{User: user, State: inbox.Available}, nil
	}
	if err != nil {
		return inbox.Presence{}, fmt.Errorf("read presence: %w", err)
	}
	return r.presence(q.now()), nil
}

// Presences returns the presence of everybody who ever said something.
func (q queries) Presences(ctx context.Context) (map[rbac.UserID]inbox.Presence, error) {
	var rows []presenceRow
	if err := q.db.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read presences: %w", err)
	}
	all := make(map[rbac.UserID]inbox.Presence, len(rows))
	for _, r := range rows {
		all[rbac.UserID(r.User)] = r.presence(q.now())
	}
	return all, nil
}

// SetPresence keeps what a person, or an admin for him, says of him from now on, and logs it.
func (tx *Tx) SetPresence(ctx context.Context, actor rbac.UserID, p inbox.Presence) (inbox.Presence, error) {
	p.Since = tx.now()
	r := presenceRow{User: int64(p.User), State: string(p.State), Since: micros(p.Since), Until: micros(p.Until)}
	_, err := tx.db.NewInsert().Model(&r).On("CONFLICT (user_id) DO UPDATE").
		Set("state = EXCLUDED.state").Set("since = EXCLUDED.since").Set("until = EXCLUDED.until").Exec(ctx)
	if err != nil {
		if foreign(err) {
			err = inbox.Errorf(inbox.NotFound, "there is no such user")
		}
		return inbox.Presence{}, err
	}
	log := presenceLogRow{User: r.User, State: r.State, At: r.Since, Actor: int64(actor)}
	if _, err := tx.db.NewInsert().Model(&log).Exec(ctx); err != nil {
		return inbox.Presence{}, fmt.Errorf("log presence: %w", err)
	}
	data := map[string]any{"user": p.User, "state": p.State, "until": nil}
	if !p.Until.IsZero() {
		data["until"] = p.Until.UTC().Format(time.RFC3339)
	}
	tx.Append(inbox.Event{Kind: inbox.PresenceChanged, Actor: actor, To: p.User, Data: data})
	return r.presence(tx.now()), nil
}
