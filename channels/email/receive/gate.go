package receive

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// gate lets peers in: those of allowed networks, and not too many at once.
type gate struct {
	allow  []netip.Prefix
	limits Limits
	log    *slog.Logger

	mu     sync.Mutex
	shut   bool
	lines  map[*line]struct{}
	peers  map[netip.Prefix]int    // connections open
	budget map[netip.Prefix]*quota // mails a peer may still hand over
}

func newGate(allow []netip.Prefix, limits Limits, log *slog.Logger) *gate {
	if len(allow) == 0 {
		allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	return &gate{allow: allow, limits: limits, log: log, lines: map[*line]struct{}{}, peers: map[netip.Prefix]int{}, budget: map[netip.Prefix]*quota{}}
}

// guarded is a listener behind a gate.
type guarded struct {
	net.Listener
	gate *gate
}

func (g *gate) listen(l net.Listener) net.Listener { return guarded{l, g} }

// Accept returns the next peer that may come in; others are told why not.
func (g guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l, refusal := g.gate.enter(conn)
		if refusal == "" {
			return l, nil
		}
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write([]byte(refusal + "\r\n")) // told as a courtesy
		_ = conn.Close()
	}
}

// enter makes the line of a peer, or says why it may not come in.
func (g *gate) enter(conn net.Conn) (l *line, refusal string) {
	address, key := peerOf(conn)
	if address.IsValid() && !g.allowed(address) {
		g.log.Warn("a peer that is not allowed tried to hand mail over", "peer", address.String())
		return nil, "554 5.7.1 You may not hand mail over here"
	}
	l = &line{Conn: conn, gate: g, key: key}
	if address.IsValid() {
		l.peer = address.String()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.shut:
		return nil, "421 4.3.2 Closing, try again soon"
	case len(g.lines) >= g.limits.Connections:
		return nil, "421 4.7.0 Too many connections, try again later"
	case address.IsValid() && g.peers[key] >= g.limits.PeerConnections:
		return nil, "421 4.7.0 Too many connections from you, try again later"
	}
	g.lines[l] = struct{}{}
	g.peers[key]++
	return l, ""
}

func (g *gate) leave(l *line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, in := g.lines[l]; !in {
		return
	}
	delete(g.lines, l)
	if g.peers[l.key]--; g.peers[l.key] <= 0 {
		delete(g.peers, l.key)
	}
}

func (g *gate) allowed(address netip.Addr) bool {
	for _, network := range g.allow {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// peerOf returns the address of a peer and what its limits are counted by: the address, for IPv6 its
// network, as anybody has a whole one. Both are zero on a socket of this machine.
func peerOf(conn net.Conn) (address netip.Addr, key netip.Prefix) {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, netip.Prefix{}
	}
	address = tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	key, _ = address.Prefix(bits) // of an address that is valid, by bits that fit
	return address, key
}

// quota is how many mails a peer may hand over: it fills with time.
type quota struct {
	left float64
	at   time.Time
}

const mostQuotas = 1000

// mayHand counts a mail of a peer and tells whether it is within its rate.
func (g *gate) mayHand(key netip.Prefix) bool {
	if !key.IsValid() {
		return true // our own machine's mail server
	}
	now, full := time.Now(), float64(g.limits.PeerRate)
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.budget[key]
	if q == nil {
		if len(g.budget) >= mostQuotas {
			g.forget(now)
		}
		q = &quota{left: full, at: now}
		g.budget[key] = q
	}
	q.left = min(full, q.left+now.Sub(q.at).Minutes()*full)
	q.at = now
	if q.left < 1 {
		return false
	}
	q.left--
	return true
}

// forget drops the quotas that are full again.
func (g *gate) forget(now time.Time) {
	for key, q := range g.budget {
		if now.Sub(q.at) > time.Minute {
			delete(g.budget, key)
		}
	}
}

func (g *gate) closing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// close lets nobody in any more and ends every connection that hands no mail over just now.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for l := range g.lines {
		l.finish()
	}
}

// cut ends all connections at once.
func (g *gate) cut() {
	g.mu.Lock()
	lines := make([]*line, 0, len(g.lines))
	for l := range g.lines {
		lines = append(lines, l)
	}
	g.mu.Unlock()
	for _, l := range lines {
		_ = l.Close() // whatever it says, it is closed
	}
}
