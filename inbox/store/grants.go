package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type policyRow struct {
	bun.BaseModel `bun:"table:casbin_rules,alias:c"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Type          string `bun:"ptype"`
	V0            string `bun:"v0"`
	V1            string `bun:"v1"`
	V2            string `bun:"v2"`
}

func newPolicyRow(l rbac.Line) policyRow {
	return policyRow{Type: l.Type, V0: l.V0, V1: l.V1, V2: l.V2}
}

func (r policyRow) line() rbac.Line { return rbac.Line{Type: r.Type, V0: r.V0, V1: r.V1, V2: r.V2} }

// Policy is everything decisions depend on; it makes the store an rbac.Source. The version is read
// first: what follows may be newer, which costs one more reading, never a wrong decision.
func (q queries) Policy(ctx context.Context) (rbac.Policy, error) {
	var p rbac.Policy
	if err := q.db.NewSelect().Table("policy_version").Column("version").Scan(ctx, &p.Version); err != nil {
		return rbac.Policy{}, fmt.Errorf("policy version: %w", err)
	}
	var rows []policyRow
	err := q.db.NewSelect().Model(&rows).
		Where("ptype <> 'g' OR v0 IN (SELECT CAST(id AS TEXT) FROM users WHERE status <> ?)", string(rbac.UserDisabled)).
		Order("id").Scan(ctx)
	if err != nil {
		return rbac.Policy{}, fmt.Errorf("policy lines: %w", err)
	}
	for _, r := range rows {
		p.Lines = append(p.Lines, r.line())
	}
	var limits []struct {
		User    int64 `bun:"user_id"`
		Shop    int64 `bun:"shop_id"`
		MayTake int64 `bun:"may_take"`
	}
	err = q.db.NewSelect().Table("members").Column("user_id", "shop_id", "may_take").Where("sees = ?", inbox.SeesAssigned).Scan(ctx, &limits)
	if err != nil {
		return rbac.Policy{}, fmt.Errorf("members that see assigned conversations only: %w", err)
	}
	for _, l := range limits {
		p.Limits = append(p.Limits, rbac.Limit{User: rbac.UserID(l.User), Shop: rbac.ShopID(l.Shop), MayTake: l.MayTake != 0})
	}
	return p, nil
}

// PolicyVersion returns the version of the policy.
func (q queries) PolicyVersion(ctx context.Context) (int64, error) {
	var version int64
	if err := q.db.NewSelect().Table("policy_version").Column("version").Scan(ctx, &version); err != nil {
		return 0, fmt.Errorf("read the version of the policy: %w", err)
	}
	return version, nil
}

// Roles returns the grants of everybody, also of disabled users, whose grants give them nothing.
func (q queries) Roles(ctx context.Context) (map[rbac.UserID][]rbac.Grant, error) {
	grants, err := q.grantsWhere(ctx, "1 = ?", 1)
	roles := map[rbac.UserID][]rbac.Grant{}
	for _, g := range grants {
		roles[g.User] = append(roles[g.User], g)
	}
	return roles, err
}

// UserRoles returns the grants of one user, also of a disabled one.
func (q queries) UserRoles(ctx context.Context, user rbac.UserID) ([]rbac.Grant, error) {
	return q.grantsWhere(ctx, "v0 = ?", user.String())
}

func (q queries) grantsWhere(ctx context.Context, where string, arg any) ([]rbac.Grant, error) {
	var rows []policyRow
	if err := q.db.NewSelect().Model(&rows).Where("ptype = 'g'").Where(where, arg).Order("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	var grants []rbac.Grant
	for _, r := range rows {
		if g, ok := r.line().Grant(); ok {
			grants = append(grants, g)
		}
	}
	return grants, nil
}

// seedPolicy says what each role may, in a database that does not say it yet.
func (tx *Tx) seedPolicy(ctx context.Context) error {
	seeded, err := tx.db.NewSelect().Model((*policyRow)(nil)).Where("ptype = 'p'").Exists(ctx)
	if err != nil || seeded {
		return err
	}
	if err := tx.LockPolicy(ctx); err != nil {
		return err
	}
	return tx.addLines(ctx, rbac.DefaultLines()) // another node may have been faster: known lines stay
}

func (tx *Tx) addLines(ctx context.Context, lines []rbac.Line) error {
	if len(lines) == 0 {
		return nil
	}
	rows := make([]policyRow, len(lines))
	for i, l := range lines {
		rows[i] = newPolicyRow(l)
	}
	if _, err := tx.db.NewInsert().Model(&rows).On("CONFLICT (ptype, v0, v1, v2) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("add to the policy: %w", err)
	}
	return nil
}

func (tx *Tx) removeGrants(ctx context.Context, grants []rbac.Grant) error {
	for _, g := range grants {
		l := rbac.GrantLine(g)
		_, err := tx.db.NewDelete().Model((*policyRow)(nil)).Where("ptype = ? AND v0 = ? AND v1 = ? AND v2 = ?", l.Type, l.V0, l.V1, l.V2).Exec(ctx)
		if err != nil {
			return fmt.Errorf("take from the policy: %w", err)
		}
	}
	return nil
}

// LockPolicy raises the policy's version and makes other changes of rights wait until this
// transaction ends, on any node. What it reads of roles afterwards stays true until it commits.
func (tx *Tx) LockPolicy(ctx context.Context) error {
	if _, err := tx.db.NewUpdate().Table("policy_version").Set("version = version + 1").Where("id = 1").Exec(ctx); err != nil {
		return fmt.Errorf("raise the policy version: %w", err)
	}
	return nil
}

// changeRights runs change under the policy's lock and refuses it with LastAdmin if it takes away
// the last active owner, or the last active person who administrates everything.
func (tx *Tx) changeRights(ctx context.Context, change func() error) error {
	if err := tx.LockPolicy(ctx); err != nil {
		return err
	}
	owners, admins, err := tx.administrators(ctx)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	ownersLeft, adminsLeft, err := tx.administrators(ctx)
	switch {
	case err != nil:
		return err
	case owners > 0 && ownersLeft == 0:
		return inbox.Errorf(inbox.LastAdmin, "this is the last owner; make somebody else owner first")
	case admins > 0 && adminsLeft == 0:
		return inbox.Errorf(inbox.LastAdmin, "this is the last admin; make somebody else admin first")
	}
	return nil
}

// administrators counts the active users who are owner, and those who are owner or admin of
// everything.
func (q queries) administrators(ctx context.Context) (owners, admins int, err error) {
	err = q.db.NewSelect().Model((*policyRow)(nil)).
		ColumnExpr("count(DISTINCT CASE WHEN v1 = ? THEN v0 END)", string(rbac.Owner)).ColumnExpr("count(DISTINCT v0)").
		Where("ptype = 'g' AND v2 = ? AND v1 IN (?, ?)", rbac.Everywhere, string(rbac.Owner), string(rbac.Admin)).
		Where("v0 IN (SELECT CAST(id AS TEXT) FROM users WHERE status = ?)", string(rbac.UserActive)).
		Scan(ctx, &owners, &admins)
	if err != nil {
		err = fmt.Errorf("count who can administrate: %w", err)
	}
	return owners, admins, err
}

// SetRoles replaces the roles of a user; User of the grants is ignored. A role as agent of one shop
// is the same as being its member: giving it makes the user its last backup, taking it away ends the
// membership. A membership stays if another of the new roles covers it, so that an agent who becomes
// an admin keeps his place. LastAdmin if nobody would be left who can administrate; whether the
// giver may give these is rbac.MayChange's to say.
func (tx *Tx) SetRoles(ctx context.Context, user rbac.UserID, grants []rbac.Grant) error {
	wanted, err := normal(user, grants)
	if err != nil {
		return err
	}
	return tx.changeRights(ctx, func() error {
		old, err := tx.UserRoles(ctx, user)
		if err != nil {
			return err
		}
		for _, g := range old {
			if membership(g) && slices.ContainsFunc(wanted, func(w rbac.Grant) bool { return w.Shop == 0 || w.Shop == g.Shop }) && !slices.Contains(wanted, g) {
				wanted = append(wanted, g)
			}
		}
		gone := slices.DeleteFunc(slices.Clone(old), func(g rbac.Grant) bool { return slices.Contains(wanted, g) })
		added := slices.DeleteFunc(wanted, func(g rbac.Grant) bool { return slices.Contains(old, g) })
		if len(gone)+len(added) == 0 {
			return nil
		}
		if err := tx.applyRoles(ctx, user, added, gone); err != nil {
			return err
		}
		tx.userChanged(user)
		tx.accessChanged(user)
		return tx.voidResets(ctx, user)
	})
}

// voidResets ends the links for a new password: whoever made one may since have become less than the
// user it is for.
func (tx *Tx) voidResets(ctx context.Context, user rbac.UserID) error {
	_, err := tx.db.NewDelete().Table("invitations").Where("user_id = ? AND kind = ?", int64(user), string(inbox.Reset)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("void the links of user %s: %w", user, err)
	}
	return nil
}

// normal checks grants, gives them to the user and drops repetitions.
func normal(user rbac.UserID, grants []rbac.Grant) ([]rbac.Grant, error) {
	var list []rbac.Grant
	for _, g := range grants {
		g.User = user
		if !g.Valid() {
			return nil, inbox.InvalidField("body.roles", "there is no role %q here", g.Role)
		}
		if !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	return list, nil
}

// membership tells whether a grant is the one that follows from being a shop's member.
func membership(g rbac.Grant) bool { return g.Role == rbac.Agent && g.Shop != 0 }

func (tx *Tx) applyRoles(ctx context.Context, user rbac.UserID, added, gone []rbac.Grant) error {
	if err := tx.removeGrants(ctx, gone); err != nil {
		return err
	}
	lines := make([]rbac.Line, len(added))
	for i, g := range added {
		lines[i] = rbac.GrantLine(g)
		if err := tx.checkShop(ctx, g.Shop); err != nil {
			return err
		}
		if membership(g) {
			if err := tx.appendMember(ctx, g.Shop, user); err != nil {
				return err
			}
		}
	}
	for _, g := range gone {
		if membership(g) {
			if _, err := tx.db.NewDelete().Table("members").Where("shop_id = ? AND user_id = ?", int64(g.Shop), int64(user)).Exec(ctx); err != nil {
				return fmt.Errorf("end a membership: %w", err)
			}
			tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: g.Shop})
		}
	}
	return tx.addLines(ctx, lines)
}

func (tx *Tx) checkShop(ctx context.Context, shop rbac.ShopID) error {
	if shop == 0 {
		return nil
	}
	known, err := tx.db.NewSelect().Table("shops").Where("id = ?", int64(shop)).Exists(ctx)
	if err == nil && !known {
		return inbox.InvalidField("body.roles", "there is no such shop")
	}
	return err
}

func (tx *Tx) appendMember(ctx context.Context, shop rbac.ShopID, user rbac.UserID) error {
	_, err := tx.db.NewRaw(`INSERT INTO members (shop_id, user_id, position)
		VALUES (?, ?, (SELECT COALESCE(max(position) + 1, 0) FROM members WHERE shop_id = ?))
		ON CONFLICT (shop_id, user_id) DO NOTHING`, int64(shop), int64(user), int64(shop)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("make user %s a member of shop %s: %w", user, shop, err)
	}
	tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: shop})
	return nil
}
