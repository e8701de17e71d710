// Package blob keeps the bytes of attachments and large mails, in a folder or in an S3-compatible
// object store. A blob is known by the SHA-256 of its content, so the same file is kept once and a
// name chosen by a stranger never touches storage. What is known about a blob stands in the database.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrNotFound says that no blob has this hash. A text that is no hash gives it too.
var ErrNotFound = errors.New("no such blob")

// Store keeps blobs. Safe for concurrent use.
type Store interface {
	// Put reads r to its end and returns once its bytes would survive the loss of power. Content
	// that is there already counts as put again now. A Put that fails leaves at
	// most a whole blob nobody refers to, which Sweep removes.
	Put(ctx context.Context, r io.Reader) (hash string, size int64, err error)
	// Open returns the content of a blob and its size in bytes, or ErrNotFound.
	Open(ctx context.Context, hash string) (content io.ReadSeekCloser, size int64, err error)
	// Delete removes a blob if its last Put was before the given time; the zero time means whenever
	// that was. No error if there is none.
	Delete(ctx context.Context, hash string, before time.Time) error
	// List yields every blob in the order of the hashes. It ends after yielding an error.
	List(ctx context.Context) iter.Seq2[Info, error]
}

// Info is what a store knows of a blob by itself.
type Info struct {
	Hash string // 64 lower-case hexadecimal digits
	Size int64  // bytes
	At   time.Time
}

// Open returns the store at address: a folder, which is made if need be, or
// s3://BUCKET/PREFIX?endpoint=URL&region=NAME with the keys in AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY. Without endpoint it is Amazon's own. Nothing is asked over the network yet.
func Open(address string) (Store, error) {
	if !strings.HasPrefix(address, "s3://") {
		return NewDisk(address)
	}
	location, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	return NewS3(location)
}

// sweepBatch is how many hashes Sweep asks about at once.
const sweepBatch = 500

// Sweep removes blobs that nobody refers to and that were last put before the given time, and
// returns how many. used is asked about batches of hashes and returns those still referred to. Put
// comes before the transaction that refers to a blob, so before has to lie further back than the
// longest such transaction: an hour is ample.
func Sweep(ctx context.Context, store Store, before time.Time, used func(ctx context.Context, hashes []string) ([]string, error)) (removed int, err error) {
	var old []string
	flush := func() error {
		keep, err := used(ctx, old)
		if err != nil {
			return err
		}
		for _, hash := range old {
			if slices.Contains(keep, hash) {
				continue
			}
			if err := store.Delete(ctx, hash, before); err != nil {
				return err
			}
			removed++
		}
		old = old[:0]
		return nil
	}
	for info, err := range store.List(ctx) {
		if err != nil {
			return removed, err
		}
		if !info.At.Before(before) {
			continue
		}
		if old = append(old, info.Hash); len(old) == sweepBatch {
			if err := flush(); err != nil {
				return removed, err
			}
		}
	}
	if len(old) == 0 {
		return removed, nil
	}
	return removed, flush()
}

func isHash(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// contextReader ends a copy when ctx does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
