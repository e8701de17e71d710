package ledger

import (
	"context"
	"fmt"
	"io"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// retryAtOnce is how many entries one request may have read again.
const retryAtOnce = 10_000

// Retry reads an entry again that is set aside and returns what became of it: it may be set aside
// again. It works on every node, whoever holds the connection: the entry is read from its bytes or, if
// there are none, by a connection of its own, and taken like everything else. Codes Conflict if it is
// not set aside, or lies at the source no more.
func (s *Service) Retry(ctx context.Context, e inbox.LedgerEntry) (inbox.LedgerEntry, error) {
	if err := s.store.InTx(ctx, func(tx *store.Tx) error { return tx.BeginRetry(ctx, e.ID) }); err != nil {
		return e, err
	}
	raw, err := s.raw(ctx, e)
	if err != nil {
		return e, err
	}
	item, err := s.Reread(ctx, e, raw)
	if inbox.CodeOf(err) == inbox.NotFound {
		return e, &inbox.Error{Code: inbox.Conflict, Msg: "the source has it no longer", Reason: &inbox.Reason{Code: "mail_gone"}, Err: err}
	}
	if err != nil {
		return e, err
	}
	if err := s.Ingest.Retry(ctx, e.Connection, item); err != nil {
		return e, fmt.Errorf("take ledger entry %s again: %w", e.ID, err)
	}
	return s.store.LedgerEntry(ctx, e.Connection, e.ID)
}

// raw returns the bytes kept of an entry; nil if there are none.
func (s *Service) raw(ctx context.Context, e inbox.LedgerEntry) ([]byte, error) {
	if e.RawHash == "" {
		return nil, nil
	}
	content, _, err := s.store.OpenContent(ctx, s.Blobs, e.RawHash)
	if err != nil {
		return nil, fmt.Errorf("bytes of ledger entry %s: %w", e.ID, err)
	}
	defer content.Close()
	return io.ReadAll(content)
}

// AskRetry has what a filter chooses read again, at most 10,000 entries, and returns how many. Each is
// read once, also if the program ends meanwhile.
func (s *Service) AskRetry(ctx context.Context, tx *store.Tx, f store.LedgerFilter, by inbox.UserID) (int, error) {
	n, err := tx.AskRetry(ctx, f, by, retryAtOnce)
	if err != nil || n == 0 {
		return n, err
	}
	return n, s.Jobs.Insert(ctx, tx, retryArgs{}, jobs.Insert{}) // one at work may just have found nothing more
}

// RetryAsked reads again what people wait for, one entry after the other, until nothing is left. An
// entry that kills the program has lost its mark before: the next run goes on with the one after it.
func (s *Service) RetryAsked(ctx context.Context) error {
	for {
		e, err := s.store.NextRetry(ctx)
		if inbox.CodeOf(err) == inbox.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		c, err := s.store.Connection(ctx, e.Connection)
		if err != nil {
			return err
		}
		if !s.Rights.Can(rbac.Actor{User: e.RetryBy}, rbac.ConnectionLedger, c.Shop) {
			err = s.store.InTx(ctx, func(tx *store.Tx) error { return tx.ForgetRetry(ctx, e.ID) })
		} else {
			_, err = s.Retry(ctx, e)
		}
		switch {
		case ctx.Err() != nil: // cut off, not failed: it keeps its turn
			last := context.WithoutCancel(ctx)
			return s.store.InTx(last, func(tx *store.Tx) error { return tx.KeepRetry(last, e) })
		case err != nil && inbox.CodeOf(err) != inbox.Conflict:
			s.log.Warn("what was set aside cannot be read again", "entry", e.ID.String(), "error", err)
		}
	}
}
