package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type auditRow struct {
	bun.BaseModel `bun:"table:audit"`
	ID            int64  `bun:"id,pk,autoincrement"`
	At            int64  `bun:"at"`
	Actor         int64  `bun:"actor_id,nullzero"`
	Address       string `bun:"address"`
	Action        string `bun:"action"`
	Object        string `bun:"object"`
	Shop          int64  `bun:"shop_id,nullzero"`
	Before        string `bun:"old_value"`
	After         string `bun:"new_value"`
}

func (r auditRow) entry() inbox.AuditEntry {
	return inbox.AuditEntry{ID: inbox.AuditID(r.ID), At: moment(r.At), Actor: inbox.UserID(r.Actor), Address: r.Address,
		Action: inbox.AuditAction(r.Action), Object: r.Object, Shop: inbox.ShopID(r.Shop), Before: r.Before, After: r.After}
}

// Audit adds a line to the record. Nothing changes or removes one.
func (tx *Tx) Audit(ctx context.Context, e inbox.AuditEntry) error {
	if e.At.IsZero() {
		e.At = tx.now()
	}
	r := auditRow{At: micros(e.At), Actor: int64(e.Actor), Address: e.Address, Action: string(e.Action), Object: e.Object,
		Shop: int64(e.Shop), Before: e.Before, After: e.After}
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}

// AuditEntries returns the lines a scope sees below the id before (0 = from the newest), newest
// first. Lines that concern no shop are seen by those who see all.
func (q queries) AuditEntries(ctx context.Context, scope rbac.Scope, before inbox.AuditID, limit int) ([]inbox.AuditEntry, error) {
	var rows []auditRow
	query := q.db.NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(limit))
	if !scope.All {
		if scope.Empty() {
			return nil, nil
		}
		query.Where("shop_id IN (?)", bun.List(scope.AllShops()))
	}
	if before > 0 {
		query.Where("id < ?", int64(before))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	entries := make([]inbox.AuditEntry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}
