package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox/store"
)

// Overlap runs first in a transaction and, before it commits, begins second, which makes transactions
// of its own. It commits first once second has finished or waits for a lock, so that whatever second
// decided without waiting was decided on what is about to be false. It returns second's error.
func Overlap(t testing.TB, s *store.Store, first func(tx *store.Tx) error, second func() error) error {
	t.Helper()
	done := make(chan error, 1)
	begun := false
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		if err := first(tx); err != nil || begun {
			return err
		}
		begun = true
		go func() { done <- second() }()
		if s.Postgres() == nil { // the only writer: second waits for it to finish
			return nil
		}
		return untilWaiting(t.Context(), s, done)
	})
	if err != nil {
		t.Fatal(err)
	}
	return <-done
}

// untilWaiting returns when a transaction of this database waits for a lock, or done has something.
func untilWaiting(ctx context.Context, s *store.Store, done <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for len(done) == 0 {
		var waiting int
		err := s.Postgres().QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil || waiting > 0 {
			return err
		}
	}
	return nil
}
