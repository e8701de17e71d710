package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

type shopRow struct {
	bun.BaseModel `bun:"table:shops,alias:s"`
	ID            int64  `bun:"id,pk,autoincrement"`
	Name          string `bun:"name"`
	Zone          string `bun:"zone"`
	State         string `bun:"state"`
	Language      string `bun:"language"`
	SenderName    string `bun:"sender_name"`
	Signature     string `bun:"signature"`
	ReplyMinutes  int    `bun:"reply_minutes"`
	Fallback      string `bun:"fallback"`
	FallbackUser  int64  `bun:"fallback_user_id,nullzero"`
	FallbackTeam  int64  `bun:"fallback_team_id,nullzero"`
	AgentLimit    int    `bun:"agent_limit"`
	CreatedAt     int64  `bun:"created_at"`
}

func (r shopRow) shop() inbox.Shop {
	return inbox.Shop{ID: inbox.ShopID(r.ID), Name: r.Name, Zone: r.Zone, State: inbox.ShopState(r.State), Language: r.Language,
		SenderName: r.SenderName, Signature: r.Signature, ReplyMinutes: r.ReplyMinutes, AgentLimit: r.AgentLimit,
		Fallback:  inbox.Fallback{Kind: r.Fallback, User: inbox.UserID(r.FallbackUser), Team: inbox.TeamID(r.FallbackTeam)},
		CreatedAt: moment(r.CreatedAt)}
}

func newShopRow(s inbox.Shop) shopRow {
	return shopRow{ID: int64(s.ID), Name: s.Name, Zone: s.Zone, State: string(s.State), Language: s.Language,
		SenderName: s.SenderName, Signature: s.Signature, ReplyMinutes: s.ReplyMinutes, AgentLimit: s.AgentLimit,
		Fallback: s.Fallback.Kind, FallbackUser: int64(s.Fallback.User), FallbackTeam: int64(s.Fallback.Team),
		CreatedAt: micros(s.CreatedAt)}
}

// Shops returns the shops of a scope by name, also those where only assigned conversations are seen.
func (q queries) Shops(ctx context.Context, scope rbac.Scope) ([]inbox.Shop, error) {
	var rows []shopRow
	query := q.db.NewSelect().Model(&rows).Order("name", "id")
	if !scope.All {
		ids := append(append([]inbox.ShopID{}, scope.Shops...), scope.AssignedOnly...)
		if len(ids) == 0 {
			return nil, nil
		}
		query.Where("id IN (?)", bun.List(ids))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list shops: %w", err)
	}
	shops := make([]inbox.Shop, len(rows))
	for i, r := range rows {
		shops[i] = r.shop()
	}
	return shops, nil
}

// Shop returns one shop, whoever asks: the caller has decided that he may. NotFound if it is unknown.
func (q queries) Shop(ctx context.Context, id inbox.ShopID) (inbox.Shop, error) {
	var r shopRow
	if err := q.db.NewSelect().Model(&r).Where("id = ?", int64(id)).Scan(ctx); err != nil {
		return inbox.Shop{}, notFound(err, "shop")
	}
	return r.shop(), nil
}

// LockShop returns a shop and keeps others from changing it until the transaction ends.
func (tx *Tx) LockShop(ctx context.Context, id inbox.ShopID) (inbox.Shop, error) {
	var r shopRow
	query := tx.db.NewSelect().Model(&r).Where("s.id = ?", int64(id))
	if tx.postgres {
		query.For("NO KEY UPDATE")
	}
	if err := query.Scan(ctx); err != nil {
		return inbox.Shop{}, notFound(err, "shop")
	}
	return r.shop(), nil
}

// CreateShop keeps a new shop and returns its id. Conflict if the name is taken.
func (tx *Tx) CreateShop(ctx context.Context, s inbox.Shop) (inbox.ShopID, error) {
	s.CreatedAt = tx.now()
	if s.Fallback.Kind == "" {
		s.Fallback.Kind = inbox.FallbackQueue
	}
	if s.AgentLimit == 0 {
		s.AgentLimit = inbox.DefaultAgentLimit
	}
	r := newShopRow(s)
	if _, err := tx.db.NewInsert().Model(&r).Exec(ctx); err != nil {
		return 0, shopConflict(err)
	}
	id := inbox.ShopID(r.ID)
	tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: id})
	return id, nil
}

// SaveShop writes everything people can change on a shop.
func (tx *Tx) SaveShop(ctx context.Context, s inbox.Shop) error {
	r := newShopRow(s)
	if _, err := tx.db.NewUpdate().Model(&r).ExcludeColumn("created_at").WherePK().Exec(ctx); err != nil {
		return shopConflict(err)
	}
	tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: s.ID})
	return nil
}

func shopConflict(err error) error {
	switch {
	case unique(err):
		return &inbox.Error{Code: inbox.Conflict, Field: "body.name", Msg: "another shop has this name", Err: err}
	case foreign(err):
		return &inbox.Error{Code: inbox.Invalid, Field: "body.fallback", Msg: "the fallback names somebody who does not exist", Err: err}
	}
	return err
}

type memberRow struct {
	bun.BaseModel `bun:"table:members"`
	Shop          int64  `bun:"shop_id,pk"`
	User          int64  `bun:"user_id,pk"`
	Position      int    `bun:"position"`
	Sees          string `bun:"sees"`
	MayTake       int64  `bun:"may_take"`
	Receives      int64  `bun:"receives"`
}

func (r memberRow) member() inbox.Member {
	return inbox.Member{Shop: inbox.ShopID(r.Shop), User: inbox.UserID(r.User), Position: r.Position, Sees: r.Sees,
		MayTake: r.MayTake != 0, Receives: r.Receives != 0}
}

// Members returns the members of a shop, the primary first, then backups in their order; of all
// shops, by shop, if shop is 0.
func (q queries) Members(ctx context.Context, shop inbox.ShopID) ([]inbox.Member, error) {
	var rows []memberRow
	query := q.db.NewSelect().Model(&rows).Order("shop_id", "position", "user_id")
	if shop != 0 {
		query.Where("shop_id = ?", int64(shop))
	}
	if err := query.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	members := make([]inbox.Member, len(rows))
	for i, r := range rows {
		members[i] = r.member()
	}
	return members, nil
}
