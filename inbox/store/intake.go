package store

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// This file writes what arrives, a batch at a time: one statement per table however many messages.

// Reserve draws n ids for rows of a table, rising. On SQLite they are free because the transaction
// is the only writer; a rollback gives them back.
func (tx *Tx) Reserve(ctx context.Context, table string, n int) ([]int64, error) {
	ids := make([]int64, 0, n)
	if n == 0 {
		return ids, nil
	}
	if tx.postgres {
		err := tx.db.NewRaw("SELECT nextval(pg_get_serial_sequence(?, 'id')) FROM generate_series(1, ?)", table, n).Scan(ctx, &ids)
		if err != nil {
			return nil, fmt.Errorf("reserve ids of %s: %w", table, err)
		}
		sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
		return ids, nil
	}
	var last int64
	err := tx.db.NewSelect().Table("sqlite_sequence").ColumnExpr("COALESCE(max(seq), 0)").Where("name = ?", table).Scan(ctx, &last)
	if err != nil {
		return nil, fmt.Errorf("reserve ids of %s: %w", table, err)
	}
	for i := range n {
		ids = append(ids, last+1+int64(i))
	}
	return ids, nil
}

// Routes returns which shop mail for an address belongs to; addresses are lower case.
func (q queries) Routes(ctx context.Context, connection inbox.ConnectionID) (map[string]inbox.ShopID, error) {
	var rows []struct {
		Address string       `bun:"address"`
		Shop    inbox.ShopID `bun:"shop_id"`
	}
	err := q.db.NewSelect().Table("routes").Column("address", "shop_id").Where("connection_id = ?", int64(connection)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("routes of connection %s: %w", connection, err)
	}
	routes := make(map[string]inbox.ShopID, len(rows))
	for _, r := range rows {
		routes[r.Address] = r.Shop
	}
	return routes, nil
}

// Route says that mail for an address that arrives by a connection belongs to a shop.
type Route struct {
	Connection inbox.ConnectionID `bun:"connection_id"`
	Address    string             `bun:"address"` // lower case
	Shop       inbox.ShopID       `bun:"shop_id"`
}

// RoutesOf returns the routes of addresses on all connections; the addresses are lower case.
func (q queries) RoutesOf(ctx context.Context, addresses []string) ([]Route, error) {
	var routes []Route
	err := q.db.NewSelect().Table("routes").Column("connection_id", "address", "shop_id").Where("address IN (?)", bun.List(addresses)).
		Order("connection_id").Scan(ctx, &routes)
	if err != nil {
		return nil, fmt.Errorf("routes of addresses: %w", err)
	}
	return routes, nil
}

// KnownMessage is a message found by what it is, by its id or by its Message-ID.
type KnownMessage struct {
	ID           inbox.MessageID      `bun:"id"`
	Conversation inbox.ConversationID `bun:"conversation_id"`
	Contact      inbox.ContactID      `bun:"contact_id"` // of the conversation it was written in, before any merging
	Shop         inbox.ShopID         `bun:"shop_id"`
	Connection   inbox.ConnectionID   `bun:"connection_id"`
	Direction    inbox.Direction      `bun:"direction"`
	HeaderID     string               `bun:"header_id"`
	From         string               `bun:"from_address"` // of OutboundByHeader alone
	Sameness     []byte               `bun:"sameness"`
}

// MessagesBySameness returns the messages of these shops on one connection that are one of these.
func (q queries) MessagesBySameness(ctx context.Context, connection inbox.ConnectionID, shops []inbox.ShopID, sameness [][]byte) ([]KnownMessage, error) {
	if len(sameness) == 0 || len(shops) == 0 {
		return nil, nil
	}
	var list []KnownMessage
	err := q.db.NewSelect().Table("messages").Column("id", "conversation_id", "shop_id", "direction", "header_id", "sameness").
		Where("connection_id = ? AND shop_id IN (?) AND sameness IN (?)", int64(connection), bun.List(shops), bun.List(sameness)).Scan(ctx, &list)
	if err != nil {
		return nil, fmt.Errorf("look for the same messages: %w", err)
	}
	return list, nil
}

