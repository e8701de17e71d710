// Package channelstest holds every adapter to the promises of channels.Adapter.
package channelstest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// Source is one connection's far side, as a test sees it.
type Source struct {
	// Open opens a fresh adapter on the source; the suite closes it.
	Open func(t *testing.T) channels.Adapter
	// Deliver puts the n-th message there, n from 1. Messages are told apart by their text.
	Deliver func(t *testing.T, n int)
	// Break puts something there that cannot be read. Nil if the source cannot hold such a thing.
	Break func(t *testing.T)
	// Stir makes Watch call wake, by delivering something. Nil if the adapter is no Watcher.
	Stir func(t *testing.T)
	// Reply is a reply the far side accepts.
	Reply func() inbox.Outgoing
	// Accepted tells how many replies the far side has accepted.
	Accepted func(t *testing.T) int
	// Faults make the far side fail, each with the code that Send must then return, or Pull if the
	// name begins with "pull". After a Send with any code but UncertainOf nothing is accepted.
	Faults []Fault
}

// Fault is one way in which the far side fails.
type Fault struct {
	Name string
	Pull bool // it shows in Pull, not in Send
	Code inbox.Code
	// Make makes it fail, or changes the reply so that it does.
	Make func(t *testing.T, m *inbox.Outgoing)
}

// limit bounds every call of an adapter.
const limit = 60 * time.Second

// Run runs the suite; start makes a new, empty source for each part.
func Run(t *testing.T, start func(t *testing.T) Source) {
	parts := []struct {
		name string
		run  func(t *testing.T, s Source)
	}{
		{"oldest first", oldestFirst},
		{"the cursor resumes", cursorResumes},
		{"a second look gives the same keys", sameKeys},
		{"an error of yield ends the pull and comes back", yieldError},
		{"an item that cannot be read does not stop the next", brokenItem},
		{"a pull ends with its context", pullEnds},
		{"watch wakes", watchWakes},
		{"a reply is accepted once", sendOnce},
		{"without confirmation nothing is accepted", unconfirmed},
		{"close ends everything", closeEnds},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) { part.run(t, start(t)) })
	}
	for i, fault := range start(t).Faults {
		t.Run("fault: "+fault.Name, func(t *testing.T) {
			s := start(t)
			s.fails(t, s.Faults[i])
		})
	}
}

func (s Source) open(t *testing.T) channels.Adapter {
	t.Helper()
	a := s.Open(t)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// Pulled is what one pull brought.
type Pulled struct {
	Keys   []string
	Items  []inbox.Incoming
	Cursor string
	Pages  int
}

// Pull pulls everything after a cursor and checks each page.
func Pull(t *testing.T, a channels.Adapter, cursor string) Pulled {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), limit)
	defer done()
	got := Pulled{Cursor: cursor}
	err := a.Pull(ctx, cursor, func(p channels.Page) error {
		got.add(t, p)
		return nil
	})
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return got
}

func (got *Pulled) add(t *testing.T, p channels.Page) {
	t.Helper()
	if len(p.Keys) > 100 {
		t.Errorf("a page of %d items, at most 100 are allowed", len(p.Keys))
	}
	if p.Cursor == "" {
		t.Error("a page without a cursor")
	}
	for i, key := range p.Keys {
		item, raw := p.Parse(i), p.Raw(i)
		if item.SourceKey != key.SourceKey || raw.SourceKey != key.SourceKey || key.SourceKey == "" {
			t.Errorf("key %q is %q parsed and %q raw", key.SourceKey, item.SourceKey, raw.SourceKey)
		}
		if item.At.IsZero() || item.At.After(time.Now().Add(time.Minute)) {
			t.Errorf("%s was received at %s", key.SourceKey, item.At)
		}
		if item.Problem == nil && item.Sameness == nil && item.RemoteID == "" {
			t.Errorf("%s has nothing to know it again by", key.SourceKey)
		}
		got.Keys = append(got.Keys, key.SourceKey)
		got.Items = append(got.Items, item)
	}
	got.Pages++
	got.Cursor = p.Cursor
}

func oldestFirst(t *testing.T, s Source) {
	for n := 1; n <= 3; n++ {
		s.Deliver(t, n)
	}
	got := Pull(t, s.open(t), "")
	if len(got.Items) != 3 {
		t.Fatalf("%d items, want 3: %v", len(got.Items), got.Keys)
	}
	if !slices.IsSortedFunc(got.Items, func(a, b inbox.Incoming) int { return a.At.Compare(b.At) }) {
		t.Errorf("not oldest first: %v", got.Keys)
	}
	if got.Items[0].Text == got.Items[1].Text || got.Items[0].Identity.RemoteID == "" {
		t.Errorf("items say nothing: %+v", got.Items[0])
	}
}

func cursorResumes(t *testing.T, s Source) {
	s.Deliver(t, 1)
	s.Deliver(t, 2)
	first := Pull(t, s.open(t), "")
	s.Deliver(t, 3)
	second := Pull(t, s.open(t), first.Cursor)
	if len(first.Keys) != 2 || len(second.Keys) != 1 || slices.Contains(first.Keys, second.Keys[0]) {
		t.Fatalf("first %v, then %v", first.Keys, second.Keys)
	}
	if third := Pull(t, s.open(t), second.Cursor); len(third.Keys) != 0 {
		t.Errorf("nothing is new, yet %v came", third.Keys)
	}
}

