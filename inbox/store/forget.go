package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// This file removes conversations for good, with everything that hangs on them. What stays is that they
// were there: the ledger's line, without what it told, and the sameness of each message.

// ForgetConversation removes a conversation and those merged into it, and tells the log. Conflict if it
// was merged into another itself, or while one of its replies is on its way.
func (tx *Tx) ForgetConversation(ctx context.Context, actor inbox.UserID, c inbox.Conversation) error {
	if c.MergedInto != 0 {
		return inbox.Errorf(inbox.Conflict, "this conversation was merged into another: take it out first, or delete that one")
	}
	var family []int64
	err := tx.db.NewRaw(`WITH RECURSIVE family (id) AS (SELECT CAST(? AS bigint)
		UNION SELECT m.id FROM conversations AS m JOIN family AS f ON m.merged_into = f.id) SELECT id FROM family`, int64(c.ID)).Scan(ctx, &family)
	if err != nil {
		return fmt.Errorf("what conversation %s consists of: %w", c.ID, err)
	}
	var messages []struct {
		ID      int64  `bun:"id"`
		State   string `bun:"state"`
		RawHash string `bun:"raw_hash"`
		Copy    int64  `bun:"copy"` // of the same mail, in another shop
	}
	err = tx.db.NewRaw(`SELECT m.id, m.state, m.raw_hash, COALESCE((SELECT min(o.id) FROM shops AS s JOIN messages AS o
			ON o.connection_id = m.connection_id AND o.shop_id = s.id AND o.sameness = m.sameness WHERE o.id <> m.id), 0) AS copy
		FROM messages AS m WHERE m.conversation_id IN (?)`, bun.List(family)).Scan(ctx, &messages)
	if err != nil {
		return fmt.Errorf("messages of conversation %s: %w", c.ID, err)
	}
	ids := make([]int64, len(messages))
	var hashes []string
	for i, m := range messages {
		ids[i] = m.ID
		switch {
		case m.State == string(inbox.Sending):
			return inbox.Errorf(inbox.Conflict, "a reply is on its way: try again in a moment")
		case m.Copy != 0: // the ledger names the other shop's copy from now on, and its bytes stay
			if _, err := tx.db.NewUpdate().Table("ledger").Set("message_id = ?", m.Copy).Where("message_id = ?", m.ID).Exec(ctx); err != nil {
				return fmt.Errorf("ledger of message %d: %w", m.ID, err)
			}
		case m.RawHash != "":
			hashes = append(hashes, m.RawHash)
		}
	}
	if len(ids) > 0 {
		if err := tx.forgetMessages(ctx, ids, hashes); err != nil {
			return fmt.Errorf("delete the messages of conversation %s: %w", c.ID, err)
		}
	}
	for _, table := range []string{"mentions", "drafts", "reads", "conversation_tags", "assignments"} {
		if _, err := tx.drop(ctx, table, tx.db.NewDelete().Table(table).Where("conversation_id IN (?)", bun.List(family))); err != nil {
			return err
		}
	}
	for _, query := range []*bun.DeleteQuery{
		tx.db.NewDelete().Table("links").Where("conversation_id IN (?0) OR other_id IN (?0)", bun.List(family)),
		tx.db.NewDelete().Table("conversations").Where("id IN (?)", bun.List(family)),
	} {
		if _, err := tx.drop(ctx, "conversation "+c.ID.String(), query); err != nil {
			return err
		}
	}
	tx.Append(inbox.Event{Kind: inbox.ConversationDeleted, Shop: c.Shop, Conversation: c.ID, Actor: actor, From: c.Assignee, To: c.Assignee})
	return nil
}

// forgetMessages removes messages with files, words, reports and attempts. hashes are their bytes.
func (tx *Tx) forgetMessages(ctx context.Context, ids []int64, hashes []string) error {
	var files []string
	if err := tx.db.NewSelect().Table("attachments").ColumnExpr("DISTINCT hash").Where("message_id IN (?)", bun.List(ids)).Scan(ctx, &files); err != nil {
		return err
	}
	words := "rowid"
	if tx.postgres {
		words = "message_id"
	}
	for _, statement := range []string{
		`INSERT INTO forgotten (connection_id, shop_id, sameness, at) SELECT connection_id, shop_id, sameness, ?1 FROM messages
			WHERE id IN (?0) AND sameness IS NOT NULL ON CONFLICT DO NOTHING`,
		`UPDATE ledger SET message_id = NULL, raw_hash = '', sender = '', subject = '', header_id = '', reason = '{"code":"deleted"}' WHERE message_id IN (?0)`,
		"DELETE FROM message_words WHERE " + words + " IN (?0)",
		"DELETE FROM mentions WHERE message_id IN (?0)",
		"DELETE FROM attempts WHERE message_id IN (?0)",
		"DELETE FROM deliveries WHERE message_id IN (?0) OR report_id IN (?0)",
		"DELETE FROM attachments WHERE message_id IN (?0)",
		"DELETE FROM messages WHERE id IN (?0)",
	} {
		if _, err := tx.db.NewRaw(statement, bun.List(ids), micros(tx.now())).Exec(ctx); err != nil {
			return err
		}
	}
	if hashes = append(hashes, files...); len(hashes) == 0 {
		return nil
	}
	// Large content is swept once no row refers to it.
	_, err := tx.db.NewRaw(`DELETE FROM blobs WHERE hash IN (?) AND NOT EXISTS (SELECT 1 FROM attachments AS a WHERE a.hash = blobs.hash)
		AND NOT EXISTS (SELECT 1 FROM ledger AS l WHERE l.raw_hash <> '' AND l.raw_hash = blobs.hash)`, bun.List(hashes)).Exec(ctx)
	return err
}

// Forgotten returns those of these messages that were deleted in one of these shops.
func (q queries) Forgotten(ctx context.Context, connection inbox.ConnectionID, shops []inbox.ShopID, sameness [][]byte) ([]KnownMessage, error) {
	if len(sameness) == 0 || len(shops) == 0 {
		return nil, nil
	}
	var list []KnownMessage
	err := q.db.NewSelect().Table("forgotten").Column("shop_id", "sameness").
		Where("connection_id = ? AND shop_id IN (?) AND sameness IN (?)", int64(connection), bun.List(shops), bun.List(sameness)).Scan(ctx, &list)
	if err != nil {
		return nil, fmt.Errorf("look for what was deleted: %w", err)
	}
	return list, nil
}
