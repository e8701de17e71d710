package email

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// wire is a connection under watch: while a command runs, it closes itself when nothing arrives for
// too long, when more arrives than the command may bring, or when the context ends. The libraries
// above have neither contexts nor bounds of their own.
type wire struct {
	net.Conn
	stall time.Duration
	left  atomic.Int64 // bytes that may still arrive
	read  atomic.Bool  // anything arrived at all

	mu    sync.Mutex
	timer *time.Timer // nil: no command runs
	cause error       // why it was closed by us
}

var (
	errStalled = errors.New("nothing arrived for too long")
	errFlood   = errors.New("more arrived than was asked for")
	errBarren  = errors.New("not one of several mails could be fetched")
)

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		w.read.Store(true)
		if w.left.Add(int64(-n)) < 0 {
			w.cut(errFlood)
			return 0, errFlood
		}
		w.mu.Lock()
		if w.timer != nil {
			w.timer.Reset(w.stall)
		}
		w.mu.Unlock()
	}
	return n, err
}

// Write counts as progress too: a large mail going out slowly is not a stall.
func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.mu.Lock()
	if w.timer != nil && n > 0 {
		w.timer.Reset(w.stall)
	}
	w.mu.Unlock()
	return n, err
}

// cut closes the connection for a reason of ours.
func (w *wire) cut(why error) {
	w.mu.Lock()
	if w.cause == nil {
		w.cause = why
	}
	w.mu.Unlock()
	_ = w.Conn.Close() // the reason is what counts; reads and writes fail from here on
}

// during runs a command that may bring at most budget bytes. Its error is ctx's if ctx ended it, and
// says so if the watch did.
func (w *wire) during(ctx context.Context, budget int64, command func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.left.Store(budget)
	w.mu.Lock()
	w.timer = time.AfterFunc(w.stall, func() { w.cut(errStalled) })
	w.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { w.cut(ctx.Err()) })
	err := command()
	stop()
	w.mu.Lock()
	w.timer.Stop()
	w.timer = nil
	cause := w.cause
	w.mu.Unlock()
	if err != nil && cause != nil {
		return errors.Join(cause, err)
	}
	return err
}

// connect dials under a time limit.
func (a *Adapter) connect(ctx context.Context, at *server) (*wire, error) {
	ctx, done := context.WithTimeout(ctx, dialTimeout)
	defer done()
	conn, err := a.dial(ctx, "tcp", net.JoinHostPort(at.Host, strconv.Itoa(at.Port)))
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, stall: a.stall}, nil
}

// limited reads everything up to limit bytes; one more is an error.
func limited(r io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(raw)) > limit {
		return nil, errFlood
	}
	return raw, err
}
