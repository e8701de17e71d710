// Package live tells browsers what happens while it happens. One reader per node follows the event
// log and hands each event to the sockets whose people may see it at that moment; whoever was away
// gets what he missed from the log. The log is the truth: a socket may be lost at any time.
package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/bus"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// Options are what the hub works with.
type Options struct {
	Store  *store.Store
	Bus    bus.Bus
	Rights *rbac.Enforcer
	Auth   *auth.Service
	// Act does what a person asks for over the socket, by the same functions as the HTTP operations;
	// message is the JSON object whose op it is. Problem words an error of it as they do.
	Act     func(ctx context.Context, by auth.Identity, op string, message []byte) (result any, err error)
	Problem func(ctx context.Context, err error) any
	Version string
	// Beat is how often sockets hear how far the log is and are asked whether their session still
	// holds; 0 = 20 s. Look is how often the log is read without word from the bus; 0 = 1 s. Renew is
	// how often it is said again who looks at what; 0 = 10 s. A socket that does not take a frame
	// within Patience is cut; 0 = 10 s.
	Beat, Look, Renew, Patience time.Duration
	Log                         *slog.Logger
}

// Hub follows the log and holds the sockets of a node.
type Hub struct {
	Options
	presence *presence
	replays  chan struct{} // bounds how many sockets catch up at once
	begun    chan struct{} // closed once the hub knows where the log stands

	mu      sync.Mutex
	seq     int64 // of the last event handed out; -1 before the log was read
	clients map[*client]struct{}
	closed  bool

	delivered, cut atomic.Int64
}

const (
	defaultLook     = time.Second
	defaultBeat     = 20 * time.Second
	defaultRenew    = 10 * time.Second
	defaultPatience = 10 * time.Second

	batch      = 500                 // events read at once
	maxMissed  = 2000                // events a socket is sent to catch up; beyond, it reloads
	maxScanned = 20_000              // events of everybody that are looked through for that
	oldest     = 30 * 24 * time.Hour // events older than this are not sent to catch up
	maxReplays = 4
	maxClients = 10_000
)

// New makes a hub. It does nothing before Run.
func New(o Options) *Hub {
	o.Look, o.Beat = cmp.Or(o.Look, defaultLook), cmp.Or(o.Beat, defaultBeat)
	o.Renew, o.Patience = cmp.Or(o.Renew, defaultRenew), cmp.Or(o.Patience, defaultPatience)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Hub{Options: o, presence: newPresence(), replays: make(chan struct{}, maxReplays), begun: make(chan struct{}), clients: map[*client]struct{}{}, seq: -1}
}

// Run follows the log until ctx ends, then closes every socket: their browsers come back to the next
// node.
func (h *Hub) Run(ctx context.Context) error {
	defer h.shut()
	subscription := h.Bus.Subscribe()
	defer subscription.Close()
	ctx, stop := context.WithCancel(ctx)
	var patrol sync.WaitGroup
	patrol.Go(func() { h.patrol(ctx) })
	defer patrol.Wait()
	defer stop()
	look := time.NewTicker(h.Look)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, open := <-subscription.Log:
			if !open {
				return errors.New("the bus was closed")
			}
			h.follow(ctx)
		case message, open := <-subscription.Presence:
			if !open {
				return errors.New("the bus was closed")
			}
			h.hear(message)
		case <-look.C:
			h.follow(ctx)
			h.fade()
		}
	}
}

// patrol does what asks the database once a socket, beside Run so that no event waits for it.
func (h *Hub) patrol(ctx context.Context) {
	beat, renew := time.NewTicker(h.Beat), time.NewTicker(h.Renew)
	defer beat.Stop()
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			h.at()
			for _, c := range h.all() {
				c.recheck(ctx)
			}
		case <-renew.C:
			for _, c := range h.all() {
				c.renew(ctx)
			}
		}
	}
}

func (h *Hub) all() []*client {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.clients))
}

// follow hands out everything the log has beyond the last number handed out.
func (h *Hub) follow(ctx context.Context) {
	if err := h.begin(ctx); err != nil {
		h.failed(ctx, err)
		return
	}
	for {
		events, err := h.Store.EventsAfter(ctx, h.last(), batch)
		if err != nil {
			h.failed(ctx, err)
			return
		}
		if len(events) == 0 {
			return
		}
		changed, err := h.newRights(ctx, events)
		if err != nil {
			h.failed(ctx, err) // without rights nothing may be shown: the next look tries again
			return
		}
		roles, err := h.rolesFor(ctx, events)
		if err != nil {
			h.failed(ctx, err)
			return
		}
		h.recheck(ctx, changed)
		h.hand(events, roles)
		if len(events) < batch {
			return
		}
	}
}

// begin finds where the log stands when the hub starts: sockets are opened after that.
func (h *Hub) begin(ctx context.Context) error {
	if h.last() >= 0 {
		return nil
	}
	seq, err := h.Store.LastSeq(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq = seq
	close(h.begun)
	return nil
}

func (h *Hub) last() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}

func (h *Hub) failed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		h.Log.Error("the event log cannot be followed", "error", err)
	}
}

