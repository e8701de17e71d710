package channels

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// Directory is where the runner learns which connections there are and tells how they fare.
type Directory interface {
	// Connections lists what should run now: not disabled, of a shop that is neither stopped nor
	// waiting to be set up.
	Connections(ctx context.Context) ([]inbox.ConnectionID, error)
	// Load returns one of them, its secret opened and its cursor as stored.
	Load(ctx context.Context, id inbox.ConnectionID) (Stored, error)
	// Report keeps what was seen of a connection.
	Report(ctx context.Context, hold Hold, h Health) error
}

// Stored is a connection as the database has it.
type Stored struct {
	Kind   string
	Config Config // Settings, Secret, LiveFrom, and Dial if it has its own; the runner fills in the rest
	Cursor string
	Poll   time.Duration // zero: the runner's own interval
}

// Health is what the runner saw of a connection.
type Health struct {
	State     inbox.ConnectionState
	Problem   *inbox.Reason // nil while all is well
	CheckedAt time.Time     // of the last successful look at the source; zero: unchanged
}

// Sink takes what adapters bring. A hold older than the newest for its connection is refused with
// code Conflict, and nothing of that call is stored.
type Sink interface {
	// Taking commits, before any byte is parsed, that these items are being read, and says what to
	// do with each. If one of several keys is found marked from before (the program died over it or
	// near it), nothing is marked and Alone is set: the caller comes again with one key at a time.
	// A single key that was marked before counts an attempt; from the third on its verdict is
	// SetAside.
	Taking(ctx context.Context, hold Hold, keys []Key) (Taking, error)
	// Release takes the marks back uncounted: the items were fine, storing them was not possible.
	Release(ctx context.Context, hold Hold, sourceKeys []string) error
	// Take stores the items and, if it is not "", the cursor, in one transaction.
	Take(ctx context.Context, hold Hold, items []inbox.Incoming, cursor string) error
}

// Taking is what to do with the items of a page, one verdict a key.
type Taking struct {
	Verdicts []Verdict
	Alone    bool // take the page one by one; Verdicts is empty
}

// Verdict is what to do with one item.
type Verdict int

// Fresh: parse and store it. Known: it is stored already. SetAside: store it as bytes, unparsed.
const (
	Fresh Verdict = iota
	Known
	SetAside
)

// Hold is the right to work for a connection. Fence rises with every holder; it is zero in a program
// that shares its database with nobody.
type Hold struct {
	Connection inbox.ConnectionID
	Fence      int64
}

// Leases deal connections out to nodes, one holder each.
type Leases interface {
	// Acquire takes the connection if nobody holds it. It returns held false if another node does,
	// else a higher fence than ever before and for how long the hold lasts unless renewed.
	Acquire(ctx context.Context, id inbox.ConnectionID) (fence int64, lasts time.Duration, held bool, err error)
	// Renew prolongs a hold. Code Conflict if it is lost.
	Renew(ctx context.Context, hold Hold) (lasts time.Duration, err error)
	// Release gives it up, so that another node need not wait for its end.
	Release(ctx context.Context, hold Hold) error
}

// Options are what a runner needs.
type Options struct {
	Registry  Registry
	Directory Directory
	Sink      Sink
	Leases    Leases        // nil: this program is alone and holds everything
	Poll      time.Duration // between looks at a source that does not call by itself; zero: 60 s
	Now       func() time.Time
	Log       *slog.Logger
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Roots     *x509.CertPool
	Memory    int64 // bytes of messages held at once by all adapters; zero: 192 MiB
}

// Runner keeps every connection of this node at work: it pulls pages and hands them to the sink,
// lets adapters watch where they can, and backs off where the far side fails. Each connection has
// its own goroutines, so a dead one delays nobody else.
type Runner struct {
	options Options
	memory  *Memory

	stop   context.CancelFunc // nil before Start
	group  sync.WaitGroup
	relist chan struct{}

	mu    sync.Mutex
	runs  map[inbox.ConnectionID]*run
	stale map[inbox.ConnectionID]bool // to be opened afresh
}

const (
	defaultPoll   = time.Minute
	defaultMemory = 192 << 20
	relistEvery   = 30 * time.Second
	releaseWithin = 5 * time.Second
)

// NewRunner makes a runner that does nothing before Start.
func NewRunner(o Options) *Runner {
	if o.Poll == 0 {
		o.Poll = defaultPoll
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.Leases == nil {
		o.Leases = alone{}
	}
	return &Runner{
		options: o,
		memory:  NewMemory(o.Memory),
		relist:  make(chan struct{}, 1),
		runs:    map[inbox.ConnectionID]*run{},
		stale:   map[inbox.ConnectionID]bool{},
	}
}

// Memory is the bound on what all adapters hold at once, for others who hold mail beside them.
func (r *Runner) Memory() *Memory { return r.memory }

// Start begins to work; it returns once the connections are listed. It works until Stop; ctx bounds
// the start alone.
func (r *Runner) Start(ctx context.Context) error {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	if err := r.list(ctx, life); err != nil {
		stop()
		return fmt.Errorf("list connections: %w", err)
	}
	r.stop = stop
	r.group.Go(func() { r.supervise(life) })
	return nil
}

// Stop ends all work and returns when every goroutine has ended.
func (r *Runner) Stop() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.group.Wait()
}

