package app

import (
	"context"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// leases deals connections out to nodes by the store's leases.
type leases struct{ store *store.Leases }

func (l leases) Acquire(ctx context.Context, id inbox.ConnectionID) (fence int64, lasts time.Duration, held bool, err error) {
	fence, lasts, err = l.store.Acquire(ctx, store.ConnectionLease(id))
	return fence, lasts, fence != 0, err
}

func (l leases) Renew(ctx context.Context, hold channels.Hold) (lasts time.Duration, err error) {
	return l.store.Renew(ctx, store.ConnectionLease(hold.Connection), hold.Fence)
}

func (l leases) Release(ctx context.Context, hold channels.Hold) error {
	return l.store.Release(ctx, store.ConnectionLease(hold.Connection), hold.Fence)
}

// sender sends by the adapters the runner keeps open.
type sender struct{ runner *channels.Runner }

// Send hands a message over; the runner asks, just before the last byte, whether this node still
// holds the connection.
func (s sender) Send(ctx context.Context, _ inbox.ConnectionID, m inbox.Outgoing) (string, error) {
	return s.runner.Send(ctx, m)
}

// Find looks whether an earlier attempt arrived, where the far side can tell.
func (s sender) Find(ctx context.Context, connection inbox.ConnectionID, m inbox.Outgoing) (string, error) {
	adapter, _, err := s.runner.Adapter(ctx, connection)
	if err != nil {
		return "", err
	}
	reader, ok := adapter.(channels.Reader)
	if !ok {
		return "", inbox.Errorf(inbox.UncertainOf, "this kind of connection cannot tell what it has sent")
	}
	return reader.Find(ctx, m)
}
