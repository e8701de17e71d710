package remind_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/remind"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

var everything = rbac.Scope{All: true}

// sleepers makes one conversation for each time, asleep until then.
func sleepers(t *testing.T, s *store.Store, until ...time.Time) []inbox.ConversationID {
	t.Helper()
	ctx := t.Context()
	var ids []inbox.ConversationID
	err := s.InTx(ctx, func(tx *store.Tx) error {
		ids = nil
		shop, err := tx.CreateShop(ctx, inbox.Shop{Name: "Lamps", Zone: "UTC", State: inbox.ShopActive})
		if err != nil {
			return err
		}
		connection, err := tx.CreateConnection(ctx, inbox.Connection{Shop: shop, Kind: "email", Name: "Help"})
		if err != nil {
			return err
		}
		contacts, err := tx.Meet(ctx, []store.Meeting{{Shop: shop, Identity: inbox.Identity{Kind: "email", RemoteID: "cora@buyer.example", Name: "Cora"}}})
		if err != nil {
			return err
		}
		reserved, err := tx.Reserve(ctx, "conversations", len(until))
		if err != nil {
			return err
		}
		var list []*inbox.Conversation
		for i, at := range until {
			c := &inbox.Conversation{ID: inbox.ConversationID(reserved[i]), Shop: shop, Connection: connection, Contact: contacts[0],
				Kind: inbox.KindMessage, Subject: "Lamp", LastAt: time.Now()}
			c.SetState(inbox.Snoozed, at, "")
			list, ids = append(list, c), append(ids, c.ID)
		}
		return tx.AddConversations(ctx, list)
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func newService(t *testing.T, s *store.Store, now func() time.Time) (*remind.Service, *jobs.Client) {
	t.Helper()
	if err := jobs.Migrate(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := jobs.New(s, jobs.Options{Node: "a", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return remind.New(remind.Options{Store: s, Jobs: c, Now: now, Log: log}), c
}

func state(t *testing.T, s *store.Store, id inbox.ConversationID) inbox.ConversationState {
	t.Helper()
	c, err := s.Conversation(t.Context(), everything, id)
	if err != nil {
		t.Fatal(err)
	}
	return c.State
}

func TestEachIsWokenOnceWhenDue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now := time.Now()
		var until []time.Time
		for i := range 230 { // more than a batch
			until = append(until, now.Add(time.Duration(i-1000)*time.Second))
		}
		ids := sleepers(t, s, append(until, now.Add(time.Hour))...)
		service, _ := newService(t, s, func() time.Time { return now })
		before, err := s.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var woken atomic.Int64
		var group sync.WaitGroup
		for range 3 { // as when two nodes think they lead
			group.Go(func() {
				n, err := service.Wake(t.Context())
				if err != nil {
					t.Error(err)
				}
				woken.Add(int64(n))
			})
		}
		group.Wait()
		if woken.Load() != 230 {
			t.Errorf("woke %d times, want 230", woken.Load())
		}
		events, err := s.EventsAfter(t.Context(), before, 1000)
		if err != nil || len(events) != 230 || events[0].Kind != inbox.ConversationOpened {
			t.Errorf("%d events, %v; want one each", len(events), err)
		}
		if got := state(t, s, ids[0]); got != inbox.Open {
			t.Errorf("a due conversation is %s", got)
		}
		if got := state(t, s, ids[230]); got != inbox.Snoozed {
			t.Errorf("one that is not due is %s", got)
		}
	})
}

func TestJobWakes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ids := sleepers(t, s, time.Now().Add(-time.Second))
		_, client := newService(t, s, nil)
		committed := make(chan struct{}, 1)
		s.OnCommit(func(int64) {
			select {
			case committed <- struct{}{}:
			default:
			}
		})
		if err := client.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := client.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		for state(t, s, ids[0]) != inbox.Open {
			select {
			case <-committed:
			case <-time.After(20 * time.Second):
				t.Fatal("nobody woke the conversation")
			}
		}
	})
}
