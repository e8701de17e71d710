package bus

import (
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// NATS is the bus of nodes that share a NATS server.
type NATS struct {
	*Local
	health
	connection           *nats.Conn
	logTopic, whereabout string // subjects
	log                  *slog.Logger
}

// NewNATS starts the bus on the server at url, nats:// or tls://, with credentials in it if need be.
// name keeps installations that share a server apart and is the same on all nodes of one. It
// connects in the background and again for ever: see Health. The error says that url is not one.
func NewNATS(url, name string, log *slog.Logger) (*NATS, error) {
	if name == "" {
		return nil, errors.New("bus: NATS needs the name of the installation")
	}
	b := &NATS{Local: NewLocal(), logTopic: "deskbell." + name + ".log", whereabout: "deskbell." + name + ".presence", log: log}
	b.set(errStarting)
	ready := make(chan struct{}) // the handlers below wait until b is complete
	arrived := func(*nats.Conn) { <-ready; b.arrived() }
	connection, err := nats.Connect(url,
		nats.Name("deskbell"),
		nats.NoEcho(), // our own readers were told directly
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(pauseBefore),
		nats.ReconnectBufSize(-1), // what is old by then is better forgotten
		nats.PingInterval(20*time.Second),
		nats.ConnectHandler(arrived),
		nats.ReconnectHandler(arrived),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { <-ready; b.left(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("bus: NATS", "error", err) }),
	)
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	b.connection = connection
	_, err = connection.Subscribe(b.logTopic, func(m *nats.Msg) {
		if seq, err := strconv.ParseInt(string(m.Data), 10, 64); err == nil {
			b.Local.Announce(seq)
		}
	})
	if err == nil {
		_, err = connection.Subscribe(b.whereabout, func(m *nats.Msg) {
			if check(m.Data) == nil {
				b.spread(m.Data)
			}
		})
	}
	close(ready)
	if err != nil {
		connection.Close()
		return nil, fmt.Errorf("bus: %w", err)
	}
	return b, nil
}

// pauseBefore grows from 0.1 s to 10 s, with jitter, so that nodes do not return in step.
func pauseBefore(attempt int) time.Duration {
	pause := min(shortestPause<<min(attempt, 10), longestPause)
	return pause/2 + mathrand.N(pause)
}

// arrived runs whenever the server was reached. It makes up for what could not be said or heard.
func (b *NATS) arrived() {
	if err := b.connection.FlushTimeout(connectTimeout); err != nil { // the subscriptions stand now
		b.left(err)
		return
	}
	b.gap()
	if seq := b.last(); seq > 0 {
		b.tell(seq)
	}
	if b.set(nil) {
		b.log.Info("bus: connected to NATS")
	}
}

func (b *NATS) left(err error) {
	if b.connection.IsClosed() {
		return // by ourselves
	}
	if err == nil {
		err = errors.New("the connection to NATS ended")
	}
	if b.set(err) {
		b.log.Warn("bus: connection to NATS lost, trying again", "error", err)
	}
}

// Announce implements Bus.
func (b *NATS) Announce(seq int64) {
	b.Local.Announce(seq)
	b.tell(seq)
}

func (b *NATS) tell(seq int64) {
	// An error means that the server is away: arrived says it again.
	_ = b.connection.Publish(b.logTopic, strconv.AppendInt(nil, seq, 10))
}

// Share implements Bus.
func (b *NATS) Share(message []byte) error {
	if err := b.Local.Share(message); err != nil {
		return err
	}
	_ = b.connection.Publish(b.whereabout, message) // the server is away: presence may be lost
	return nil
}

// Health implements Bus.
func (b *NATS) Health() error { return b.health.Health() }

// Close implements Bus.
func (b *NATS) Close() error {
	if b.connection.IsConnected() {
		_ = b.connection.FlushTimeout(time.Second) // a server that left meanwhile has nobody to tell
	}
	b.connection.Close()
	return b.Local.Close()
}
