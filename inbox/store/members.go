package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

func newMemberRow(m inbox.Member) memberRow {
	r := memberRow{Shop: int64(m.Shop), User: int64(m.User), Position: m.Position, Sees: m.Sees, MayTake: flag(m.MayTake), Receives: flag(m.Receives)}
	if r.Sees == "" {
		r.Sees = inbox.SeesShop
	}
	return r
}

// SetMembers replaces the members of a shop, in the order given: the first is the primary, the
// others its backups. Each becomes agent of the shop, whoever leaves stops being it; both count at
// once. Invalid if somebody is named twice, unknown or disabled.
func (tx *Tx) SetMembers(ctx context.Context, shop inbox.ShopID, members []inbox.Member) error {
	rows := make([]memberRow, len(members))
	named := map[inbox.UserID]bool{}
	for i, m := range members {
		if named[m.User] {
			return inbox.InvalidField("body", "a person can be named once only")
		}
		named[m.User] = true
		m.Shop, m.Position = shop, i
		rows[i] = newMemberRow(m)
	}
	if err := tx.LockPolicy(ctx); err != nil {
		return err
	}
	if err := tx.checkActive(ctx, slices.Collect(maps.Keys(named))); err != nil {
		return err
	}
	if _, err := tx.db.NewDelete().Table("members").Where("shop_id = ?", int64(shop)).Exec(ctx); err != nil {
		return fmt.Errorf("replace the members of shop %s: %w", shop, err)
	}
	if len(rows) > 0 {
		if _, err := tx.db.NewInsert().Model(&rows).Exec(ctx); err != nil {
			if foreign(err) {
				err = inbox.Errorf(inbox.NotFound, "there is no such shop")
			}
			return err
		}
	}
	return tx.SyncMembers(ctx, shop)
}

// checkActive refuses users that are unknown or disabled.
func (tx *Tx) checkActive(ctx context.Context, users []inbox.UserID) error {
	if len(users) == 0 {
		return nil
	}
	ids := make([]int64, len(users))
	for i, u := range users {
		ids[i] = int64(u)
	}
	usable, err := tx.db.NewSelect().Model((*userRow)(nil)).Where("id IN (?) AND status <> ?", bun.List(ids), string(rbac.UserDisabled)).Count(ctx)
	if err == nil && int(usable) != len(users) {
		return inbox.InvalidField("body", "somebody named here does not exist or is disabled")
	}
	return err
}

// SaveMember changes what a member sees and takes; his place stays. NotFound if he is no member.
func (tx *Tx) SaveMember(ctx context.Context, m inbox.Member) error {
	r := newMemberRow(m)
	result, err := tx.db.NewUpdate().Model(&r).Column("sees", "may_take", "receives").WherePK().Exec(ctx)
	if err != nil {
		return fmt.Errorf("save a member of shop %s: %w", m.Shop, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "this person is no member of the shop")
	}
	return tx.SyncMembers(ctx, m.Shop)
}

// SyncMembers makes exactly the members of a shop its agents, in the policy, and tells the sockets of
// everybody concerned. Whatever writes the members of a shop calls it in the same transaction.
func (tx *Tx) SyncMembers(ctx context.Context, shop inbox.ShopID) error {
	if err := tx.LockPolicy(ctx); err != nil {
		return err
	}
	members, err := tx.Members(ctx, shop)
	if err != nil {
		return err
	}
	old, err := tx.grantsWhere(ctx, "v2 = ?", shop.String())
	if err != nil {
		return err
	}
	concerned := map[rbac.UserID]bool{}
	var wanted []rbac.Grant
	var lines []rbac.Line
	for _, m := range members {
		g := rbac.Grant{User: m.User, Role: rbac.Agent, Shop: shop}
		wanted, lines, concerned[m.User] = append(wanted, g), append(lines, rbac.GrantLine(g)), true
	}
	gone := slices.DeleteFunc(old, func(g rbac.Grant) bool { return !membership(g) || slices.Contains(wanted, g) })
	for _, g := range gone {
		concerned[g.User] = true
	}
	if err := tx.removeGrants(ctx, gone); err != nil {
		return err
	}
	if err := tx.addLines(ctx, lines); err != nil {
		return err
	}
	for _, user := range slices.Sorted(maps.Keys(concerned)) {
		tx.accessChanged(user)
	}
	tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: shop})
	return nil
}
