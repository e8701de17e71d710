package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

func TestLeaseHasOneHolder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		const nodes = 6
		fences := make([]int64, nodes)
		var group sync.WaitGroup
		for i := range nodes {
			group.Go(func() {
				var err error
				if fences[i], _, err = s.Leases(string(rune('a'+i))).Acquire(ctx, "connection:1"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		holders := 0
		for _, f := range fences {
			if f != 0 {
				holders++
			}
		}
		if holders != 1 {
			t.Errorf("%d nodes hold the lease (fences %v), want 1", holders, fences)
		}
	})
}

func TestFenceRisesAndOldHoldersAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a, b := s.Leases("a"), s.Leases("b")
		name := store.ConnectionLease(5)
		first, _, err := a.Acquire(ctx, name)
		if err != nil || first == 0 {
			t.Fatalf("acquire = %d, %v", first, err)
		}
		if fence, _, err := b.Acquire(ctx, name); err != nil || fence != 0 {
			t.Fatalf("a second node got fence %d, %v; want 0", fence, err)
		}
		if _, err := a.Renew(ctx, name, first); err != nil {
			t.Fatal(err)
		}
		if l, err := s.Lease(ctx, name); err != nil || l.Node != "a" || l.Fence != first || l.ExpiresAt.Before(time.Now()) {
			t.Errorf("lease = %+v, %v", l, err)
		}
		if err := a.Release(ctx, name, first); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lease(ctx, name); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("a released lease is still there: %v", err)
		}
		second, _, err := b.Acquire(ctx, name)
		if err != nil || second <= first {
			t.Fatalf("acquire = %d, %v; want above %d", second, err, first)
		}
		if _, err := a.Renew(ctx, name, first); inbox.CodeOf(err) != inbox.Conflict {
			t.Errorf("the old holder renewed: %v", err)
		}
		check := func(fence int64) error {
			return s.InTx(ctx, func(tx *store.Tx) error { return tx.CheckFence(ctx, name, fence) })
		}
		if err := check(first); inbox.CodeOf(err) != inbox.Conflict {
			t.Errorf("the old fence passed: %v", err)
		}
		if err := check(second); err != nil {
			t.Errorf("the new fence was refused: %v", err)
		}
		if err := a.Release(ctx, name, first); err != nil {
			t.Error(err)
		}
		if _, err := s.Lease(ctx, name); err != nil {
			t.Errorf("an old holder released a lease that is not his: %v", err)
		}
	})
}

func TestNodeIsOneRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		join := func() (n store.Node) {
			if err := s.InTx(ctx, func(tx *store.Tx) error {
				var err error
				n, err = tx.Join(ctx, "a", time.Minute)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		first, second := join(), join()
		live, err := s.LiveNodes(ctx)
		if err != nil || len(live) != 1 || live[0] != second.String() || first == second {
			t.Fatalf("live = %v, %v; want only %s (before it %s)", live, err, second, first)
		}
		err = s.InTx(ctx, func(tx *store.Tx) error { return tx.Stay(ctx, first, time.Minute) })
		if inbox.CodeOf(err) != inbox.Conflict {
			t.Errorf("an earlier run stayed: %v", err)
		}
		if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.Leave(ctx, second) }); err != nil {
			t.Fatal(err)
		}
		if live, err := s.LiveNodes(ctx); err != nil || len(live) != 0 {
			t.Errorf("live = %v, %v; want none", live, err)
		}
	})
}
