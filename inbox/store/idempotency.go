package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// Answer is what a request with an idempotency key was answered with.
type Answer struct {
	Status   int // HTTP
	Body     []byte
	Location string
}

const (
	keysKept = 7 * 24 * time.Hour
	// keyAbandoned is when a request that was begun and never answered counts as lost with its node.
	keyAbandoned = time.Minute
)

type keyRow struct {
	bun.BaseModel `bun:"table:idempotency_keys"`
	User          int64  `bun:"user_id,pk"`
	Operation     string `bun:"operation,pk"`
	Key           string `bun:"idem_key,pk"`
	Hash          []byte `bun:"body_hash"`
	Status        int    `bun:"status"`
	Answer        []byte `bun:"answer"`
	Location      string `bun:"location"`
	CreatedAt     int64  `bun:"created_at"`
}

// ClaimKey begins a request under a key. If the same request was answered before, that answer is
// returned and nothing is to be done. Invalid with reason key_reused if the key was used for another
// request, Conflict while the first is under way.
func (tx *Tx) ClaimKey(ctx context.Context, user rbac.UserID, operation, key string, hash []byte) (*Answer, error) {
	now := tx.now()
	if _, err := tx.db.NewDelete().Table("idempotency_keys").Where("created_at < ?", micros(now.Add(-keysKept))).Exec(ctx); err != nil {
		return nil, fmt.Errorf("remove old keys: %w", err)
	}
	fresh := keyRow{User: int64(user), Operation: operation, Key: key, Hash: hash, CreatedAt: micros(now)}
	result, err := tx.db.NewInsert().Model(&fresh).On("CONFLICT DO NOTHING").Returning("NULL").Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("claim a key: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return nil, err
	}
	r := fresh
	if err := tx.db.NewSelect().Model(&r).WherePK().Scan(ctx); err != nil {
		return nil, fmt.Errorf("read a key: %w", err)
	}
	switch {
	case !bytes.Equal(r.Hash, hash):
		return nil, &inbox.Error{Code: inbox.Invalid, Field: "header.Idempotency-Key", Msg: "this key was used for another request",
			Reason: &inbox.Reason{Code: "key_reused"}}
	case r.Status != 0:
		return &Answer{r.Status, r.Answer, r.Location}, nil
	case now.Sub(moment(r.CreatedAt)) < keyAbandoned:
		return nil, &inbox.Error{Code: inbox.Conflict, Msg: "the first request with this key is under way", Reason: &inbox.Reason{Code: "under_way"}}
	}
	_, err = tx.db.NewUpdate().Model(&fresh).Column("created_at").WherePK().Exec(ctx)
	return nil, err
}

// KeepAnswer ends a request that ClaimKey began: with its answer, or with nil so that it may be
// tried again.
func (tx *Tx) KeepAnswer(ctx context.Context, user rbac.UserID, operation, key string, answer *Answer) error {
	r := keyRow{User: int64(user), Operation: operation, Key: key}
	var err error
	if answer == nil {
		_, err = tx.db.NewDelete().Model(&r).WherePK().Exec(ctx)
	} else {
		r.Status, r.Answer, r.Location = answer.Status, answer.Body, answer.Location
		_, err = tx.db.NewUpdate().Model(&r).Column("status", "answer", "location").WherePK().Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("keep the answer to a key: %w", err)
	}
	return nil
}
