// Package store keeps everything the product knows, in SQLite or PostgreSQL. Only a [Tx] can write,
// so a write outside a transaction does not compile; each change and its event commit together.
// Lists, counts and searches take an rbac.Scope. Rows are unexported: methods take and return the
// words of package inbox. Times are microseconds UTC in both databases; this package alone converts.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// Options says where the data is.
type Options struct {
	Database string // postgres://… ; empty: SQLite at Folder/deskbell.db
	Folder   string
	Readers  int // read connections (SQLite) or connections in all (PostgreSQL); 0 = 4 or 16
	Now      func() time.Time
	Log      *slog.Logger
}

// Store is an open database. Its own methods read; writes go through InTx.
type Store struct {
	queries
	write *bun.DB
	read  *bun.DB
	pool  *pgxpool.Pool // nil on SQLite
	log   *slog.Logger

	mu        sync.Mutex
	committed []func(seq int64)
}

// queries are the reads, the same on the store and inside a transaction.
type queries struct {
	db       bun.IDB
	now      func() time.Time
	postgres bool
}

// Open connects, and leaves the schema as it is: see Migrate.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{log: o.Log}
	var err error
	if o.Database == "" {
		err = s.openSQLite(ctx, filepath.Join(o.Folder, "deskbell.db"), o.Readers)
	} else {
		err = s.openPostgres(ctx, o.Database, o.Readers)
	}
	if err != nil {
		return nil, err
	}
	s.queries = queries{db: s.read, now: o.Now, postgres: s.pool != nil}
	return s, nil
}

// openSQLite opens one writing connection, which begins its transactions with the write lock, and
// some that cannot write. synchronous=FULL: what was committed survives the loss of power.
func (s *Store) openSQLite(ctx context.Context, path string, readers int) error {
	if readers == 0 {
		readers = 4
	}
	dsn := func(more ...string) string {
		v := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "journal_mode(WAL)",
			"synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)"}, more...)}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
	}
	writer, err := sql.Open("sqlite", dsn("cache_size(-16384)")+"&_txlock=immediate")
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	if err := writer.PingContext(ctx); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	reader, err := sql.Open("sqlite", dsn("cache_size(-4096)", "query_only(1)"))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	s.write, s.read = bun.NewDB(writer, sqlitedialect.New()), bun.NewDB(reader, sqlitedialect.New())
	return nil
}

// openPostgres opens one pool for bun and for the jobs. bun writes values into the statement's
// text, so preparing each text would only cost a round trip: exec mode.
func (s *Store) openPostgres(ctx context.Context, dsn string, conns int) error {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("database address: %w", err)
	}
	if conns == 0 {
		conns = 16
	}
	config.MaxConns = int32(conns)
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	// The pool alone bounds and keeps connections: database/sql, with a limit of its own, would hand
	// one that a cancelled request has broken to the next who waits.
	db.SetMaxOpenConns(0)
	db.SetMaxIdleConns(0)
	s.pool = pool
	s.write = bun.NewDB(db, pgdialect.New())
	s.read = s.write
	return nil
}

// Close ends all connections; a running transaction is waited for.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.pool != nil {
		s.pool.Close()
		return err
	}
	return errors.Join(err, s.read.Close())
}

// Postgres returns the pool the jobs work on, or nil on SQLite.
func (s *Store) Postgres() *pgxpool.Pool { return s.pool }

// SQLite returns the writing handle the jobs work on, or nil on PostgreSQL.
func (s *Store) SQLite() *sql.DB {
	if s.pool != nil {
		return nil
	}
	return s.write.DB
}

// Now is the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.read.PingContext(ctx) }

// OnCommit calls f after each commit that appended events, with the highest number appended.
// f must not block and not write.
func (s *Store) OnCommit(f func(seq int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = append(s.committed, f)
}

// transient tells whether an error says that the same transaction may succeed when tried again.
func transient(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "40P01" || e.Code == "40001" // deadlock, serialization failure
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()&0xff == sqlitelib.SQLITE_BUSY // the CLI is writing beside the server
	}
	return false
}

// unique tells whether an error says that a unique index refused a row.
func unique(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "23505"
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// foreign tells whether an error says that a row points at one that does not exist.
func foreign(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == "23503"
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() == sqlitelib.SQLITE_CONSTRAINT_FOREIGNKEY
	}
	return false
}
