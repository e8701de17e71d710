package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a Store in a bucket: PREFIX/ab/abcd… by hash.
type S3 struct {
	client         *minio.Client
	bucket, prefix string
}

const amazon = "https://s3.amazonaws.com"

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
	endpoint, err := parseEndpoint(settings.Get("endpoint"))
	if err != nil {
		return nil, err
	}
	keys := credentials.NewEnvAWS()
	if value, err := keys.GetWithContext(nil); err != nil || value.AccessKeyID == "" || value.SecretAccessKey == "" {
		return nil, errors.New("blob store: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:  keys,
		Secure: endpoint.Scheme == "https",
		Region: settings.Get("region"),
	})
	if err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	return &S3{client: client, bucket: location.Host, prefix: strings.Trim(location.Path, "/")}, nil
}

func parseEndpoint(text string) (*url.URL, error) {
	if text == "" {
		text = amazon
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	endpoint, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("blob store: endpoint: %w", err)
	}
	if endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" || endpoint.Scheme != "https" && endpoint.Scheme != "http" {
		return nil, fmt.Errorf("blob store: endpoint %q is not the address of a server", text)
	}
	return endpoint, nil
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
	if size, err = io.Copy(io.MultiWriter(file, sum), contextReader{ctx, r}); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return "", 0, fmt.Errorf("put blob: %w", err)
	}
	hash = hex.EncodeToString(sum.Sum(nil))
	// One request, so that the object is there as a whole or not at all.
	options := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true}
	if _, err := s.client.PutObject(ctx, s.bucket, s.key(hash), file, size, options); err != nil {
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
	object, err := s.client.GetObject(ctx, s.bucket, s.key(hash), minio.GetObjectOptions{})
	if err != nil {
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	info, err := object.Stat()
	if err == nil {
		return object, info.Size, nil
	}
	_ = object.Close()
	if absent(err) {
		return nil, 0, ErrNotFound
	}
	return nil, 0, fmt.Errorf("open blob: %w", err)
}

// Delete implements Store. Between looking at the age and deleting lies one round trip in which a
// Put of the same content would be undone; the age that Sweep demands makes that unlikely.
func (s *S3) Delete(ctx context.Context, hash string, before time.Time) error {
	if !isHash(hash) {
		return nil
	}
	if !before.IsZero() {
		info, err := s.client.StatObject(ctx, s.bucket, s.key(hash), minio.StatObjectOptions{})
		if absent(err) || err == nil && !info.LastModified.Before(before) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("delete blob: %w", err)
		}
	}
	if err := s.client.RemoveObject(ctx, s.bucket, s.key(hash), minio.RemoveObjectOptions{}); err != nil && !absent(err) {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// List implements Store.
func (s *S3) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // ends the listing when the reader has enough
		defer cancel()
		options := minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}
		if s.prefix != "" {
			options.Prefix += "/"
		}
		for object := range s.client.ListObjects(ctx, s.bucket, options) {
			if object.Err != nil {
				yield(Info{}, fmt.Errorf("list blobs: %w", object.Err))
				return
			}
			hash := path.Base(object.Key)
			if isHash(hash) && !yield(Info{Hash: hash, Size: object.Size, At: object.LastModified}, nil) {
				return
			}
		}
	}
}

func absent(err error) bool {
	return err != nil && minio.ToErrorResponse(err).StatusCode == http.StatusNotFound
}
