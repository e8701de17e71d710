package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/rbac"
)

// This file moves messages between conversations. A message that moves because of a merge remembers
// where it was, so that the merge can be undone; one that is split off belongs to its new place.

// CurrentConversation returns the conversation that shows what was said in one: itself, or the one it
// was merged into. NotFound if either is unknown or outside the scope.
func (q queries) CurrentConversation(ctx context.Context, scope rbac.Scope, id inbox.ConversationID) (inbox.ConversationID, error) {
	for {
		var into int64
		query := q.db.NewSelect().TableExpr("conversations AS c").ColumnExpr("COALESCE(c.merged_into, 0)").Where("c.id = ?", int64(id))
		if err := inScope(query, scope, "c").Scan(ctx, &into); err != nil {
			return 0, notFound(err, "conversation")
		}
		if into == 0 {
			return id, nil
		}
		id = inbox.ConversationID(into)
	}
}

// MoveMerged moves all messages of a conversation into the one it is merged into, and the drafts of
// those who have begun none there. An undone reply no longer changes the state of a conversation it was
// not written in.
func (tx *Tx) MoveMerged(ctx context.Context, from, into inbox.ConversationID) error {
	for _, statement := range []string{
		"UPDATE messages SET home_id = COALESCE(home_id, conversation_id), conversation_id = ?1, restores = NULL WHERE conversation_id = ?0",
		"UPDATE mentions SET conversation_id = ?1 WHERE conversation_id = ?0",
		`UPDATE drafts SET conversation_id = ?1 WHERE conversation_id = ?0
			AND NOT EXISTS (SELECT 1 FROM drafts AS d WHERE d.conversation_id = ?1 AND d.user_id = drafts.user_id AND d.kind = drafts.kind)`,
	} {
		if _, err := tx.db.NewRaw(statement, int64(from), int64(into)).Exec(ctx); err != nil {
			return fmt.Errorf("merge conversation %s into %s: %w", from, into, err)
		}
	}
	return nil
}

// MoveBack moves the messages that were in a conversation, or in one that was merged into it before,
// back out of the one it was merged into.
func (tx *Tx) MoveBack(ctx context.Context, from, to inbox.ConversationID) error {
	_, err := tx.db.NewRaw(`WITH RECURSIVE family (id) AS (SELECT CAST(?1 AS bigint)
			UNION SELECT c.id FROM conversations AS c JOIN family AS f ON c.merged_into = f.id)
		UPDATE messages SET conversation_id = ?1, home_id = NULLIF(home_id, ?1), restores = NULL
		WHERE conversation_id = ?0 AND home_id IN (SELECT id FROM family)`, int64(from), int64(to)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take conversation %s out of %s: %w", to, from, err)
	}
	return tx.moveMentions(ctx, from, to)
}

// MoveLater moves a message of a conversation and all after it into another one, which is their home
// from now on, and returns how many. Whoever has read the one has read the other as far.
func (tx *Tx) MoveLater(ctx context.Context, first inbox.Message, to inbox.ConversationID) (int, error) {
	from := first.Conversation
	result, err := tx.db.NewRaw("UPDATE messages SET conversation_id = ?1, home_id = NULL, restores = NULL WHERE conversation_id = ?0 AND (at, id) >= (?2, ?3)",
		int64(from), int64(to), micros(first.At), int64(first.ID)).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("split conversation %s: %w", from, err)
	}
	_, err = tx.db.NewRaw("INSERT INTO reads (user_id, conversation_id, message_id) SELECT user_id, CAST(?1 AS bigint), message_id FROM reads WHERE conversation_id = ?0",
		int64(from), int64(to)).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("split conversation %s: %w", from, err)
	}
	if err := tx.moveMentions(ctx, from, to); err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// moveMentions lets the mentions of messages that moved follow them.
func (tx *Tx) moveMentions(ctx context.Context, from, to inbox.ConversationID) error {
	_, err := tx.db.NewRaw(`UPDATE mentions SET conversation_id = ?1 WHERE conversation_id = ?0
		AND message_id IN (SELECT id FROM messages WHERE conversation_id = ?1)`, int64(from), int64(to)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("mentions of conversation %s: %w", to, err)
	}
	return nil
}

// WaitingIn returns when the oldest customer message of a conversation came that is not older than a
// time; zero if there is none.
func (q queries) WaitingIn(ctx context.Context, id inbox.ConversationID, since time.Time) (time.Time, error) {
	if since.IsZero() {
		return time.Time{}, nil
	}
	var at int64
	err := q.db.NewSelect().Table("messages").ColumnExpr("COALESCE(min(at), 0)").
		Where("conversation_id = ? AND at >= ? AND direction = 'in' AND automatic = ''", int64(id), micros(since)).Scan(ctx, &at)
	if err != nil {
		return time.Time{}, fmt.Errorf("unanswered messages of conversation %s: %w", id, err)
	}
	return moment(at), nil
}

const previewRunes = 140

// Recount reads what the lists show of a conversation from the messages it has now: numbers, times, last
// words. newest bounds which customer message may count as new.
func (tx *Tx) Recount(ctx context.Context, c *inbox.Conversation, newest inbox.MessageID) error {
	var sums struct {
		Messages  int   `bun:"messages"`
		Files     int   `bun:"files"`
		LastIn    int64 `bun:"last_in"`
		LastOut   int64 `bun:"last_out"`
		LastAt    int64 `bun:"last_at"`
		Unproved  int64 `bun:"unproved"`
		LastProof int64 `bun:"proved"`
	}
	when := func(sum, condition string) string { return sum + " FILTER (WHERE " + condition + ")" }
	customer := "direction = 'in' AND automatic = '' AND id <= " + newest.String()
	err := tx.db.NewSelect().Table("messages").
		ColumnExpr("count(*) AS messages, COALESCE(sum(files), 0) AS files, COALESCE(max(at), 0) AS last_at").
		ColumnExpr("COALESCE(?, 0) AS last_in", bun.Safe(when("max(id)", customer))).
		ColumnExpr("COALESCE(?, 0) AS last_out", bun.Safe(when("max(at)", "direction = 'out' AND state IN ('sent', 'delivered', 'read')"))).
		ColumnExpr("COALESCE(?, 0) AS unproved", bun.Safe(when("max(id)", "direction = 'in' AND unverified = 1"))).
		ColumnExpr("COALESCE(?, 0) AS proved", bun.Safe(when("max(id)", "direction = 'in' AND unverified = 0"))).
		Where("conversation_id = ? AND state <> 'withdrawn'", int64(c.ID)).Scan(ctx, &sums)
	if err != nil {
		return fmt.Errorf("count conversation %s: %w", c.ID, err)
	}
	c.Messages, c.HasAttachments, c.Unverified = sums.Messages, sums.Files > 0, sums.Unproved > sums.LastProof
	c.LastInID, c.LastOutAt = inbox.MessageID(sums.LastIn), moment(sums.LastOut)
	last, err := tx.LastMessage(ctx, c.ID)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	c.LastAt = moment(sums.LastAt)
	c.Preview, c.PreviewAuthor, c.PreviewKind = content.Preview(last.Said(), previewRunes), last.Author, last.Direction
	return nil
}
