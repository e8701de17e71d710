package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type messageRow struct {
	bun.BaseModel `bun:"table:messages,alias:m"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Conversation  int64  `bun:"conversation_id"`
	Home          int64  `bun:"home_id,nullzero"`
	Shop          int64  `bun:"shop_id"`
	Connection    int64  `bun:"connection_id"`
	Direction     string `bun:"direction"`
	State         string `bun:"state"`
	Problem       string `bun:"problem,nullzero"`
	Author        int64  `bun:"author_id,nullzero"`
	FromName      string `bun:"from_name"`
	FromAddress   string `bun:"from_address"`
	Recipients    string `bun:"recipients"`
	Subject       string `bun:"subject"`
	Text          string `bun:"body"`
	ReplyText     string `bun:"reply_text"`
	HTML          string `bun:"html"`
	HeaderID      string `bun:"header_id"`
	InReplyTo     string `bun:"in_reply_to"`
	References    string `bun:"refs"`
	RemoteID      string `bun:"remote_id"`
	Sameness      []byte `bun:"sameness,nullzero"`
	RawHash       string `bun:"raw_hash"`
	SendKey       string `bun:"send_key,nullzero"`
	SendHash      string `bun:"send_hash"`
	Before        string `bun:"restores,nullzero"`
	Automatic     string `bun:"automatic"`
	Protection    string `bun:"protection"`
	Unverified    int64  `bun:"unverified"`
	Files         int    `bun:"files"`
	Mentions      string `bun:"mentions"`
	At            int64  `bun:"at"`
	SendAt        int64  `bun:"send_at,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
}

type recipients struct {
	To  []inbox.Address `json:"to,omitempty"`
	Cc  []inbox.Address `json:"cc,omitempty"`
	Bcc []inbox.Address `json:"bcc,omitempty"`
}

func (r messageRow) message() (inbox.Message, error) {
	m := inbox.Message{ID: inbox.MessageID(r.ID), Conversation: inbox.ConversationID(r.Conversation), Home: inbox.ConversationID(r.Home), Shop: inbox.ShopID(r.Shop),
		Connection: inbox.ConnectionID(r.Connection), Direction: inbox.Direction(r.Direction), State: inbox.MessageState(r.State),
		Author: inbox.UserID(r.Author), From: inbox.Address{Name: r.FromName, Address: r.FromAddress}, Subject: r.Subject,
		Text: r.Text, ReplyText: r.ReplyText, HTML: r.HTML, HeaderID: r.HeaderID, InReplyTo: r.InReplyTo, RemoteID: r.RemoteID,
		RawHash: r.RawHash, SendKey: r.SendKey, SendHash: r.SendHash, Automatic: inbox.Automatic(r.Automatic), Protection: inbox.Protection(r.Protection),
		Unverified: r.Unverified != 0, At: moment(r.At), SendAt: moment(r.SendAt), CreatedAt: moment(r.CreatedAt), Files: r.Files}
	var to recipients
	if err := parse(r.Recipients, &to); err != nil {
		return m, fmt.Errorf("recipients of message %d: %w", r.ID, err)
	}
	m.To, m.Cc, m.Bcc = to.To, to.Cc, to.Bcc
	if err := parse(r.References, &m.References); err != nil {
		return m, fmt.Errorf("references of message %d: %w", r.ID, err)
	}
	if err := parse(r.Mentions, &m.Mentions); err != nil {
		return m, fmt.Errorf("mentions of message %d: %w", r.ID, err)
	}
	if r.Before != "" {
		m.Before = new(inbox.Before)
		if err := parse(r.Before, m.Before); err != nil {
			return m, fmt.Errorf("message %d: %w", r.ID, err)
		}
	}
	var err error
	m.Problem, err = reasonOf(r.Problem)
	return m, err
}

