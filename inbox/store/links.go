package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/rbac"
)

type linkRow struct {
	bun.BaseModel `bun:"table:links,alias:l"`
	Conversation  int64  `bun:"conversation_id,pk"`
	Other         int64  `bun:"other_id,pk"`
	Kind          string `bun:"kind,pk"`
	Reason        string `bun:"reason"`
	Actor         int64  `bun:"actor_id,nullzero"`
	Restores      string `bun:"restores,nullzero"`
	At            int64  `bun:"at"`
}

func newLinkRow(l inbox.Link) linkRow {
	r := linkRow{Conversation: int64(l.Conversation), Other: int64(l.Other), Kind: string(l.Kind), Reason: string(l.Reason),
		Actor: int64(l.Actor), At: micros(l.At)}
	if l.Undo != nil {
		r.Restores = text(l.Undo)
	}
	return r
}

func (r linkRow) link() (inbox.Link, error) {
	l := inbox.Link{Conversation: inbox.ConversationID(r.Conversation), Other: inbox.ConversationID(r.Other), Kind: inbox.LinkKind(r.Kind),
		Reason: inbox.LinkReason(r.Reason), Actor: inbox.UserID(r.Actor), At: moment(r.At)}
	if r.Restores == "" {
		return l, nil
	}
	l.Undo = new(inbox.MergeUndo)
	return l, parse(r.Restores, l.Undo)
}

// AddLinks keeps links between conversations that stand. One that is there already stays as it is.
func (tx *Tx) AddLinks(ctx context.Context, list []inbox.Link) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([]linkRow, len(list))
	for i, l := range list {
		l.At = tx.now()
		rows[i] = newLinkRow(l)
	}
	if _, err := tx.db.NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("keep links: %w", err)
	}
	return nil
}

// DropLink removes the links of a kind between two conversations, whichever came later, and returns
// whether there was one.
func (tx *Tx) DropLink(ctx context.Context, a, b inbox.ConversationID, kind inbox.LinkKind) (bool, error) {
	n, err := tx.drop(ctx, "link", tx.db.NewDelete().Table("links").
		Where("(conversation_id, other_id) IN ((?0, ?1), (?1, ?0)) AND kind = ?2", int64(a), int64(b), string(kind)))
	return n > 0, err
}

// LinkFrom returns the link of a kind that began with a conversation; NotFound if there is none.
func (q queries) LinkFrom(ctx context.Context, id inbox.ConversationID, kind inbox.LinkKind) (inbox.Link, error) {
	var r linkRow
	err := q.db.NewSelect().Model(&r).Where("conversation_id = ? AND kind = ?", int64(id), string(kind)).OrderExpr("at DESC").Limit(1).Scan(ctx)
	if err != nil {
		return inbox.Link{}, notFound(err, "link")
	}
	return r.link()
}

// LinkedConversation is the far end of a link as a reader sees it.
type LinkedConversation struct {
	inbox.Link
	Far inbox.Conversation // without tags and the reader's marks
}

// linksShown bounds what one conversation shows; the newest count.
const linksShown = 50

// Links returns the links of a conversation whose other end the scope sees, the newest first. What lies
// outside the scope is not there.
func (q queries) Links(ctx context.Context, scope rbac.Scope, id inbox.ConversationID) ([]LinkedConversation, error) {
	if scope.Empty() {
		return nil, nil
	}
	var links []linkRow
	err := q.db.NewRaw(`SELECT l.conversation_id, l.other_id, l.kind, l.reason, l.actor_id, l.at FROM links AS l
		JOIN conversations AS c ON c.id = CASE WHEN l.conversation_id = ?0 THEN l.other_id ELSE l.conversation_id END
		WHERE (l.conversation_id = ?0 OR l.other_id = ?0) AND c.id IN (?1) ORDER BY l.at DESC, c.id DESC LIMIT ?2`,
		int64(id), q.ends(scope, id), linksShown).Scan(ctx, &links)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	far := func(r linkRow) int64 {
		if r.Conversation == int64(id) {
			return r.Other
		}
		return r.Conversation
	}
	ids := make([]int64, len(links))
	for i, r := range links {
		ids[i] = far(r)
	}
	var rows []conversationRow
	if err := q.db.NewSelect().Model(&rows).Where("c.id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("linked conversations of %s: %w", id, err)
	}
	found, err := plain(rows)
	if err != nil {
		return nil, err
	}
	at := make(map[int64]inbox.Conversation, len(found))
	for _, c := range found {
		at[int64(c.ID)] = c
	}
	list := make([]LinkedConversation, len(links))
	for i, r := range links {
		list[i].Far = at[far(r)]
		if list[i].Link, err = r.link(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ends selects the far ends of a conversation's links that a scope sees.
func (q queries) ends(scope rbac.Scope, id inbox.ConversationID) *bun.SelectQuery {
	linked := q.db.NewSelect().TableExpr("conversations AS e").ColumnExpr("e.id").
		Where("e.id IN (SELECT other_id FROM links WHERE conversation_id = ?0 UNION SELECT conversation_id FROM links WHERE other_id = ?0)", int64(id))
	return inScope(linked, scope, "e")
}

// topicOf is a number for what a subject is about; 0 if it says nothing. Two subjects may have one
// number: whoever needs to be sure compares.
func topicOf(subject string) int64 {
	base, _ := content.BaseSubject(subject)
	if base == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(base))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// Topic is a subject as one customer writes it to one shop.
type Topic struct {
	Contact inbox.ContactID
	Shop    inbox.ShopID
	Subject string // with or without "Re:"
}

// NewestByTopic returns the newest conversation of each topic that has one, in one statement. The keys
// are the topics given.
func (q queries) NewestByTopic(ctx context.Context, topics []Topic) (map[Topic]inbox.ConversationID, error) {
	found := map[Topic]inbox.ConversationID{}
	if len(topics) == 0 {
		return found, nil
	}
	values := make([]bun.TupleValues, len(topics))
	for i, t := range topics {
		values[i] = bun.Tuple([]any{i, int64(t.Contact), int64(t.Shop), topicOf(t.Subject)})
	}
	var rows []struct {
		Topic        int                  `bun:"n"`
		Conversation inbox.ConversationID `bun:"id"`
	}
	err := q.db.NewRaw(`WITH w (n, contact_id, shop_id, topic) AS (VALUES ?)
		SELECT w.n, COALESCE((SELECT c.id FROM conversations AS c WHERE c.topic <> 0 AND c.contact_id = w.contact_id
			AND c.shop_id = w.shop_id AND c.topic = w.topic ORDER BY c.id DESC LIMIT 1), 0) AS id FROM w`, bun.List(values)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look for conversations of a subject: %w", err)
	}
	for _, r := range rows {
		if r.Conversation != 0 {
			found[topics[r.Topic]] = r.Conversation
		}
	}
	return found, nil
}
