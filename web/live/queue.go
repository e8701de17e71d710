package live

import (
	"slices"
	"sync"
)

// maxQueue is how many bytes may wait for a socket.
const maxQueue = 256 << 10

// queue holds frames that wait to be written to one socket.
type queue struct {
	ready chan struct{} // holds a token while something waits

	mu      sync.Mutex
	waiting []queued
	bytes   int
}

type queued struct {
	data  []byte
	event bool // of the log, or of a place in it
	ping  bool // ask for a sign of life before it
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// push adds a frame, or returns false if too much waits already.
func (q *queue) push(f queued) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+len(f.data) > maxQueue && len(q.waiting) > 0 {
		return false
	}
	q.add(f)
	return true
}

// replace puts a frame in place of all events that wait. Answers stay: nobody sends them again.
func (q *queue) replace(data []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = slices.DeleteFunc(q.waiting, func(f queued) bool { return f.event })
	q.bytes = 0
	for _, f := range q.waiting {
		q.bytes += len(f.data)
	}
	q.add(queued{data: data, event: true})
}

func (q *queue) add(f queued) {
	q.waiting = append(q.waiting, f)
	q.bytes += len(f.data)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns everything that waits; spare is where it may be put next time.
func (q *queue) take(spare []queued) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting, q.bytes = spare[:0], 0
	return taken
}
