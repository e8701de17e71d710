// Package delivery does what reports about sent messages demand, for whoever learns of them: ingest
// when a report arrives, outbox when it was faster than the answer of our own mail server.
//
// A report counts only for the message whose Message-ID it names, which nobody can guess who has not
// received that message, and only in the connection that sent it. Whoever holds the id can therefore
// do no more than deny that he got his own mail.
package delivery

import (
	"context"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// Apply moves a locked message and its locked conversation by what a report says, and tells of it. A
// message that did not arrive opens its conversation and marks it unread. The message is saved, the
// conversation is left to the caller.
func Apply(ctx context.Context, tx *store.Tx, c *inbox.Conversation, m *inbox.Message, d inbox.Delivery) error {
	if !m.Deliver(d) {
		if m.State != inbox.Sending { // else its end tells
			tell(tx, inbox.MessageReported, c, map[string]any{"message": m.ID, "outcome": d.Outcome})
		}
		return nil
	}
	if err := tx.SaveDelivery(ctx, *m); err != nil {
		return err
	}
	data := map[string]any{"message": m.ID, "state": m.State}
	switch m.State {
	case inbox.Delivered:
		tell(tx, inbox.MessageDelivered, c, data)
	case inbox.Read:
		tell(tx, inbox.MessageRead, c, data)
	case inbox.Failed:
		data["reason"] = m.Problem
		tell(tx, inbox.MessageFailed, c, data)
		return reopen(ctx, tx, c, m, d)
	}
	return nil
}

func reopen(ctx context.Context, tx *store.Tx, c *inbox.Conversation, m *inbox.Message, d inbox.Delivery) error {
	answered, err := tx.AnsweredAfter(ctx, c.ID, m.ID)
	if err != nil {
		return err
	}
	before := c.State
	changed := c.Undelivered(m.Before, answered)
	if c.State == inbox.Open && d.Report > c.LastInID {
		c.LastInID = d.Report
	}
	if changed {
		c.Reopened = before == inbox.Closed
		tell(tx, inbox.ConversationOpened, c, map[string]any{"state": c.State, "from": before, "reason": inbox.Reason{Code: "reply_undelivered"}})
	}
	return nil
}

func tell(tx *store.Tx, kind inbox.EventKind, c *inbox.Conversation, data map[string]any) {
	tx.Append(inbox.Event{Kind: kind, Shop: c.Shop, Conversation: c.ID, From: c.Assignee, To: c.Assignee, Data: data})
}
