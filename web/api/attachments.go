package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/pictures"
)

const (
	maxUpload     = 25 << 20 // bytes of one file
	maxForm       = maxUpload + 64<<10
	uploadTimeout = 5 * time.Minute
	maxFileName   = 200 // bytes
)

func (a *API) attachments() {
	upload := a.once(huma.Operation{Method: http.MethodPost, Path: "/attachments", DefaultStatus: http.StatusCreated, BodyReadTimeout: uploadTimeout,
		MaxBodyBytes: maxForm, Summary: "Upload a file for a reply, at most 25 MiB."})
	upload.Middlewares = huma.Middlewares{a.limitForm} // keys are for JSON; a repeated upload is swept if no message takes it
	register(a, rbac.ConversationReply, upload, a.postAttachment)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/attachments/{id}",
		Summary: "Download a file; pictures are shown in place.", Responses: fileResponse("application/octet-stream")}, a.getAttachment)
	register(a, rbac.MessageRaw, huma.Operation{Method: http.MethodGet, Path: "/messages/{id}/raw",
		Summary: "Download a message byte by byte as it was received.", Responses: fileResponse("message/rfc822")}, a.getRaw)
}

// fileResponse describes an answer that is a file.
func fileResponse(contentType string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "the file", Content: map[string]*huma.MediaType{
		contentType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
}

// limitForm ends an upload that is too large, before or while it is read.
func (a *API) limitForm(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if r.ContentLength > maxForm {
		a.refuse(ctx, errTooLarge)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	next(ctx)
}

var errTooLarge = inbox.Errorf(codeTooLarge, "a file has at most %d MiB", maxUpload>>20)

type uploadForm struct {
	File huma.FormFile `form:"file" required:"true"`
}

func (a *API) postAttachment(ctx context.Context, in *struct {
	RawBody huma.MultipartFormFiles[uploadForm]
}) (*created[attachment], error) {
	upload := in.RawBody.Data().File
	defer upload.Close()
	if upload.Size > maxUpload {
		return nil, errTooLarge
	}
	kept := inbox.Attachment{Uploader: a.actor(ctx).User, Name: cleanFileName(upload.Filename), Size: upload.Size}
	head := make([]byte, pictures.Sniffed)
	n, err := io.ReadFull(upload, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	kept.ContentType = contentType(head[:n], upload.ContentType)
	if _, err := upload.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	small, err := a.keepContent(ctx, upload, &kept)
	if err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		if err := tx.PutBlobs(ctx, small); err != nil {
			return err
		}
		kept.ID, err = tx.AddUpload(ctx, kept)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &created[attachment]{Prefix + "/attachments/" + kept.ID.String(), showAttachment(kept)}, nil
}

// keepContent puts large content into the blob store, synced before the row that refers to it; small
// content is returned to be committed with the row.
func (a *API) keepContent(ctx context.Context, content io.Reader, kept *inbox.Attachment) ([]store.Blob, error) {
	if kept.Size > store.SmallBlob {
		var err error
		kept.Hash, kept.Size, err = a.Blobs.Put(ctx, content)
		return nil, err
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return nil, fmt.Errorf("read an upload: %w", err)
	}
	packed := store.PackBlob(data)
	kept.Hash, kept.Size = packed.Hash, int64(len(data))
	return []store.Blob{packed}, nil
}

// contentType is what a file is: a picture by its content alone, else what was claimed for it, as
// long as that is a type and no picture.
func contentType(head []byte, claimed string) string {
	if found := pictures.TypeOf(head); found != "" {
		return found
	}
	media, _, err := mime.ParseMediaType(claimed)
	if err != nil || pictures.Is(media) || len(media) > 100 {
		return "application/octet-stream"
	}
	return media
}

// cleanFileName makes a name safe to show and to save under: one part of a path, no control or
// direction characters, not too long; the ending stays.
func cleanFileName(name string) string {
	name = strings.ToValidUTF8(path.Base(strings.ReplaceAll(name, `\`, "/")), "")
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || strings.ContainsRune(`<>:"|?*`, r) {
			return -1
		}
		return r
	}, name))
	if ending := path.Ext(name); len(name) > maxFileName && len(ending) < 20 {
		name = cut(name, maxFileName-len(ending)) + ending
	}
	name = strings.Trim(cut(name, maxFileName), ". ")
	if name == "" || name == "/" {
		return "file"
	}
	return name
}

// cut shortens text to a number of bytes without splitting a character.
func cut(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && !utf8.RuneStart(text[bytes]) {
		bytes--
	}
	return text[:bytes]
}

// AttachmentPath names one attachment in a path.
type AttachmentPath struct {
	ID ref[inbox.AttachmentID] `path:"id"`
}

// mayAttachment decides by the conversation of a file's message, or by who uploaded it while it
// belongs to none.
func (a *API) mayAttachment(ctx context.Context, f inbox.Attachment) error {
	unknown := inbox.Errorf(inbox.NotFound, "there is no such attachment")
	if f.Message == 0 {
		if f.Uploader != a.actor(ctx).User {
			return unknown
		}
		return nil
	}
	_, err := a.acts.mayMessage(ctx, a.actor(ctx), rbac.ConversationRead, f.Message)
	if inbox.CodeOf(err) == inbox.NotFound {
		return unknown
	}
	return err
}

func (a *API) getAttachment(ctx context.Context, in *AttachmentPath) (*huma.StreamResponse, error) {
	f, err := a.Store.Attachment(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	if err := a.mayAttachment(ctx, f); err != nil {
		return nil, err
	}
	return a.download(ctx, file{hash: f.Hash, name: cleanFileName(f.Name), contentType: f.ContentType, picture: true, cache: true})
}

func (a *API) getRaw(ctx context.Context, in *MessagePath) (*huma.StreamResponse, error) {
	m, err := a.acts.mayMessage(ctx, a.actor(ctx), rbac.MessageRaw, in.ID.ID)
	if err != nil {
		return nil, err
	}
	if m.RawHash == "" {
		return nil, inbox.Errorf(inbox.NotFound, "this message was not received as bytes")
	}
	line := a.entry(ctx, inbox.AuditRawViewed, "message "+m.ID.String(), m.Shop)
	if err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, line) }); err != nil {
		return nil, err
	}
	return a.download(ctx, file{hash: m.RawHash, name: "message-" + m.ID.String() + ".eml", contentType: "message/rfc822"})
}

