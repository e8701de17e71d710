// Package outbox takes replies and notes of agents, and sends the replies: each is stored before it
// is confirmed, has one Message-ID for all attempts, and leaves once. Where nobody can know whether
// it arrived it becomes uncertain, and a person decides.
//
// The message's row is the truth. A job says when to look at it; a lost job is made again from the
// rows, and one too many finds nothing to do.
package outbox

import (
	"context"
	"log/slog"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/store"
)

// Sender hands messages over to the far side. Its errors have the codes that channels.Adapter
// names; one without a code counts as "nobody can know".
type Sender interface {
	// Send hands over m by a connection that this node holds and returns the far side's id for it.
	// It asks m.Confirm just before the last byte.
	Send(ctx context.Context, connection inbox.ConnectionID, m inbox.Outgoing) (remoteID string, err error)
	// Find returns the far side's id of m if an earlier attempt arrived, "" if it certainly did not,
	// and code UncertainOf if the far side cannot tell.
	Find(ctx context.Context, connection inbox.ConnectionID, m inbox.Outgoing) (remoteID string, err error)
}

// Options are what the service needs.
type Options struct {
	Store  *store.Store
	Jobs   *jobs.Client
	Blobs  blob.Store // files too large for the database
	Sender Sender
	// References makes what replies carry. Nil: references that only this service knows.
	References *reference.Keys
	Now        func() time.Time
	Log        *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	store      *store.Store
	jobs       *jobs.Client
	blobs      blob.Store
	sender     Sender
	references *reference.Keys
	clock      func() time.Time
	log        *slog.Logger
	gate       *gate
}

const sweepEvery = 20 * time.Second

// New makes the service and gives its workers to the job client, which must not have started. When
// it starts, attempts that an earlier run left open are cleared up first.
func New(o Options) *Service {
	s := &Service{store: o.Store, jobs: o.Jobs, blobs: o.Blobs, sender: o.Sender, references: o.References, clock: o.Now, log: o.Log, gate: newGate()}
	if s.references == nil {
		s.references = reference.New()
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	jobs.Add(s.jobs, jobs.Worker[sendArgs]{Work: s.work, Timeout: workTimeout})
	jobs.Add(s.jobs, jobs.Worker[settleArgs]{Work: s.settle})
	jobs.Add(s.jobs, jobs.Worker[sweepArgs]{Work: func(ctx context.Context, _ jobs.Job[sweepArgs]) error { return s.Sweep(ctx) }})
	s.jobs.Every(sweepEvery, sweepArgs{}, jobs.Insert{})
	s.jobs.Before(s.Recover)
	return s
}

// now is the time as the database keeps it, so that what is returned at once and what is read later
// are the same.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// sendArgs is the job that sends one message when its time has come.
type sendArgs struct {
	Message inbox.MessageID `json:"message"`
}

func (sendArgs) Kind() string { return "outbox.send" }

// settleArgs is the job that finds out what became of an attempt that was cut off.
type settleArgs struct {
	Attempt int64 `json:"attempt"`
	// Lost: its own node says that it lost the connection. Else the attempt must be over by itself.
	Lost bool `json:"lost,omitempty"`
}

func (settleArgs) Kind() string { return "outbox.settle" }

type sweepArgs struct{}

func (sweepArgs) Kind() string { return "outbox.sweep" }

// enqueue has a message looked at when it may leave. once is for callers who do not know whether
// such a job is there already.
func (s *Service) enqueue(ctx context.Context, tx *store.Tx, m inbox.Message, once bool) error {
	o := jobs.Insert{Queue: jobs.Send, Once: once}
	if m.SendAt.After(s.now()) {
		o.At = m.SendAt
	}
	return s.jobs.Insert(ctx, tx, sendArgs{Message: m.ID}, o)
}

// tell appends an event about a message of a conversation.
func tell(tx *store.Tx, kind inbox.EventKind, actor inbox.UserID, c *inbox.Conversation, m inbox.Message) {
	data := map[string]any{"message": m.ID, "state": m.State}
	if m.Problem != nil {
		data["reason"] = m.Problem
	}
	tx.Append(inbox.Event{Kind: kind, Shop: c.Shop, Conversation: c.ID, Actor: actor, From: c.Assignee, To: c.Assignee, Data: data})
}

// tellState appends an event about a conversation's new state.
func tellState(tx *store.Tx, actor inbox.UserID, c *inbox.Conversation, before inbox.ConversationState, why string) {
	data := map[string]any{"state": c.State, "from": before}
	if c.State == inbox.Snoozed {
		data["until"] = c.SnoozedUntil
	}
	if why != "" {
		data["reason"] = inbox.Reason{Code: why}
	}
	tx.Append(inbox.Event{Kind: c.State.Event(), Shop: c.Shop, Conversation: c.ID, Actor: actor, From: c.Assignee, To: c.Assignee, Data: data})
}

// held tells why a shop's reply must wait, nil if it need not.
func held(shop inbox.Shop, connection inbox.Connection) *inbox.Reason {
	switch {
	case shop.State == inbox.ShopStopped:
		return &inbox.Reason{Code: "shop_stopped"}
	case shop.State == inbox.ShopDraft || shop.State == inbox.ShopAuthorizing:
		return &inbox.Reason{Code: "shop_not_ready"}
	case connection.State == inbox.ConnectionDisabled:
		return &inbox.Reason{Code: "connection_disabled"}
	case connection.State == inbox.ConnectionExpired:
		return &inbox.Reason{Code: "connection_expired"}
	}
	return nil
}
