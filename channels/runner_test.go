package channels_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// source is a far side that lives in the test: a list of items, numbered from 1.
type source struct {
	mu       sync.Mutex
	items    int
	perPage  int
	fail     error         // what Pull returns
	hang     chan struct{} // Pull waits for it, or for its context
	pulls    []time.Time
	parsed   []string
	raw      []string
	open     int // adapters opened and not closed
	openings int
	stir     chan struct{} // Watch wakes for each; nil: no Watcher
	watchErr error         // Watch breaks off at once
	watches  int
	sending  chan struct{} // Send waits for it
}

func (s *source) set(change func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func look[T any](s *source, f func(*source) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(s)
}

type adapter struct{ *source }

func (a adapter) Pull(ctx context.Context, cursor string, yield func(channels.Page) error) error {
	a.mu.Lock()
	a.pulls = append(a.pulls, time.Now())
	hang, fail := a.hang, a.fail
	a.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fail != nil {
		return fail
	}
	from, _ := strconv.Atoi(cursor)
	for first := from + 1; first <= look(a.source, func(s *source) int { return s.items }); first += a.perPage {
		last := min(first+a.perPage-1, look(a.source, func(s *source) int { return s.items }))
		if err := yield(a.page(first, last)); err != nil {
			return fmt.Errorf("page from %d: %w", first, err)
		}
	}
	return nil
}

func (a adapter) page(first, last int) channels.Page {
	p := channels.Page{Cursor: strconv.Itoa(last)}
	for n := first; n <= last; n++ {
		p.Keys = append(p.Keys, channels.Key{SourceKey: "k" + strconv.Itoa(n), Size: 10, At: time.Now()})
	}
	p.Parse = func(i int) inbox.Incoming {
		a.set(func(s *source) { s.parsed = append(s.parsed, p.Keys[i].SourceKey) })
		return inbox.Incoming{SourceKey: p.Keys[i].SourceKey, Text: "text"}
	}
	p.Raw = func(i int) inbox.Incoming {
		a.set(func(s *source) { s.raw = append(s.raw, p.Keys[i].SourceKey) })
		return inbox.Incoming{SourceKey: p.Keys[i].SourceKey, Raw: []byte("raw")}
	}
	return p
}

func (a adapter) Send(_ context.Context, m inbox.Outgoing) (string, error) {
	if wait := look(a.source, func(s *source) chan struct{} { return s.sending }); wait != nil {
		<-wait
	}
	if look(a.source, func(s *source) int { return s.open }) == 0 {
		return "", inbox.Errorf(inbox.UncertainOf, "closed while sending")
	}
	if err := m.Confirm(); err != nil {
		return "", err
	}
	return "sent", nil
}

func (a adapter) Close() error {
	a.set(func(s *source) { s.open-- })
	return nil
}

// watcher is an adapter with the power to watch.
type watcher struct{ adapter }

func (w watcher) Watch(ctx context.Context, wake func()) error {
	w.set(func(s *source) { s.watches++ })
	if err := look(w.source, func(s *source) error { return s.watchErr }); err != nil {
		return err
	}
	wake()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.stir:
			wake()
		}
	}
}

// ledger is a Sink that keeps its promises in memory.
type ledger struct {
	mu       sync.Mutex
	taking   map[string]int // marks, with attempts
	stored   []string
	problems map[string]string
	cursor   map[inbox.ConnectionID]string
	fence    int64             // older ones are refused
	refuse   func(string) bool // items that cannot be stored
	full     error             // nothing can be stored
	takes    int
}

func newLedger() *ledger {
	return &ledger{taking: map[string]int{}, problems: map[string]string{}, cursor: map[inbox.ConnectionID]string{}}
}

func (l *ledger) set(change func(*ledger)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *ledger) held(h channels.Hold) error {
	if h.Fence < l.fence {
		return &inbox.Error{Code: inbox.Conflict, Msg: "another node has it"}
	}
	return nil
}