// file is something to download.
type file struct {
	hash, name, contentType string
	picture                 bool // may be shown in place if its content is a picture
	cache                   bool
}

// filePolicy keeps a file that is opened in a window of its own from doing anything.
const filePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; sandbox"

// download answers with a file, in parts if the client asks for them.
func (a *API) download(ctx context.Context, f file) (*huma.StreamResponse, error) {
	content, _, err := a.Store.OpenContent(ctx, a.Blobs, f.hash)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, inbox.Errorf(inbox.NotFound, "its content is not kept any more")
	}
	if err != nil {
		return nil, err
	}
	disposition, kind := "attachment", f.contentType
	if f.picture {
		head := make([]byte, pictures.Sniffed)
		n, _ := io.ReadFull(content, head) // a short file is read short; a broken one fails below
		if found := pictures.TypeOf(head[:n]); found != "" {
			disposition, kind = "inline", found
		}
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return nil, errors.Join(err, content.Close())
		}
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer content.Close()
		r, w := humago.Unwrap(ctx)
		header := w.Header()
		header.Set("Content-Type", kind)
		header.Set("Content-Disposition", disposition+"; filename*=UTF-8''"+url.PathEscape(f.name))
		header.Set("Content-Security-Policy", filePolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("ETag", `"`+f.hash[:min(32, len(f.hash))]+`"`)
		header.Set("Cache-Control", "no-store")
		if f.cache {
			header.Set("Cache-Control", "private, no-cache")
		}
		http.ServeContent(w, r, "", time.Time{}, content)
	}}, nil
}
