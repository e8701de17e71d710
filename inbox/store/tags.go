package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type tagRow struct {
	bun.BaseModel `bun:"table:tags,alias:t"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Name          string `bun:"name"`
	NameKey       string `bun:"name_key"`
	Color         string `bun:"color"`
	ArchivedAt    int64  `bun:"archived_at,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r tagRow) tag() inbox.Tag {
	return inbox.Tag{ID: inbox.TagID(r.ID), Name: r.Name, Color: r.Color, Archived: r.ArchivedAt != 0}
}

// tagKey is what makes two names the same: case, accents' spelling and spaces around do not count.
func tagKey(name string) string {
	return cases.Fold().String(norm.NFKC.String(strings.Join(strings.Fields(name), " ")))
}

// Tags returns the tags by name, with how many conversations of the scope carry each; archived ones
// only if asked for.
func (q queries) Tags(ctx context.Context, scope rbac.Scope, archived bool) ([]inbox.Tag, error) {
	var rows []tagRow
	query := q.db.NewSelect().Model(&rows).Order("name_key")
	if !archived {
		query.Where("archived_at IS NULL")
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	var uses []struct {
		Tag int64 `bun:"tag_id"`
		N   int   `bun:"n"`
	}
	count := q.db.NewSelect().TableExpr("conversation_tags AS ct").ColumnExpr("ct.tag_id, count(*) AS n").Group("ct.tag_id")
	if !scope.All {
		inScope(count.Join("JOIN conversations AS c ON c.id = ct.conversation_id"), scope, "c")
	}
	if err := count.Scan(ctx, &uses); err != nil {
		return nil, fmt.Errorf("count uses of tags: %w", err)
	}
	used := make(map[int64]int, len(uses))
	for _, u := range uses {
		used[u.Tag] = u.N
	}
	tags := make([]inbox.Tag, len(rows))
	for i, r := range rows {
		tags[i] = r.tag()
		tags[i].Uses = used[r.ID]
	}
	return tags, nil
}

// Tag returns one tag without its uses.
func (q queries) Tag(ctx context.Context, id inbox.TagID) (inbox.Tag, error) {
	var r tagRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.Tag{}, notFound(err, "tag")
	}
	return r.tag(), nil
}

// CreateTag keeps a new tag. Conflict if there is one of that name.
func (tx *Tx) CreateTag(ctx context.Context, actor rbac.UserID, t inbox.Tag) (inbox.Tag, error) {
	r := tagRow{Name: t.Name, NameKey: tagKey(t.Name), Color: t.Color, CreatedAt: micros(tx.now())}
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return inbox.Tag{}, tagConflict(err)
	}
	tx.tagChanged(actor, r.tag().ID)
	return r.tag(), nil
}

// SaveTag writes name, colour and whether a tag is archived.
func (tx *Tx) SaveTag(ctx context.Context, actor rbac.UserID, t inbox.Tag) error {
	r := tagRow{ID: int64(t.ID), Name: t.Name, NameKey: tagKey(t.Name), Color: t.Color}
	update := tx.db.NewUpdate().Model(&r).Column("name", "name_key", "color").WherePK()
	if t.Archived {
		update.Set("archived_at = COALESCE(archived_at, ?)", micros(tx.now()))
	} else {
		update.Set("archived_at = NULL")
	}
	if _, err := update.Exec(ctx); err != nil {
		return tagConflict(err)
	}
	tx.tagChanged(actor, t.ID)
	return nil
}

// MergeTags gives every conversation that carries from the tag into instead, and removes from.
func (tx *Tx) MergeTags(ctx context.Context, actor rbac.UserID, from, into inbox.Tag) error {
	_, err := tx.db.ExecContext(ctx, `INSERT INTO conversation_tags (conversation_id, tag_id, user_id, at)
		SELECT conversation_id, ?, user_id, at FROM conversation_tags AS ct WHERE tag_id = ? AND NOT EXISTS
		(SELECT 1 FROM conversation_tags AS have WHERE have.conversation_id = ct.conversation_id AND have.tag_id = ?0)`,
		int64(into.ID), int64(from.ID))
	if err == nil {
		_, err = tx.db.NewDelete().Table("conversation_tags").Where("tag_id = ?", int64(from.ID)).Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("merge tag %s into %s: %w", from.ID, into.ID, err)
	}
	if _, err := tx.db.NewDelete().Table("tags").Where("id = ?", int64(from.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("remove tag %s: %w", from.ID, err)
	}
	tx.tagChanged(actor, from.ID)
	tx.tagChanged(actor, into.ID)
	return nil
}

func tagConflict(err error) error {
	if unique(err) {
		return &inbox.Error{Code: inbox.Conflict, Field: "body.name", Msg: "there is a tag of this name", Err: err}
	}
	return err
}

func (tx *Tx) tagChanged(actor rbac.UserID, id inbox.TagID) {
	tx.Append(inbox.Event{Kind: inbox.TagChanged, Actor: actor, Data: map[string]any{"tag": id}})
}

// ApplyTag puts a tag on a locked conversation and tells whether it was not there before.
func (tx *Tx) ApplyTag(ctx context.Context, id inbox.ConversationID, tag inbox.TagID, actor rbac.UserID) (bool, error) {
	result, err := tx.db.ExecContext(ctx, `INSERT INTO conversation_tags (conversation_id, tag_id, user_id, at) VALUES (?, ?, ?, ?)
		ON CONFLICT (conversation_id, tag_id) DO NOTHING`, int64(id), int64(tag), int64(actor), micros(tx.now()))
	if err != nil {
		return false, fmt.Errorf("tag conversation %s: %w", id, err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// RemoveTag takes a tag off a locked conversation and tells whether it was there.
func (tx *Tx) RemoveTag(ctx context.Context, id inbox.ConversationID, tag inbox.TagID) (bool, error) {
	result, err := tx.db.NewDelete().Table("conversation_tags").Where("conversation_id = ? AND tag_id = ?", int64(id), int64(tag)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("untag conversation %s: %w", id, err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}
