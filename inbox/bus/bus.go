// Package bus says "look again" between the goroutines of a node and between nodes. It carries
// numbers of the event log, never what happened, and who is looking at what (presence). The
// database is the truth: whatever the bus loses is found by the next look, so a reader also looks
// on a slow tick of its own.
//
// There are three: Local within one process, Postgres by LISTEN and NOTIFY, NATS by a broker. All
// tell the subscribers of their own node at once, also while the way to the others is down.
package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Bus is the way to the other readers of the log. Safe for concurrent use; nothing in it blocks.
type Bus interface {
	// Announce says that the log has been committed up to number seq.
	Announce(seq int64)
	// Share hands a presence message, a JSON value of at most MaxPresence bytes, to every
	// subscriber of every node, this one included. It may be lost on the way. The error only ever
	// says that the message is not such a value.
	Share(message []byte) error
	// Subscribe returns a new subscription. Its first Sign is a Gap: look once at the beginning.
	Subscribe() *Subscription
	// Health is nil while other nodes are reached, and says what is wrong else.
	Health() error
	// Close ends the bus and its subscriptions.
	Close() error
}

// MaxPresence is the size of the largest presence message in bytes, given by NOTIFY's limit of
// 8,000 less what we put in front.
const MaxPresence = 7_900

// Sign tells a reader of the log how far it has grown.
type Sign struct {
	Seq int64 // the highest number this node has heard of, 0 if of none
	// Gap says that numbers may have been missed: look, whatever Seq is.
	Gap bool
}

// Subscription is one reader's end. Both channels are closed with it or with the bus.
type Subscription struct {
	// Log holds at most one Sign. A slow reader finds the newest one, joined with those it missed.
	Log <-chan Sign
	// Presence holds the messages shared; when a slow reader's is full, further ones are dropped.
	Presence <-chan []byte

	fan      *Local
	log      chan Sign
	presence chan []byte
}

// presenceQueue is how many presence messages wait for a reader, and on the way to other nodes.
const presenceQueue = 256

// Local is the bus of a single node, and the part of the others that tells a node's own readers.
type Local struct {
	mu            sync.Mutex
	highest       int64
	subscriptions map[*Subscription]struct{}
	closed        bool
}

// NewLocal returns a bus within this process.
func NewLocal() *Local { return &Local{subscriptions: map[*Subscription]struct{}{}} }

// Announce implements Bus.
func (l *Local) Announce(seq int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq <= l.highest {
		return
	}
	l.highest = seq
	l.sign(Sign{Seq: seq})
}

// gap tells every reader to look, because word may have been lost.
func (l *Local) gap() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sign(Sign{Seq: l.highest, Gap: true})
}

func (l *Local) sign(s Sign) {
	for subscription := range l.subscriptions {
		subscription.put(s)
	}
}

// put replaces the waiting Sign, if any, by one that says both. The caller holds the lock of the
// bus, so nobody else puts between taking and giving back.
func (s *Subscription) put(sign Sign) {
	select {
	case waiting := <-s.log:
		sign = Sign{Seq: max(sign.Seq, waiting.Seq), Gap: sign.Gap || waiting.Gap}
	default:
	}
	s.log <- sign
}

func (l *Local) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.highest
}

// Share implements Bus.
func (l *Local) Share(message []byte) error {
	if err := check(message); err != nil {
		return err
	}
	l.spread(message)
	return nil
}

// check refuses what one of the three could not carry.
func check(message []byte) error {
	if len(message) > MaxPresence {
		return fmt.Errorf("presence message has %d bytes, at most %d travel", len(message), MaxPresence)
	}
	if !json.Valid(message) || strings.ContainsRune(string(message), 0) {
		return errors.New("presence message is not JSON")
	}
	return nil
}

func (l *Local) spread(message []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for subscription := range l.subscriptions {
		select {
		case subscription.presence <- message:
		default: // this reader is slow; the next sign of life replaces what it misses
		}
	}
}

// Subscribe implements Bus.
func (l *Local) Subscribe() *Subscription {
	s := &Subscription{fan: l, log: make(chan Sign, 1), presence: make(chan []byte, presenceQueue)}
	s.Log, s.Presence = s.log, s.presence
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		s.end()
		return s
	}
	l.subscriptions[s] = struct{}{}
	s.put(Sign{Seq: l.highest, Gap: true})
	return s
}

// Close ends the subscription. Closing twice does nothing.
func (s *Subscription) Close() {
	s.fan.mu.Lock()
	defer s.fan.mu.Unlock()
	if _, open := s.fan.subscriptions[s]; open {
		delete(s.fan.subscriptions, s)
		s.end()
	}
}

func (s *Subscription) end() {
	close(s.log)
	close(s.presence)
}

// Health implements Bus: a node alone always reaches itself.
func (l *Local) Health() error { return nil }

// Close implements Bus.
func (l *Local) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for subscription := range l.subscriptions {
		delete(l.subscriptions, subscription)
		subscription.end()
	}
	return nil
}

// health is the state of the way to other nodes.
type health struct {
	mu  sync.Mutex
	err error
}

func (h *health) set(err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed = (h.err == nil) != (err == nil)
	h.err = err
	return changed
}

// Health implements Bus.
func (h *health) Health() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

var errStarting = errors.New("not connected yet")
