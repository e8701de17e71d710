// Package migrations carries the numbered SQL that makes and changes the database, one folder per
// dialect with the same numbers. A released file is frozen.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// Migration is one numbered step.
type Migration struct {
	Number   int
	Name     string // file name without number and ending
	SQL      string
	Checksum string // SHA-256 of SQL, hex
}

// List returns the steps of a dialect ("sqlite" or "postgres") in their order: 1, 2, 3, … without a
// gap.
func List(dialect string) ([]Migration, error) {
	names, err := fs.Glob(files, dialect+"/*.sql")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no migrations for %q: %w", dialect, err)
	}
	sort.Strings(names)
	var list []Migration
	for _, path := range names {
		number, name, found := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(path, dialect+"/"), ".sql"), "_")
		n, err := strconv.Atoi(number)
		if err != nil || !found || n != len(list)+1 {
			return nil, fmt.Errorf("migration %s: wants number %04d and a name", path, len(list)+1)
		}
		text, err := files.ReadFile(path)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		list = append(list, Migration{Number: n, Name: name, SQL: string(text), Checksum: hex.EncodeToString(sum[:])})
	}
	return list, nil
}
