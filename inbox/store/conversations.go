package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type conversationRow struct {
	bun.BaseModel  `bun:"table:conversations,alias:c"`
	ID             int64  `bun:"id,pk,autoincrement"`
	Shop           int64  `bun:"shop_id"`
	Connection     int64  `bun:"connection_id"`
	Contact        int64  `bun:"contact_id"`
	ContactName    string `bun:"contact_name"`
	ContactAddress string `bun:"contact_address"`
	Kind           string `bun:"kind"`
	RemoteThread   string `bun:"remote_thread"`
	Subject        string `bun:"subject"`
	State          string `bun:"state"`
	ClosedReason   string `bun:"closed_reason"`
	Active         int64  `bun:"active"`
	Status         int64  `bun:"status_id,nullzero"`
	Assignee       int64  `bun:"assignee_id,nullzero"`
	AssignedAt     int64  `bun:"assigned_at,nullzero"`
	AssignReason   string `bun:"assign_reason,nullzero"`
	Preview        string `bun:"preview"`
	PreviewAuthor  int64  `bun:"preview_author,nullzero"`
	PreviewKind    string `bun:"preview_kind"`
	Messages       int    `bun:"messages"`
	HasAttachments int64  `bun:"has_attachments"`
	LastInID       int64  `bun:"last_in_id"`
	LastOutAt      int64  `bun:"last_out_at,nullzero"`
	LastAt         int64  `bun:"last_at"`
	WaitingSince   int64  `bun:"waiting_since,nullzero"`
	DueAt          int64  `bun:"due_at,nullzero"`
	SortDue        int64  `bun:"sort_due"`
	SnoozedUntil   int64  `bun:"snoozed_until,nullzero"`
	Topic          int64  `bun:"topic"`
	MergedInto     int64  `bun:"merged_into,nullzero"`
	Unverified     int64  `bun:"unverified"`
	CreatedAt      int64  `bun:"created_at"`
	Version        int64  `bun:"version"`
}

// latestDue is above every instant; conversations without a clock sort behind it, newest first.
const latestDue = int64(1) << 62

// conversation turns a row into the word, without its reason.
func (r conversationRow) conversation() inbox.Conversation {
	return inbox.Conversation{ID: inbox.ConversationID(r.ID), Shop: inbox.ShopID(r.Shop), Connection: inbox.ConnectionID(r.Connection),
		Contact: inbox.ContactID(r.Contact), ContactName: r.ContactName, ContactAddress: r.ContactAddress,
		Kind: inbox.ConversationKind(r.Kind), RemoteThread: r.RemoteThread, Subject: r.Subject,
		State: inbox.ConversationState(r.State), ClosedReason: inbox.ClosedReason(r.ClosedReason),
		Status: inbox.StatusID(r.Status), Assignee: inbox.UserID(r.Assignee), AssignedAt: moment(r.AssignedAt),
		Preview: r.Preview, PreviewAuthor: inbox.UserID(r.PreviewAuthor), PreviewKind: inbox.Direction(r.PreviewKind),
		Messages: r.Messages, HasAttachments: r.HasAttachments != 0, LastInID: inbox.MessageID(r.LastInID),
		LastOutAt: moment(r.LastOutAt), LastAt: moment(r.LastAt), WaitingSince: moment(r.WaitingSince), DueAt: moment(r.DueAt),
		SnoozedUntil: moment(r.SnoozedUntil), CreatedAt: moment(r.CreatedAt), MergedInto: inbox.ConversationID(r.MergedInto),
		Unverified: r.Unverified != 0, Version: r.Version}
}

// plain turns rows into conversations without tags and the reader's marks. Equal reasons, which most
// of a page are, are read once and shared: nobody changes a reason.
func plain(rows []conversationRow) ([]inbox.Conversation, error) {
	list := make([]inbox.Conversation, len(rows))
	reasons := map[string]*inbox.Reason{}
	for i, r := range rows {
		list[i] = r.conversation()
		if _, known := reasons[r.AssignReason]; !known {
			reason, err := reasonOf(r.AssignReason)
			if err != nil {
				return nil, fmt.Errorf("conversation %d: %w", r.ID, err)
			}
			reasons[r.AssignReason] = reason
		}
		list[i].AssignReason = reasons[r.AssignReason]
	}
	return list, nil
}

func newConversationRow(c inbox.Conversation) conversationRow {
	r := conversationRow{ID: int64(c.ID), Shop: int64(c.Shop), Connection: int64(c.Connection), Contact: int64(c.Contact),
		ContactName: c.ContactName, ContactAddress: c.ContactAddress, Kind: string(c.Kind), RemoteThread: c.RemoteThread,
		Subject: c.Subject, State: string(c.State), ClosedReason: string(c.ClosedReason), Active: flag(c.Active()),
		Status: int64(c.Status), Assignee: int64(c.Assignee), AssignedAt: micros(c.AssignedAt), AssignReason: reasonText(c.AssignReason),
		Preview: c.Preview, PreviewAuthor: int64(c.PreviewAuthor), PreviewKind: string(c.PreviewKind), Messages: c.Messages,
		HasAttachments: flag(c.HasAttachments), LastInID: int64(c.LastInID), LastOutAt: micros(c.LastOutAt), LastAt: micros(c.LastAt),
		WaitingSince: micros(c.WaitingSince), DueAt: micros(c.DueAt), SnoozedUntil: micros(c.SnoozedUntil),
		Topic: topicOf(c.Subject), MergedInto: int64(c.MergedInto), Unverified: flag(c.Unverified),
		CreatedAt: micros(c.CreatedAt), Version: c.Version, SortDue: latestDue - micros(c.LastAt)}
	if r.DueAt != 0 {
		r.SortDue = r.DueAt
	}
	return r
}

