package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// This file holds what automatic assignment asks the database: how much everybody has to do, what
// waits for somebody, and whether people or roster have changed.

// routeLock is the key of the advisory lock under which loads are counted and work is given out.
const routeLock = logLock + 4

// LockRouting lets one transaction at a time give out work, until it ends: two that count the same
// load would both fill the last free place. Who calls it holds the locks of the conversations it
// will change already, or takes them without waiting, so that nobody waits in a circle. On SQLite a
// writing transaction is alone anyway.
func (tx *Tx) LockRouting(ctx context.Context) error {
	if !tx.postgres {
		return nil
	}
	if _, err := tx.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(routeLock)); err != nil {
		return fmt.Errorf("lock the giving out of work: %w", err)
	}
	return nil
}

// Loads returns what each of these people has to do now, over all shops; who has nothing is there
// too. One statement, by index alone.
func (q queries) Loads(ctx context.Context, users []inbox.UserID, now time.Time) (map[inbox.UserID]inbox.Load, error) {
	loads := make(map[inbox.UserID]inbox.Load, len(users))
	if len(users) == 0 {
		return loads, nil
	}
	var rows []struct {
		User    int64 `bun:"id"`
		Open    int   `bun:"held"`
		DueSoon int   `bun:"due_soon"`
		Last    int64 `bun:"last"`
	}
	err := q.db.NewRaw(`SELECT u.id, COALESCE(l.held, 0) AS held, COALESCE(l.due_soon, 0) AS due_soon,
			COALESCE((SELECT max(a.at) FROM assignments a WHERE a.to_id = u.id AND a.actor_id IS NULL), 0) AS last
		FROM users u LEFT JOIN (
			SELECT assignee_id, count(*) AS held, count(CASE WHEN due_at <= ?1 THEN 1 END) AS due_soon
			FROM conversations WHERE state = 'open' AND assignee_id IN (?0) GROUP BY assignee_id
		) l ON l.assignee_id = u.id WHERE u.id IN (?0)`,
		bun.List(users), micros(now.Add(inbox.DueSoonWithin))).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("count what people have to do: %w", err)
	}
	for _, r := range rows {
		loads[inbox.UserID(r.User)] = inbox.Load{Open: r.Open, DueSoon: r.DueSoon, LastAssignedAt: moment(r.Last)}
	}
	return loads, nil
}

// HeldOpen returns which of these conversations are open and held in the database now, and by whom:
// those that Loads has counted.
func (q queries) HeldOpen(ctx context.Context, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.UserID, error) {
	held := map[inbox.ConversationID]inbox.UserID{}
	if len(ids) == 0 {
		return held, nil
	}
	var rows []struct {
		ID       inbox.ConversationID `bun:"id"`
		Assignee inbox.UserID         `bun:"assignee_id"`
	}
	err := q.db.NewSelect().Table("conversations").Column("id", "assignee_id").
		Where("id IN (?) AND state = 'open' AND assignee_id IS NOT NULL", bun.List(ids)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("who holds conversations: %w", err)
	}
	for _, r := range rows {
		held[r.ID] = r.Assignee
	}
	return held, nil
}

// queued is what an open conversation is that waits for somebody to hold it. One that somebody has
// given back on purpose is left to people until the customer writes again.
const queued = `c.state = 'open' AND c.assignee_id IS NULL AND COALESCE(c.assign_reason, '') NOT LIKE '{"code":"released"%'`

// QueuedShops returns the shops in which open conversations wait to be given to somebody.
func (q queries) QueuedShops(ctx context.Context) ([]inbox.ShopID, error) {
	var shops []inbox.ShopID
	err := q.db.NewRaw(`SELECT s.id FROM shops s WHERE EXISTS (
		SELECT 1 FROM conversations c WHERE c.shop_id = s.id AND `+queued+`) ORDER BY s.id`).Scan(ctx, &shops)
	if err != nil {
		return nil, fmt.Errorf("find shops with a queue: %w", err)
	}
	return shops, nil
}

