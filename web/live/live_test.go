package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/bus"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
	"github.com/deskbell/deskbell/web/live"
)

// patience bounds every wait; it only matters when something is broken.
const patience = 20 * time.Second

// desk is an inbox of two shops, and a node on it.
type desk struct {
	*storetest.World
	*node
	clock *clock
}

// node is one server's sockets.
type node struct {
	t     testing.TB
	store *store.Store
	bus   bus.Bus
	auth  *auth.Service
	hub   *live.Hub
	base  string
}

// each runs fn on a desk of each database, with the bus such a server has.
func each(t *testing.T, change func(*live.Options), fn func(t *testing.T, d *desk)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		clock := new(clock)
		s := openStore(t, store.Options{Folder: t.TempDir(), Now: clock.Now})
		fn(t, &desk{storetest.NewWorld(t, s, 2), newNode(t, s, bus.NewLocal(), change), clock})
	})
	if testing.Short() {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		dsn, clock := database(t), new(clock)
		s := openStore(t, store.Options{Database: dsn, Now: clock.Now})
		fn(t, &desk{storetest.NewWorld(t, s, 2), newNode(t, s, postgresBus(t, dsn), change), clock})
	})
}

// clock is the time, and what tests add to it.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func openStore(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err == nil {
		t.Cleanup(func() { s.Close() })
		err = s.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// database is a fresh, migrated PostgreSQL database.
func database(t testing.TB) (dsn string) {
	return storetest.CopyDatabase(t, "live", func(dsn string) error {
		s, err := store.Open(context.Background(), store.Options{Database: dsn})
		if err != nil {
			return err
		}
		return errors.Join(s.Migrate(context.Background()), s.Close())
	})
}

