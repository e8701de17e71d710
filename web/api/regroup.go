package api

import (
	"context"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// This file brings conversations together and takes them apart. Whoever does it sees both and may close
// conversations there.

func errMerged() error {
	return &inbox.Error{Code: inbox.Conflict, Msg: "this conversation was merged into another: go on there", Reason: &inbox.Reason{Code: "conversation_merged"}}
}

func refuse(reason, msg string) error {
	return &inbox.Error{Code: inbox.Conflict, Msg: msg, Reason: &inbox.Reason{Code: reason}}
}

// several locks conversations that the actor sees, else NotFound, and for each of which he holds a
// permission, else Denied; in the order of ids.
func (x *Acts) several(ctx context.Context, tx *store.Tx, actor rbac.Actor, permission rbac.Permission, ids ...inbox.ConversationID) ([]*inbox.Conversation, error) {
	scope := x.scope(actor)
	locked, err := tx.LockConversations(ctx, ids)
	if err != nil {
		return nil, err
	}
	list := make([]*inbox.Conversation, len(ids))
	for i, id := range ids {
		at := slices.IndexFunc(locked, func(c inbox.Conversation) bool { return c.ID == id })
		if at < 0 || !scope.Sees(locked[at].Shop, locked[at].Assignee) {
			return nil, inbox.Errorf(inbox.NotFound, "there is no such conversation")
		}
		list[i] = &locked[at]
	}
	for _, c := range list {
		if !x.rights.Can(actor, permission, c.Shop) {
			return nil, errDenied
		}
	}
	return list, nil
}

// shown reads a conversation as it is after an act.
func (x *Acts) shown(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, err error) (inbox.Conversation, error) {
	if err != nil {
		return inbox.Conversation{}, err
	}
	return x.store.Conversation(ctx, x.scope(actor), id)
}

// outdated refuses what was based on an older version than c's, with what is there now.
func outdated(c *inbox.Conversation, version int64) error {
	if version == 0 || version == c.Version {
		return nil
	}
	return currentError{inbox.Errorf(inbox.Conflict, "this conversation was changed meanwhile"), *c}
}

// Merge shows what was said in one conversation in another one of its shop from now on, and closes the
// one. Those of two customers are merged only if the actor says that he knows; replies then go to the
// customer of the one that stays. Merging again where it was merged to changes nothing. It returns the
// conversation that stays.
func (x *Acts) Merge(ctx context.Context, actor rbac.Actor, id, into inbox.ConversationID, twoCustomers bool, version int64) (inbox.Conversation, error) {
	if id == into {
		return inbox.Conversation{}, inbox.InvalidField("body.into", "choose another conversation")
	}
	err := x.store.InTx(ctx, func(tx *store.Tx) error {
		both, err := x.several(ctx, tx, actor, rbac.ConversationClose, id, into)
		if err != nil {
			return err
		}
		source, target := both[0], both[1]
		if source.MergedInto == into {
			return nil
		}
		if err := mergeable(source, target, twoCustomers); err != nil {
			return err
		}
		if err := outdated(source, version); err != nil {
			return err
		}
		return x.merge(ctx, tx, actor, source, target)
	})
	return x.shown(ctx, actor, into, err)
}

func mergeable(source, target *inbox.Conversation, twoCustomers bool) error {
	switch {
	case source.MergedInto != 0:
		return errMerged()
	case target.MergedInto != 0:
		return refuse("target_merged", "the other conversation was merged into another itself")
	case source.Shop != target.Shop:
		return inbox.InvalidField("body.into", "only conversations of one shop can be merged")
	case source.Kind != target.Kind:
		return inbox.InvalidField("body.into", "only conversations of one kind can be merged")
	case source.Contact != target.Contact && !twoCustomers:
		return refuse("two_customers", "these are conversations with two customers: say that you know")
	}
	return nil
}

func (x *Acts) merge(ctx context.Context, tx *store.Tx, actor rbac.Actor, source, target *inbox.Conversation) error {
	state, newest := target.State, max(source.LastInID, target.LastInID)
	undo := target.Absorb(source)
	if err := tx.MoveMerged(ctx, source.ID, target.ID); err != nil {
		return err
	}
	if err := tx.Recount(ctx, target, newest); err != nil {
		return err
	}
	if err := saveAll(ctx, tx, source, target); err != nil {
		return err
	}
	if err := tx.AddLinks(ctx, []inbox.Link{{Conversation: source.ID, Other: target.ID, Kind: inbox.Merged, Actor: actor.User, Undo: undo}}); err != nil {
		return err
	}
	tx.Append(event(actor, inbox.ConversationMerged, source, map[string]any{"state": source.State}))
	tx.Append(event(actor, inbox.ConversationMerged, target, map[string]any{"from": source.ID}))
	if target.State != state {
		tx.Append(event(actor, target.State.Event(), target, map[string]any{"state": target.State, "from": state, "reason": inbox.Reason{Code: "merged"}}))
	}
	return nil
}

func saveAll(ctx context.Context, tx *store.Tx, list ...*inbox.Conversation) error {
	for _, c := range list {
		if err := tx.SaveConversation(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Unmerge takes a conversation out of the one it was merged into: what was its own before goes back,
// what arrived since stays. A conversation that is not merged stays as it is. It returns the
// conversation that was merged.
func (x *Acts) Unmerge(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, version int64) (inbox.Conversation, error) {
	err := x.store.InTx(ctx, func(tx *store.Tx) error {
		link, err := tx.LinkFrom(ctx, id, inbox.Merged)
		if inbox.CodeOf(err) == inbox.NotFound {
			_, err = x.several(ctx, tx, actor, rbac.ConversationClose, id)
			return err
		}
		if err != nil {
			return err
		}
		// Its messages are where the chain of merges ends.
		shows, err := tx.CurrentConversation(ctx, x.scope(actor), link.Other)
		if err != nil {
			return err
		}
		both, err := x.several(ctx, tx, actor, rbac.ConversationClose, id, shows)
		if err != nil {
			return err
		}
		if both[0].MergedInto == 0 {
			return nil
		}
		if err := outdated(both[0], version); err != nil {
			return err
		}
		return x.unmerge(ctx, tx, actor, both[0], both[1], link)
	})
	return x.shown(ctx, actor, id, err)
}

func (x *Acts) unmerge(ctx context.Context, tx *store.Tx, actor rbac.Actor, source, target *inbox.Conversation, link inbox.Link) error {
	shop, err := tx.Shop(ctx, target.Shop)
	if err != nil {
		return err
	}
	if err := tx.MoveBack(ctx, target.ID, source.ID); err != nil {
		return err
	}
	waiting, err := tx.WaitingIn(ctx, target.ID, target.WaitingSince)
	if err != nil {
		return err
	}
	state, newest := target.State, max(source.LastInID, target.LastInID)
	target.Separate(source, link.Undo, waiting, shop.ReplyTarget())
	for _, c := range []*inbox.Conversation{source, target} {
		if err := tx.Recount(ctx, c, newest); err != nil {
			return err
		}
	}
	if err := saveAll(ctx, tx, source, target); err != nil {
		return err
	}
	if _, err := tx.DropLink(ctx, link.Conversation, link.Other, inbox.Merged); err != nil {
		return err
	}
	tx.Append(event(actor, inbox.ConversationUnmerged, source, map[string]any{"state": source.State}))
	tx.Append(event(actor, inbox.ConversationUnmerged, target, map[string]any{"from": source.ID}))
	if target.State != state {
		tx.Append(event(actor, target.State.Event(), target, map[string]any{"state": target.State, "from": state, "reason": inbox.Reason{Code: "unmerged"}}))
	}
	return nil
}

// Split begins a new conversation with a message and all after it. Splitting again at a message that
// already begins such a conversation changes nothing. It returns the new conversation.
func (x *Acts) Split(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, at inbox.MessageID, version int64) (inbox.Conversation, error) {
	var made inbox.ConversationID
	err := x.store.InTx(ctx, func(tx *store.Tx) error {
		list, err := x.several(ctx, tx, actor, rbac.ConversationClose, id)
		if err != nil {
			return err
		}
		m, err := tx.Message(ctx, at)
		if err != nil {
			return inbox.InvalidField("body.message", "there is no such message here")
		}
		if m.Conversation != id {
			made, err = splitBefore(ctx, tx, id, m)
			return err
		}
		if err := outdated(list[0], version); err != nil {
			return err
		}
		made, err = x.split(ctx, tx, actor, list[0], m)
		return err
	})
	return x.shown(ctx, actor, made, err)
}

// splitBefore finds the conversation that an earlier split of c at m made.
func splitBefore(ctx context.Context, tx *store.Tx, id inbox.ConversationID, m inbox.Message) (inbox.ConversationID, error) {
	link, err := tx.LinkFrom(ctx, m.Conversation, inbox.Split)
	if err == nil && link.Other == id {
		first, err := tx.Messages(ctx, m.Conversation, store.Position{At: m.At, ID: int64(m.ID)}, 1)
		if err != nil || len(first) == 0 {
			return m.Conversation, err
		}
	}
	return 0, inbox.InvalidField("body.message", "there is no such message here")
}

func (x *Acts) split(ctx context.Context, tx *store.Tx, actor rbac.Actor, c *inbox.Conversation, m inbox.Message) (inbox.ConversationID, error) {
	switch earlier, err := tx.Messages(ctx, c.ID, store.Position{At: m.At, ID: int64(m.ID)}, 1); {
	case err != nil:
		return 0, err
	case len(earlier) == 0:
		return 0, inbox.InvalidField("body.message", "this is the first message: there is nothing to split it from")
	case c.RemoteThread != "":
		return 0, refuse("marketplace_thread", "the marketplace keeps this as one conversation")
	}
	ids, err := tx.Reserve(ctx, "conversations", 1)
	if err != nil {
		return 0, err
	}
	later := c.SplitOff(inbox.ConversationID(ids[0]), m.Subject)
	if err := tx.AddConversations(ctx, []*inbox.Conversation{later}); err != nil {
		return 0, err
	}
	n, err := tx.MoveLater(ctx, m, later.ID)
	if err != nil {
		return 0, err
	}
	if err := x.apportion(ctx, tx, c, later); err != nil {
		return 0, err
	}
	if err := saveAll(ctx, tx, c, later); err != nil {
		return 0, err
	}
	if err := tx.AddLinks(ctx, []inbox.Link{{Conversation: later.ID, Other: c.ID, Kind: inbox.Split, Actor: actor.User}}); err != nil {
		return 0, err
	}
	tx.Append(event(actor, inbox.ConversationSplit, c, map[string]any{"to": later.ID, "messages": n}))
	tx.Append(event(actor, inbox.ConversationCreated, later, map[string]any{"reason": inbox.Reason{Code: "split"}}))
	if later.Assignee == 0 {
		return later.ID, nil
	}
	return later.ID, tx.AddAssignments(ctx, []inbox.Assignment{{Conversation: later, At: x.now(), To: later.Assignee, Actor: actor.User,
		Reason: inbox.Reason{Code: "split"}}})
}

// apportion gives both parts of a split their clocks and counts.
func (x *Acts) apportion(ctx context.Context, tx *store.Tx, c, later *inbox.Conversation) error {
	shop, err := tx.Shop(ctx, c.Shop)
	if err != nil {
		return err
	}
	var waiting [2]time.Time
	newest := c.LastInID
	for i, part := range []*inbox.Conversation{c, later} {
		if waiting[i], err = tx.WaitingIn(ctx, part.ID, c.WaitingSince); err != nil {
			return err
		}
		if err := tx.Recount(ctx, part, newest); err != nil {
			return err
		}
	}
	c.Apportion(later, waiting[0], waiting[1], shop.ReplyTarget())
	return nil
}

// Unsplit merges a conversation back into the one it was split off from, and returns that.
func (x *Acts) Unsplit(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, version int64) (inbox.Conversation, error) {
	scope := x.scope(actor)
	link, err := x.store.LinkFrom(ctx, id, inbox.Split)
	if err != nil {
		if seesErr := x.sees(ctx, actor, id); seesErr != nil {
			return inbox.Conversation{}, seesErr
		}
		return inbox.Conversation{}, refuse("not_split", "this conversation was not split off another")
	}
	origin, err := x.store.CurrentConversation(ctx, scope, link.Other)
	if err != nil {
		return inbox.Conversation{}, err
	}
	return x.Merge(ctx, actor, id, origin, true, version)
}

// Relate says that two conversations of the actor's belong together, or that they do not.
func (x *Acts) Relate(ctx context.Context, actor rbac.Actor, id, other inbox.ConversationID, related bool) error {
	if id == other {
		return inbox.InvalidField("path.other", "choose another conversation")
	}
	return x.store.InTx(ctx, func(tx *store.Tx) error {
		both, err := x.several(ctx, tx, actor, rbac.ConversationNote, id, other)
		if err != nil {
			return err
		}
		if related {
			err = tx.AddLinks(ctx, []inbox.Link{{Conversation: max(id, other), Other: min(id, other), Kind: inbox.Related, Actor: actor.User}})
		} else {
			_, err = tx.DropLink(ctx, id, other, inbox.Related)
		}
		for _, c := range both {
			tx.Append(event(actor, inbox.ConversationLinked, c, map[string]any{"kind": inbox.Related, "linked": related}))
		}
		return err
	})
}
