// Package remind wakes what was put to sleep when its time has come.
package remind

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Jobs  *jobs.Client
	Now   func() time.Time
	Log   *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	store *store.Store
	now   func() time.Time
	log   *slog.Logger
}

const (
	wakeEvery = 10 * time.Second
	wakeBatch = 200
)

type wakeArgs struct{}

func (wakeArgs) Kind() string { return "remind.wake" }

// New makes the service and has one node wake what is due every ten seconds.
func New(o Options) *Service {
	s := &Service{store: o.Store, now: o.Now, log: o.Log}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	jobs.Add(o.Jobs, jobs.Worker[wakeArgs]{Work: func(ctx context.Context, _ jobs.Job[wakeArgs]) error {
		_, err := s.Wake(ctx)
		return err
	}})
	o.Jobs.Every(wakeEvery, wakeArgs{}, jobs.Insert{})
	return s
}

// Wake opens the conversations whose snooze is over, each exactly once, and returns how many. One
// that cannot be opened does not keep the others asleep.
func (s *Service) Wake(ctx context.Context) (woken int, err error) {
	for {
		due, err := s.store.DueSnoozes(ctx, s.now(), wakeBatch)
		if err != nil {
			return woken, err
		}
		before := woken
		for _, id := range due {
			opened, err := s.wake(ctx, id)
			if err != nil {
				if ctx.Err() != nil {
					return woken, fmt.Errorf("wake conversation %s: %w", id, err)
				}
				s.log.Error("a snoozed conversation cannot be opened", "conversation", id.String(), "error", err)
			}
			if opened {
				woken++
			}
		}
		if len(due) < wakeBatch || woken == before {
			return woken, nil
		}
	}
}

// wake opens one conversation if it still sleeps and is still due.
func (s *Service) wake(ctx context.Context, id inbox.ConversationID) (opened bool, err error) {
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		opened = false
		c, err := tx.LockConversation(ctx, rbac.Scope{All: true}, id)
		if err != nil {
			return err
		}
		if c.State != inbox.Snoozed || c.SnoozedUntil.After(s.now()) {
			return nil
		}
		c.SetState(inbox.Open, time.Time{}, "")
		if err := tx.SaveConversation(ctx, &c); err != nil {
			return err
		}
		tx.Append(inbox.Event{Kind: inbox.ConversationOpened, Shop: c.Shop, Conversation: c.ID, From: c.Assignee, To: c.Assignee,
			Data: map[string]any{"state": inbox.Open, "from": inbox.Snoozed, "reason": inbox.Reason{Code: "snooze_over"}}})
		opened = true
		return nil
	})
	return opened, err
}
