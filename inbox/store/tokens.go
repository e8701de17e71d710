package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type tokenRow struct {
	bun.BaseModel `bun:"table:tokens"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Hash          []byte `bun:"token_hash"`
	User          int64  `bun:"user_id"`
	Name          string `bun:"name"`
	ExpiresAt     int64  `bun:"expires_at,nullzero"`
	UsedAt        int64  `bun:"used_at,nullzero"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r tokenRow) token() inbox.Token {
	return inbox.Token{ID: inbox.TokenID(r.ID), User: inbox.UserID(r.User), Name: r.Name,
		ExpiresAt: moment(r.ExpiresAt), UsedAt: moment(r.UsedAt), CreatedAt: moment(r.CreatedAt)}
}

type signedTokenRow struct {
	Token  tokenRow `bun:"embed:t__"`
	User   userRow  `bun:"embed:u__"`
	Policy int64    `bun:"policy"`
}

const tokenColumns = `t.id AS t__id, t.user_id AS t__user_id, t.name AS t__name, t.expires_at AS t__expires_at,
	t.used_at AS t__used_at, t.created_at AS t__created_at`

// TokenByHash returns the token whose text has this SHA-256, with its user and the policy's version,
// in one statement. Unauthenticated if there is none, it has expired, or the user is not active.
func (q queries) TokenByHash(ctx context.Context, hash []byte) (Signed, error) {
	return q.signedToken(ctx, "t.token_hash = ?", hash)
}

// TokenByID is TokenByHash for a token that is known already, such as that of an open socket.
func (q queries) TokenByID(ctx context.Context, id inbox.TokenID) (Signed, error) {
	return q.signedToken(ctx, "t.id = ?", int64(id))
}

func (q queries) signedToken(ctx context.Context, where string, arg any) (Signed, error) {
	var r signedTokenRow
	err := q.db.NewSelect().TableExpr("tokens AS t").ColumnExpr(tokenColumns).ColumnExpr(signerColumns).
		Join("JOIN users AS u ON u.id = t.user_id").Where(where, arg).
		Where("(t.expires_at IS NULL OR t.expires_at > ?) AND u.status = ?", micros(q.now()), string(rbac.UserActive)).Scan(ctx, &r)
	if err != nil {
		return Signed{}, unsigned(err)
	}
	u, err := r.User.user()
	return Signed{User: u, Token: r.Token.token(), Policy: r.Policy}, err
}

// Tokens returns a user's tokens, expired ones too, the newest first.
func (q queries) Tokens(ctx context.Context, user rbac.UserID) ([]inbox.Token, error) {
	var rows []tokenRow
	if err := q.db.NewSelect().Model(&rows).Where("user_id = ?", int64(user)).OrderExpr("id DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	tokens := make([]inbox.Token, len(rows))
	for i, r := range rows {
		tokens[i] = r.token()
	}
	return tokens, nil
}

// CreateToken keeps a token under the SHA-256 of its text.
func (tx *Tx) CreateToken(ctx context.Context, t inbox.Token, hash []byte) (inbox.Token, error) {
	r := tokenRow{Hash: hash, User: int64(t.User), Name: t.Name, ExpiresAt: micros(t.ExpiresAt), CreatedAt: micros(tx.now())}
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		if foreign(err) {
			err = inbox.Errorf(inbox.NotFound, "there is no such user")
		}
		return inbox.Token{}, err
	}
	return r.token(), nil
}

// TouchToken notes that a token was used.
func (tx *Tx) TouchToken(ctx context.Context, t inbox.Token) error {
	if _, err := tx.db.NewUpdate().Table("tokens").Set("used_at = ?", micros(t.UsedAt)).Where("id = ?", int64(t.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("note that token %s was used: %w", t.ID, err)
	}
	return tx.seen(ctx, t.User, t.UsedAt)
}

// DeleteToken deletes a user's token and closes its sockets. NotFound if he has no such token.
func (tx *Tx) DeleteToken(ctx context.Context, user rbac.UserID, id inbox.TokenID) error {
	result, err := tx.db.NewDelete().Table("tokens").Where("id = ? AND user_id = ?", int64(id), int64(user)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete token %s: %w", id, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return inbox.Errorf(inbox.NotFound, "there is no such token")
	}
	tx.accessChanged(user)
	return nil
}
