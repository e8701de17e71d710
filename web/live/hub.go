// Package live shows people what happens while it happens: one reader follows the event log and
// gives each open websocket the events its person may see, in order, once. What a socket missed it
// gets from the log; a socket that is too slow is cut and comes back. Rights are asked at the moment
// of delivery.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/bus"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// Options are what the hub needs.
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
	// Beat is how often a quiet socket hears how far the log is; 0 = 20 s. Look is how often the log
	// is read without a call; 0 = 2 s.
	Beat, Look time.Duration
	Log        *slog.Logger
}

const (
	batch       = 500    // events read at once
	queueLength = 256    // frames a socket may be behind
	mostMissed  = 2000   // events replayed after a gap; more is "reload"
	mostScanned = 20_000 // events of everybody that are looked through for a replay
)

// Hub holds the open sockets of this node.
type Hub struct {
	Options

	mu    sync.Mutex
	socks map[*socket]struct{}
	last  int64 // highest number given to the sockets
	ready chan struct{}
	ended bool
}

// New makes a hub; it gives events while Run runs.
func New(o Options) *Hub {
	if o.Beat == 0 {
		o.Beat = 20 * time.Second
	}
	if o.Look == 0 {
		o.Look = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Hub{Options: o, socks: map[*socket]struct{}{}, ready: make(chan struct{})}
}

// Run follows the log until ctx ends, then closes all sockets: their browsers come back to the next
// node.
func (h *Hub) Run(ctx context.Context) error {
	sub := h.Bus.Subscribe()
	defer sub.Close()
	defer h.closeAll()
	if err := h.begin(ctx); err != nil {
		return err
	}
	look, beat := time.NewTicker(h.Look), time.NewTicker(h.Beat)
	defer look.Stop()
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case sign, open := <-sub.Log:
			if !open {
				return errors.New("the bus was closed")
			}
			if sign.Gap || sign.Seq > h.seq() {
				h.read(ctx)
			}
		case message := <-sub.Presence:
			h.company(message)
		case <-look.C:
			h.read(ctx)
		case <-beat.C:
			h.beat(ctx)
		}
	}
}

// begin takes the log's end as the place from which sockets are told.
func (h *Hub) begin(ctx context.Context) error {
	last, err := h.Store.LastSeq(ctx)
	if err != nil {
		return fmt.Errorf("find the end of the event log: %w", err)
	}
	h.mu.Lock()
	h.last = last
	h.mu.Unlock()
	close(h.ready)
	return nil
}

func (h *Hub) seq() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// read gives the sockets everything the log has beyond the last number given.
func (h *Hub) read(ctx context.Context) {
	for {
		events, err := h.Store.EventsAfter(ctx, h.seq(), batch)
		if err != nil {
			if ctx.Err() == nil {
				h.Log.Warn("the event log cannot be read", "error", err) // the next look tries again
			}
			return
		}
		for _, e := range events {
			if e.Kind == inbox.AccessChanged {
				h.recheck(ctx, e.To)
			}
		}
		h.give(events)
		if len(events) < batch {
			return
		}
	}
}

