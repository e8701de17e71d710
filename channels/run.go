package channels

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

const (
	backOffFirst  = 500 * time.Millisecond
	backOffMost   = 5 * time.Minute
	sinkMost      = 10 * time.Second // our own store: try again soon, work resumes by itself
	expiredWait   = 5 * time.Minute  // refused logins: asking faster gets accounts locked
	checkedEvery  = 30 * time.Second
	stallAfter    = 15 * time.Minute // a pull that neither brings a page nor returns
	watchedWell   = time.Minute      // a watch that lived this long starts again at once
	leaseRetry    = 10 * time.Second
	finishWithin  = 12 * time.Second // replies under way when a connection is closed
	degradedAfter = 2                // failures in a row; one alone is not worth a signal
)

// run is one connection at work. Its goroutine owns everything but the fields under mu.
type run struct {
	runner *Runner
	id     inbox.ConnectionID
	cancel context.CancelFunc
	log    *slog.Logger

	wake    chan struct{} // look now
	stirred chan struct{} // the source says that there is something
	reload  chan struct{}

	settle  sync.Once
	settled chan struct{} // closed once it is known whether this node holds the connection

	mu      sync.Mutex
	adapter Adapter // nil while there is none to use
	hold    Hold
	holding bool
	until   time.Time // when the hold ends unless renewed
	refused error     // why adapter is nil
	sending int       // replies under way
	sent    chan struct{}

	lose     func() // gives up the hold, because the store says that another node has it
	cursor   string
	reported Health
	alone    bool            // the next page is taken one by one
	suspects map[string]bool // source keys that failed while their neighbours were stored
}

func newRun(r *Runner, id inbox.ConnectionID, cancel context.CancelFunc) *run {
	return &run{
		runner: r, id: id, cancel: cancel,
		log:      r.options.Log.With("connection", id.String()),
		wake:     make(chan struct{}, 1),
		stirred:  make(chan struct{}, 1),
		reload:   make(chan struct{}, 1),
		settled:  make(chan struct{}),
		sent:     make(chan struct{}, 1),
		suspects: map[string]bool{},
	}
}

// live acquires the connection and works for it, again and again until ctx ends.
func (c *run) live(ctx context.Context) {
	defer c.offer(nil, ctx.Err)
	for ctx.Err() == nil {
		asked := time.Now() // the lease is counted from before the question
		fence, lasts, held, err := c.runner.options.Leases.Acquire(ctx, c.id)
		if err != nil || !held {
			c.offer(nil, func() error { return err })
			if err != nil && ctx.Err() == nil {
				c.log.Error("lease cannot be acquired", "error", err)
			}
			c.rest(ctx, jitter(leaseRetry))
			continue
		}
		c.held(ctx, Hold{Connection: c.id, Fence: fence}, asked.Add(lasts))
	}
}

// held works while the hold lasts. Everything under its context ends at once when it is lost.
func (c *run) held(ctx context.Context, hold Hold, until time.Time) {
	under, end := context.WithCancel(ctx)
	c.grip(hold, until)
	c.lose = func() {
		c.letGo()
		end()
	}
	// The hold is kept while replies under way are finished, also when the program stops.
	keeping, enough := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() { c.keep(keeping, hold, until) })
	for under.Err() == nil {
		c.open(under)
	}
	enough()
	keeper.Wait()
	c.lose()
	c.offer(nil, func() error { return context.Cause(under) })
	last, done := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer done()
	if err := c.runner.options.Leases.Release(last, hold); err != nil {
		c.log.Warn("lease is left to run out", "error", err)
	}
}

// keep renews the hold each third of its time until ctx ends, and lets go of it when another node
// may have it. The end is counted on the monotonic clock, so a paused program finds it passed.
func (c *run) keep(ctx context.Context, hold Hold, until time.Time) {
	for {
		c.extend(until)
		left := time.Until(until)
		if left <= 0 {
			c.log.Warn("lease lost: it ran out")
			c.lose()
			return
		}
		if !sleep(ctx, min(max(left/3, 10*time.Millisecond), left)) {
			return
		}
		asked := time.Now()
		within, done := context.WithDeadline(ctx, until)
		lasts, err := c.runner.options.Leases.Renew(within, hold)
		done()
		switch {
		case err == nil:
			until = asked.Add(lasts)
		case ctx.Err() != nil:
			return
		case inbox.CodeOf(err) == inbox.Conflict:
			c.log.Warn("lease lost to another node")
			c.lose()
			return
		default:
			c.log.Warn("lease cannot be renewed", "error", err)
		}
	}
}

// grip, extend and letGo keep what Runner.Holds tells.
func (c *run) grip(hold Hold, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold, c.until, c.holding = hold, until, true
}

func (c *run) extend(until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = until
}

func (c *run) letGo() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = false
}

