package ingest

import (
	"context"
	"maps"
	"slices"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// write assigns and then writes everything the page decided, one statement per table.
func (p *page) write(ctx context.Context) error {
	assigned, err := p.service.route(ctx, p.tx, p.toRoute)
	if err != nil {
		return err
	}
	var blobs []store.Blob
	for i := range p.items {
		if item := &p.items[i]; !p.done(item) {
			blobs = append(blobs, item.small...)
		}
	}
	if err := p.tx.PutBlobs(ctx, blobs); err != nil {
		return err
	}
	if err := p.tx.AddConversations(ctx, p.fresh); err != nil {
		return err
	}
	begun := make(map[inbox.ConversationID]bool, len(p.fresh))
	for _, c := range p.fresh {
		begun[c.ID] = true
	}
	for id := range p.changed {
		if !begun[id] {
			if err := p.tx.SaveConversation(ctx, p.existing[id]); err != nil {
				return err
			}
		}
	}
	if err := p.tx.AddLinks(ctx, p.links); err != nil {
		return err
	}
	if err := p.tx.AddArrivals(ctx, p.written); err != nil {
		return err
	}
	for _, d := range p.deliveries {
		if err := p.tx.AddDelivery(ctx, d); err != nil {
			return err
		}
	}
	if err := assigned(ctx); err != nil {
		return err
	}
	return p.tx.SaveLedger(ctx, slices.Collect(maps.Values(p.outcome)))
}
