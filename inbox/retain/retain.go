// Package retain removes what nobody needs any longer: old events, ended sessions, files that were
// never sent, and content no row refers to.
package retain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Jobs  *jobs.Client
	Blobs blob.Store
	Now   func() time.Time
	Log   *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	store *store.Store
	blobs blob.Store
	now   func() time.Time
	log   *slog.Logger
}

const (
	tidyEvery = time.Hour
	// KeepEvents is how long the log goes back. A screen that was away for longer reads anew.
	KeepEvents = 90 * 24 * time.Hour
	// KeepUploads is how long a file waits in a draft.
	KeepUploads = 30 * 24 * time.Hour
	// Content is stored before the row that refers to it; no transaction takes so long.
	orphanAfter = time.Hour
	eventBatch  = 5000 // a short write, so that nobody waits for it
)

type tidyArgs struct{}

func (tidyArgs) Kind() string { return "retain.tidy" }

// New makes the service and has one node tidy up every hour.
func New(o Options) *Service {
	s := &Service{store: o.Store, blobs: o.Blobs, now: o.Now, log: o.Log}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	jobs.Add(o.Jobs, jobs.Worker[tidyArgs]{Work: func(ctx context.Context, _ jobs.Job[tidyArgs]) error { return s.Tidy(ctx) },
		Timeout: 10 * time.Minute})
	o.Jobs.Every(tidyEvery, tidyArgs{}, jobs.Insert{})
	return s
}

// Tidy removes everything that is due. One kind that fails does not keep the others.
func (s *Service) Tidy(ctx context.Context) error {
	now := s.now()
	events := s.dropEvents(ctx, now.Add(-KeepEvents))
	small := s.store.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.DropSessions(ctx, now)
		if err != nil {
			return err
		}
		if _, err = tx.DropUploads(ctx, now.Add(-KeepUploads)); err != nil {
			return err
		}
		_, err = tx.DropArrivals(ctx)
		return err
	})
	removed, blobs := blob.Sweep(ctx, s.blobs, now.Add(-orphanAfter), s.store.ContentUsed)
	if removed > 0 {
		s.log.Info("removed content no row refers to", "files", removed)
	}
	return errors.Join(events, small, blobs)
}

func (s *Service) dropEvents(ctx context.Context, before time.Time) error {
	for {
		n := 0
		err := s.store.InTx(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.DropEvents(ctx, before, eventBatch)
			return err
		})
		if err != nil || n < eventBatch {
			return err
		}
	}
}
