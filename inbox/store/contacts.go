package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type identityRow struct {
	bun.BaseModel `bun:"table:identities"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Contact       int64  `bun:"contact_id"`
	Kind          string `bun:"kind"`
	Realm         string `bun:"realm"`
	RemoteID      string `bun:"remote_id"`
}

type contactRow struct {
	bun.BaseModel `bun:"table:contacts,alias:ct"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Name          string `bun:"name"`
	CreatedAt     int64  `bun:"created_at"`
}

// contactLock keeps two nodes from making the same new customer.
const contactLock = logLock + 2

// Meeting is somebody who wrote to a shop.
type Meeting struct {
	Shop     inbox.ShopID
	Identity inbox.Identity
}

// identityKey is what makes an identity one: its kind, realm and remote id.
func identityKey(i inbox.Identity) string { return i.Kind + "\x00" + i.Realm + "\x00" + i.RemoteID }

// Meet finds the contact of each meeting, in order, or makes it, and notes in which shops he is
// known. A fixed number of statements however many meetings; all are of one kind and realm.
func (tx *Tx) Meet(ctx context.Context, meetings []Meeting) ([]inbox.ContactID, error) {
	if len(meetings) == 0 {
		return nil, nil
	}
	known, err := tx.identities(ctx, meetings)
	if err != nil {
		return nil, err
	}
	if missing := strangers(meetings, known); len(missing) > 0 {
		if tx.postgres { // somebody else may be making them: look again with the lock held
			if _, err := tx.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(contactLock)); err != nil {
				return nil, err
			}
			if known, err = tx.identities(ctx, meetings); err != nil {
				return nil, err
			}
			missing = strangers(meetings, known)
		}
		if err := tx.welcome(ctx, missing, known); err != nil {
			return nil, err
		}
	}
	contacts := make([]inbox.ContactID, len(meetings))
	type place struct {
		bun.BaseModel `bun:"table:identity_shops"`
		Identity      int64  `bun:"identity_id"`
		Shop          int64  `bun:"shop_id"`
		Name          string `bun:"name"`
	}
	places := map[[2]int64]place{}
	for i, m := range meetings {
		r := known[identityKey(m.Identity)]
		contacts[i] = inbox.ContactID(r.Contact)
		p := place{Identity: r.ID, Shop: int64(m.Shop), Name: m.Identity.Name}
		places[[2]int64{r.ID, p.Shop}] = p
	}
	rows := make([]place, 0, len(places))
	for _, p := range places {
		rows = append(rows, p)
	}
	slices.SortFunc(rows, func(a, b place) int { return int((a.Identity-b.Identity)*2 + (a.Shop - b.Shop)) })
	_, err = tx.db.NewInsert().Model(&rows).On("CONFLICT (identity_id, shop_id) DO NOTHING").Returning("NULL").Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("note where customers are known: %w", err)
	}
	return contacts, nil
}

// identities finds the identities of meetings that are known, by key.
func (tx *Tx) identities(ctx context.Context, meetings []Meeting) (map[string]identityRow, error) {
	remote := make([]string, len(meetings))
	for i, m := range meetings {
		remote[i] = m.Identity.RemoteID
	}
	first := meetings[0].Identity
	var rows []identityRow
	err := tx.db.NewSelect().Model(&rows).Where("kind = ? AND realm = ? AND remote_id IN (?)", first.Kind, first.Realm, bun.List(remote)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("find customers: %w", err)
	}
	known := make(map[string]identityRow, len(rows))
	for _, r := range rows {
		known[identityKey(inbox.Identity{Kind: r.Kind, Realm: r.Realm, RemoteID: r.RemoteID})] = r
	}
	return known, nil
}

// strangers returns the identities nobody knows yet, each once, in a fixed order.
func strangers(meetings []Meeting, known map[string]identityRow) []inbox.Identity {
	var list []inbox.Identity
	for _, m := range meetings {
		if _, ok := known[identityKey(m.Identity)]; !ok {
			list = append(list, m.Identity)
		}
	}
	slices.SortStableFunc(list, func(a, b inbox.Identity) int { return strings.Compare(identityKey(a), identityKey(b)) })
	return slices.CompactFunc(list, func(a, b inbox.Identity) bool { return identityKey(a) == identityKey(b) })
}

// welcome makes a contact with one identity for each stranger and adds them to known.
func (tx *Tx) welcome(ctx context.Context, strangers []inbox.Identity, known map[string]identityRow) error {
	if len(strangers) == 0 {
		return nil
	}
	contactIDs, err := tx.Reserve(ctx, "contacts", len(strangers))
	if err != nil {
		return err
	}
	identityIDs, err := tx.Reserve(ctx, "identities", len(strangers))
	if err != nil {
		return err
	}
	contacts := make([]contactRow, len(strangers))
	rows := make([]identityRow, len(strangers))
	for i, s := range strangers {
		name := s.Name
		if name == "" {
			name = s.RemoteID
		}
		contacts[i] = contactRow{ID: contactIDs[i], Name: name, CreatedAt: micros(tx.now())}
		rows[i] = identityRow{ID: identityIDs[i], Contact: contactIDs[i], Kind: s.Kind, Realm: s.Realm, RemoteID: s.RemoteID}
		known[identityKey(s)] = rows[i]
	}
	if _, err := tx.db.NewInsert().Model(&contacts).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("keep customers: %w", err)
	}
	if _, err := tx.db.NewInsert().Model(&rows).Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("keep identities: %w", err)
	}
	return nil
}