func (l *ledger) Taking(_ context.Context, h channels.Hold, keys []channels.Key) (channels.Taking, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.held(h); err != nil {
		return channels.Taking{}, err
	}
	var verdicts []channels.Verdict
	for _, k := range keys {
		attempts, marked := l.taking[k.SourceKey]
		switch {
		case slices.Contains(l.stored, k.SourceKey):
			verdicts = append(verdicts, channels.Known)
		case marked && len(keys) > 1:
			return channels.Taking{Alone: true}, nil
		case attempts >= 2:
			verdicts = append(verdicts, channels.SetAside)
		default:
			verdicts = append(verdicts, channels.Fresh)
		}
	}
	for i, k := range keys {
		if verdicts[i] != channels.Known {
			l.taking[k.SourceKey]++
		}
	}
	return channels.Taking{Verdicts: verdicts}, nil
}

func (l *ledger) Release(_ context.Context, h channels.Hold, keys []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if l.taking[k]--; l.taking[k] <= 0 {
			delete(l.taking, k)
		}
	}
	return l.held(h)
}

func (l *ledger) Take(_ context.Context, h channels.Hold, items []inbox.Incoming, cursor string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takes++
	if err := cmp.Or(l.held(h), l.full); err != nil {
		return err
	}
	for _, item := range items {
		if item.Problem == nil && l.refuse != nil && l.refuse(item.SourceKey) {
			return errors.New("this row violates a constraint")
		}
	}
	for _, item := range items {
		delete(l.taking, item.SourceKey)
		l.stored = append(l.stored, item.SourceKey)
		if item.Problem != nil {
			l.problems[item.SourceKey] = item.Problem.Code
		}
	}
	if cursor != "" {
		l.cursor[h.Connection] = cursor
	}
	return nil
}

func (l *ledger) state() (stored, cursor string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.stored, " "), l.cursor[1]
}

// house is the directory: its connections are sources, and it notes what is reported.
type house struct {
	*ledger
	mu      sync.Mutex
	sources map[inbox.ConnectionID]*source
	reports []string
	checked []time.Time
}

func (h *house) Connections(context.Context) ([]inbox.ConnectionID, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []inbox.ConnectionID
	for id := range h.sources {
		ids = append(ids, id)
	}
	return ids, nil
}

func (h *house) Load(_ context.Context, id inbox.ConnectionID) (channels.Stored, error) {
	h.ledger.mu.Lock()
	defer h.ledger.mu.Unlock()
	return channels.Stored{Kind: "test", Config: channels.Config{}, Cursor: h.cursor[id]}, nil
}

func (h *house) Report(_ context.Context, hold channels.Hold, r channels.Health) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := fmt.Sprintf("%s:%s", hold.Connection, r.State)
	if r.Problem != nil {
		line += ":" + r.Problem.Code
	}
	if n := len(h.reports); n == 0 || h.reports[n-1] != line {
		h.reports = append(h.reports, line)
	}
	h.checked = append(h.checked, r.CheckedAt)
	return nil
}

func (h *house) told() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.reports, " ")
}

// kinds opens adapters on the house's sources.
func (h *house) kinds() channels.Registry {
	return channels.Registry{"test": {Open: func(c channels.Config) (channels.Adapter, error) {
		h.mu.Lock()
		s := h.sources[c.Connection]
		h.mu.Unlock()
		s.set(func(s *source) { s.open++; s.openings++ })
		if s.stir != nil {
			return watcher{adapter{s}}, nil
		}
		return adapter{s}, nil
	}}}
}

// begin starts a runner on sources with the ids 1, 2, … and stops it when the test ends.
func begin(t *testing.T, leases channels.Leases, sources ...*source) (*house, *channels.Runner) {
	t.Helper()
	h := &house{ledger: newLedger(), sources: map[inbox.ConnectionID]*source{}}
	for i, s := range sources {
		s.perPage = cmp.Or(s.perPage, 100)
		h.sources[inbox.ConnectionID(i+1)] = s
	}
	return h, h.run(t, leases)
}

