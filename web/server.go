// Package web serves everything over HTTP: the JSON interface, the websocket, the embedded screen,
// health and metrics, on one mux with one order of guards.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
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
	Log   *slog.Logger
}

// Server is the handler of everything the program serves.
type Server struct {
	handler http.Handler
	hub     *live.Hub
	metrics http.Handler
	log     *slog.Logger
}

// New puts the parts together. It panics if an operation is declared without its permission.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	registry := prometheus.NewRegistry()
	requests, err := newRequestMetrics(registry)
	if err != nil {
		return nil, err
	}
	s := &Server{log: o.Log, metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}
	mux := http.NewServeMux()
	operations := api.New(mux, o.API)
	o.Live.Act, o.Live.Problem = act(operations), operations.Problem
	s.hub = live.New(o.Live)
	mux.Handle("GET "+api.Prefix+"/live", s.hub)
	guarded := o.Auth.Middleware(mux)

	outer := http.NewServeMux()
	outer.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive") })
	outer.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { s.ready(w, r, o.Ready) })
	outer.Handle("/api/", guarded)
	outer.Handle("/", o.Screen)
	s.handler = s.log500(requests.count(secure(outer)))
	return s, nil
}

// ServeHTTP serves people and programs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Live follows the event log for the open sockets until ctx ends.
func (s *Server) Live(ctx context.Context) error { return s.hub.Run(ctx) }

// Metrics is what Prometheus reads; it belongs on a listener of its own.
func (s *Server) Metrics() http.Handler { return s.metrics }

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request, ready func(context.Context) error) {
	ctx, done := context.WithTimeout(r.Context(), 5*time.Second)
	defer done()
	if err := ready(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		answer(w, http.StatusServiceUnavailable, "not ready: see the log")
		return
	}
	answer(w, http.StatusOK, "ready")
}

// secure puts the security headers on every answer; handlers with a policy of their own replace it.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ui.SecurityHeaders(w.Header())
		next.ServeHTTP(w, r)
	})
}

// log500 turns a panic into a 500 without a trace to the outside.
func (s *Server) log500(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			s.log.Error("a request broke its handler", "method", r.Method, "path", r.URL.Path, "error", cause, "stack", string(debug.Stack()))
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"status":500,"title":"Internal Server Error","code":"internal","detail":"The server failed on this request; the log says how."}`))
		}()
		next.ServeHTTP(w, r)
	})
}

// requestMetrics count requests by method and outcome; paths hold ids and would be unbounded.
type requestMetrics struct{ seconds *prometheus.HistogramVec }

func newRequestMetrics(registry *prometheus.Registry) (*requestMetrics, error) {
	m := &requestMetrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "deskbell_web_request_seconds",
		Help: "Time to answer a request.", Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"code", "method"})}
	return m, errors.Join(registry.Register(m.seconds), registry.Register(collectors.NewGoCollector()),
		registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})))
}

// count measures every answer but the sockets, which last for hours.
func (m *requestMetrics) count(next http.Handler) http.Handler {
	counted := promhttp.InstrumentHandlerDuration(m.seconds, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.Prefix+"/live" {
			next.ServeHTTP(w, r)
			return
		}
		counted.ServeHTTP(w, r)
	})
}
