package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/client"
)

// backlog is how fast the mails of a mailbox are stored and assigned, from the moment it is
// connected. The last server stays for the measurements that follow.
func (l *lab) backlog(ctx context.Context) ([]figure, error) {
	var rates, costs []float64
	for run := range l.Runs {
		s, err := l.fresh(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := s.Start(ctx); err != nil {
			return nil, err
		}
		rate, cost, err := l.oneBacklog(ctx, s)
		if err != nil {
			return nil, errors.Join(err, s.Stop())
		}
		rates, costs = append(rates, rate), append(costs, cost)
		if run == l.Runs-1 {
			l.server = s
		} else if err := s.Stop(); err != nil {
			return nil, err
		}
	}
	least := 1000.0
	if l.Database != "" {
		least = 700
	}
	return []figure{
		{name: fmt.Sprintf("backlog of %d mails, stored and assigned", l.Backlog), value: median(rates), unit: "mails/s", mark: least, least: true},
		{name: "processor time of the server a mail", value: median(costs), unit: "ms", mark: 2},
	}, nil
}

// oneBacklog returns mails a second and processor milliseconds a mail.
func (l *lab) oneBacklog(ctx context.Context, s *client.Server) (rate, cost float64, err error) {
	if l.desk, err = openDesk(ctx, s, l.mail); err != nil {
		return 0, 0, err
	}
	l.desk.write(l.Backlog)
	before, err := s.CPU()
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	if err := l.desk.connect(ctx); err != nil {
		return 0, 0, err
	}
	if err := l.desk.taken(ctx); err != nil {
		return 0, 0, err
	}
	took := time.Since(begun)
	after, err := s.CPU()
	if err != nil {
		return 0, 0, err
	}
	return float64(l.Backlog) / took.Seconds(), milliseconds(after-before) / float64(l.Backlog), l.desk.assigned(ctx)
}

// samples is how many mails and replies are timed, one after the other.
const samples = 100

// arrival is the time from a mail's coming into the mailbox to its frame on a websocket.
func (l *lab) arrival(ctx context.Context) ([]figure, error) {
	if err := l.connected(ctx); err != nil {
		return nil, err
	}
	if err := l.desk.taken(ctx); err != nil {
		return nil, err
	}
	socket, _, err := l.desk.client.Live(ctx, -1)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	var times []float64
	for range samples {
		begun := time.Now()
		l.desk.write(1)
		if _, err := socket.Until(begun.Add(time.Minute+30*time.Second), func(f client.Frame) bool { return f.Kind == "message.received" }); err != nil {
			return nil, err
		}
		times = append(times, milliseconds(time.Since(begun)))
	}
	return []figure{
		{name: "new mail to websocket, p50", value: median(times), unit: "ms", mark: 1000},
		{name: "new mail to websocket, p99", value: quantile(times, 0.99), unit: "ms"},
	}, nil
}

// reply is the time from a reply's request to its last byte at the mail server, without time to undo.
func (l *lab) reply(ctx context.Context) ([]figure, error) {
	if err := l.connected(ctx); err != nil {
		return nil, err
	}
	if l.desk.delivered < samples {
		l.desk.write(samples - l.desk.delivered)
	}
	if err := l.desk.taken(ctx); err != nil {
		return nil, err
	}
	var page client.Page[client.Conversation]
	if err := l.desk.client.Get(ctx, fmt.Sprintf("/conversations?view=all&sort=newest&limit=%d", samples), &page); err != nil {
		return nil, err
	}
	submitted := make(chan time.Time, 1)
	l.desk.box.OnSubmit(func(emailtest.Submission) { submitted <- time.Now() })
	defer l.desk.box.OnSubmit(nil)
	var times []float64
	for _, c := range page.Items {
		begun := time.Now()
		if err := l.desk.client.Do(ctx, http.MethodPost, "/conversations/"+c.ID+"/replies", "load-"+c.ID,
			map[string]any{"text": "Thank you, it is on its way."}, nil); err != nil {
			return nil, err
		}
		select {
		case at := <-submitted:
			times = append(times, milliseconds(at.Sub(begun)))
		case <-time.After(time.Minute):
			return nil, fmt.Errorf("the reply to conversation %s did not reach the mail server", c.ID)
		}
	}
	return []figure{
		{name: "reply to mail server, p50", value: median(times), unit: "ms", mark: 60},
		{name: "reply to mail server, p99", value: quantile(times, 0.99), unit: "ms"},
	}, nil
}
