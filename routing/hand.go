package routing

import (
	"context"
	"fmt"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Take gives a conversation that nobody holds to the actor and returns it as he sees it. Conflict if
// somebody else was faster, together with the conversation as it is now; taking what one holds
// already changes nothing. NotFound outside his scope, Denied if he may not assign or reply there.
func (s *Service) Take(ctx context.Context, actor rbac.Actor, id inbox.ConversationID) (inbox.Conversation, error) {
	if actor.User == 0 {
		return inbox.Conversation{}, inbox.Errorf(inbox.Denied, "only a person can take a conversation")
	}
	return s.byHand(ctx, actor, id, 0, actor.User, func(c *inbox.Conversation) error {
		if c.Assignee != 0 && c.Assignee != actor.User {
			return &inbox.Error{Code: inbox.Conflict, Msg: "somebody else already has this conversation",
				Reason: &inbox.Reason{Code: "held", Params: map[string]any{"user": c.Assignee}}}
		}
		return nil
	})
}

// AssignTo gives a conversation to somebody, or back to the queue if user is 0, and returns it as
// the actor sees it. Limits do not bind, they are noted; so is that somebody rests. version is the
// one the actor has seen, 0 = any: Conflict if it has changed since, together with the conversation
// as it is now. Invalid if the user may not reply in the shop; else as Take.
func (s *Service) AssignTo(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, user inbox.UserID, version int64) (inbox.Conversation, error) {
	return s.byHand(ctx, actor, id, version, user, nil)
}

// byHand changes the assignee of one conversation; allowed, which may be nil, is asked with the
// conversation locked.
func (s *Service) byHand(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, version int64, user inbox.UserID, allowed func(*inbox.Conversation) error) (inbox.Conversation, error) {
	scope := s.rights.Scope(actor, rbac.ConversationRead)
	var result inbox.Conversation
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.LockConversation(ctx, scope, id)
		if err != nil {
			return err
		}
		if !s.rights.Can(actor, rbac.ConversationAssign, c.Shop) {
			return inbox.Errorf(inbox.Denied, "you may not assign conversations of this shop")
		}
		// What he sees of it; afterwards he may not see it any more, but he may see what he has done.
		sees := rbac.Scope{All: true, User: actor.User}
		if result, err = tx.Conversation(ctx, sees, id); err != nil {
			return err
		}
		if version != 0 && version != c.Version {
			return inbox.Errorf(inbox.Conflict, "the conversation has changed meanwhile")
		}
		if c.MergedInto != 0 {
			return &inbox.Error{Code: inbox.Conflict, Msg: "this conversation was merged into another: go on there",
				Reason: &inbox.Reason{Code: "conversation_merged"}}
		}
		if allowed != nil {
			if err := allowed(&c); err != nil {
				return err
			}
		}
		if c.Assignee == user {
			return nil
		}
		if err := s.give(ctx, tx, actor, &c, user); err != nil {
			return err
		}
		result, err = tx.Conversation(ctx, sees, id)
		return err
	})
	switch {
	case inbox.CodeOf(err) == inbox.Conflict:
		return result, err
	case err != nil:
		return inbox.Conversation{}, fmt.Errorf("assign conversation %s: %w", id, err)
	}
	return result, nil
}

// give writes a change of assignee that somebody wants, with a word on what an assignment by rule
// would have minded.
func (s *Service) give(ctx context.Context, tx *store.Tx, actor rbac.Actor, c *inbox.Conversation, user inbox.UserID) error {
	now := s.now()
	reason := inbox.Reason{Code: ReasonReleased}
	if user != 0 {
		var err error
		if reason, err = s.remark(ctx, tx, actor, c, user); err != nil {
			return err
		}
	}
	a := inbox.Assignment{Conversation: c, At: now, From: c.Assignee, To: user, Actor: actor.User, Reason: reason}
	c.Assignee, c.AssignReason, c.AssignedAt = user, &reason, time.Time{}
	if user != 0 {
		c.AssignedAt = now
	}
	if err := tx.SaveAssignees(ctx, []*inbox.Conversation{c}); err != nil {
		return err
	}
	return tx.AddAssignments(ctx, []inbox.Assignment{a})
}

// remark makes the reason for giving a conversation to somebody by hand. Invalid if he may not reply
// in the shop.
func (s *Service) remark(ctx context.Context, tx *store.Tx, actor rbac.Actor, c *inbox.Conversation, user inbox.UserID) (inbox.Reason, error) {
	r, err := s.begin(ctx, tx, nil, []inbox.UserID{user})
	if err != nil {
		return inbox.Reason{}, err
	}
	if !r.roster.mayReply(user, c.Shop) {
		if user == actor.User {
			return inbox.Reason{}, inbox.Errorf(inbox.Denied, "you may not reply in this shop")
		}
		return inbox.Reason{}, inbox.InvalidField("body.user", "this person may not reply in this shop")
	}
	reason := inbox.Reason{Code: ReasonByHand, Params: map[string]any{"user": user}}
	if user == actor.User {
		reason.Code = ReasonTaken
	}
	d := decision{Input: Input{Now: r.now, Limit: r.roster.shops[c.Shop].shop.AgentLimit}}
	p := r.person(seat{user: user, position: inbox.Outsider, mayReply: true})
	switch excluded := d.look(&p).Excluded; {
	case excluded == nil:
	case excluded.Code == ExcludedLimit:
		reason.Params["over_limit"], reason.Params["open"], reason.Params["limit"] = true, p.Load.Open, d.Limit
		s.log.Info("given by hand beyond the limit", "conversation", c.ID, "user", user, "open", p.Load.Open, "limit", d.Limit)
	default:
		reason.Params["resting"] = excluded.Code
	}
	return reason, nil
}
