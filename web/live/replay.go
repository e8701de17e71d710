package live

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/deskbell/deskbell/inbox"
)

type hello struct {
	Kind    string       `json:"kind"`
	Seq     int64        `json:"seq"`
	You     inbox.UserID `json:"you"`
	Version string       `json:"version"`
}

// catchUp greets the client, sends what it missed after a number (-1: nothing), and joins the hub.
// hello carries the number before the first event that may follow.
func (c *client) catchUp(ctx context.Context, after int64) error {
	select {
	case c.hub.replays <- struct{}{}:
		defer func() { <-c.hub.replays }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c.scope = c.hub.scope(c.user)
	now, err := c.hub.Store.LastSeq(ctx)
	if err != nil {
		return err
	}
	missed, err := c.missed(ctx, after, now)
	reload := errors.Is(err, errTooMuch)
	if err != nil && !reload {
		return err
	}
	c.read, c.last = now, now
	if after >= 0 && !reload {
		c.last = after
	}
	greeting, err := json.Marshal(hello{"hello", c.last, c.user, c.hub.Version})
	if err != nil {
		return err
	}
	if err := c.put(greeting); err != nil {
		return err
	}
	if reload {
		if err := c.put([]byte(`{"kind":"reload","seq":` + strconv.FormatInt(now, 10) + `}`)); err != nil {
			return err
		}
	}
	if err := c.replay(missed); err != nil {
		return err
	}
	if err := c.follow(ctx); err != nil {
		return err
	}
	c.recheck(ctx) // what ended the session while it was not in the hub yet was told to nobody
	return nil
}

// errTooMuch says that more was missed than is worth sending, or that the log does not have it all.
var errTooMuch = errors.New("too much was missed")

// missed returns the events between two numbers that the client may see now.
func (c *client) missed(ctx context.Context, after, now int64) ([]inbox.Event, error) {
	if after < 0 || after == now {
		return nil, nil
	}
	first, err := c.hub.Store.FirstSeq(ctx)
	if err != nil {
		return nil, err
	}
	if after > now || after < first-1 {
		return nil, errTooMuch
	}
	var missed []inbox.Event
	for scanned := 0; after < now; {
		events, err := c.hub.Store.EventsAfter(ctx, after, batch)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if e.Seq <= now && e.SeenBy(c.scope) {
				missed = append(missed, e)
			}
		}
		if scanned += len(events); len(missed) > maxMissed || scanned > maxScanned {
			return nil, errTooMuch
		}
		if len(events) < batch {
			break
		}
		after = events[len(events)-1].Seq
	}
	return missed, nil
}

// replay writes events in their order.
func (c *client) replay(events []inbox.Event) error {
	for _, e := range events {
		if err := c.put(newFrame(e).after(c.last)); err != nil {
			return err
		}
		c.last = e.Seq
	}
	return nil
}

// follow reads on until the hub is not ahead any more, and joins it.
func (c *client) follow(ctx context.Context) error {
	for !c.hub.join(c) {
		events, err := c.hub.Store.EventsAfter(ctx, c.read, batch)
		if err != nil {
			return err
		}
		c.scope = c.hub.scope(c.user)
		for _, e := range events {
			if e.SeenBy(c.scope) {
				if err := c.replay([]inbox.Event{e}); err != nil {
					return err
				}
			}
			c.read = e.Seq
		}
	}
	return nil
}
