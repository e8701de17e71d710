package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type ledgerRow struct {
	bun.BaseModel `bun:"table:ledger,alias:l"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Connection    int64  `bun:"connection_id"`
	SourceKey     string `bun:"source_key"`
	Folder        string `bun:"folder"`
	Epoch         int64  `bun:"epoch"`
	Number        int64  `bun:"number"`
	State         string `bun:"state"`
	Message       int64  `bun:"message_id,nullzero"`
	Reason        string `bun:"reason,nullzero"`
	Sender        string `bun:"sender"`
	Subject       string `bun:"subject"`
	HeaderID      string `bun:"header_id"`
	Size          int64  `bun:"size"`
	Attempts      int    `bun:"attempts"`
	RawHash       string `bun:"raw_hash"`
	ReceivedAt    int64  `bun:"received_at"`
	TakenAt       int64  `bun:"taken_at,nullzero"`
	RetryBy       int64  `bun:"retry_by,nullzero"`
}

func (r ledgerRow) entry() (inbox.LedgerEntry, error) {
	e := inbox.LedgerEntry{ID: inbox.LedgerID(r.ID), Connection: inbox.ConnectionID(r.Connection), SourceKey: r.SourceKey,
		Place: inbox.Place{Folder: r.Folder, Epoch: r.Epoch, Number: uint32(r.Number)},
		State: inbox.LedgerState(r.State), Message: inbox.MessageID(r.Message), Sender: r.Sender, Subject: r.Subject, HeaderID: r.HeaderID,
		Size: r.Size, Attempts: r.Attempts, RawHash: r.RawHash, ReceivedAt: moment(r.ReceivedAt), TakenAt: moment(r.TakenAt), RetryBy: inbox.UserID(r.RetryBy)}
	var err error
	e.Reason, err = reasonOf(r.Reason)
	return e, err
}

func newLedgerRow(e inbox.LedgerEntry) ledgerRow {
	return ledgerRow{ID: int64(e.ID), Connection: int64(e.Connection), SourceKey: e.SourceKey, Folder: e.Place.Folder, Epoch: e.Place.Epoch,
		Number: int64(e.Place.Number), State: string(e.State), Message: int64(e.Message), Reason: reasonText(e.Reason), Sender: e.Sender,
		Subject: e.Subject, HeaderID: e.HeaderID, Size: e.Size, Attempts: e.Attempts, RawHash: e.RawHash,
		ReceivedAt: micros(e.ReceivedAt), TakenAt: micros(e.TakenAt), RetryBy: int64(e.RetryBy)}
}

func entries(rows []ledgerRow) ([]inbox.LedgerEntry, error) {
	list := make([]inbox.LedgerEntry, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.entry(); err != nil {
			return nil, fmt.Errorf("ledger entry %d: %w", r.ID, err)
		}
	}
	return list, nil
}

// LedgerByKeys returns what the ledger has of these source keys, by key.
func (q queries) LedgerByKeys(ctx context.Context, connection inbox.ConnectionID, keys []string) (map[string]inbox.LedgerEntry, error) {
	found := make(map[string]inbox.LedgerEntry, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	var rows []ledgerRow
	err := q.db.NewSelect().Model(&rows).Where("connection_id = ? AND source_key IN (?)", int64(connection), bun.List(keys)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	list, err := entries(rows)
	for _, e := range list {
		found[e.SourceKey] = e
	}
	return found, err
}

// LedgerByMessages returns, for each of these messages, the first entry it was received by.
func (q queries) LedgerByMessages(ctx context.Context, connection inbox.ConnectionID, messages []inbox.MessageID) (map[inbox.MessageID]inbox.LedgerEntry, error) {
	found := make(map[inbox.MessageID]inbox.LedgerEntry, len(messages))
	if len(messages) == 0 {
		return found, nil
	}
	var rows []ledgerRow
	err := q.db.NewSelect().Model(&rows).Where("message_id IN (?)", bun.List(messages)).Where("connection_id = ?", int64(connection)).
		Where("state NOT IN ('same', 'ignored')").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	list, err := entries(rows)
	for _, e := range list {
		found[e.Message] = e
	}
	return found, err
}

// LedgerFilter chooses entries; zero fields choose all. Without a Connection it is those set aside in
// the shops of the scope.
type LedgerFilter struct {
	Connection   inbox.ConnectionID
	Scope        rbac.Scope
	State        inbox.LedgerState
	Folder       *string
	Since, Until time.Time // received from … to before
	// Text is looked for in senders and subjects; what holds an @ is an address or a Message-ID and
	// has to be whole.
	Text string
}

// Ledger returns entries below a place in the list, newest first; zero before = from the newest. The
// place of an entry is when it was received, and its id.
func (q queries) Ledger(ctx context.Context, f LedgerFilter, before Place, limit int) ([]inbox.LedgerEntry, error) {
	var rows []ledgerRow
	if err := q.ledgerPage(f, before, limit).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return entries(rows)
}

func (q queries) ledgerPage(f LedgerFilter, before Place, limit int) *bun.SelectQuery {
	query := f.narrow(q.db.NewSelect().Model((*ledgerRow)(nil))).OrderExpr("l.received_at DESC, l.id DESC").Limit(int64(limit))
	if before != (Place{}) {
		query.Where("(l.received_at, l.id) < (?, ?)", before.Key, before.ID)
	}
	return query
}

// LedgerPlace is the place of an entry in the list.
func LedgerPlace(e inbox.LedgerEntry) Place { return Place{micros(e.ReceivedAt), int64(e.ID)} }

func (f LedgerFilter) narrow(query *bun.SelectQuery) *bun.SelectQuery {
	if f.Connection != 0 {
		query.Where("l.connection_id = ?", int64(f.Connection))
	} else {
		f.State = inbox.LedgerSetAside
		query.Join("JOIN connections AS c ON c.id = l.connection_id")
		within(query, rbac.Scope{All: f.Scope.All, Shops: f.Scope.Shops}, "c.shop_id", "NULL")
	}
	if f.State == inbox.LedgerSetAside {
		query.Where("l.state = 'set_aside'") // literally, for the partial index
	} else if f.State != "" {
		query.Where("l.state = ?", string(f.State))
	}
	if f.Folder != nil {
		query.Where("l.folder = ?", *f.Folder)
	}
	if !f.Since.IsZero() {
		query.Where("l.received_at >= ?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		query.Where("l.received_at < ?", micros(f.Until))
	}
	if strings.Contains(f.Text, "@") && f.Connection != 0 {
		found := bun.SafeQuery(`SELECT id FROM ledger WHERE connection_id = ?0 AND sender <> '' AND sender = ?1
			UNION SELECT id FROM ledger WHERE connection_id = ?0 AND header_id <> '' AND header_id = ?2`,
			int64(f.Connection), strings.ToLower(f.Text), strings.Trim(f.Text, "<>"))
		query.Where("l.id IN (?)", found) // both by index, whatever the planner knows of the rest
	} else if f.Text != "" {
		query.WhereGroup(" AND ", func(g *bun.SelectQuery) *bun.SelectQuery {
			for _, text := range spellings(f.Text) {
				like := "%" + likeEscaper.Replace(text) + "%"
				g.WhereOr(`l.subject LIKE ?0 ESCAPE '!' OR l.sender LIKE ?0 ESCAPE '!'`, like)
			}
			return g.WhereOr("l.header_id = ?", strings.Trim(f.Text, "<>"))
		})
	}
	return query
}

var likeEscaper = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// spellings are the ways in which a word may be capitalised. Databases fold ASCII alone.
func spellings(text string) []string {
	list := []string{text, strings.ToLower(text), strings.ToUpper(text)}
	if first, size := utf8.DecodeRuneInString(list[1]); size > 0 {
		list = append(list, string(unicode.ToUpper(first))+list[1][size:])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// LedgerEntry returns one entry of a connection.
func (q queries) LedgerEntry(ctx context.Context, connection inbox.ConnectionID, id inbox.LedgerID) (inbox.LedgerEntry, error) {
	var r ledgerRow
	if err := q.db.NewSelect().Model(&r).Where("connection_id = ? AND id = ?", int64(connection), int64(id)).Scan(ctx); err != nil {
		return inbox.LedgerEntry{}, notFound(err, "ledger entry")
	}
	return r.entry()
}

// LedgerCounts tells how many entries a connection has in each state.
func (q queries) LedgerCounts(ctx context.Context, connection inbox.ConnectionID) (map[inbox.LedgerState]int, error) {
	var rows []struct {
		State string `bun:"state"`
		N     int    `bun:"n"`
	}
	err := q.db.NewSelect().Table("ledger").Column("state").ColumnExpr("count(*) AS n").
		Where("connection_id = ?", int64(connection)).Group("state").Scan(ctx, &rows)
	counts := map[inbox.LedgerState]int{}
	for _, r := range rows {
		counts[inbox.LedgerState(r.State)] = r.N
	}
	return counts, err
}

// SetAsideCounts tells how much is set aside in the connections of a scope; those with nothing are left
// out.
func (q queries) SetAsideCounts(ctx context.Context, scope rbac.Scope) (map[inbox.ConnectionID]int, error) {
	var rows []struct {
		Connection inbox.ConnectionID `bun:"connection_id"`
		N          int                `bun:"n"`
	}
	query := LedgerFilter{Scope: scope}.narrow(q.db.NewSelect().TableExpr("ledger AS l")).
		ColumnExpr("l.connection_id, count(*) AS n").GroupExpr("l.connection_id")
	if err := query.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("count what is set aside: %w", err)
	}
	counts := make(map[inbox.ConnectionID]int, len(rows))
	for _, r := range rows {
		counts[r.Connection] = r.N
	}
	return counts, nil
}

// Siblings returns where each of these messages of a connection lies, in all the shops that have a copy
// of it.
func (q queries) Siblings(ctx context.Context, connection inbox.ConnectionID, messages []inbox.MessageID) (map[inbox.MessageID][]inbox.MessageCopy, error) {
	found := make(map[inbox.MessageID][]inbox.MessageCopy, len(messages))
	if len(messages) == 0 {
		return found, nil
	}
	var own, all []KnownMessage
	columns := []string{"id", "conversation_id", "shop_id", "sameness"}
	err := q.db.NewSelect().Table("messages").Column(columns...).Where("id IN (?)", bun.List(messages)).Scan(ctx, &own)
	if err != nil {
		return nil, fmt.Errorf("find messages: %w", err)
	}
	var sums [][]byte
	for _, m := range own {
		if m.Sameness == nil { // written here: there is no copy
			found[m.ID] = []inbox.MessageCopy{{Shop: m.Shop, Message: m.ID, Conversation: m.Conversation}}
		} else {
			sums = append(sums, m.Sameness)
		}
	}
	if len(sums) == 0 {
		return found, nil
	}
	err = q.db.NewSelect().Table("messages").Column(columns...).Where("connection_id = ? AND sameness IN (?)", int64(connection), bun.List(sums)).
		Order("shop_id").Scan(ctx, &all)
	if err != nil {
		return nil, fmt.Errorf("find the copies of messages: %w", err)
	}
	copies := make(map[string][]inbox.MessageCopy, len(sums))
	for _, m := range all {
		copies[string(m.Sameness)] = append(copies[string(m.Sameness)], inbox.MessageCopy{Shop: m.Shop, Message: m.ID, Conversation: m.Conversation})
	}
	for _, m := range own {
		if m.Sameness != nil {
			found[m.ID] = copies[string(m.Sameness)]
		}
	}
	return found, nil
}

// SaveLedger adds entries or, where the connection has the source key already, replaces them. The
// ledger's counts add up with the source because each key has one line.
func (tx *Tx) SaveLedger(ctx context.Context, list []inbox.LedgerEntry) error {
	if len(list) == 0 {
		return nil
	}
	rows := make([]ledgerRow, len(list))
	for i, e := range list {
		rows[i] = newLedgerRow(e)
		rows[i].ID = 0
	}
	_, err := tx.db.NewInsert().Model(&rows).ExcludeColumn("id").On("CONFLICT (connection_id, source_key) DO UPDATE").
		Set("folder = EXCLUDED.folder, epoch = EXCLUDED.epoch, number = EXCLUDED.number").
		Set("state = EXCLUDED.state, message_id = EXCLUDED.message_id, reason = EXCLUDED.reason, size = EXCLUDED.size").
		Set("sender = EXCLUDED.sender, subject = EXCLUDED.subject, header_id = EXCLUDED.header_id").
		Set("attempts = EXCLUDED.attempts, raw_hash = EXCLUDED.raw_hash, taken_at = EXCLUDED.taken_at, retry_by = EXCLUDED.retry_by").
		Returning("NULL").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// HoldLease makes sure that the connection's lease still has this fence, and that nobody can take it
// over before the transaction ends. Conflict otherwise. A zero fence is this process alone.
func (tx *Tx) HoldLease(ctx context.Context, connection inbox.ConnectionID, fence int64) error {
	if fence == 0 {
		return nil
	}
	return tx.CheckFence(ctx, ConnectionLease(connection), fence)
}

// TouchConnection keeps the cursor, if it is not "", and what was received anew at which times: when
// last, and how much in each hour. Older hours than its rhythm is made of are not counted.
func (tx *Tx) TouchConnection(ctx context.Context, id inbox.ConnectionID, arrived []time.Time, cursor string) error {
	if cursor == "" && len(arrived) == 0 {
		return nil
	}
	update := tx.db.NewUpdate().Table("connections").Where("id = ?", int64(id))
	if cursor != "" {
		update.Set("position = ?", cursor)
	}
	if len(arrived) > 0 {
		last := slices.MaxFunc(arrived, time.Time.Compare)
		update.Set("last_in_at = CASE WHEN COALESCE(last_in_at, 0) < ?0 THEN ?0 ELSE last_in_at END", micros(last))
		update.Set("taken_at = ?", micros(tx.now()))
	}
	if _, err := update.Exec(ctx); err != nil {
		return fmt.Errorf("connection %s: %w", id, err)
	}
	return tx.addArrivals(ctx, id, arrived)
}
