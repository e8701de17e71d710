package app

import (
	"context"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/ledger"
)

// audit has the ledger compared with what a connection's source holds, by an adapter of its own.
func audit(r *channels.Runner) func(context.Context, inbox.ConnectionID, *ledger.Service) error {
	return func(ctx context.Context, id inbox.ConnectionID, l *ledger.Service) error { return r.Audit(ctx, id, l) }
}

// reread reads an item again by an adapter of its own, so that any node can, whoever holds the
// connection and even while none does.
func reread(r *channels.Runner) func(context.Context, inbox.LedgerEntry, []byte) (inbox.Incoming, error) {
	return func(ctx context.Context, e inbox.LedgerEntry, raw []byte) (inbox.Incoming, error) {
		adapter, _, err := r.Apart(ctx, e.Connection)
		if err != nil {
			return inbox.Incoming{}, err
		}
		defer adapter.Close()
		reader, ok := adapter.(channels.Rereader)
		if !ok {
			return inbox.Incoming{}, inbox.Errorf(inbox.Conflict, "connections of this kind cannot read an item again")
		}
		return reader.Reread(ctx, e.SourceKey, e.ReceivedAt, raw)
	}
}
