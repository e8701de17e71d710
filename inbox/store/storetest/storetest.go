// Package storetest gives tests a fresh database of each dialect.
package storetest

import (
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox/store"
)

// Each runs fn on a fresh SQLite database and on a fresh PostgreSQL database, both migrated. With
// -short only SQLite runs, which is what the race detector is used on.
func Each(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	if !testing.Short() {
		t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
	}
}

// SQLite opens a fresh, migrated SQLite database in the test's folder.
func SQLite(t testing.TB) *store.Store {
	t.Helper()
	return open(t, store.Options{Folder: t.TempDir()})
}

// Postgres opens a fresh, migrated database on a PostgreSQL server of this test process.
func Postgres(t testing.TB) *store.Store {
	t.Helper()
	return open(t, store.Options{Database: FreshDatabase(t)})
}

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	o.Now = time.Now
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}
