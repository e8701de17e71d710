package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type exceptionRow struct {
	bun.BaseModel `bun:"table:roster_exceptions"`
	ID            int64  `bun:"id,pk,autoincrement"`
	User          int64  `bun:"user_id"`
	Kind          string `bun:"kind"`
	First         string `bun:"first_day"`
	Last          string `bun:"last_day"`
	Zone          string `bun:"zone"`
	From          int    `bun:"from_minute"`
	To            int    `bun:"to_minute"`
	Note          string `bun:"note"`
}

func (r exceptionRow) exception() inbox.RosterException {
	return inbox.RosterException{ID: inbox.ExceptionID(r.ID), User: inbox.UserID(r.User), Kind: inbox.ExceptionKind(r.Kind), First: r.First, Last: r.Last,
		Zone: r.Zone, From: r.From, To: r.To, Note: r.Note}
}

func newExceptionRow(e inbox.RosterException) exceptionRow {
	return exceptionRow{ID: int64(e.ID), User: int64(e.User), Kind: string(e.Kind), First: e.First, Last: e.Last, Zone: e.Zone, From: e.From, To: e.To, Note: e.Note}
}

// ExceptionFilter says which roster exceptions are wanted; zero values mean all.
type ExceptionFilter struct {
	User     inbox.UserID
	From, To string // days, 2006-01-02: those that touch this span
}

// RosterExceptions returns exceptions by user and first day.
func (q queries) RosterExceptions(ctx context.Context, f ExceptionFilter) ([]inbox.RosterException, error) {
	var rows []exceptionRow
	query := q.db.NewSelect().Model(&rows).Order("user_id", "first_day", "id")
	if f.User != 0 {
		query.Where("user_id = ?", int64(f.User))
	}
	if f.From != "" {
		query.Where("last_day >= ?", f.From)
	}
	if f.To != "" {
		query.Where("first_day <= ?", f.To)
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list roster exceptions: %w", err)
	}
	list := make([]inbox.RosterException, len(rows))
	for i, r := range rows {
		list[i] = r.exception()
	}
	return list, nil
}

// RosterException returns one exception. NotFound if it is unknown.
func (q queries) RosterException(ctx context.Context, id inbox.ExceptionID) (inbox.RosterException, error) {
	var r exceptionRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.RosterException{}, notFound(err, "roster exception")
	}
	return r.exception(), nil
}

// CreateRosterException keeps a new exception that was checked and returns its id. Invalid if there is
// no such user.
func (tx *Tx) CreateRosterException(ctx context.Context, actor inbox.UserID, e inbox.RosterException) (inbox.ExceptionID, error) {
	e.ID = 0
	r := newExceptionRow(e)
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return 0, shiftError(err)
	}
	tx.Append(inbox.Event{Kind: inbox.RosterChanged, Actor: actor})
	return inbox.ExceptionID(r.ID), nil
}

// SaveRosterException replaces an exception. NotFound if it is unknown, Invalid if there is no such
// user.
func (tx *Tx) SaveRosterException(ctx context.Context, actor inbox.UserID, e inbox.RosterException) error {
	r := newExceptionRow(e)
	result, err := tx.db.NewUpdate().Model(&r).WherePK().Exec(ctx)
	if err != nil {
		return shiftError(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such roster exception")
	}
	tx.Append(inbox.Event{Kind: inbox.RosterChanged, Actor: actor})
	return nil
}

// DeleteRosterException removes an exception. NotFound if it is unknown.
func (tx *Tx) DeleteRosterException(ctx context.Context, actor inbox.UserID, id inbox.ExceptionID) error {
	result, err := tx.db.NewDelete().Table("roster_exceptions").Where("id = ?", int64(id)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete roster exception %s: %w", id, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such roster exception")
	}
	tx.Append(inbox.Event{Kind: inbox.RosterChanged, Actor: actor})
	return nil
}
