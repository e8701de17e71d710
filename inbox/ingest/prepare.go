package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

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
	answerTo string // where an answer goes; "" if nobody knows
}

const previewRunes = 140

// unverifiedRealm is where senders are met who are not proved to be who they claim to be.
const unverifiedRealm = "unverified"

// The most of one message's text and HTML that is shown; the rest is in the raw bytes.
const (
	textLimit = 1 << 20
	htmlLimit = 2 << 20
)

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
	p := prepared{Incoming: clean(item), sameness: item.Sameness}
	item = p.Incoming
	p.At = s.received(item.At)
	if len(p.sameness) == 0 {
		sum := sha256.Sum256([]byte(item.RemoteID))
		p.sameness = sum[:]
	}
	p.answerTo = item.Identity.RemoteID
	if p.answerTo == "" { // somebody who gave no address is nobody else who gave none
		p.Identity.RemoteID = "unknown-" + hex.EncodeToString(p.sameness[:8])
	}
	if item.Unverified && !item.Outbound {
		p.Identity.Realm = unverifiedRealm
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

// clean bounds the texts of an item and drops what no database keeps in a text: NUL and bytes that
// are not UTF-8. Adapters give clean texts; a fault of one must not stop a mailbox.
func clean(item inbox.Incoming) inbox.Incoming {
	for _, field := range []*string{&item.SourceKey, &item.RemoteID, &item.Subject, &item.Text, &item.ReplyText, &item.HTML, &item.HeaderID,
		&item.Thread, &item.From.Name, &item.From.Address, &item.Identity.Kind, &item.Identity.Realm, &item.Identity.RemoteID, &item.Identity.Name} {
		*field = cleanText(*field)
	}
	item.Text, item.ReplyText = cut(item.Text, textLimit), cut(item.ReplyText, textLimit)
	if len(item.HTML) > htmlLimit {
		item.HTML = "" // half a page would be worse than its text
	}
	item.References = slices.Clone(item.References)
	for i := range item.References {
		item.References[i] = cleanText(item.References[i])
	}
	item.To, item.Cc = cleanAddresses(item.To), cleanAddresses(item.Cc)
	item.Files = slices.Clone(item.Files)
	for i := range item.Files {
		f := &item.Files[i]
		f.Name, f.ContentType, f.ContentID = cleanText(f.Name), cleanText(f.ContentType), cleanText(f.ContentID)
	}
	return item
}

func cleanAddresses(list []inbox.Address) []inbox.Address {
	list = slices.Clone(list)
	for i := range list {
		list[i] = inbox.Address{Name: cleanText(list[i].Name), Address: cleanText(list[i].Address)}
	}
	return list
}

func cleanText(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// cut shortens s to at most n bytes without splitting a letter.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
