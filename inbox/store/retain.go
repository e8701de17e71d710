package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// DropEvents removes up to limit events older than before, the oldest first, and returns how many.
// Whoever comes with a number from before them is told to read everything again.
func (tx *Tx) DropEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	old := tx.db.NewSelect().Table("events").Column("seq").Where("at < ?", micros(before)).Order("seq").Limit(int64(limit))
	return tx.drop(ctx, "old events", tx.db.NewDelete().Table("events").Where("seq IN (?)", old))
}

// DropSessions removes sessions that are over.
func (tx *Tx) DropSessions(ctx context.Context, now time.Time) (int, error) {
	return tx.drop(ctx, "ended sessions", tx.db.NewDelete().Table("sessions").
		Where("idle_until < ?0 OR ends_at < ?0", micros(now)))
}

// DropUploads removes files that were uploaded before a time and never sent.
func (tx *Tx) DropUploads(ctx context.Context, before time.Time) (int, error) {
	return tx.drop(ctx, "unsent files", tx.db.NewDelete().Table("attachments").
		Where("message_id IS NULL AND created_at < ?", micros(before)))
}

func (tx *Tx) drop(ctx context.Context, what string, query *bun.DeleteQuery) (int, error) {
	result, err := query.Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("remove %s: %w", what, err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// ContentUsed returns those of the hashes of content that a row refers to.
func (q queries) ContentUsed(ctx context.Context, hashes []string) ([]string, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	var used []string
	err := q.db.NewRaw(`SELECT hash FROM attachments WHERE hash IN (?0)
		UNION SELECT raw_hash FROM ledger WHERE raw_hash <> '' AND raw_hash IN (?0)`, bun.List(hashes)).Scan(ctx, &used)
	if err != nil {
		return nil, fmt.Errorf("find what content is used: %w", err)
	}
	return used, nil
}
