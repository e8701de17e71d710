package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Email         string `bun:"email"`
	Name          string `bun:"name"`
	PasswordHash  string `bun:"password_hash"`
	Language      string `bun:"language"`
	Zone          string `bun:"zone"`
	Status        string `bun:"status"`
	Settings      string `bun:"settings"`
	SeenAt        int64  `bun:"seen_at,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r userRow) user() (rbac.User, error) {
	u := rbac.User{ID: rbac.UserID(r.ID), Email: r.Email, Name: r.Name, Language: r.Language, Zone: r.Zone,
		Status: rbac.UserStatus(r.Status), SeenAt: moment(r.SeenAt), Settings: map[string]any{}}
	if err := parse(r.Settings, &u.Settings); err != nil {
		return rbac.User{}, fmt.Errorf("settings of user %d: %w", r.ID, err)
	}
	return u, nil
}

func newUserRow(u rbac.User) userRow {
	r := userRow{ID: int64(u.ID), Email: u.Email, Name: u.Name, Language: u.Language, Zone: u.Zone,
		Status: string(u.Status), Settings: "{}", SeenAt: micros(u.SeenAt)}
	if len(u.Settings) > 0 {
		r.Settings = text(u.Settings)
	}
	return r
}

// Users returns everybody with an account, disabled ones too, by name. Whoever shows them leaves
// out those the reader must not know.
func (q queries) Users(ctx context.Context) ([]rbac.User, error) {
	var rows []userRow
	if err := q.db.NewSelect().Model(&rows).Order("name", "id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users := make([]rbac.User, len(rows))
	for i, r := range rows {
		u, err := r.user()
		if err != nil {
			return nil, err
		}
		users[i] = u
	}
	return users, nil
}

// User returns one user. NotFound if he is unknown.
func (q queries) User(ctx context.Context, id rbac.UserID) (rbac.User, error) {
	return q.userWhere(ctx, "id = ?", int64(id))
}

// UserByEmail returns the user with an address in lower case. NotFound if there is none.
func (q queries) UserByEmail(ctx context.Context, email string) (rbac.User, error) {
	return q.userWhere(ctx, "email = ?", email)
}

func (q queries) userWhere(ctx context.Context, where string, arg any) (rbac.User, error) {
	var r userRow
	if err := q.db.NewSelect().Model(&r).Where(where, arg).Scan(ctx); err != nil {
		return rbac.User{}, notFound(err, "user")
	}
	return r.user()
}

// HasUsers tells whether anybody has an account.
func (q queries) HasUsers(ctx context.Context) (bool, error) {
	return q.db.NewSelect().Model((*userRow)(nil)).Exists(ctx)
}

// PasswordHash returns a user's password as a PHC string, "" if he has none.
func (q queries) PasswordHash(ctx context.Context, id rbac.UserID) (string, error) {
	var hash string
	err := q.db.NewSelect().Table("users").Column("password_hash").Where("id = ?", int64(id)).Scan(ctx, &hash)
	return hash, notFound(err, "user")
}

// CreateUser keeps a new user and returns him with his id. Conflict if the address is taken.
func (tx *Tx) CreateUser(ctx context.Context, u rbac.User, passwordHash string) (rbac.User, error) {
	r := newUserRow(u)
	r.PasswordHash, r.CreatedAt = passwordHash, micros(tx.now())
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		if unique(err) {
			err = &inbox.Error{Code: inbox.Conflict, Field: "body.email", Msg: "somebody has this address already", Err: err}
		}
		return rbac.User{}, err
	}
	u.ID = rbac.UserID(r.ID)
	tx.userChanged(u.ID)
	return u, nil
}

// UpdateUser changes a user's name, language, zone and settings by fn, which sees what is stored
// now; two changes at once both count. It returns the user as he is then.
func (tx *Tx) UpdateUser(ctx context.Context, id rbac.UserID, fn func(u *rbac.User)) (rbac.User, error) {
	var r userRow
	query := tx.db.NewSelect().Model(&r).Where("id = ?", int64(id))
	if tx.postgres {
		query.For("UPDATE")
	}
	if err := query.Scan(ctx); err != nil {
		return rbac.User{}, notFound(err, "user")
	}
	u, err := r.user()
	if err != nil {
		return rbac.User{}, err
	}
	fn(&u)
	r = newUserRow(u)
	if _, err := tx.db.NewUpdate().Model(&r).Column("name", "language", "zone", "settings").Where("id = ?", int64(id)).Exec(ctx); err != nil {
		return rbac.User{}, fmt.Errorf("save user %s: %w", id, err)
	}
	tx.userChanged(id)
	return u, nil
}

// SetPassword replaces a user's password. Links that would let somebody replace it again are void.
func (tx *Tx) SetPassword(ctx context.Context, id rbac.UserID, hash string) error {
	if _, err := tx.db.NewUpdate().Table("users").Set("password_hash = ?", hash).Where("id = ?", int64(id)).Exec(ctx); err != nil {
		return fmt.Errorf("set the password of user %s: %w", id, err)
	}
	if _, err := tx.db.NewDelete().Table("invitations").Where("user_id = ? AND used_at IS NULL", int64(id)).Exec(ctx); err != nil {
		return fmt.Errorf("void the links of user %s: %w", id, err)
	}
	return nil
}

// SetUserStatus makes an account active, invited or disabled. Disabling ends its sessions, deletes
// its tokens and links, and withdraws its rights until it is active again. LastAdmin if nobody would
// be left who can administrate.
func (tx *Tx) SetUserStatus(ctx context.Context, id rbac.UserID, status rbac.UserStatus) error {
	return tx.changeRights(ctx, func() error {
		result, err := tx.db.NewUpdate().Table("users").Set("status = ?", string(status)).Where("id = ?", int64(id)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("set the status of user %s: %w", id, err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return inbox.Errorf(inbox.NotFound, "there is no such user")
		}
		tx.userChanged(id)
		tx.accessChanged(id)
		if status != rbac.UserDisabled {
			return nil
		}
		return tx.deleteOf(ctx, id, "sessions", "tokens", "invitations")
	})
}

// DeleteUser removes an account that was never used. Conflict if anything names it.
func (tx *Tx) DeleteUser(ctx context.Context, id rbac.UserID) error {
	return tx.changeRights(ctx, func() error {
		if err := tx.deleteOf(ctx, id, "sessions", "tokens", "invitations", "members", "team_users", "presence", "presence_log", "shifts"); err != nil {
			return err
		}
		if _, err := tx.db.NewDelete().Table("casbin_rules").Where("ptype = 'g' AND v0 = ?", id.String()).Exec(ctx); err != nil {
			return fmt.Errorf("withdraw the roles of user %s: %w", id, err)
		}
		if _, err := tx.db.NewDelete().Table("users").Where("id = ?", int64(id)).Exec(ctx); err != nil {
			if foreign(err) {
				err = &inbox.Error{Code: inbox.Conflict, Msg: "something names this account; disable it instead", Err: err}
			}
			return err
		}
		tx.userChanged(id)
		tx.accessChanged(id)
		return nil
	})
}

// deleteOf deletes a user's rows from tables that have a user_id.
func (tx *Tx) deleteOf(ctx context.Context, id rbac.UserID, tables ...string) error {
	for _, table := range tables {
		if _, err := tx.db.NewDelete().Table(table).Where("user_id = ?", int64(id)).Exec(ctx); err != nil {
			return fmt.Errorf("delete the %s of user %s: %w", table, id, err)
		}
	}
	return nil
}

// seen notes when a user did something last.
func (tx *Tx) seen(ctx context.Context, id rbac.UserID, at time.Time) error {
	_, err := tx.db.NewUpdate().Table("users").Set("seen_at = ?", micros(at)).Where("id = ?", int64(id)).Exec(ctx)
	return err
}

func (tx *Tx) userChanged(id rbac.UserID) {
	tx.Append(inbox.Event{Kind: inbox.UserChanged, To: id, Data: map[string]any{"user": id}})
}

// accessChanged tells the sockets of a user to look again at what he may.
func (tx *Tx) accessChanged(id rbac.UserID) {
	tx.Append(inbox.Event{Kind: inbox.AccessChanged, To: id, Data: map[string]any{"user": id}})
}
