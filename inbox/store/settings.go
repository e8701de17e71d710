package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// The names of settings that several packages read.
const (
	SettingOrganisation = "organisation" // its name
	SettingUndoSeconds  = "undo_seconds" // decimal; how long a reply waits if its author says nothing else
	SettingSetupCode    = "setup_code"   // SHA-256 in hex of the code that lets the first owner in
)

// Setting returns a setting of the whole installation, "" if it was never set.
func (q queries) Setting(ctx context.Context, name string) (string, error) {
	var value string
	err := q.db.NewSelect().Table("settings").Column("value").Where("name = ?", name).Scan(ctx, &value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read setting %s: %w", name, err)
	}
	return value, nil
}

// ClaimSetting keeps a setting unless there is one, and returns the one that counts from now on: of
// two programs that claim at once, both get the same.
func (tx *Tx) ClaimSetting(ctx context.Context, name, value string) (kept string, err error) {
	err = tx.db.NewRaw("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = settings.value RETURNING value",
		name, value).Scan(ctx, &kept)
	if err != nil {
		return "", fmt.Errorf("claim setting %s: %w", name, err)
	}
	return kept, nil
}

// SetSetting keeps a setting of the whole installation; "" removes it.
func (tx *Tx) SetSetting(ctx context.Context, name, value string) error {
	var err error
	if value == "" {
		_, err = tx.db.NewDelete().Table("settings").Where("name = ?", name).Exec(ctx)
	} else {
		_, err = tx.db.NewRaw("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			name, value).Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("keep setting %s: %w", name, err)
	}
	return nil
}
