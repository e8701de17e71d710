package outbox

import (
	"context"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
)

const (
	settleWithin = 45 * time.Second // then a person decides
	overdue      = 10 * time.Second // how late a message may be before its job counts as lost
	sweepBatch   = 100
)

// Recover has somebody find out what became of attempts that ended runs left open, this node's
// earlier ones among them. It runs before any job does.
func (s *Service) Recover(ctx context.Context) error {
	return s.store.InTx(ctx, func(tx *store.Tx) error { return s.settleOpen(ctx, tx) })
}

// settleOpen inserts a settle job for each open attempt that nobody works on any more.
func (s *Service) settleOpen(ctx context.Context, tx *store.Tx) error {
	open, err := tx.OpenAttempts(ctx)
	if err != nil || len(open) == 0 {
		return err
	}
	live, err := tx.LiveNodes(ctx)
	if err != nil {
		return err
	}
	for _, a := range open {
		if !s.over(a, live) {
			continue
		}
		if err := s.jobs.Insert(ctx, tx, settleArgs{Attempt: a.ID}, jobs.Insert{Queue: jobs.Send, Once: true}); err != nil {
			return err
		}
	}
	return nil
}

// over tells whether an open attempt can no longer end by itself. This run knows that it lives
// whatever a clock that jumped says.
func (s *Service) over(a store.Attempt, live []string) bool {
	dead := a.Node != s.jobs.Node().String() && !slices.Contains(live, a.Node)
	return dead || s.now().Sub(a.BeganAt) > attemptOver
}

// settle finds out what became of an attempt that was cut off: the far side has it, certainly has
// it not, or nobody knows. The node that holds the connection asks; if none does for a while, the
// message becomes uncertain.
func (s *Service) settle(ctx context.Context, job jobs.Job[settleArgs]) error {
	a, err := s.store.Attempt(ctx, job.Args.Attempt)
	if err != nil || !a.EndedAt.IsZero() {
		return err
	}
	live, err := s.store.LiveNodes(ctx)
	if err != nil {
		return err
	}
	if !job.Args.Lost && !s.over(a, live) {
		return jobs.Later(turnWait)
	}
	m, err := s.store.Message(ctx, a.Message)
	if err != nil {
		return err
	}
	patient := s.now().Sub(job.Created) < settleWithin
	lease, err := s.store.Lease(ctx, store.ConnectionLease(m.Connection))
	switch {
	case err != nil && inbox.CodeOf(err) != inbox.NotFound:
		return err
	case lease.Node != s.jobs.Node().Name && patient:
		return jobs.Later(turnWait)
	case lease.Node != s.jobs.Node().Name:
		return s.settled(ctx, a, nil, verdict{outcome: store.AttemptUncertain, reason: &inbox.Reason{Code: "send_interrupted"}})
	}
	v, again, err := s.find(ctx, m, patient)
	if err != nil {
		return err
	}
	if again {
		return jobs.Later(time.Second)
	}
	return s.settled(ctx, a, &lease, v)
}

// find asks the far side for a message. again means that it could not be asked and may be later.
func (s *Service) find(ctx context.Context, m inbox.Message, patient bool) (v verdict, again bool, err error) {
	out, err := s.outgoing(ctx, inbox.Message{ID: m.ID, Conversation: m.Conversation, Home: m.Home, Connection: m.Connection, HeaderID: m.HeaderID,
		From: m.From, To: m.To, Cc: m.Cc, Bcc: m.Bcc, Subject: m.Subject, Text: m.Text, HTML: m.HTML, InReplyTo: m.InReplyTo,
		References: m.References, At: m.At}) // without files: an adapter looks by identity
	if err != nil {
		return verdict{}, false, err
	}
	remoteID, err := s.sender.Find(ctx, m.Connection, out)
	switch code := inbox.CodeOf(err); {
	case err == nil && remoteID != "":
		return verdict{outcome: store.AttemptSent, remoteID: remoteID}, false, nil
	case err == nil:
		return verdict{outcome: store.AttemptRetry, reason: &inbox.Reason{Code: "send_interrupted"}, at: s.now()}, false, nil
	case patient && (code == inbox.Unavailable || code == inbox.Limited):
		return verdict{}, true, nil
	}
	return verdict{outcome: store.AttemptUncertain, reason: &inbox.Reason{Code: "send_interrupted"}}, false, nil
}

// settled commits what settle found out, under this node's own hold if it has one.
func (s *Service) settled(ctx context.Context, a store.Attempt, lease *store.Lease, v verdict) error {
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		m, c, err := lock(ctx, tx, everything, a.Message)
		if err != nil {
			return err
		}
		if lease != nil {
			if err := s.checkHold(ctx, tx, *lease); err != nil {
				return err
			}
		}
		open, err := tx.EndAttempt(ctx, a.ID, v.outcome, v.reason)
		if err != nil || !open || m.State != inbox.Sending {
			return err
		}
		if _, err = s.move(ctx, tx, &c, &m, v); err != nil || m.State != inbox.Queued {
			return err
		}
		return s.enqueue(ctx, tx, m, false)
	})
}

// Sweep heals from the rows what jobs alone cannot: attempts of ended nodes, messages that are due
// and have no job, and held messages that may leave now. Its transactions are small: they share the
// one writer of a SQLite database with people at work.
func (s *Service) Sweep(ctx context.Context) error {
	if err := s.Recover(ctx); err != nil {
		return err
	}
	if err := s.wakeLate(ctx); err != nil {
		return err
	}
	lines, err := s.store.HeldLines(ctx, s.now())
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := s.release(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// wakeLate gives messages that are due a job unless they have one.
func (s *Service) wakeLate(ctx context.Context) error {
	for after := inbox.MessageID(0); ; {
		late, err := s.store.Overdue(ctx, s.now().Add(-overdue), after, sweepBatch)
		if err != nil || len(late) == 0 {
			return err
		}
		after = late[len(late)-1]
		err = s.store.InTx(ctx, func(tx *store.Tx) error {
			for _, id := range late {
				if err := s.enqueue(ctx, tx, inbox.Message{ID: id}, true); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// release queues the held messages of a shop and connection if these can send again.
func (s *Service) release(ctx context.Context, line store.HeldLine) error {
	why, err := reasonToHold(ctx, s.store, inbox.Message{Shop: line.Shop, Connection: line.Connection})
	if err != nil || why != nil {
		return err
	}
	waiting, err := s.store.HeldBy(ctx, line, s.now(), sweepBatch)
	if err != nil {
		return err
	}
	for _, id := range waiting {
		if err := s.store.InTx(ctx, func(tx *store.Tx) error { return s.releaseOne(ctx, tx, id) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) releaseOne(ctx context.Context, tx *store.Tx, id inbox.MessageID) error {
	m, c, err := lock(ctx, tx, everything, id)
	if err != nil || m.State != inbox.Held {
		return err
	}
	shop, err := tx.Shop(ctx, m.Shop)
	if err != nil {
		return err
	}
	err = s.again(ctx, tx, 0, &c, shop, &m)
	if inbox.CodeOf(err) == inbox.Conflict || inbox.CodeOf(err) == inbox.Denied {
		return nil // it is held again since
	}
	return err
}
