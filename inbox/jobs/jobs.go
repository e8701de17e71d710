// Package jobs runs work later, again and on several nodes, by River on the store's own database. A
// job is inserted only inside a [store.Tx]: it exists if and only if what it belongs to was
// committed. Jobs run at least once; each service makes its worker safe to repeat.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/deskbell/deskbell/inbox/store"
)

// Args says what a job is about. It is kept as JSON; Kind is package.verb.
type Args interface{ Kind() string }

// Job is one run of a job.
type Job[T Args] struct {
	Args    T
	Tries   int // 1 in the first run
	Created time.Time
}

// Worker does the jobs of one kind. Work returns nil when the job is done, [Later] to be called
// again, any other error to be tried again with growing gaps.
type Worker[T Args] struct {
	Work    func(ctx context.Context, job Job[T]) error
	Timeout time.Duration // 0 = 30 s
}

// The queues. Each has workers of its own, so slow sends do not hold up anything else.
const (
	Default = river.QueueDefault
	Send    = "send"
)

// Insert says how a job is kept.
type Insert struct {
	Queue string    // "" = Default
	At    time.Time // not before; zero = now
	// Once drops the job if one with the same arguments, inserted with Once as well, has not ended.
	Once bool
}

// Options says who runs the jobs.
type Options struct {
	// Node names this program: at most 60 bytes and unique among those sharing the database. With
	// the same name after a crash, interrupted work is taken up at once.
	Node string
	Log  *slog.Logger
}

const (
	timeout     = 30 * time.Second
	rescueAfter = 20 * time.Minute // beyond the longest Timeout: the last net under what nodes do themselves
	keepDone    = time.Hour
	keepFailed  = 7 * 24 * time.Hour
	softStop    = 12 * time.Second
	hardStop    = 6 * time.Second
	cooldown    = 2 * time.Millisecond
	poll        = 500 * time.Millisecond // for work whose time has come; new work is announced
	sendPoll    = 100 * time.Millisecond
	workers     = 16
	sendWorkers = 100 // a dead mail server may hold some of them for minutes
)

// Client inserts jobs and, between Start and Stop, works them.
type Client struct {
	store    *store.Store
	engine   engine
	workers  *river.Workers
	kinds    int
	periodic []*river.PeriodicJob
	before   []func(context.Context) error
	name     string
	log      *slog.Logger

	node store.Node
	stop context.CancelFunc
	rest sync.WaitGroup
}

// New makes a client that inserts jobs. Workers and periodic jobs are added before Start.
func New(s *store.Store, o Options) (*Client, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{store: s, workers: river.NewWorkers(), name: o.Node, log: o.Log}
	var err error
	c.engine, err = newEngine(s, o.Log)
	return c, err
}

// Add has jobs of T's kind worked. Adding a kind twice is a mistake in the program and panics.
func Add[T Args](c *Client, w Worker[T]) {
	if w.Timeout == 0 {
		w.Timeout = timeout
	}
	river.AddWorker(c.workers, &adapter[T]{worker: w})
	c.kinds++
}

// adapter shows a Worker to River.
type adapter[T Args] struct {
	river.WorkerDefaults[T]
	worker Worker[T]
}

func (a *adapter[T]) Timeout(*river.Job[T]) time.Duration { return a.worker.Timeout }

func (a *adapter[T]) Work(ctx context.Context, job *river.Job[T]) error {
	return a.worker.Work(ctx, Job[T]{Args: job.Args, Tries: job.Attempt, Created: job.CreatedAt})
}

// Every has one node insert a job again and again, the first time when the clients start.
func (c *Client) Every(interval time.Duration, args Args, o Insert) {
	o.Once = true // a slow run is not joined by the next
	build := func() (river.JobArgs, *river.InsertOpts) { return args, insertOpts(o) }
	c.periodic = append(c.periodic, river.NewPeriodicJob(river.PeriodicInterval(interval), build,
		&river.PeriodicJobOpts{ID: args.Kind(), RunOnStart: true}))
}

// Before has Start call f once this node is known and before it works any job, to clear up what an
// earlier run left.
func (c *Client) Before(f func(context.Context) error) { c.before = append(c.before, f) }

// Node is this run; it is known from Join on.
func (c *Client) Node() store.Node { return c.node }