func postgresBus(t testing.TB, dsn string) bus.Bus {
	t.Helper()
	b, err := bus.NewPostgres(dsn, store.LogChannel, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newNode serves sockets until the test ends. The log is read when the bus says so and not by the
// clock, unless change says otherwise.
func newNode(t testing.TB, s *store.Store, b bus.Bus, change func(*live.Options)) *node {
	t.Helper()
	eventually(t, "the bus", func() bool { return b.Health() == nil })
	s.OnCommit(b.Announce)
	rights, err := rbac.NewEnforcer(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	n := &node{t: t, store: s, bus: b, base: "http://" + server.Listener.Addr().String()}
	if n.auth, err = auth.New(auth.Options{Store: s, Rights: rights, PublicURL: n.base}); err != nil {
		t.Fatal(err)
	}
	o := live.Options{Store: s, Bus: b, Rights: rights, Auth: n.auth, Act: n.act, Version: "1.2.3", Beat: time.Hour, Look: time.Hour, Renew: time.Hour,
		Problem: func(_ context.Context, err error) any {
			return map[string]any{"code": inbox.CodeOf(err)}
		}}
	if change != nil {
		change(&o)
	}
	n.hub = live.New(o)
	server.Config.Handler = n.auth.Middleware(n.hub)
	server.Start()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.hub.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != context.Canceled {
			t.Errorf("the hub ended: %v", err)
		}
		server.Close()
		if err := b.Close(); err != nil {
			t.Errorf("close the bus: %v", err)
		}
	})
	return n
}

// act knows one op, which changes a tag.
func (n *node) act(ctx context.Context, by auth.Identity, op string, message []byte) (any, error) {
	if op != "mark" {
		return nil, inbox.InvalidField("op", "there is no such op")
	}
	var in struct{ Tag inbox.TagID }
	if err := json.Unmarshal(message, &in); err != nil {
		return nil, inbox.InvalidField("tag", "wants an id")
	}
	return map[string]any{"by": by.Actor.User, "tag": in.Tag}, n.store.InTx(ctx, func(tx *store.Tx) error {
		tx.Append(inbox.Event{Kind: inbox.TagChanged, Actor: by.Actor.User})
		return nil
	})
}

func (n *node) token(user rbac.UserID) string {
	n.t.Helper()
	_, token, err := n.auth.CreateToken(n.t.Context(), auth.System(), user, "test", time.Time{})
	if err != nil {
		n.t.Fatal(err)
	}
	return token
}

// log appends events in one transaction.
func (n *node) log(events ...inbox.Event) {
	n.t.Helper()
	err := n.store.InTx(n.t.Context(), func(tx *store.Tx) error {
		for _, e := range events {
			tx.Append(e)
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// end is an event everybody sees.
var end = inbox.Event{Kind: inbox.TagChanged, Data: map[string]any{"tag": "999"}}

// frame is what a socket is told.
type frame struct {
	Kind         string
	Seq          int64
	Prev         *int64
	ID           string
	You          rbac.UserID
	Version      string
	Conversation *inbox.ConversationID
	Shop         *inbox.ShopID
	Actor        *rbac.UserID
	User         rbac.UserID
	State        string
	Data         map[string]any
	Result       map[string]any
	Problem      map[string]any
}

func (f frame) event() bool { return f.Prev != nil }

// client is one browser's socket. Its frames come in order; whoever reads them checks that the chain
// of prev holds.
type client struct {
	t      testing.TB
	conn   *websocket.Conn
	frames chan frame
	pings  atomic.Int64
	told   int64
}

// connect opens a socket that begins now, or after a number.
func (n *node) connect(token string, after ...int64) *client {
	n.t.Helper()
	c, err := n.dial(token, after...)
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func (n *node) dial(token string, after ...int64) (*client, error) {
	address := "ws" + strings.TrimPrefix(n.base, "http")
	if len(after) > 0 {
		address += fmt.Sprintf("?after=%d", after[0])
	}
	conn, response, err := websocket.DefaultDialer.DialContext(n.t.Context(), address, http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", err, response)
	}
	c := &client{t: n.t, conn: conn, frames: make(chan frame, 20_000)}
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		c.pings.Add(1)
		return pong(data)
	})
	n.t.Cleanup(func() { conn.Close() })
	go func() {
		defer close(c.frames)
		for {
			var f frame
			if conn.ReadJSON(&f) != nil {
				return
			}
			c.frames <- f
		}
	}()
	hello, open := c.receive()
	if !open || hello.Kind != "hello" || hello.Version != "1.2.3" {
		return nil, fmt.Errorf("the first frame is %+v, open %v", hello, open)
	}
	c.told = hello.Seq
	if len(after) > 0 {
		c.told = after[0]
	}
	return c, nil
}

// receive waits for the next frame and checks its place; open is false once the socket has ended.
func (c *client) receive() (f frame, open bool) {
	c.t.Helper()
	select {
	case f, open = <-c.frames:
	case <-time.After(patience):
		c.t.Fatal("the socket says nothing")
	}
	switch {
	case f.event():
		if *f.Prev != c.told || f.Seq <= c.told {
			c.t.Errorf("event %d after %d, told %d before", f.Seq, *f.Prev, c.told)
		}
		c.told = f.Seq
	case f.Kind == "at":
		if f.Seq < c.told {
			c.t.Errorf("at %d, told %d before", f.Seq, c.told)
		}
		c.told = f.Seq
	case f.Kind == "reload":
		c.told = f.Seq
	}
	return f, open
}

// next waits for a frame of a kind and passes over others.
func (c *client) next(kind string) frame {
	c.t.Helper()
	for {
		f, open := c.receive()
		if !open {
			c.t.Fatalf("the socket ended before a frame %s", kind)
		}
		if f.Kind == kind {
			return f
		}
	}
}

// untilEnd returns the kinds of the events before the end.
func (c *client) untilEnd() (kinds []string) {
	c.t.Helper()
	for {
		f, open := c.receive()
		if !open {
			c.t.Fatal("the socket ended")
		}
		if f.event() && f.Data["tag"] == "999" {
			return kinds
		}
		if f.event() {
			kinds = append(kinds, f.Kind)
		}
	}
}

// ended waits until the server closes the socket and returns how many events came before.
func (c *client) ended() (events int) {
	c.t.Helper()
	for {
		f, open := c.receive()
		if !open {
			return events
		}
		if f.event() {
			events++
		}
	}
}

func (c *client) say(v any) {
	c.t.Helper()
	if err := c.conn.WriteJSON(v); err != nil {
		c.t.Fatal(err)
	}
}

// eventually polls until done; there is no event for what the server keeps to itself.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-tick.C
	}
}

// staff are people with different views of a desk, by name.
type staff map[string]rbac.UserID

// hire gives the first shop an agent, one who sees assigned conversations only and one who may also
// take from the queue, the second shop an agent, and the desk an owner and somebody without a role.
func (d *desk) hire() staff {
	all := staff{"owner": d.Person("owner", rbac.Grant{Role: rbac.Owner}), "nobody": d.Person("nobody"), "other": d.Agent("other", d.Shops[1])}
	var members []inbox.Member
	for _, m := range []struct {
		name, sees string
		take       bool
	}{{"agent", inbox.SeesShop, false}, {"assigned", inbox.SeesAssigned, false}, {"taker", inbox.SeesAssigned, true}} {
		all[m.name] = d.Person(m.name)
		members = append(members, inbox.Member{User: all[m.name], Sees: m.sees, MayTake: m.take})
	}
	d.Do(func(tx *store.Tx) error { return tx.SetMembers(d.node.t.Context(), d.Shops[0], members) })
	return all
}

func (d *desk) watch(all staff) map[string]*client {
	clients := map[string]*client{}
	for name, user := range all {
		clients[name] = d.connect(d.token(user))
	}
	eventually(d.node.t, "everybody there", func() bool { return d.hub.Stats().Clients >= len(all) })
	return clients
}

func TestHello(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		user := d.Agent("ann", d.Shops[0])
		d.log(end, end)
		last, err := d.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the log's end", func() bool { return d.connect(d.token(user)).told >= last })
	})
}

