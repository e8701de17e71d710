package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// Attempt is one try to hand a message over, by one run of one node, under one hold on the
// connection. It is committed before any byte leaves.
type Attempt struct {
	ID      int64
	Message inbox.MessageID
	Node    string // Node.String of the run
	Fence   int64  // of the connection's lease
	BeganAt time.Time
	EndedAt time.Time // zero: under way, or cut off
	Outcome Outcome
	Reason  *inbox.Reason
}

// Outcome is how an attempt ended; "" while it has not.
type Outcome string

// Retry: certainly not accepted, to be tried again.
const (
	AttemptSent      Outcome = "sent"
	AttemptFailed    Outcome = "failed"
	AttemptUncertain Outcome = "uncertain"
	AttemptHeld      Outcome = "held"
	AttemptRetry     Outcome = "retry"
)

type attemptRow struct {
	bun.BaseModel `bun:"table:attempts"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Message       int64  `bun:"message_id"`
	Node          string `bun:"node"`
	Fence         int64  `bun:"fence"`
	BeganAt       int64  `bun:"began_at"`
	EndedAt       int64  `bun:"ended_at,nullzero"`
	Outcome       string `bun:"outcome"`
	Reason        string `bun:"reason,nullzero"`
}

func (r attemptRow) attempt() (Attempt, error) {
	a := Attempt{ID: r.ID, Message: inbox.MessageID(r.Message), Node: r.Node, Fence: r.Fence, BeganAt: moment(r.BeganAt),
		EndedAt: moment(r.EndedAt), Outcome: Outcome(r.Outcome)}
	var err error
	a.Reason, err = reasonOf(r.Reason)
	return a, err
}

func (q queries) attemptsWhere(ctx context.Context, where string, args ...any) ([]Attempt, error) {
	var rows []attemptRow
	if err := q.db.NewSelect().Model(&rows).Where(where, args...).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read attempts: %w", err)
	}
	list := make([]Attempt, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.attempt(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Attempts returns the attempts at one message, oldest first.
func (q queries) Attempts(ctx context.Context, message inbox.MessageID) ([]Attempt, error) {
	return q.attemptsWhere(ctx, "message_id = ?", int64(message))
}

// OpenAttempts returns the attempts that have not ended, of all nodes.
func (q queries) OpenAttempts(ctx context.Context) ([]Attempt, error) {
	return q.attemptsWhere(ctx, "ended_at IS NULL")
}

// Attempt returns one attempt.
func (q queries) Attempt(ctx context.Context, id int64) (Attempt, error) {
	var r attemptRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", id).Scan(ctx); err != nil {
		return Attempt{}, notFound(err, "attempt")
	}
	return r.attempt()
}

// BeginAttempt keeps that a message is about to be handed over, and returns the attempt's id.
func (tx *Tx) BeginAttempt(ctx context.Context, message inbox.MessageID, node Node, fence int64) (int64, error) {
	r := attemptRow{Message: int64(message), Node: node.String(), Fence: fence, BeganAt: micros(tx.now())}
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return 0, fmt.Errorf("begin attempt: %w", err)
	}
	return r.ID, nil
}

// EndAttempt keeps how an attempt ended, and returns false if it had ended before.
func (tx *Tx) EndAttempt(ctx context.Context, id int64, outcome Outcome, reason *inbox.Reason) (open bool, err error) {
	update := tx.db.NewUpdate().Table("attempts").Set("ended_at = ?, outcome = ?", micros(tx.now()), string(outcome)).
		Where("id = ? AND ended_at IS NULL", id)
	if reason != nil {
		update.Set("reason = ?", reasonText(reason))
	}
	result, err := update.Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("end attempt: %w", err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// MoveMessage is SaveDelivery if the message stands in one of the given states. It returns false,
// and changes nothing, if it does not: whoever moved it was faster.
func (tx *Tx) MoveMessage(ctx context.Context, m inbox.Message, from ...inbox.MessageState) (bool, error) {
	r := newMessageRow(m)
	result, err := tx.db.NewUpdate().Model(&r).Column("state", "problem", "remote_id", "at", "send_at").WherePK().
		Where("state IN (?)", bun.List(from)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("move message %s: %w", m.ID, err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// leaving is the condition of the index on messages that have not left, in its own words: SQLite
// finds the index by it.
const leaving = "state IN ('scheduled', 'held', 'queued', 'sending', 'uncertain', 'failed')"

// Overdue returns messages that wait to leave and whose time has come, by id, above the id after.
func (q queries) Overdue(ctx context.Context, by time.Time, after inbox.MessageID, limit int) ([]inbox.MessageID, error) {
	var ids []inbox.MessageID
	err := q.db.NewSelect().Table("messages").Column("id").Where(leaving).
		Where("state IN ('queued', 'scheduled') AND send_at <= ? AND id > ?", micros(by), int64(after)).
		Order("id").Limit(int64(limit)).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("find messages that are due: %w", err)
	}
	return ids, nil
}

// HeldLine is a way out by which replies are held.
type HeldLine struct {
	Shop       inbox.ShopID       `bun:"shop_id"`
	Connection inbox.ConnectionID `bun:"connection_id"`
}

// HeldLines returns the ways out with held messages whose time has come.
func (q queries) HeldLines(ctx context.Context, by time.Time) ([]HeldLine, error) {
	var lines []HeldLine
	err := q.db.NewSelect().Table("messages").ColumnExpr("DISTINCT shop_id, connection_id").Where(leaving).
		Where("state = 'held' AND send_at <= ?", micros(by)).Scan(ctx, &lines)
	if err != nil {
		return nil, fmt.Errorf("find held messages: %w", err)
	}
	return lines, nil
}

// HeldBy returns the held messages of a way out whose time has come, the oldest first.
func (q queries) HeldBy(ctx context.Context, line HeldLine, by time.Time, limit int) ([]inbox.MessageID, error) {
	var ids []inbox.MessageID
	err := q.db.NewSelect().Table("messages").Column("id").Where(leaving).
		Where("state = 'held' AND send_at <= ? AND shop_id = ? AND connection_id = ?", micros(by), int64(line.Shop), int64(line.Connection)).
		Order("id").Limit(int64(limit)).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("find held messages: %w", err)
	}
	return ids, nil
}

// Ahead returns when the message that must leave before m may be sent: an older one of the same
// conversation that is on its way. The zero time if there is none.
func (q queries) Ahead(ctx context.Context, m inbox.Message) (time.Time, error) {
	var at int64
	err := q.db.NewSelect().Table("messages").ColumnExpr("send_at").
		Where("conversation_id = ? AND direction = 'out' AND id < ?", int64(m.Conversation), int64(m.ID)).
		Where("(state = 'sending' OR (state = 'queued' AND problem IS NOT NULL) OR (state IN ('queued', 'scheduled') AND send_at <= ?))", micros(m.SendAt)).
		OrderExpr("id DESC").Limit(1).Scan(ctx, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("message before %s: %w", m.ID, err)
	}
	return moment(at), nil
}

// ThreadHead returns the message an answer in a conversation refers to: the newest of the customer
// that has a Message-ID, one that is not automatic if there is one, else the newest sent.
func (q queries) ThreadHead(ctx context.Context, conversation inbox.ConversationID) (headerID string, references []string, err error) {
	var r messageRow
	err = q.db.NewSelect().Model(&r).Column("header_id", "refs").
		Where("conversation_id = ? AND header_id <> ''", int64(conversation)).
		Where("(direction = 'in' OR state IN ('sent', 'delivered', 'read'))").
		OrderExpr("direction, automatic, at DESC, id DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("head of conversation %s: %w", conversation, err)
	}
	return r.HeaderID, references, parse(r.References, &references)
}

// NewestByOthers returns the newest message of a conversation that somebody else than user wrote,
// automatic and withdrawn ones left out; 0 if there is none.
func (q queries) NewestByOthers(ctx context.Context, conversation inbox.ConversationID, user inbox.UserID) (id inbox.MessageID, err error) {
	err = q.db.NewSelect().Table("messages").ColumnExpr("COALESCE(max(id), 0)").
		Where("conversation_id = ? AND COALESCE(author_id, 0) <> ? AND automatic = '' AND state <> 'withdrawn'", int64(conversation), int64(user)).
		Scan(ctx, &id)
	if err != nil {
		return 0, fmt.Errorf("newest message of conversation %s: %w", conversation, err)
	}
	return id, nil
}

// UnansweredSince returns when the oldest customer message came that was stored after the given
// time; the zero time if none was.
func (q queries) UnansweredSince(ctx context.Context, conversation inbox.ConversationID, stored time.Time) (time.Time, error) {
	var at int64
	err := q.db.NewSelect().Table("messages").ColumnExpr("COALESCE(min(at), 0)").
		Where("conversation_id = ? AND direction = 'in' AND automatic = '' AND created_at > ?", int64(conversation), micros(stored)).Scan(ctx, &at)
	if err != nil {
		return time.Time{}, fmt.Errorf("unanswered messages of conversation %s: %w", conversation, err)
	}
	return moment(at), nil
}

// LastMessage returns the newest message of a conversation that was not withdrawn, without its
// attachments; NotFound if there is none.
func (q queries) LastMessage(ctx context.Context, conversation inbox.ConversationID) (inbox.Message, error) {
	var r messageRow
	err := q.db.NewSelect().Model(&r).Where("conversation_id = ? AND state <> 'withdrawn'", int64(conversation)).
		OrderExpr("at DESC, id DESC").Limit(1).Scan(ctx)
	if err != nil {
		return inbox.Message{}, notFound(err, "message")
	}
	return r.message()
}

// ReturnUploads gives the files of a message that did not leave back to its author.
func (tx *Tx) ReturnUploads(ctx context.Context, message inbox.MessageID) error {
	_, err := tx.db.NewUpdate().Table("attachments").Set("message_id = NULL").
		Where("message_id = ? AND uploader_id IS NOT NULL", int64(message)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("give back files of message %s: %w", message, err)
	}
	return nil
}

// TouchSent keeps when a connection last handed a message over.
func (tx *Tx) TouchSent(ctx context.Context, connection inbox.ConnectionID, at time.Time) error {
	_, err := tx.db.NewUpdate().Table("connections").Set("last_out_at = ?", micros(at)).
		Where("id = ? AND COALESCE(last_out_at, 0) < ?", int64(connection), micros(at)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("connection %s: %w", connection, err)
	}
	return nil
}
