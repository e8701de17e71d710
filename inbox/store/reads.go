package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// MarkRead notes how far a reader has read conversations: up to the newest message of the customer,
// or not at all. Ids outside the scope are left out; those marked are returned. Only the reader's own
// sockets hear of it.
func (tx *Tx) MarkRead(ctx context.Context, scope rbac.Scope, ids []inbox.ConversationID, read bool) ([]inbox.ConversationID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []struct {
		ID   inbox.ConversationID `bun:"id"`
		Shop inbox.ShopID         `bun:"shop_id"`
		Last int64                `bun:"last_in_id"`
	}
	query := tx.db.NewSelect().TableExpr("conversations AS c").Column("c.id", "c.shop_id", "c.last_in_id").Where("c.id IN (?)", bun.List(ids)).Order("c.id")
	if err := inScope(query, scope, "c").Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("mark as read: %w", err)
	}
	marked := make([]inbox.ConversationID, 0, len(rows))
	for _, r := range rows {
		if !read {
			r.Last = 0
		}
		_, err := tx.db.ExecContext(ctx, `INSERT INTO reads (user_id, conversation_id, message_id) VALUES (?, ?, ?)
			ON CONFLICT (user_id, conversation_id) DO UPDATE SET message_id = EXCLUDED.message_id`, int64(scope.User), int64(r.ID), r.Last)
		if err != nil {
			return nil, fmt.Errorf("mark as read: %w", err)
		}
		marked = append(marked, r.ID)
		tx.Append(inbox.Event{Kind: inbox.ConversationRead, Shop: r.Shop, Conversation: r.ID, Actor: scope.User, Data: map[string]any{"read": read}})
	}
	return marked, nil
}
