package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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
	select { // a socket that joined before would miss what is written until then
	case <-c.hub.begun:
	case <-ctx.Done():
		return ctx.Err()
	}
	now, missed, err := c.find(ctx, after)
	tooMuch := errors.Is(err, errTooMuch)
	if err != nil && !tooMuch {
		return err
	}
	c.read, c.last = now, now
	if after >= 0 && !tooMuch {
		c.last = after
	}
	greeting, err := json.Marshal(hello{"hello", c.last, c.user, c.hub.Version})
	if err != nil {
		return err
	}
	if err := c.put(greeting); err != nil {
		return err
	}
	if tooMuch {
		if err := c.put(reload(now)); err != nil {
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

// reload is the word to read everything again that was shown up to a number.
func reload(seq int64) []byte { return fmt.Appendf(nil, `{"kind":"reload","seq":%d}`, seq) }

// find reads where the log stands and what was missed. Only some may do so at once; a client that
// takes it slowly holds up nobody, because it is written later.
func (c *client) find(ctx context.Context, after int64) (now int64, missed []inbox.Event, err error) {
	select {
	case c.hub.replays <- struct{}{}:
		defer func() { <-c.hub.replays }()
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
	c.scope = c.hub.scope(c.user)
	if now, err = c.hub.Store.LastSeq(ctx); err != nil {
		return 0, nil, err
	}
	now = max(now, c.hub.last()) // a log that was trimmed to nothing has no end of its own
	missed, err = c.missed(ctx, after, now)
	return now, missed, err
}

// errTooMuch says that more was missed than is worth sending, or that the log does not have it all.
var errTooMuch = errors.New("too much was missed")

// missed returns the events between two numbers that the client may see now.
func (c *client) missed(ctx context.Context, after, now int64) ([]inbox.Event, error) {
	if after < 0 || after == now {
		return nil, nil
	}
	if after > now {
		return nil, errTooMuch
	}
	missed, err := c.between(ctx, after, now)
	if err != nil {
		return nil, err
	}
	// Asked last, because the log may be trimmed while it is read.
	first, err := c.hub.Store.FirstSeq(ctx)
	if err != nil {
		return nil, err
	}
	if first == 0 || after < first-1 {
		return nil, errTooMuch
	}
	return missed, nil
}

// between reads the events after a number, up to another one, that the client may see now.
func (c *client) between(ctx context.Context, after, now int64) (missed []inbox.Event, err error) {
	for scanned := 0; after < now; {
		events, err := c.hub.Store.EventsAfter(ctx, after, batch)
		if err != nil || len(events) == 0 {
			return missed, err
		}
		shown, err := c.visible(ctx, events)
		if err != nil {
			return nil, err
		}
		for _, e := range shown {
			if e.Seq <= now {
				missed = append(missed, e)
			}
		}
		scanned += len(events)
		if len(missed) > maxMissed || scanned > maxScanned || c.hub.Store.Now().Sub(events[0].At) > oldest {
			return nil, errTooMuch
		}
		after = events[len(events)-1].Seq
	}
	return missed, nil
}

// visible returns those of some events that the client may see.
func (c *client) visible(ctx context.Context, events []inbox.Event) ([]inbox.Event, error) {
	roles, err := c.hub.rolesFor(ctx, events)
	if err != nil {
		return nil, err
	}
	var shown []inbox.Event
	for _, e := range events {
		if e.SeenBy(c.scope, roles) {
			shown = append(shown, e)
		}
	}
	return shown, nil
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
		shown, err := c.visible(ctx, events)
		if err == nil {
			err = c.replay(shown)
		}
		if err != nil {
			return err
		}
		if len(events) > 0 {
			c.read = events[len(events)-1].Seq
		}
	}
	return nil
}
