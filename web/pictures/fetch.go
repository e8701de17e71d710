package pictures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/deskbell/deskbell/channels/rest/outbound"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// Limits of what readers may make the server do.
const (
	maxBytes   = 10 << 20         // of one picture
	patience   = 20 * time.Second // for one picture, the last byte included
	redirects  = 5
	atOnce     = 64 // pictures under way for everybody
	atOnceEach = 12 // for one reader; others of his wait
	perWindow  = 3000
	window     = 10 * time.Minute
)

// Fetcher fetches pictures. Safe for concurrent use.
type Fetcher struct {
	client *outbound.Client
	places *semaphore.Weighted
	now    func() time.Time

	mu      sync.Mutex
	readers map[rbac.UserID]*reader
}

// reader is what one person has asked for.
type reader struct {
	places *semaphore.Weighted
	asked  int // since
	since  time.Time
}

// New makes a fetcher that goes out through guard.
func New(guard *outbound.Guard) *Fetcher {
	client := outbound.New(outbound.Options{Guard: guard, Redirects: redirects, MaxBytes: maxBytes, Timeout: patience, WebOnly: true})
	return &Fetcher{client: client, places: semaphore.NewWeighted(atOnce), now: time.Now, readers: map[rbac.UserID]*reader{}}
}

// Picture is a picture as it arrives.
type Picture struct {
	Type string // its media type
	Size int64  // in bytes; -1 if the far side does not say
	io.ReadCloser
}

// errNone is the one answer for everything that stands between a reader and a picture: who wrote the
// address learns nothing about what there is at it.
var errNone = inbox.Errorf(inbox.NotFound, "this picture cannot be had")

// Fetch asks for the picture at an address, on behalf of a reader. The caller reads and closes it; it
// ends with an error if it is larger than is taken. NotFound if there is none to be had, whyever;
// Limited if the reader asks for more than anybody looks at.
func (f *Fetcher) Fetch(ctx context.Context, by rbac.UserID, address string) (*Picture, error) {
	leave, err := f.enter(ctx, by)
	if err != nil {
		return nil, err
	}
	p, err := f.fetch(ctx, address)
	if err != nil {
		leave()
		return nil, &inbox.Error{Code: errNone.Code, Msg: errNone.Msg, Err: withoutAddress(err)}
	}
	p.ReadCloser = &leaving{p.ReadCloser, sync.OnceFunc(leave)}
	return p, nil
}

func (f *Fetcher) fetch(ctx context.Context, address string) (*Picture, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.URL.Fragment = ""
	request.Header.Set("Accept", accept)
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	p, err := open(response)
	if err != nil {
		return nil, errors.Join(err, response.Body.Close())
	}
	return p, nil
}

// open looks whether an answer is a picture.
func open(response *http.Response) (*Picture, error) {
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %d", response.StatusCode)
	}
	head := make([]byte, Sniffed)
	n, err := io.ReadFull(response.Body, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	kind := TypeOf(head[:n])
	if kind == "" {
		return nil, errors.New("the answer is no picture")
	}
	return &Picture{Type: kind, Size: response.ContentLength, ReadCloser: struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head[:n]), response.Body), response.Body}}, nil
}

// enter waits for a place. Whoever has left calls the function it returns.
func (f *Fetcher) enter(ctx context.Context, by rbac.UserID) (leave func(), err error) {
	r, err := f.count(by)
	if err != nil {
		return nil, err
	}
	ctx, done := context.WithTimeout(ctx, patience)
	defer done()
	if err := r.places.Acquire(ctx, 1); err != nil {
		return nil, &inbox.Error{Code: errNone.Code, Msg: errNone.Msg, Err: err}
	}
	if err := f.places.Acquire(ctx, 1); err != nil {
		r.places.Release(1)
		return nil, &inbox.Error{Code: errNone.Code, Msg: errNone.Msg, Err: err}
	}
	return func() { f.places.Release(1); r.places.Release(1) }, nil
}

// count notes that a reader asks once more.
func (f *Fetcher) count(by rbac.UserID) (*reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	r := f.readers[by]
	if r == nil {
		r = &reader{places: semaphore.NewWeighted(atOnceEach)}
		f.readers[by] = r
	}
	if now.Sub(r.since) >= window {
		r.since, r.asked = now, 0
	}
	if r.asked >= perWindow {
		return nil, &inbox.Error{Code: inbox.Limited, Msg: "too many pictures in a short time", RetryAt: r.since.Add(window)}
	}
	r.asked++
	return r, nil
}

// leaving is a body that gives its place back when it is closed.
type leaving struct {
	io.ReadCloser
	leave func()
}

func (l *leaving) Close() error {
	defer l.leave()
	return l.ReadCloser.Close()
}

// withoutAddress takes the address, which may tell who is meant, out of an error for the log.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
