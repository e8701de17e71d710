package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/deskbell/deskbell/inbox"
)

// This file compares what lies at a source with what the ledger has of it.

type folderRow struct {
	bun.BaseModel `bun:"table:folders"`
	Connection    int64  `bun:"connection_id,pk"`
	Folder        string `bun:"folder,pk"`
	Epoch         int64  `bun:"epoch,pk"`
	Held          int    `bun:"held"`
	Recorded      int    `bun:"recorded"`
	Gone          int    `bun:"gone"`
	Outside       int    `bun:"outside"`
	Waiting       int    `bun:"waiting"`
	Missing       int    `bun:"missing"`
	MissingOf     string `bun:"missing_numbers"`
	CountedAt     int64  `bun:"counted_at"`
}

// LedgerNumbers calls each with the numbers the ledger has of a folder in one numbering, rising, each
// once.
func (q queries) LedgerNumbers(ctx context.Context, connection inbox.ConnectionID, folder string, epoch int64, each func(uint32)) error {
	query := q.db.NewSelect().Table("ledger").Column("number").Where("connection_id = ?", int64(connection)).
		Where("folder = ? AND epoch = ?", folder, epoch).Order("number")
	if err := q.readRows(ctx, query, 1, func(v []any) { each(uint32(number(v[0]))) }); err != nil {
		return fmt.Errorf("numbers of folder %q: %w", folder, err)
	}
	return nil
}

// FolderCounts returns what the folders of a connection held when they were last counted.
func (q queries) FolderCounts(ctx context.Context, connection inbox.ConnectionID) ([]inbox.FolderCount, error) {
	var rows []folderRow
	if err := q.db.NewSelect().Model(&rows).Where("connection_id = ?", int64(connection)).Order("folder", "counted_at", "epoch").Scan(ctx); err != nil {
		return nil, fmt.Errorf("counts of folders: %w", err)
	}
	list := make([]inbox.FolderCount, len(rows))
	for i, r := range rows {
		list[i] = inbox.FolderCount{Connection: connection, Folder: r.Folder, Epoch: r.Epoch, Held: r.Held, Recorded: r.Recorded, Gone: r.Gone,
			Outside: r.Outside, Waiting: r.Waiting, Missing: r.Missing, CountedAt: moment(r.CountedAt)}
		if err := parse(r.MissingOf, &list[i].MissingOf); err != nil {
			return nil, fmt.Errorf("counts of folder %q: %w", r.Folder, err)
		}
	}
	return list, nil
}

// SaveFolderCounts replaces the counts of a connection's folders. Of folders that lie at the source no
// more, or were renumbered, the ledger's lines are all gone there.
func (tx *Tx) SaveFolderCounts(ctx context.Context, connection inbox.ConnectionID, now []inbox.FolderCount) error {
	if _, err := tx.db.NewDelete().Table("folders").Where("connection_id = ?", int64(connection)).Exec(ctx); err != nil {
		return fmt.Errorf("counts of folders: %w", err)
	}
	rows := make([]folderRow, len(now))
	type key struct {
		folder string
		epoch  int64
	}
	counted := make(map[key]bool, len(now))
	for i, f := range now {
		if f.MissingOf == nil {
			f.MissingOf = []uint32{}
		}
		rows[i] = folderRow{Connection: int64(connection), Folder: f.Folder, Epoch: f.Epoch, Held: f.Held, Recorded: f.Recorded, Gone: f.Gone,
			Outside: f.Outside, Waiting: f.Waiting, Missing: f.Missing, MissingOf: text(f.MissingOf), CountedAt: micros(f.CountedAt)}
		counted[key{f.Folder, f.Epoch}] = true
	}
	var recorded []struct {
		Folder string `bun:"folder"`
		Epoch  int64  `bun:"epoch"`
		N      int    `bun:"n"`
	}
	err := tx.db.NewSelect().Table("ledger").ColumnExpr("folder, epoch, count(*) AS n").Where("connection_id = ?", int64(connection)).
		Group("folder", "epoch").Scan(ctx, &recorded)
	if err != nil {
		return fmt.Errorf("counts of the ledger: %w", err)
	}
	for _, r := range recorded {
		if !counted[key{r.Folder, r.Epoch}] {
			rows = append(rows, folderRow{Connection: int64(connection), Folder: r.Folder, Epoch: r.Epoch, Recorded: r.N, Gone: r.N,
				MissingOf: "[]", CountedAt: micros(tx.now())})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.db.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("counts of folders: %w", err)
	}
	return nil
}
