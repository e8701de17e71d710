package channels

import (
	"context"
	"errors"
	"fmt"

	"github.com/deskbell/deskbell/inbox"
)

// store hands one page to the sink. The way through is chosen so that neither a deadly item nor a
// failing disk can lose anything or hold up the rest:
//
//   - The marks are committed, the items parsed and stored together. That is every normal page.
//   - A mark from before means that the program died here: the page goes one by one, and each item
//     counts its attempt before it is read.
//   - Storing fails: the marks are taken back uncounted and the page goes one by one next time. An
//     item that fails then, while a neighbour is stored, is the culprit and counts.
func (c *run) store(ctx context.Context, p Page) error {
	if len(p.Keys) == 0 {
		return c.runner.options.Sink.Take(ctx, c.hold, nil, p.Cursor)
	}
	if !c.alone {
		taking, err := c.runner.options.Sink.Taking(ctx, c.hold, p.Keys)
		if err != nil {
			return fmt.Errorf("mark a page: %w", err)
		}
		if !taking.Alone {
			err := c.together(ctx, p, taking.Verdicts)
			c.alone = err != nil
			return err
		}
		c.alone = true
	}
	return c.oneByOne(ctx, p)
}

// together stores a page whose items are all marked.
func (c *run) together(ctx context.Context, p Page, verdicts []Verdict) error {
	if len(verdicts) != len(p.Keys) {
		return fmt.Errorf("the sink gave %d verdicts for %d items", len(verdicts), len(p.Keys))
	}
	items := make([]inbox.Incoming, 0, len(p.Keys))
	var marked []string
	for i, v := range verdicts {
		if v == Known {
			continue
		}
		items = append(items, read(p, i, v))
		marked = append(marked, p.Keys[i].SourceKey)
	}
	if err := c.runner.options.Sink.Take(ctx, c.hold, items, p.Cursor); err != nil {
		return errors.Join(fmt.Errorf("store a page: %w", err), c.release(ctx, marked))
	}
	return nil
}

// oneByOne stores a page item by item and moves the cursor only if all are stored.
func (c *run) oneByOne(ctx context.Context, p Page) error {
	var failed []string
	var firstErr error
	stored := 0
	for i, key := range p.Keys {
		taking, err := c.runner.options.Sink.Taking(ctx, c.hold, p.Keys[i:i+1])
		if err != nil {
			return fmt.Errorf("mark an item: %w", err)
		}
		if len(taking.Verdicts) != 1 {
			return errors.New("the sink gave no verdict for an item")
		}
		if taking.Verdicts[0] == Known {
			continue
		}
		item := read(p, i, taking.Verdicts[0])
		if err := c.runner.options.Sink.Take(ctx, c.hold, []inbox.Incoming{item}, ""); err != nil {
			if ctx.Err() != nil {
				return errors.Join(err, c.release(ctx, []string{key.SourceKey}))
			}
			failed = append(failed, key.SourceKey)
			firstErr = errors.Join(firstErr, err)
			continue
		}
		stored++
	}
	if len(failed) == 0 {
		return c.runner.options.Sink.Take(ctx, c.hold, nil, p.Cursor)
	}
	return errors.Join(fmt.Errorf("store items one by one: %w", firstErr), c.judge(ctx, failed, stored))
}

// judge decides whose fault failed items are: their own if others of the page were stored, now or in
// an earlier round, else the store's.
func (c *run) judge(ctx context.Context, failed []string, stored int) error {
	var innocent []string
	for _, key := range failed {
		if stored > 0 {
			c.suspects[key] = true
		}
		if !c.suspects[key] {
			innocent = append(innocent, key)
		}
	}
	return c.release(ctx, innocent)
}

// release gives marks back also when ctx has just ended: a stop is not the items' fault.
func (c *run) release(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	last, done := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer done()
	if err := c.runner.options.Sink.Release(last, c.hold, keys); err != nil {
		return fmt.Errorf("take back marks: %w", err)
	}
	return nil
}

func read(p Page, i int, v Verdict) inbox.Incoming {
	if v != SetAside {
		return p.Parse(i)
	}
	item := p.Raw(i)
	if item.Problem == nil {
		item.Problem = &inbox.Reason{Code: "reading_failed_thrice"}
	}
	return item
}