// open opens the adapter and works with it until ctx ends or a reload is asked for.
func (c *run) open(ctx context.Context) {
	stored, adapter, err := c.make(ctx)
	c.offer(adapter, func() error { return err })
	if err != nil {
		c.failed(ctx, err, degradedAfter)
		c.rest(ctx, jitter(leaseRetry))
		return
	}
	c.cursor = stored.Cursor
	c.reported = Health{} // people may have written another state since: it is told afresh
	poll := stored.Poll
	if poll == 0 {
		poll = c.runner.options.Poll
	}
	c.work(ctx, adapter, poll)
	c.offer(nil, func() error { return errors.New("the connection is being opened afresh") })
	c.letFinish()
	if err := adapter.Close(); err != nil {
		c.log.Debug("adapter closed", "error", err)
	}
}

// borrow returns the adapter for one reply; giveBack is to be called after it.
func (c *run) borrow(ctx context.Context) (a Adapter, hold Hold, giveBack func(), err error) {
	select {
	case <-c.settled:
	case <-ctx.Done():
		return nil, Hold{}, nil, notHere(c.id, ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.adapter == nil {
		return nil, Hold{}, nil, notHere(c.id, c.refused)
	}
	c.sending++
	return c.adapter, c.hold, c.giveBack, nil
}

func (c *run) giveBack() {
	c.mu.Lock()
	c.sending--
	c.mu.Unlock()
	signal(c.sent)
}

// letFinish waits for replies under way, so that closing the adapter does not leave them uncertain,
// but not for ever: a stopping program has little time.
func (c *run) letFinish() {
	limit := time.NewTimer(finishWithin)
	defer limit.Stop()
	for {
		c.mu.Lock()
		sending := c.sending
		c.mu.Unlock()
		if sending == 0 {
			return
		}
		select {
		case <-c.sent:
		case <-limit.C:
			c.log.Warn("replies under way are cut off", "replies", sending)
			return
		}
	}
}

// offer tells callers of Runner.Adapter what there is.
func (c *run) offer(a Adapter, why func() error) {
	c.mu.Lock()
	c.adapter, c.refused = a, nil
	if a == nil {
		c.refused = why()
	}
	c.mu.Unlock()
	c.settle.Do(func() { close(c.settled) })
}

func (c *run) make(ctx context.Context) (Stored, Adapter, error) {
	o := c.runner.options
	stored, err := o.Directory.Load(ctx, c.id)
	if err != nil {
		return Stored{}, nil, errSink{fmt.Errorf("load connection %s: %w", c.id, err)}
	}
	kind, ok := o.Registry[stored.Kind]
	if !ok {
		return Stored{}, nil, &inbox.Error{Code: inbox.Invalid, Msg: "this program does not know this kind of connection",
			Reason: &inbox.Reason{Code: "connection_kind_unknown", Params: map[string]any{"kind": stored.Kind}}}
	}
	cfg := stored.Config
	cfg.Connection = c.id
	cfg.Now, cfg.Roots, cfg.Memory, cfg.Log = o.Now, o.Roots, c.runner.memory, c.log
	if cfg.Dial == nil {
		cfg.Dial = o.Dial
	}
	adapter, err := kind.Open(cfg)
	if err != nil {
		return Stored{}, nil, err
	}
	return stored, adapter, nil
}

// work pulls when the source stirs, when somebody asks and at each interval, and waits longer and
// longer while pulling fails. A watch runs only while pulling succeeds.
func (c *run) work(ctx context.Context, adapter Adapter, poll time.Duration) {
	under, end := context.WithCancel(ctx)
	watch := newWatch(adapter, c.stirred)
	defer watch.wait()
	defer end()
	failures := 0
	for {
		err := c.pull(under, adapter, func() { watch.begin(under) })
		if ours(err) && inbox.CodeOf(err) == inbox.Conflict {
			c.lose()
		}
		if ctx.Err() != nil {
			return
		}
		wait := jitter(poll)
		stirred := c.stirred
		var notBefore time.Time
		if err == nil {
			failures = 0
			c.well(ctx)
			watch.begin(under)
		} else {
			failures++
			c.failed(ctx, err, failures)
			wait, notBefore = c.backOff(err, failures, poll)
			stirred = nil // a source that stirs and cannot be pulled must not hurry us
		}
		if !c.await(under, wait, notBefore, stirred, watch.ended) {
			return
		}
	}
}

// await returns true when it is time to pull and false when to stop.
func (c *run) await(ctx context.Context, wait time.Duration, notBefore time.Time, stirred, watchEnded <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	wake := c.wake
	if c.runner.options.Now().Before(notBefore) {
		wake = nil // the far side named a time; nobody here may come earlier
	}
	select {
	case <-ctx.Done():
		return false
	case <-c.reload:
		return false
	case <-timer.C:
	case <-wake:
	case <-stirred:
	case <-watchEnded:
	}
	return true
}

// pull pulls once, with a guard against an adapter that hangs. began is called once a page is stored:
// a long pull is watched over, too.
func (c *run) pull(ctx context.Context, adapter Adapter, began func()) error {
	under, end := context.WithCancelCause(ctx)
	defer end(nil)
	guard := time.AfterFunc(stallAfter, func() {
		end(&inbox.Error{Code: inbox.Unavailable, Msg: "the far side stopped answering", Reason: &inbox.Reason{Code: "connection_stalled"}})
	})
	defer guard.Stop()
	err := adapter.Pull(under, c.cursor, func(p Page) error {
		guard.Reset(stallAfter)
		if err := c.store(under, p); err != nil {
			return errSink{err}
		}
		c.cursor = p.Cursor
		c.alone = false
		clear(c.suspects)
		c.well(ctx)
		began()
		return nil
	})
	if err != nil && ctx.Err() == nil && under.Err() != nil {
		return context.Cause(under)
	}
	return err
}

// well reports that the source was reached, failed a failure; both only when it is news.
func (c *run) well(ctx context.Context) {
	c.report(ctx, Health{State: inbox.ConnectionConnected, CheckedAt: c.runner.options.Now()})
}

func (c *run) failed(ctx context.Context, err error, failures int) {
	c.log.Warn("connection failed", "failures", failures, "error", err)
	if ours(err) {
		return
	}
	h := Health{State: inbox.ConnectionDegraded, Problem: reason(err)}
	switch inbox.CodeOf(err) {
	case inbox.Expired:
		h.State = inbox.ConnectionExpired
	case inbox.Invalid, inbox.Denied, inbox.NotFound:
	default:
		if failures < degradedAfter {
			return
		}
	}
	c.report(ctx, h)
}

func (c *run) report(ctx context.Context, h Health) {
	was := c.reported
	same := h.State == was.State && sameReason(h.Problem, was.Problem)
	if same && h.CheckedAt.Sub(was.CheckedAt) < checkedEvery {
		return
	}
	if err := c.runner.options.Directory.Report(ctx, c.hold, h); err != nil {
		c.log.Error("state of the connection is not kept", "error", err)
		return
	}
	c.reported = h
}

func sameReason(a, b *inbox.Reason) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Code == b.Code)
}

