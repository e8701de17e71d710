package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"html"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/content"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

// pictureKey names a picture of a message: its address, so that nothing but what stands in the message
// can be asked for, in a form that says nothing of it.
func pictureKey(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:16])
}

// cachePicture lets the browser, and nothing on the way, keep a picture that was fetched for it.
const cachePicture = "private, max-age=3600"

func (a *API) getPicture(ctx context.Context, in *struct {
	MessagePath
	Key    string `path:"key" maxLength:"64"`
	Ticket string `query:"ticket" maxLength:"200" doc:"stands in the addresses of the HTML form, whose frame has no session"`
}) (*huma.StreamResponse, error) {
	actor, err := a.bearer(ctx, in.Ticket, in.ID.ID)
	if err != nil {
		return nil, err
	}
	m, err := a.acts.mayMessage(ctx, actor, rbac.ConversationRead, in.ID.ID)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Attachments {
		if f.ContentID != "" && pictureKey("cid:"+f.ContentID) == in.Key {
			return a.download(ctx, file{hash: f.Hash, name: cleanFileName(f.Name), contentType: "application/octet-stream", picture: true, cache: true})
		}
	}
	for _, found := range shownPicture.FindAllStringSubmatch(content.SanitizeHTML(m.HTML), -1) {
		if address := html.UnescapeString(found[2]); found[1] == "" && pictureKey(address) == in.Key {
			return a.fetchPicture(ctx, actor, m.ID, address)
		}
	}
	return nil, inbox.Errorf(inbox.NotFound, "this message shows no such picture")
}

// fetchPicture passes a picture from elsewhere on.
func (a *API) fetchPicture(ctx context.Context, by rbac.Actor, message inbox.MessageID, address string) (*huma.StreamResponse, error) {
	p, err := a.Pictures.Fetch(ctx, by.User, address)
	if err != nil {
		a.Log.Debug("a picture of a mail cannot be fetched", "message", message, "error", err)
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer p.Close()
		_, w := humago.Unwrap(ctx)
		header := w.Header()
		header.Set("Content-Type", p.Type)
		header.Set("Content-Disposition", "inline")
		header.Set("Content-Security-Policy", filePolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", cachePicture)
		if p.Size >= 0 {
			header.Set("Content-Length", strconv.FormatInt(p.Size, 10))
		}
		if _, err := io.Copy(w, p); err != nil {
			panic(http.ErrAbortHandler) // half a picture is out: cut it off
		}
	}}, nil
}

// A ticket lets a frame, which has no session, load the pictures of one message for as long as the
// session or token lasts that the frame was opened with, and two hours at most. It is the same for an
// hour, so that the browser knows a picture it has. It gives no right: those of the reader are asked
// for each picture.
const (
	ticketed    = "ticket" // in the metadata of an operation that takes one
	ticketQuery = "ticket"
	ticketHours = 2
	ticketParts = 3 * 8 // bytes: session, token, last hour
)

// newTicket makes a ticket for the caller and a message.
func (a *API) newTicket(ctx context.Context, message inbox.MessageID) (string, error) {
	by := auth.From(ctx)
	parts := binary.BigEndian.AppendUint64(nil, uint64(by.Session))
	parts = binary.BigEndian.AppendUint64(parts, uint64(by.Token))
	parts = binary.BigEndian.AppendUint64(parts, uint64(a.hour()+ticketHours))
	keys, err := a.Seal.Derive(ticketQuery)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(parts, sign(keys[0], parts, message)...)), nil
}

// hour counts hours.
func (a *API) hour() int64 { return a.Now().Unix() / int64(time.Hour/time.Second) }

func sign(key, parts []byte, message inbox.MessageID) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(message)))
	mac.Write(parts)
	return mac.Sum(nil)
}

var errTicket = inbox.Errorf(inbox.Unauthenticated, "this address is not valid any more: open the message again")

// bearer is the caller, or whom a ticket for a message was made for if nobody is signed in.
func (a *API) bearer(ctx context.Context, ticket string, message inbox.MessageID) (rbac.Actor, error) {
	if actor := a.actor(ctx); actor.User != 0 || actor.System {
		return actor, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil || len(text) != ticketParts+sha256.Size {
		return rbac.Actor{}, errTicket
	}
	parts, mac := text[:ticketParts], text[ticketParts:]
	keys, err := a.Seal.Derive(ticketQuery)
	if err != nil {
		return rbac.Actor{}, err
	}
	valid := false
	for _, key := range keys {
		valid = valid || hmac.Equal(mac, sign(key, parts, message))
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(parts[8*i:])) }
	if !valid || a.hour() >= number(2) {
		return rbac.Actor{}, errTicket
	}
	id, err := a.People.Recheck(ctx, auth.Identity{Session: inbox.SessionID(number(0)), Token: inbox.TokenID(number(1))})
	return id.Actor, err
}
