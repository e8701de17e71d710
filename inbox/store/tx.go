package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// Tx is a transaction. It is bound to the goroutine that runs the function given to InTx.
type Tx struct {
	queries
	sqlTx  *sql.Tx
	conn   *bun.Conn // PostgreSQL alone: the pinned connection
	events []inbox.Event
	after  []func()
}

// tries bounds how often a transaction that lost to another one is repeated.
const tries = 8

// InTx runs fn in one transaction and commits if it returns nil. fn may run more than once (a
// deadlock on PostgreSQL, another process writing on SQLite), so it must touch nothing but tx and
// must not do network calls. The events fn appended get their numbers in the last statement before
// the commit, so that numbers and commits have the same order.
func (s *Store) InTx(ctx context.Context, fn func(tx *Tx) error) error {
	for try := 1; ; try++ {
		seq, after, err := s.once(ctx, fn)
		switch {
		case err == nil:
			s.announce(seq)
			for _, f := range after {
				f()
			}
			return nil
		case try == tries || !transient(err):
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(time.Duration(try*try) * time.Millisecond):
		}
	}
}

// once is one try of a transaction; seq is the highest event number, 0 without events.
func (s *Store) once(ctx context.Context, fn func(tx *Tx) error) (seq int64, after []func(), err error) {
	run := func(btx bun.Tx, conn *bun.Conn) error {
		tx := &Tx{queries: queries{db: btx, now: s.now, postgres: s.postgres}, sqlTx: btx.Tx, conn: conn}
		if err := fn(tx); err != nil {
			return err
		}
		after = tx.after
		var err error
		seq, err = tx.flush(ctx)
		return err
	}
	if !s.postgres {
		err = s.write.RunInTx(ctx, nil, func(_ context.Context, btx bun.Tx) error { return run(btx, nil) })
		return seq, after, err
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	err = conn.RunInTx(ctx, nil, func(_ context.Context, btx bun.Tx) error { return run(btx, &conn) })
	return seq, after, err
}

// announce tells those who asked that the log has grown to seq.
func (s *Store) announce(seq int64) {
	if seq == 0 {
		return
	}
	s.mu.Lock()
	listeners := s.committed
	s.mu.Unlock()
	for _, f := range listeners {
		f(seq)
	}
}

// Append puts an event into the log when the transaction commits. At is now if it is zero.
func (tx *Tx) Append(e inbox.Event) {
	if e.At.IsZero() {
		e.At = tx.now()
	}
	tx.events = append(tx.events, e)
}

// AfterCommit runs f once the transaction has committed; it must not block.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// SQL returns the transaction for a library that enqueues jobs on SQLite.
func (tx *Tx) SQL() *sql.Tx { return tx.sqlTx }

// Pgx calls f with the transaction as pgx sees it, on PostgreSQL. f cannot end it.
func (tx *Tx) Pgx(f func(pgx.Tx) error) error {
	if tx.conn == nil {
		return errors.New("this transaction is not on PostgreSQL")
	}
	return tx.conn.Raw(func(driver any) error { return f(borrowed{driver.(*stdlib.Conn).Conn()}) })
}

// borrowed shows a transaction that database/sql began, and alone may end, as a pgx.Tx.
type borrowed struct{ connection }
type connection = *pgx.Conn

var errBorrowed = errors.New("only the owner of this transaction may begin, commit or roll back")

func (b borrowed) Begin(context.Context) (pgx.Tx, error) { return nil, errBorrowed }
func (b borrowed) Commit(context.Context) error          { return errBorrowed }
func (b borrowed) Rollback(context.Context) error        { return errBorrowed }
func (b borrowed) LargeObjects() pgx.LargeObjects        { panic("large objects are not used") }
func (b borrowed) Conn() *pgx.Conn                       { return b.connection }

// logLock is the key of the advisory lock that orders event numbers by commit.
const logLock = 0x6465736b62656c6c // "deskbell"

// LogChannel is the PostgreSQL channel that carries the highest event number of each commit.
const LogChannel = "deskbell_log"

// flush draws numbers for the collected events and inserts them; nothing may be written after it.
func (tx *Tx) flush(ctx context.Context) (int64, error) {
	if len(tx.events) == 0 {
		return 0, nil
	}
	rows := make([]eventRow, len(tx.events))
	for i, e := range tx.events {
		data, err := json.Marshal(e.Data)
		if err != nil {
			return 0, fmt.Errorf("event %s: %w", e.Kind, err)
		}
		if e.Data == nil {
			data = []byte("{}")
		}
		rows[i] = eventRow{Kind: string(e.Kind), At: micros(e.At), Shop: int64(e.Shop), Conversation: int64(e.Conversation),
			Actor: int64(e.Actor), From: int64(e.From), To: int64(e.To), Data: string(data)}
	}
	insert := tx.db.NewInsert().Model(&rows).Returning("seq")
	var seq int64
	if !tx.postgres {
		if _, err := insert.Exec(ctx); err != nil {
			return 0, fmt.Errorf("append events: %w", err)
		}
		return rows[len(rows)-1].Seq, nil
	}
	if _, err := tx.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(logLock)); err != nil {
		return 0, fmt.Errorf("order events: %w", err)
	}
	err := tx.db.NewRaw("WITH added AS (?), top AS (SELECT max(seq) AS seq FROM added) SELECT seq FROM top, LATERAL pg_notify(?, seq::text)",
		insert, LogChannel).Scan(ctx, &seq)
	if err != nil {
		return 0, fmt.Errorf("append events: %w", err)
	}
	return seq, nil
}
