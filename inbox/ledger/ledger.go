// Package ledger watches over what connections received: it compares the ledger with what the sources
// hold, reads again what was set aside, and tells when a connection has fallen silent.
package ledger

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Options are what the service needs.
type Options struct {
	Store  *store.Store
	Jobs   *jobs.Client
	Blobs  store.Large // content too large for the database
	Ingest *ingest.Service
	Rights *rbac.Enforcer // a retry somebody asked for ends with his right to it
	// Reread reads an item again by its channel, on whichever node: from the bytes kept of it or, if
	// raw is nil, from the source. It may come out with a Problem again. Code NotFound if the source has
	// it no longer.
	Reread func(ctx context.Context, e inbox.LedgerEntry, raw []byte) (inbox.Incoming, error)
	// Audit has what a connection's source holds compared by Compare and kept by Keep.
	Audit func(ctx context.Context, id inbox.ConnectionID, s *Service) error
	// Poll is how often connections are looked at.
	Poll time.Duration
	Now  func() time.Time
	Log  *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	Options
	store   *store.Store
	log     *slog.Logger
	started time.Time
}

const (
	watchEvery   = 20 * time.Second
	dueEvery     = 5 * time.Minute // how often it is seen whose turn it is
	countEvery   = time.Hour
	countBatch   = 20
	countTimeout = 15 * time.Minute
	countTries   = 3
	retryTimeout = 10 * time.Minute
)

type (
	watchArgs struct{}
	dueArgs   struct{}
	countArgs struct {
		Connection inbox.ConnectionID `json:"connection"`
	}
	retryArgs struct{}
)

func (watchArgs) Kind() string { return "ledger.watch" }
func (dueArgs) Kind() string   { return "ledger.due" }
func (countArgs) Kind() string { return "ledger.count" }
func (retryArgs) Kind() string { return "ledger.retry" }

// New makes the service and has one node watch over all connections.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Options: o, store: o.Store, log: o.Log, started: o.Now()}
	jobs.Add(o.Jobs, jobs.Worker[watchArgs]{Work: func(ctx context.Context, _ jobs.Job[watchArgs]) error { return s.Watch(ctx) }})
	jobs.Add(o.Jobs, jobs.Worker[dueArgs]{Work: func(ctx context.Context, _ jobs.Job[dueArgs]) error { return s.countDue(ctx) }})
	jobs.Add(o.Jobs, jobs.Worker[countArgs]{Work: s.count, Timeout: countTimeout})
	jobs.Add(o.Jobs, jobs.Worker[retryArgs]{Work: func(ctx context.Context, _ jobs.Job[retryArgs]) error { return s.RetryAsked(ctx) }, Timeout: retryTimeout})
	o.Jobs.Every(watchEvery, watchArgs{}, jobs.Insert{})
	o.Jobs.Every(dueEvery, dueArgs{}, jobs.Insert{})
	return s
}

func (s *Service) now() time.Time { return s.Now() }

// countDue has those connections counted whose turn it is.
func (s *Service) countDue(ctx context.Context) error {
	ids, err := s.store.DueCounts(ctx, s.now().Add(-countEvery), countBatch)
	if err != nil || len(ids) == 0 {
		return err
	}
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		var errs []error
		for _, id := range ids {
			errs = append(errs, s.Jobs.Insert(ctx, tx, countArgs{Connection: id}, jobs.Insert{Once: true}))
		}
		return errors.Join(errs...)
	})
}

// AskCount has a connection's folders counted soon, and what the ledger lacks read, by some node. One
// that is being counted already is counted once more: it may have been looked at before.
func (s *Service) AskCount(ctx context.Context, tx *store.Tx, id inbox.ConnectionID) error {
	return s.Jobs.Insert(ctx, tx, countArgs{Connection: id}, jobs.Insert{})
}

// count counts one connection. A source that cannot be counted now is tried again some seconds later,
// then left to the next round: its state tells people.
func (s *Service) count(ctx context.Context, job jobs.Job[countArgs]) error {
	err := s.Audit(ctx, job.Args.Connection, s)
	if err != nil && ctx.Err() == nil && job.Tries >= countTries {
		s.log.Warn("a connection cannot be counted", "connection", job.Args.Connection.String(), "error", err)
		return nil
	}
	return err
}
