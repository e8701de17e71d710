package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/deskbell/deskbell/cmd/internal/client"
)

// call asks for paths with several callers for some seconds and returns answers a second and the
// time below which 99 of 100 came.
func (l *lab) call(ctx context.Context, s *client.Server, path func(i int) string) (rate, p99 float64, err error) {
	ctx, done := context.WithTimeout(ctx, time.Duration(l.Seconds)*time.Second)
	defer done()
	all := s.Client() // its connections are shared, as many as callers
	times, errs := make([][]float64, l.Callers), make([]error, l.Callers)
	begun := time.Now()
	var wait sync.WaitGroup
	for caller := range l.Callers {
		wait.Go(func() {
			for i := caller; ctx.Err() == nil && errs[caller] == nil; i += l.Callers {
				asked := time.Now()
				err := all.Get(ctx, path(i), nil)
				if ctx.Err() == nil {
					times[caller], errs[caller] = append(times[caller], milliseconds(time.Since(asked))), err
				}
			}
		})
	}
	wait.Wait()
	took := time.Since(begun)
	var joined []float64
	for _, part := range times {
		joined = append(joined, part...)
	}
	return float64(len(joined)) / took.Seconds(), quantile(joined, 0.99), errors.Join(errs...)
}

// answered is how requests were answered: medians of several rounds.
type answered struct {
	rate float64 // a second
	p99  float64 // milliseconds
	cost float64 // the server's processor time a request, in milliseconds
}

// rounds measures calls as often as wanted.
func (l *lab) rounds(ctx context.Context, s *client.Server, path func(i int) string) (answered, error) {
	var rates, tails, costs []float64
	for range l.Runs {
		before, err := s.CPU()
		if err != nil {
			return answered{}, err
		}
		rate, p99, err := l.call(ctx, s, path)
		if err != nil {
			return answered{}, err
		}
		after, err := s.CPU()
		if err != nil {
			return answered{}, err
		}
		rates, tails = append(rates, rate), append(tails, p99)
		costs = append(costs, milliseconds(after-before)/(rate*float64(l.Seconds)))
	}
	return answered{median(rates), median(tails), median(costs)}, nil
}

// list is the first page of all open conversations.
func (l *lab) list(ctx context.Context) ([]figure, error) {
	s, err := l.filled(ctx)
	if err != nil {
		return nil, err
	}
	a, err := l.rounds(ctx, s, func(int) string { return "/conversations?view=all&limit=50" })
	return []figure{
		{name: fmt.Sprintf("first list page of %d conversations, %d callers", l.desk.delivered, l.Callers), value: a.rate, unit: "req/s", mark: 1500, least: true},
		{name: "first list page, p99", value: a.p99, unit: "ms", mark: 40},
		{name: "first list page, processor time of the server", value: a.cost, unit: "ms"},
	}, err
}

// thread is the newest messages of one conversation after the other.
func (l *lab) thread(ctx context.Context) ([]figure, error) {
	s, err := l.filled(ctx)
	if err != nil {
		return nil, err
	}
	var page client.Page[client.Conversation]
	if err := l.desk.client.Get(ctx, "/conversations?view=all&sort=newest&limit=200", &page); err != nil {
		return nil, err
	}
	a, err := l.rounds(ctx, s, func(i int) string { return "/conversations/" + page.Items[i%len(page.Items)].ID + "/messages" })
	return []figure{
		{name: fmt.Sprintf("thread, %d callers", l.Callers), value: a.rate, unit: "req/s", mark: 2000, least: true},
		{name: "thread, p99", value: a.p99, unit: "ms"},
		{name: "thread, processor time of the server", value: a.cost, unit: "ms"},
	}, err
}

// tellings is how many events the sockets are timed with.
const tellings = 40

// sockets is the time from an event's making to the last of many sockets that is told. The event is
// made before its commit, so the time after the commit is shorter.
func (l *lab) sockets(ctx context.Context) ([]figure, error) {
	if err := l.connected(ctx); err != nil {
		return nil, err
	}
	l.desk.write(1)
	if err := l.desk.taken(ctx); err != nil {
		return nil, err
	}
	var page client.Page[client.Conversation]
	if err := l.desk.client.Get(ctx, "/conversations?view=all&sort=newest&limit=1", &page); err != nil {
		return nil, err
	}
	told := make(chan telling, l.Sockets)
	for range l.Sockets {
		socket, _, err := l.desk.client.Live(ctx, -1)
		if err != nil {
			return nil, err
		}
		defer socket.Close()
		go hear(socket, told)
	}
	var times []float64
	for i := range tellings {
		last, err := l.tell(ctx, page.Items[0].ID, i, told)
		if err != nil {
			return nil, err
		}
		times = append(times, milliseconds(last))
	}
	return []figure{
		{name: fmt.Sprintf("event to the last of %d sockets, p50", l.Sockets), value: median(times), unit: "ms", mark: 25},
		{name: "event to the last socket, p99", value: quantile(times, 0.99), unit: "ms"},
	}, nil
}

// telling is a frame as one socket heard it.
type telling struct {
	frame []byte
	at    time.Time
}

// hear reads a socket until it ends and passes on what it says of notes.
func hear(socket *client.Socket, told chan<- telling) {
	for {
		frame, at, err := socket.Read(time.Now().Add(2 * time.Minute))
		if err != nil {
			return
		}
		if bytes.Contains(frame, []byte(`"note.added"`)) {
			told <- telling{frame: frame, at: at}
		}
	}
}

// tell writes a note and returns how long it took until every socket had heard of it.
func (l *lab) tell(ctx context.Context, conversation string, i int, told <-chan telling) (time.Duration, error) {
	err := l.desk.client.Do(ctx, http.MethodPost, "/conversations/"+conversation+"/notes", fmt.Sprintf("note-%d", i),
		map[string]any{"text": "A note."}, nil)
	if err != nil {
		return 0, err
	}
	var made, last time.Time
	deadline := time.After(30 * time.Second)
	for n := range l.Sockets {
		select {
		case t := <-told:
			if n == 0 {
				frame, err := client.Parse(t.frame)
				if err != nil {
					return 0, err
				}
				made = frame.At
			}
			if t.at.After(last) {
				last = t.at
			}
		case <-deadline:
			return 0, fmt.Errorf("%d of %d sockets heard of the note", n, l.Sockets)
		}
	}
	return last.Sub(made), nil
}
