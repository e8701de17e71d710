package live

import "sync"

// maxQueue is how many bytes may wait for a socket before it counts as too slow.
const maxQueue = 256 << 10

// queue holds frames that wait to be written to one socket.
type queue struct {
	ready chan struct{} // holds a token while something waits

	mu      sync.Mutex
	waiting []queued
	bytes   int
}

type queued struct {
	data []byte
	ping bool // ask for a sign of life before it
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// push adds a frame, or returns false if too much waits already.
func (q *queue) push(data []byte, ping bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+len(data) > maxQueue && len(q.waiting) > 0 {
		return false
	}
	q.waiting = append(q.waiting, queued{data, ping})
	q.bytes += len(data)
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true
}

// take returns everything that waits; spare is where it may be put next time.
func (q *queue) take(spare []queued) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting, q.bytes = spare[:0], 0
	return taken
}
