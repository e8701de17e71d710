package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

const (
	keyHeader    = "Idempotency-Key"
	maxKey       = 128
	maxJSON      = 1 << 20 // bytes of a body
	finishWithin = 5 * time.Second
)

// once makes an operation take an Idempotency-Key: the same request again gets the first answer, and
// nothing is done twice. Only answers of success are kept; what failed may be tried again.
func (a *API) once(operation huma.Operation) huma.Operation {
	operation.Parameters = append(operation.Parameters, &huma.Param{Name: keyHeader, In: "header",
		Description: "makes a repetition harmless: the same request with the same key gets the first answer",
		Schema:      &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(maxKey)}})
	operation.Middlewares = append(operation.Middlewares, a.answerOnce)
	return operation
}

// validKey tells whether a key is 1 to 128 visible ASCII characters.
func validKey(key string) bool {
	return len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

var errKey = inbox.InvalidField("header."+keyHeader, "a key has 1 to %d visible ASCII characters", maxKey)

func (a *API) answerOnce(ctx huma.Context, next func(huma.Context)) {
	key, user := ctx.Header(keyHeader), a.actor(ctx.Context()).User
	if key == "" || user == 0 {
		next(ctx)
		return
	}
	if !validKey(key) {
		a.refuse(ctx, errKey)
		return
	}
	request, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), maxJSON+1))
	if err != nil {
		a.refuse(ctx, &inbox.Error{Code: inbox.Invalid, Field: "body", Msg: "the body could not be read", Err: err})
		return
	}
	url := ctx.URL()
	hash := sha256.Sum256(append([]byte(url.Path+"\n"), request...))
	operation := ctx.Operation().OperationID
	var answer *store.Answer
	err = a.Store.InTx(ctx.Context(), func(tx *store.Tx) error {
		answer, err = tx.ClaimKey(ctx.Context(), user, operation, key, hash[:])
		return err
	})
	switch {
	case err != nil:
		a.refuse(ctx, err)
	case answer != nil:
		repeat(ctx, answer)
	default:
		recorded := &recorder{humaContext: ctx, request: bytes.NewReader(request)}
		defer func() { a.finish(ctx.Context(), user, operation, key, recorded.answer()) }()
		next(recorded)
	}
}

// finish keeps the answer also when the client has left: he will ask again.
func (a *API) finish(ctx context.Context, user inbox.UserID, operation, key string, answer *store.Answer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.KeepAnswer(ctx, user, operation, key, answer) })
	if err != nil {
		a.Log.Error("the answer to a key was not kept", "operation", operation, "error", err)
	}
}

func repeat(ctx huma.Context, answer *store.Answer) {
	if answer.Location != "" {
		ctx.SetHeader("Location", answer.Location)
	}
	ctx.SetHeader("Content-Type", "application/json")
	ctx.SetStatus(answer.Status)
	_, _ = ctx.BodyWriter().Write(answer.Body) // a client that left is not our error
}

type humaContext = huma.Context

// recorder gives a handler the body that was read already and notes what it answers.
type recorder struct {
	humaContext
	request  *bytes.Reader
	status   int
	location string
	written  bytes.Buffer
}

func (r *recorder) BodyReader() io.Reader { return r.request }
func (r *recorder) BodyWriter() io.Writer {
	return io.MultiWriter(r.humaContext.BodyWriter(), &r.written)
}

func (r *recorder) SetStatus(code int) {
	r.status = code
	r.humaContext.SetStatus(code)
}

func (r *recorder) SetHeader(name, value string) {
	if name == "Location" {
		r.location = value
	}
	r.humaContext.SetHeader(name, value)
}

// answer is what to repeat; nil if the request failed.
func (r *recorder) answer() *store.Answer {
	if r.status < http.StatusOK || r.status >= http.StatusMultipleChoices {
		return nil
	}
	return &store.Answer{Status: r.status, Body: r.written.Bytes(), Location: r.location}
}