func reason(err error) *inbox.Reason {
	if e, ok := errors.AsType[*inbox.Error](err); ok && e.Reason != nil {
		return e.Reason
	}
	return &inbox.Reason{Code: "connection_failed"}
}

// backOff says how long to wait after so many failures in a row, and before when nobody may ask.
func (c *run) backOff(err error, failures int, poll time.Duration) (time.Duration, time.Time) {
	if e, ok := errors.AsType[*inbox.Error](err); ok && e.Code == inbox.Limited {
		if left := e.RetryAt.Sub(c.runner.options.Now()); left > 0 {
			return left + rand.N(time.Second+left/10), e.RetryAt
		}
	}
	switch inbox.CodeOf(err) {
	case inbox.Expired:
		return jitter(expiredWait), time.Time{}
	case inbox.NotFound, inbox.Invalid, inbox.Denied:
		return jitter(max(poll, backOffFirst)), time.Time{} // part of the source may be fine: go on
	}
	most := backOffMost
	if ours(err) {
		most = sinkMost
	}
	return jitter(min(backOffFirst<<min(failures-1, 20), most)), time.Time{}
}

// jitter spreads a time over 80 to 120 %.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d*4/5 + rand.N(d*2/5+1)
}

// rest waits, but not longer than until a reload or ctx's end.
func (c *run) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-c.reload:
	case <-timer.C:
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// watch is the goroutine of a Watcher: at most one, begun again after each end.
type watch struct {
	watcher  Watcher // nil: this adapter cannot
	wake     chan struct{}
	ended    chan struct{} // one signal for each end
	group    sync.WaitGroup
	mu       sync.Mutex
	running  bool
	never    bool // there is nothing to watch
	failures int
	after    time.Time // not again before
}

func newWatch(a Adapter, wake chan struct{}) *watch {
	w, _ := a.(Watcher)
	return &watch{watcher: w, wake: wake, ended: make(chan struct{}, 1)}
}

// begin starts the watch unless it runs, cannot, or has just failed too often.
func (w *watch) begin(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watcher == nil || w.running || w.never || time.Now().Before(w.after) {
		return
	}
	w.running = true
	w.group.Go(func() {
		began := time.Now()
		err := w.watcher.Watch(ctx, func() { signal(w.wake) })
		w.mu.Lock()
		defer w.mu.Unlock()
		w.running = false
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			w.never = true
			return
		}
		if time.Since(began) >= watchedWell {
			w.failures = 0
		}
		w.after = time.Now().Add(jitter(min(backOffFirst<<min(w.failures, 20), backOffMost)))
		if w.failures++; w.failures == 1 {
			signal(w.ended) // what it broke on may have hidden something: look, then watch again
		}
	})
}

func (w *watch) wait() { w.group.Wait() }
