package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email/mailparse"
	"github.com/deskbell/deskbell/channels/email/receive"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// post finds the connection that mail which is handed over belongs to. It asks the database each
// time, so a connection counts from the moment it is kept, on every node.
type post struct {
	store *store.Store
	kinds channels.Registry
	log   *slog.Logger
}

// candidate is a connection that has an address, and the shop its mail goes to.
type candidate struct {
	connection inbox.Connection
	shop       inbox.ShopID
	rank       int // of several the lowest: address before alias before route, whole before without its tag
}

// Box finds the mailbox of an address, of several the oldest connection's. A shop that was closed
// takes its mail as history; one that is stopped or being set up has its mail server keep it.
func (p post) Box(ctx context.Context, address string) (receive.Box, error) {
	found, err := p.find(ctx, strings.ToLower(address))
	if err != nil {
		return receive.Box{}, err
	}
	c := found.connection
	shop, err := p.store.Shop(ctx, found.shop)
	if err != nil {
		return receive.Box{}, err
	}
	if c.State == inbox.ConnectionDisabled || shop.State == inbox.ShopStopped || shop.State == inbox.ShopDraft {
		return receive.Box{}, inbox.Errorf(inbox.Unavailable, "this mailbox takes no mail now")
	}
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return receive.Box{}, fmt.Errorf("settings of connection %s: %w", c.ID, err)
	}
	// Reading a mail needs no secret, and an adapter that is never pulled or sent by opens nothing.
	adapter, err := p.kinds[c.Kind].Open(channels.Config{Connection: c.ID, Settings: settings, LiveFrom: c.LiveFrom, Log: p.log})
	if err != nil {
		return receive.Box{}, fmt.Errorf("open connection %s: %w", c.ID, err)
	}
	reader, ok := adapter.(channels.Receiver)
	if !ok {
		return receive.Box{}, fmt.Errorf("connection %s cannot read mail that is handed over", c.ID)
	}
	return receive.Box{Connection: c.ID, Reader: reader}, nil
}

func (p post) find(ctx context.Context, address string) (candidate, error) {
	wanted := []string{address}
	if plain, tagged := mailparse.PlainAddress(address); tagged {
		wanted = append(wanted, plain)
	}
	connections, err := p.store.Connections(ctx, rbac.Scope{All: true})
	if err != nil {
		return candidate{}, err
	}
	routes, err := p.store.RoutesOf(ctx, wanted)
	if err != nil {
		return candidate{}, err
	}
	var list []candidate
	for _, c := range connections {
		if best, has := p.match(c, wanted, routes); has {
			list = append(list, best)
		}
	}
	if len(list) == 0 {
		return candidate{}, inbox.Errorf(inbox.NotFound, "nobody has this address")
	}
	return slices.MinFunc(list, func(a, b candidate) int { return a.rank - b.rank }), nil // the first of equals
}

// match tells how well a connection fits addresses, the better ones first.
func (p post) match(c inbox.Connection, wanted []string, routes []store.Route) (candidate, bool) {
	kind, known := p.kinds[c.Kind]
	settings, err := json.Marshal(c.Settings)
	if !known || kind.Receives == nil || err != nil {
		return candidate{}, false
	}
	own := kind.Receives(settings)
	if len(own) == 0 {
		return candidate{}, false
	}
	for i, address := range wanted {
		for _, r := range routes {
			if r.Connection == c.ID && r.Address == address {
				return candidate{c, r.Shop, 3*i + 2}, true
			}
		}
		if at := slices.IndexFunc(own, func(a string) bool { return strings.EqualFold(a, address) }); at >= 0 {
			return candidate{c, c.Shop, 3*i + min(at, 1)}, true
		}
	}
	return candidate{}, false
}
