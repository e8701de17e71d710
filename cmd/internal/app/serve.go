package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// stopWithin is how long a stop may take before requests under way are cut off.
const stopWithin = 10 * time.Second

// Serve runs the product until ctx ends. What a person must know goes to out, the log to standard
// error.
func Serve(ctx context.Context, c Config, out io.Writer) (err error) {
	if err := c.Check(); err != nil {
		return err
	}
	raiseFileLimit()
	release, err := LockData(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	public, err := c.Public(listener.Addr())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	a, err := New(ctx, c, public, Far{}, NewLogger(c, os.Stderr))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.Stop(), listener.Close())
	}
	if err := a.greet(ctx, out); err != nil {
		return errors.Join(err, a.Stop(), listener.Close())
	}
	return errors.Join(a.Listen(ctx, listener), a.Stop())
}

// Listen serves on a listener, and metrics on theirs, until ctx ends.
func (a *App) Listen(ctx context.Context, listener net.Listener) error {
	main := newServer(a.Handler(), a.log)
	failed := make(chan error, 2)
	go func() { failed <- main.Serve(listener) }()
	var metrics *http.Server
	if a.config.Metrics != "" {
		metrics = newServer(a.web.Metrics(), a.log)
		metrics.Addr = a.config.Metrics
		go func() { failed <- metrics.ListenAndServe() }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	a.stop() // sockets first: they are requests that never end by themselves
	ending, done := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer done()
	if metrics != nil {
		err = errors.Join(err, metrics.Close())
	}
	if shut := main.Shutdown(ending); shut != nil {
		err = errors.Join(err, main.Close())
	}
	return err
}

func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

// greet says where the program is and, while nobody has an account, how the first owner gets one.
func (a *App) greet(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "Deskbell is at %s\n", a.public)
	code, needed, err := a.Auth.EnsureSetupCode(ctx)
	if err != nil {
		return err
	}
	if needed {
		fmt.Fprintf(out, "Create the owner there with this one-time code: %s\n", code)
	}
	return nil
}

// NewLogger logs as the settings say.
func NewLogger(c Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// raiseFileLimit lets as many sockets be open as the system allows.
func raiseFileLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) // the old limit serves too
	}
}
