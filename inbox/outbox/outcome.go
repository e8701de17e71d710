package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/delivery"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
)

const (
	firstGap   = 5 * time.Second
	longestGap = 30 * time.Minute
	giveUp     = 24 * time.Hour
	askAgain   = 15 * time.Minute // refused logins: asking faster gets accounts locked
)

// verdict is what becomes of a message after an attempt.
type verdict struct {
	outcome  store.Outcome
	remoteID string
	reason   *inbox.Reason
	at       time.Time // for AttemptRetry and AttemptHeld: not before
}

// judge turns the answer of a sender into what follows. An answer that says nothing certain is
// never a reason to send again.
func judge(remoteID string, err error, t *try, now time.Time) verdict {
	if err == nil {
		return verdict{outcome: store.AttemptSent, remoteID: remoteID}
	}
	reason := errorReason(err)
	or := func(code string) *inbox.Reason {
		if reason != nil {
			return reason
		}
		return &inbox.Reason{Code: code}
	}
	switch inbox.CodeOf(err) {
	case inbox.Unavailable, inbox.Limited:
		at := now.Add(gap(t.tries))
		if e, ok := errors.AsType[*inbox.Error](err); ok && e.RetryAt.After(at) {
			at = e.RetryAt.Add(rand.N(time.Second + e.RetryAt.Sub(now)/20)) // never before the time named
		}
		if at.After(t.first.Add(giveUp)) {
			return verdict{outcome: store.AttemptFailed, reason: or("send_gave_up")}
		}
		return verdict{outcome: store.AttemptRetry, reason: or("send_unavailable"), at: at}
	case inbox.Expired:
		return verdict{outcome: store.AttemptHeld, reason: or("connection_expired"), at: now.Add(askAgain)}
	case inbox.Invalid, inbox.Denied, inbox.NotFound, inbox.Conflict:
		return verdict{outcome: store.AttemptFailed, reason: or("send_refused")}
	}
	return verdict{outcome: store.AttemptUncertain, reason: or("send_uncertain")}
}

// gap is how long to wait after so many attempts in a row: 5 s, 15 s, 45 s, … 30 min, spread by a
// fifth so that many messages do not come back together.
func gap(tries int) time.Duration {
	d := firstGap
	for range tries - 1 {
		if d = min(3*d, longestGap); d == longestGap {
			break
		}
	}
	return d*4/5 + rand.N(d*2/5)
}

// finish commits the outcome of an attempt. The far side has decided by now, so a database that
// fails (a full disk) is asked again until the outcome stands; what cannot be written before the
// program ends stays an open attempt.
func (s *Service) finish(ctx context.Context, t *try, v verdict) error {
	writing, done := context.WithTimeout(context.WithoutCancel(ctx), outcomeTimeout)
	defer done()
	var next error
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := s.store.InTx(writing, func(tx *store.Tx) (err error) {
			next, err = s.close(writing, tx, t, v)
			return err
		})
		if err == nil {
			return next
		}
		s.log.Error("outcome of a send cannot be written", "message", t.m.ID.String(), "outcome", string(v.outcome), "error", err)
		if ctx.Err() != nil && wait > time.Second { // the program is stopping
			return fmt.Errorf("write the outcome of message %s: %w", t.m.ID, err)
		}
		select {
		case <-writing.Done():
			return fmt.Errorf("write the outcome of message %s: %w", t.m.ID, err)
		case <-time.After(wait):
		}
	}
}

// close ends an attempt and moves its message. next is what the job returns. Where the hold on the
// connection was lost, only "nothing was accepted" still counts: all else is found out by whoever
// holds it now.
func (s *Service) close(ctx context.Context, tx *store.Tx, t *try, v verdict) (next error, err error) {
	m, c, err := lock(ctx, tx, everything, t.m.ID)
	if err != nil || m.State != inbox.Sending {
		return nil, err
	}
	switch err := s.checkHold(ctx, tx, t.lease); {
	case inbox.CodeOf(err) == inbox.Conflict && v.outcome != store.AttemptRetry:
		return nil, s.jobs.Insert(ctx, tx, settleArgs{Attempt: t.id, Lost: true}, jobs.Insert{Queue: jobs.Send, Once: true})
	case err != nil && inbox.CodeOf(err) != inbox.Conflict:
		return nil, err
	}
	open, err := tx.EndAttempt(ctx, t.id, v.outcome, v.reason)
	if err != nil || !open {
		return nil, err
	}
	return s.move(ctx, tx, &c, &m, v)
}

