// Package ingest takes in what connections receive: once and only once, each page in one
// transaction that checks sameness, finds or makes contact and conversation, starts the clock,
// assigns, writes the ledger and the events, and moves the cursor. What cannot be processed is set
// aside with its bytes and a reason, and the next item goes on.
//
// # Who joins which conversation
//
// A message may name a conversation in four ways, looked at in this order:
//
//  1. a reference of ours (package reference), in References, In-Reply-To or behind the plus of an
//     address it was sent to;
//  2. the Message-ID of any message of the shop;
//  3. the marketplace's thread;
//  4. the subject, if it says "Re:" or the like and the same customer began it.
//
// The third is the marketplace's own word and joins. By the first two a message joins if its sender is
// the customer of that conversation, under any of his identities or at the same address, if the
// receiving server does not say that he is somebody else, and if it came by the same connection. The
// fourth never joins. Whatever does not join begins a conversation of its own and shows the other one
// as "looks related", so that an agent brings the two together by one act if they belong together:
//
//   - Somebody to whom the customer forwarded our reply holds its reference and is still not the
//     customer; he does not see what was said before, and the customer does not see what he says.
//   - Somebody in Cc who answers all is no participant. He is shown on the message; whether a reply
//     goes to him too is the agent's choice, each time.
//   - The customer at an address we do not know yet is a stranger until an agent says otherwise.
//   - A mail whose sender is a program that names somebody else in Reply-To proves nothing about him.
//   - A conversation of another connection of the shop is never entered, since its way back is another.
//   - A reference of another shop is no reference, and behind the plus of an address no more than an
//     ordinary mail to the address in front of it.
//
// A sender who is not verified joins nothing, and becomes no part of the customer he claims to be: he is
// met in a realm of his own, so that nobody's name, shops or past conversations change by his mail.
//
// Of messages that bear one Message-ID the oldest count, so nobody takes the place of a message by
// copying its id. What was merged is found under the conversation that shows it now, and the customer
// of either may go on there; the name and address that replies go to stay those of the conversation.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/store"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Blobs blob.Store // content too large for the database
	// Route assigns conversations a customer message came to, before their rows are written: it
	// sets assignee and reason on the structs and returns what to write once the rows stand. Nil
	// assigns nobody.
	Route func(ctx context.Context, tx *store.Tx, list []*inbox.Conversation) (write func(context.Context) error, err error)
	// References reads what our replies carry. Nil: references of this service alone, which nobody makes.
	References *reference.Keys
	Now        func() time.Time
	Log        *slog.Logger
}

// Service is safe for concurrent use; pages of one connection come one after another.
type Service struct {
	store      *store.Store
	blobs      blob.Store
	route      func(context.Context, *store.Tx, []*inbox.Conversation) (func(context.Context) error, error)
	references *reference.Keys
	now        func() time.Time
	log        *slog.Logger
}

// New makes the service.
func New(o Options) *Service {
	s := &Service{store: o.Store, blobs: o.Blobs, route: o.Route, references: o.References, now: o.Now, log: o.Log}
	if s.references == nil {
		s.references = reference.New()
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.route == nil {
		s.route = func(context.Context, *store.Tx, []*inbox.Conversation) (func(context.Context) error, error) {
			return func(context.Context) error { return nil }, nil
		}
	}
	return s
}

// Source is the connection a page comes from, and the fence of the hold its reader has on it. A zero
// fence is a program that runs alone, or mail that was handed over to this node: what keeps such a
// mail single is its source key, and without a cursor there is nothing an old hold could spoil.
type Source struct {
	Connection inbox.ConnectionID
	Fence      int64
}

// Item names one thing at the source before any byte of it is parsed.
type Item struct {
	SourceKey string
	Place     inbox.Place
	Size      int64
	At        time.Time
	Beside    bool // others are being read at the same time: if it was marked before, it has to come alone
}

// Verdict is what to do with one item.
type Verdict int

// Fresh: parse and take it. Known: it is stored already. SetAside: take it as bytes, unparsed.
const (
	Fresh Verdict = iota
	Known
	SetAside
)

// attemptsBeforeSetAside is how often an item may kill the program: the third time it is not read.
const attemptsBeforeSetAside = 2

// Begin commits, before any byte is parsed, that these items are being read, and says what to do
// with each. If one of several was marked before (the program died over it or near it) nothing is
// marked and alone is true: the caller comes again with one item at a time.
func (s *Service) Begin(ctx context.Context, from Source, items []Item) (verdicts []Verdict, alone bool, err error) {
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = item.SourceKey
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		verdicts, alone = make([]Verdict, len(items)), false
		if err := s.hold(ctx, tx, from); err != nil {
			return err
		}
		ledger, err := tx.LedgerByKeys(ctx, from.Connection, keys)
		if err != nil {
			return err
		}
		var marks []inbox.LedgerEntry
		for i, item := range items {
			entry, seen := ledger[item.SourceKey]
			switch {
			case seen && entry.State == inbox.LedgerTaking && (len(items) > 1 || item.Beside):
				verdicts, alone = nil, true
				return nil
			case seen && entry.State != inbox.LedgerTaking && entry.State != inbox.LedgerWaiting:
				verdicts[i] = Known
				continue
			case entry.Attempts >= attemptsBeforeSetAside:
				verdicts[i] = SetAside
			}
			marks = append(marks, inbox.LedgerEntry{Connection: from.Connection, SourceKey: item.SourceKey, Place: item.Place, State: inbox.LedgerTaking,
				Size: item.Size, Attempts: entry.Attempts + 1, ReceivedAt: s.received(item.At)})
		}
		return tx.SaveLedger(ctx, marks)
	})
	if err != nil {
		return nil, false, fmt.Errorf("mark what is read: %w", err)
	}
	return verdicts, alone, nil
}

