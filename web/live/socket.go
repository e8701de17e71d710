package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

const (
	writeWithin = 10 * time.Second
	readWithin  = 45 * time.Second // a browser answers the ping that comes with each beat
	readLimit   = 256 << 10
	companyLook = 10 * time.Second // how often who is viewing is told again
)

// op is what every message of a client has: what it asks for, the client's own id for it, which the
// answer carries, and the conversation it is about.
type op struct {
	Op           string               `json:"op"`
	ID           string               `json:"id"`
	Conversation inbox.ConversationID `json:"conversation"`
}

// socket is one open websocket. Only its writer writes to the connection.
type socket struct {
	hub   *Hub
	conn  *websocket.Conn
	user  inbox.UserID
	queue chan frame
	done  chan struct{}
	once  sync.Once
	scope atomic.Pointer[rbac.Scope]
	id    atomic.Pointer[auth.Identity]

	mu      sync.Mutex
	viewing presence // zero: nothing
}

func (s *socket) identity() auth.Identity { return *s.id.Load() }

func (s *socket) become(id auth.Identity, scope rbac.Scope) {
	s.id.Store(&id)
	s.scope.Store(&scope)
}

// sees decides at the moment of delivery. Events of no shop concern everybody who is signed in.
func (s *socket) sees(e inbox.Event) bool {
	if e.Kind.Private() {
		return e.Actor == s.user
	}
	scope := s.scope.Load()
	switch {
	case e.Shop == 0:
		return true
	case e.Conversation == 0:
		return scope.SeesShop(e.Shop)
	}
	return scope.Sees(e.Shop, e.From, e.To)
}

// cut ends the socket from outside; its goroutines end by themselves.
func (s *socket) cut() {
	s.once.Do(func() {
		close(s.done)
		s.conn.Close()
	})
}

// ServeHTTP opens a socket for a signed-in person, from the page's own origin alone.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := auth.From(r.Context())
	if !id.SignedIn() {
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	resume := r.URL.Query().Has("after")
	if resume && (err != nil || after < 0) {
		http.Error(w, "after: wants the number of the last event seen", http.StatusUnprocessableEntity)
		return
	}
	select {
	case <-h.ready:
	case <-r.Context().Done():
		return
	}
	upgrader := websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 1024, WriteBufferPool: &buffers, CheckOrigin: h.Auth.SameOrigin}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	s := &socket{hub: h, conn: conn, user: id.Actor.User, queue: make(chan frame, queueLength), done: make(chan struct{})}
	s.become(id, h.Rights.Scope(id.Actor, rbac.ConversationRead))
	from, ok := h.add(s)
	if !ok {
		s.cut()
		return
	}
	// A socket outlives the request's own context, which the server ends when the handler returns:
	// the handler stays as the reader.
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	defer stop()
	var writer sync.WaitGroup
	writer.Go(func() {
		defer s.cut()
		if err := s.write(ctx, from, after, resume); err != nil {
			h.Log.Debug("socket ended", "user", s.user, "error", err)
		}
	})
	s.read(ctx)
	h.remove(s)
	s.cut()
	writer.Wait()
	s.leave()
}

var buffers sync.Pool

// write sends what was missed, then what comes, until the socket ends.
func (s *socket) write(ctx context.Context, from, after int64, resume bool) error {
	prev, err := s.greet(ctx, from, after, resume)
	if err != nil {
		return err
	}
	again := time.NewTicker(companyLook)
	defer again.Stop()
	for {
		select {
		case <-s.done:
			return nil
		case <-again.C:
			s.stillViewing()
		case f := <-s.queue:
			if f.whole == nil && f.seq <= from {
				continue // it was replayed
			}
			if err := s.send(f.bytes(prev)); err != nil {
				return err
			}
			if f.whole == nil {
				prev = f.seq
			}
			if f.at {
				if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)); err != nil {
					return err
				}
			}
		}
	}
}

func (s *socket) send(data []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, data)
}

func (s *socket) sendJSON(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.send(data)
}

// greet says where the log stands and replays what was missed; it returns the number told last.
func (s *socket) greet(ctx context.Context, from, after int64, resume bool) (prev int64, err error) {
	hello := map[string]any{"kind": "hello", "seq": from, "you": s.user, "version": s.hub.Version}
	if err := s.sendJSON(hello); err != nil || !resume {
		return from, err
	}
	missed, err := s.missed(ctx, after, from)
	if errors.Is(err, errTooMuch) {
		return from, s.sendJSON(map[string]any{"kind": "reload", "seq": from})
	}
	if err != nil {
		return 0, err
	}
	prev = after
	for _, f := range missed {
		if err := s.send(f.bytes(prev)); err != nil {
			return 0, err
		}
		prev = f.seq
	}
	return prev, nil
}

