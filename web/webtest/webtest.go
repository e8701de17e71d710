// Package webtest gives tests a whole server on a listener of its own, with people who are signed in.
package webtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/rest/outbound"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/bus"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/ledger"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/seal"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing"
	"github.com/deskbell/deskbell/web"
	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/auth"
	"github.com/deskbell/deskbell/web/live"
	"github.com/deskbell/deskbell/web/pictures"
	"github.com/deskbell/deskbell/web/ui"
)

// Server is a running server with the world behind it.
type Server struct {
	*storetest.World
	Web    *web.Server
	People *auth.Service
	Rights *rbac.Enforcer
	Ingest *ingest.Service
	Blobs  blob.Store
	Ring   *seal.Ring
	URL    string // without a slash at the end

	t      testing.TB
	mu     sync.Mutex
	tokens map[rbac.UserID]string
}

// noPost is a far side that takes nothing: replies wait for it.
type noPost struct{}

func (noPost) Send(context.Context, inbox.ConnectionID, inbox.Outgoing) (string, error) {
	return "", inbox.Errorf(inbox.Unavailable, "there is no post in this test")
}

func (noPost) Find(context.Context, inbox.ConnectionID, inbox.Outgoing) (string, error) {
	return "", inbox.Errorf(inbox.UncertainOf, "there is no post in this test")
}

// New starts a server over a store with a number of shops. Jobs do not run. kinds may be nil.
func New(t testing.TB, s *store.Store, shops int, kinds channels.Registry) *Server {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	must(jobs.Migrate(t.Context(), s))
	rights, err := rbac.NewEnforcer(t.Context(), s)
	must(err)
	listener := httptest.NewUnstartedServer(nil)
	address := "http://" + listener.Listener.Addr().String()
	people, err := auth.New(auth.Options{Store: s, Rights: rights, PublicURL: address})
	must(err)
	blobs, err := blob.NewDisk(filepath.Join(t.TempDir(), "blobs"))
	must(err)
	ring, _, err := seal.LoadOrCreate(filepath.Join(t.TempDir(), "key"), "")
	must(err)
	work, err := jobs.New(s, jobs.Options{Node: "test"})
	must(err)
	screen, err := ui.New(ui.Files())
	must(err)
	wake := bus.NewLocal()
	s.OnCommit(wake.Announce)
	references := reference.New()
	taken := ingest.New(ingest.Options{Store: s, Blobs: blobs, References: references})
	server, err := web.New(web.Options{Auth: people, Ready: s.Ping, Log: log,
		API: api.Options{Store: s, Rights: rights, People: people, Routing: routing.New(routing.Options{Store: s, Rights: rights}),
			Outbox: outbox.New(outbox.Options{Store: s, Jobs: work, Blobs: blobs, Sender: noPost{}, References: references}), Blobs: blobs, Seal: ring, Kinds: kinds,
			Ledger:   ledger.New(ledger.Options{Store: s, Jobs: work, Blobs: blobs, Ingest: taken, Rights: rights, Reread: reread(s, kinds)}),
			Pictures: pictures.New(&outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}), Version: "test"},
		Live: live.Options{Store: s, Rights: rights, Auth: people, Bus: wake, Log: log, Version: "test", Look: time.Hour, Patience: time.Second}, Screen: screen,
	})
	must(err)
	listener.Config.Handler = server
	life, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Live(life) // it ends with life
	}()
	listener.Start()
	t.Cleanup(func() {
		stop()
		<-ended
		listener.Close()
		must(wake.Close())
	})
	return &Server{World: storetest.NewWorld(t, s, shops), Web: server, People: people, Rights: rights, Ingest: taken, Blobs: blobs, Ring: ring,
		URL: address, t: t, tokens: map[rbac.UserID]string{}}
}

// reread reads an item again by its kind, from its bytes alone.
func reread(s *store.Store, kinds channels.Registry) func(context.Context, inbox.LedgerEntry, []byte) (inbox.Incoming, error) {
	return func(ctx context.Context, e inbox.LedgerEntry, raw []byte) (inbox.Incoming, error) {
		c, err := s.Connection(ctx, e.Connection)
		if err != nil {
			return inbox.Incoming{}, err
		}
		settings, err := json.Marshal(c.Settings)
		if err != nil {
			return inbox.Incoming{}, err
		}
		adapter, err := kinds[c.Kind].Open(channels.Config{Connection: c.ID, Settings: settings})
		if err != nil {
			return inbox.Incoming{}, err
		}
		defer adapter.Close()
		return adapter.(channels.Rereader).Reread(ctx, e.SourceKey, e.ReceivedAt, raw)
	}
}

