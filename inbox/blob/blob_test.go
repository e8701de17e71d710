package blob_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/blob/blobtest"
)

func TestDisk(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		store, err := blob.Open(filepath.Join(t.TempDir(), "made", "here"))
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}

func TestS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "made-up")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "made-up-too")
	for _, prefix := range []string{"", "/deskbell/blobs"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			blobtest.Run(t, func(t *testing.T) blob.Store {
				far := httptest.NewServer(&bucket{name: "shop", objects: map[string]object{"other/thing": {body: "not ours"}}})
				t.Cleanup(far.Close)
				store, err := blob.Open("s3://shop" + prefix + "?region=eu-test-1&endpoint=" + url.QueryEscape(far.URL))
				if err != nil {
					t.Fatal(err)
				}
				return store
			})
		})
	}
}

func TestS3Away(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "made-up")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "made-up-too")
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(far.Close)
	store, err := blob.Open("s3://shop?region=eu-test-1&endpoint=" + url.QueryEscape(far.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Put(t.Context(), strings.NewReader("x")); err == nil {
		t.Error("Put said yes")
	}
	if _, _, err := store.Open(t.Context(), strings.Repeat("0", 64)); err == nil || err == blob.ErrNotFound {
		t.Errorf("Open: %v; refused is not the same as absent", err)
	}
	if err := store.Delete(t.Context(), strings.Repeat("0", 64), time.Now()); err == nil {
		t.Error("Delete said yes")
	}
}

// A store that is busy for a moment, or breaks a connection off, is asked again.
func TestS3AsksAgain(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "made-up")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "made-up-too")
	shop := &bucket{name: "shop", objects: map[string]object{}}
	var calls atomic.Int64
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1) % 3 {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler)
		default:
			shop.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(far.Close)
	store, err := blob.Open("s3://shop?endpoint=" + url.QueryEscape(far.URL))
	if err != nil {
		t.Fatal(err)
	}
	hash, _, err := store.Put(t.Context(), strings.NewReader("a parcel"))
	if err != nil {
		t.Fatal(err)
	}
	content, _, err := store.Open(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(content); err != nil || string(got) != "a parcel" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "made-up")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "made-up-too")
	for _, address := range []string{"s3://", "s3:///prefix", "s3://shop?endpoint=ftp://x", "s3://shop?endpoint=https://x/path", "s3://shop?secret=1", "s3://%zz"} {
		if _, err := blob.Open(address); err == nil {
			t.Errorf("%s was accepted", address)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	if _, err := blob.Open("s3://shop"); err == nil {
		t.Error("no keys, no complaint")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Open(file); err == nil {
		t.Error("a file was accepted as folder")
	}
}

// What a crashed writer left is cleared once it is certain that nobody writes it any more, and is
// never taken for a blob.
func TestDiskClearsAbandonedWrites(t *testing.T) {
	root := t.TempDir()
	old, fresh := filepath.Join(root, "incoming", "put-1"), filepath.Join(root, "incoming", "put-2")
	if err := os.Mkdir(filepath.Dir(old), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{old, fresh} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Time{}, time.Now().Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	store, err := blob.NewDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	for info := range store.List(t.Context()) {
		t.Errorf("listed %v", info)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("the abandoned write is still there")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("a write under way was removed")
	}
}

// The same content put again counts as new: a sweep that has listed it as old leaves it alone.
func TestDiskPutRenews(t *testing.T) {
	root := t.TempDir()
	store, err := blob.NewDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	hash, _, err := store.Put(t.Context(), strings.NewReader("again"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(root, hash[:2], hash), time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, err = blob.Sweep(t.Context(), store, time.Now().Add(-time.Hour), func(ctx context.Context, _ []string) ([]string, error) {
		_, _, err := store.Put(ctx, strings.NewReader("again"))
		return nil, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Open(t.Context(), hash); err != nil {
		t.Errorf("swept what was just put: %v", err)
	}
}

// bucket is the far side: one bucket in memory that speaks the five calls our store makes. It shows
// lists in pages of two hundred, so that paging is walked.
type bucket struct {
	name    string
	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	body string
	at   time.Time
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if name != b.name || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=made-up/") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	held, found := b.objects[key]
	switch {
	case r.Method == http.MethodGet && key == "":
		b.list(w, r.URL.Query())
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if sum := sha256.Sum256(body); err != nil || r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.objects[key] = object{body: string(body), at: time.Now()}
		w.Header().Set("ETag", `"0"`)
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !found:
		w.WriteHeader(http.StatusNotFound)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
		}
	default: // HEAD and GET, whole or by range
		w.Header().Set("ETag", `"0"`)
		http.ServeContent(w, r, "", held.at, strings.NewReader(held.body))
	}
}

func (b *bucket) list(w http.ResponseWriter, query url.Values) {
	type entry struct {
		Key          string
		LastModified string
		Size         int
	}
	answer := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []entry
	}{}
	var keys []string
	for key := range b.objects {
		if strings.HasPrefix(key, query.Get("prefix")) && key > query.Get("continuation-token") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(keys) > 200 {
		keys, answer.IsTruncated, answer.NextContinuationToken = keys[:200], true, keys[199]
	}
	for _, key := range keys {
		held := b.objects[key]
		answer.Contents = append(answer.Contents, entry{Key: key, LastModified: held.at.UTC().Format(time.RFC3339), Size: len(held.body)})
	}
	w.Header().Set("Content-Type", "application/xml")
	if err := xml.NewEncoder(w).Encode(answer); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
