package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// Lists and threads are what people wait for most often, so their rows are read without reflection:
// by position, into values both drivers give as int64, string or []byte, nil for NULL.

// readRows runs a query and calls fn for each row; values hold until fn returns.
func (q queries) readRows(ctx context.Context, query *bun.SelectQuery, columns int, fn func(values []any)) (err error) {
	rows, err := q.db.QueryContext(ctx, query.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values, into := make([]any, columns), make([]any, columns)
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		fn(values)
	}
	return rows.Err()
}

func number(v any) int64 {
	n, ok := v.(int64)
	if !ok && v != nil {
		panic(fmt.Sprintf("store: a number was read as %T", v)) // the schema has changed and not this file
	}
	return n
}

func words(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case nil:
		return ""
	}
	panic(fmt.Sprintf("store: a text was read as %T", v)) // the schema has changed and not this file
}

// conversationColumns are read by scanConversations in this order.
const conversationColumns = "r.id, r.shop_id, r.connection_id, r.contact_id, r.contact_name, r.contact_address, r.kind, r.remote_thread, r.subject, " +
	"r.state, r.closed_reason, r.active, r.status_id, r.assignee_id, r.assigned_at, r.assign_reason, r.preview, r.preview_author, r.preview_kind, " +
	"r.messages, r.has_attachments, r.last_in_id, r.last_out_at, r.last_at, r.waiting_since, r.due_at, r.sort_due, r.snoozed_until, r.created_at, r.version, " +
	"r.merged_into, r.unverified"

const conversationWidth = 32

// scanConversations reads conversations followed by their places.
func (q queries) scanConversations(ctx context.Context, query *bun.SelectQuery) (rows []conversationRow, places []Place, err error) {
	err = q.readRows(ctx, query, conversationWidth+2, func(v []any) {
		rows = append(rows, conversationRow{ID: number(v[0]), Shop: number(v[1]), Connection: number(v[2]), Contact: number(v[3]),
			ContactName: words(v[4]), ContactAddress: words(v[5]), Kind: words(v[6]), RemoteThread: words(v[7]), Subject: words(v[8]),
			State: words(v[9]), ClosedReason: words(v[10]), Active: number(v[11]), Status: number(v[12]), Assignee: number(v[13]),
			AssignedAt: number(v[14]), AssignReason: words(v[15]), Preview: words(v[16]), PreviewAuthor: number(v[17]), PreviewKind: words(v[18]),
			Messages: int(number(v[19])), HasAttachments: number(v[20]), LastInID: number(v[21]), LastOutAt: number(v[22]), LastAt: number(v[23]),
			WaitingSince: number(v[24]), DueAt: number(v[25]), SortDue: number(v[26]), SnoozedUntil: number(v[27]), CreatedAt: number(v[28]), Version: number(v[29]),
			MergedInto: number(v[30]), Unverified: number(v[31])})
		places = append(places, Place{number(v[32]), number(v[33])})
	})
	return rows, places, err
}
