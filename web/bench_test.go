package web_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/webtest"
)

// size of the inbox the figures are measured on.
const (
	benchConversations = 100_000
	benchShops         = 20
	benchThread        = 20 // messages of the conversation that is opened
)

// bench is a server with a large inbox, and an agent of all its shops.
func bench(b *testing.B, s *store.Store) (*webtest.Server, rbac.UserID, inbox.Conversation) {
	b.Helper()
	d := webtest.New(b, s, benchShops, nil)
	agent := d.Agent("ann", d.Shops...)
	others := []inbox.UserID{0, agent, d.Agent("bob", d.Shops...), d.Agent("cleo", d.Shops...)}
	var one inbox.Conversation
	for n := 0; n < benchConversations; n += 500 {
		list := d.Conversations(500, func(i int, c *inbox.Conversation, _ *inbox.Message) int {
			c.Assignee = others[(n+i)/7%len(others)]
			if (n+i)/benchShops%5 != 0 { // one in five is still worked on
				c.SetState(inbox.Closed, time.Time{}, inbox.ClosedDone)
			}
			return (n + i) % benchShops
		})
		one = list[0]
	}
	d.World.Do(func(tx *store.Tx) error {
		for i := range benchThread {
			if _, err := tx.AddMessage(b.Context(), inbox.Message{Conversation: one.ID, Shop: one.Shop, Connection: one.Connection, Direction: inbox.Out,
				State: inbox.Sent, Author: agent, Text: fmt.Sprintf("Answer %d: it is on its way.", i), At: one.LastAt.Add(time.Duration(i) * time.Minute)}); err != nil {
				return err
			}
		}
		return nil
	})
	return d, agent, one
}

func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// load calls a path from 16 callers at once, without a network between, and reports what a call costs.
func load(b *testing.B, d *webtest.Server, user rbac.UserID, path string) {
	b.Helper()
	token := "Bearer " + d.Token(user)
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	b.ResetTimer()
	used, began := cpu(), time.Now()
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			var own []time.Duration
			for next.Add(1) <= int64(b.N) {
				r := httptest.NewRequest("GET", api.Prefix+path, nil)
				r.Header.Set("Authorization", token)
				w := httptest.NewRecorder()
				start := time.Now()
				d.Web.ServeHTTP(w, r)
				own = append(own, time.Since(start))
				if w.Code != 200 {
					b.Errorf("%d %s", w.Code, w.Body)
					return
				}
			}
			mu.Lock()
			took = append(took, own...)
			mu.Unlock()
		})
	}
	callers.Wait()
	used, wall := cpu()-used, time.Since(began)
	slices.Sort(took)
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/wall.Seconds(), "req/s")
	if len(took) > 0 {
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	}
}

func BenchmarkInbox(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			d, agent, one := bench(b, open(b))
			for _, tt := range []struct{ name, path string }{
				{"all", "/conversations?view=all"}, {"mine", "/conversations?view=mine"}, {"unassigned", "/conversations?view=unassigned"},
				{"closed", "/conversations?view=closed"}, {"shop", "/conversations?shop=" + d.Shops[3].String()}, {"waiting", "/conversations?sort=waiting"},
				{"search", "/conversations?q=parcel"}, {"rare", "/conversations?q=n777"}, {"counts", "/conversations/counts"},
				{"conversation", "/conversations/" + one.ID.String()}, {"thread", "/conversations/" + one.ID.String() + "/messages"}, {"me", "/me"},
			} {
				b.Run(tt.name, func(b *testing.B) { load(b, d, agent, tt.path) })
			}
		})
	}
}

// How long after a commit the last of many screens knows.
func BenchmarkSockets(b *testing.B) {
	const sockets = 500
	s := storetest.SQLite(b)
	d := webtest.New(b, s, benchShops, nil)
	agent := d.Agent("ann", d.Shops...)
	arrived := make(chan struct{}, sockets)
	for range sockets {
		socket, _ := d.Open(agent, "")
		go func() {
			for {
				if _, _, err := socket.ReadMessage(); err != nil {
					return
				}
				arrived <- struct{}{}
			}
		}()
	}
	var took []time.Duration
	b.ResetTimer()
	used := cpu()
	for range b.N {
		d.World.Do(func(tx *store.Tx) error {
			tx.Append(inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[0], Data: map[string]any{"n": 1}})
			return nil
		})
		began := time.Now()
		for range sockets {
			<-arrived
		}
		took = append(took, time.Since(began))
	}
	used = cpu() - used
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(used.Microseconds())/float64(b.N)/sockets, "cpu-µs/delivery")
}
