package api

import (
	"context"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Reply queues a reply.
func (x *Acts) Reply(ctx context.Context, actor rbac.Actor, r outbox.QueueRequest) (inbox.Message, error) {
	if !validKey(r.Key) {
		return inbox.Message{}, errKey
	}
	if _, err := x.may(ctx, actor, rbac.ConversationReply, r.Conversation); err != nil {
		return inbox.Message{}, err
	}
	return x.outbox.Queue(ctx, x.scope(actor), r)
}

// Note adds a note. Only people who may read it can be mentioned.
func (x *Acts) Note(ctx context.Context, actor rbac.Actor, r outbox.NoteRequest) (inbox.Message, error) {
	if !validKey(r.Key) {
		return inbox.Message{}, errKey
	}
	shop, err := x.may(ctx, actor, rbac.ConversationNote, r.Conversation)
	if err != nil {
		return inbox.Message{}, err
	}
	for _, user := range r.Mentions {
		if !x.rights.Can(rbac.Actor{User: user}, rbac.ConversationRead, shop) {
			return inbox.Message{}, inbox.InvalidField("body.mentions", "one of the people mentioned cannot read this")
		}
	}
	return x.outbox.AddNote(ctx, x.scope(actor), r)
}

// mayMessage decides about a message by its conversation.
func (x *Acts) mayMessage(ctx context.Context, actor rbac.Actor, permission rbac.Permission, id inbox.MessageID) (inbox.Message, error) {
	m, err := x.store.Message(ctx, id)
	if err != nil {
		return m, err
	}
	if _, err = x.may(ctx, actor, permission, m.Conversation); inbox.CodeOf(err) == inbox.NotFound {
		err = inbox.Errorf(inbox.NotFound, "there is no such message")
	}
	return m, err
}

// Undo takes back a reply that has not left.
func (x *Acts) Undo(ctx context.Context, actor rbac.Actor, id inbox.MessageID) (inbox.Message, error) {
	if _, err := x.mayMessage(ctx, actor, rbac.ConversationReply, id); err != nil {
		return inbox.Message{}, err
	}
	return x.outbox.Undo(ctx, x.scope(actor), id)
}

// Retry sends a reply again, or says that it arrived.
func (x *Acts) Retry(ctx context.Context, actor rbac.Actor, id inbox.MessageID, arrived bool) (inbox.Message, error) {
	if _, err := x.mayMessage(ctx, actor, rbac.ConversationReply, id); err != nil {
		return inbox.Message{}, err
	}
	return x.outbox.Retry(ctx, x.scope(actor), id, arrived)
}

// SaveDraft keeps what the actor has begun to write, with files he uploaded, and returns it.
func (x *Acts) SaveDraft(ctx context.Context, actor rbac.Actor, d inbox.Draft, files []inbox.AttachmentID) (inbox.Draft, error) {
	scope := x.scope(actor)
	err := x.store.InTx(ctx, func(tx *store.Tx) error {
		shop, err := tx.ConversationShop(ctx, scope, d.Conversation)
		if err != nil {
			return err
		}
		if d.Attachments, err = tx.Uploads(ctx, actor.User, files); err != nil {
			return err
		}
		return tx.SaveDraft(ctx, shop, d)
	})
	if err != nil {
		return d, err
	}
	return x.store.Draft(ctx, actor.User, d.Conversation, d.Kind)
}

// DiscardDraft removes what the actor has begun to write.
func (x *Acts) DiscardDraft(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, kind inbox.DraftKind) error {
	scope := x.scope(actor)
	return x.store.InTx(ctx, func(tx *store.Tx) error {
		shop, err := tx.ConversationShop(ctx, scope, id)
		if err != nil {
			return err
		}
		return tx.DiscardDraft(ctx, shop, actor.User, id, kind)
	})
}

// Read marks a conversation as read or unread by the actor.
func (x *Acts) Read(ctx context.Context, actor rbac.Actor, id inbox.ConversationID, read bool) error {
	scope := x.scope(actor)
	return x.store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.LockConversation(ctx, scope, id)
		if err != nil {
			return err
		}
		return tx.MarkRead(ctx, actor.User, c, read)
	})
}