// Release takes the marks of Begin back uncounted: the items were fine, storing them failed.
func (s *Service) Release(ctx context.Context, from Source, keys []string) error {
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		if err := s.hold(ctx, tx, from); err != nil {
			return err
		}
		ledger, err := tx.LedgerByKeys(ctx, from.Connection, keys)
		if err != nil {
			return err
		}
		var back []inbox.LedgerEntry
		for _, key := range keys {
			if entry, seen := ledger[key]; seen && entry.State == inbox.LedgerTaking {
				entry.State = inbox.LedgerWaiting
				entry.Attempts = max(0, entry.Attempts-1)
				back = append(back, entry)
			}
		}
		return tx.SaveLedger(ctx, back)
	})
}

// hold makes sure that the caller may write for the connection, and that nobody else writes about its
// items meanwhile: two nodes may be handed one mail at the same time.
func (s *Service) hold(ctx context.Context, tx *store.Tx, from Source) error {
	if err := tx.HoldLease(ctx, from.Connection, from.Fence); err != nil {
		return err
	}
	_, err := tx.LockConnection(ctx, from.Connection)
	return err
}

// Take stores items and, if it is not "", the cursor, in one transaction. Taking an item again
// changes nothing.
func (s *Service) Take(ctx context.Context, from Source, items []inbox.Incoming, cursor string) error {
	prepared, err := s.prepare(ctx, items)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		p := &page{service: s, tx: tx, source: from, items: prepared}
		return p.take(ctx, cursor)
	})
	if err != nil {
		return fmt.Errorf("take %d items: %w", len(items), err)
	}
	return nil
}

// Retry takes a set-aside item again, as it reads now.
func (s *Service) Retry(ctx context.Context, connection inbox.ConnectionID, item inbox.Incoming) error {
	prepared, err := s.prepare(ctx, []inbox.Incoming{item})
	if err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		p := &page{service: s, tx: tx, source: Source{Connection: connection}, items: prepared, again: true}
		if err := p.take(ctx, ""); err != nil {
			return err
		}
		if p.outcome[item.SourceKey].State != inbox.LedgerSetAside {
			p.tellAside(false)
		}
		return nil
	})
}

// received is when the source got something: never the future, never the zero time.
func (s *Service) received(at time.Time) time.Time {
	now := s.now()
	if at.IsZero() || at.After(now) {
		return now
	}
	return at
}

// shopsOf tells to which shops an item belongs: those its recipients have routes to, else home. A
// subaddress without a route of its own is its base address.
func shopsOf(recipients []string, routes map[string]inbox.ShopID, home inbox.ShopID) []inbox.ShopID {
	var shops []inbox.ShopID
	for _, address := range recipients {
		shop, ok := routes[address]
		if !ok {
			shop, ok = routes[inbox.BaseAddress(address)]
		}
		if ok && !slices.Contains(shops, shop) {
			shops = append(shops, shop)
		}
	}
	if len(shops) == 0 {
		return []inbox.ShopID{home}
	}
	slices.Sort(shops)
	return shops
}
