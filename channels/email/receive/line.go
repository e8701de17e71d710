package receive

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// line is the connection of a peer. A read that failed once fails for ever: what follows a mail that
// was broken off, such as the rest of its text, must not be taken for commands.
type line struct {
	net.Conn
	gate *gate
	peer string // address; "" on a socket of this machine
	key  netip.Prefix

	mu     sync.Mutex
	failed error
	busy   bool // a mail is being handed over
	ending bool // to be ended as soon as it is not busy
}

// lineOf finds the line under a connection that may be encrypted.
func lineOf(conn net.Conn) *line {
	for {
		if l, ok := conn.(*line); ok {
			return l
		}
		conn = conn.(interface{ NetConn() net.Conn }).NetConn() // *tls.Conn is the only other one
	}
}

func (l *line) Read(b []byte) (int, error) {
	l.mu.Lock()
	failed := l.failed
	l.mu.Unlock()
	if failed != nil {
		return 0, failed
	}
	n, err := l.Conn.Read(b)
	if err != nil {
		l.mu.Lock()
		l.failed = err
		l.mu.Unlock()
	}
	return n, err
}

// SetReadDeadline has a line that is to end, end: the next command is not waited for.
func (l *line) SetReadDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending && !l.busy {
		t = past
	}
	return l.Conn.SetReadDeadline(t)
}

var past = time.Unix(1, 0)

// begin and end frame the handing over of a mail, which a stop waits for.
func (l *line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = true
}

func (l *line) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = false
}

// finish ends the line once no mail is being handed over.
func (l *line) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true
	if !l.busy {
		_ = l.Conn.SetReadDeadline(past) // the server answers 421 and closes
	}
}

func (l *line) Close() error {
	l.gate.leave(l)
	return l.Conn.Close()
}