// Token is a bearer token of a user.
func (s *Server) Token(user rbac.UserID) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[user] == "" {
		_, token, err := s.People.CreateToken(s.t.Context(), auth.System(), user, "test", time.Time{})
		if err != nil {
			s.t.Fatal(err)
		}
		s.tokens[user] = token
	}
	return s.tokens[user]
}

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	t      testing.TB
}

// Into reads the body as JSON.
func (a Answer) Into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
}

// Map is the body as JSON.
func (a Answer) Map() map[string]any {
	a.t.Helper()
	var m map[string]any
	a.Into(&m)
	return m
}

// IDs are the ids of the items of a list.
func (a Answer) IDs() []string {
	a.t.Helper()
	var list struct{ Items []struct{ ID string } }
	a.Into(&list)
	ids := make([]string, len(list.Items))
	for i, item := range list.Items {
		ids[i] = item.ID
	}
	return ids
}

// Do sends a request of a user, 0 for nobody, to the JSON interface. body is JSON as text, a reader with
// its content type in header, something to be made JSON, or nil; header is names and values in turn.
func (s *Server) Do(user rbac.UserID, method, path string, body any, header ...string) Answer {
	s.t.Helper()
	return s.Raw(user, method, api.Prefix+path, body, header...)
}

// Raw is Do for a path anywhere on the server.
func (s *Server) Raw(user rbac.UserID, method, path string, body any, header ...string) Answer {
	s.t.Helper()
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(body)
	case io.Reader:
		content = body
	default:
		text, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, content)
	if err != nil {
		s.t.Fatal(err)
	}
	if content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if user != 0 {
		r.Header.Set("Authorization", "Bearer "+s.Token(user))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return Answer{w.StatusCode, w.Header, text, s.t}
}

// Want sends a request that must be answered with a status.
func (s *Server) Want(status int, user rbac.UserID, method, path string, body any, header ...string) Answer {
	s.t.Helper()
	a := s.Do(user, method, path, body, header...)
	if a.Status != status {
		s.t.Errorf("%s %s by user %s: %d %s, want %d", method, path, user, a.Status, a.Body, status)
	}
	return a
}

// Socket is a websocket as a browser has it.
type Socket struct {
	*websocket.Conn
	t testing.TB
}

// patience is how long a test waits for a frame.
const patience = 10 * time.Second

// Open opens a websocket of a user; after is "" or a number. It has read the greeting.
func (s *Server) Open(user rbac.UserID, after string) (*Socket, map[string]any) {
	s.t.Helper()
	address := "ws" + strings.TrimPrefix(s.URL, "http") + api.Prefix + "/live"
	if after != "" {
		address += "?after=" + after
	}
	conn, answer, err := websocket.DefaultDialer.DialContext(s.t.Context(), address, http.Header{"Authorization": {"Bearer " + s.Token(user)}})
	if err != nil {
		s.t.Fatalf("open a socket: %v %v", err, answer)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	socket := &Socket{conn, s.t}
	return socket, socket.Next()
}

// Next is the next frame.
func (k *Socket) Next() map[string]any {
	k.t.Helper()
	if err := k.SetReadDeadline(time.Now().Add(patience)); err != nil {
		k.t.Fatal(err)
	}
	_, data, err := k.ReadMessage()
	if err != nil {
		k.t.Fatalf("next frame: %v", err)
	}
	var frame map[string]any
	if err := json.Unmarshal(data, &frame); err != nil {
		k.t.Fatalf("frame %s: %v", data, err)
	}
	return frame
}

// Kind is the next frame of a kind; others before it are dropped.
func (k *Socket) Kind(kind string) map[string]any {
	k.t.Helper()
	for {
		if frame := k.Next(); frame["kind"] == kind {
			return frame
		}
	}
}

// Send sends a frame, JSON as text.
func (k *Socket) Send(format string, args ...any) {
	k.t.Helper()
	if err := k.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...)); err != nil {
		k.t.Fatal(err)
	}
}
