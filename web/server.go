// Package web serves everything over HTTP: the JSON interface, the websocket, the embedded screen,
// health and metrics, on one mux with one order of guards.
package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/auth"
	"github.com/deskbell/deskbell/web/live"
	"github.com/deskbell/deskbell/web/ui"
)

// Options are the parts that are served.
type Options struct {
	Auth   *auth.Service
	API    api.Options
	Live   live.Options // Act and Problem are filled in here
	Screen http.Handler
	// Ready tells whether the program can do its work.
	Ready func(ctx context.Context) error
	// Collectors are figures of other parts, shown beside the server's own.
	Collectors []prometheus.Collector
	Log        *slog.Logger
}

// Server is the handler of everything the program serves.
type Server struct {
	handler http.Handler
	hub     *live.Hub
	metrics http.Handler
	figures *figures
	log     *slog.Logger
}

// readyWithin bounds the question whether the program can do its work.
const readyWithin = 5 * time.Second

// New puts the parts together. It panics if an operation is declared without its permission.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: o.Log}
	mux := http.NewServeMux()
	operations := api.New(mux, o.API)
	o.Live.Act, o.Live.Problem = act(operations), operations.Problem
	s.hub = live.New(o.Live)
	mux.Handle("GET "+api.Prefix+"/live", s.hub)

	registry := prometheus.NewRegistry()
	var err error
	if s.figures, err = newFigures(registry, s.hub); err != nil {
		return nil, err
	}
	for _, c := range o.Collectors {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	s.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	outer := http.NewServeMux()
	outer.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "alive") })
	outer.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.ready(w, r, o.Ready) })
	outer.Handle("/api/", o.Auth.Middleware(noted(mux)))
	outer.Handle("/", o.Screen)
	s.handler = s.observe(outer)
	return s, nil
}

// ServeHTTP serves people and programs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Live follows the event log for the open sockets until ctx ends.
func (s *Server) Live(ctx context.Context) error { return s.hub.Run(ctx) }

// Metrics is what Prometheus reads; it belongs on a listener of its own.
func (s *Server) Metrics() http.Handler { return s.metrics }

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a client that left is not our error
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request, ready func(context.Context) error) {
	ctx, done := context.WithTimeout(r.Context(), readyWithin)
	defer done()
	if err := ready(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		plain(w, http.StatusServiceUnavailable, "not ready: see the log")
		return
	}
	plain(w, http.StatusOK, "ready")
}

// note is what the inner handlers tell the outer one about a request.
type note struct{ operation, user string }

type noteKey struct{}

// noted fills in the note once the operation is known. The address itself is never logged: it may
// hold the token of a link.
func noted(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		defer func() {
			if n, ok := r.Context().Value(noteKey{}).(*note); ok {
				n.operation = r.Pattern
				if id := auth.From(r.Context()); id.SignedIn() {
					n.user = id.Actor.User.String()
				}
			}
		}()
		mux.ServeHTTP(w, r)
	})
}

// observe sets what every answer carries, measures and logs, and turns a panic into an answer.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ui.SecurityHeaders(w.Header())
		answered := &answer{ResponseWriter: w}
		n := &note{operation: "other"}
		defer func() {
			if cause := recover(); cause != nil {
				s.recovered(answered, cause)
			}
			s.note(r, answered, n, time.Since(began))
		}()
		next.ServeHTTP(answered, r.WithContext(context.WithValue(r.Context(), noteKey{}, n)))
	})
}

// recovered answers for a handler that panicked, without a trace to the outside.
func (s *Server) recovered(w *answer, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	request := rand.Text()
	s.log.Error("a request broke its handler", "request", request, "error", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler) // half an answer is out: cut it off
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": http.StatusInternalServerError, "title": http.StatusText(http.StatusInternalServerError),
		"code": "internal", "detail": "something went wrong on the server", "request": request}) // a client that left is not our error
}

// note measures and logs an answer.
func (s *Server) note(r *http.Request, w *answer, n *note, took time.Duration) {
	if w.hijacked { // the life of a socket is no time to answer
		return
	}
	s.figures.seconds.WithLabelValues(n.operation, strconv.Itoa(w.status)).Observe(took.Seconds())
	level := slog.LevelDebug
	if w.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	s.log.Log(r.Context(), level, "request", "operation", n.operation, "method", r.Method, "status", w.status, "user", n.user, "bytes", w.bytes, "took", took)
}
