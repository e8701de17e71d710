package live_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/bus"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/live"
)

// owed is what the log has for somebody after a number: what his socket should have told.
func (n *node) owed(user rbac.UserID, after int64) (seqs []int64) {
	n.t.Helper()
	roles, err := n.store.Roles(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	scope := n.hub.Rights.Scope(rbac.Actor{User: user}, rbac.ConversationRead)
	for {
		events, err := n.store.EventsAfter(n.t.Context(), after, 1000)
		if err != nil {
			n.t.Fatal(err)
		}
		if len(events) == 0 {
			return seqs
		}
		for _, e := range events {
			if e.SeenBy(scope, roles) {
				seqs = append(seqs, e.Seq)
			}
		}
		after = events[len(events)-1].Seq
	}
}

// collect follows the log on changing nodes, dropping the socket every few frames, until the event
// that ends it, and returns the numbers of the events.
func collect(t *testing.T, nodes []*node, token string, began int64, drops int) (seqs []int64) {
	told, random := began, rand.New(rand.NewPCG(1, uint64(drops)))
	for drop := 0; ; drop++ {
		c, err := nodes[drop%len(nodes)].dial(token, told)
		if err != nil {
			t.Error(err)
			return seqs
		}
		for frames := random.IntN(15); drop >= drops || frames > 0; frames-- {
			f, open := c.receive()
			if !open || f.Kind == "reload" {
				t.Errorf("open %v, told %+v", open, f)
				return seqs
			}
			if f.event() {
				seqs = append(seqs, f.Seq)
			}
			if f.event() && f.Data["tag"] == "999" {
				return seqs
			}
			told = c.told
		}
		c.conn.Close()
	}
}

// resume has people of different scope follow the log while others write it, each dropping and
// resuming his socket many times: what they collect is the log as they may see it.
func resume(t *testing.T, d *desk, nodes []*node) {
	all := d.hire()
	var conversations []inbox.Conversation
	for shop := range 2 {
		conversations = append(conversations, d.Conversation(shop, nil), d.Conversation(shop, nil))
	}
	began, err := d.store.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	holders := []inbox.UserID{0, all["assigned"], all["taker"], all["agent"]}
	var writers, readers sync.WaitGroup
	for w := range 4 {
		random := rand.New(rand.NewPCG(2, uint64(w)))
		writers.Go(func() {
			for range 60 {
				events := make([]inbox.Event, 1+random.IntN(5))
				for i := range events {
					c := conversations[random.IntN(len(conversations))]
					events[i] = inbox.Event{Kind: inbox.MessageReceived, Shop: c.Shop, Conversation: c.ID,
						From: holders[random.IntN(4)], To: holders[random.IntN(4)], Data: map[string]any{"message": "1"}}
				}
				nodes[w%len(nodes)].log(events...)
			}
		})
	}
	for name, user := range all {
		token := d.token(user)
		readers.Go(func() {
			got := collect(t, nodes, token, began, 20)
			if want := d.owed(user, began); !slices.Equal(got, want) {
				t.Errorf("%s collected %d events %v, want %d %v", name, len(got), got, len(want), want)
			}
		})
	}
	writers.Wait()
	d.log(end)
	readers.Wait()
}

func TestResume(t *testing.T) {
	each(t, func(o *live.Options) { o.Beat = 5 * time.Millisecond }, func(t *testing.T, d *desk) { resume(t, d, []*node{d.node}) })
}

// startNATS returns the address of a NATS server of this test.
func startNATS(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	server := exec.Command("nats-server", "-a", "127.0.0.1", "-p", fmt.Sprint(port))
	output, err := server.StderrPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // always "killed"
	})
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if strings.Contains(lines.Text(), "Server is ready") {
			go func() { // nobody may stop the server by not reading it
				for lines.Scan() {
				}
			}()
			return fmt.Sprintf("nats://127.0.0.1:%d", port)
		}
	}
	t.Fatal("NATS did not come up")
	return ""
}

