package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

type invitationRow struct {
	bun.BaseModel `bun:"table:invitations"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Hash          []byte `bun:"token_hash"`
	User          int64  `bun:"user_id"`
	Kind          string `bun:"kind"`
	Inviter       int64  `bun:"inviter_id,nullzero"`
	ExpiresAt     int64  `bun:"expires_at"`
	UsedAt        int64  `bun:"used_at,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r invitationRow) invitation() inbox.Invitation {
	return inbox.Invitation{ID: inbox.InvitationID(r.ID), User: inbox.UserID(r.User), Kind: inbox.InvitationKind(r.Kind),
		Inviter: inbox.UserID(r.Inviter), ExpiresAt: moment(r.ExpiresAt), CreatedAt: moment(r.CreatedAt)}
}

// Invitations returns the invitations nobody has followed yet, expired ones too, the newest first.
func (q queries) Invitations(ctx context.Context) ([]inbox.Invitation, error) {
	var rows []invitationRow
	err := q.db.NewSelect().Model(&rows).Where("kind = ? AND used_at IS NULL", string(inbox.Invite)).OrderExpr("id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	list := make([]inbox.Invitation, len(rows))
	for i, r := range rows {
		list[i] = r.invitation()
	}
	return list, nil
}

// Invitation returns an invitation nobody has followed yet. NotFound if there is none.
func (q queries) Invitation(ctx context.Context, id inbox.InvitationID) (inbox.Invitation, error) {
	var r invitationRow
	err := q.db.NewSelect().Model(&r).Where("id = ? AND kind = ? AND used_at IS NULL", int64(id), string(inbox.Invite)).Scan(ctx)
	return r.invitation(), notFound(err, "invitation")
}

// InvitationByHash returns the link whose token has this SHA-256. TokenInvalid if there is none, or
// it was used or has expired.
func (q queries) InvitationByHash(ctx context.Context, hash []byte) (inbox.Invitation, error) {
	var r invitationRow
	err := q.db.NewSelect().Model(&r).Where("token_hash = ? AND used_at IS NULL AND expires_at > ?", hash, micros(q.now())).Scan(ctx)
	return r.invitation(), invalidToken(err)
}

func invalidToken(err error) error {
	if inbox.CodeOf(notFound(err, "link")) == inbox.NotFound {
		return inbox.Errorf(inbox.TokenInvalid, "this link is unknown, was used or has expired; ask for a new one")
	}
	return err
}

// CreateInvitation keeps a link under the SHA-256 of its token. Earlier links of the user are gone.
func (tx *Tx) CreateInvitation(ctx context.Context, i inbox.Invitation, hash []byte) (inbox.Invitation, error) {
	if err := tx.deleteOf(ctx, i.User, "invitations"); err != nil {
		return inbox.Invitation{}, err
	}
	r := invitationRow{Hash: hash, User: int64(i.User), Kind: string(i.Kind), Inviter: int64(i.Inviter),
		ExpiresAt: micros(i.ExpiresAt), CreatedAt: micros(tx.now())}
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return inbox.Invitation{}, fmt.Errorf("keep a link: %w", err)
	}
	return r.invitation(), nil
}

// RenewInvitation gives an invitation nobody has followed yet a new token; the old one is void.
// NotFound if there is no such invitation.
func (tx *Tx) RenewInvitation(ctx context.Context, id inbox.InvitationID, hash []byte, expires time.Time) (inbox.Invitation, error) {
	var r invitationRow
	err := tx.db.NewUpdate().Model(&r).Set("token_hash = ?", hash).Set("expires_at = ?", micros(expires)).
		Where("id = ? AND kind = ? AND used_at IS NULL", int64(id), string(inbox.Invite)).Returning("*").Scan(ctx)
	return r.invitation(), notFound(err, "invitation")
}

// UseInvitation uses up the link whose token has this SHA-256 and returns it; of two at once only
// one succeeds. TokenInvalid as InvitationByHash.
func (tx *Tx) UseInvitation(ctx context.Context, hash []byte) (inbox.Invitation, error) {
	var r invitationRow
	now := micros(tx.now())
	err := tx.db.NewUpdate().Model(&r).Set("used_at = ?", now).
		Where("token_hash = ? AND used_at IS NULL AND expires_at > ?", hash, now).Returning("*").Scan(ctx)
	return r.invitation(), invalidToken(err)
}