func newMessageRow(m inbox.Message) messageRow {
	if m.References == nil {
		m.References = []string{}
	}
	if m.Mentions == nil {
		m.Mentions = []inbox.UserID{}
	}
	r := messageRow{ID: int64(m.ID), Conversation: int64(m.Conversation), Home: int64(m.Home), Shop: int64(m.Shop), Connection: int64(m.Connection),
		Direction: string(m.Direction), State: string(m.State), Problem: reasonText(m.Problem), Author: int64(m.Author),
		FromName: m.From.Name, FromAddress: m.From.Address, Recipients: text(recipients{m.To, m.Cc, m.Bcc}), Subject: m.Subject,
		Text: m.Text, ReplyText: m.ReplyText, HTML: m.HTML, HeaderID: m.HeaderID, InReplyTo: m.InReplyTo, References: text(m.References),
		RemoteID: m.RemoteID, RawHash: m.RawHash, SendKey: m.SendKey, SendHash: m.SendHash, Automatic: string(m.Automatic), Protection: string(m.Protection),
		Unverified: flag(m.Unverified), Files: m.Files, Mentions: text(m.Mentions), At: micros(m.At), SendAt: micros(m.SendAt),
		CreatedAt: micros(m.CreatedAt)}
	if m.Before != nil {
		r.Before = text(m.Before)
	}
	return r
}

func messages(rows []messageRow) ([]inbox.Message, error) {
	list := make([]inbox.Message, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.message(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Messages returns messages of one conversation with their attachments, newest first, below the
// position (at, id) of before; a zero before begins at the newest. The caller has read the
// conversation within his scope.
func (q queries) Messages(ctx context.Context, id inbox.ConversationID, before Position, limit int) ([]inbox.Message, error) {
	var rows []messageRow
	query := q.db.NewSelect().Model(&rows).Where("conversation_id = ?", int64(id)).OrderExpr("at DESC, id DESC").Limit(int64(limit))
	if before.ID != 0 {
		query.Where("(at, id) < (?, ?)", micros(before.At), before.ID)
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("messages of conversation %s: %w", id, err)
	}
	list, err := messages(rows)
	if err != nil {
		return nil, err
	}
	if err := q.report(ctx, list); err != nil {
		return nil, err
	}
	return list, q.attach(ctx, list)
}

// Position is a place in a list sorted by time and id.
type Position struct {
	At time.Time
	ID int64
}

// Message returns one message with its attachments, whoever asks: the caller decides by its
// conversation.
func (q queries) Message(ctx context.Context, id inbox.MessageID) (inbox.Message, error) {
	var r messageRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.Message{}, notFound(err, "message")
	}
	m, err := r.message()
	if err != nil {
		return m, err
	}
	list := []inbox.Message{m}
	if err := q.report(ctx, list); err != nil {
		return m, err
	}
	err = q.attach(ctx, list)
	return list[0], err
}

// MessageByKey returns the message an author wrote under an idempotency key; NotFound if none.
func (q queries) MessageByKey(ctx context.Context, author inbox.UserID, key string) (inbox.Message, error) {
	var r messageRow
	if err := q.db.NewSelect().Model(&r).Where("author_id = ? AND send_key = ?", int64(author), key).Scan(ctx); err != nil {
		return inbox.Message{}, notFound(err, "message")
	}
	m, err := r.message()
	if err != nil {
		return m, err
	}
	list := []inbox.Message{m}
	err = q.attach(ctx, list)
	return list[0], err
}

// LockMessage returns a message without attachments and keeps others from changing it until the
// transaction ends. Lock its conversation first where both are needed.
func (tx *Tx) LockMessage(ctx context.Context, id inbox.MessageID) (inbox.Message, error) {
	var r messageRow
	query := tx.db.NewSelect().Model(&r).Where("m.id = ?", int64(id))
	if tx.postgres {
		query.For("UPDATE")
	}
	if err := query.Scan(ctx); err != nil {
		return inbox.Message{}, notFound(err, "message")
	}
	return r.message()
}

// AddMessage keeps one message written here (a reply or a note) and returns its id. Conflict if the
// author used the key before.
func (tx *Tx) AddMessage(ctx context.Context, m inbox.Message) (inbox.MessageID, error) {
	m.CreatedAt = tx.now()
	r := newMessageRow(m)
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		if unique(err) {
			return 0, &inbox.Error{Code: inbox.Conflict, Msg: "this message was kept before", Err: err}
		}
		return 0, fmt.Errorf("keep message: %w", err)
	}
	return inbox.MessageID(r.ID), nil
}

// SaveDelivery writes where an outbound message stands: state, problem, remote id, times.
func (tx *Tx) SaveDelivery(ctx context.Context, m inbox.Message) error {
	r := newMessageRow(m)
	_, err := tx.db.NewUpdate().Model(&r).Column("state", "problem", "remote_id", "at", "send_at").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("save message %s: %w", m.ID, err)
	}
	return nil
}

