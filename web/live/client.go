package live

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

const (
	maxFrame      = 1 << 20          // bytes of what a client sends, as for a body over HTTP
	silence       = 45 * time.Second // without a sign of life a client counts as gone
	recheckWithin = 5 * time.Second
	readBuffer    = 512
	writeBuffer   = 1024
)

// Codes with which sockets are closed, beside those of the protocol.
const (
	closeAway  = websocket.CloseGoingAway
	closeSlow  = websocket.CloseTryAgainLater
	closeEnded = 4401 // the session is over: sign in
)

// client is one socket. Its reader is the goroutine of the request; one other goroutine writes.
type client struct {
	hub      *Hub
	identity auth.Identity // as it was when the socket was opened
	user     rbac.UserID
	conn     *websocket.Conn
	queue    *queue
	gone     context.CancelCauseFunc

	read int64 // the log is read up to here, while catching up

	// The hub's lock guards these once the client has joined.
	scope rbac.Scope
	last  int64 // the number sent last

	mu      sync.Mutex
	viewing inbox.ConversationID
}

// ServeHTTP opens a socket: GET ?after=NUMBER.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	identity := auth.From(r.Context())
	if !identity.SignedIn() {
		h.refuse(w, r, inbox.Errorf(inbox.Unauthenticated, "sign in first"), http.StatusUnauthorized)
		return
	}
	after := int64(-1)
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			h.refuse(w, r, inbox.InvalidField("query.after", "this is not a number of the log"), http.StatusUnprocessableEntity)
			return
		}
	}
	if h.Stats().Clients >= maxClients {
		h.refuse(w, r, inbox.Errorf(inbox.Unavailable, "too many screens are open on this server"), http.StatusServiceUnavailable)
		return
	}
	upgrader := websocket.Upgrader{ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer, WriteBufferPool: &buffers, CheckOrigin: h.Auth.SameOrigin}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	ctx, gone := context.WithCancelCause(r.Context())
	c := &client{hub: h, identity: identity, user: identity.Actor.User, conn: conn, queue: newQueue(), gone: gone}
	c.live(ctx, after)
}

// buffers are lent to sockets while they write.
var buffers sync.Pool

func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, err error, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h.Problem(r.Context(), err)) // a client that left is not our error
}

// live serves a socket until it ends.
func (c *client) live(ctx context.Context, after int64) {
	var writer sync.WaitGroup
	writer.Go(func() {
		c.write(ctx, after)
		_ = c.conn.Close() // ends the reader; the other side may be gone already
	})
	c.listen(ctx)
	c.gone(errGone)
	c.hub.leave(c)
	c.view(0)
	writer.Wait()
}

var errGone = errors.New("the client left")

// closing is why the server ends a socket, and the code the client is told.
type closing struct {
	code   int
	reason string
}

func (c closing) Error() string { return c.reason }

// end closes a socket from any goroutine, without waiting.
func (c *client) end(code int, reason string) { c.gone(closing{code, reason}) }

// write is the only goroutine that writes: first what was missed, then what the hub hands over.
func (c *client) write(ctx context.Context, after int64) {
	if err := c.catchUp(ctx, after); err != nil {
		c.close(ctx, err)
		return
	}
	var taken []queued
	for {
		select {
		case <-ctx.Done():
			c.close(ctx, nil)
			return
		case <-c.queue.ready:
		}
		taken = c.queue.take(taken)
		for _, q := range taken {
			if q.ping {
				_ = c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.hub.Patience)) // the frame after it fails too
			}
			if c.put(q.data) != nil {
				return
			}
			if ctx.Err() != nil {
				break
			}
		}
		clear(taken)
	}
}

func (c *client) put(data []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.hub.Patience)); err != nil {
		return err
	}
	err := c.conn.WriteMessage(websocket.TextMessage, data)
	var late net.Error // the websocket library hides os.ErrDeadlineExceeded
	if errors.As(err, &late) && late.Timeout() {
		c.hub.cut.Add(1)
	}
	return err
}

// close tells the client why, if there is something to tell.
func (c *client) close(ctx context.Context, err error) {
	why := closing{websocket.CloseInternalServerErr, "something went wrong on the server"}
	if err == nil {
		err = context.Cause(ctx)
	}
	if !errors.As(err, &why) {
		if ctx.Err() != nil { // it left by itself
			return
		}
		c.hub.Log.Error("a socket could not be served", "error", err)
	}
	_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(why.code, why.reason), time.Now().Add(time.Second))
}

// recheck closes the socket if its session is over.
func (c *client) recheck(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recheckWithin)
	defer cancel()
	if _, err := c.hub.Auth.Recheck(ctx, c.identity); inbox.CodeOf(err) == inbox.Unauthenticated {
		c.hub.leave(c)
		c.end(closeEnded, "the session is over")
	}
}

// message is what clients send; the act's own fields are read by whoever does it.
type message struct {
	Op           string `json:"op"`
	ID           string `json:"id"`
	Conversation string `json:"conversation"`
}

// listen reads until the client leaves or is silent for too long.
func (c *client) listen(ctx context.Context) {
	c.conn.SetReadLimit(maxFrame)
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(silence)) }
	c.conn.SetPongHandler(alive)
	for {
		if alive("") != nil {
			return
		}
		_, data, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		c.serve(ctx, data)
	}
}

// serve does what one frame of a client asks for. One that is not understood is answered, not
// punished.
func (c *client) serve(ctx context.Context, data []byte) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		c.answer(ctx, idOf(data), nil, &inbox.Error{Code: inbox.Invalid, Field: "body", Msg: "this frame is not understood", Err: err})
		return
	}
	identity, err := c.hub.Auth.Recheck(ctx, c.identity)
	if err != nil {
		if inbox.CodeOf(err) == inbox.Unauthenticated {
			c.end(closeEnded, "the session is over")
			return
		}
		c.answer(ctx, m.ID, nil, err)
		return
	}
	switch m.Op {
	case "viewing", "typing":
		if err := c.present(ctx, m); err != nil {
			c.answer(ctx, m.ID, nil, err)
		}
	default:
		result, err := c.hub.Act(ctx, identity, m.Op, data)
		c.answer(ctx, m.ID, result, err)
	}
}

// idOf is the id of a message of which the rest is not understood.
func idOf(data []byte) string {
	var m struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(data, &m) != nil {
		return ""
	}
	return m.ID
}

type ack struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Result any    `json:"result"`
}

type refusal struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Problem any    `json:"problem"`
}

// answer tells a client what became of an act.
func (c *client) answer(ctx context.Context, id string, result any, err error) {
	var v any = ack{"ack", id, result}
	if err != nil {
		v = refusal{"error", id, c.hub.Problem(ctx, err)}
	}
	data, err := json.Marshal(v)
	if err != nil {
		c.hub.Log.Error("an answer does not marshal", "error", err)
		return
	}
	if !c.queue.push(queued{data: data}) { // it asks for more than it reads
		c.hub.cut.Add(1)
		c.end(closeSlow, "too slow")
	}
}
