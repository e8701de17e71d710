package pictures_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/deskbell/deskbell/channels/rest/outbound"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/web/pictures"
)

// heads begin files; the picture's type, or "" for what is none.
var heads = map[string]struct{ head, kind string }{
	"png":      {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"},
	"jpeg":     {"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg"},
	"gif":      {"GIF89a\x01\x00\x01\x00", "image/gif"},
	"webp":     {"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"},
	"avif":     {"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "image/avif"},
	"mp4":      {"\x00\x00\x00\x1cftypisom\x00\x00\x00\x00", ""},
	"svg":      {`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, ""},
	"svg, xml": {`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`, ""},
	"page":     {"<!doctype html><script>alert(1)</script>", ""},
	"text":     {"hello", ""},
	"icon":     {"\x00\x00\x01\x00\x01\x00", ""},
	"pdf":      {"%PDF-1.7", ""},
	"nothing":  {"", ""},
}

func TestTypeOf(t *testing.T) {
	for name, tt := range heads {
		if got := pictures.TypeOf([]byte(tt.head)); got != tt.kind {
			t.Errorf("%s is %q, want %q", name, got, tt.kind)
		}
	}
}

func newFetcher() *pictures.Fetcher {
	return pictures.New(&outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

// What an answer claims to be does not count, and whatever goes wrong looks the same.
func TestFetch(t *testing.T) {
	var asked atomic.Pointer[http.Request]
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r)
		name := strings.TrimPrefix(r.URL.Path, "/")
		w.Header().Set("Content-Type", "image/png")
		switch name {
		case "gone":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, heads["png"].head) // whoever asks sees the status
		case "moved":
			http.Redirect(w, r, "/png", http.StatusFound)
		case "inside":
			http.Redirect(w, r, "http://169.254.169.254/png", http.StatusFound)
		case "large":
			_, _ = w.Write(append([]byte(heads["png"].head), make([]byte, 11<<20)...)) // the reader hangs up
		default:
			_, _ = io.WriteString(w, heads[name].head)
		}
	}))
	defer far.Close()
	f := newFetcher()
	refusals := map[string]bool{}
	for name, tt := range map[string]string{"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif", "moved": "image/png",
		"svg": "", "page": "", "text": "", "nothing": "", "gone": "", "inside": ""} {
		p, err := f.Fetch(t.Context(), 1, far.URL+"/"+name+"#x")
		if tt == "" {
			e, ok := errors.AsType[*inbox.Error](err)
			if !ok || e.Code != inbox.NotFound || strings.Contains(err.Error(), far.URL) {
				t.Errorf("%s: %v", name, err)
				continue
			}
			refusals[e.Msg] = true
			continue
		}
		if err != nil || p.Type != tt {
			t.Errorf("%s: %v, %v", name, p, err)
			continue
		}
		data, err := io.ReadAll(p)
		if err = errors.Join(err, p.Close()); err != nil || name != "moved" && !bytes.Equal(data, []byte(heads[name].head)) {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	large, err := f.Fetch(t.Context(), 1, far.URL+"/large")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, large); !errors.Is(err, outbound.ErrTooLarge) || n != 10<<20 {
		t.Errorf("large: %d bytes, %v", n, err)
	}
	if err := large.Close(); err != nil {
		t.Error(err)
	}
	for _, address := range []string{"http://127.0.0.1:1/x", "http://10.0.0.1/x", "http://[::1/", "ftp://127.0.0.1/x", "http://no.such.host.invalid/x"} {
		_, err := f.Fetch(t.Context(), 1, address)
		if e, ok := errors.AsType[*inbox.Error](err); ok {
			refusals[e.Msg] = true
		} else {
			t.Errorf("%s: %v", address, err)
		}
	}
	if len(refusals) != 1 {
		t.Errorf("refusals are told apart: %v", refusals)
	}
	if r := asked.Load(); r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" || !strings.Contains(r.Header.Get("Accept"), "image/avif") {
		t.Errorf("asked with %v", r.Header)
	}
}

// One reader has so many pictures under way; the next waits until one of them has come, and gives up
// when the reader does. Others do not wait for him.
func TestPlaces(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, heads["gif"].head) }))
	defer far.Close()
	f := newFetcher()
	var held []*pictures.Picture
	for range 12 {
		p, err := f.Fetch(t.Context(), 1, far.URL)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, p)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := f.Fetch(gone, 1, far.URL); inbox.CodeOf(err) != inbox.NotFound {
		t.Errorf("without a place: %v", err)
	}
	other, err := f.Fetch(t.Context(), 2, far.URL)
	if err != nil {
		t.Fatalf("another reader: %v", err)
	}
	waited := make(chan error, 1)
	go func() {
		p, err := f.Fetch(t.Context(), 1, far.URL)
		if err == nil {
			err = p.Close()
		}
		waited <- err
	}()
	for _, p := range append(held, other) {
		if err := errors.Join(p.Close(), p.Close()); err != nil { // a place is given back once
			t.Error(err)
		}
	}
	if err := <-waited; err != nil {
		t.Errorf("after the others: %v", err)
	}
	for range 3000 {
		if _, err = f.Fetch(gone, 1, far.URL); inbox.CodeOf(err) == inbox.Limited {
			break
		}
	}
	if inbox.CodeOf(err) != inbox.Limited {
		t.Errorf("no end to asking: %v", err)
	}
}