// Wake has a connection looked at now. Unknown ids are ignored.
func (r *Runner) Wake(id inbox.ConnectionID) {
	if run := r.find(id); run != nil {
		signal(run.wake)
	}
}

// Reload has a connection opened afresh, because its settings, secret or state changed, or because
// it is new. Replies under way are finished first.
func (r *Runner) Reload(id inbox.ConnectionID) {
	r.mu.Lock()
	r.stale[id] = true
	r.mu.Unlock()
	signal(r.relist)
}

// Send sends a reply through its connection, whose hold is checked once more just before the last
// byte leaves. The errors are those of Adapter.Send; Unavailable if the connection does not run on
// this node, or not now.
func (r *Runner) Send(ctx context.Context, m inbox.Outgoing) (remoteID string, err error) {
	run := r.find(m.Connection)
	if run == nil {
		return "", notHere(m.Connection, nil)
	}
	adapter, hold, giveBack, err := run.borrow(ctx)
	if err != nil {
		return "", err
	}
	defer giveBack()
	confirm := m.Confirm
	m.Confirm = func() error {
		if !r.Holds(hold) {
			return notHere(m.Connection, nil)
		}
		if confirm == nil {
			return nil
		}
		return confirm()
	}
	return adapter.Send(ctx, m)
}

// Adapter returns the open adapter of a connection and this node's hold on it, for its further
// powers. Code Unavailable if the connection does not run on this node, or not now.
func (r *Runner) Adapter(ctx context.Context, id inbox.ConnectionID) (Adapter, Hold, error) {
	run := r.find(id)
	if run == nil {
		return nil, Hold{}, notHere(id, nil)
	}
	adapter, hold, giveBack, err := run.borrow(ctx)
	if err != nil {
		return nil, Hold{}, err
	}
	giveBack()
	return adapter, hold, nil
}

// Holds tells whether this node still holds a connection by that very hold, to be asked just before
// the last byte of a reply leaves.
func (r *Runner) Holds(hold Hold) bool {
	run := r.find(hold.Connection)
	if run == nil {
		return false
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	return run.hold == hold && run.holding && time.Now().Before(run.until)
}

func notHere(id inbox.ConnectionID, cause error) error {
	return &inbox.Error{
		Code:   inbox.Unavailable,
		Msg:    "this connection does not run here now",
		Reason: &inbox.Reason{Code: "connection_not_here", Params: map[string]any{"connection": id}},
		Err:    cause,
	}
}

func (r *Runner) find(id inbox.ConnectionID) *run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[id]
}

// supervise lists the connections again and again, so that one added by another node or by the
// command line is found without a call.
func (r *Runner) supervise(life context.Context) {
	tick := time.NewTicker(relistEvery)
	defer tick.Stop()
	for {
		select {
		case <-life.Done():
			return
		case <-tick.C:
		case <-r.relist:
		}
		if err := r.list(life, life); err != nil && life.Err() == nil {
			r.options.Log.Error("connections cannot be listed", "error", err)
		}
	}
}

// list starts what should run and does not, and ends what runs and should not. What it starts lives
// until life ends.
func (r *Runner) list(ctx, life context.Context) error {
	ids, err := r.options.Directory.Connections(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[inbox.ConnectionID]bool, len(ids))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		wanted[id] = true
		if r.runs[id] == nil {
			r.begin(life, id)
		} else if r.stale[id] {
			signal(r.runs[id].reload)
		}
	}
	clear(r.stale)
	for id, run := range r.runs {
		if !wanted[id] {
			run.cancel()
		}
	}
	return nil
}

// begin starts the goroutine of one connection. It leaves the table when it has ended, so that a
// connection switched off and on again never has two.
func (r *Runner) begin(life context.Context, id inbox.ConnectionID) {
	ctx, cancel := context.WithCancel(life)
	run := newRun(r, id, cancel)
	r.runs[id] = run
	r.group.Go(func() {
		defer cancel()
		run.live(ctx)
		r.mu.Lock()
		delete(r.runs, id)
		r.mu.Unlock()
		signal(r.relist)
	})
}

// alone is the Leases of a program that shares its database with nobody.
type alone struct{}

const aloneLasts = 24 * time.Hour

func (alone) Acquire(context.Context, inbox.ConnectionID) (int64, time.Duration, bool, error) {
	return 0, aloneLasts, true, nil
}
func (alone) Renew(context.Context, Hold) (time.Duration, error) { return aloneLasts, nil }
func (alone) Release(context.Context, Hold) error                { return nil }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// errSink marks an error of our own store, which says nothing about the far side.
type errSink struct{ error }

func (e errSink) Unwrap() error { return e.error }

func ours(err error) bool {
	_, is := errors.AsType[errSink](err)
	return is
}