// Header is a Message-ID in a shop.
type Header struct {
	Shop inbox.ShopID
	ID   string // without <>
}

// perHeader bounds how many messages with one Message-ID count. The oldest do: who copies an id comes
// later than the one who made it.
const perHeader = 8

// MessagesByHeader returns the oldest messages that carry one of these Message-IDs in the shop named
// with it, whichever connection they came by.
func (q queries) MessagesByHeader(ctx context.Context, headers []Header) ([]KnownMessage, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	values := make([]bun.TupleValues, len(headers))
	for i, h := range headers {
		values[i] = bun.Tuple([]any{h.ID, int64(h.Shop)})
	}
	first := fmt.Sprintf(`SELECT %%s FROM messages AS s WHERE s.header_id = w.header AND s.header_id <> '' AND s.shop_id = w.shop ORDER BY s.id LIMIT %d`, perHeader)
	of := "JOIN messages AS m ON m.id IN (" + fmt.Sprintf(first, "s.id") + ")"
	if q.postgres {
		of = "CROSS JOIN LATERAL (" + fmt.Sprintf(first, "s.*") + ") AS m"
	}
	var list []KnownMessage
	err := q.db.NewRaw("WITH w (header, shop) AS (VALUES ?) SELECT m.id, m.conversation_id, h.contact_id, m.shop_id, m.connection_id, m.direction, m.header_id FROM w "+
		of+" JOIN conversations AS h ON h.id = COALESCE(m.home_id, m.conversation_id) ORDER BY m.id", bun.List(values)).Scan(ctx, &list)
	if err != nil {
		return nil, fmt.Errorf("look for referenced messages: %w", err)
	}
	return list, nil
}

// MessagesByID returns those of these messages that are here.
func (q queries) MessagesByID(ctx context.Context, ids []inbox.MessageID) ([]KnownMessage, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var list []KnownMessage
	err := q.db.NewSelect().TableExpr("messages AS m").Join("JOIN conversations AS h ON h.id = COALESCE(m.home_id, m.conversation_id)").
		Column("m.id", "m.conversation_id", "h.contact_id", "m.shop_id", "m.connection_id", "m.direction", "m.header_id").
		Where("m.id IN (?)", bun.List(ids)).Scan(ctx, &list)
	if err != nil {
		return nil, fmt.Errorf("look for messages: %w", err)
	}
	return list, nil
}

// ConversationsByThread returns the conversations of a connection with these marketplace threads.
func (q queries) ConversationsByThread(ctx context.Context, connection inbox.ConnectionID, threads []string) ([]inbox.Conversation, error) {
	if len(threads) == 0 {
		return nil, nil
	}
	var rows []conversationRow
	err := q.db.NewSelect().Model(&rows).Where("connection_id = ?", int64(connection)).
		Where("remote_thread <> '' AND remote_thread IN (?)", bun.List(threads)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for threads: %w", err)
	}
	return plain(rows)
}

// LockConversations returns conversations without tags and the reader's marks, and keeps others from
// changing them until the transaction ends. They are locked in the order of their ids, so that two
// transactions cannot wait for each other. Unknown ids are left out.
func (tx *Tx) LockConversations(ctx context.Context, ids []inbox.ConversationID) ([]inbox.Conversation, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []conversationRow
	query := tx.db.NewSelect().Model(&rows).Where("c.id IN (?)", bun.List(ids)).Order("c.id")
	if tx.postgres {
		query.For("UPDATE")
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("lock conversations: %w", err)
	}
	return plain(rows)
}

// AddConversations keeps new conversations whose ids were reserved.
func (tx *Tx) AddConversations(ctx context.Context, list []*inbox.Conversation) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([]conversationRow, len(list))
	for i, c := range list {
		c.CreatedAt, c.Version = tx.now(), 1
		rows[i] = newConversationRow(*c)
	}
	if _, err := tx.db.NewInsert().Model(&rows).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("keep conversations: %w", err)
	}
	return nil
}