var errTooMuch = errors.New("too much was missed")

// missed collects the events in (after, from] the person may see. errTooMuch if they are too many,
// or the log no longer has them all, or never had: a number from the future is of another database.
func (s *socket) missed(ctx context.Context, after, from int64) ([]frame, error) {
	if after > from {
		return nil, errTooMuch
	}
	if after == from {
		return nil, nil
	}
	first, err := s.hub.Store.FirstSeq(ctx)
	if err != nil {
		return nil, err
	}
	if first > after+1 && after > 0 {
		return nil, errTooMuch
	}
	var frames []frame
	for scanned := 0; after < from; {
		events, err := s.hub.Store.EventsAfter(ctx, after, batch)
		if err != nil {
			return nil, err
		}
		if scanned += len(events); scanned > mostScanned {
			return nil, errTooMuch
		}
		for _, e := range events {
			if e.Seq > from {
				return frames, nil
			}
			if s.sees(e) {
				frames = append(frames, newFrame(e))
			}
		}
		if len(frames) > mostMissed {
			return nil, errTooMuch
		}
		if len(events) < batch {
			break
		}
		after = events[len(events)-1].Seq
	}
	return frames, nil
}

// read takes what the client says until the socket ends.
func (s *socket) read(ctx context.Context) {
	s.conn.SetReadLimit(readLimit)
	extend := func(string) error { return s.conn.SetReadDeadline(time.Now().Add(readWithin)) }
	s.conn.SetPongHandler(extend)
	for {
		if extend("") != nil {
			return
		}
		kind, data, err := s.conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage {
			return
		}
		s.take(ctx, data)
	}
}

// take does what one message asks for.
func (s *socket) take(ctx context.Context, data []byte) {
	var o op
	if err := json.Unmarshal(data, &o); err != nil {
		s.answer(ctx, o.ID, nil, inbox.InvalidField("op", "this message cannot be read: %s", err))
		return
	}
	switch o.Op {
	case "viewing", "typing":
		s.look(ctx, o)
	default:
		result, err := s.hub.Act(ctx, s.identity(), o.Op, data)
		s.answer(ctx, o.ID, result, err)
	}
}

// answer queues an ack, or an error worded as the HTTP operations word it.
func (s *socket) answer(ctx context.Context, id string, result any, err error) {
	message := map[string]any{"kind": "ack", "id": id, "result": result}
	if err != nil {
		message = map[string]any{"kind": "error", "id": id, "problem": s.hub.Problem(ctx, err)}
	}
	data, err := json.Marshal(message)
	if err != nil {
		s.hub.Log.Error("an answer does not marshal", "error", err)
		return
	}
	select {
	case s.queue <- frame{whole: data}:
	case <-s.done:
	}
}

// look notes which conversation the person views, or that he writes in it, and tells the others.
func (s *socket) look(ctx context.Context, o op) {
	s.mu.Lock()
	before := s.viewing
	s.mu.Unlock()
	if before.Conversation != 0 && before.Conversation != o.Conversation {
		before.State = "gone"
		s.share(before)
	}
	now := presence{}
	if o.Conversation != 0 {
		c, err := s.hub.Store.Conversation(ctx, *s.scope.Load(), o.Conversation)
		if err != nil {
			s.answer(ctx, o.ID, nil, err)
			return
		}
		now = presence{Conversation: c.ID, User: s.user, State: o.Op, Shop: c.Shop, Assignee: c.Assignee}
		s.share(now)
		now.State = "viewing"
	}
	s.mu.Lock()
	s.viewing = now
	s.mu.Unlock()
}

func (s *socket) stillViewing() {
	s.mu.Lock()
	now := s.viewing
	s.mu.Unlock()
	if now.Conversation != 0 {
		s.share(now)
	}
}

func (s *socket) leave() {
	s.mu.Lock()
	now := s.viewing
	s.mu.Unlock()
	if now.Conversation != 0 {
		now.State = "gone"
		s.share(now)
	}
}

func (s *socket) share(p presence) {
	data, err := json.Marshal(p)
	if err == nil {
		err = s.hub.Bus.Share(data)
	}
	if err != nil {
		s.hub.Log.Debug("presence was not shared", "error", fmt.Sprint(err))
	}
}
