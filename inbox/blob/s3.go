package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// S3 is a Store in a bucket: PREFIX/ab/abcd… by hash. Of the client library only the signatures are
// used: a store needs five plain requests, and the rest would be a fifteenth of the whole program.
type S3 struct {
	client         *http.Client
	bucket         *url.URL // its address, with the bucket in the path or, at Amazon, in the host's name
	prefix, region string
	id, secret     string
	session        string // token of temporary keys; "" = lasting ones
}

const (
	amazon        = "s3.amazonaws.com"
	defaultRegion = "us-east-1"
)

// NewS3 returns the store at s3://BUCKET/PREFIX?endpoint=URL&region=NAME. The keys come from
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Nothing is asked yet.
func NewS3(location *url.URL) (*S3, error) {
	settings := location.Query()
	for name := range settings {
		if name != "endpoint" && name != "region" {
			return nil, fmt.Errorf("blob store: unknown setting %q; there are endpoint and region", name)
		}
	}
	if location.Host == "" {
		return nil, errors.New("blob store: no bucket in the address; it reads s3://BUCKET/PREFIX?endpoint=URL&region=NAME")
	}
	s := &S3{client: newClient(), prefix: strings.Trim(location.Path, "/"), region: settings.Get("region"),
		id: os.Getenv("AWS_ACCESS_KEY_ID"), secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), session: os.Getenv("AWS_SESSION_TOKEN")}
	if s.id == "" || s.secret == "" {
		return nil, errors.New("blob store: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	}
	if s.region == "" {
		s.region = defaultRegion
	}
	var err error
	s.bucket, err = bucketAddress(settings.Get("endpoint"), location.Host, s.region)
	return s, err
}

// newClient follows no redirects: an answer from elsewhere would not be signed for.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = time.Minute
	transport.DisableCompression = true // sizes and ranges are those of the content
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// bucketAddress puts the bucket into the path, which every server understands; Amazon wants it in
// the host's name unless that name would not fit its certificate.
func bucketAddress(endpoint, bucket, region string) (*url.URL, error) {
	if endpoint == "" || strings.TrimSuffix(strings.TrimPrefix(endpoint, "https://"), "/") == amazon {
		host := "s3." + region + ".amazonaws.com"
		if strings.Contains(bucket, ".") {
			return &url.URL{Scheme: "https", Host: host, Path: "/" + bucket}, nil
		}
		return &url.URL{Scheme: "https", Host: bucket + "." + host, Path: "/"}, nil
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	address, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("blob store: endpoint: %w", err)
	}
	if address.Host == "" || strings.Trim(address.Path, "/") != "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, fmt.Errorf("blob store: endpoint %q is not the address of a server", endpoint)
	}
	return address.JoinPath(bucket), nil
}

// statusError is an answer that is not success.
type statusError struct {
	status int
	code   string // S3's own word, such as SlowDown; "" if it said none
}

func (e statusError) Error() string {
	return fmt.Sprintf("the object store answered %d %s %s", e.status, http.StatusText(e.status), e.code)
}

func absent(err error) bool {
	e, ok := errors.AsType[statusError](err)
	return ok && e.status == http.StatusNotFound
}

// request is one request to the bucket. Each can be sent again: it says what shall be, not what to
// change.
type request struct {
	method, key string
	query       url.Values
	header      http.Header
	content     io.ReaderAt // nil: no body
	size        int64
	sum         string // SHA-256 of the body, hexadecimal
}

const (
	tries     = 4
	firstWait = 200 * time.Millisecond
)

// do sends a request, again where the server is busy or the network fails. The caller closes the
// answer's body.
func (s *S3) do(ctx context.Context, r request) (*http.Response, error) {
	for try := 1; ; try++ {
		response, err := s.once(ctx, r)
		e, answered := errors.AsType[statusError](err)
		again := err != nil && (!answered || e.status >= 500 || e.status == http.StatusTooManyRequests)
		if !again || try == tries {
			return response, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(firstWait << (try - 1)):
		}
	}
}

// nothing is the SHA-256 of an empty body.
const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (s *S3) once(ctx context.Context, r request) (*http.Response, error) {
	address := s.bucket.JoinPath(r.key)
	address.RawQuery = strings.ReplaceAll(r.query.Encode(), "+", "%20") // as signatures want it
	q, err := http.NewRequestWithContext(ctx, r.method, address.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		q.Header[name] = values
	}
	sum := nothing
	if r.content != nil {
		sum = r.sum
		q.Body = io.NopCloser(io.NewSectionReader(r.content, 0, r.size))
		q.ContentLength = r.size
		if r.size == 0 {
			q.Body = http.NoBody
		}
	}
	q.Header.Set("X-Amz-Content-Sha256", sum)
	response, err := s.client.Do(signer.SignV4(*q, s.id, s.secret, s.session, s.region))
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		var said struct{ Code string }
		_ = xml.NewDecoder(io.LimitReader(response.Body, 16<<10)).Decode(&said) // without a word the status has to do
		return nil, statusError{response.StatusCode, said.Code}
	}
	return response, nil
}