// Two nodes on one database: a commit on either reaches the sockets of both, in order, also of
// those who change nodes; presence too.
func TestTwoNodes(t *testing.T) {
	if testing.Short() { // it needs PostgreSQL
		return
	}
	for name, connect := range map[string]func(t *testing.T, dsn string) func() (bus.Bus, error){
		"postgres": func(t *testing.T, dsn string) func() (bus.Bus, error) {
			return func() (bus.Bus, error) { return bus.NewPostgres(dsn, store.LogChannel, slog.New(slog.DiscardHandler)) }
		},
		"nats": func(t *testing.T, _ string) func() (bus.Bus, error) {
			address := startNATS(t)
			return func() (bus.Bus, error) { return bus.NewNATS(address, "live", slog.New(slog.DiscardHandler)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			dsn, clock := database(t), new(clock)
			open := connect(t, dsn)
			var nodes []*node
			for range 2 {
				b, err := open()
				if err != nil {
					t.Fatal(err)
				}
				nodes = append(nodes, newNode(t, openStore(t, store.Options{Database: dsn, Now: clock.Now}), b, nil))
			}
			d := &desk{storetest.NewWorld(t, nodes[0].store, 2), nodes[0], clock}
			resume(t, d, nodes)

			one, other := d.Agent("one", d.Shops[0]), d.Agent("two", d.Shops[0])
			c := d.Conversation(0, nil)
			here, there := nodes[0].connect(d.token(one)), nodes[1].connect(d.token(other))
			here.say(map[string]any{"op": "viewing", "conversation": c.ID})
			there.say(map[string]any{"op": "viewing", "conversation": c.ID})
			for _, client := range []*client{here, there} {
				if f := client.next("presence"); *f.Conversation != c.ID || f.State != "viewing" {
					t.Errorf("told %+v", f)
				}
			}
			d.Do(func(tx *store.Tx) error { return tx.SetUserStatus(t.Context(), other, rbac.UserDisabled) })
			there.ended()
		})
	}
}

// What cannot be replayed is said to be read again.
func TestReload(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		token := d.token(d.Agent("ann", d.Shops[0]))
		d.log(end)
		began, err := d.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		log := func(n int, shop inbox.ShopID) {
			events := make([]inbox.Event, n)
			for i := range events {
				events[i] = inbox.Event{Kind: inbox.ShopChanged, Shop: shop}
			}
			d.log(events...)
		}
		// answer is how many events of shops are replayed after a number, -1 for the word to reload.
		markers := 0
		answer := func(after int64) (events int) {
			t.Helper()
			markers++
			marker := inbox.Event{Kind: inbox.TagChanged, Data: map[string]any{"tag": fmt.Sprint(markers)}}
			c := d.connect(token, after)
			d.log(marker)
			for {
				f, open := c.receive()
				switch {
				case !open:
					t.Fatal("the socket ended")
				case f.Data["tag"] == fmt.Sprint(markers):
					return events
				case f.Kind == "reload":
					events = -1
				case f.Kind == "shop.changed":
					events++
				}
			}
		}
		want := func(name string, after int64, events int) {
			t.Helper()
			if got := answer(after); got != events {
				t.Errorf("%s: %d events, want %d", name, got, events)
			}
		}
		log(1999, d.Shops[0])
		log(3000, d.Shops[1])
		want("as many as may be, among those of others", began, 1999)
		want("some", began+1989, 10)
		want("none but those of others", began+1999, 0)
		log(2, d.Shops[0])
		want("too many", began, -1)
		want("of another database", 1<<40, -1)

		trim := func(below int64) {
			t.Helper()
			d.Do(func(tx *store.Tx) error {
				if d.store.Postgres() == nil {
					_, err := tx.SQL().ExecContext(t.Context(), "DELETE FROM events WHERE seq < ?", below)
					return err
				}
				return tx.Pgx(func(px pgx.Tx) error {
					_, err := px.Exec(t.Context(), "DELETE FROM events WHERE seq < $1", below)
					return err
				})
			})
		}
		last := func() int64 {
			t.Helper()
			seq, err := d.store.LastSeq(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return seq
		}
		log(2, d.Shops[0])
		kept := last()
		trim(kept)
		want("trimmed", kept-2, -1)
		want("just not trimmed", kept-1, 1)
		before := last()
		trim(1 << 40)
		want("trimmed to nothing", before-1, -1)
		log(1, d.Shops[0])
		fresh := last()
		want("new", fresh-1, 1)
		d.clock.ahead.Store(int64(31 * 24 * time.Hour))
		want("older than a month", fresh-1, -1)
	})
}

// BenchmarkFanOut tells how long after a commit the last of 500 sockets has the event. The far sides
// run in this process too.
func BenchmarkFanOut(b *testing.B) {
	const sockets = 500
	s := storetest.SQLite(b)
	d := &desk{storetest.NewWorld(b, s, 1), newNode(b, s, bus.NewLocal(), nil), new(clock)}
	header := http.Header{"Authorization": {"Bearer " + d.token(d.Agent("ann", d.Shops[0]))}}
	var arrived atomic.Int64
	all := make(chan struct{}, 1)
	for range sockets {
		conn, _, err := websocket.DefaultDialer.DialContext(b.Context(), "ws"+strings.TrimPrefix(d.base, "http"), header)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		go func() {
			for hello := true; ; hello = false {
				if _, _, err := conn.ReadMessage(); err != nil {
					return
				}
				if !hello && arrived.Add(1)%sockets == 0 {
					all <- struct{}{}
				}
			}
		}()
	}
	eventually(b, "everybody there", func() bool { return d.hub.Stats().Clients == sockets })
	var took []time.Duration
	for b.Loop() {
		d.log(end)
		began := time.Now()
		<-all
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}