// Insert keeps a job in tx: it is worked once tx has committed, never if it has not.
func (c *Client) Insert(ctx context.Context, tx *store.Tx, args Args, o Insert) error {
	if err := c.engine.insert(ctx, tx, args, insertOpts(o)); err != nil {
		return fmt.Errorf("insert job %s: %w", args.Kind(), err)
	}
	return nil
}

func insertOpts(o Insert) *river.InsertOpts {
	opts := &river.InsertOpts{Queue: o.Queue, ScheduledAt: o.At}
	if o.Once {
		opts.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: unfinished}
	}
	return opts
}

// Later returns what a worker returns to be called again after d, however often.
func Later(d time.Duration) error { return river.JobSnooze(max(d, 0)) }

// Join makes this program known as a node; earlier runs under its name have ended from then on. It
// comes before the node takes leases. Start joins if nobody has.
func (c *Client) Join(ctx context.Context) error {
	if c.node.Fence != 0 {
		return nil
	}
	err := c.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		c.node, err = tx.Join(ctx, c.name, c.store.LeaseLasts())
		return err
	})
	if err != nil {
		return fmt.Errorf("join the nodes: %w", err)
	}
	return nil
}

// Start joins the nodes, takes up what ended runs left, and begins to work. It works until Stop; ctx
// bounds the start alone.
func (c *Client) Start(ctx context.Context) error {
	if err := c.Join(ctx); err != nil {
		return err
	}
	if err := c.rescue(ctx); err != nil {
		return err
	}
	for _, f := range c.before {
		if err := f(ctx); err != nil {
			return err
		}
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	if c.kinds > 0 {
		if err := c.engine.start(life, c.config()); err != nil {
			stop()
			return fmt.Errorf("start jobs: %w", err)
		}
	}
	c.rest.Go(func() { c.stay(life) })
	return nil
}

func (c *Client) config() *river.Config {
	return &river.Config{
		ID:           c.node.String(),
		Logger:       c.log,
		Workers:      c.workers,
		PeriodicJobs: c.periodic,
		Queues: map[string]river.QueueConfig{
			Default: {MaxWorkers: workers},
			Send:    {MaxWorkers: sendWorkers, FetchPollInterval: sendPoll},
		},
		FetchCooldown:               cooldown,
		FetchPollInterval:           poll,
		JobTimeout:                  timeout,
		RescueStuckJobsAfter:        rescueAfter,
		SoftStopTimeout:             softStop,
		CompletedJobRetentionPeriod: keepDone,
		CancelledJobRetentionPeriod: keepFailed,
		DiscardedJobRetentionPeriod: keepFailed,
	}
}

// Stop takes no new jobs, lets those under way end, cuts them off after 12 s and returns within
// 18 s. What was cut off is worked again.
func (c *Client) Stop(ctx context.Context) error {
	if c.stop == nil {
		return nil
	}
	ctx, done := context.WithTimeout(ctx, softStop+hardStop)
	defer done()
	err := c.engine.stop(ctx)
	c.stop()
	c.rest.Wait()
	if err != nil {
		return fmt.Errorf("stop jobs: %w", err) // jobs still run: the node has not ended
	}
	return c.store.InTx(ctx, func(tx *store.Tx) error { return tx.Leave(ctx, c.node) })
}

// stay keeps this node known and takes up the jobs of nodes that have ended.
func (c *Client) stay(ctx context.Context) {
	lasts := c.store.LeaseLasts()
	tick := time.NewTicker(lasts / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := c.store.InTx(ctx, func(tx *store.Tx) error { return tx.Stay(ctx, c.node, lasts) }); err != nil {
			if ctx.Err() == nil {
				c.log.Error("this node cannot renew its lease", "node", c.node.String(), "error", err)
			}
		}
		if err := c.rescue(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("jobs of ended nodes cannot be taken up", "error", err)
		}
	}
}

// rescue makes the jobs of runs that have ended available again, and frees the place of a leader
// that has ended: waiting for River's own nets would take minutes.
func (c *Client) rescue(ctx context.Context) error {
	live, err := c.store.LiveNodes(ctx)
	if err != nil {
		return err
	}
	n, err := c.engine.rescue(ctx, append(live, c.node.String()))
	if err != nil {
		return fmt.Errorf("take up jobs of ended nodes: %w", err)
	}
	if n > 0 {
		c.log.Info("took up jobs of an ended node", "jobs", n)
	}
	return nil
}
