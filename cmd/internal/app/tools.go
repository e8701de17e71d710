package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// Tools is the data without the server: what the commands beside serve work on. They may run while
// the server does.
type Tools struct {
	Store *store.Store
	Auth  *auth.Service
}

// OpenTools opens the data; the schema must be this program's.
func OpenTools(ctx context.Context, data, database string) (*Tools, error) {
	s, err := OpenStore(ctx, data, database)
	if err != nil {
		return nil, err
	}
	t, err := newTools(ctx, s)
	if err != nil {
		s.Close()
		return nil, err
	}
	return t, nil
}

func newTools(ctx context.Context, s *store.Store) (*Tools, error) {
	if err := Migrate(ctx, s); err != nil {
		return nil, err
	}
	rights, err := rbac.NewEnforcer(ctx, s)
	if err != nil {
		return nil, err
	}
	service, err := auth.New(auth.Options{Store: s, Rights: rights, PublicURL: "http://localhost", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return &Tools{Store: s, Auth: service}, nil
}

// Close ends the connections.
func (t *Tools) Close() error { return t.Store.Close() }

// OpenStore opens the database of a data folder, or the one at an address.
func OpenStore(ctx context.Context, data, database string) (*store.Store, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return store.Open(ctx, store.Options{Database: database, Folder: data})
}

// Migrate brings the schema, and that of the jobs, to this program's.
func Migrate(ctx context.Context, s *store.Store) error {
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	return jobs.Migrate(ctx, s)
}
