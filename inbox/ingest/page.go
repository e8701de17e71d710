package ingest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/reference"
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
	reports    []*copy                      // of messages we sent: they belong to these and to no shop by themselves
	ledger     map[string]inbox.LedgerEntry // as it was
	outcome    map[string]inbox.LedgerEntry // what becomes of the items

	same       map[copyKey]store.KnownMessage
	origin     map[inbox.MessageID]inbox.Place        // where known messages were first received
	headers    map[store.Header][]store.KnownMessage  // the messages that bear an id, oldest first
	messages   map[inbox.MessageID]store.KnownMessage // those that references of ours name
	threads    map[threadKey]inbox.ConversationID     // of marketplaces
	topics     map[store.Topic]inbox.ConversationID   // the newest of a customer's subject
	existing   map[inbox.ConversationID]*inbox.Conversation
	siblings   map[string][]inbox.ConversationID // by source key
	links      []inbox.Link
	fresh      []*inbox.Conversation
	written    []store.Arrival
	deliveries []inbox.Delivery              // what reports say
	machines   map[inbox.ContactID]int       // automatic messages of the last hour
	own        map[string]store.KnownMessage // of ours, by Message-ID
	changed    map[inbox.ConversationID]bool
	toRoute    []*inbox.Conversation
}

type (
	copyKey struct {
		shop     inbox.ShopID
		sameness string
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
	quoted  []string              // the Message-IDs it refers to, nearest first
	keyed   []reference.Reference // what it carries of ours, the strongest first
	topic   store.Topic           // what its sender says it is about
	answers bool                  // its sender says that it answers something
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
	for _, step := range []func(context.Context) error{p.load, p.route, p.findSame, p.findOwn, p.meet, p.findThreads, p.countMachines, p.file, p.write} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.tx.TouchConnection(ctx, p.source.Connection, p.arrived(), cursor)
}

// arrived tells when each thing of the page was received that is new and comes from outside: what the
// connection's rhythm is made of.
func (p *page) arrived() (times []time.Time) {
	for i := range p.items {
		item := &p.items[i]
		if entry, ok := p.outcome[item.SourceKey]; !ok || p.again || item.Outbound || entry.State == inbox.LedgerSame || entry.State == inbox.LedgerIgnored {
			continue
		}
		times = append(times, item.At)
	}
	return times
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
		if item.Automatic.Reports() {
			p.reports = append(p.reports, &copy{prepared: item})
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

// findSame looks which copies were received before under another source key. What was deleted here was
// received too: it is no message any more, and does not come back.
func (p *page) findSame(ctx context.Context) error {
	sums := make([][]byte, len(p.copies))
	for i, c := range p.copies {
		sums[i] = c.sameness
	}
	known, err := p.tx.MessagesBySameness(ctx, p.source.Connection, slices.Collect(maps.Keys(p.shops)), sums)
	if err != nil {
		return err
	}
	deleted, err := p.tx.Forgotten(ctx, p.source.Connection, slices.Collect(maps.Keys(p.shops)), sums)
	if err != nil {
		return err
	}
	known = append(known, deleted...)
	p.same = make(map[copyKey]store.KnownMessage, len(known))
	ids := make([]inbox.MessageID, len(known))
	for i, k := range known {
		p.same[copyKey{k.Shop, string(k.Sameness)}] = k
		ids[i] = k.ID
	}
	received, err := p.tx.LedgerByMessages(ctx, p.source.Connection, ids)
	p.origin = make(map[inbox.MessageID]inbox.Place, len(received))
	for id, entry := range received {
		p.origin[id] = entry.Place
	}
	return err
}

// meet finds or makes the contact of each copy. The contact of what the shop itself sent is the one
// it was sent to.
func (p *page) meet(ctx context.Context) error {
	byRealm := map[string][]*copy{}
	for _, c := range p.copies {
		byRealm[c.Identity.Realm] = append(byRealm[c.Identity.Realm], c)
	}
	for _, realm := range slices.Sorted(maps.Keys(byRealm)) {
		copies := byRealm[realm]
		meetings := make([]store.Meeting, len(copies))
		for i, c := range copies {
			meetings[i] = store.Meeting{Shop: c.shop, Identity: c.Identity}
		}
		contacts, err := p.tx.Meet(ctx, meetings)
		if err != nil {
			return err
		}
		for i, c := range copies {
			c.contact = contacts[i]
		}
	}
	return nil
}
