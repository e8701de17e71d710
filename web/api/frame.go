package api

import (
	"context"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/rbac"
)

// framePolicy is for the HTML of a mail: no script, no form, nothing from elsewhere, and an origin of
// its own even when it is opened without its frame.
const framePolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

const (
	framePictures = 2 << 20 // bytes of one picture put into the frame
	frameBytes    = 8 << 20 // bytes of all of them
)

const (
	frameHead = `<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">` +
		`<style>body{margin:0;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}img{max-width:100%;height:auto}</style></head><body>`
	frameTail = `</body></html>`
)

// ownPicture finds pictures of the mail itself in cleaned HTML, which writes attributes in one way.
var ownPicture = regexp.MustCompile(`src="cid:([^"]*)"`)

// getHTML answers with the cleaned HTML of a message. The frame has no origin and so no session: its
// own pictures are put into it rather than linked.
func (a *API) getHTML(ctx context.Context, in *MessagePath) (*huma.StreamResponse, error) {
	m, err := a.acts.mayMessage(ctx, a.actor(ctx), rbac.ConversationRead, in.ID.ID)
	if err != nil {
		return nil, err
	}
	source := content.SanitizeHTML(m.HTML)
	if m.HTML == "" {
		source = content.TextToHTML(m.Text)
	}
	text := frameHead + a.withPictures(ctx, source, m.Attachments) + frameTail
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "text/html; charset=utf-8")
		ctx.SetHeader("Content-Security-Policy", framePolicy)
		ctx.SetHeader("Cache-Control", "no-store")
		_, _ = io.WriteString(ctx.BodyWriter(), text) // a client that left is not our error
	}}, nil
}

// withPictures puts the pictures that a mail brings along in place of its references to them.
func (a *API) withPictures(ctx context.Context, source string, files []inbox.Attachment) string {
	left := frameBytes
	return ownPicture.ReplaceAllStringFunc(source, func(reference string) string {
		id, err := url.PathUnescape(html.UnescapeString(ownPicture.FindStringSubmatch(reference)[1]))
		i := slices.IndexFunc(files, func(f inbox.Attachment) bool { return f.ContentID != "" && f.ContentID == id })
		if err != nil || i < 0 {
			return ""
		}
		data := a.picture(ctx, files[i], min(left, framePictures))
		left -= len(data)
		if data == "" {
			return `data-attachment="` + files[i].ID.String() + `"`
		}
		return `src="` + data + `"`
	})
}

// picture is a file as a data address; "" if it is no picture, too large or not to be had.
func (a *API) picture(ctx context.Context, f inbox.Attachment, limit int) string {
	if f.Size > int64(limit) {
		return ""
	}
	opened, _, err := a.Store.OpenContent(ctx, a.Blobs, f.Hash)
	if err != nil {
		a.Log.Warn("a picture of a mail cannot be read", "attachment", f.ID, "error", err)
		return ""
	}
	defer opened.Close()
	data, err := io.ReadAll(io.LimitReader(opened, int64(limit)+1))
	kind := http.DetectContentType(data)
	if err != nil || len(data) > limit || !slices.Contains(pictures, kind) {
		return ""
	}
	var address strings.Builder
	address.WriteString("data:" + kind + ";base64,")
	encoder := base64.NewEncoder(base64.StdEncoding, &address)
	_, _ = encoder.Write(data) // into memory
	_ = encoder.Close()
	return address.String()
}
