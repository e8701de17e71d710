package store

import "context"

// Exec lets tests break a database on purpose.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) error {
	_, err := tx.db.ExecContext(ctx, query, args...)
	return err
}
