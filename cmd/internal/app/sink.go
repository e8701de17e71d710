package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/seal"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// sink hands what the runner pulls to ingest.
type sink struct{ ingest *ingest.Service }

func source(hold channels.Hold) ingest.Source {
	return ingest.Source{Connection: hold.Connection, Fence: hold.Fence}
}

func (s sink) Taking(ctx context.Context, hold channels.Hold, keys []channels.Key) (channels.Taking, error) {
	items := make([]ingest.Item, len(keys))
	for i, k := range keys {
		items[i] = ingest.Item{SourceKey: k.SourceKey, Place: k.Place, Size: k.Size, At: k.At, Beside: k.Beside}
	}
	verdicts, alone, err := s.ingest.Begin(ctx, source(hold), items)
	taking := channels.Taking{Alone: alone}
	for _, v := range verdicts {
		taking.Verdicts = append(taking.Verdicts, map[ingest.Verdict]channels.Verdict{
			ingest.Fresh: channels.Fresh, ingest.Known: channels.Known, ingest.SetAside: channels.SetAside}[v])
	}
	return taking, err
}

func (s sink) Release(ctx context.Context, hold channels.Hold, keys []string) error {
	return s.ingest.Release(ctx, source(hold), keys)
}

func (s sink) Take(ctx context.Context, hold channels.Hold, items []inbox.Incoming, cursor string) error {
	return s.ingest.Take(ctx, source(hold), items, cursor)
}

// directory tells the runner which connections there are, with their secrets opened.
type directory struct {
	store  *store.Store
	ring   *seal.Ring
	inside func(ctx context.Context, network, address string) (net.Conn, error) // for those that may lead inside; nil: as all
}

func (d directory) Connections(ctx context.Context) ([]inbox.ConnectionID, error) {
	everything := rbac.Scope{All: true}
	shops, err := d.store.Shops(ctx, everything)
	if err != nil {
		return nil, err
	}
	running := make(map[inbox.ShopID]bool, len(shops))
	for _, shop := range shops {
		running[shop.ID] = shop.State != inbox.ShopStopped && shop.State != inbox.ShopDraft
	}
	list, err := d.store.Connections(ctx, everything)
	if err != nil {
		return nil, err
	}
	var ids []inbox.ConnectionID
	for _, c := range list {
		if running[c.Shop] && c.State != inbox.ConnectionDisabled {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

func (d directory) Load(ctx context.Context, id inbox.ConnectionID) (channels.Stored, error) {
	c, err := d.store.Connection(ctx, id)
	if err != nil {
		return channels.Stored{}, err
	}
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return channels.Stored{}, fmt.Errorf("settings of connection %s: %w", id, err)
	}
	config := channels.Config{Connection: id, Settings: settings, Secret: map[string]string{}, LiveFrom: c.LiveFrom}
	if c.Inside {
		config.Dial = d.inside
	}
	if len(c.Secret) > 0 {
		opened, err := d.ring.Open(c.Secret, seal.Binding{Table: "connections", Field: "secret", Row: int64(id), Shop: int64(c.Shop)})
		if err != nil {
			return channels.Stored{}, fmt.Errorf("secret of connection %s: %w", id, err)
		}
		if err := json.Unmarshal(opened, &config.Secret); err != nil {
			return channels.Stored{}, fmt.Errorf("secret of connection %s is not readable", id)
		}
	}
	return channels.Stored{Kind: c.Kind, Config: config, Cursor: c.Cursor}, nil
}

func (d directory) Report(ctx context.Context, hold channels.Hold, h channels.Health) error {
	return d.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.HoldLease(ctx, hold.Connection, hold.Fence); err != nil {
			return err
		}
		return tx.SetHealth(ctx, hold.Connection, h.State, h.Problem, h.CheckedAt)
	})
}
