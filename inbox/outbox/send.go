package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

const (
	sendTimeout    = 12 * time.Minute // RFC 5321, 4.5.3.2.6: ten minutes for the final answer
	outcomeTimeout = 2 * time.Minute  // how long an outcome is tried to be written
	workTimeout    = sendTimeout + outcomeTimeout + 30*time.Second
	attemptOver    = workTimeout + 5*time.Minute // an open attempt this old belongs to nobody
	confirmTimeout = 5 * time.Second
	turnWait       = 250 * time.Millisecond
)

var everything = rbac.Scope{All: true}

// work sends one message if it is its time and this node's turn. Every way out leaves the message's
// row saying what is true; the job itself never carries an outcome.
func (s *Service) work(ctx context.Context, job jobs.Job[sendArgs]) error {
	m, err := s.store.Message(ctx, job.Args.Message)
	if inbox.CodeOf(err) == inbox.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if m.State != inbox.Queued && m.State != inbox.Scheduled {
		return nil
	}
	now := s.now()
	if wait := m.SendAt.Sub(now); wait > 0 {
		return jobs.Later(wait)
	}
	lease, err := s.store.Lease(ctx, store.ConnectionLease(m.Connection))
	if err != nil && inbox.CodeOf(err) != inbox.NotFound {
		return err
	}
	if lease.Node != s.jobs.Node().Name {
		return s.notHere(ctx, m)
	}
	leave, wait := s.gate.enter(m.Connection, fileBytes(m))
	if leave == nil {
		return jobs.Later(wait)
	}
	defer leave()
	return s.attempt(ctx, m, lease)
}

// notHere leaves a message to the node that holds its connection. If none may hold it, because
// people switched it off, the message is held.
func (s *Service) notHere(ctx context.Context, m inbox.Message) error {
	why, err := reasonToHold(ctx, s.store, m)
	if err != nil {
		return err
	}
	if why != nil {
		return s.store.InTx(ctx, func(tx *store.Tx) error {
			_, err := s.holdIfNeeded(ctx, tx, m)
			return err
		})
	}
	return jobs.Later(min(max(s.now().Sub(m.SendAt)/4, turnWait), longWait))
}

// reader is the store, or a transaction.
type reader interface {
	Shop(ctx context.Context, id inbox.ShopID) (inbox.Shop, error)
	Connection(ctx context.Context, id inbox.ConnectionID) (inbox.Connection, error)
}

// reasonToHold tells why a message that was queued cannot be sent now, nil if it can.
func reasonToHold(ctx context.Context, r reader, m inbox.Message) (*inbox.Reason, error) {
	shop, err := r.Shop(ctx, m.Shop)
	if err != nil {
		return nil, err
	}
	connection, err := r.Connection(ctx, m.Connection)
	if err != nil {
		return nil, err
	}
	if shop.State == inbox.ShopClosed {
		return &inbox.Reason{Code: "shop_closed"}, nil
	}
	return held(shop, connection), nil
}

// holdIfNeeded makes a message wait whose shop or connection cannot send now.
func (s *Service) holdIfNeeded(ctx context.Context, tx *store.Tx, m inbox.Message) (bool, error) {
	var err error
	if m.Problem, err = reasonToHold(ctx, tx, m); err != nil || m.Problem == nil {
		return false, err
	}
	m.State = inbox.Held
	moved, err := tx.MoveMessage(ctx, m, inbox.Queued, inbox.Scheduled)
	if err != nil || !moved {
		return true, err
	}
	c, err := tx.Conversation(ctx, everything, m.Conversation)
	if err != nil {
		return true, err
	}
	tell(tx, inbox.MessageHeld, 0, &c, m)
	return true, nil
}

// try is an attempt that has begun.
type try struct {
	id    int64
	lease store.Lease
	m     inbox.Message
	out   inbox.Outgoing
	first time.Time // when the attempts since a person last decided began
	tries int       // which one of those this is
}

// attempt begins, sends and ends: three steps, and a crash between any two of them leaves an open
// attempt, which settle finds.
func (s *Service) attempt(ctx context.Context, m inbox.Message, lease store.Lease) error {
	out, err := s.outgoing(ctx, m)
	if errors.Is(err, blob.ErrNotFound) {
		return s.refuse(ctx, m, &inbox.Reason{Code: "file_missing"})
	}
	if err != nil {
		return err
	}
	t, wait, err := s.begin(ctx, m, lease)
	if err != nil || t == nil {
		if err == nil && wait > 0 {
			return jobs.Later(wait)
		}
		return err
	}
	t.out = out
	t.out.At = t.m.At
	remoteID, sendErr := s.send(ctx, t)
	return s.finish(ctx, t, judge(remoteID, sendErr, t, s.now()))
}