// tell sends a request whose answer has nothing to read.
func (s *S3) tell(ctx context.Context, r request) (http.Header, int64, error) {
	response, err := s.do(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	return response.Header, response.ContentLength, response.Body.Close()
}

// Put implements Store. The content goes through a temporary file, because its hash is its name.
func (s *S3) Put(ctx context.Context, r io.Reader) (hash string, size int64, err error) {
	file, err := os.CreateTemp("", "deskbell-put-")
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	sum := sha256.New()
	if size, err = io.Copy(io.MultiWriter(file, sum), contextReader{ctx, r}); err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	hash = hex.EncodeToString(sum.Sum(nil))
	// One request, so that the object is there as a whole or not at all; the server checks the sum.
	_, _, err = s.tell(ctx, request{method: http.MethodPut, key: s.key(hash), content: file, size: size, sum: hash,
		header: http.Header{"Content-Type": {"application/octet-stream"}}})
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	return hash, size, nil
}

func (s *S3) key(hash string) string { return path.Join(s.prefix, hash[:2], hash) }

// Open implements Store. Bytes are fetched as they are read; a context that ends breaks that off.
func (s *S3) Open(ctx context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	if !isHash(hash) {
		return nil, 0, ErrNotFound
	}
	_, size, err := s.tell(ctx, request{method: http.MethodHead, key: s.key(hash)})
	switch {
	case absent(err):
		return nil, 0, ErrNotFound
	case err != nil:
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	return &object{ctx: ctx, store: s, key: s.key(hash), size: size}, size, nil
}

// object reads a blob from where it was last sought to.
type object struct {
	ctx          context.Context
	store        *S3
	key          string
	size, offset int64
	body         io.ReadCloser // nil: to be asked for
}

func (o *object) Read(p []byte) (int, error) {
	if o.offset >= o.size {
		return 0, io.EOF
	}
	if o.body == nil {
		response, err := o.store.do(o.ctx, request{method: http.MethodGet, key: o.key,
			header: http.Header{"Range": {"bytes=" + strconv.FormatInt(o.offset, 10) + "-"}}})
		if err != nil {
			return 0, fmt.Errorf("read blob: %w", err)
		}
		o.body = response.Body
		if response.StatusCode != http.StatusPartialContent && o.offset > 0 {
			return 0, errors.New("read blob: the object store does not know ranges")
		}
	}
	n, err := o.body.Read(p)
	o.offset += int64(n)
	if err == io.EOF && o.offset < o.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.offset
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of a blob")
	}
	if offset == o.offset {
		return offset, nil
	}
	err := o.Close()
	o.offset = offset
	return offset, err
}

// Close ends what is being fetched. After it the object can be read again, which Seek makes use of.
func (o *object) Close() error {
	if o.body == nil {
		return nil
	}
	body := o.body
	o.body = nil
	return body.Close()
}

// Delete implements Store. Between looking at the age and deleting lies one round trip in which a
// Put of the same content would be undone; the age that Sweep demands makes that unlikely.
func (s *S3) Delete(ctx context.Context, hash string, before time.Time) error {
	if !isHash(hash) {
		return nil
	}
	if !before.IsZero() {
		header, _, err := s.tell(ctx, request{method: http.MethodHead, key: s.key(hash)})
		if absent(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("delete blob: %w", err)
		}
		modified, err := http.ParseTime(header.Get("Last-Modified"))
		if err != nil {
			return fmt.Errorf("delete blob: the object store does not tell its age: %w", err)
		}
		if !modified.Before(before) {
			return nil
		}
	}
	if _, _, err := s.tell(ctx, request{method: http.MethodDelete, key: s.key(hash)}); err != nil && !absent(err) {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// listing is a page of ListObjectsV2.
type listing struct {
	Contents []struct {
		Key          string
		Size         int64
		LastModified time.Time
	}
	NextContinuationToken string
}

// List implements Store.
func (s *S3) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		query := url.Values{"list-type": {"2"}}
		if s.prefix != "" {
			query.Set("prefix", s.prefix+"/")
		}
		for {
			found, err := s.page(ctx, query)
			if err != nil {
				yield(Info{}, fmt.Errorf("list blobs: %w", err))
				return
			}
			for _, entry := range found.Contents {
				hash := path.Base(entry.Key)
				if isHash(hash) && !yield(Info{Hash: hash, Size: entry.Size, At: entry.LastModified}, nil) {
					return
				}
			}
			if found.NextContinuationToken == "" {
				return
			}
			query.Set("continuation-token", found.NextContinuationToken)
		}
	}
}

func (s *S3) page(ctx context.Context, query url.Values) (listing, error) {
	response, err := s.do(ctx, request{method: http.MethodGet, query: query})
	if err != nil {
		return listing{}, err
	}
	defer response.Body.Close()
	var found listing
	err = xml.NewDecoder(response.Body).Decode(&found)
	return found, err
}
