package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type ledgerRow struct {
	bun.BaseModel `bun:"table:ledger,alias:l"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Connection    int64  `bun:"connection_id"`
	SourceKey     string `bun:"source_key"`
	State         string `bun:"state"`
	Message       int64  `bun:"message_id,nullzero"`
	Reason        string `bun:"reason,nullzero"`
	Size          int64  `bun:"size"`
	Attempts      int    `bun:"attempts"`
	RawHash       string `bun:"raw_hash"`
	ReceivedAt    int64  `bun:"received_at"`
	TakenAt       int64  `bun:"taken_at,nullzero"`
}

func (r ledgerRow) entry() (inbox.LedgerEntry, error) {
	e := inbox.LedgerEntry{ID: inbox.LedgerID(r.ID), Connection: inbox.ConnectionID(r.Connection), SourceKey: r.SourceKey,
		State: inbox.LedgerState(r.State), Message: inbox.MessageID(r.Message), Size: r.Size, Attempts: r.Attempts,
		RawHash: r.RawHash, ReceivedAt: moment(r.ReceivedAt), TakenAt: moment(r.TakenAt)}
	var err error
	e.Reason, err = reasonOf(r.Reason)
	return e, err
}

func newLedgerRow(e inbox.LedgerEntry) ledgerRow {
	return ledgerRow{ID: int64(e.ID), Connection: int64(e.Connection), SourceKey: e.SourceKey, State: string(e.State),
		Message: int64(e.Message), Reason: reasonText(e.Reason), Size: e.Size, Attempts: e.Attempts, RawHash: e.RawHash,
		ReceivedAt: micros(e.ReceivedAt), TakenAt: micros(e.TakenAt)}
}

func entries(rows []ledgerRow) ([]inbox.LedgerEntry, error) {
	list := make([]inbox.LedgerEntry, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.entry(); err != nil {
			return nil, fmt.Errorf("ledger entry %d: %w", r.ID, err)
		}
	}
	return list, nil
}

// LedgerByKeys returns what the ledger has of these source keys, by key.
func (q queries) LedgerByKeys(ctx context.Context, connection inbox.ConnectionID, keys []string) (map[string]inbox.LedgerEntry, error) {
	found := make(map[string]inbox.LedgerEntry, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	var rows []ledgerRow
	err := q.db.NewSelect().Model(&rows).Where("connection_id = ? AND source_key IN (?)", int64(connection), bun.List(keys)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	list, err := entries(rows)
	for _, e := range list {
		found[e.SourceKey] = e
	}
	return found, err
}

// Ledger returns entries of a connection, newest first, below the id before (0 = from the newest);
// of all states if state is "".
func (q queries) Ledger(ctx context.Context, connection inbox.ConnectionID, state inbox.LedgerState, before inbox.LedgerID, limit int) ([]inbox.LedgerEntry, error) {
	var rows []ledgerRow
	query := q.db.NewSelect().Model(&rows).Where("connection_id = ?", int64(connection)).OrderExpr("id DESC").Limit(int64(limit))
	if state != "" {
		query.Where("state = ?", string(state))
	}
	if before > 0 {
		query.Where("id < ?", int64(before))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return entries(rows)
}

// LedgerEntry returns one entry of a connection.
func (q queries) LedgerEntry(ctx context.Context, connection inbox.ConnectionID, id inbox.LedgerID) (inbox.LedgerEntry, error) {
	var r ledgerRow
	if err := q.db.NewSelect().Model(&r).Where("connection_id = ? AND id = ?", int64(connection), int64(id)).Scan(ctx); err != nil {
		return inbox.LedgerEntry{}, notFound(err, "ledger entry")
	}
	return r.entry()
}

// LedgerCounts tells how many entries a connection has in each state.
func (q queries) LedgerCounts(ctx context.Context, connection inbox.ConnectionID) (map[inbox.LedgerState]int, error) {
	var rows []struct {
		State string `bun:"state"`
		N     int    `bun:"n"`
	}
	err := q.db.NewSelect().Table("ledger").Column("state").ColumnExpr("count(*) AS n").
		Where("connection_id = ?", int64(connection)).Group("state").Scan(ctx, &rows)
	counts := map[inbox.LedgerState]int{}
	for _, r := range rows {
		counts[inbox.LedgerState(r.State)] = r.N
	}
	return counts, err
}

// SaveLedger adds entries or, where the connection has the source key already, replaces them. The
// ledger's counts add up with the source because each key has one line.
func (tx *Tx) SaveLedger(ctx context.Context, list []inbox.LedgerEntry) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([]ledgerRow, len(list))
	for i, e := range list {
		rows[i] = newLedgerRow(e)
		rows[i].ID = 0
	}
	_, err := tx.db.NewInsert().Model(&rows).ExcludeColumn("id").On("CONFLICT (connection_id, source_key) DO UPDATE").
		Set("state = EXCLUDED.state, message_id = EXCLUDED.message_id, reason = EXCLUDED.reason, size = EXCLUDED.size").
		Set("attempts = EXCLUDED.attempts, raw_hash = EXCLUDED.raw_hash, taken_at = EXCLUDED.taken_at").
		Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// HoldLease makes sure that the connection's lease still has this fence, and that nobody can take it
// over before the transaction ends. Conflict otherwise. A zero fence is this process alone.
func (tx *Tx) HoldLease(ctx context.Context, connection inbox.ConnectionID, fence int64) error {
	if fence == 0 {
		return nil
	}
	return tx.CheckFence(ctx, ConnectionLease(connection), fence)
}

// TouchConnection keeps when something was last received and, if it is not "", the cursor.
func (tx *Tx) TouchConnection(ctx context.Context, id inbox.ConnectionID, lastIn time.Time, cursor string) error {
	update := tx.db.NewUpdate().Table("connections").Where("id = ?", int64(id))
	if cursor != "" {
		update.Set("position = ?", cursor)
	}
	if !lastIn.IsZero() {
		update.Set("last_in_at = CASE WHEN COALESCE(last_in_at, 0) < ?0 THEN ?0 ELSE last_in_at END", micros(lastIn))
	}
	if cursor == "" && lastIn.IsZero() {
		return nil
	}
	if _, err := update.Exec(ctx); err != nil {
		return fmt.Errorf("connection %s: %w", id, err)
	}
	return nil
}
