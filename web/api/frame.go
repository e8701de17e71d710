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
	"github.com/deskbell/deskbell/web/pictures"
)

// framePolicy is for the HTML of a mail: no script, no form, pictures from here alone, and an origin
// of its own even when it is opened without its frame.
const framePolicy = "default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

const (
	framePictures = 2 << 20 // bytes of one picture put into the frame
	frameBytes    = 8 << 20 // bytes of all of them
)

// Wide pictures and tables shrink to the frame as far as they can, and what is wider still scrolls. A
// picture whose height is given keeps it, because a line drawn with a picture of one dot would grow as
// high as it is long; it is not squeezed either. Only long words break, not the columns of tables.
const (
	frameHead = `<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light">` +
		`<meta name="referrer" content="no-referrer"><style>body{margin:0;font:15px/1.5 system-ui,sans-serif;color:#111;background:#fff;overflow-wrap:break-word}` +
		`img{max-width:100%;object-fit:contain}img:not([height]){height:auto}table{max-width:100%}pre{white-space:pre-wrap}` +
		`blockquote[type=cite]{margin:0 0 0 .5em;padding-left:.75em;border-left:2px solid #ccc}</style></head><body>`
	frameTail = `</body></html>`
)

func (a *API) frames() {
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/messages/{id}/html",
		Summary: "The HTML form of a message, for a frame without script.", Responses: fileResponse("text/html")}, a.getHTML)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/messages/{id}/pictures/{key}", Metadata: map[string]any{ticketed: true},
		Summary: "One picture of the HTML form of a message; those from elsewhere are fetched by the server.", Responses: fileResponse("image/*")}, a.getPicture)
}

// showsRemote tells whether the HTML of a message shows pictures from elsewhere: one that came in was
// cleaned, one that went out has their addresses back.
func showsRemote(source string) bool {
	return strings.Contains(source, " "+content.RemoteSource+`="`) || strings.Contains(source, ` src="http`)
}

// shownPicture finds references to pictures in cleaned HTML, which writes attributes in one way.
var shownPicture = regexp.MustCompile(` (?:src="(cid:)|` + content.RemoteSource + `=")([^"]*)"`)

// getHTML answers with the cleaned HTML of a message. The frame has no origin and so no session:
// pictures of the mail itself are put into it, and others carry a ticket.
func (a *API) getHTML(ctx context.Context, in *struct {
	MessagePath
	Pictures string `query:"pictures" enum:"hide,show" default:"hide" doc:"whether pictures from elsewhere are shown"`
}) (*huma.StreamResponse, error) {
	m, err := a.acts.mayMessage(ctx, a.actor(ctx), rbac.ConversationRead, in.ID.ID)
	if err != nil {
		return nil, err
	}
	source := content.SanitizeHTML(m.HTML)
	if m.HTML == "" {
		source = content.TextToHTML(m.Text)
	}
	ticket, err := a.newTicket(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	f := framing{message: m, ticket: ticket, remote: in.Pictures == "show", left: frameBytes}
	text := frameHead + a.withPictures(ctx, source, &f) + frameTail
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "text/html; charset=utf-8")
		ctx.SetHeader("Content-Security-Policy", framePolicy)
		ctx.SetHeader("Cache-Control", "no-store")
		_, _ = io.WriteString(ctx.BodyWriter(), text) // a client that left is not our error
	}}, nil
}

// framing is what is known while pictures are put into a message.
type framing struct {
	message inbox.Message
	ticket  string
	remote  bool // pictures from elsewhere are shown
	left    int  // bytes of pictures that may still be put into it
}

// withPictures gives each reference to a picture an address the frame can load; a picture that is not
// there, or not asked for, gets none.
func (a *API) withPictures(ctx context.Context, source string, f *framing) string {
	return shownPicture.ReplaceAllStringFunc(source, func(reference string) string {
		found := shownPicture.FindStringSubmatch(reference)
		if found[1] == "" {
			if !f.remote {
				return ""
			}
			return f.linked(html.UnescapeString(found[2]))
		}
		own, ok := ownPicture(f.message.Attachments, html.UnescapeString(found[2]))
		if !ok {
			return ""
		}
		data := a.pictureData(ctx, own, min(f.left, framePictures))
		if data == "" {
			return f.linked("cid:" + own.ContentID)
		}
		f.left -= len(data)
		return ` src="` + data + `"`
	})
}

// linked is the reference to a picture that is loaded on its own.
func (f *framing) linked(address string) string {
	return ` src="` + Prefix + "/messages/" + f.message.ID.String() + "/pictures/" + pictureKey(address) + "?" + ticketQuery + "=" + f.ticket + `"`
}

// ownPicture finds the file a cid: address means, without its scheme.
func ownPicture(files []inbox.Attachment, address string) (inbox.Attachment, bool) {
	id, err := url.PathUnescape(address)
	if err != nil {
		id = address
	}
	i := slices.IndexFunc(files, func(f inbox.Attachment) bool { return f.ContentID != "" && f.ContentID == id })
	if i < 0 {
		return inbox.Attachment{}, false
	}
	return files[i], true
}

// pictureData is a file as a data address; "" if it is no picture, too large or not to be had.
func (a *API) pictureData(ctx context.Context, f inbox.Attachment, limit int) string {
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
	kind := pictures.TypeOf(data[:min(len(data), pictures.Sniffed)])
	if err != nil || len(data) > limit || kind == "" {
		return ""
	}
	var address strings.Builder
	address.WriteString("data:" + kind + ";base64,")
	encoder := base64.NewEncoder(base64.StdEncoding, &address)
	_, _ = encoder.Write(data) // into memory
	_ = encoder.Close()
	return address.String()
}
