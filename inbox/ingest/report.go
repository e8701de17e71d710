package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/delivery"
	"github.com/deskbell/deskbell/inbox/store"
)

// A report about a message of ours joins the conversation of that message and moves its state. One
// that names none of ours changes nothing: it stands in the ledger as automatic, with its bytes, and
// begins no conversation.

// fileReports files the reports of a page after everything else, so that a reply in the same page is
// there.
func (p *page) fileReports(ctx context.Context, ids []int64) error {
	if len(p.reports) == 0 {
		return nil
	}
	known, err := p.reported(ctx)
	if err != nil {
		return err
	}
	if err := p.lockReported(ctx, known); err != nil {
		return err
	}
	for i, c := range p.reports {
		about, ok := nearest(known, c)
		if !ok || c.Outbound || p.existing[about.Conversation] == nil { // what the shop reports itself is about somebody else's mail
			p.record(c.prepared, inbox.LedgerAutomatic, 0, &inbox.Reason{Code: inbox.ReasonOfNothing})
			continue
		}
		if err := p.fileReport(ctx, c, about, inbox.MessageID(ids[i])); err != nil {
			return err
		}
	}
	return nil
}

// fileReport adds a report to the conversation of the message it is about and does what it demands.
func (p *page) fileReport(ctx context.Context, c *copy, about store.KnownMessage, id inbox.MessageID) error {
	conversation := p.existing[about.Conversation]
	c.shop, c.contact = about.Shop, conversation.Contact
	if known, ok := p.same[copyKey{c.shop, string(c.sameness)}]; ok {
		p.record(c.prepared, inbox.LedgerSame, known.ID, whySame(p.origin[known.ID], c.Place))
		return nil
	}
	floods := p.floods(c)
	if floods {
		p.record(c.prepared, inbox.LedgerAutomatic, 0, &inbox.Reason{Code: inbox.ReasonFlood})
		id = 0
	} else {
		p.join(c, conversation, id)
	}
	if c.About == nil || c.About.Outcome == "" || p.history(c) {
		return nil
	}
	m, err := p.tx.LockMessage(ctx, about.ID)
	if err != nil {
		return err
	}
	d := *c.About
	d.Message, d.Report, d.At = m.ID, id, c.At
	return p.deliver(ctx, conversation, &m, d, floods)
}

// deliver keeps what a report says and applies it. What was said before is not told again, nor is what
// comes in a flood, unless the message failed by it.
func (p *page) deliver(ctx context.Context, conversation *inbox.Conversation, m *inbox.Message, d inbox.Delivery, floods bool) error {
	before, err := p.tx.DeliveriesSince(ctx, m.ID, time.Time{})
	if err != nil {
		return err
	}
	said := slices.ContainsFunc(append(before, p.deliveries...), func(b inbox.Delivery) bool {
		return b.Message == d.Message && b.Recipient == d.Recipient && b.Outcome == d.Outcome
	})
	p.deliveries = append(p.deliveries, d)
	if (said || floods) && (d.Outcome != inbox.OutcomeFailed || m.State == inbox.Failed) {
		return nil
	}
	if err := delivery.Apply(ctx, p.tx, conversation, m, d); err != nil {
		return err
	}
	p.changed[conversation.ID] = true
	if m.State == inbox.Failed && conversation.Assignee == 0 && conversation.State == inbox.Open && !slices.Contains(p.toRoute, conversation) {
		p.toRoute = append(p.toRoute, conversation)
	}
	return nil
}

// names are the Message-IDs a report may be about, the likeliest first.
func names(c *copy) []string {
	list := slices.Clone(c.References)
	slices.Reverse(list)
	if c.ReportID != "" {
		list = append([]string{c.ReportID}, list...)
	}
	return list
}

// findOwn looks up which inbound messages bear the Message-ID of one that we sent ourselves.
func (p *page) findOwn(ctx context.Context) error {
	var headers []string
	for _, c := range p.copies {
		if !c.Outbound && c.HeaderID != "" {
			headers = append(headers, c.HeaderID)
		}
	}
	slices.Sort(headers)
	list, err := p.tx.OutboundByHeader(ctx, p.source.Connection, slices.Compact(headers))
	p.own = make(map[string]store.KnownMessage, len(list))
	for _, k := range list {
		p.own[k.HeaderID] = k
	}
	return err
}

