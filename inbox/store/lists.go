package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// View is one of the lists people work in.
type View string

// The views. Without a state named, mine, mentions and all show what is open or pending, unassigned
// what is open, drafts and sent everything.
const (
	ViewMine       View = "mine"
	ViewUnassigned View = "unassigned"
	ViewMentions   View = "mentions" // of the reader, in notes
	ViewSnoozed    View = "snoozed"
	ViewDrafts     View = "drafts" // the reader's own
	ViewSent       View = "sent"   // what the reader answered, by his last answer; Sort does not matter
	ViewClosed     View = "closed"
	ViewAll        View = "all"
)

// Sort is the order of a list.
type Sort string

// The orders. SortDue shows what is due first, then the newest of what is not due; where a list also
// holds conversations that nobody works on, it is SortNewest.
const (
	SortDue     Sort = "due"
	SortNewest  Sort = "newest"
	SortOldest  Sort = "oldest"
	SortWaiting Sort = "waiting" // who waits longest first, then the newest of those who do not wait
)

// ConversationFilter says which conversations a list shows; what is left zero does not narrow it.
type ConversationFilter struct {
	View     View
	Shop     inbox.ShopID
	States   []inbox.ConversationState // instead of those of the view
	AnyState bool
	Assignee *inbox.UserID // 0: nobody
	Tags     []inbox.TagID // every one of them
	Contact  inbox.ContactID
	Kind     string // of the connection
	Files    bool
	Customer string   // a part of the customer's name or address
	Words    []string // as made by inbox/content/tokens; one message has all of them
}

// Place is a position in a list: the sort key of a row and its id.
type Place struct {
	Key int64 `json:"k"`
	ID  int64 `json:"i"`
}

// ConversationPage is a page of a list. Next is where the following page begins, nil at the end.
type ConversationPage struct {
	Items []inbox.Conversation
	Next  *Place
}

// ListConversations returns up to limit conversations that the scope sees, after a place (nil: from
// the beginning), in two statements whatever the limit.
func (q queries) ListConversations(ctx context.Context, scope rbac.Scope, f ConversationFilter, sort Sort, after *Place, limit int) (ConversationPage, error) {
	if scope.Empty() {
		return ConversationPage{}, nil
	}
	rows, places, err := q.scanConversations(ctx, q.listing(scope, f, sort, after, limit+1))
	if err != nil {
		return ConversationPage{}, fmt.Errorf("list conversations: %w", err)
	}
	var page ConversationPage
	if len(rows) > limit {
		rows, page.Next = rows[:limit], &places[limit-1]
	}
	page.Items, err = q.complete(ctx, scope.User, rows)
	return page, err
}

// listing is the statement of a page. The places are found first, from indexes as far as they go, and
// only the rows of the page are read whole.
func (q queries) listing(scope rbac.Scope, f ConversationFilter, sort Sort, after *Place, limit int) *bun.SelectQuery {
	o := orderOf(f, sort)
	places := q.filtered(scope, f, o).ColumnExpr("c.id AS row_id").ColumnExpr("? AS place_key", bun.Safe(o.key)).
		ColumnExpr("? AS place_id", bun.Safe(o.id)).OrderExpr(o.key + o.direction).OrderExpr(o.id + o.direction).Limit(int64(limit))
	if after != nil {
		places.Where(fmt.Sprintf("(%s, %s) %s (?, ?)", o.key, o.id, o.beyond), after.Key, after.ID)
	}
	return q.db.NewSelect().ColumnExpr(conversationColumns).ColumnExpr("k.place_key, k.place_id").TableExpr("(?) AS k", places).
		Join("JOIN conversations AS r ON r.id = k.row_id").OrderExpr("k.place_key" + o.direction).OrderExpr("k.place_id" + o.direction)
}

// order says by which columns a list is sorted, and what lies beyond a place. index is the end of the
// name of the index that has this order within a shop, or in all of them.
type order struct{ key, id, direction, beyond, index string }

func orderOf(f ConversationFilter, sort Sort) order {
	newest := "all"
	if f.active() {
		newest = "last"
	}
	switch {
	case f.View == ViewSent:
		return order{"m.at", "m.id", " DESC", "<", ""}
	case sort == SortOldest:
		return order{"c.last_at", "c.id", "", ">", newest}
	case sort == SortNewest || !f.active():
		return order{"c.last_at", "c.id", " DESC", "<", newest}
	case sort == SortWaiting:
		return order{fmt.Sprintf("COALESCE(c.waiting_since, %d - c.last_at)", latestDue), "c.id", "", ">", "due"}
	}
	return order{"c.sort_due", "c.id", "", ">", "due"}
}

// active tells whether the list holds only what is open or pending.
func (f ConversationFilter) active() bool {
	if f.AnyState {
		return false
	}
	if len(f.States) > 0 {
		return !slices.ContainsFunc(f.States, func(s inbox.ConversationState) bool { return s != inbox.Open && s != inbox.Pending })
	}
	switch f.View {
	case ViewSnoozed, ViewDrafts, ViewSent, ViewClosed:
		return false
	}
	return true
}

// filtered selects the conversations of a filter within a scope, under the alias c, and in the view
// "sent" the reader's last answer to each under m.
func (q queries) filtered(scope rbac.Scope, f ConversationFilter, o order) *bun.SelectQuery {
	scope = narrowed(scope, f.Shop)
	query := q.db.NewSelect().TableExpr("conversations AS c" + q.hint(scope, f, o))
	if f.View == ViewSent {
		query = q.db.NewSelect().TableExpr("messages AS m").Join("JOIN conversations AS c ON c.id = m.conversation_id").
			Where("m.author_id = ? AND m.direction = 'out' AND m.state <> 'withdrawn'", int64(scope.User)).
			Where("NOT EXISTS (SELECT 1 FROM messages AS n WHERE n.conversation_id = m.conversation_id AND n.author_id = m.author_id" +
				" AND n.direction = 'out' AND n.state <> 'withdrawn' AND (n.at, n.id) > (m.at, m.id))")
	}
	shop := "c.shop_id"
	if f.narrow() && !q.postgres {
		shop = "+c.shop_id" // not by an index of the shop: SQLite takes that for as narrow as any other
	}
	within(query, scope, shop, "c.assignee_id")
	if scope.All && f.Shop != 0 {
		query.Where("? = ?", bun.Safe(shop), int64(f.Shop))
	}
	f.whereState(query)
	switch f.View {
	case ViewMine:
		query.Where("c.assignee_id = ?", int64(scope.User))
	case ViewUnassigned:
		query.Where("c.assignee_id IS NULL")
	case ViewMentions:
		query.Where("c.id IN (SELECT conversation_id FROM mentions WHERE user_id = ?)", int64(scope.User))
	case ViewDrafts:
		query.Where("c.id IN (SELECT conversation_id FROM drafts WHERE user_id = ?)", int64(scope.User))
	}
	f.whereDetails(query)
	if len(f.Words) > 0 {
		query.Where("c.id IN (?)", q.hits(scope, f))
	}
	return query
}

// narrow tells whether a filter leaves much less than what a whole shop has.
func (f ConversationFilter) narrow() bool {
	switch f.View {
	case ViewMine, ViewMentions, ViewDrafts, ViewSnoozed:
		return true
	}
	return f.Assignee != nil && *f.Assignee != 0 && f.active() || len(f.Tags) > 0 || f.Contact != 0 || len(f.Words) > 0
}

// hint names the index a list is read by, where SQLite has to be told: it takes an index over all
// conversations of many shops for the one over those that are worked on, and then reads them all.
// Narrow lists and the queue find their way by themselves.
func (q queries) hint(scope rbac.Scope, f ConversationFilter, o order) string {
	switch {
	case q.postgres || f.narrow() || f.View == ViewUnassigned || f.Assignee != nil || o.index == "":
		return ""
	case !scope.All || f.Shop != 0:
		return " INDEXED BY conversations_shop_" + o.index
	case o.index == "due":
		return " INDEXED BY conversations_due"
	}
	return " INDEXED BY conversations_last"
}

// narrowed is the part of a scope that lies in one shop; the whole scope if shop is 0.
func narrowed(scope rbac.Scope, shop inbox.ShopID) rbac.Scope {
	if scope.All || shop == 0 {
		return scope
	}
	only := func(shops []inbox.ShopID) []inbox.ShopID {
		if slices.Contains(shops, shop) {
			return []inbox.ShopID{shop}
		}
		return nil
	}
	return rbac.Scope{User: scope.User, Shops: only(scope.Shops), AssignedOnly: only(scope.AssignedOnly), MayTake: only(scope.MayTake)}
}

func (f ConversationFilter) whereState(query *bun.SelectQuery) {
	if f.active() {
		query.Where("c.active = 1")
	}
	switch {
	case f.AnyState:
	case len(f.States) == 1:
		query.Where("c.state = ?", string(f.States[0]))
	case len(f.States) > 0:
		query.Where("c.state IN (?)", bun.List(f.States))
	case f.View == ViewUnassigned:
		query.Where("c.state = 'open'")
	case f.View == ViewSnoozed:
		query.Where("c.id IN (SELECT id FROM conversations WHERE snoozed_until IS NOT NULL) AND c.state = 'snoozed'")
	case f.View == ViewClosed:
		query.Where("c.state = 'closed'")
	}
}

func (f ConversationFilter) whereDetails(query *bun.SelectQuery) {
	switch {
	case f.Assignee == nil:
	case *f.Assignee == 0:
		query.Where("c.assignee_id IS NULL")
	default:
		query.Where("c.assignee_id = ?", int64(*f.Assignee))
	}
	for _, tag := range f.Tags {
		query.Where("c.id IN (SELECT conversation_id FROM conversation_tags WHERE tag_id = ?)", int64(tag))
	}
	if f.Contact != 0 {
		query.Where("c.contact_id = ?", int64(f.Contact))
	}
	if f.Kind != "" {
		query.Where("c.connection_id IN (SELECT id FROM connections WHERE kind = ?)", f.Kind)
	}
	if f.Files {
		query.Where("c.has_attachments = 1")
	}
	if f.Customer != "" {
		like := contains(f.Customer)
		query.Where(`(lower(c.contact_name) LIKE ?0 ESCAPE '\' OR lower(c.contact_address) LIKE ?0 ESCAPE '\')`, like)
	}
}

// contains is the LIKE pattern for a part of a text in lower case.
func contains(part string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(part)) + "%"
}
