package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

type greet struct {
	N int `json:"n"`
}

// patience is how long something that must happen may take on a machine with other work; how fast it
// is on a quiet one is asserted only where testing.Short is false, without the race detector.
const patience = 60 * time.Second

func (greet) Kind() string { return "test.greet" }

type tick struct{}

func (tick) Kind() string { return "test.tick" }

// testLog shows what River complains of, in the test's output.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func newClient(t *testing.T, s *store.Store, node string) *jobs.Client {
	t.Helper()
	if err := jobs.Migrate(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	c, err := jobs.New(s, jobs.Options{Node: node, Log: testLog(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, c *jobs.Client) {
	t.Helper()
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
}

func stop(t *testing.T, c *jobs.Client) {
	t.Helper()
	if err := c.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func insert(t *testing.T, s *store.Store, c *jobs.Client, o jobs.Insert, list ...jobs.Args) {
	t.Helper()
	err := s.InTx(t.Context(), func(tx *store.Tx) error {
		for _, args := range list {
			if err := c.Insert(t.Context(), tx, args, o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// next waits for the next value.
func next[T any](t *testing.T, c <-chan T, within time.Duration) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(within):
		t.Fatalf("nothing happened within %v", within)
		panic("unreachable")
	}
}

func TestJobExistsOnlyIfCommitted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClient(t, s, "a")
		ran := make(chan int, 10)
		jobs.Add(c, jobs.Worker[greet]{Work: func(_ context.Context, job jobs.Job[greet]) error {
			ran <- job.Args.N
			return nil
		}})
		refused := errors.New("refused")
		err := s.InTx(t.Context(), func(tx *store.Tx) error {
			tx.Append(inbox.Event{Kind: inbox.ShopChanged})
			if err := c.Insert(t.Context(), tx, greet{N: 1}, jobs.Insert{}); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if seq, err := s.LastSeq(t.Context()); err != nil || seq != 0 {
			t.Errorf("an event survived the rollback: %d, %v", seq, err)
		}
		start(t, c)
		insert(t, s, c, jobs.Insert{}, greet{N: 2})
		if n := next(t, ran, patience); n != 2 {
			t.Errorf("job %d ran, want only 2", n)
		}
	})
}

// A reply without undo time leaves at once: the way through the queue has to be short.
func TestJobStartsSoon(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClient(t, s, "a")
		ran := make(chan time.Time, 1)
		jobs.Add(c, jobs.Worker[greet]{Work: func(context.Context, jobs.Job[greet]) error {
			ran <- time.Now()
			return nil
		}})
		start(t, c)
		insert(t, s, c, jobs.Insert{Queue: jobs.Send}, greet{})
		next(t, ran, patience)
		var took []time.Duration
		for i := range 40 {
			insert(t, s, c, jobs.Insert{Queue: jobs.Send}, greet{N: i})
			committed := time.Now()
			took = append(took, next(t, ran, patience).Sub(committed))
		}
		slices.Sort(took)
		t.Logf("commit to work: p50 %v, p95 %v, max %v", took[20], took[37], took[39])
		if !testing.Short() && took[20] > 100*time.Millisecond {
			t.Errorf("half of the jobs waited %v or longer, want at most 100 ms", took[20])
		}
	})
}

func TestScheduledJobIsOnTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClient(t, s, "a")
		ran := make(chan time.Time, 1)
		jobs.Add(c, jobs.Worker[greet]{Work: func(context.Context, jobs.Job[greet]) error {
			ran <- time.Now()
			return nil
		}})
		start(t, c)
		at := time.Now().Add(6 * time.Second)
		insert(t, s, c, jobs.Insert{Queue: jobs.Send, At: at}, greet{})
		if late := next(t, ran, patience).Sub(at); late < 0 || !testing.Short() && late > time.Second {
			t.Errorf("ran %v after its time, want within a second", late)
		}
	})
}

func TestOnceAndLater(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClient(t, s, "a")
		ran := make(chan int, 10)
		var runs atomic.Int64
		jobs.Add(c, jobs.Worker[greet]{Work: func(_ context.Context, job jobs.Job[greet]) error {
			ran <- job.Args.N
			if runs.Add(1) == 1 {
				return jobs.Later(10 * time.Millisecond)
			}
			return nil
		}})
		insert(t, s, c, jobs.Insert{Once: true}, greet{N: 1}, greet{N: 1})
		insert(t, s, c, jobs.Insert{Once: true}, greet{N: 1})
		start(t, c)
		for range 2 {
			if n := next(t, ran, patience); n != 1 {
				t.Errorf("ran %d, want 1", n)
			}
		}
		// A marker behind them shows that nothing else was there.
		insert(t, s, c, jobs.Insert{At: time.Now().Add(300 * time.Millisecond)}, greet{N: 9})
		if n := next(t, ran, patience); n != 9 {
			t.Errorf("ran %d, want the marker 9: a duplicate was kept", n)
		}
	})
}

func TestPeriodicJob(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClient(t, s, "a")
		ran := make(chan bool, 10)
		jobs.Add(c, jobs.Worker[tick]{Work: func(context.Context, jobs.Job[tick]) error {
			ran <- true
			return nil
		}})
		c.Every(time.Second, tick{}, jobs.Insert{})
		start(t, c)
		for range 2 {
			next(t, ran, patience)
		}
	})
}

// What a killed program left running is taken up by the next one before anything else.
func TestRunningJobsOfAnEndedRunAreTakenUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first := newClient(t, s, "a")
		began := make(chan bool, 1)
		free := make(chan bool)
		jobs.Add(first, jobs.Worker[greet]{Timeout: time.Minute, Work: func(context.Context, jobs.Job[greet]) error {
			began <- true
			<-free // hangs as a program that was killed
			return nil
		}})
		if err := first.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		insert(t, s, first, jobs.Insert{}, greet{N: 7})
		next(t, began, patience)

		second := newClient(t, s, "a")
		if err := s.InTx(t.Context(), func(*store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		ran := make(chan int, 1)
		jobs.Add(second, jobs.Worker[greet]{Work: func(_ context.Context, job jobs.Job[greet]) error {
			ran <- job.Args.N
			return nil
		}})
		cleared := false
		second.Before(func(context.Context) error {
			cleared = len(ran) == 0
			return nil
		})
		start(t, second)
		if n := next(t, ran, patience); n != 7 || !cleared {
			t.Errorf("took up %d (cleared first: %v), want 7 after clearing", n, cleared)
		}
		close(free)
		_ = first.Stop(context.Background()) // the node has been taken over; only its goroutines matter
		if first.Node() == second.Node() {
			t.Error("two runs have one identity")
		}
	})
}

// A slow send must not hold up other work.
func TestQueuesDoNotBlockEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClient(t, s, "a")
		free := make(chan bool)
		ran := make(chan bool, 1)
		jobs.Add(c, jobs.Worker[greet]{Work: func(context.Context, jobs.Job[greet]) error { <-free; return nil }})
		jobs.Add(c, jobs.Worker[tick]{Work: func(context.Context, jobs.Job[tick]) error { ran <- true; return nil }})
		start(t, c)
		t.Cleanup(func() { close(free) })
		for i := range 20 {
			insert(t, s, c, jobs.Insert{Queue: jobs.Send}, greet{N: i})
		}
		insert(t, s, c, jobs.Insert{}, tick{})
		next(t, ran, patience)
	})
}
