package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Disk is a Store in a folder: ROOT/ab/abcd… by hash, and ROOT/incoming for what is being written.
type Disk struct {
	root string
	// mu keeps Delete from looking at a blob's age just before Put renews it. It covers one process;
	// where several share a folder, the age that Sweep demands covers the rest.
	mu sync.Mutex
}

const (
	incoming = "incoming"
	// A Put that takes longer than this was cut off by a crash.
	abandoned = 24 * time.Hour
)

// NewDisk returns the store in folder root, which is made if need be, and clears what crashed
// writers left there.
func NewDisk(root string) (*Disk, error) {
	d := &Disk{root: root}
	if err := os.MkdirAll(filepath.Join(root, incoming), 0o700); err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	entries, err := os.ReadDir(filepath.Join(root, incoming))
	if err != nil {
		return nil, fmt.Errorf("blob folder: %w", err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(root, incoming, entry.Name())) // only untidy if it stays
		}
	}
	return d, nil
}

// Put implements Store.
func (d *Disk) Put(ctx context.Context, r io.Reader) (hash string, size int64, err error) {
	file, err := os.CreateTemp(filepath.Join(d.root, incoming), "put-")
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
			hash, size, err = "", 0, fmt.Errorf("put blob: %w", err)
		}
	}()
	sum := sha256.New()
	if size, err = io.Copy(io.MultiWriter(file, sum), contextReader{ctx, r}); err != nil {
		return "", 0, err
	}
	if err = file.Sync(); err != nil {
		return "", 0, err
	}
	if err = file.Close(); err != nil {
		return "", 0, err
	}
	hash = hex.EncodeToString(sum.Sum(nil))
	return hash, size, d.settle(file.Name(), hash)
}

// settle moves a finished file to its place, over an older copy if there is one, and syncs the
// folders that name it.
func (d *Disk) settle(name, hash string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	shelf := filepath.Dir(d.path(hash))
	if err := os.Mkdir(shelf, 0o700); err == nil {
		if err := syncFolder(d.root); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Rename(name, d.path(hash)); err != nil {
		return err
	}
	return syncFolder(shelf)
}

func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (d *Disk) path(hash string) string { return filepath.Join(d.root, hash[:2], hash) }

// Open implements Store.
func (d *Disk) Open(_ context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	if !isHash(hash) {
		return nil, 0, ErrNotFound
	}
	file, err := os.Open(d.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	return file, info.Size(), nil
}

// Delete implements Store.
func (d *Disk) Delete(_ context.Context, hash string, before time.Time) error {
	if !isHash(hash) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	info, err := os.Stat(d.path(hash))
	if err == nil && (before.IsZero() || info.ModTime().Before(before)) {
		err = os.Remove(d.path(hash))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// List implements Store.
func (d *Disk) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := filepath.WalkDir(d.root, func(_ string, entry fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || entry.IsDir() || !isHash(entry.Name()) {
				return err
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // deleted meanwhile
			}
			if err != nil {
				return err
			}
			if !yield(Info{Hash: entry.Name(), Size: info.Size(), At: info.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("list blobs: %w", err))
		}
	}
}
