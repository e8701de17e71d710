package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is the bus of nodes that share a PostgreSQL database. Other nodes hear of a commit by
// the NOTIFY the store puts into the transaction itself, so Announce only tells this node; presence
// goes out from here. It keeps two connections and needs a server, or a pooler in session mode.
type Postgres struct {
	*Local
	health
	config     *pgx.ConnConfig
	logChannel string
	node       string // marks our own presence messages, which come back to us
	log        *slog.Logger
	outgoing   chan string
	stop       context.CancelFunc
	workers    sync.WaitGroup
}

const (
	presenceChannel = "deskbell_presence"
	nodeMark        = 16 // characters of a node's mark in front of each presence message

	connectTimeout = 10 * time.Second
	// A line that fell silent is asked whether it still lives.
	silence        = time.Minute
	shareTimeout   = 2 * time.Second
	shortestPause  = 100 * time.Millisecond
	longestPause   = 10 * time.Second
	notifyPresence = "SELECT pg_notify('" + presenceChannel + "', $1)"
)

// NewPostgres starts the bus on the database at dsn; logChannel is where the store notifies. It
// connects in the background and again for ever: see Health. The error says that dsn is not one.
func NewPostgres(dsn, logChannel string, log *slog.Logger) (*Postgres, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	config.ConnectTimeout = connectTimeout
	ctx, stop := context.WithCancel(context.Background())
	b := &Postgres{
		Local: NewLocal(), config: config, logChannel: logChannel, node: rand.Text()[:nodeMark], log: log,
		outgoing: make(chan string, presenceQueue), stop: stop,
	}
	b.set(errStarting)
	b.workers.Go(func() { b.keep(ctx, "listen", b.listen) })
	b.workers.Go(func() { b.keep(ctx, "share", b.send) })
	return b, nil
}

// Share implements Bus.
func (b *Postgres) Share(message []byte) error {
	if err := b.Local.Share(message); err != nil {
		return err
	}
	select {
	case b.outgoing <- b.node + string(message):
	default: // the database is slow or away; presence may be lost
	}
	return nil
}

// Health implements Bus.
func (b *Postgres) Health() error { return b.health.Health() }

// Close implements Bus.
func (b *Postgres) Close() error {
	b.stop()
	b.workers.Wait()
	return b.Local.Close()
}

// keep runs work on a connection of its own, and again on a new one when that ends, until ctx does.
func (b *Postgres) keep(ctx context.Context, name string, work func(context.Context, *pgx.Conn) error) {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		connection, err := pgx.ConnectConfig(ctx, b.config)
		if err == nil {
			started := time.Now()
			err = work(ctx, connection)
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			_ = connection.Close(closing) // broken already, or ours to end
			cancel()
			if time.Since(started) > longestPause {
				pause = shortestPause
			}
		}
		if ctx.Err() != nil {
			return
		}
		b.log.Warn("bus: connection lost, trying again", "work", name, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause/2 + mathrand.N(pause)):
		}
	}
}

// listen passes on what other nodes say until the connection breaks.
func (b *Postgres) listen(ctx context.Context, connection *pgx.Conn) (err error) {
	defer func() { b.set(err) }()
	for _, channel := range []string{b.logChannel, presenceChannel} {
		if _, err := connection.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return err
		}
	}
	b.gap() // what was committed until now was not heard
	if b.set(nil) {
		b.log.Info("bus: listening")
	}
	for {
		notification, err := next(ctx, connection)
		if err != nil {
			return err
		}
		if notification != nil {
			b.hear(notification)
		}
	}
}

// next waits for a notification. After a silence it makes sure that the server is still there and
// returns nil.
func next(ctx context.Context, connection *pgx.Conn) (*pgconn.Notification, error) {
	waiting, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	notification, err := connection.WaitForNotification(waiting)
	if err == nil || ctx.Err() != nil || !errors.Is(waiting.Err(), context.DeadlineExceeded) {
		return notification, err
	}
	asking, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return nil, connection.Ping(asking)
}

func (b *Postgres) hear(notification *pgconn.Notification) {
	switch notification.Channel {
	case b.logChannel:
		if seq, err := strconv.ParseInt(notification.Payload, 10, 64); err == nil {
			b.Announce(seq)
		}
	case presenceChannel:
		if len(notification.Payload) > nodeMark && !strings.HasPrefix(notification.Payload, b.node) {
			b.spread([]byte(notification.Payload[nodeMark:]))
		}
	}
}

// send sends what was shared until the connection breaks; the message it broke on is lost.
func (b *Postgres) send(ctx context.Context, connection *pgx.Conn) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case message := <-b.outgoing:
			sending, cancel := context.WithTimeout(ctx, shareTimeout)
			_, err := connection.Exec(sending, notifyPresence, message)
			cancel()
			if err != nil {
				return err
			}
		}
	}
}
