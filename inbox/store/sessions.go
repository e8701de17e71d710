package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Hash          []byte `bun:"token_hash"`
	User          int64  `bun:"user_id"`
	Agent         string `bun:"agent"`
	Address       string `bun:"address"`
	Keep          int64  `bun:"keep"`
	CreatedAt     int64  `bun:"created_at"`
	SeenAt        int64  `bun:"seen_at"`
	IdleUntil     int64  `bun:"idle_until"`
	EndsAt        int64  `bun:"ends_at"`
}

func (r sessionRow) session() inbox.Session {
	return inbox.Session{ID: inbox.SessionID(r.ID), User: inbox.UserID(r.User), Address: r.Address, Agent: r.Agent, Keep: r.Keep != 0,
		CreatedAt: moment(r.CreatedAt), SeenAt: moment(r.SeenAt), IdleUntil: moment(r.IdleUntil), EndsAt: moment(r.EndsAt)}
}

// Signed is what one statement reads about a session or token: whose it is, and the policy version
// his rights must be decided by.
type Signed struct {
	User    rbac.User
	Session inbox.Session // ID 0 if signed by a token
	Token   inbox.Token   // ID 0 if signed by a session
	Policy  int64
}

type signedSessionRow struct {
	Session sessionRow `bun:"embed:s__"`
	User    userRow    `bun:"embed:u__"`
	Policy  int64      `bun:"policy"`
}

const sessionColumns = `s.id AS s__id, s.user_id AS s__user_id, s.agent AS s__agent, s.address AS s__address, s.keep AS s__keep,
	s.created_at AS s__created_at, s.seen_at AS s__seen_at, s.idle_until AS s__idle_until, s.ends_at AS s__ends_at`

const signerColumns = `u.id AS u__id, u.email AS u__email, u.name AS u__name, u.language AS u__language, u.zone AS u__zone,
	u.status AS u__status, u.settings AS u__settings, u.seen_at AS u__seen_at, (SELECT version FROM policy_version) AS policy`

// SessionByHash returns the session whose cookie has this SHA-256, with its user and the policy's
// version, in one statement. Unauthenticated if there is none, it is over, or the user is not active.
func (q queries) SessionByHash(ctx context.Context, hash []byte) (Signed, error) {
	return q.signedSession(ctx, "s.token_hash = ?", hash)
}

// SessionByID is SessionByHash for a session that is known already, such as that of an open socket.
func (q queries) SessionByID(ctx context.Context, id inbox.SessionID) (Signed, error) {
	return q.signedSession(ctx, "s.id = ?", int64(id))
}

func (q queries) signedSession(ctx context.Context, where string, arg any) (Signed, error) {
	var r signedSessionRow
	now := micros(q.now())
	err := q.db.NewSelect().TableExpr("sessions AS s").ColumnExpr(sessionColumns).ColumnExpr(signerColumns).
		Join("JOIN users AS u ON u.id = s.user_id").Where(where, arg).
		Where("s.idle_until > ? AND s.ends_at > ? AND u.status = ?", now, now, string(rbac.UserActive)).Scan(ctx, &r)
	if err != nil {
		return Signed{}, unsigned(err)
	}
	u, err := r.User.user()
	return Signed{User: u, Session: r.Session.session(), Policy: r.Policy}, err
}

// unsigned turns "no row" into "nobody is signed in".
func unsigned(err error) error {
	if inbox.CodeOf(notFound(err, "session")) == inbox.NotFound {
		return inbox.Errorf(inbox.Unauthenticated, "you are not signed in")
	}
	return fmt.Errorf("read who is signed in: %w", err)
}

// Sessions returns a user's sessions that are not over, the one seen last first.
func (q queries) Sessions(ctx context.Context, user rbac.UserID) ([]inbox.Session, error) {
	var rows []sessionRow
	now := micros(q.now())
	err := q.db.NewSelect().Model(&rows).Where("user_id = ? AND idle_until > ? AND ends_at > ?", int64(user), now, now).
		OrderExpr("seen_at DESC, id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	sessions := make([]inbox.Session, len(rows))
	for i, r := range rows {
		sessions[i] = r.session()
	}
	return sessions, nil
}

// CreateSession keeps a session under the SHA-256 of its cookie, and drops sessions that are over.
func (tx *Tx) CreateSession(ctx context.Context, s inbox.Session, hash []byte) (inbox.Session, error) {
	now := micros(tx.now())
	if _, err := tx.db.NewDelete().Table("sessions").Where("idle_until <= ? OR ends_at <= ?", now, now).Exec(ctx); err != nil {
		return inbox.Session{}, fmt.Errorf("drop sessions that are over: %w", err)
	}
	r := sessionRow{Hash: hash, User: int64(s.User), Agent: s.Agent, Address: s.Address, Keep: flag(s.Keep),
		CreatedAt: micros(s.CreatedAt), SeenAt: micros(s.SeenAt), IdleUntil: micros(s.IdleUntil), EndsAt: micros(s.EndsAt)}
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return inbox.Session{}, fmt.Errorf("keep a session: %w", err)
	}
	return r.session(), tx.seen(ctx, s.User, s.SeenAt)
}

// TouchSession notes that a session was used, from where, and until when it may now be idle. A
// session that has ended stays ended.
func (tx *Tx) TouchSession(ctx context.Context, s inbox.Session) error {
	_, err := tx.db.NewUpdate().Table("sessions").Set("seen_at = ?", micros(s.SeenAt)).Set("idle_until = ?", micros(s.IdleUntil)).
		Set("address = ?", s.Address).Where("id = ?", int64(s.ID)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note that session %s was used: %w", s.ID, err)
	}
	return tx.seen(ctx, s.User, s.SeenAt)
}

// EndSession ends one session of a user and closes its sockets. NotFound if he has no such session.
func (tx *Tx) EndSession(ctx context.Context, user rbac.UserID, id inbox.SessionID) error {
	result, err := tx.db.NewDelete().Table("sessions").Where("id = ? AND user_id = ?", int64(id), int64(user)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end session %s: %w", id, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such session")
	}
	tx.accessChanged(user)
	return nil
}

// EndSessions ends all sessions of a user but one (0 = none is left) and closes their sockets.
func (tx *Tx) EndSessions(ctx context.Context, user rbac.UserID, except inbox.SessionID) error {
	if _, err := tx.db.NewDelete().Table("sessions").Where("user_id = ? AND id <> ?", int64(user), int64(except)).Exec(ctx); err != nil {
		return fmt.Errorf("end the sessions of user %s: %w", user, err)
	}
	tx.accessChanged(user)
	return nil
}

// minute is how exact "seen" and "used" are; finer would be a write per request.
const minute = time.Minute

// Stale tells whether what was noted at a moment should be noted again at another.
func Stale(noted, now time.Time) bool { return now.Sub(noted) >= minute || now.Before(noted) }