type attachmentRow struct {
	bun.BaseModel `bun:"table:attachments,alias:a"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Message       int64  `bun:"message_id,nullzero"`
	Uploader      int64  `bun:"uploader_id,nullzero"`
	Name          string `bun:"name"`
	ContentType   string `bun:"content_type"`
	Size          int64  `bun:"size"`
	Inline        int64  `bun:"inline"`
	ContentID     string `bun:"content_id"`
	Hash          string `bun:"hash"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r attachmentRow) attachment() inbox.Attachment {
	return inbox.Attachment{ID: inbox.AttachmentID(r.ID), Message: inbox.MessageID(r.Message), Uploader: inbox.UserID(r.Uploader), Name: r.Name,
		ContentType: r.ContentType, Size: r.Size, Inline: r.Inline != 0, ContentID: r.ContentID, Hash: r.Hash}
}

func newAttachmentRow(a inbox.Attachment, now time.Time) attachmentRow {
	return attachmentRow{Message: int64(a.Message), Uploader: int64(a.Uploader), Name: a.Name, ContentType: a.ContentType, Size: a.Size,
		Inline: flag(a.Inline), ContentID: a.ContentID, Hash: a.Hash, CreatedAt: micros(now)}
}

// attach fills in the attachments of messages that have files, in one statement.
func (q queries) attach(ctx context.Context, list []inbox.Message) error {
	at := map[int64]int{}
	var ids []int64
	for i, m := range list {
		if m.Files > 0 {
			at[int64(m.ID)] = i
			ids = append(ids, int64(m.ID))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var rows []attachmentRow
	if err := q.db.NewSelect().Model(&rows).Where("message_id IN (?)", bun.List(ids)).Order("id").Scan(ctx); err != nil {
		return fmt.Errorf("attachments: %w", err)
	}
	for _, r := range rows {
		m := &list[at[r.Message]]
		m.Attachments = append(m.Attachments, r.attachment())
	}
	return nil
}

// Attachment returns one attachment, whoever asks: the caller decides by its message, or by its
// uploader while it belongs to none.
func (q queries) Attachment(ctx context.Context, id inbox.AttachmentID) (inbox.Attachment, error) {
	var r attachmentRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.Attachment{}, notFound(err, "attachment")
	}
	return r.attachment(), nil
}

// AddUpload keeps an uploaded file that no message has yet.
func (tx *Tx) AddUpload(ctx context.Context, a inbox.Attachment) (inbox.AttachmentID, error) {
	r := newAttachmentRow(a, tx.now())
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return 0, fmt.Errorf("keep upload: %w", err)
	}
	return inbox.AttachmentID(r.ID), nil
}

// ClaimUploads gives uploads of one person to the message he wrote. Invalid if one of them is not
// his or already belongs to a message.
func (tx *Tx) ClaimUploads(ctx context.Context, uploader inbox.UserID, message inbox.MessageID, ids []inbox.AttachmentID) error {
	if len(ids) == 0 {
		return nil
	}
	result, err := tx.db.NewUpdate().Table("attachments").Set("message_id = ?", int64(message)).
		Where("id IN (?)", bun.List(ids)).Where("message_id IS NULL AND uploader_id = ?", int64(uploader)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("attach uploads: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(len(ids)) {
		return inbox.InvalidField("body.attachments", "one of the files is unknown or was sent before: add it again")
	}
	return nil
}
