package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type shiftRow struct {
	bun.BaseModel `bun:"table:shifts"`
	ID            int64  `bun:"id,pk,autoincrement"`
	User          int64  `bun:"user_id"`
	Zone          string `bun:"zone"`
	Weekdays      string `bun:"weekdays"`
	From          int    `bun:"from_minute"`
	To            int    `bun:"to_minute"`
	Since         string `bun:"since"`
	Until         string `bun:"until"`
}

func (r shiftRow) shift() (inbox.Shift, error) {
	s := inbox.Shift{ID: inbox.ShiftID(r.ID), User: inbox.UserID(r.User), Zone: r.Zone, From: r.From, To: r.To, Since: r.Since, Until: r.Until}
	if err := parse(r.Weekdays, &s.Weekdays); err != nil {
		return s, fmt.Errorf("weekdays of shift %d: %w", r.ID, err)
	}
	return s, nil
}

func newShiftRow(s inbox.Shift) shiftRow {
	return shiftRow{ID: int64(s.ID), User: int64(s.User), Zone: s.Zone, Weekdays: text(s.Weekdays), From: s.From, To: s.To, Since: s.Since, Until: s.Until}
}

// Shifts returns the shifts of a user in the order they were drawn; of everybody, by user, if user
// is 0.
func (q queries) Shifts(ctx context.Context, user inbox.UserID) ([]inbox.Shift, error) {
	var rows []shiftRow
	query := q.db.NewSelect().Model(&rows).Order("user_id", "id")
	if user != 0 {
		query.Where("user_id = ?", int64(user))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list shifts: %w", err)
	}
	shifts := make([]inbox.Shift, len(rows))
	for i, r := range rows {
		var err error
		if shifts[i], err = r.shift(); err != nil {
			return nil, err
		}
	}
	return shifts, nil
}

// Shift returns one shift. NotFound if it is unknown.
func (q queries) Shift(ctx context.Context, id inbox.ShiftID) (inbox.Shift, error) {
	var r shiftRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.Shift{}, notFound(err, "shift")
	}
	return r.shift()
}

// CreateShift keeps a new shift that was checked and returns its id. Invalid if there is no such
// user.
func (tx *Tx) CreateShift(ctx context.Context, actor inbox.UserID, s inbox.Shift) (inbox.ShiftID, error) {
	s.ID = 0
	r := newShiftRow(s)
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return 0, shiftError(err)
	}
	tx.Append(inbox.Event{Kind: inbox.RosterChanged, Actor: actor})
	return inbox.ShiftID(r.ID), nil
}

// SaveShift replaces a shift. NotFound if it is unknown, Invalid if there is no such user.
func (tx *Tx) SaveShift(ctx context.Context, actor inbox.UserID, s inbox.Shift) error {
	r := newShiftRow(s)
	result, err := tx.db.NewUpdate().Model(&r).WherePK().Exec(ctx)
	if err != nil {
		return shiftError(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such shift")
	}
	tx.Append(inbox.Event{Kind: inbox.RosterChanged, Actor: actor})
	return nil
}

// DeleteShift removes a shift. NotFound if it is unknown.
func (tx *Tx) DeleteShift(ctx context.Context, actor inbox.UserID, id inbox.ShiftID) error {
	result, err := tx.db.NewDelete().Table("shifts").Where("id = ?", int64(id)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete shift %s: %w", id, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such shift")
	}
	tx.Append(inbox.Event{Kind: inbox.RosterChanged, Actor: actor})
	return nil
}

func shiftError(err error) error {
	if foreign(err) {
		return &inbox.Error{Code: inbox.Invalid, Field: "body.user", Msg: "there is no such user", Err: err}
	}
	return fmt.Errorf("save a shift: %w", err)
}