// Conversation returns one conversation with its tags and what is the reader's own (unread, draft).
// NotFound if it is unknown or outside the scope.
func (q queries) Conversation(ctx context.Context, scope rbac.Scope, id inbox.ConversationID) (inbox.Conversation, error) {
	var r conversationRow
	if err := inScope(q.db.NewSelect().Model(&r).Where("c.id = ?", int64(id)), scope, "c").Scan(ctx); err != nil {
		return inbox.Conversation{}, notFound(err, "conversation")
	}
	list, err := q.complete(ctx, scope.User, []conversationRow{r})
	if err != nil {
		return inbox.Conversation{}, err
	}
	return list[0], nil
}

// ConversationShop returns the shop of a conversation; NotFound if it is unknown or outside the scope.
func (q queries) ConversationShop(ctx context.Context, scope rbac.Scope, id inbox.ConversationID) (inbox.ShopID, error) {
	var shop inbox.ShopID
	query := q.db.NewSelect().TableExpr("conversations AS c").Column("c.shop_id").Where("c.id = ?", int64(id))
	return shop, notFound(inScope(query, scope, "c").Scan(ctx, &shop), "conversation")
}

// complete turns rows into conversations with tags, and what is the reader's own: in one statement
// more, however many rows.
func (q queries) complete(ctx context.Context, reader rbac.UserID, rows []conversationRow) ([]inbox.Conversation, error) {
	list, err := plain(rows)
	if err != nil || len(rows) == 0 {
		return list, err
	}
	ids := make([]int64, len(rows))
	at := make(map[int64]*inbox.Conversation, len(rows))
	for i, r := range rows {
		ids[i], at[r.ID] = r.ID, &list[i]
		list[i].Unread = r.LastInID > 0
	}
	var marks []struct {
		Kind         string `bun:"kind"`
		Conversation int64  `bun:"conversation_id"`
		Value        int64  `bun:"value"`
		At           int64  `bun:"at"`
	}
	err = q.db.NewRaw(`SELECT 'tag' AS kind, conversation_id, tag_id AS value, at FROM conversation_tags WHERE conversation_id IN (?1)
		UNION ALL SELECT 'read', conversation_id, message_id, 0 FROM reads WHERE user_id = ?0 AND conversation_id IN (?1)
		UNION ALL SELECT 'draft', conversation_id, 0, 0 FROM drafts WHERE user_id = ?0 AND conversation_id IN (?1)
		ORDER BY at, value`, int64(reader), bun.List(ids)).Scan(ctx, &marks)
	if err != nil {
		return nil, fmt.Errorf("tags and reader's marks of conversations: %w", err)
	}
	for _, m := range marks {
		c := at[m.Conversation]
		switch m.Kind {
		case "tag":
			c.Tags = append(c.Tags, inbox.TagID(m.Value))
		case "read":
			c.Unread = int64(c.LastInID) > m.Value
		case "draft":
			c.Draft = true
		}
	}
	return list, nil
}

// LockConversation returns a conversation, without tags and the reader's marks, and keeps others
// from changing it until the transaction ends. NotFound if it is unknown or outside the scope.
func (tx *Tx) LockConversation(ctx context.Context, scope rbac.Scope, id inbox.ConversationID) (inbox.Conversation, error) {
	var r conversationRow
	query := inScope(tx.db.NewSelect().Model(&r).Where("c.id = ?", int64(id)), scope, "c")
	if tx.postgres {
		query.For("UPDATE")
	}
	if err := query.Scan(ctx); err != nil {
		return inbox.Conversation{}, notFound(err, "conversation")
	}
	list, err := plain([]conversationRow{r})
	if err != nil {
		return inbox.Conversation{}, err
	}
	return list[0], nil
}

// SaveConversation writes what can change on a locked conversation and raises its version; c then
// holds the new version.
func (tx *Tx) SaveConversation(ctx context.Context, c *inbox.Conversation) error {
	c.Version++
	r := newConversationRow(*c)
	_, err := tx.db.NewUpdate().Model(&r).ExcludeColumn("shop_id", "connection_id", "contact_id", "kind", "remote_thread", "created_at").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("save conversation %s: %w", c.ID, err)
	}
	return nil
}

// DueSnoozes returns snoozed conversations whose time has come, the oldest first.
func (q queries) DueSnoozes(ctx context.Context, now time.Time, limit int) ([]inbox.ConversationID, error) {
	var ids []inbox.ConversationID
	err := q.db.NewSelect().Table("conversations").Column("id").Where("snoozed_until <= ?", micros(now)).
		Order("snoozed_until").Limit(int64(limit)).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("find snoozes that are due: %w", err)
	}
	return ids, nil
}