// Who is told of what: the rule of scope, the one who loses a conversation, the queue, what is
// private, and people one need not know of.
func TestScope(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		all := d.hire()
		c := d.Conversation(0, nil)
		shop, in := d.Shops[0], func(kind inbox.EventKind, from, to string) inbox.Event {
			return inbox.Event{Kind: kind, Shop: d.Shops[0], Conversation: c.ID, Actor: all["agent"], From: all[from], To: all[to]}
		}
		clients := d.watch(all)
		for name, tt := range map[string]struct {
			event inbox.Event
			seen  string
		}{
			"of the shop":              {in(inbox.MessageReceived, "agent", "agent"), "owner agent"},
			"assigned to him":          {in(inbox.MessageReceived, "assigned", "assigned"), "owner agent assigned"},
			"in the queue":             {in(inbox.MessageReceived, "", ""), "owner agent taker"},
			"he loses it":              {in(inbox.ConversationAssigned, "assigned", "agent"), "owner agent assigned"},
			"he gets it":               {in(inbox.ConversationAssigned, "", "assigned"), "owner agent assigned taker"},
			"it goes back":             {in(inbox.ConversationAssigned, "assigned", ""), "owner agent assigned taker"},
			"of another shop":          {inbox.Event{Kind: inbox.MessageReceived, Shop: d.Shops[1], Conversation: c.ID, To: all["assigned"]}, "owner other"},
			"draft of his own":         {inbox.Event{Kind: inbox.DraftSaved, Shop: shop, Conversation: c.ID, Actor: all["agent"]}, "agent"},
			"read by the owner":        {inbox.Event{Kind: inbox.ConversationRead, Shop: shop, Conversation: c.ID, Actor: all["owner"]}, "owner"},
			"shop":                     {inbox.Event{Kind: inbox.ShopChanged, Shop: shop}, "owner agent assigned taker"},
			"connection of another":    {inbox.Event{Kind: inbox.ConnectionChanged, Shop: d.Shops[1]}, "owner other"},
			"tag":                      {inbox.Event{Kind: inbox.TagChanged, Actor: all["owner"]}, "owner agent assigned taker other nobody"},
			"roster":                   {inbox.Event{Kind: inbox.RosterChanged, Actor: all["owner"]}, "owner agent assigned taker other nobody"},
			"colleague":                {inbox.Event{Kind: inbox.PresenceChanged, Actor: all["agent"], To: all["agent"]}, "owner agent assigned taker"},
			"somebody of another shop": {inbox.Event{Kind: inbox.UserChanged, To: all["other"]}, "owner other"},
			"somebody of every shop":   {inbox.Event{Kind: inbox.UserChanged, To: all["owner"]}, "owner agent assigned taker other"},
			"somebody without a role":  {inbox.Event{Kind: inbox.UserChanged, To: all["nobody"]}, "owner nobody"},
			"access":                   {inbox.Event{Kind: inbox.AccessChanged, To: all["agent"]}, "agent"},
		} {
			d.log(tt.event)
			d.log(end)
			for person, client := range clients {
				var want []string
				if slices.Contains(strings.Fields(tt.seen), person) {
					want = []string{string(tt.event.Kind)}
				}
				if got := client.untilEnd(); !slices.Equal(got, want) {
					t.Errorf("%s: %s is told %v, want %v", name, person, got, want)
				}
			}
		}
	})
}

