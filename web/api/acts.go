package api

import (
	"context"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing"
)

// Acts is what people do to conversations. The operations here and the websocket call the same
// functions, so that rights, checks and events are the same on every way in.
type Acts struct {
	store   *store.Store
	rights  *rbac.Enforcer
	routing *routing.Service
	outbox  *outbox.Service
	now     func() time.Time
}

// errDenied is the answer to an act in scope that the actor's roles do not allow.
var errDenied = inbox.Errorf(inbox.Denied, "you may not do this")

// scope is what an actor may read.
func (x *Acts) scope(actor rbac.Actor) rbac.Scope {
	return x.rights.Scope(actor, rbac.ConversationRead)
}

// change does one thing to a conversation that the actor sees (else NotFound) and for which he holds
// a permission (else Denied). version is what his picture of it was based on, 0 for any; if it has
// changed since, nothing happens and the Conflict carries what is there now. fn tells whether it
// changed anything; only then the conversation is saved.
func (x *Acts) change(ctx context.Context, actor rbac.Actor, permission rbac.Permission, id inbox.ConversationID, version int64,
	fn func(tx *store.Tx, c *inbox.Conversation) (bool, error)) (inbox.Conversation, error) {
	scope := x.scope(actor)
	var changed inbox.Conversation
	err := x.store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.LockConversation(ctx, scope, id)
		if err != nil {
			return err
		}
		if !x.rights.Can(actor, permission, c.Shop) {
			return errDenied
		}
		if c.MergedInto != 0 {
			return errMerged()
		}
		changed = c
		if version != 0 && version != c.Version {
			return inbox.Errorf(inbox.Conflict, "this conversation was changed meanwhile")
		}
		any, err := fn(tx, &c)
		if err != nil || !any {
			return err
		}
		if err := tx.SaveConversation(ctx, &c); err != nil {
			return err
		}
		changed = c
		return nil
	})
	if err != nil && (inbox.CodeOf(err) != inbox.Conflict || changed.ID == 0) {
		return inbox.Conversation{}, err
	}
	c, readErr := x.store.Conversation(ctx, scope, id)
	switch {
	case inbox.CodeOf(readErr) == inbox.NotFound: // the act took it out of the actor's scope
		c = changed
	case readErr != nil:
		return inbox.Conversation{}, readErr
	}
	if err != nil {
		return c, currentError{err, c}
	}
	return c, nil
}

// event begins the event of an act on a conversation. It names the assignee, so that whoever sees
// assigned conversations only hears of it.
func event(actor rbac.Actor, kind inbox.EventKind, c *inbox.Conversation, data map[string]any) inbox.Event {
	return inbox.Event{Kind: kind, Shop: c.Shop, Conversation: c.ID, Actor: actor.User, From: c.Assignee, To: c.Assignee, Data: data}
}

// Tag puts a tag on a conversation. Applying never creates one.
func (x *Acts) Tag(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, tag inbox.TagID, version int64) (inbox.Conversation, error) {
	return x.change(ctx, actor, rbac.ConversationTag, id, version, func(tx *store.Tx, c *inbox.Conversation) (bool, error) {
		t, err := tx.Tag(ctx, tag)
		if err != nil {
			return false, err
		}
		if t.Archived {
			return false, inbox.InvalidField("path.tag", "this tag is archived")
		}
		fresh, err := tx.ApplyTag(ctx, id, tag, actor.User)
		if fresh {
			tx.Append(event(actor, inbox.ConversationTagged, c, map[string]any{"tag": tag}))
		}
		return fresh, err
	})
}

// Untag takes a tag off a conversation.
func (x *Acts) Untag(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, tag inbox.TagID, version int64) (inbox.Conversation, error) {
	return x.change(ctx, actor, rbac.ConversationTag, id, version, func(tx *store.Tx, c *inbox.Conversation) (bool, error) {
		had, err := tx.RemoveTag(ctx, id, tag)
		if had {
			tx.Append(event(actor, inbox.ConversationUntagged, c, map[string]any{"tag": tag}))
		}
		return had, err
	})
}

