package store

import (
	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/rbac"
)

// inScope narrows a query over conversations (or a table with shop_id and assignee_id under the
// given alias) to what a scope sees: the only place where a Scope becomes SQL.
func inScope(query *bun.SelectQuery, scope rbac.Scope, alias string) *bun.SelectQuery {
	if scope.All {
		return query
	}
	shop, assignee := bun.Ident(alias+".shop_id"), bun.Ident(alias+".assignee_id")
	return query.WhereGroup(" AND ", func(g *bun.SelectQuery) *bun.SelectQuery {
		switch {
		case len(scope.Shops) > 0:
			g.Where("? IN (?)", shop, bun.In(scope.Shops))
		default:
			g.Where("1 = 0")
		}
		if len(scope.AssignedOnly) > 0 {
			g.WhereOr("? IN (?) AND ? = ?", shop, bun.In(scope.AssignedOnly), assignee, int64(scope.User))
		}
		if len(scope.MayTake) > 0 {
			g.WhereOr("? IN (?) AND ? IS NULL", shop, bun.In(scope.MayTake), assignee)
		}
		return g
	})
}
