package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type connectionRow struct {
	bun.BaseModel `bun:"table:connections"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Shop          int64  `bun:"shop_id"`
	Kind          string `bun:"kind"`
	Name          string `bun:"name"`
	Settings      string `bun:"settings"`
	Secret        []byte `bun:"secret"`
	SecretNames   string `bun:"secret_names"`
	State         string `bun:"state"`
	Problem       string `bun:"problem,nullzero"`
	LiveFrom      int64  `bun:"live_from"`
	Cursor        string `bun:"position"`
	LastInAt      int64  `bun:"last_in_at,nullzero"`
	LastOutAt     int64  `bun:"last_out_at,nullzero"`
	CheckedAt     int64  `bun:"checked_at,nullzero"`
	Inside        bool   `bun:"inside"`
	SilenceHours  int    `bun:"silence_hours"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r connectionRow) connection() (inbox.Connection, error) {
	c := inbox.Connection{ID: inbox.ConnectionID(r.ID), Shop: inbox.ShopID(r.Shop), Kind: r.Kind, Name: r.Name, Secret: r.Secret,
		State: inbox.ConnectionState(r.State), LiveFrom: moment(r.LiveFrom), Cursor: r.Cursor, LastInAt: moment(r.LastInAt),
		LastOutAt: moment(r.LastOutAt), CheckedAt: moment(r.CheckedAt), CreatedAt: moment(r.CreatedAt),
		Inside: r.Inside, SilenceHours: r.SilenceHours}
	if err := parse(r.Settings, &c.Settings); err != nil {
		return c, fmt.Errorf("settings of connection %d: %w", r.ID, err)
	}
	if err := parse(r.SecretNames, &c.SecretNames); err != nil {
		return c, fmt.Errorf("secret names of connection %d: %w", r.ID, err)
	}
	var err error
	c.Problem, err = reasonOf(r.Problem)
	return c, err
}

func newConnectionRow(c inbox.Connection) connectionRow {
	if c.SecretNames == nil {
		c.SecretNames = []string{}
	}
	return connectionRow{ID: int64(c.ID), Shop: int64(c.Shop), Kind: c.Kind, Name: c.Name, Settings: text(c.Settings), Secret: c.Secret,
		SecretNames: text(c.SecretNames), State: string(c.State), Problem: reasonText(c.Problem), LiveFrom: micros(c.LiveFrom),
		Cursor: c.Cursor, LastInAt: micros(c.LastInAt), LastOutAt: micros(c.LastOutAt), CheckedAt: micros(c.CheckedAt),
		CreatedAt: micros(c.CreatedAt), Inside: c.Inside, SilenceHours: c.SilenceHours}
}

// Connections returns the connections of the shops of a scope, oldest first.
func (q queries) Connections(ctx context.Context, scope rbac.Scope) ([]inbox.Connection, error) {
	var rows []connectionRow
	query := q.db.NewSelect().Model(&rows).Order("id")
	if !scope.All {
		if len(scope.Shops) == 0 {
			return nil, nil
		}
		query.Where("shop_id IN (?)", bun.List(scope.Shops))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	list := make([]inbox.Connection, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.connection(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Connection returns one connection, whoever asks: the caller has decided that he may.
func (q queries) Connection(ctx context.Context, id inbox.ConnectionID) (inbox.Connection, error) {
	var r connectionRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.Connection{}, notFound(err, "connection")
	}
	return r.connection()
}

// LockConnection returns one connection and keeps other transactions from taking in a page of it
// until this one ends.
func (tx *Tx) LockConnection(ctx context.Context, id inbox.ConnectionID) (inbox.Connection, error) {
	var r connectionRow
	query := tx.db.NewSelect().Model(&r).Where("id = ?", int64(id))
	if tx.postgres {
		query.For("NO KEY UPDATE")
	}
	if err := query.Scan(ctx); err != nil {
		return inbox.Connection{}, notFound(err, "connection")
	}
	return r.connection()
}

// CreateConnection keeps a new connection without its secret, which is sealed to the id returned.
func (tx *Tx) CreateConnection(ctx context.Context, c inbox.Connection) (inbox.ConnectionID, error) {
	c.CreatedAt, c.State, c.Secret = tx.now(), inbox.ConnectionNew, nil
	if c.LiveFrom.IsZero() {
		c.LiveFrom = c.CreatedAt
	}
	r := newConnectionRow(c)
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return 0, fmt.Errorf("create connection: %w", err)
	}
	id := inbox.ConnectionID(r.ID)
	tx.connectionChanged(id, c.Shop, c.State)
	return id, nil
}

// SaveConnection writes what people can change: name, settings, secret, state, LiveFrom, SilenceHours. Cursor and
// health belong to the runner.
func (tx *Tx) SaveConnection(ctx context.Context, c inbox.Connection) error {
	r := newConnectionRow(c)
	_, err := tx.db.NewUpdate().Model(&r).Column("name", "settings", "secret", "secret_names", "state", "problem", "live_from", "inside", "silence_hours").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("save connection %s: %w", c.ID, err)
	}
	tx.connectionChanged(c.ID, c.Shop, c.State)
	return nil
}

// DeleteConnection removes a connection nothing was ever received or sent by; Conflict otherwise.
func (tx *Tx) DeleteConnection(ctx context.Context, c inbox.Connection) error {
	_, err := tx.db.NewDelete().Table("connections").Where("id = ?", int64(c.ID)).Exec(ctx)
	if foreign(err) {
		return &inbox.Error{Code: inbox.Conflict, Msg: "this connection has messages: disable it instead", Err: err}
	}
	if err != nil {
		return fmt.Errorf("delete connection %s: %w", c.ID, err)
	}
	tx.connectionChanged(c.ID, c.Shop, inbox.ConnectionDisabled)
	return nil
}

// SetHealth writes how a connection is and, if checked is not zero, when it was last polled. An
// event is appended only if the state changed. A connection that people disabled stays so.
func (tx *Tx) SetHealth(ctx context.Context, id inbox.ConnectionID, state inbox.ConnectionState, problem *inbox.Reason, checked time.Time) error {
	before, err := tx.Connection(ctx, id)
	if err != nil {
		return err
	}
	if before.State == inbox.ConnectionDisabled {
		return nil
	}
	update := tx.db.NewUpdate().Table("connections").Set("state = ?", string(state)).Where("id = ?", int64(id))
	if problem == nil {
		update.Set("problem = NULL")
	} else {
		update.Set("problem = ?", reasonText(problem))
	}
	if !checked.IsZero() {
		update.Set("checked_at = ?", micros(checked))
	}
	if _, err := update.Exec(ctx); err != nil {
		return fmt.Errorf("health of connection %s: %w", id, err)
	}
	if before.State != state {
		tx.connectionChanged(id, before.Shop, state)
	}
	return nil
}

// SetCursor keeps where the next pull of a connection begins.
func (tx *Tx) SetCursor(ctx context.Context, id inbox.ConnectionID, cursor string) error {
	_, err := tx.db.NewUpdate().Table("connections").Set("position = ?", cursor).Where("id = ?", int64(id)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("cursor of connection %s: %w", id, err)
	}
	return nil
}

func (tx *Tx) connectionChanged(id inbox.ConnectionID, shop inbox.ShopID, state inbox.ConnectionState) {
	tx.Append(inbox.Event{Kind: inbox.ConnectionChanged, Shop: shop, Data: map[string]any{"connection": id, "state": state}})
}