// CreateTag makes a new tag, which admins alone may.
func (x *Acts) CreateTag(ctx context.Context, actor rbac.Actor, name, color string) (inbox.Tag, error) {
	if !x.rights.CanAnywhere(actor, rbac.TagManage) {
		return inbox.Tag{}, errDenied
	}
	t, err := newTag(name, color)
	if err != nil {
		return t, err
	}
	err = x.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		t, err = tx.CreateTag(ctx, actor.User, t)
		return err
	})
	return t, err
}

// State is where a conversation shall stand.
type State struct {
	State  inbox.ConversationState
	Until  time.Time          // for Snoozed
	Reason inbox.ClosedReason // for Closed; done if empty
}

// stateEvents are the events of the states.
var stateEvents = map[inbox.ConversationState]inbox.EventKind{
	inbox.Open: inbox.ConversationOpened, inbox.Pending: inbox.ConversationPending,
	inbox.Snoozed: inbox.ConversationSnoozed, inbox.Closed: inbox.ConversationClosed,
}

// SetState moves a conversation to a state. Setting the state it has changes nothing, unless it is to
// sleep until another time or is closed for another reason.
func (x *Acts) SetState(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, to State, version int64) (inbox.Conversation, error) {
	permission := rbac.ConversationClose
	switch {
	case to.State == inbox.Snoozed:
		permission = rbac.ConversationSnooze
		if !to.Until.After(x.now()) {
			return inbox.Conversation{}, inbox.InvalidField("body.until", "choose a time in the future")
		}
	case to.State == inbox.Closed && to.Reason == "":
		to.Reason = inbox.ClosedDone
	}
	return x.change(ctx, actor, permission, id, version, func(tx *store.Tx, c *inbox.Conversation) (bool, error) {
		if c.State == to.State && c.SnoozedUntil.Equal(to.Until) && c.ClosedReason == to.Reason {
			return false, nil
		}
		c.SetState(to.State, to.Until, to.Reason)
		data := map[string]any{"state": to.State}
		if to.Reason != "" {
			data["reason"] = to.Reason
		}
		if !to.Until.IsZero() {
			data["until"] = to.Until.UTC()
		}
		tx.Append(event(actor, stateEvents[to.State], c, data))
		return true, nil
	})
}

// SetSubject names a conversation anew.
func (x *Acts) SetSubject(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, subject string, version int64) (inbox.Conversation, error) {
	return x.change(ctx, actor, rbac.ConversationNote, id, version, func(tx *store.Tx, c *inbox.Conversation) (bool, error) {
		if c.Subject == subject {
			return false, nil
		}
		c.Subject = subject
		tx.Append(event(actor, inbox.ConversationChanged, c, map[string]any{"field": "subject"}))
		return true, nil
	})
}

// Assign gives a conversation to somebody, or to nobody if user is 0.
func (x *Acts) Assign(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, user inbox.UserID, version int64) (inbox.Conversation, error) {
	c, err := x.routing.AssignTo(ctx, actor, id, user, version)
	if inbox.CodeOf(err) == inbox.Conflict {
		if current, readErr := x.store.Conversation(ctx, x.scope(actor), id); readErr == nil {
			return current, currentError{err, current}
		}
	}
	return c, err
}

// sees returns nil if the actor sees a conversation, else NotFound.
func (x *Acts) sees(ctx context.Context, actor rbac.Actor, id inbox.ConversationID) error {
	_, err := x.store.ConversationShop(ctx, x.scope(actor), id)
	return err
}

// may returns the shop of a conversation that the actor sees (else NotFound) and in which he holds a
// permission (else Denied).
func (x *Acts) may(ctx context.Context, actor rbac.Actor, permission rbac.Permission, id inbox.ConversationID) (inbox.ShopID, error) {
	shop, err := x.store.ConversationShop(ctx, x.scope(actor), id)
	if err == nil && !x.rights.Can(actor, permission, shop) {
		err = errDenied
	}
	return shop, err
}