// outgoing is a message as an adapter gets it, its files read.
func (s *Service) outgoing(ctx context.Context, m inbox.Message) (inbox.Outgoing, error) {
	c, err := s.store.Conversation(ctx, everything, m.Filed())
	if err != nil {
		return inbox.Outgoing{}, err
	}
	connection, err := s.store.Connection(ctx, m.Connection)
	if err != nil {
		return inbox.Outgoing{}, err
	}
	out := inbox.Outgoing{Message: m.ID, Connection: m.Connection, HeaderID: m.HeaderID, From: m.From, ReplyTo: replyTo(m, connection), To: m.To, Cc: m.Cc, Bcc: m.Bcc,
		Subject: m.Subject, Text: m.Text, HTML: m.HTML, InReplyTo: m.InReplyTo, References: m.References, Thread: c.RemoteThread, At: m.At}
	for _, a := range m.Attachments {
		bytes, err := s.read(ctx, a)
		if err != nil {
			return out, fmt.Errorf("file %s of message %s: %w", a.ID, m.ID, err)
		}
		out.Files = append(out.Files, inbox.File{Name: a.Name, ContentType: a.ContentType, Inline: a.Inline, ContentID: a.ContentID, Content: bytes})
	}
	return out, nil
}

// begin commits that this attempt takes place, before any byte leaves. It returns nil if there is
// none: the message was withdrawn or held meanwhile, or has to wait for the one before it.
func (s *Service) begin(ctx context.Context, m inbox.Message, lease store.Lease) (t *try, wait time.Duration, err error) {
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		t, wait = nil, 0
		if isHeld, err := s.holdIfNeeded(ctx, tx, m); err != nil || isHeld {
			return err
		}
		ahead, err := tx.Ahead(ctx, m)
		if err != nil {
			return err
		}
		if !ahead.IsZero() {
			wait = min(max(ahead.Sub(s.now()), turnWait), longWait)
			return nil
		}
		if err := s.checkHold(ctx, tx, lease); inbox.CodeOf(err) == inbox.Conflict {
			wait = turnWait
			return nil
		} else if err != nil {
			return err
		}
		t, err = s.open(ctx, tx, m, lease)
		return err
	})
	return t, wait, err
}

// checkHold makes sure that this run is its node's newest and still holds the connection.
func (s *Service) checkHold(ctx context.Context, tx *store.Tx, lease store.Lease) error {
	if err := tx.CheckNode(ctx, s.jobs.Node()); err != nil {
		return err
	}
	return tx.CheckFence(ctx, lease.Name, lease.Fence)
}

// open moves a message to sending and keeps the attempt; nil if somebody else moved it before.
func (s *Service) open(ctx context.Context, tx *store.Tx, m inbox.Message, lease store.Lease) (*try, error) {
	before, err := tx.Attempts(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	t := &try{lease: lease, first: s.now(), tries: 1}
	for i := len(before) - 1; i >= 0 && before[i].Outcome == store.AttemptRetry; i-- {
		t.first = before[i].BeganAt
		t.tries++
	}
	if len(before) == 0 {
		m.At = s.now() // kept for all attempts, as the Message-ID is
	}
	m.State, m.Problem = inbox.Sending, nil
	moved, err := tx.MoveMessage(ctx, m, inbox.Queued, inbox.Scheduled)
	if err != nil || !moved {
		return nil, err
	}
	if t.id, err = tx.BeginAttempt(ctx, m.ID, s.jobs.Node(), lease.Fence); err != nil {
		return nil, err
	}
	c, err := tx.Conversation(ctx, everything, m.Conversation)
	if err != nil {
		return nil, err
	}
	tell(tx, inbox.MessageSending, 0, &c, m)
	t.m = m
	return t, nil
}

// send hands the message over. The adapter asks again, just before the last byte, whether this
// node still holds the connection.
func (s *Service) send(ctx context.Context, t *try) (remoteID string, err error) {
	ctx, done := context.WithTimeout(ctx, sendTimeout)
	defer done()
	t.out.Confirm = func() error {
		asking, done := context.WithTimeout(ctx, confirmTimeout)
		defer done()
		if err := s.store.InTx(asking, func(tx *store.Tx) error { return s.checkHold(asking, tx, t.lease) }); err != nil {
			return &inbox.Error{Code: inbox.Unavailable, Msg: "this node no longer holds the connection",
				Reason: &inbox.Reason{Code: "lease_lost"}, Err: err}
		}
		return nil
	}
	return s.sender.Send(ctx, t.m.Connection, t.out)
}

// refuse fails a message that cannot be sent whatever the far side says.
func (s *Service) refuse(ctx context.Context, m inbox.Message, why *inbox.Reason) error {
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		locked, c, err := lock(ctx, tx, everything, m.ID)
		if err != nil || locked.State != inbox.Queued && locked.State != inbox.Scheduled {
			return err
		}
		return s.unsent(ctx, tx, &c, &locked, inbox.Failed, why)
	})
}