// returned finds a message of ours that came back to us, by a forwarding that runs in a circle.
func (p *page) returned(c *copy) (store.KnownMessage, bool) {
	known, ok := p.own[c.HeaderID]
	return known, ok && !c.Outbound && strings.EqualFold(known.From, c.From.Address)
}

// reported looks up the messages that the reports are about, by Message-ID.
func (p *page) reported(ctx context.Context) (map[string]store.KnownMessage, error) {
	var headers []string
	for _, c := range p.reports {
		headers = append(headers, names(c)...)
	}
	slices.Sort(headers)
	list, err := p.tx.OutboundByHeader(ctx, p.source.Connection, slices.Compact(headers))
	if err != nil {
		return nil, err
	}
	known := make(map[string]store.KnownMessage, len(list))
	for _, k := range list {
		if _, older := known[k.HeaderID]; !older {
			known[k.HeaderID] = k
		}
	}
	return known, nil
}

func nearest(known map[string]store.KnownMessage, c *copy) (store.KnownMessage, bool) {
	for _, id := range names(c) {
		if k, ok := known[id]; ok {
			return k, true
		}
	}
	return store.KnownMessage{}, false
}

// lockReported locks the conversations of reported messages, loads their shops, and looks which
// reports were received before.
func (p *page) lockReported(ctx context.Context, known map[string]store.KnownMessage) error {
	var ids []inbox.ConversationID
	for _, k := range known {
		if p.existing[k.Conversation] == nil {
			ids = append(ids, k.Conversation)
		}
		if _, loaded := p.shops[k.Shop]; !loaded {
			shop, err := p.tx.Shop(ctx, k.Shop)
			if err != nil {
				return err
			}
			p.shops[k.Shop] = shop
		}
	}
	slices.Sort(ids)
	locked, err := p.tx.LockConversations(ctx, slices.Compact(ids))
	if err != nil {
		return err
	}
	contacts := make([]inbox.ContactID, len(locked))
	for i := range locked {
		p.existing[locked[i].ID] = &locked[i]
		contacts[i] = locked[i].Contact
	}
	if err := p.count(ctx, contacts); err != nil {
		return err
	}
	return p.findSameReports(ctx)
}

func (p *page) findSameReports(ctx context.Context) error {
	var shops []inbox.ShopID
	for id := range p.shops {
		shops = append(shops, id)
	}
	sums := make([][]byte, len(p.reports))
	for i, c := range p.reports {
		sums[i] = c.sameness
	}
	same, err := p.tx.MessagesBySameness(ctx, p.source.Connection, shops, sums)
	for _, k := range same {
		p.same[copyKey{k.Shop, string(k.Sameness)}] = k
	}
	return err
}

// Programs that answer one another would fill a conversation, and the log with it, without end. After
// so many automatic messages about one customer within an hour further ones stand in the ledger alone.
const (
	floodWindow = time.Hour
	floodLimit  = 20
)

// countMachines counts the automatic messages of the contacts of which this page has more.
func (p *page) countMachines(ctx context.Context) error {
	var contacts []inbox.ContactID
	for _, c := range p.copies {
		if c.Automatic != "" {
			contacts = append(contacts, c.contact)
		}
	}
	p.machines = map[inbox.ContactID]int{}
	return p.count(ctx, contacts)
}

func (p *page) count(ctx context.Context, contacts []inbox.ContactID) error {
	contacts = slices.DeleteFunc(contacts, func(id inbox.ContactID) bool { _, counted := p.machines[id]; return counted })
	slices.Sort(contacts)
	counts, err := p.tx.AutomaticSince(ctx, slices.Compact(contacts), p.service.now().Add(-floodWindow))
	for id, n := range counts {
		p.machines[id] = n
	}
	return err
}

// floods counts an automatic message and tells whether it is one too many.
func (p *page) floods(c *copy) bool {
	if c.Automatic == "" || c.Outbound {
		return false
	}
	p.machines[c.contact]++
	return p.machines[c.contact] > floodLimit
}