// move gives a message in state sending the state a verdict demands.
func (s *Service) move(ctx context.Context, tx *store.Tx, c *inbox.Conversation, m *inbox.Message, v verdict) (next error, err error) {
	switch v.outcome {
	case store.AttemptSent:
		shop, err := tx.Shop(ctx, m.Shop)
		if err != nil {
			return nil, err
		}
		return nil, s.sent(ctx, tx, 0, c, shop, m, v.remoteID)
	case store.AttemptRetry:
		m.State, m.Problem, m.SendAt = inbox.Queued, v.reason, v.at
		tell(tx, inbox.MessageQueued, 0, c, *m)
		return jobs.Later(v.at.Sub(s.now())), tx.SaveDelivery(ctx, *m)
	case store.AttemptHeld:
		m.State, m.Problem, m.SendAt = inbox.Held, v.reason, v.at
		tell(tx, inbox.MessageHeld, 0, c, *m)
		return nil, tx.SaveDelivery(ctx, *m)
	case store.AttemptFailed:
		return nil, s.unsent(ctx, tx, c, m, inbox.Failed, v.reason)
	}
	return nil, s.unsent(ctx, tx, c, m, inbox.Uncertain, v.reason)
}

// sent is what an accepted reply does: the clock of a customer who is answered stops, unless he has
// written since it was written; automatic replies answer nobody.
func (s *Service) sent(ctx context.Context, tx *store.Tx, actor inbox.UserID, c *inbox.Conversation, shop inbox.Shop, m *inbox.Message, remoteID string) error {
	m.State, m.Problem, m.RemoteID = inbox.Sent, nil, remoteID
	if err := tx.SaveDelivery(ctx, *m); err != nil {
		return err
	}
	now := s.now()
	if m.Automatic == "" {
		next, err := tx.UnansweredSince(ctx, c.ID, m.CreatedAt)
		if err != nil {
			return err
		}
		c.Answered(now, next, shop.ReplyTarget())
		if err := tx.SaveConversation(ctx, c); err != nil {
			return err
		}
	}
	tell(tx, inbox.MessageSent, actor, c, *m)
	if actor == 0 { // a person who says that it arrived knows of the reports
		if err := s.overtaken(ctx, tx, c, m); err != nil {
			return err
		}
	}
	return tx.TouchSent(ctx, m.Connection, now)
}

// overtaken is what reports do that came while the attempt was still under way: a far server can be
// faster than the answer of the near one.
func (s *Service) overtaken(ctx context.Context, tx *store.Tx, c *inbox.Conversation, m *inbox.Message) error {
	attempts, err := tx.Attempts(ctx, m.ID)
	if err != nil || len(attempts) == 0 {
		return err
	}
	reports, err := tx.DeliveriesSince(ctx, m.ID, attempts[len(attempts)-1].BeganAt)
	for _, d := range reports {
		if err := delivery.Apply(ctx, tx, c, m, d); err != nil {
			return err
		}
	}
	if err != nil || len(reports) == 0 {
		return err
	}
	return tx.SaveConversation(ctx, c)
}

// unsent is what a reply does that failed or is uncertain: the clock runs on, and a conversation it
// would have closed comes back to those who have to decide.
func (s *Service) unsent(ctx context.Context, tx *store.Tx, c *inbox.Conversation, m *inbox.Message, state inbox.MessageState, why *inbox.Reason) error {
	m.State, m.Problem = state, why
	if err := tx.SaveDelivery(ctx, *m); err != nil {
		return err
	}
	kind := inbox.MessageFailed
	if state == inbox.Uncertain {
		kind = inbox.MessageUncertain
	}
	tell(tx, kind, 0, c, *m)
	before := c.State
	c.Unreply(m.Before, m.CreatedAt)
	if c.State == inbox.Closed && c.ClosedReason == inbox.ClosedDone {
		c.SetState(inbox.Open, time.Time{}, "")
	}
	if c.State != before {
		tellState(tx, 0, c, before, "reply_"+string(state))
	}
	return tx.SaveConversation(ctx, c)
}

// read returns a file's bytes.
func (s *Service) read(ctx context.Context, a inbox.Attachment) ([]byte, error) {
	content, size, err := s.store.OpenContent(ctx, s.blobs, a.Hash)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	whole := make([]byte, size)
	_, err = io.ReadFull(content, whole)
	return whole, err
}
