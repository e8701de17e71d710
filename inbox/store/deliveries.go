package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// This file keeps what reports say of messages that were sent.

type deliveryRow struct {
	bun.BaseModel `bun:"table:deliveries"`
	Message       int64  `bun:"message_id"`
	Report        int64  `bun:"report_id,nullzero"`
	Recipient     string `bun:"recipient"`
	Outcome       string `bun:"outcome"`
	Status        string `bun:"status"`
	Permanent     int64  `bun:"permanent"`
	At            int64  `bun:"at"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r deliveryRow) delivery() inbox.Delivery {
	return inbox.Delivery{Message: inbox.MessageID(r.Message), Report: inbox.MessageID(r.Report), Recipient: r.Recipient,
		Outcome: inbox.Outcome(r.Outcome), Status: r.Status, Permanent: r.Permanent != 0, At: moment(r.At)}
}

// AddDelivery keeps what a report says. Of reports that say the same of one recipient the newest is
// kept.
func (tx *Tx) AddDelivery(ctx context.Context, d inbox.Delivery) error {
	r := deliveryRow{Message: int64(d.Message), Report: int64(d.Report), Recipient: d.Recipient, Outcome: string(d.Outcome), Status: d.Status,
		Permanent: flag(d.Permanent), At: micros(d.At), CreatedAt: micros(tx.now())}
	_, err := tx.db.NewInsert().Model(&r).On("CONFLICT (message_id, recipient, outcome) DO UPDATE").
		Set("report_id = EXCLUDED.report_id, status = EXCLUDED.status, permanent = EXCLUDED.permanent, at = EXCLUDED.at, created_at = EXCLUDED.created_at").
		Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep the delivery of message %s: %w", d.Message, err)
	}
	return nil
}

// DeliveriesSince returns what was reported of a message since a time, in the order it came.
func (q queries) DeliveriesSince(ctx context.Context, message inbox.MessageID, since time.Time) ([]inbox.Delivery, error) {
	var rows []deliveryRow
	err := q.db.NewSelect().Model(&rows).Where("message_id = ? AND created_at >= ?", int64(message), micros(since)).Order("created_at").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("deliveries of message %s: %w", message, err)
	}
	list := make([]inbox.Delivery, len(rows))
	for i, r := range rows {
		list[i] = r.delivery()
	}
	return list, nil
}

// report fills in what was reported of the outbound messages of a list, in one statement.
func (q queries) report(ctx context.Context, list []inbox.Message) error {
	at := map[int64]int{}
	var ids []int64
	for i, m := range list {
		if m.Direction == inbox.Out {
			at[int64(m.ID)] = i
			ids = append(ids, int64(m.ID))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var rows []deliveryRow
	if err := q.db.NewSelect().Model(&rows).Where("message_id IN (?)", bun.List(ids)).Order("created_at", "recipient").Scan(ctx); err != nil {
		return fmt.Errorf("deliveries: %w", err)
	}
	for _, r := range rows {
		m := &list[at[r.Message]]
		m.Deliveries = append(m.Deliveries, r.delivery())
	}
	return nil
}

// OutboundByHeader returns the messages a connection sent, or is about to send, under one of these
// Message-IDs.
func (q queries) OutboundByHeader(ctx context.Context, connection inbox.ConnectionID, headers []string) ([]KnownMessage, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	var list []KnownMessage
	err := q.db.NewSelect().Table("messages").Column("id", "conversation_id", "shop_id", "direction", "header_id", "from_address").
		Where("header_id <> ''").Where("header_id IN (?) AND connection_id = ? AND direction = 'out'", bun.List(headers), int64(connection)).
		Order("id").Scan(ctx, &list)
	if err != nil {
		return nil, fmt.Errorf("look for reported messages: %w", err)
	}
	return list, nil
}

// AnsweredAfter tells whether a message of a conversation that is newer than another was sent.
func (q queries) AnsweredAfter(ctx context.Context, conversation inbox.ConversationID, message inbox.MessageID) (bool, error) {
	found, err := q.db.NewSelect().Table("messages").
		Where("conversation_id = ? AND id > ? AND direction = 'out' AND automatic = '' AND state IN ('sent', 'delivered', 'read')", int64(conversation), int64(message)).
		Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("answers in conversation %s: %w", conversation, err)
	}
	return found, nil
}

// AutomaticSince counts the automatic messages that came since a time into the conversations of each
// of these contacts.
func (q queries) AutomaticSince(ctx context.Context, contacts []inbox.ContactID, since time.Time) (map[inbox.ContactID]int, error) {
	counts := map[inbox.ContactID]int{}
	if len(contacts) == 0 {
		return counts, nil
	}
	var rows []struct {
		Contact inbox.ContactID `bun:"contact_id"`
		N       int             `bun:"n"`
	}
	err := q.db.NewSelect().TableExpr("conversations AS c").Join("JOIN messages AS m ON m.conversation_id = c.id").
		Column("c.contact_id").ColumnExpr("count(*) AS n").
		Where("c.contact_id IN (?) AND c.last_at >= ?", bun.List(contacts), micros(since)).
		Where("m.direction = 'in' AND m.automatic <> '' AND m.created_at >= ?", micros(since)).
		Group("c.contact_id").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count automatic messages: %w", err)
	}
	for _, r := range rows {
		counts[r.Contact] = r.N
	}
	return counts, nil
}
