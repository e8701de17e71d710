package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// batch is how many conversations one transaction gives out.
const batch = 100

// Run looks after what waits until ctx ends: it gives out what is in the queues when somebody comes,
// is back or has room, and what people hold whose customers wait when they go. It acts on what the
// log says, at the times when shifts and breaks begin and end, and every sweep without a cause.
func (s *Service) Run(ctx context.Context) error {
	s.store.OnCommit(func(int64) { s.Wake() })
	seq, err := s.store.LastSeq(ctx)
	if err != nil {
		return fmt.Errorf("look after what waits: %w", err)
	}
	everything, room := true, true // what was left while nobody looked
	var deadline time.Time
	for {
		if s.lead() {
			s.act(ctx, everything, room)
		}
		if everything { // the roster was read, and its next edge may be another one
			deadline = s.deadline()
		}
		everything = s.wait(ctx, deadline)
		if ctx.Err() != nil {
			return nil
		}
		news, err := s.store.RoutingNews(ctx, seq)
		if err != nil {
			if ctx.Err() == nil {
				s.log.Error("the log could not be read", "error", err)
			}
			continue
		}
		seq, everything, room = news.Seq, everything || news.Roster, news.Room
	}
}

func (s *Service) act(ctx context.Context, everything, room bool) {
	var err error
	switch {
	case everything:
		err = s.Settle(ctx)
	case room:
		err = s.Drain(ctx)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("what waits could not be given out", "error", err)
	}
}

// deadline is when to look again without a cause: when somebody comes or goes by his roster, at the
// latest after a sweep.
func (s *Service) deadline() time.Time {
	now := s.now()
	if r := s.roster.Load(); r != nil {
		if edge := r.nextEdge(now, s.sweep); !edge.IsZero() {
			return edge
		}
	}
	return now.Add(s.sweep)
}

// Wake tells Run to read the log: something was committed, here or on another node.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// wait returns after something was committed and a pause in which more may come, or, timed, at the
// deadline.
func (s *Service) wait(ctx context.Context, deadline time.Time) (timed bool) {
	sleep := time.NewTimer(deadline.Sub(s.now()))
	defer sleep.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-sleep.C:
		return true
	case <-s.wake:
	}
	pause := time.NewTimer(s.pause)
	defer pause.Stop()
	select {
	case <-ctx.Done():
	case <-sleep.C:
		return true
	case <-pause.C:
	}
	return false
}

// Settle looks at everything that waits: Rest, then Drain.
func (s *Service) Settle(ctx context.Context) error {
	return errors.Join(s.Rest(ctx), s.Drain(ctx))
}

// Drain gives out conversations that nobody holds to those who have room, what is due first in
// front. What cannot be given out stays as it is. Two at a time do no harm.
func (s *Service) Drain(ctx context.Context) error {
	for {
		queued, err := s.store.QueuedShops(ctx)
		if err != nil || len(queued) == 0 {
			return err
		}
		r, err := s.begin(ctx, s.store, queued, nil)
		if err != nil {
			return err
		}
		given, err := s.drain(ctx, r.withRoom(queued))
		if err != nil {
			return fmt.Errorf("give out what waits: %w", err)
		}
		if given == 0 {
			return nil
		}
	}
}

// withRoom returns the shops in which somebody could take a conversation now.
func (r *round) withRoom(shops []inbox.ShopID) []inbox.ShopID {
	return slices.DeleteFunc(slices.Clone(shops), func(shop inbox.ShopID) bool {
		return r.decide(&inbox.Conversation{Shop: shop}).User == 0
	})
}

// drain gives out one batch and returns how many conversations somebody got.
func (s *Service) drain(ctx context.Context, shops []inbox.ShopID) (given int, err error) {
	if len(shops) == 0 {
		return 0, nil
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		given = 0
		if err := tx.LockRouting(ctx); err != nil {
			return err
		}
		r, err := s.begin(ctx, tx, slices.Clone(shops), nil)
		if err != nil {
			return err
		}
		list, err := tx.LockQueue(ctx, r.withRoom(shops), batch)
		if err != nil {
			return err
		}
		given, err = s.apply(ctx, tx, r, list, func(d Decision) bool { return d.User != 0 })
		return err
	})
	return given, err
}

// apply decides on locked conversations, writes those decisions that are wanted, and returns how
// many it wrote.
func (s *Service) apply(ctx context.Context, tx *store.Tx, r *round, list []inbox.Conversation, wanted func(Decision) bool) (int, error) {
	var changed []*inbox.Conversation
	var assignments []inbox.Assignment
	for i := range list {
		c := &list[i]
		if c.Assignee != 0 {
			r.counted[c.ID] = c.Assignee
		}
		d := r.decide(c)
		if !wanted(d) {
			continue
		}
		if made := r.carryOut(c, d); made != nil {
			changed, assignments = append(changed, c), append(assignments, made...)
		}
	}
	if err := tx.SaveAssignees(ctx, changed); err != nil {
		return 0, err
	}
	s.warn(assignments)
	return len(changed), tx.AddAssignments(ctx, assignments)
}

// Rest gives to others, or to the queue, what people hold who have gone, as far as its customers
// wait for an answer: off shift while somebody of the shop is on, on leave, on a long break, or
// without the right to reply. Two at a time do no harm.
func (s *Service) Rest(ctx context.Context) error {
	holders, err := s.store.WaitingHolders(ctx)
	if err != nil || len(holders) == 0 {
		return err
	}
	var shops []inbox.ShopID
	var users []inbox.UserID
	for _, h := range holders {
		shops, users = append(shops, h.Shop), append(users, h.User)
	}
	r, err := s.begin(ctx, s.store, shops, users)
	if err != nil {
		return err
	}
	for _, h := range holders {
		if !r.leaves(h) {
			continue
		}
		if err := s.rest(ctx, h); err != nil {
			return fmt.Errorf("give out what user %s holds in shop %s: %w", h.User, h.Shop, err)
		}
	}
	return nil
}

// leaves tells whether somebody would not keep a conversation in which no clock runs.
func (r *round) leaves(h store.Holder) bool {
	return r.decide(&inbox.Conversation{Shop: h.Shop, Assignee: h.User}).User != h.User
}

// rest moves what one person holds in one shop, a batch at a time.
func (s *Service) rest(ctx context.Context, h store.Holder) error {
	var last inbox.ConversationID
	for more := true; more; {
		next := last
		err := s.store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.LockRouting(ctx); err != nil {
				return err
			}
			r, err := s.begin(ctx, tx, []inbox.ShopID{h.Shop}, []inbox.UserID{h.User})
			if err != nil {
				return err
			}
			list, err := tx.LockWaiting(ctx, h, last, batch)
			if err != nil {
				return err
			}
			if more = len(list) == batch && r.leaves(h); len(list) > 0 {
				next = list[len(list)-1].ID
			}
			_, err = s.apply(ctx, tx, r, list, func(d Decision) bool { return d.User != h.User })
			return err
		})
		if err != nil {
			return err
		}
		last = next
	}
	return nil
}
