package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type draftRow struct {
	bun.BaseModel `bun:"table:drafts"`
	Conversation  int64  `bun:"conversation_id,pk"`
	User          int64  `bun:"user_id,pk"`
	Kind          string `bun:"kind,pk"`
	Content       string `bun:"content"`
	UpdatedAt     int64  `bun:"updated_at"`
}

// draftContent is what a draft's row keeps as JSON.
type draftContent struct {
	Text        string               `json:"text"`
	HTML        string               `json:"html,omitempty"`
	Cc          []inbox.Address      `json:"cc,omitempty"`
	Bcc         []inbox.Address      `json:"bcc,omitempty"`
	Attachments []inbox.AttachmentID `json:"attachments,omitempty"`
}

// Draft returns what somebody has begun to write; NotFound if nothing. The caller has read the
// conversation within his scope.
func (q queries) Draft(ctx context.Context, user inbox.UserID, conversation inbox.ConversationID, kind inbox.DraftKind) (inbox.Draft, error) {
	var r draftRow
	err := q.db.NewSelect().Model(&r).Where("user_id = ? AND conversation_id = ? AND kind = ?", int64(user), int64(conversation), string(kind)).Scan(ctx)
	if err != nil {
		return inbox.Draft{}, notFound(err, "draft")
	}
	var content draftContent
	if err := parse(r.Content, &content); err != nil {
		return inbox.Draft{}, fmt.Errorf("draft of user %s in conversation %s: %w", user, conversation, err)
	}
	d := inbox.Draft{Conversation: conversation, User: user, Kind: kind, Text: content.Text, HTML: content.HTML,
		Cc: content.Cc, Bcc: content.Bcc, UpdatedAt: moment(r.UpdatedAt)}
	d.Attachments, err = q.uploads(ctx, user, content.Attachments)
	return d, err
}

// uploads returns those of the files that somebody uploaded and has not sent, in the order of ids.
func (q queries) uploads(ctx context.Context, uploader inbox.UserID, ids []inbox.AttachmentID) ([]inbox.Attachment, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []attachmentRow
	err := q.db.NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Where("message_id IS NULL AND uploader_id = ?", int64(uploader)).
		Order("id").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("uploads of user %s: %w", uploader, err)
	}
	list := make([]inbox.Attachment, len(rows))
	for i, r := range rows {
		list[i] = r.attachment()
	}
	return list, nil
}

// Uploads returns files that somebody uploaded and has not sent. Code Invalid if one of them is not
// his, or was sent before.
func (q queries) Uploads(ctx context.Context, uploader inbox.UserID, ids []inbox.AttachmentID) ([]inbox.Attachment, error) {
	list, err := q.uploads(ctx, uploader, ids)
	if err == nil && len(list) != len(ids) {
		return nil, inbox.InvalidField("body.attachments", "one of the files is unknown or was sent before: add it again")
	}
	return list, err
}

// SaveDraft keeps a draft in place of the one of its kind, and tells the author's own screens.
func (tx *Tx) SaveDraft(ctx context.Context, shop inbox.ShopID, d inbox.Draft) error {
	content := draftContent{Text: d.Text, HTML: d.HTML, Cc: d.Cc, Bcc: d.Bcc}
	for _, a := range d.Attachments {
		content.Attachments = append(content.Attachments, a.ID)
	}
	r := draftRow{Conversation: int64(d.Conversation), User: int64(d.User), Kind: string(d.Kind), Content: text(content), UpdatedAt: micros(tx.now())}
	_, err := tx.db.NewInsert().Model(&r).On("CONFLICT (user_id, conversation_id, kind) DO UPDATE").
		Set("content = EXCLUDED.content, updated_at = EXCLUDED.updated_at").Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("save draft: %w", err)
	}
	tx.Append(inbox.Event{Kind: inbox.DraftSaved, Shop: shop, Conversation: d.Conversation, Actor: d.User, From: d.User, To: d.User,
		Data: map[string]any{"kind": d.Kind}})
	return nil
}

// DiscardDraft removes a draft, and tells the author's own screens if there was one.
func (tx *Tx) DiscardDraft(ctx context.Context, shop inbox.ShopID, user inbox.UserID, conversation inbox.ConversationID, kind inbox.DraftKind) error {
	result, err := tx.db.NewDelete().Table("drafts").
		Where("user_id = ? AND conversation_id = ? AND kind = ?", int64(user), int64(conversation), string(kind)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("discard draft: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	tx.Append(inbox.Event{Kind: inbox.DraftDiscarded, Shop: shop, Conversation: conversation, Actor: user, From: user, To: user,
		Data: map[string]any{"kind": kind}})
	return nil
}

// MarkRead keeps that somebody has read a conversation up to its newest customer message, or wants
// it to count as unread. Only his own screens are told, and only if it was otherwise before.
func (tx *Tx) MarkRead(ctx context.Context, user inbox.UserID, c inbox.Conversation, read bool) error {
	if read && c.LastInID == 0 {
		return nil // nothing of the customer is here: it never counts as unread
	}
	query := tx.db.NewRaw("DELETE FROM reads WHERE user_id = ? AND conversation_id = ?", int64(user), int64(c.ID))
	if read {
		query = tx.db.NewRaw(`INSERT INTO reads (user_id, conversation_id, message_id) VALUES (?, ?, ?)
			ON CONFLICT (user_id, conversation_id) DO UPDATE SET message_id = excluded.message_id WHERE reads.message_id < excluded.message_id`,
			int64(user), int64(c.ID), int64(c.LastInID))
	}
	result, err := query.Exec(ctx)
	if err != nil {
		return fmt.Errorf("mark conversation %s: %w", c.ID, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	tx.Append(inbox.Event{Kind: inbox.ConversationRead, Shop: c.Shop, Conversation: c.ID, Actor: user, From: user, To: user,
		Data: map[string]any{"read": read, "message": c.LastInID}})
	return nil
}

// AddMentions keeps whom a note mentions. Code Invalid if one of them does not exist.
func (tx *Tx) AddMentions(ctx context.Context, conversation inbox.ConversationID, note inbox.MessageID, users []inbox.UserID) error {
	if len(users) == 0 {
		return nil
	}
	type row struct {
		bun.BaseModel `bun:"table:mentions"`
		User          int64 `bun:"user_id"`
		Conversation  int64 `bun:"conversation_id"`
		Message       int64 `bun:"message_id"`
	}
	rows := make([]row, len(users))
	for i, u := range users {
		rows[i] = row{User: int64(u), Conversation: int64(conversation), Message: int64(note)}
	}
	_, err := tx.db.NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx)
	if foreign(err) {
		return &inbox.Error{Code: inbox.Invalid, Field: "body.mentions", Msg: "one of the people mentioned does not exist", Err: err}
	}
	if err != nil {
		return fmt.Errorf("keep mentions: %w", err)
	}
	return nil
}