// LockQueue returns up to limit conversations of these shops that wait to be given to somebody, the
// one that is due first in front, then the longest waiting, and keeps others from changing them. Those somebody
// else is changing are left out.
func (tx *Tx) LockQueue(ctx context.Context, shops []inbox.ShopID, limit int) ([]inbox.Conversation, error) {
	if len(shops) == 0 {
		return nil, nil
	}
	return tx.lockSome(ctx, func(query *bun.SelectQuery) {
		query.Where("c.shop_id IN (?)", bun.List(shops)).Where(queued).
			OrderExpr("COALESCE(c.due_at, ?), COALESCE(c.waiting_since, c.last_at), c.id", latestDue).Limit(int64(limit))
	})
}

// Holder is somebody with conversations of a shop in which a customer waits for an answer.
type Holder struct {
	User inbox.UserID `bun:"assignee_id"`
	Shop inbox.ShopID `bun:"shop_id"`
}

// WaitingHolders returns who holds open conversations with waiting customers, and in which shops.
func (q queries) WaitingHolders(ctx context.Context) ([]Holder, error) {
	var holders []Holder
	err := q.db.NewSelect().Table("conversations").ColumnExpr("DISTINCT assignee_id, shop_id").
		Where("state = 'open' AND assignee_id IS NOT NULL AND waiting_since IS NOT NULL").
		Order("assignee_id", "shop_id").Scan(ctx, &holders)
	if err != nil {
		return nil, fmt.Errorf("who holds waiting customers: %w", err)
	}
	return holders, nil
}

// LockWaiting returns up to limit open conversations of a holder in which the customer waits, those
// with ids above after, by id, and keeps others from changing them. Those somebody else is changing
// are left out.
func (tx *Tx) LockWaiting(ctx context.Context, holder Holder, after inbox.ConversationID, limit int) ([]inbox.Conversation, error) {
	return tx.lockSome(ctx, func(query *bun.SelectQuery) {
		query.Where("c.assignee_id = ? AND c.shop_id = ? AND c.state = 'open'", int64(holder.User), int64(holder.Shop)).
			Where("c.waiting_since IS NOT NULL AND c.id > ?", int64(after)).Order("c.id").Limit(int64(limit))
	})
}

// lockSome locks those of the conversations a query finds that nobody else has locked.
func (tx *Tx) lockSome(ctx context.Context, narrow func(*bun.SelectQuery)) ([]inbox.Conversation, error) {
	var rows []conversationRow
	query := tx.db.NewSelect().Model(&rows)
	narrow(query)
	if tx.postgres {
		query.For("UPDATE SKIP LOCKED")
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock conversations to give out: %w", err)
	}
	return plain(rows)
}

// RoutingNews is what the log says since a number of it.
type RoutingNews struct {
	Seq    int64 // the highest number now
	Roster bool  // people, rights, shops, shifts or presence may differ
	Room   bool  // somebody may have room for new work, or work may have come back into a queue
	Policy int64 // the version of the policy now
}

var (
	rosterKinds = []string{string(inbox.PresenceChanged), string(inbox.RosterChanged), string(inbox.ShopChanged),
		string(inbox.AccessChanged), string(inbox.UserChanged)}
	roomKinds = []string{string(inbox.ConversationClosed), string(inbox.ConversationPending), string(inbox.ConversationSnoozed),
		string(inbox.ConversationOpened)}
)

// RoutingNews reads the log since a number of it, in one statement that costs as much as there are
// events since.
func (q queries) RoutingNews(ctx context.Context, since int64) (RoutingNews, error) {
	var r struct {
		Seq    int64 `bun:"seq"`
		Roster int   `bun:"roster"`
		Room   int   `bun:"room"`
		Policy int64 `bun:"policy"`
	}
	err := q.db.NewRaw(`SELECT COALESCE(max(seq), ?0) AS seq, count(CASE WHEN kind IN (?1) THEN 1 END) AS roster,
			count(CASE WHEN kind IN (?2) OR kind = ?3 AND from_id <> 0 THEN 1 END) AS room,
			(SELECT version FROM policy_version WHERE id = 1) AS policy
		FROM events WHERE seq > ?0`, since, bun.List(rosterKinds), bun.List(roomKinds), string(inbox.ConversationAssigned)).Scan(ctx, &r)
	if err != nil {
		return RoutingNews{}, fmt.Errorf("ask whether the roster changed: %w", err)
	}
	return RoutingNews{Seq: r.Seq, Roster: r.Roster > 0, Room: r.Room > 0, Policy: r.Policy}, nil
}
