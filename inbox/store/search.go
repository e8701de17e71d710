package store

import (
	"strings"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// searchDepth is how many of the newest messages with the words a search looks at; state, assignee,
// tag and the like are checked on those by key.
const searchDepth = 5000

// hits selects the conversations of the newest messages that have all words and belong to a shop of
// the scope. The shop is one of the words, so no join is needed to leave others out. The order by
// rowid with its limit inside keeps PostgreSQL from walking the primary key for rare words.
func (q queries) hits(scope rbac.Scope, f ConversationFilter) *bun.SelectQuery {
	newest := q.db.NewSelect().Table("message_words")
	if q.postgres {
		newest.ColumnExpr("message_id AS id").Where("words @@ ?::tsquery", tsquery(scope, f)).OrderExpr("message_id DESC")
	} else {
		newest.ColumnExpr("rowid AS id").Where("message_words MATCH ?", match(scope, f)).OrderExpr("rowid DESC")
	}
	newest.Limit(searchDepth)
	return q.db.NewSelect().With("found", newest).ColumnExpr("h.conversation_id").TableExpr("found").
		Join("JOIN messages AS h ON h.id = found.id")
}

// shopWords are the words of the shops a search may find; nil means every shop.
func shopWords(scope rbac.Scope, f ConversationFilter) []string {
	var shops []inbox.ShopID
	switch {
	case f.Shop != 0:
		shops = []inbox.ShopID{f.Shop}
	case scope.All:
		return nil
	default:
		shops = scope.AllShops()
	}
	words := make([]string, len(shops))
	for i, shop := range shops {
		words[i] = ShopWord(shop)
	}
	return words
}

// match writes a query of FTS5: each word quoted, so that none is an operator.
func match(scope rbac.Scope, f ConversationFilter) string {
	quote := func(word string) string { return `"` + strings.ReplaceAll(word, `"`, `""`) + `"` }
	return boolean(scope, f, quote, " OR ", " AND ")
}

// tsquery writes a query of PostgreSQL: each word quoted, so that none is an operator.
func tsquery(scope rbac.Scope, f ConversationFilter) string {
	quote := func(word string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(word) + "'"
	}
	return boolean(scope, f, quote, " | ", " & ")
}

func boolean(scope rbac.Scope, f ConversationFilter, quote func(string) string, or, and string) string {
	terms := make([]string, 0, len(f.Words)+1)
	for _, word := range f.Words {
		terms = append(terms, quote(word))
	}
	if shops := shopWords(scope, f); len(shops) > 0 {
		for i, word := range shops {
			shops[i] = quote(word)
		}
		terms = append(terms, "("+strings.Join(shops, or)+")")
	}
	return strings.Join(terms, and)
}