func (h *house) run(t *testing.T, leases channels.Leases) *channels.Runner {
	t.Helper()
	r := channels.NewRunner(channels.Options{Registry: h.kinds(), Directory: h, Sink: h.ledger, Leases: leases})
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// bubble runs a test in a world where time passes only while everybody waits.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

func pass(d time.Duration) {
	time.Sleep(d) // in a bubble: no real time passes
	synctest.Wait()
}

func TestRunnerPullsAndGoesOnWhereItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{items: 5, perPage: 2}
		h, r := begin(t, nil, s)
		synctest.Wait()
		if stored, cursor := h.state(); stored != "k1 k2 k3 k4 k5" || cursor != "5" {
			t.Fatalf("stored %q, cursor %q", stored, cursor)
		}
		s.set(func(s *source) { s.items = 6 })
		pass(2 * time.Minute)
		if stored, _ := h.state(); stored != "k1 k2 k3 k4 k5 k6" {
			t.Errorf("after an interval: stored %q", stored)
		}
		r.Stop()
		if n := look(s, func(s *source) int { return s.open }); n != 0 {
			t.Errorf("%d adapters are left open", n)
		}
		s.set(func(s *source) { s.items = 7 })
		h.run(t, nil)
		synctest.Wait()
		if stored, _ := h.state(); stored != "k1 k2 k3 k4 k5 k6 k7" {
			t.Errorf("after a restart: stored %q", stored)
		}
	})
}

func TestRunnerLooksWhenItIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watched, polled := &source{stir: make(chan struct{})}, &source{}
		h, r := begin(t, nil, watched, polled)
		synctest.Wait()
		start := time.Now()
		watched.set(func(s *source) { s.items = 1 })
		watched.stir <- struct{}{}
		synctest.Wait()
		if stored, _ := h.state(); stored != "k1" {
			t.Errorf("after the source stirred: %q", stored)
		}
		polled.set(func(s *source) { s.items = 2 })
		r.Wake(2)
		synctest.Wait()
		if stored, _ := h.state(); stored != "k1 k2" { // k1 of the other is known by the same name
			t.Errorf("after a wake: %q", stored)
		}
		if !time.Now().Equal(start) {
			t.Error("it took time")
		}
	})
}

func TestRunnerLetsADeadConnectionDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, well := &source{hang: make(chan struct{})}, &source{items: 1}
		h, _ := begin(t, nil, dead, well)
		synctest.Wait()
		if stored, _ := h.state(); stored != "k1" {
			t.Errorf("stored %q", stored)
		}
		pass(time.Hour)
		if told := h.told(); !strings.Contains(told, "1:degraded:connection_stalled") {
			t.Errorf("nobody was told that a pull hangs: %q", told)
		}
	})
}

func TestRunnerWaitsLongerAndLonger(t *testing.T) {
	refused := &inbox.Error{Code: inbox.Expired, Msg: "no", Reason: &inbox.Reason{Code: "login"}}
	for name, tt := range map[string]struct {
		fail       error
		least, one int // pulls in an hour
		told       string
	}{
		"unreachable":      {&inbox.Error{Code: inbox.Unavailable, Msg: "no", Reason: &inbox.Reason{Code: "away"}}, 15, 30, "1:degraded:away"},
		"no reason given":  {errors.New("broken"), 15, 30, "1:degraded:connection_failed"},
		"login refused":    {refused, 10, 16, "1:expired:login"},
		"one folder gone":  {&inbox.Error{Code: inbox.NotFound, Msg: "no", Reason: &inbox.Reason{Code: "folder"}}, 50, 80, "1:degraded:folder"},
		"comes back later": {&inbox.Error{Code: inbox.Limited, Msg: "no", Reason: &inbox.Reason{Code: "limited"}, RetryAt: time.Date(2000, 1, 1, 0, 30, 0, 0, time.UTC)}, 6, 30, "1:degraded:limited"},
	} {
		bubble(t, name, func(t *testing.T) {
			s := &source{fail: tt.fail}
			h, r := begin(t, nil, s)
			pass(time.Hour)
			pulls := look(s, func(s *source) []time.Time { return slices.Clone(s.pulls) })
			if len(pulls) < tt.least || len(pulls) > tt.one {
				t.Errorf("%d pulls in an hour", len(pulls))
			}
			if e, ok := errors.AsType[*inbox.Error](tt.fail); ok && !e.RetryAt.IsZero() && pulls[1].Before(e.RetryAt) {
				t.Errorf("asked again at %s, before the time it was told", pulls[1])
			}
			if told := h.told(); told != tt.told {
				t.Errorf("told %q", told)
			}
			s.set(func(s *source) { s.fail, s.items = nil, 1 })
			r.Wake(1)
			synctest.Wait()
			if told := h.told(); !strings.HasSuffix(told, "1:connected") {
				t.Errorf("after it is well again: %q", told)
			}
		})
	}
}

func TestRunnerDoesNotShoutAtOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{fail: errors.New("blip")}
		h, _ := begin(t, nil, s)
		synctest.Wait()
		s.set(func(s *source) { s.fail = nil })
		pass(time.Second)
		if told := h.told(); told != "1:connected" {
			t.Errorf("told %q", told)
		}
	})
}

func TestRunnerTellsAtMostEveryHalfMinuteThatAllIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{stir: make(chan struct{})}
		h, _ := begin(t, nil, s)
		for range 600 {
			pass(time.Second)
			s.stir <- struct{}{}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if n := len(h.checked); n < 15 || n > 22 {
			t.Errorf("%d reports in ten minutes", n)
		}
	})
}

func TestRunnerWatchesAgainAndDoesNotStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{stir: make(chan struct{}), watchErr: errors.New("IDLE broke")}
		_, _ = begin(t, nil, s)
		pass(time.Hour)
		if n := look(s, func(s *source) int { return s.watches }); n < 10 || n > 70 {
			t.Errorf("%d watches in an hour", n)
		}
		s.set(func(s *source) { s.watchErr, s.items = nil, 1 })
		pass(10 * time.Minute)
		s.stir <- struct{}{} // somebody watches again
	})
}

func TestRunnerFindsTheDeadlyItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{items: 4}
		h := &house{ledger: newLedger(), sources: map[inbox.ConnectionID]*source{1: s}}
		s.perPage = 100
		// The program died twice while it read k2; before that, once over the whole page.
		h.taking = map[string]int{"k2": 2, "k3": 1}
		h.run(t, nil)
		synctest.Wait()
		if stored, cursor := h.state(); stored != "k1 k2 k3 k4" || cursor != "4" {
			t.Errorf("stored %q, cursor %q", stored, cursor)
		}
		if parsed, raw := strings.Join(s.parsed, " "), strings.Join(s.raw, " "); parsed != "k1 k3 k4" || raw != "k2" {
			t.Errorf("parsed %q, raw %q", parsed, raw)
		}
		if h.problems["k2"] == "" {
			t.Error("the deadly item has no reason")
		}
	})
}

func TestRunnerWaitsForAStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{items: 3}
		h, _ := begin(t, nil, s)
		synctest.Wait()
		s.set(func(s *source) { s.items = 6 })
		h.set(func(l *ledger) { l.full = errors.New("no space left on device") })
		pass(time.Hour)
		if stored, cursor := h.state(); stored != "k1 k2 k3" || cursor != "3" {
			t.Fatalf("stored %q, cursor %q", stored, cursor)
		}
		if told := h.told(); told != "1:connected" {
			t.Errorf("the far side is blamed: %q", told)
		}
		h.set(func(l *ledger) { l.full = nil })
		pass(20 * time.Second)
		if stored, cursor := h.state(); stored != "k1 k2 k3 k4 k5 k6" || cursor != "6" {
			t.Errorf("stored %q, cursor %q", stored, cursor)
		}
		if len(h.problems) != 0 {
			t.Errorf("good items were set aside: %v", h.problems)
		}
	})
}

func TestRunnerSetsAsideWhatCannotBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{items: 3}
		h := &house{ledger: newLedger(), sources: map[inbox.ConnectionID]*source{1: s}}
		s.perPage = 100
		h.refuse = func(key string) bool { return key == "k2" }
		h.run(t, nil)
		pass(10 * time.Second)
		stored, cursor := h.state()
		if !strings.HasPrefix(stored, "k1 k3") || !strings.HasSuffix(stored, "k2") || cursor != "3" {
			t.Errorf("stored %q, cursor %q", stored, cursor)
		}
		if h.problems["k2"] == "" || len(h.problems) != 1 {
			t.Errorf("problems %v", h.problems)
		}
	})
}

func TestRunnerOpensAfreshWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{fail: &inbox.Error{Code: inbox.Expired, Msg: "no", Reason: &inbox.Reason{Code: "login"}}}
		h, r := begin(t, nil, s)
		synctest.Wait()
		s.set(func(s *source) { s.fail, s.items = nil, 1 })
		r.Reload(1)
		synctest.Wait()
		if n := look(s, func(s *source) int { return s.openings }); n != 2 {
			t.Errorf("opened %d times", n)
		}
		if told := h.told(); told != "1:expired:login 1:connected" {
			t.Errorf("told %q", told)
		}
		h.mu.Lock()
		h.sources[2] = &source{items: 2, perPage: 1}
		h.mu.Unlock()
		r.Reload(2)
		synctest.Wait()
		if stored, _ := h.state(); stored != "k1 k2" {
			t.Errorf("a new connection was not begun: %q", stored)
		}
		h.mu.Lock()
		delete(h.sources, 2)
		h.mu.Unlock()
		r.Reload(2)
		synctest.Wait()
		if _, _, err := r.Adapter(t.Context(), 2); inbox.CodeOf(err) != inbox.Unavailable {
			t.Errorf("a connection that was switched off sends: %v", err)
		}
	})
}

// Who asks for a connection to be opened afresh may have written another state: it is told at once.
func TestRunnerTellsAfreshAfterAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, r := begin(t, nil, &source{})
		synctest.Wait()
		for want := 1; want <= 3; want++ {
			h.mu.Lock()
			n := len(h.checked)
			h.mu.Unlock()
			if n != want {
				t.Errorf("%d reports, want %d", n, want)
			}
			r.Reload(1)
			synctest.Wait()
		}
	})
}

func TestRunnerSendsBesideAPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{hang: make(chan struct{})} // a pull that takes its time keeps nobody from sending
		_, r := begin(t, nil, s)
		if id, err := r.Send(t.Context(), inbox.Outgoing{Connection: 1}); id != "sent" || err != nil {
			t.Errorf("%q, %v", id, err)
		}
		if _, err := r.Send(t.Context(), inbox.Outgoing{Connection: 9}); inbox.CodeOf(err) != inbox.Unavailable {
			t.Errorf("an unknown connection sends: %v", err)
		}
		refused := errors.New("withdrawn meanwhile")
		if _, err := r.Send(t.Context(), inbox.Outgoing{Connection: 1, Confirm: func() error { return refused }}); !errors.Is(err, refused) {
			t.Errorf("sent without confirmation: %v", err)
		}
	})
}

func TestRunnerFinishesRepliesBeforeItCloses(t *testing.T) {
	for name, end := range map[string]func(*channels.Runner){
		"reload": func(r *channels.Runner) { r.Reload(1) },
		"stop":   func(r *channels.Runner) { r.Stop() },
	} {
		bubble(t, name, func(t *testing.T) {
			s := &source{sending: make(chan struct{})}
			_, r := begin(t, nil, s)
			answers := make(chan error, 1)
			go func() {
				_, err := r.Send(context.Background(), inbox.Outgoing{Connection: 1})
				answers <- err
			}()
			synctest.Wait()
			go end(r)
			pass(time.Second)
			close(s.sending)
			if err := <-answers; err != nil {
				t.Errorf("the reply was cut off: %v", err)
			}
		})
	}
}