// give queues events at every socket that may see them.
func (h *Hub) give(events []inbox.Event) {
	if len(events) == 0 {
		return
	}
	frames := make([]frame, len(events))
	for i, e := range events {
		frames[i] = newFrame(e)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.socks {
		for _, f := range frames {
			if s.sees(f.event) {
				h.offer(s, f)
			}
		}
	}
	h.last = events[len(events)-1].Seq
}

// offer queues a frame at a socket; one whose queue is full is cut. The caller holds mu.
func (h *Hub) offer(s *socket, f frame) {
	select {
	case s.queue <- f:
	default:
		delete(h.socks, s)
		s.cut()
	}
}

// beat moves quiet sockets forward, which is also how they notice a dead connection, and closes
// those whose session is over.
func (h *Hub) beat(ctx context.Context) {
	h.mu.Lock()
	f := frame{at: true, seq: h.last}
	all := make([]*socket, 0, len(h.socks))
	for s := range h.socks {
		all = append(all, s)
	}
	for _, s := range all {
		h.offer(s, f)
	}
	h.mu.Unlock()
	for _, s := range all {
		h.refresh(ctx, s)
	}
}

// recheck brings the rights of one person's sockets up to date at once.
func (h *Hub) recheck(ctx context.Context, user inbox.UserID) {
	h.mu.Lock()
	var own []*socket
	for s := range h.socks {
		if s.user == user {
			own = append(own, s)
		}
	}
	h.mu.Unlock()
	for _, s := range own {
		h.refresh(ctx, s)
	}
}

// refresh asks again who a socket's person is and what he may see, and closes it if he is nobody any
// more. When rights cannot be read nothing may be shown.
func (h *Hub) refresh(ctx context.Context, s *socket) {
	id, err := h.Auth.Recheck(ctx, s.identity())
	if err != nil {
		if ctx.Err() == nil {
			h.remove(s)
			s.cut()
		}
		return
	}
	s.become(id, h.Rights.Scope(id.Actor, rbac.ConversationRead))
}

func (h *Hub) remove(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.socks, s)
}

func (h *Hub) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for s := range h.socks {
		s.cut()
	}
	clear(h.socks)
}

// add lets a socket hear everything from now on and returns the number up to which it has not. It
// is false once the hub has ended.
func (h *Hub) add(s *socket) (from int64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return 0, false
	}
	h.socks[s] = struct{}{}
	return h.last, true
}

// presence is what nodes tell each other of who is in a conversation.
type presence struct {
	Conversation inbox.ConversationID `json:"conversation"`
	User         inbox.UserID         `json:"user"`
	State        string               `json:"state"` // viewing, typing, gone
	Shop         inbox.ShopID         `json:"shop"`
	Assignee     inbox.UserID         `json:"assignee"`
}

// company shows who is in a conversation to those who may see it.
func (h *Hub) company(message []byte) {
	var p presence
	if json.Unmarshal(message, &p) != nil {
		return // of a node with another program; presence may be lost
	}
	data, err := json.Marshal(map[string]any{"kind": "presence", "conversation": p.Conversation, "user": p.User, "state": p.State})
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.socks {
		if s.user != p.User && s.scope.Load().Sees(p.Shop, p.Assignee) {
			h.offer(s, frame{whole: data})
		}
	}
}

// frame is something on its way to a socket: an event, the place in the log, or a whole message.
type frame struct {
	event inbox.Event
	seq   int64
	at    bool
	whole []byte
	head  []byte // of an event: {"seq":41,"prev":
	tail  []byte // of an event: ,"kind":…}
}

// newFrame writes an event once for all sockets; what differs between them, prev, is left out.
func newFrame(e inbox.Event) frame {
	tail, err := json.Marshal(struct {
		Kind         inbox.EventKind `json:"kind"`
		At           time.Time       `json:"at"`
		Shop         any             `json:"shop"`
		Conversation any             `json:"conversation"`
		Actor        any             `json:"actor"`
		Data         map[string]any  `json:"data"`
	}{e.Kind, e.At, orNull(e.Shop), orNull(e.Conversation), orNull(e.Actor), e.Data})
	if err != nil { // data came out of JSON, so it goes back
		panic("live: " + err.Error())
	}
	head := append(strconv.AppendInt([]byte(`{"seq":`), e.Seq, 10), `,"prev":`...)
	tail[0] = ','
	return frame{event: e, seq: e.Seq, head: head, tail: tail}
}

// orNull is an id as JSON shows it: null for none.
func orNull[T any](id rbac.ID[T]) any {
	if id == 0 {
		return nil
	}
	return id
}

// bytes is the frame for a socket that was told prev last.
func (f frame) bytes(prev int64) []byte {
	switch {
	case f.whole != nil:
		return f.whole
	case f.at:
		return fmt.Appendf(nil, `{"kind":"at","seq":%d}`, f.seq)
	}
	b := make([]byte, 0, len(f.head)+len(f.tail)+20)
	b = append(b, f.head...)
	b = strconv.AppendInt(b, prev, 10)
	return append(b, f.tail...)
}
