package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/deskbell/deskbell/inbox/store"
)

// unfinished are the states of a job that is still to be worked.
var unfinished = []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending,
	rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled}

// engine hides which of River's transaction types a database needs.
type engine interface {
	insert(ctx context.Context, tx *store.Tx, args Args, opts *river.InsertOpts) error
	start(ctx context.Context, config *river.Config) error
	stop(ctx context.Context) error
	// rescue makes running jobs of nodes that are not live available, and returns how many.
	rescue(ctx context.Context, live []string) (int64, error)
}

func newEngine(s *store.Store, log *slog.Logger) (engine, error) {
	if pool := s.Postgres(); pool != nil {
		return newPostgres(pool, log)
	}
	return newSQLite(s.SQLite(), log)
}

// Migrate brings River's own tables to this program's version.
func Migrate(ctx context.Context, s *store.Store) error {
	var err error
	if pool := s.Postgres(); pool != nil {
		err = migrate(ctx, riverpgxv5.New(pool))
	} else {
		err = migrate(ctx, riversqlite.New(s.SQLite()))
	}
	if err != nil {
		return fmt.Errorf("migrate the job tables: %w", err)
	}
	return nil
}

func migrate[T any](ctx context.Context, driver riverdriver.Driver[T]) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// halves are River's two clients on one database: one without workers that inserts, at any time,
// and one that works, made when all workers are known.
type halves[T any] struct {
	driver   riverdriver.Driver[T]
	inserter *river.Client[T]
	worker   *river.Client[T]
}

func newHalves[T any](driver riverdriver.Driver[T], log *slog.Logger) (halves[T], error) {
	// The cooldown also bounds how often an insert wakes the workers.
	inserter, err := river.NewClient(driver, &river.Config{Logger: log, FetchCooldown: cooldown, FetchPollInterval: poll})
	return halves[T]{driver: driver, inserter: inserter}, err
}

func (h *halves[T]) start(ctx context.Context, config *river.Config) error {
	var err error
	if h.worker, err = river.NewClient(h.driver, config); err != nil {
		return err
	}
	return h.worker.Start(ctx)
}

func (h *halves[T]) stop(ctx context.Context) error {
	if h.worker == nil {
		return nil
	}
	return h.worker.Stop(ctx)
}

type sqliteEngine struct {
	halves[*sql.Tx]
	db *sql.DB
}

func newSQLite(db *sql.DB, log *slog.Logger) (engine, error) {
	h, err := newHalves(riversqlite.New(db), log)
	return &sqliteEngine{halves: h, db: db}, err
}

func (e *sqliteEngine) insert(ctx context.Context, tx *store.Tx, args Args, opts *river.InsertOpts) error {
	_, err := e.inserter.InsertTx(ctx, tx.SQL(), args, opts)
	return err
}

func (e *sqliteEngine) rescue(ctx context.Context, live []string) (int64, error) {
	nodes, err := json.Marshal(live)
	if err != nil {
		return 0, err
	}
	if _, err := e.db.ExecContext(ctx, "DELETE FROM river_leader WHERE leader_id NOT IN (SELECT value FROM json_each(?))", string(nodes)); err != nil {
		return 0, err
	}
	result, err := e.db.ExecContext(ctx, `UPDATE river_job SET state = 'available'
		WHERE state = 'running' AND COALESCE(attempted_by ->> '$[#-1]', '') NOT IN (SELECT value FROM json_each(?))`, string(nodes))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

type postgresEngine struct {
	halves[pgx.Tx]
	pool *pgxpool.Pool
}

func newPostgres(pool *pgxpool.Pool, log *slog.Logger) (engine, error) {
	h, err := newHalves(riverpgxv5.New(pool), log)
	return &postgresEngine{halves: h, pool: pool}, err
}

func (e *postgresEngine) insert(ctx context.Context, tx *store.Tx, args Args, opts *river.InsertOpts) error {
	return tx.Pgx(func(t pgx.Tx) error {
		_, err := e.inserter.InsertTx(ctx, t, args, opts)
		return err
	})
}

func (e *postgresEngine) rescue(ctx context.Context, live []string) (int64, error) {
	if _, err := e.pool.Exec(ctx, "DELETE FROM river_leader WHERE leader_id <> ALL ($1::text[])", live); err != nil {
		return 0, err
	}
	tag, err := e.pool.Exec(ctx, `UPDATE river_job SET state = 'available'
		WHERE state = 'running' AND COALESCE(attempted_by[array_length(attempted_by, 1)], '') <> ALL ($1::text[])`, live)
	return tag.RowsAffected(), err
}
