package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/deskbell/deskbell/inbox/store"
)

const (
	// folderSetting is where the database keeps the mark of the folder that holds its large files.
	folderSetting = "blobs_folder"
	// folderMark is the file in that folder that holds the same mark.
	folderMark = "folder"
)

// claimFolder refuses a folder for large files that is not the one other nodes of this database put
// them into: each would have files that the others have not. A folder is known by a mark in it, so
// that it may be mounted elsewhere and its node may change its name.
func claimFolder(ctx context.Context, s *store.Store, c Config) error {
	if c.Database == "" || c.BlobsShared || strings.HasPrefix(c.BlobsAddress(), "s3://") {
		return nil
	}
	mark, err := markFolder(c.BlobsAddress())
	if err != nil {
		return err
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		known, err := tx.ClaimSetting(ctx, folderSetting, mark)
		if err == nil && known != mark {
			err = fmt.Errorf("%s is not the folder in which the other nodes keep large files: share theirs with this node, or use s3://; --blobs-shared says that it is the same in spite of this", c.BlobsAddress())
		}
		return err
	})
}

// markFolder returns the mark of a folder; one that has none is given one.
func markFolder(folder string) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("blob folder: %w", err)
	}
	path := filepath.Join(folder, folderMark)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(rand.Text() + "\n")
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("mark the blob folder: %w", err)
	}
	text, err := os.ReadFile(path)
	mark := strings.TrimSpace(string(text))
	if err == nil && mark == "" {
		err = fmt.Errorf("%s is empty: remove it", path)
	}
	return mark, err
}
