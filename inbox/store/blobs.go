package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/uptrace/bun"
)

// SmallBlob is the largest content, in bytes, that is kept in the database, where it commits with
// its message. Larger content goes to the blob store before the transaction.
const SmallBlob = 256 << 10

// Blob is content packed for the database.
type Blob struct {
	bun.BaseModel `bun:"table:blobs"`
	Hash          string `bun:"hash,pk"` // SHA-256 of the content, hex
	Size          int64  `bun:"size"`    // of the content
	Data          []byte `bun:"data"`    // zstd
}

// One coder of each kind serves all; both are safe for concurrent use by their All methods.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(SmallBlob))
		if err != nil {
			panic("store: " + err.Error()) // options are constant
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(2*SmallBlob))
		if err != nil {
			panic("store: " + err.Error())
		}
		return d
	})
)

// PackBlob prepares content of at most SmallBlob bytes; it needs no transaction.
func PackBlob(content []byte) Blob {
	sum := sha256.Sum256(content)
	return Blob{Hash: hex.EncodeToString(sum[:]), Size: int64(len(content)), Data: encoder().EncodeAll(content, make([]byte, 0, len(content)/2+64))}
}

// PutBlobs keeps packed content; what is there already stays.
func (tx *Tx) PutBlobs(ctx context.Context, blobs []Blob) error {
	if len(blobs) == 0 {
		return nil
	}
	if _, err := tx.db.NewInsert().Model(&blobs).On("CONFLICT (hash) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
		return fmt.Errorf("keep content: %w", err)
	}
	return nil
}

// SmallBlobContent returns content kept in the database; NotFound if it is not there, which means
// that it is in the blob store.
func (q queries) SmallBlobContent(ctx context.Context, hash string) ([]byte, error) {
	var b Blob
	if err := q.db.NewSelect().Model(&b).Where("hash = ?", hash).Scan(ctx); err != nil {
		return nil, notFound(err, "content")
	}
	content, err := decoder().DecodeAll(b.Data, make([]byte, 0, b.Size))
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", hash, err)
	}
	return content, nil
}

// Large is where content larger than SmallBlob lies; inbox/blob has it.
type Large interface {
	Open(ctx context.Context, hash string) (content io.ReadSeekCloser, size int64, err error)
}

// OpenContent opens content wherever it lies and returns its size.
func (q queries) OpenContent(ctx context.Context, large Large, hash string) (io.ReadSeekCloser, int64, error) {
	content, err := q.SmallBlobContent(ctx, hash)
	if err == nil {
		return nopCloser{bytes.NewReader(content)}, int64(len(content)), nil
	}
	if !isNotFound(err) {
		return nil, 0, err
	}
	return large.Open(ctx, hash)
}

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }
