package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type eventRow struct {
	bun.BaseModel `bun:"table:events"`
	Seq           int64  `bun:"seq,pk,autoincrement"`
	Kind          string `bun:"kind"`
	At            int64  `bun:"at"`
	Shop          int64  `bun:"shop_id"`
	Conversation  int64  `bun:"conversation_id"`
	Actor         int64  `bun:"actor_id"`
	From          int64  `bun:"from_id"`
	To            int64  `bun:"to_id"`
	Data          string `bun:"data"`
}

func (r eventRow) event() (inbox.Event, error) {
	e := inbox.Event{Seq: r.Seq, Kind: inbox.EventKind(r.Kind), At: moment(r.At), Shop: inbox.ShopID(r.Shop),
		Conversation: inbox.ConversationID(r.Conversation), Actor: inbox.UserID(r.Actor),
		From: inbox.UserID(r.From), To: inbox.UserID(r.To), Data: map[string]any{}}
	return e, parse(r.Data, &e.Data)
}

func events(rows []eventRow) ([]inbox.Event, error) {
	list := make([]inbox.Event, len(rows))
	for i, r := range rows {
		e, err := r.event()
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", r.Seq, err)
		}
		list[i] = e
	}
	return list, nil
}

// EventsAfter returns up to limit events with a number above after, in order, of everybody: whoever
// shows them filters by scope at the moment of delivery.
func (q queries) EventsAfter(ctx context.Context, after int64, limit int) ([]inbox.Event, error) {
	var rows []eventRow
	if err := q.db.NewSelect().Model(&rows).Where("seq > ?", after).Order("seq").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read the event log: %w", err)
	}
	return events(rows)
}

// ConversationEvents returns the events of one conversation, newest first, below the number before
// (0 = from the newest), without those that are private to somebody else than the scope's user.
func (q queries) ConversationEvents(ctx context.Context, scope rbac.Scope, id inbox.ConversationID, before int64, limit int) ([]inbox.Event, error) {
	var rows []eventRow
	query := q.db.NewSelect().Model(&rows).Where("conversation_id = ?", int64(id)).
		Where("(kind NOT IN (?) OR actor_id = ?)", bun.List(privateKinds()), int64(scope.User)).
		OrderExpr("seq DESC").Limit(int64(limit))
	if before > 0 {
		query.Where("seq < ?", before)
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read events of conversation %s: %w", id, err)
	}
	return events(rows)
}

func privateKinds() []string {
	return []string{string(inbox.ConversationRead), string(inbox.DraftSaved), string(inbox.DraftDiscarded)}
}

// LastSeq returns the highest number of the log, 0 if it is empty.
func (q queries) LastSeq(ctx context.Context) (int64, error) {
	var seq int64
	err := q.db.NewSelect().Table("events").ColumnExpr("COALESCE(max(seq), 0)").Scan(ctx, &seq)
	return seq, err
}

// FirstSeq returns the lowest number the log still has, 0 if it is empty.
func (q queries) FirstSeq(ctx context.Context) (int64, error) {
	var seq int64
	err := q.db.NewSelect().Table("events").ColumnExpr("COALESCE(min(seq), 0)").Scan(ctx, &seq)
	return seq, err
}
