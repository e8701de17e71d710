package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// This file changes what is set aside.

var errNotAside = inbox.Errorf(inbox.Conflict, "this is not set aside any more")

// AskRetry marks up to limit of the entries a filter chooses, all set aside, as waiting to be read
// again for somebody, and returns how many there were.
func (tx *Tx) AskRetry(ctx context.Context, f LedgerFilter, by inbox.UserID, limit int) (int, error) {
	f.State = inbox.LedgerSetAside
	chosen := f.narrow(tx.db.NewSelect().TableExpr("ledger AS l").Column("l.id")).OrderExpr("l.received_at, l.id").Limit(int64(limit))
	result, err := tx.db.NewUpdate().Table("ledger").Set("retry_by = ?", int64(by)).Where("id IN (?)", chosen).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for a retry: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// NextRetry returns the first entry somebody waits for, NotFound if there is none.
func (q queries) NextRetry(ctx context.Context) (inbox.LedgerEntry, error) {
	var r ledgerRow
	if err := q.db.NewSelect().Model(&r).Where("retry_by IS NOT NULL").Order("id").Limit(1).Scan(ctx); err != nil {
		return inbox.LedgerEntry{}, notFound(err, "ledger entry")
	}
	return r.entry()
}

// BeginRetry counts an attempt and takes the mark off, before the entry is read: one that kills the
// program is not read again by itself. Conflict if the entry is not set aside.
func (tx *Tx) BeginRetry(ctx context.Context, id inbox.LedgerID) error {
	return tx.changeAside(ctx, id, tx.db.NewUpdate().Table("ledger").Set("attempts = attempts + 1, retry_by = NULL"))
}

// ForgetRetry takes the mark off an entry that is not to be read again after all.
func (tx *Tx) ForgetRetry(ctx context.Context, id inbox.LedgerID) error {
	return tx.changeAside(ctx, id, tx.db.NewUpdate().Table("ledger").Set("retry_by = NULL"))
}

// KeepRetry puts the mark back on an entry whose reading was cut off, if it is still set aside.
func (tx *Tx) KeepRetry(ctx context.Context, e inbox.LedgerEntry) error {
	err := tx.changeAside(ctx, e.ID, tx.db.NewUpdate().Table("ledger").Set("retry_by = ?, attempts = ?", int64(e.RetryBy), e.Attempts))
	if errors.Is(err, errNotAside) {
		return nil
	}
	return err
}

// IgnoreSetAside leaves an entry out for a reason; its bytes stay. Conflict if it is not set aside.
func (tx *Tx) IgnoreSetAside(ctx context.Context, id inbox.LedgerID, why inbox.Reason) error {
	return tx.changeAside(ctx, id, tx.db.NewUpdate().Table("ledger").Set("state = ?, reason = ?, retry_by = NULL, taken_at = ?",
		string(inbox.LedgerIgnored), reasonText(&why), micros(tx.now())))
}

// DeleteSetAside leaves an entry out for good and forgets its bytes and whom it was from; what is left
// keeps it from coming again. Conflict if it is not set aside.
func (tx *Tx) DeleteSetAside(ctx context.Context, e inbox.LedgerEntry, why inbox.Reason) error {
	err := tx.changeAside(ctx, e.ID, tx.db.NewUpdate().Table("ledger").Set("state = ?, reason = ?, retry_by = NULL, taken_at = ?",
		string(inbox.LedgerIgnored), reasonText(&why), micros(tx.now())).Set("raw_hash = '', sender = '', subject = '', header_id = ''"))
	if err != nil || e.RawHash == "" {
		return err
	}
	used, err := tx.ContentUsed(ctx, []string{e.RawHash})
	if err != nil || len(used) > 0 {
		return err
	}
	if _, err := tx.db.NewDelete().Table("blobs").Where("hash = ?", e.RawHash).Exec(ctx); err != nil { // larger content is swept
		return fmt.Errorf("delete content: %w", err)
	}
	return nil
}

func (tx *Tx) changeAside(ctx context.Context, id inbox.LedgerID, change *bun.UpdateQuery) error {
	result, err := change.Where("id = ? AND state = 'set_aside'", int64(id)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("change ledger entry %s: %w", id, err)
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = errNotAside
	}
	return err
}
