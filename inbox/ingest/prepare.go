package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/inbox/content/tokens"
	"github.com/deskbell/deskbell/inbox/store"
)

// prepared is an item with everything that needs no database: it is made before the transaction, so
// that the only writer is not kept waiting by compression or by the disk of large files.
type prepared struct {
	inbox.Incoming
	sameness []byte
	rawHash  string
	files    []inbox.Attachment
	small    []store.Blob // goes into the database with the message
	words    []string
	preview  string
}

const previewRunes = 140

// prepare hashes, compresses, stores large content, and makes words and preview.
func (s *Service) prepare(ctx context.Context, items []inbox.Incoming) ([]prepared, error) {
	list := make([]prepared, len(items))
	for i, item := range items {
		p, err := s.prepareOne(ctx, item)
		if err != nil {
			return nil, fmt.Errorf("keep the content of %s: %w", item.SourceKey, err)
		}
		list[i] = p
	}
	return list, nil
}

func (s *Service) prepareOne(ctx context.Context, item inbox.Incoming) (prepared, error) {
	p := prepared{Incoming: item, sameness: item.Sameness}
	p.At = s.received(item.At)
	if len(p.sameness) == 0 {
		sum := sha256.Sum256([]byte(item.RemoteID))
		p.sameness = sum[:]
	}
	var err error
	if item.Raw != nil {
		if p.rawHash, err = s.keep(ctx, &p, item.Raw); err != nil {
			return p, err
		}
	}
	if item.Problem != nil {
		return p, nil
	}
	for _, f := range item.Files {
		a := inbox.Attachment{Name: f.Name, ContentType: f.ContentType, Inline: f.Inline, ContentID: f.ContentID, Size: int64(len(f.Content))}
		if a.Hash, err = s.keep(ctx, &p, f.Content); err != nil {
			return p, err
		}
		p.files = append(p.files, a)
	}
	said := item.ReplyText
	if said == "" {
		said = item.Text
	}
	p.preview = content.Preview(said, previewRunes)
	p.words = tokens.Tokens(item.Subject + "\n" + item.From.Name + " " + item.From.Address + "\n" + said)
	return p, nil
}

// keep stores content by its size: small content travels with the transaction, large content is
// stored and synced before it, so that a committed message is never without its files.
func (s *Service) keep(ctx context.Context, p *prepared, data []byte) (hash string, err error) {
	if len(data) <= store.SmallBlob {
		b := store.PackBlob(data)
		p.small = append(p.small, b)
		return b.Hash, nil
	}
	hash, _, err = s.blobs.Put(ctx, bytes.NewReader(data))
	return hash, err
}
