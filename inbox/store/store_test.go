package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

func TestTransactionCommitsChangeAndEvent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		var announced []int64
		s.OnCommit(func(seq int64) { announced = append(announced, seq) })

		refused := errors.New("refused")
		err := s.InTx(ctx, func(tx *store.Tx) error {
			tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: 7})
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatalf("InTx = %v, want %v", err, refused)
		}
		for range 3 {
			if err := s.InTx(ctx, func(tx *store.Tx) error {
				tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: 7, Data: map[string]any{"n": 1}})
				tx.Append(inbox.Event{Kind: inbox.TagChanged})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		events, err := s.EventsAfter(ctx, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 6 || events[0].Kind != inbox.ShopChanged || events[0].Shop != 7 || events[1].Kind != inbox.TagChanged {
			t.Fatalf("events = %+v, want three pairs", events)
		}
		if len(announced) != 3 || announced[2] != events[5].Seq {
			t.Errorf("announced %v, want three numbers ending at %d", announced, events[5].Seq)
		}
	})
}

// A reader that has seen number n must never find a lower one later.
func TestEventNumbersFollowCommits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const writers, each = 4, 50
		done := make(chan error, writers)
		for w := range writers {
			go func() {
				for range each {
					err := s.InTx(ctx, func(tx *store.Tx) error {
						tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: inbox.ShopID(w + 1)})
						return nil
					})
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		var seen []int64
		for finished := 0; len(seen) < writers*each; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				finished++
			default:
			}
			var last int64
			if len(seen) > 0 {
				last = seen[len(seen)-1]
			}
			events, err := s.EventsAfter(ctx, last, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				seen = append(seen, e.Seq)
			}
			if finished == writers && len(events) == 0 {
				break
			}
		}
		if len(seen) != writers*each {
			t.Errorf("a reader that follows the log saw %d events, want %d", len(seen), writers*each)
		}
	})
}

func TestMigrateTwiceAndRefuseNewer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if err := s.Migrate(ctx); err != nil {
			t.Fatalf("second migration: %v", err)
		}
		states, err := s.MigrationStates(ctx)
		if err != nil || len(states) == 0 || !states[len(states)-1].Applied {
			t.Fatalf("states = %v, %v; want all applied", states, err)
		}
		newer := len(states) + 1
		if err := s.InTx(ctx, func(tx *store.Tx) error {
			return tx.Exec(ctx, "INSERT INTO schema_migrations VALUES (?, 'later', '', 0)", newer)
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(ctx); err == nil {
			t.Error("a newer database was not refused")
		}
		if err := s.InTx(ctx, func(tx *store.Tx) error {
			return tx.Exec(ctx, "UPDATE schema_migrations SET number = ? WHERE number = ?", newer+1, newer)
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(ctx); err == nil {
			t.Error("a half migrated database was not refused")
		}
	})
}

// A reader who gives up breaks his connection to PostgreSQL. Those who wait for one never get that.
func TestWhoGivesUpDisturbsNobody(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Database: storetest.FreshDatabase(t), Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	done := make(chan struct{})
	for i := range 8 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				ctx, stop := context.WithTimeout(t.Context(), time.Duration(100+i*150)*time.Microsecond)
				_, _ = s.LastSeq(ctx) // it may fail: this reader gives up
				stop()
			}
		})
	}
	for range 300 {
		if _, err := s.LastSeq(t.Context()); err != nil {
			t.Errorf("a reader who waits: %v", err)
			break
		}
	}
	close(done)
	group.Wait()
}
