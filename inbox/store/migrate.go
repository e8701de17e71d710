package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox/store/migrations"
)

// MigrationState is one numbered step and whether it stands in the database.
type MigrationState struct {
	Number  int
	Name    string
	Applied bool
}

type migrationRow struct {
	bun.BaseModel `bun:"table:schema_migrations"`
	Number        int    `bun:"number,pk"`
	Name          string `bun:"name"`
	Checksum      string `bun:"checksum"`
	AppliedAt     int64  `bun:"applied_at"`
}

// migrateLock keeps two nodes from migrating at once.
const migrateLock = logLock + 1

func (s *Store) dialect() string {
	if s.postgres {
		return "postgres"
	}
	return "sqlite"
}

// Migrate brings the schema to this program's. Each step is one transaction together with its row
// in schema_migrations, so an interruption leaves a whole number of steps. A database that is newer
// than the program, or whose steps are not the ones this program knows, is refused.
func (s *Store) Migrate(ctx context.Context) error {
	if _, err := s.MigrationStates(ctx); err != nil { // refuse before anything is written
		return err
	}
	list, err := migrations.List(s.dialect())
	if err != nil {
		return err
	}
	if err := s.InTx(ctx, func(tx *Tx) error { return tx.prepareMigrations(ctx) }); err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	for _, m := range list {
		err := s.InTx(ctx, func(tx *Tx) error { return tx.applyMigration(ctx, m) })
		if err != nil {
			return fmt.Errorf("migration %04d_%s: %w", m.Number, m.Name, err)
		}
	}
	if err := s.InTx(ctx, func(tx *Tx) error { return tx.seedPolicy(ctx) }); err != nil {
		return fmt.Errorf("say what each role may: %w", err)
	}
	return nil
}

func (tx *Tx) lockMigrations(ctx context.Context) error {
	if !tx.postgres {
		return nil // a write transaction is alone
	}
	_, err := tx.db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(migrateLock))
	return err
}

func (tx *Tx) prepareMigrations(ctx context.Context) error {
	if err := tx.lockMigrations(ctx); err != nil {
		return err
	}
	_, err := tx.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_migrations (
		number     INTEGER PRIMARY KEY,
		name       TEXT NOT NULL,
		checksum   TEXT NOT NULL,
		applied_at BIGINT NOT NULL)`)
	return err
}

func (tx *Tx) applyMigration(ctx context.Context, m migrations.Migration) error {
	if err := tx.lockMigrations(ctx); err != nil {
		return err
	}
	applied, err := tx.db.NewSelect().Model((*migrationRow)(nil)).Where("number = ?", m.Number).Exists(ctx)
	if err != nil || applied {
		return err
	}
	if _, err := tx.sqlTx.ExecContext(ctx, m.SQL); err != nil {
		return err
	}
	_, err = tx.db.NewInsert().Model(&migrationRow{Number: m.Number, Name: m.Name, Checksum: m.Checksum, AppliedAt: micros(tx.now())}).Exec(ctx)
	return err
}

// MigrationStates lists this program's steps and which of them stand in the database. It is an
// error, worded for the operator, if the database has steps this program does not know.
func (s *Store) MigrationStates(ctx context.Context) ([]MigrationState, error) {
	list, err := migrations.List(s.dialect())
	if err != nil {
		return nil, err
	}
	rows, err := s.migrationRows(ctx)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		switch {
		case r.Number != i+1:
			return nil, fmt.Errorf("the database is half migrated: step %04d stands but %04d does not. Restore a backup", r.Number, i+1)
		case i >= len(list):
			return nil, fmt.Errorf("the database is newer than this program: it has step %04d_%s, this program ends at %04d. Start the newer program, or restore a backup made before the upgrade", r.Number, r.Name, len(list))
		case r.Checksum != list[i].Checksum:
			return nil, fmt.Errorf("step %04d_%s of the database is not the one this program knows. Start the program that made this database", r.Number, r.Name)
		}
	}
	states := make([]MigrationState, len(list))
	for i, m := range list {
		states[i] = MigrationState{Number: m.Number, Name: m.Name, Applied: i < len(rows)}
	}
	return states, nil
}

func (s *Store) migrationRows(ctx context.Context) ([]migrationRow, error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'"
	if s.postgres {
		exists = "SELECT count(to_regclass('schema_migrations'))"
	}
	var n int
	if err := s.read.NewRaw(exists).Scan(ctx, &n); err != nil {
		return nil, fmt.Errorf("read the schema's state: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	var rows []migrationRow
	err := s.read.NewSelect().Model(&rows).Order("number").Scan(ctx)
	return rows, err
}
