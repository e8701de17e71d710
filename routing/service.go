// Package routing says who holds a conversation. Decide is the rule, a pure function; Service
// applies it to what arrives, to what waits, and to what people leave behind when they go, and lets
// people take and give conversations by hand.
package routing

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Options are what the service needs.
type Options struct {
	Store  *store.Store
	Rights *rbac.Enforcer // decides what people may do by hand
	// Lead tells whether this node looks after what waits; nil = always. Two nodes that both do only
	// waste work.
	Lead func() bool
	// Sweep is how often everything is looked at without a cause; 0 = 30 s.
	Sweep time.Duration
	// Pause is how long Run gathers causes before it acts; 0 = 100 ms.
	Pause time.Duration
	Now   func() time.Time
	Log   *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	store  *store.Store
	rights *rbac.Enforcer
	lead   func() bool
	sweep  time.Duration
	pause  time.Duration
	now    func() time.Time
	log    *slog.Logger

	roster atomic.Pointer[roster] // the last that was read; nil before the first
	wake   chan struct{}
}

// New makes the service; Run makes it look after what waits.
func New(o Options) *Service {
	s := &Service{store: o.Store, rights: o.Rights, lead: o.Lead, sweep: o.Sweep, pause: o.Pause, now: o.Now, log: o.Log,
		wake: make(chan struct{}, 1)}
	if s.lead == nil {
		s.lead = func() bool { return true }
	}
	if s.sweep == 0 {
		s.sweep = 30 * time.Second
	}
	if s.pause == 0 {
		s.pause = 100 * time.Millisecond
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Route assigns conversations to which a message of the customer has come, before their rows are
// written: it sets assignee, time and reason on the structs, and returns what to write once the rows
// stand. The conversations are new or locked by tx, which has changed neither them nor the roster.
// A handful of statements, however many conversations.
func (s *Service) Route(ctx context.Context, tx *store.Tx, list []*inbox.Conversation) (write func(context.Context) error, err error) {
	var shops []inbox.ShopID
	var holders []inbox.UserID
	var ids []inbox.ConversationID
	for _, c := range list {
		if c.State == inbox.Open {
			shops, ids = append(shops, c.Shop), append(ids, c.ID)
			if c.Assignee != 0 {
				holders = append(holders, c.Assignee)
			}
		}
	}
	if len(ids) == 0 {
		return func(context.Context) error { return nil }, nil
	}
	if err := tx.LockRouting(ctx); err != nil {
		return nil, err
	}
	r, err := s.begin(ctx, tx, shops, holders)
	if err != nil {
		return nil, err
	}
	if r.counted, err = tx.HeldOpen(ctx, ids); err != nil {
		return nil, err
	}
	var assignments []inbox.Assignment
	for _, c := range list {
		if c.State == inbox.Open {
			assignments = append(assignments, r.route(c)...)
		}
	}
	return func(ctx context.Context) error {
		s.warn(assignments)
		return tx.AddAssignments(ctx, assignments)
	}, nil
}

// warn tells the operator of conversations that nobody was foreseen for.
func (s *Service) warn(assignments []inbox.Assignment) {
	for _, a := range assignments {
		if a.Reason.Code == ReasonUnassigned || a.Reason.Code == ReasonNoMembers {
			s.log.Warn("nobody can take a conversation", "conversation", a.Conversation.ID, "shop", a.Conversation.Shop, "reason", a.Reason.Code)
		}
	}
}

// Explain returns the newest decision on who holds a conversation; its At is zero if none was ever
// made. NotFound if the conversation is unknown or outside the scope.
func (s *Service) Explain(ctx context.Context, scope rbac.Scope, id inbox.ConversationID) (inbox.Assignment, error) {
	c, err := s.store.Conversation(ctx, scope, id)
	if err != nil {
		return inbox.Assignment{}, err
	}
	return s.store.LastAssignment(ctx, &c)
}

// CheckFallback tells whether a shop could fall back so: a person, or each of a team, must be able
// to reply in it. Invalid, with the field, if not.
func (s *Service) CheckFallback(ctx context.Context, shop inbox.ShopID, f inbox.Fallback) error {
	now, err := s.current(ctx, s.store)
	if err != nil {
		return err
	}
	var people []inbox.UserID
	switch f.Kind {
	case inbox.FallbackQueue:
		return nil
	case inbox.FallbackUser:
		people = []inbox.UserID{f.User}
	case inbox.FallbackTeam:
		people = now.teams[f.Team]
	default:
		return inbox.InvalidField("body.fallback.kind", "the fallback is queue, user or team")
	}
	if len(people) == 0 {
		return inbox.InvalidField("body.fallback", "there is nobody in this fallback")
	}
	for _, user := range people {
		if !now.mayReply(user, shop) {
			return &inbox.Error{Code: inbox.Invalid, Field: "body.fallback", Msg: "somebody in this fallback may not reply in the shop",
				Reason: &inbox.Reason{Code: ExcludedRights, Params: map[string]any{"user": user}}, Err: errors.New("user " + user.String())}
		}
	}
	return nil
}