// Who did something is not told to those who need not know that he exists.
func TestActorOfNoShopIsNotNamed(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		all := d.hire()
		c := d.connect(d.token(all["agent"]))
		d.log(inbox.Event{Kind: inbox.TagChanged, Actor: all["other"]}, inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[0], Actor: all["owner"]})
		if f := c.next("tag.changed"); f.Actor != nil {
			t.Errorf("the actor of a change of no shop is %v", *f.Actor)
		}
		if f := c.next("shop.changed"); f.Actor == nil || *f.Actor != all["owner"] || f.Conversation != nil {
			t.Errorf("told %+v, want the owner", f)
		}
	})
}

// A server where nothing happens keeps its sockets: the beat is also the ping.
func TestQuietSocketHearsTheBeat(t *testing.T) {
	each(t, func(o *live.Options) { o.Beat = 10 * time.Millisecond }, func(t *testing.T, d *desk) {
		c := d.connect(d.token(d.Agent("ann", d.Shops[0])))
		for range 3 {
			c.next("at")
		}
		if c.pings.Load() == 0 {
			t.Error("no ping")
		}
		d.log(end)
		c.untilEnd()
	})
}

func TestHandshake(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		token := d.token(d.Agent("ann", d.Shops[0]))
		for name, tt := range map[string]struct {
			query, token, origin string
			want                 int
		}{
			"nobody":        {"", "", "", http.StatusUnauthorized},
			"wrong token":   {"", "deskbell_wrong", "", http.StatusUnauthorized},
			"other site":    {"", token, "https://evil.example", http.StatusForbidden},
			"no site":       {"", token, "null", http.StatusForbidden},
			"other port":    {"", token, strings.Replace(d.base, "127.0.0.1:", "127.0.0.1:1", 1), http.StatusForbidden},
			"same site":     {"", token, d.base, http.StatusSwitchingProtocols},
			"program":       {"?after=0", token, "", http.StatusSwitchingProtocols},
			"after a word":  {"?after=x", token, "", http.StatusUnprocessableEntity},
			"below nothing": {"?after=-1", token, "", http.StatusUnprocessableEntity},
			"no number":     {"?after=99999999999999999999", token, "", http.StatusUnprocessableEntity},
		} {
			header := http.Header{}
			if tt.token != "" {
				header.Set("Authorization", "Bearer "+tt.token)
			}
			if tt.origin != "" {
				header.Set("Origin", tt.origin)
			}
			conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(d.base, "http")+tt.query, header)
			if err == nil {
				conn.Close()
			}
			if response == nil || response.StatusCode != tt.want {
				t.Errorf("%s: %v %v, want %d", name, response, err, tt.want)
				continue
			}
			if kind := response.Header.Get("Content-Type"); (tt.want == 401 || tt.want == 422) && kind != "application/problem+json" {
				t.Errorf("%s: %d is a %q", name, tt.want, kind)
			}
		}
	})
}

func TestMessages(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		user := d.Agent("ann", d.Shops[0])
		c, bystander := d.connect(d.token(user)), d.connect(d.token(d.Agent("ben", d.Shops[0])))
		c.say(map[string]any{"op": "mark", "id": "a", "tag": "7"})
		if f := c.next("ack"); f.ID != "a" || f.Result["by"] != user.String() || f.Result["tag"] != "7" {
			t.Errorf("acknowledged %+v", f)
		}
		for message, id := range map[string]string{
			`{"op":"fly","id":"b"}`: "b",
			`{"id":"c"}`:            "c",
			`{"op":"viewing","id":"d","conversation":"99"}`:          "d",
			`{"op":"typing","conversation":"not a number","id":"e"}`: "e",
			`{"op":"mark","tag":{},"id":"f"}`:                        "f",
			`{"op":7,"id":"g"}`:                                      "g",
			`garbage`:                                                "",
			`[]`:                                                     "",
			``:                                                       "",
			strings.Repeat(`{"op":`, 20_000):                         "",
			`{"op":"` + strings.Repeat("\\u0000", 1000) + `","id":"long"}`: "long",
		} {
			if err := c.conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
				t.Fatal(err)
			}
			if f := c.next("error"); f.ID != id || f.Problem["code"] == nil {
				t.Errorf("%.60s is answered %+v, want id %q", message, f, id)
			}
		}
		for name, ruin := range map[string]func(*websocket.Conn) error{
			"huge": func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, make([]byte, 2<<20)) },
			"no frame": func(c *websocket.Conn) error {
				_, err := c.NetConn().Write([]byte(strings.Repeat("\xff", 1000)))
				return err
			},
		} {
			bad := d.connect(d.token(user))
			if err := ruin(bad.conn); err != nil && name != "huge" { // which may be cut in the middle
				t.Fatal(err)
			}
			bad.ended()
		}
		d.log(end)
		bystander.untilEnd()
		c.untilEnd()
	})
}

