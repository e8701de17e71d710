package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// missingShown is how many missing numbers are kept to be shown.
const missingShown = 100

// Compare counts what a folder holds and what the ledger has of it, and returns those numbers of the
// holding, rising, that should have been received and were not. It reads the ledger's numbers one by
// one, so it needs no more memory than the holding.
func (s *Service) Compare(ctx context.Context, id inbox.ConnectionID, h inbox.Holding) (inbox.FolderCount, []uint32, error) {
	t := tally{holding: h, count: inbox.FolderCount{Connection: id, Folder: h.Folder, Epoch: h.Epoch, Held: len(h.Numbers), CountedAt: s.now()}}
	if err := s.store.LedgerNumbers(ctx, id, h.Folder, h.Epoch, t.recorded); err != nil {
		return inbox.FolderCount{}, nil, err
	}
	t.end()
	t.count.Missing = len(t.missing)
	t.count.MissingOf = slices.Clone(t.missing[:min(len(t.missing), missingShown)])
	return t.count, t.missing, nil
}

// tally walks through a holding and the ledger's numbers side by side; both rise.
type tally struct {
	holding inbox.Holding
	next    int // of holding.Numbers
	outside int // of holding.Outside
	count   inbox.FolderCount
	missing []uint32
}

// recorded takes the next number of the ledger.
func (t *tally) recorded(n uint32) {
	for t.next < len(t.holding.Numbers) && t.holding.Numbers[t.next] < n {
		t.unrecorded()
	}
	t.count.Recorded++
	if t.next < len(t.holding.Numbers) && t.holding.Numbers[t.next] == n {
		t.next++
	} else {
		t.count.Gone++
	}
}

func (t *tally) end() {
	for t.next < len(t.holding.Numbers) {
		t.unrecorded()
	}
}

// unrecorded passes a number that the ledger has not.
func (t *tally) unrecorded() {
	n := t.holding.Numbers[t.next]
	t.next++
	for t.outside < len(t.holding.Outside) && t.holding.Outside[t.outside] < n {
		t.outside++
	}
	switch {
	case t.outside < len(t.holding.Outside) && t.holding.Outside[t.outside] == n:
		t.count.Outside++
	case n > t.holding.Read:
		t.count.Waiting++
	default:
		t.missing = append(t.missing, n)
	}
}

// Keep keeps the counts of all folders of a connection, and raises or ends the alarm that they differ.
func (s *Service) Keep(ctx context.Context, id inbox.ConnectionID, counts []inbox.FolderCount) error {
	missing := 0
	for _, c := range counts {
		missing += c.Missing
	}
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.LockConnection(ctx, id)
		if err != nil {
			return err
		}
		if err := tx.SaveFolderCounts(ctx, id, counts); err != nil {
			return err
		}
		tx.Append(inbox.Event{Kind: inbox.ConnectionChanged, Shop: c.Shop, Data: map[string]any{"connection": id, "state": c.State, "counted": true}})
		return tx.SetAlarm(ctx, c, inbox.AlarmCountDiffers, differs(missing))
	})
	if err != nil {
		return fmt.Errorf("keep the counts of connection %s: %w", id, err)
	}
	return nil
}

// differs is the reason of the alarm that something is missing; nil if nothing is.
func differs(missing int) *inbox.Reason {
	if missing == 0 {
		return nil
	}
	return &inbox.Reason{Code: "count_differs", Params: map[string]any{"missing": missing}}
}
