package outbox

import (
	"sync"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

const (
	sendsPerConnection = 4         // mail servers and marketplaces dislike more at once
	largeMessage       = 1 << 20   // bytes of files from which memory is counted
	largeAtOnce        = 128 << 20 // bytes of files that are held in memory by all sends
	shortWait          = 50 * time.Millisecond
	shortestStep       = 5 * time.Millisecond
	longWait           = 15 * time.Second
)

// gate bounds how much is sent at once: a few messages a connection, so that a dead one cannot use
// up the workers, and a sum of large files.
type gate struct {
	mu    sync.Mutex
	lines map[inbox.ConnectionID]*line
	bytes int64
}

// line is what is known of one connection.
type line struct {
	sending int
	took    time.Duration // smoothed time of one send
	next    time.Time     // when the next one that is turned away may come again
}

func newGate() *gate { return &gate{lines: map[inbox.ConnectionID]*line{}} }

// enter admits one send. leave is nil if there is no room; then wait says when to come again: those
// turned away are dealt out over the time that the far side needs for them.
func (g *gate) enter(connection inbox.ConnectionID, size int64) (leave func(), wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.lines[connection]
	if l == nil {
		l = &line{}
		g.lines[connection] = l
	}
	counted := int64(0)
	if size >= largeMessage {
		counted = size
	}
	now := time.Now()
	if l.sending >= sendsPerConnection || counted > 0 && g.bytes > 0 && g.bytes+counted > largeAtOnce {
		if soon := now.Add(shortWait); l.next.Before(soon) {
			l.next = soon
		}
		l.next = l.next.Add(max(l.took/sendsPerConnection, shortestStep))
		return nil, min(l.next.Sub(now), longWait)
	}
	l.sending++
	g.bytes += counted
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		l.sending--
		l.took = (3*l.took + time.Since(now)) / 4
		g.bytes -= counted
		if l.sending == 0 && l.next.Before(time.Now()) {
			delete(g.lines, connection)
		}
	}, 0
}
