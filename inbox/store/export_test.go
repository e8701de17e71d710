package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/rbac"
)

// Exec lets tests break a database on purpose.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := tx.db.ExecContext(ctx, query, args...)
	return err
}

// ListSQL is the text of the statement behind a page of a list.
func (s *Store) ListSQL(scope rbac.Scope, f ConversationFilter, sort Sort, after *Place) string {
	return s.listing(scope, f, sort, after, 51).String()
}

// CountSQL is the text of the statement that counts a list.
func (s *Store) CountSQL(scope rbac.Scope, f ConversationFilter) string {
	return s.counted(scope, f).String()
}

// LedgerSQL is the text of the statement behind a page of the ledger.
func (s *Store) LedgerSQL(f LedgerFilter) string { return s.ledgerPage(f, Place{}, 51).String() }

// Plan is how SQLite would run a statement, one step a line.
func (s *Store) Plan(ctx context.Context, query string) ([]string, error) {
	var steps []struct {
		ID, Parent, Notused int64
		Detail              string
	}
	err := s.read.NewRaw("EXPLAIN QUERY PLAN ?", bun.Safe(query)).Scan(ctx, &steps)
	lines := make([]string, len(steps))
	for i, step := range steps {
		lines[i] = step.Detail
	}
	return lines, err
}