// ContactSummary is a contact in a list: what the reader may see of him.
type ContactSummary struct {
	inbox.Contact
	Conversations int       // of the scope
	LastAt        time.Time // zero: none
}

// ListContacts returns up to limit contacts that the scope sees, the newest first, below the id
// before (0: from the newest), with one more than limit if there are more. part narrows to a part of
// the name or of an identity.
func (q queries) ListContacts(ctx context.Context, scope rbac.Scope, part string, before inbox.ContactID, limit int) ([]ContactSummary, error) {
	if scope.Empty() {
		return nil, nil
	}
	var rows []contactRow
	query := q.knownContacts(scope).Model(&rows).OrderExpr("ct.id DESC").Limit(int64(limit + 1))
	if before != 0 {
		query.Where("ct.id < ?", int64(before))
	}
	if part != "" {
		query.Where(`(lower(ct.name) LIKE ?0 ESCAPE '\' OR EXISTS (SELECT 1 FROM identities AS p WHERE p.contact_id = ct.id AND lower(p.remote_id) LIKE ?0 ESCAPE '\'))`, contains(part))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list contacts: %w", err)
	}
	return q.contacts(ctx, scope, rows)
}

// Contact returns one contact as far as the scope sees him; NotFound if he is unknown or outside.
func (q queries) Contact(ctx context.Context, scope rbac.Scope, id inbox.ContactID) (ContactSummary, error) {
	var r contactRow
	err := sql.ErrNoRows
	if !scope.Empty() {
		err = q.knownContacts(scope).Model(&r).Where("ct.id = ?", int64(id)).Scan(ctx)
	}
	if err != nil {
		return ContactSummary{}, notFound(err, "contact")
	}
	list, err := q.contacts(ctx, scope, []contactRow{r})
	if err != nil {
		return ContactSummary{}, err
	}
	return list[0], nil
}

// knownContacts selects the contacts that a scope sees: known in one of its shops or, where only
// assigned conversations are seen, through one of those.
func (q queries) knownContacts(scope rbac.Scope) *bun.SelectQuery {
	query := q.db.NewSelect()
	if scope.All {
		return query
	}
	return query.WhereGroup(" AND ", func(g *bun.SelectQuery) *bun.SelectQuery {
		if len(scope.Shops) > 0 {
			known := q.db.NewSelect().ColumnExpr("1").TableExpr("identities AS i").Join("JOIN identity_shops AS p ON p.identity_id = i.id").
				Where("i.contact_id = ct.id").Where("p.shop_id ?", among(query, scope.Shops))
			g.WhereOr("EXISTS (?)", known)
		}
		if len(scope.AssignedOnly) > 0 {
			own := rbac.Scope{User: scope.User, AssignedOnly: scope.AssignedOnly, MayTake: scope.MayTake}
			g.WhereOr("EXISTS (?)", inScope(q.db.NewSelect().ColumnExpr("1").TableExpr("conversations AS c").Where("c.contact_id = ct.id"), own, "c"))
		}
		return g
	})
}

// contacts adds to rows what the scope sees of them: names, identities and conversations of its
// shops, in two statements.
func (q queries) contacts(ctx context.Context, scope rbac.Scope, rows []contactRow) ([]ContactSummary, error) {
	list := make([]ContactSummary, len(rows))
	ids := make([]int64, len(rows))
	at := make(map[int64]int, len(rows))
	for i, r := range rows {
		list[i].Contact = inbox.Contact{ID: inbox.ContactID(r.ID), Name: r.Name, CreatedAt: moment(r.CreatedAt)}
		ids[i], at[r.ID] = r.ID, i
	}
	if len(rows) == 0 {
		return list, nil
	}
	var identities []struct {
		Contact  int64  `bun:"contact_id"`
		Kind     string `bun:"kind"`
		Realm    string `bun:"realm"`
		RemoteID string `bun:"remote_id"`
		Name     string `bun:"name"`
	}
	query := q.db.NewSelect().TableExpr("identities AS i").Join("JOIN identity_shops AS p ON p.identity_id = i.id").
		ColumnExpr("i.contact_id, i.kind, i.realm, i.remote_id, max(p.name) AS name").Where("i.contact_id IN (?)", bun.List(ids)).
		Group("i.id", "i.contact_id", "i.kind", "i.realm", "i.remote_id").Order("i.id")
	if !scope.All {
		query.Where("p.shop_id ?", among(query, scope.AllShops()))
	}
	if err := query.Scan(ctx, &identities); err != nil {
		return nil, fmt.Errorf("identities of contacts: %w", err)
	}
	for _, i := range identities {
		c := &list[at[i.Contact]]
		if !scope.All && len(c.Identities) == 0 && i.Name != "" {
			c.Name = i.Name // as he is known in these shops
		}
		c.Identities = append(c.Identities, inbox.Identity{Kind: i.Kind, Realm: i.Realm, RemoteID: i.RemoteID, Name: i.Name})
	}
	var talks []struct {
		Contact int64 `bun:"contact_id"`
		N       int   `bun:"n"`
		LastAt  int64 `bun:"last_at"`
	}
	count := q.db.NewSelect().TableExpr("conversations AS c").ColumnExpr("c.contact_id, count(*) AS n, max(c.last_at) AS last_at").
		Where("c.contact_id IN (?)", bun.List(ids)).Group("c.contact_id")
	if err := inScope(count, scope, "c").Scan(ctx, &talks); err != nil {
		return nil, fmt.Errorf("conversations of contacts: %w", err)
	}
	for _, t := range talks {
		c := &list[at[t.Contact]]
		c.Conversations, c.LastAt = t.N, moment(t.LastAt)
	}
	return list, nil
}
