// Package blobtest holds every blob store to what the comments of blob.Store promise.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/deskbell/deskbell/inbox/blob"
)

// Run runs the suite; open returns an empty store for each part.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for name, part := range map[string]func(*testing.T, blob.Store){
		"put and open":       putAndOpen,
		"same content":       sameContent,
		"seek":               seek,
		"no such blob":       noSuchBlob,
		"broken reader":      brokenReader,
		"ended context":      endedContext,
		"delete":             deleteBlob,
		"list stops":         listStops,
		"sweep":              sweep,
		"sweep in batches":   sweepInBatches,
		"sweep keeps on err": sweepKeepsOnError,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

func put(t *testing.T, store blob.Store, content string) (hash string) {
	t.Helper()
	hash, size, err := store.Put(t.Context(), strings.NewReader(content))
	if err != nil || size != int64(len(content)) {
		t.Fatalf("Put: size %d, %v; want %d", size, err, len(content))
	}
	return hash
}

// read returns the content of a blob, and whether there is one.
func read(t *testing.T, store blob.Store, hash string) (content string, found bool) {
	t.Helper()
	r, size, err := store.Open(t.Context(), hash)
	if errors.Is(err, blob.ErrNotFound) {
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil || r.Close() != nil || int64(len(all)) != size {
		t.Fatalf("read %d of %d bytes: %v", len(all), size, err)
	}
	return string(all), true
}

func list(t *testing.T, store blob.Store) (hashes []string) {
	t.Helper()
	for info, err := range store.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, info.Hash)
	}
	return hashes
}

func putAndOpen(t *testing.T, store blob.Store) {
	var want []string
	for _, content := range []string{"", "a parcel", strings.Repeat("0123456789abcdef", 1<<16)} {
		hash := put(t, store, content)
		sum := sha256.Sum256([]byte(content))
		if hash != hex.EncodeToString(sum[:]) {
			t.Errorf("hash %s is not the content's", hash)
		}
		if got, found := read(t, store, hash); !found || got != content {
			t.Errorf("read %d bytes, found %v; want %d", len(got), found, len(content))
		}
		want = append(want, hash)
	}
	slices.Sort(want)
	if got := list(t, store); !slices.Equal(got, want) {
		t.Errorf("List: %v, want %v", got, want)
	}
}

func sameContent(t *testing.T, store blob.Store) {
	if one, other := put(t, store, "twice"), put(t, store, "twice"); one != other || len(list(t, store)) != 1 {
		t.Errorf("%s and %s in %v, want one blob", one, other, list(t, store))
	}
}

func seek(t *testing.T, store blob.Store) {
	r, _, err := store.Open(t.Context(), put(t, store, "0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := r.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "6789" {
		t.Errorf("after seeking: %q, %v", rest, err)
	}
}

func noSuchBlob(t *testing.T, store blob.Store) {
	for _, hash := range []string{"", "abc", strings.Repeat("0", 64), strings.Repeat("G", 64), "../../../../etc/passwd", strings.Repeat("../", 20) + "abcd"} {
		if _, _, err := store.Open(t.Context(), hash); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("Open(%q): %v, want ErrNotFound", hash, err)
		}
		if err := store.Delete(t.Context(), hash, time.Time{}); err != nil {
			t.Errorf("Delete(%q): %v", hash, err)
		}
	}
}

func brokenReader(t *testing.T, store blob.Store) {
	broken := errors.New("the line broke")
	_, _, err := store.Put(t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(list(t, store)) != 0 {
		t.Errorf("Put: %v, and %v is there", err, list(t, store))
	}
}

func endedContext(t *testing.T, store blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := store.Put(ctx, bytes.NewReader(make([]byte, 100))); !errors.Is(err, context.Canceled) || len(list(t, store)) != 0 {
		t.Errorf("Put: %v, and %v is there", err, list(t, store))
	}
}

func deleteBlob(t *testing.T, store blob.Store) {
	gone, stays := put(t, store, "goes"), put(t, store, "stays")
	// Stores keep whole seconds in part, so the limits are far away.
	if err := store.Delete(t.Context(), stays, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), gone, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := list(t, store); !slices.Equal(got, []string{stays}) {
		t.Errorf("left are %v, want %s", got, stays)
	}
	if err := store.Delete(t.Context(), stays, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, found := read(t, store, stays); found {
		t.Error("still there after Delete at any age")
	}
}

func listStops(t *testing.T, store blob.Store) {
	put(t, store, "one")
	put(t, store, "two")
	seen := 0
	for _, err := range store.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("saw %d", seen)
	}
}

func sweep(t *testing.T, store blob.Store) {
	used, orphan := put(t, store, "referred to"), put(t, store, "orphan")
	refers := func(context.Context, []string) ([]string, error) { return []string{used}, nil }
	if removed, err := blob.Sweep(t.Context(), store, time.Now().Add(-time.Hour), refers); removed != 0 || err != nil {
		t.Errorf("swept %d fresh blobs, %v", removed, err)
	}
	if removed, err := blob.Sweep(t.Context(), store, time.Now().Add(time.Hour), refers); removed != 1 || err != nil {
		t.Errorf("swept %d, %v; want 1", removed, err)
	}
	if _, found := read(t, store, orphan); found || !slices.Equal(list(t, store), []string{used}) {
		t.Errorf("left are %v, want %s", list(t, store), used)
	}
}

func sweepInBatches(t *testing.T, store blob.Store) {
	const all = 501 // more than one batch
	for i := range all {
		put(t, store, strings.Repeat("x", i))
	}
	asked := 0
	removed, err := blob.Sweep(t.Context(), store, time.Now().Add(time.Hour), func(_ context.Context, hashes []string) ([]string, error) {
		asked += len(hashes)
		return nil, nil
	})
	if removed != all || asked != all || err != nil || len(list(t, store)) != 0 {
		t.Errorf("asked about %d, swept %d, %v; %d left", asked, removed, err, len(list(t, store)))
	}
}

func sweepKeepsOnError(t *testing.T, store blob.Store) {
	put(t, store, "unsure")
	down := errors.New("the database is away")
	_, err := blob.Sweep(t.Context(), store, time.Now().Add(time.Hour), func(context.Context, []string) ([]string, error) { return nil, down })
	if !errors.Is(err, down) || len(list(t, store)) != 1 {
		t.Errorf("Sweep: %v, %d left; nothing may go while we cannot ask", err, len(list(t, store)))
	}
}