// Rights and sessions are asked at the moment of delivery.
func TestAccessIsTakenAway(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		ctx := t.Context()
		all := d.hire()
		c := d.Conversation(0, nil)
		received := inbox.Event{Kind: inbox.MessageReceived, Shop: d.Shops[0], Conversation: c.ID}

		agent, other := d.connect(d.token(all["agent"])), d.connect(d.token(all["other"]))
		began := time.Now()
		d.Do(func(tx *store.Tx) error {
			return errors.Join(tx.SetRoles(ctx, all["agent"], nil), tx.SetRoles(ctx, all["other"], []rbac.Grant{{Role: rbac.Agent, Shop: d.Shops[0]}}))
		})
		d.log(received, end)
		if got := agent.untilEnd(); slices.Contains(got, "message.received") {
			t.Errorf("who has lost his role is told %v", got)
		}
		if got := other.untilEnd(); !slices.Contains(got, "message.received") {
			t.Errorf("who was given the role is told %v", got)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}

		assigned := d.connect(d.token(all["assigned"]))
		d.log(inbox.Event{Kind: inbox.ConversationAssigned, Shop: d.Shops[0], Conversation: c.ID, From: all["assigned"], To: all["taker"]},
			inbox.Event{Kind: inbox.MessageReceived, Shop: d.Shops[0], Conversation: c.ID, From: all["taker"], To: all["taker"]}, end)
		if got := assigned.untilEnd(); !slices.Equal(got, []string{"conversation.assigned"}) {
			t.Errorf("who lost a conversation is told %v", got)
		}

		disabled := d.connect(d.token(all["taker"]))
		d.Do(func(tx *store.Tx) error { return tx.SetUserStatus(ctx, all["taker"], rbac.UserDisabled) })
		d.log(received)
		if events := disabled.ended(); events != 0 {
			t.Errorf("who was disabled is told %d events", events)
		}

		token, secret, err := d.auth.CreateToken(ctx, auth.System(), all["owner"], "short", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		gone, stays := d.connect(secret), d.connect(d.token(all["owner"]))
		if err := d.auth.DeleteToken(ctx, auth.Identity{Actor: rbac.Actor{User: all["owner"]}}, token.ID); err != nil {
			t.Fatal(err)
		}
		d.log(received, end)
		if events := gone.ended(); events != 0 {
			t.Errorf("who was signed out is told %d events", events)
		}
		stays.untilEnd()
	})
}

// brief is a token that ends in an hour of the store's clock.
func (d *desk) brief() string {
	d.node.t.Helper()
	_, secret, err := d.auth.CreateToken(d.node.t.Context(), auth.System(), d.Agent("ann", d.Shops[0]), "brief", d.clock.Now().Add(time.Hour))
	if err != nil {
		d.node.t.Fatal(err)
	}
	return secret
}

// What nobody says ends at the next beat: here a token's time.
func TestSessionThatRunsOut(t *testing.T) {
	each(t, func(o *live.Options) { o.Beat = 20 * time.Millisecond }, func(t *testing.T, d *desk) {
		secret := d.brief()
		c := d.connect(secret)
		c.next("at")
		d.clock.ahead.Store(int64(2 * time.Hour))
		c.ended()
		if _, err := d.dial(secret); err == nil {
			t.Error("the token still opens a socket")
		}
	})
}

// An act asks again who it is, also before the beat.
func TestActOfSomebodyGone(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		c := d.connect(d.brief())
		before, err := d.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.clock.ahead.Store(int64(2 * time.Hour))
		c.say(map[string]any{"op": "mark", "id": "a"})
		c.ended()
		if after, err := d.store.LastSeq(t.Context()); err != nil || after != before {
			t.Errorf("the log grew from %d to %d, %v", before, after, err)
		}
	})
}

