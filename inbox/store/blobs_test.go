package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"

	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

func TestContentIsOpenedWhereverItLies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		disk, err := blob.NewDisk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		noise := make([]byte, store.SmallBlob+1)
		rand.Read(noise)
		list := [][]byte{{}, []byte("hello"), bytes.Repeat([]byte("mail "), 50_000), noise[:store.SmallBlob], []byte("hello")}
		var packed []store.Blob
		for _, content := range list {
			packed = append(packed, store.PackBlob(content))
		}
		for range 2 { // what is there already stays
			if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.PutBlobs(ctx, packed) }); err != nil {
				t.Fatal(err)
			}
		}
		hash, _, err := disk.Put(ctx, bytes.NewReader(noise))
		if err != nil {
			t.Fatal(err)
		}
		list, packed = append(list, noise), append(packed, store.Blob{Hash: hash})
		for i, p := range packed {
			reader, size, err := s.OpenContent(ctx, disk, p.Hash)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(reader)
			if err != nil || !bytes.Equal(got, list[i]) || size != int64(len(list[i])) {
				t.Errorf("content %d: got %d bytes (size %d, %v), want %d", i, len(got), size, err, len(list[i]))
			}
			reader.Close()
		}
		if _, _, err := s.OpenContent(ctx, disk, hash[:63]+"x"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("unknown content: %v", err)
		}
	})
}
