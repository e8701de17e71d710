package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// CountCap is where counting stops: "1000" reads as "1000 or more".
const CountCap = 1000

// Count is how many conversations a list has, and how many of them the reader has not read.
type Count struct{ Total, Unread int }

// Counts are the numbers beside the lists.
type Counts struct {
	Views map[View]Count
	Shops map[inbox.ShopID]Count // open and pending, of the shops the scope sees
}

// countedViews are the lists with a number; who works through closed or sent ones needs none.
var countedViews = []View{ViewMine, ViewUnassigned, ViewMentions, ViewSnoozed, ViewDrafts, ViewAll}

// CountConversations counts the lists of a reader, in two statements, and one more for the list
// of shops.
func (q queries) CountConversations(ctx context.Context, scope rbac.Scope) (Counts, error) {
	counts := Counts{Views: map[View]Count{ViewClosed: {}}, Shops: map[inbox.ShopID]Count{}}
	for _, view := range countedViews {
		counts.Views[view] = Count{}
	}
	if scope.Empty() {
		return counts, nil
	}
	var views []struct {
		View          View `bun:"name"`
		Total, Unread int
	}
	lists := make([]*bun.SelectQuery, len(countedViews))
	for i, view := range countedViews {
		lists[i] = q.counted(scope, ConversationFilter{View: view}).ColumnExpr("? AS name", string(view))
	}
	if err := union(lists).Scan(ctx, &views); err != nil {
		return counts, fmt.Errorf("count lists: %w", err)
	}
	for _, v := range views {
		counts.Views[v.View] = Count{v.Total, v.Unread}
	}
	return counts, q.countShops(ctx, scope, counts.Shops)
}

// counted counts up to CountCap rows of a list, and those of them that the reader has not read.
func (q queries) counted(scope rbac.Scope, f ConversationFilter) *bun.SelectQuery {
	list := q.filtered(scope, f, orderOf(f, SortNewest)).ColumnExpr("c.id, c.last_in_id").Limit(CountCap)
	return q.db.NewSelect().ColumnExpr("count(*) AS total").
		ColumnExpr("COALESCE(sum(CASE WHEN x.last_in_id > COALESCE(r.message_id, 0) THEN 1 ELSE 0 END), 0) AS unread").
		TableExpr("(?) AS x", list).Join("LEFT JOIN reads AS r ON r.user_id = ? AND r.conversation_id = x.id", int64(scope.User))
}

// shopsAtOnce bounds the parts of one statement; SQLite takes 500.
const shopsAtOnce = 200

// countShops counts what is open or pending in each shop. Each shop is a part of its own in the
// statement, so that a busy shop is left after CountCap rows.
func (q queries) countShops(ctx context.Context, scope rbac.Scope, counts map[inbox.ShopID]Count) error {
	shops, err := q.Shops(ctx, scope)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(shops, shopsAtOnce) {
		lists := make([]*bun.SelectQuery, len(chunk))
		for i, shop := range chunk {
			lists[i] = q.counted(scope, ConversationFilter{View: ViewAll, Shop: shop.ID}).ColumnExpr("? AS name", int64(shop.ID))
		}
		var rows []struct {
			Shop          inbox.ShopID `bun:"name"`
			Total, Unread int
		}
		if err := union(lists).Scan(ctx, &rows); err != nil {
			return fmt.Errorf("count shops: %w", err)
		}
		for _, r := range rows {
			counts[r.Shop] = Count{r.Total, r.Unread}
		}
	}
	return nil
}

// union joins statements with the same columns; there is at least one.
func union(parts []*bun.SelectQuery) *bun.SelectQuery {
	whole := parts[0]
	for _, part := range parts[1:] {
		whole = whole.UnionAll(part)
	}
	return whole
}