// Arrival is a message that arrived, with what is kept beside it.
type Arrival struct {
	Message  inbox.Message // its id was reserved
	Sameness []byte
	Words    []string // for search, without the shop's own word
}

// AddArrivals keeps messages, their attachments and their words.
func (tx *Tx) AddArrivals(ctx context.Context, list []Arrival) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([]messageRow, len(list))
	words := make([]SearchWords, len(list))
	var files []attachmentRow
	for i, a := range list {
		a.Message.CreatedAt = tx.now()
		rows[i] = newMessageRow(a.Message)
		rows[i].Sameness = a.Sameness
		words[i] = SearchWords{Message: a.Message.ID, Shop: a.Message.Shop, Words: a.Words}
		for _, f := range a.Message.Attachments {
			f.Message = a.Message.ID
			files = append(files, newAttachmentRow(f, tx.now()))
		}
	}
	if _, err := tx.db.NewInsert().Model(&rows).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("keep messages: %w", err)
	}
	if len(files) > 0 {
		if _, err := tx.db.NewInsert().Model(&files).ExcludeColumn("id").Returning("NULL").Exec(ctx); err != nil {
			return fmt.Errorf("keep attachments: %w", err)
		}
	}
	return tx.AddWords(ctx, words)
}

// SearchWords are the words one message is found by.
type SearchWords struct {
	Message inbox.MessageID
	Shop    inbox.ShopID
	Words   []string // as made by inbox/content/tokens
}

// ShopWord is the word every message of a shop has, so that a search in some shops needs no join.
func ShopWord(shop inbox.ShopID) string { return "s" + shop.String() }

// AddWords makes messages findable.
func (tx *Tx) AddWords(ctx context.Context, list []SearchWords) error {
	type row struct {
		bun.BaseModel `bun:"table:message_words"`
		Message       int64  `bun:"message_id"`
		Words         string `bun:"words"`
	}
	rows := make([]row, len(list))
	for i, w := range list {
		all := append([]string{ShopWord(w.Shop)}, w.Words...)
		rows[i] = row{Message: int64(w.Message)}
		if tx.postgres {
			rows[i].Words = vector(all)
		} else {
			rows[i].Words = strings.Join(all, " ")
		}
	}
	insert := "INSERT INTO message_words (rowid, words) "
	if tx.postgres {
		insert = "INSERT INTO message_words (message_id, words) "
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.db.ExecContext(ctx, insert+"?", bun.Safe("VALUES "+values(rows, func(r row) (int64, string) { return r.Message, r.Words }))); err != nil {
		return fmt.Errorf("keep search words: %w", err)
	}
	return nil
}

// values writes (number, 'text') lists; the texts hold words alone, quotes are doubled all the same.
func values[T any](rows []T, pair func(T) (int64, string)) string {
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		n, s := pair(r)
		fmt.Fprintf(&b, "(%d,'%s')", n, strings.ReplaceAll(s, "'", "''"))
	}
	return b.String()
}

// vector writes words as a tsvector literal: each quoted, once.
func vector(words []string) string {
	seen := make(map[string]bool, len(words))
	var b strings.Builder
	for _, w := range words {
		if seen[w] {
			continue
		}
		seen[w] = true
		b.WriteByte('\'')
		b.WriteString(strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(w))
		b.WriteString("' ")
	}
	return b.String()
}

// AddRoute says which shop mail for an address belongs to; an earlier route of it is replaced.
func (tx *Tx) AddRoute(ctx context.Context, connection inbox.ConnectionID, address string, shop inbox.ShopID) error {
	_, err := tx.db.ExecContext(ctx, `INSERT INTO routes (connection_id, address, shop_id) VALUES (?, ?, ?)
		ON CONFLICT (connection_id, address) DO UPDATE SET shop_id = EXCLUDED.shop_id`, int64(connection), strings.ToLower(address), int64(shop))
	if err != nil {
		return fmt.Errorf("route %s: %w", address, err)
	}
	return nil
}
