package store

import (
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// inScope narrows a query over conversations (or a table with shop_id and assignee_id under the
// given alias) to what a scope sees: this file is the only place where a Scope becomes SQL.
func inScope(query *bun.SelectQuery, scope rbac.Scope, alias string) *bun.SelectQuery {
	return within(query, scope, alias+".shop_id", bun.Safe(alias+".assignee_id"))
}

// within is inScope with the shop written as an expression.
func within(query *bun.SelectQuery, scope rbac.Scope, shopColumn string, assignee bun.Safe) *bun.SelectQuery {
	if scope.All {
		return query
	}
	shop := bun.Safe(shopColumn)
	if len(scope.AssignedOnly) > 0 { // says nothing new, but what comes next can be found by no index
		query.Where("? ?", shop, among(query, scope.AllShops()))
	}
	return query.WhereGroup(" AND ", func(g *bun.SelectQuery) *bun.SelectQuery {
		switch {
		case len(scope.Shops) > 0:
			g.Where("? ?", shop, among(query, scope.Shops))
		default:
			g.Where("1 = 0")
		}
		if len(scope.AssignedOnly) > 0 {
			g.WhereOr("? ? AND ? = ?", shop, among(query, scope.AssignedOnly), assignee, int64(scope.User))
		}
		if len(scope.MayTake) > 0 {
			g.WhereOr("? ? AND ? IS NULL", shop, among(query, scope.MayTake), assignee)
		}
		return g
	})
}

// among is the condition "is one of these shops" in the form each database plans best: SQLite stops
// each shop's part of an index early for a plain list, PostgreSQL plans long lists slowly unless
// they are one array.
func among(query *bun.SelectQuery, shops []inbox.ShopID) schema.QueryWithArgs {
	ids := make([]int64, len(shops))
	for i, shop := range shops {
		ids[i] = int64(shop)
	}
	if query.Dialect().Name() == dialect.PG {
		return bun.SafeQuery("= ANY (?::bigint[])", pgdialect.Array(ids))
	}
	return bun.SafeQuery("IN (?)", bun.List(ids))
}