func sameKeys(t *testing.T, s Source) {
	s.Deliver(t, 1)
	s.Deliver(t, 2)
	a := s.open(t)
	if first, second := Pull(t, a, ""), Pull(t, a, ""); !slices.Equal(first.Keys, second.Keys) {
		t.Errorf("first %v, then %v", first.Keys, second.Keys)
	}
}

func yieldError(t *testing.T, s Source) {
	s.Deliver(t, 1)
	a := s.open(t)
	full := errors.New("disk full")
	if err := a.Pull(t.Context(), "", func(channels.Page) error { return full }); !errors.Is(err, full) {
		t.Errorf("pull returned %v", err)
	}
	if got := Pull(t, a, ""); len(got.Keys) != 1 {
		t.Errorf("afterwards %v came", got.Keys)
	}
}

func brokenItem(t *testing.T, s Source) {
	s.Deliver(t, 1)
	if s.Break != nil {
		s.Break(t)
	}
	s.Deliver(t, 2)
	got := Pull(t, s.open(t), "")
	var whole []string
	for _, item := range got.Items {
		if item.Problem == nil {
			whole = append(whole, item.SourceKey)
		}
	}
	if len(whole) != 2 {
		t.Errorf("%d readable items of %v", len(whole), got.Keys)
	}
	if s.Break != nil && len(got.Items) != 3 {
		t.Errorf("the broken item is not told of: %v", got.Keys)
	}
}

func pullEnds(t *testing.T, s Source) {
	s.Deliver(t, 1)
	a := s.open(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		ended <- a.Pull(ctx, "", func(channels.Page) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	within(t, "a page", begun)
	stop()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("pull returned %v", err)
		}
	case <-time.After(limit):
		t.Fatal("pull goes on after its context has ended")
	}
}

func watchWakes(t *testing.T, s Source) {
	a := s.open(t)
	w, ok := a.(channels.Watcher)
	if !ok || s.Stir == nil {
		return
	}
	ctx, stop := context.WithCancel(t.Context())
	woken := make(chan struct{}, 100)
	ended := make(chan error, 1)
	go func() { ended <- w.Watch(ctx, func() { woken <- struct{}{} }) }()
	within(t, "the wake at the beginning", woken)
	s.Stir(t)
	within(t, "the wake after something arrived", woken)
	stop()
	select {
	case <-ended:
	case <-time.After(limit):
		t.Fatal("watch goes on after its context has ended")
	}
}

func sendOnce(t *testing.T, s Source) {
	a := s.open(t)
	m := s.Reply()
	confirmed := 0
	m.Confirm = func() error { confirmed++; return nil }
	id, err := a.Send(t.Context(), m)
	if err != nil || id == "" {
		t.Fatalf("send: %q, %v", id, err)
	}
	if confirmed != 1 {
		t.Errorf("asked for confirmation %d times", confirmed)
	}
	s.accepted(t, 1)
}

func unconfirmed(t *testing.T, s Source) {
	a := s.open(t)
	m := s.Reply()
	for code, lost := range map[inbox.Code]error{
		inbox.Conflict:    inbox.Errorf(inbox.Conflict, "the lease is lost"),
		inbox.Unavailable: errors.New("the lease cannot be read"), // without a code: still certainly not sent
	} {
		m.Confirm = func() error { return lost }
		if _, err := a.Send(t.Context(), m); !errors.Is(err, lost) || inbox.CodeOf(err) != code {
			t.Errorf("send returned %v", err)
		}
	}
	// What comes after is accepted, and it alone.
	if _, err := a.Send(t.Context(), s.Reply()); err != nil {
		t.Fatal(err)
	}
	s.accepted(t, 1)
}

func closeEnds(t *testing.T, s Source) {
	a := s.Open(t)
	ended := make(chan error, 1)
	go func() { ended <- a.Close() }()
	select {
	case <-ended:
	case <-time.After(limit):
		t.Fatal("close does not return")
	}
	if err := a.Pull(t.Context(), "", func(channels.Page) error { return nil }); err == nil {
		t.Error("a closed adapter pulls")
	}
}

func (s Source) fails(t *testing.T, f Fault) {
	m := s.Reply()
	f.Make(t, &m)
	a := s.open(t)
	ctx, done := context.WithTimeout(t.Context(), limit)
	defer done()
	var err error
	if f.Pull {
		err = a.Pull(ctx, "", func(channels.Page) error { return nil })
	} else {
		_, err = a.Send(ctx, m)
	}
	e, ok := errors.AsType[*inbox.Error](err)
	if !ok {
		t.Fatalf("not an error people can read: %v", err)
	}
	if e.Code != f.Code {
		t.Errorf("code %q, want %q: %v", e.Code, f.Code, err)
	}
	if e.Msg == "" || e.Reason == nil || e.Reason.Code == "" {
		t.Errorf("an error without a sentence or reason: %+v", e)
	}
	if !f.Pull && f.Code != inbox.UncertainOf {
		s.accepted(t, 0)
	}
}

// accepted waits until the far side has accepted that many: some tell only after a while.
func (s Source) accepted(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(limit)
	got := s.Accepted(t)
	for got < want && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
		got = s.Accepted(t)
	}
	if got != want {
		t.Errorf("the far side accepted %d replies, want %d", got, want)
	}
}

func within(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(limit):
		t.Fatalf("%s did not come", what)
	}
}
