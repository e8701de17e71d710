package channels

import (
	"context"
	"errors"

	"github.com/deskbell/deskbell/inbox"
)

// Apart opens an adapter for a connection beside the one at work, on whichever node holds it, for
// looking and reading alone; the caller closes it. The cursor is the stored one.
func (r *Runner) Apart(ctx context.Context, id inbox.ConnectionID) (a Adapter, cursor string, err error) {
	stored, a, err := newRun(r, id, func() {}).make(ctx)
	return a, stored.Cursor, err
}

// Ledger is what was received by connections, as an audit compares it.
type Ledger interface {
	// Compare counts what a holding and the ledger have of a folder, and returns those numbers of the
	// holding, rising, that should have been received and were not.
	Compare(ctx context.Context, id inbox.ConnectionID, h inbox.Holding) (inbox.FolderCount, []uint32, error)
	// Keep keeps the counts of all folders of a connection.
	Keep(ctx context.Context, id inbox.ConnectionID, counts []inbox.FolderCount) error
}

// Audit compares what a connection's source holds with the ledger, reads what that lacks, and keeps
// the counts. It needs no hold: it moves no cursor, and what two nodes read at once is taken once.
// Connections that cannot tell what they hold are left alone.
func (r *Runner) Audit(ctx context.Context, id inbox.ConnectionID, ledger Ledger) error {
	adapter, cursor, err := r.Apart(ctx, id)
	if err != nil {
		return err
	}
	defer adapter.Close()
	auditor, ok := adapter.(Auditor)
	if !ok {
		return nil
	}
	c := newRun(r, id, func() {})
	c.hold = Hold{Connection: id}
	b := &books{run: c, ledger: ledger}
	refused := auditor.Audit(ctx, cursor, b)
	if refused != nil && inbox.CodeOf(refused) != inbox.NotFound { // of a folder that is not there; the others count
		return refused
	}
	return errors.Join(refused, ledger.Keep(ctx, id, b.counts))
}

// books are the Books of one audit: its pages go the way of every page.
type books struct {
	run    *run
	ledger Ledger
	counts []inbox.FolderCount
}

func (b *books) Lacking(ctx context.Context, h inbox.Holding) ([]uint32, error) {
	_, lacking, err := b.ledger.Compare(ctx, b.run.id, h)
	return lacking, err
}

func (b *books) Take(ctx context.Context, p Page) error {
	err := b.run.store(ctx, p)
	if err != nil && b.run.alone && ctx.Err() == nil {
		err = b.run.store(ctx, p) // now one by one: what cannot be stored does not keep back its neighbours
	}
	b.run.alone = false
	if err != nil {
		return errSink{err}
	}
	return nil
}

func (b *books) Counted(ctx context.Context, h inbox.Holding) error {
	count, _, err := b.ledger.Compare(ctx, b.run.id, h)
	b.counts = append(b.counts, count)
	return err
}