// newRights reads the policy again if one of the events says that it changed, before any event
// after it is shown, and returns whose access changed.
func (h *Hub) newRights(ctx context.Context, events []inbox.Event) (map[rbac.UserID]bool, error) {
	changed := map[rbac.UserID]bool{}
	for _, e := range events {
		if e.Kind == inbox.AccessChanged {
			changed[e.To] = true
		}
	}
	if len(changed) == 0 {
		return changed, nil
	}
	version, err := h.Store.PolicyVersion(ctx)
	if err == nil {
		err = h.Rights.Fresh(ctx, version)
	}
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		c.scope = h.scope(c.user)
	}
	return changed, nil
}

func (h *Hub) scope(user rbac.UserID) rbac.Scope {
	return h.Rights.Scope(rbac.Actor{User: user}, rbac.ConversationRead)
}

// rolesFor returns everybody's roles if they decide who sees one of these events.
func (h *Hub) rolesFor(ctx context.Context, events []inbox.Event) (map[rbac.UserID][]rbac.Grant, error) {
	if !slices.ContainsFunc(events, func(e inbox.Event) bool { return e.Kind.OfPerson() }) {
		return nil, nil
	}
	return h.Store.Roles(ctx)
}

// hand gives events to every socket that may see them, and moves the hub behind them.
func (h *Hub) hand(events []inbox.Event, roles map[rbac.UserID][]rbac.Grant) {
	frames := make([]frame, len(events))
	for i, e := range events {
		frames[i] = newFrame(e)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, e := range events {
		for c := range h.clients {
			if e.Seq > c.last && e.SeenBy(c.scope, roles) {
				h.deliver(c, frames[i].after(c.last), e.Seq)
			}
		}
	}
	h.seq = events[len(events)-1].Seq
}

// deliver queues an event for a socket. Of one for which too much waits, in a burst of events or
// because it is slow, all that waits is replaced by the word to reload: it costs no more memory and
// needs no new connection. The caller holds the lock.
func (h *Hub) deliver(c *client, data []byte, seq int64) {
	h.delivered.Add(1)
	c.last = seq
	if !c.queue.push(queued{data: data, event: true}) {
		c.queue.replace(reload(seq))
	}
}

// at moves idle sockets forward, which is also their sign of life.
func (h *Hub) at() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seq < 0 {
		return
	}
	for c := range h.clients {
		c.last = max(c.last, h.seq) // a socket that has just caught up may be ahead of us
		c.queue.push(queued{data: fmt.Appendf(nil, `{"kind":"at","seq":%d}`, c.last), event: true, ping: true})
	}
}

// recheck closes the sockets of those people whose session is over, before they are shown more.
func (h *Hub) recheck(ctx context.Context, users map[rbac.UserID]bool) {
	if len(users) == 0 {
		return
	}
	for _, c := range h.all() {
		if users[c.user] {
			c.recheck(ctx)
		}
	}
}

// join lets a socket take part once it has caught up with the hub; false if it has more to read.
func (h *Hub) join(c *client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		c.end(closeAway, "the server stops")
		return true
	}
	if c.read < h.seq {
		return false
	}
	c.scope = h.scope(c.user)
	h.clients[c] = struct{}{}
	return true
}

func (h *Hub) leave(c *client) {
	h.mu.Lock()
	delete(h.clients, c)
	h.mu.Unlock()
}

func (h *Hub) shut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.clients {
		c.end(closeAway, "the server stops")
	}
	clear(h.clients)
}

// Stats are the figures of a hub.
type Stats struct {
	Clients   int
	Delivered int64 // frames put into queues
	Cut       int64 // sockets that took nothing for too long
}

// Stats tells how the hub is.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{len(h.clients), h.delivered.Load(), h.cut.Load()}
}

// frame is an event as JSON, open at the one place where sockets differ: the number before it.
type frame struct {
	head, tail string
	made       map[int64][]byte
}

func newFrame(e inbox.Event) frame {
	data, err := json.Marshal(e.Data)
	if err != nil {
		panic(fmt.Sprintf("live: event %d does not marshal: %v", e.Seq, err)) // it came from JSON
	}
	return frame{
		head: fmt.Sprintf(`{"seq":%d,"prev":`, e.Seq),
		tail: fmt.Sprintf(`,"kind":%q,"at":%q,"shop":%s,"conversation":%s,"actor":%s,"data":%s}`, e.Kind, e.At.UTC().Format(time.RFC3339Nano),
			idOrNull(e.Shop), idOrNull(e.Conversation), idOrNull(e.ShownActor()), data),
		made: map[int64][]byte{},
	}
}

func idOrNull[T any](id rbac.ID[T]) string {
	if id == 0 {
		return "null"
	}
	return `"` + id.String() + `"`
}

// after is the frame for a socket that was last sent number prev.
func (f frame) after(prev int64) []byte {
	if made, ok := f.made[prev]; ok {
		return made
	}
	made := slices.Concat([]byte(f.head), strconv.AppendInt(nil, prev, 10), []byte(f.tail))
	f.made[prev] = made
	return made
}
