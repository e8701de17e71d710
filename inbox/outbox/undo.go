package outbox

import (
	"context"
	"errors"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

func errorReason(err error) *inbox.Reason {
	if e, ok := errors.AsType[*inbox.Error](err); ok {
		return e.Reason
	}
	return nil
}

// lock returns an outbound message with its conversation, both kept from others until the
// transaction ends. NotFound if it is unknown or outside the scope.
func lock(ctx context.Context, tx *store.Tx, scope rbac.Scope, id inbox.MessageID) (inbox.Message, inbox.Conversation, error) {
	m, err := tx.Message(ctx, id)
	if err != nil {
		return m, inbox.Conversation{}, err
	}
	c, err := tx.LockConversation(ctx, scope, m.Conversation)
	if inbox.CodeOf(err) == inbox.NotFound || m.Direction != inbox.Out {
		return m, c, inbox.Errorf(inbox.NotFound, "there is no such message")
	}
	if err != nil {
		return m, c, err
	}
	locked, err := tx.LockMessage(ctx, id)
	if err == nil && locked.Conversation != c.ID { // it was merged or split off between the two
		return m, c, inbox.Errorf(inbox.Conflict, "this message has moved to another conversation: try again")
	}
	locked.Attachments = m.Attachments
	return locked, c, err
}

// elsewhere says that a message stands where what was asked for cannot be done any more.
func elsewhere(m inbox.Message, msg string) error {
	return &inbox.Error{Code: inbox.Conflict, Msg: msg,
		Reason: &inbox.Reason{Code: "message_" + string(m.State), Params: map[string]any{"message": m.ID, "state": m.State}}}
}

// Undo takes a reply back that has not left. Its author gets the text back as a draft, above what he
// has begun since, and the conversation gets back its state and clock. Conflict once it is being
// sent: of two who race, the worker and Undo, one wins.
func (s *Service) Undo(ctx context.Context, scope rbac.Scope, id inbox.MessageID) (m inbox.Message, err error) {
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		var c inbox.Conversation
		if m, c, err = lock(ctx, tx, scope, id); err != nil {
			return err
		}
		was := m
		m.State, m.Problem = inbox.Withdrawn, nil
		moved, err := tx.MoveMessage(ctx, m, inbox.Queued, inbox.Scheduled, inbox.Held)
		if err != nil {
			return err
		}
		if !moved {
			return elsewhere(was, "it is too late: this reply has left")
		}
		return s.withdrawn(ctx, tx, scope.User, &c, m)
	})
	return m, err
}

// withdrawn gives back what a reply took: files and words to its author, state, clock and last words
// to the conversation.
func (s *Service) withdrawn(ctx context.Context, tx *store.Tx, actor inbox.UserID, c *inbox.Conversation, m inbox.Message) error {
	if err := tx.ReturnUploads(ctx, m.ID); err != nil {
		return err
	}
	if m.Author != 0 {
		if err := restoreDraft(ctx, tx, m); err != nil {
			return err
		}
	}
	before := c.State
	changed := c.Unreply(m.Before, m.CreatedAt)
	c.Messages = max(0, c.Messages-1)
	last, err := tx.LastMessage(ctx, c.ID)
	switch {
	case err == nil:
		show(c, last)
		c.LastAt = last.At
	case inbox.CodeOf(err) != inbox.NotFound:
		return err
	}
	if err := tx.SaveConversation(ctx, c); err != nil {
		return err
	}
	tell(tx, inbox.MessageWithdrawn, actor, c, m)
	if changed {
		tellState(tx, actor, c, before, "reply_withdrawn")
	}
	return nil
}

func restoreDraft(ctx context.Context, tx *store.Tx, m inbox.Message) error {
	text, html := written(m)
	d := inbox.Draft{Conversation: m.Conversation, User: m.Author, Kind: inbox.DraftReply, Text: text, HTML: html,
		Cc: m.Cc, Bcc: m.Bcc, Attachments: m.Attachments}
	begun, err := tx.Draft(ctx, m.Author, m.Conversation, inbox.DraftReply)
	switch {
	case err == nil:
		d.Text += "\n\n" + begun.Text
		if d.HTML != "" && begun.HTML != "" {
			d.HTML += begun.HTML
		} else {
			d.HTML = "" // the text has all of it
		}
		d.Attachments = append(d.Attachments, begun.Attachments...)
	case inbox.CodeOf(err) != inbox.NotFound:
		return err
	}
	return tx.SaveDraft(ctx, m.Shop, d)
}

// Retry is what a person decides about a reply that failed, is uncertain or held: it leaves again
// with the same Message-ID or, with arrived, counts as sent. Conflict if it stands elsewhere, or if
// what held it still does.
func (s *Service) Retry(ctx context.Context, scope rbac.Scope, id inbox.MessageID, arrived bool) (m inbox.Message, err error) {
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		var c inbox.Conversation
		if m, c, err = lock(ctx, tx, scope, id); err != nil {
			return err
		}
		shop, err := tx.Shop(ctx, c.Shop)
		if err != nil {
			return err
		}
		if arrived {
			if m.State != inbox.Failed && m.State != inbox.Uncertain {
				return elsewhere(m, "only a reply that failed or is uncertain can be said to have arrived")
			}
			return s.sent(ctx, tx, scope.User, &c, shop, &m, m.RemoteID)
		}
		return s.again(ctx, tx, scope.User, &c, shop, &m)
	})
	return m, err
}

// again queues a reply once more, at once.
func (s *Service) again(ctx context.Context, tx *store.Tx, actor inbox.UserID, c *inbox.Conversation, shop inbox.Shop, m *inbox.Message) error {
	if m.State != inbox.Failed && m.State != inbox.Uncertain && m.State != inbox.Held {
		return elsewhere(*m, "this reply is on its way")
	}
	connection, err := tx.Connection(ctx, m.Connection)
	if err != nil {
		return err
	}
	if shop.State == inbox.ShopClosed {
		return &inbox.Error{Code: inbox.Denied, Msg: "this shop is closed: its messages can only be read", Reason: &inbox.Reason{Code: "shop_closed"}}
	}
	if why := held(shop, connection); why != nil {
		return &inbox.Error{Code: inbox.Conflict, Msg: "this reply cannot leave yet", Reason: why}
	}
	from := m.State
	m.State, m.Problem, m.SendAt = inbox.Queued, nil, s.now()
	moved, err := tx.MoveMessage(ctx, *m, from)
	if err != nil || !moved {
		return err
	}
	tell(tx, inbox.MessageQueued, actor, c, *m)
	return s.enqueue(ctx, tx, *m, false)
}