// leases of several nodes in one test; each node takes them through a view of its own.
type leases struct {
	mu     sync.Mutex
	holder string
	fence  int64
	until  time.Time
}

const lasts = 30 * time.Second

type node struct {
	*leases
	name string
	cut  bool // from the database
}

func (n *node) Acquire(context.Context, inbox.ConnectionID) (int64, time.Duration, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut {
		return 0, 0, false, errors.New("no database")
	}
	if n.holder != "" && time.Now().Before(n.until) {
		return 0, 0, false, nil
	}
	n.holder, n.until = n.name, time.Now().Add(lasts)
	n.fence++
	return n.fence, lasts, true, nil
}

func (n *node) Renew(_ context.Context, h channels.Hold) (time.Duration, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.cut:
		return 0, errors.New("no database")
	case h.Fence != n.fence:
		return 0, &inbox.Error{Code: inbox.Conflict, Msg: "lost"}
	}
	n.until = time.Now().Add(lasts)
	return lasts, nil
}

func (n *node) Release(_ context.Context, h channels.Hold) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.cut && h.Fence == n.fence {
		n.holder = ""
	}
	return nil
}

func TestOneNodeAtATimeRunsAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{items: 1}
		shared := &leases{}
		first, second := &node{leases: shared, name: "first"}, &node{leases: shared, name: "second"}
		h, r1 := begin(t, first, s)
		synctest.Wait()
		r2 := h.run(t, second)
		pass(10 * time.Minute)
		if n := look(s, func(s *source) int { return s.openings }); n != 1 {
			t.Fatalf("%d nodes opened it", n)
		}
		if _, _, err := r2.Adapter(t.Context(), 1); inbox.CodeOf(err) != inbox.Unavailable {
			t.Errorf("a node without the lease sends: %v", err)
		}
		r1.Stop() // gives the lease back
		pass(15 * time.Second)
		if _, hold, err := r2.Adapter(t.Context(), 1); err != nil || hold.Fence != 2 {
			t.Errorf("nobody took over: %v, %v", hold, err)
		}
	})
}

func TestANodeThatIsCutOffStopsBeforeItsLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{items: 1, sending: make(chan struct{})}
		n := &node{leases: &leases{}, name: "first"}
		_, r := begin(t, n, s)
		synctest.Wait()
		_, hold, err := r.Adapter(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		n.mu.Lock()
		n.cut = true
		n.mu.Unlock()
		late := make(chan error, 1)
		go func() {
			_, err := r.Send(context.Background(), inbox.Outgoing{Connection: 1})
			late <- err
		}()
		pass(lasts)
		close(s.sending)
		if err := <-late; inbox.CodeOf(err) != inbox.Unavailable {
			t.Errorf("a reply that was under way went out: %v", err)
		}
		synctest.Wait()
		if r.Holds(hold) || look(s, func(s *source) int { return s.open }) != 0 {
			t.Error("it still works for the connection")
		}
	})
}

func TestANodeWhoseFenceIsOldStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		n := &node{leases: &leases{}, name: "first"}
		h, r := begin(t, n, s)
		synctest.Wait()
		_, hold, err := r.Adapter(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		h.set(func(l *ledger) { l.fence = 2 }) // another node was faster, unseen
		s.set(func(s *source) { s.items = 1 })
		r.Wake(1)
		synctest.Wait()
		if r.Holds(hold) {
			t.Error("it still holds the connection")
		}
	})
}

func TestMemoryLetsOneHugeThingPassAlone(t *testing.T) {
	m := channels.NewMemory(100)
	giveBack, err := m.Take(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := m.Take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("there was room beside it: %v", err)
	}
	giveBack()
	if giveBack, err = m.Take(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	giveBack()
}
