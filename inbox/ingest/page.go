package ingest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// page is one page on its way through the transaction. Everything is looked up for the page as a
// whole, decided in memory item by item in the order of arrival, and written as a whole.
type page struct {
	service *Service
	tx      *store.Tx
	source  Source
	items   []prepared
	again   bool // a set-aside item is taken once more

	connection inbox.Connection
	shops      map[inbox.ShopID]inbox.Shop
	copies     []*copy                      // one per item and shop it belongs to, in the order of arrival
	ledger     map[string]inbox.LedgerEntry // as it was
	outcome    map[string]inbox.LedgerEntry // what becomes of the items

	same     map[copyKey]store.KnownMessage
	headers  map[headerKey]store.KnownMessage
	threads  map[threadKey]inbox.ConversationID
	existing map[inbox.ConversationID]*inbox.Conversation
	fresh    []*inbox.Conversation
	written  []store.Arrival
	changed  map[inbox.ConversationID]bool
	toRoute  []*inbox.Conversation
}

type (
	copyKey struct {
		shop     inbox.ShopID
		sameness string
	}
	headerKey struct {
		shop   inbox.ShopID
		header string
	}
	threadKey struct {
		shop   inbox.ShopID
		thread string
	}
)

// copy is one item as one of its shops gets it.
type copy struct {
	*prepared
	shop    inbox.ShopID
	contact inbox.ContactID
}

// history tells whether an item is there to be read alone: the source received it before the
// connection went live, or the shop is closed. Mail servers tell times in whole seconds.
func (p *page) history(c *copy) bool {
	return c.At.Before(p.connection.LiveFrom.Truncate(time.Second)) || p.shops[c.shop].State == inbox.ShopClosed
}

func (p *page) take(ctx context.Context, cursor string) error {
	if err := p.tx.HoldLease(ctx, p.source.Connection, p.source.Fence); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{p.load, p.route, p.findSame, p.meet, p.findThreads, p.file, p.write} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	var last time.Time
	for _, item := range p.items {
		if item.At.After(last) {
			last = item.At
		}
	}
	return p.tx.TouchConnection(ctx, p.source.Connection, last, cursor)
}

// load reads the connection and what the ledger has of the items.
func (p *page) load(ctx context.Context) (err error) {
	if p.connection, err = p.tx.LockConnection(ctx, p.source.Connection); err != nil {
		return err
	}
	keys := make([]string, len(p.items))
	for i, item := range p.items {
		keys[i] = item.SourceKey
	}
	p.ledger, err = p.tx.LedgerByKeys(ctx, p.source.Connection, keys)
	return err
}

// route makes one copy per shop of each item that is to be stored, and loads these shops.
func (p *page) route(ctx context.Context) error {
	routes, err := p.tx.Routes(ctx, p.source.Connection)
	if err != nil {
		return err
	}
	p.shops = map[inbox.ShopID]inbox.Shop{}
	for i := range p.items {
		item := &p.items[i]
		if item.Problem != nil || p.done(item) {
			continue
		}
		for _, shop := range shopsOf(item.Recipients, routes, p.connection.Shop) {
			p.copies = append(p.copies, &copy{prepared: item, shop: shop})
			p.shops[shop] = inbox.Shop{}
		}
	}
	for id := range p.shops {
		if p.shops[id], err = p.tx.Shop(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// done tells whether the ledger says that an item was dealt with before.
func (p *page) done(item *prepared) bool {
	entry, seen := p.ledger[item.SourceKey]
	if !seen || entry.State == inbox.LedgerTaking || entry.State == inbox.LedgerWaiting {
		return false
	}
	return !p.again || entry.State != inbox.LedgerSetAside
}

// findSame looks which copies were received before under another source key.
func (p *page) findSame(ctx context.Context) error {
	sums := make([][]byte, len(p.copies))
	for i, c := range p.copies {
		sums[i] = c.sameness
	}
	known, err := p.tx.MessagesBySameness(ctx, p.source.Connection, slices.Collect(maps.Keys(p.shops)), sums)
	if err != nil {
		return err
	}
	p.same = make(map[copyKey]store.KnownMessage, len(known))
	for _, k := range known {
		p.same[copyKey{k.Shop, string(k.Sameness)}] = k
	}
	return nil
}

// meet finds or makes the contact of each copy. The contact of what the shop itself sent is the one
// it was sent to.
func (p *page) meet(ctx context.Context) error {
	meetings := make([]store.Meeting, len(p.copies))
	for i, c := range p.copies {
		meetings[i] = store.Meeting{Shop: c.shop, Identity: c.Identity}
	}
	contacts, err := p.tx.Meet(ctx, meetings)
	if err != nil {
		return err
	}
	for i, c := range p.copies {
		c.contact = contacts[i]
	}
	return nil
}

// findThreads looks up every conversation the copies may belong to, and locks these.
func (p *page) findThreads(ctx context.Context) error {
	var headers, threads []string
	for _, c := range p.copies {
		headers = append(headers, c.References...)
		if c.HeaderID != "" && c.Outbound {
			headers = append(headers, c.HeaderID)
		}
		if c.Thread != "" {
			threads = append(threads, c.Thread)
		}
	}
	known, err := p.tx.MessagesByHeader(ctx, p.source.Connection, slices.Collect(maps.Keys(p.shops)), compact(headers))
	if err != nil {
		return err
	}
	remote, err := p.tx.ConversationsByThread(ctx, p.source.Connection, compact(threads))
	if err != nil {
		return err
	}
	p.headers = make(map[headerKey]store.KnownMessage, len(known))
	p.threads = make(map[threadKey]inbox.ConversationID, len(remote))
	ids := make([]inbox.ConversationID, 0, len(known)+len(remote))
	for _, k := range known {
		p.headers[headerKey{k.Shop, k.HeaderID}] = k
		ids = append(ids, k.Conversation)
	}
	for _, c := range remote {
		p.threads[threadKey{c.Shop, c.RemoteThread}] = c.ID
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	locked, err := p.tx.LockConversations(ctx, slices.Compact(ids))
	if err != nil {
		return err
	}
	p.existing = make(map[inbox.ConversationID]*inbox.Conversation, len(locked))
	for i := range locked {
		p.existing[locked[i].ID] = &locked[i]
	}
	return nil
}

func compact(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