// Who looks at a conversation learns who else does, as long as both may see it.
func TestPresence(t *testing.T) {
	each(t, func(o *live.Options) { o.Renew = 20 * time.Millisecond }, func(t *testing.T, d *desk) {
		all := d.hire()
		clients := d.watch(all)
		c := d.Conversation(0, nil)
		look := func(name string, op string) {
			clients[name].say(map[string]any{"op": op, "conversation": c.ID, "id": name})
		}
		hears := func(name, of, state string) {
			t.Helper()
			for f := clients[name].next("presence"); f.User != all[of] || f.State != state; f = clients[name].next("presence") {
			}
		}
		for _, name := range []string{"owner", "taker"} {
			look(name, "viewing")
		}
		hears("owner", "taker", "viewing")
		look("agent", "viewing")
		hears("owner", "agent", "viewing")
		hears("taker", "agent", "viewing")
		hears("agent", "owner", "viewing") // who was there before
		look("agent", "typing")
		hears("owner", "agent", "typing")
		for _, name := range []string{"other", "assigned", "nobody"} {
			look(name, "viewing")
			if f := clients[name].next("error"); f.ID != name || f.Problem["code"] != string(inbox.NotFound) {
				t.Errorf("%s is answered %+v, want not found", name, f)
			}
			look(name, "typing")
			clients[name].next("error")
		}

		clients["agent"].conn.Close()
		hears("owner", "agent", "gone")
		d.Do(func(tx *store.Tx) error { return tx.SetRoles(t.Context(), all["taker"], nil) })
		hears("owner", "taker", "gone")

		d.log(end)
		for _, name := range []string{"other", "assigned", "nobody"} {
			for f, _ := clients[name].receive(); f.Data["tag"] != "999"; f, _ = clients[name].receive() {
				if f.Kind == "presence" {
					t.Errorf("%s is told %+v", name, f)
				}
			}
		}
	})
}

// listenSlow opens a socket and then reads nothing.
func (n *node) listenSlow(token string) *websocket.Conn {
	n.t.Helper()
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(4096)
		}
		return conn, err
	}}
	conn, _, err := dialer.DialContext(n.t.Context(), "ws"+strings.TrimPrefix(n.base, "http"), http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	return conn
}

// Who takes nothing is cut; the others notice nothing of him.
func TestSlowClient(t *testing.T) {
	each(t, func(o *live.Options) { o.Patience = 200 * time.Millisecond }, func(t *testing.T, d *desk) {
		token := d.token(d.Agent("ann", d.Shops[0]))
		fast := d.connect(token)
		d.listenSlow(token)
		eventually(t, "two sockets", func() bool { return d.hub.Stats().Clients == 2 })
		large := inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[0], Data: map[string]any{"x": strings.Repeat("x", 200_000)}}
		for n := 0; d.hub.Stats().Clients == 2; n++ {
			if n == 500 {
				t.Fatal("the slow socket is still there after 100 MB")
			}
			d.log(large)
			began := time.Now()
			fast.next("shop.changed")
			if took := time.Since(began); took > time.Second {
				t.Errorf("the fast socket waited %s", took)
			}
		}
		d.log(end)
		fast.untilEnd()
	})
}

// A burst larger than any queue cuts nobody: it is given whole, or replaced by the word to reload.
func TestBurst(t *testing.T) {
	each(t, nil, func(t *testing.T, d *desk) {
		c := d.connect(d.token(d.Agent("ann", d.Shops[0])))
		burst := make([]inbox.Event, 10_000)
		for i := range burst {
			burst[i] = inbox.Event{Kind: inbox.ShopChanged, Shop: d.Shops[0]}
		}
		d.log(burst...)
		d.log(end)
		events, reloads := 0, 0
		for {
			f, open := c.receive()
			if !open {
				t.Fatal("the socket was cut")
			}
			if f.Data["tag"] == "999" {
				break
			}
			if f.event() {
				events++
			}
			if f.Kind == "reload" {
				reloads++
			}
		}
		if events != len(burst) && reloads == 0 {
			t.Errorf("%d of %d events and no word to reload", events, len(burst))
		}
	})
}
