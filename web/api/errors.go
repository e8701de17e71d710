package api

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
)

// problemType is the media type of every error (RFC 9457).
const problemType = "application/problem+json"

// Problem is what every error looks like. Detail is an English sentence a person may read; Reason is
// the same as data, for the screen to word in the reader's language. Causes are in the log alone.
type Problem struct {
	Status  int           `json:"status"`
	Title   string        `json:"title"`
	Detail  string        `json:"detail"`
	Code    string        `json:"code" doc:"what went wrong, for programs"`
	Errors  []FieldError  `json:"errors,omitempty" nullable:"false" doc:"which input was wrong"`
	Reason  *inbox.Reason `json:"reason,omitempty"`
	Current any           `json:"current,omitempty" doc:"what is there now, when a write was based on something older"`
	Request string        `json:"request,omitempty" doc:"names this failure in the server's log"`

	headers http.Header
}

// FieldError names one wrong input.
type FieldError struct {
	Location string `json:"location" doc:"such as body.name, query.limit or path.id"`
	Message  string `json:"message"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

// Codes that only answers have, beside those of package inbox.
const (
	codeInternal     inbox.Code = "internal"
	codeTooLarge     inbox.Code = "too_large"
	codePrecondition inbox.Code = "precondition_required"
	codeKeyReused    inbox.Code = "key_reused"
)

// statuses say which HTTP status a code has; what is not listed is a fault of ours.
var statuses = map[inbox.Code]int{
	inbox.Unauthenticated:    http.StatusUnauthorized,
	inbox.InvalidCredentials: http.StatusUnauthorized,
	inbox.Denied:             http.StatusForbidden,
	inbox.NotFound:           http.StatusNotFound,
	inbox.TokenInvalid:       http.StatusNotFound,
	inbox.Conflict:           http.StatusConflict,
	inbox.SetupDone:          http.StatusConflict,
	inbox.LastAdmin:          http.StatusConflict,
	inbox.Expired:            http.StatusConflict,
	codeTooLarge:             http.StatusRequestEntityTooLarge,
	inbox.Invalid:            http.StatusUnprocessableEntity,
	codeKeyReused:            http.StatusUnprocessableEntity,
	codePrecondition:         http.StatusPreconditionRequired,
	inbox.Limited:            http.StatusTooManyRequests,
	inbox.Unavailable:        http.StatusServiceUnavailable,
	inbox.UncertainOf:        http.StatusServiceUnavailable,
}

// currentError is a Conflict together with what is there now.
type currentError struct {
	error
	current any
}

func (e currentError) Unwrap() error { return e.error }

// problem turns an error of a handler into an answer, in this one place. What is not meant for
// people becomes "internal" with a number, under which the log has the cause.
func (a *API) problem(ctx context.Context, operation string, err error) error {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	e, ok := errors.AsType[*inbox.Error](err)
	status := 0
	if ok {
		status = statuses[e.Code]
	}
	if status == 0 {
		return a.internal(ctx, operation, err)
	}
	p := newProblem(status, e.Code, e.Msg)
	p.Reason = e.Reason
	p.Errors = fieldErrors(err)
	if e.Reason != nil {
		switch e.Reason.Code {
		case string(codeKeyReused):
			p.Code = e.Reason.Code
		case "newer_message":
			p.Current = e.Reason.Params["current"]
		}
	}
	if c, ok := errors.AsType[currentError](err); ok {
		p.Current = c.current
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		p.headers = http.Header{"Retry-After": {strconv.Itoa(a.wait(e.RetryAt))}}
	}
	return p
}

// fieldErrors lists every wrong input that an error names; several are joined.
func fieldErrors(err error) []FieldError {
	switch e := err.(type) {
	case *inbox.Error:
		if e.Field != "" {
			return []FieldError{{Location: e.Field, Message: e.Msg}}
		}
	case interface{ Unwrap() []error }:
		var list []FieldError
		for _, one := range e.Unwrap() {
			list = append(list, fieldErrors(one)...)
		}
		return list
	case interface{ Unwrap() error }:
		return fieldErrors(e.Unwrap())
	}
	return nil
}

// wait is in how many seconds to try again, at least one.
func (a *API) wait(until time.Time) int {
	return max(1, int(math.Ceil(until.Sub(a.Now()).Seconds())))
}

func (a *API) internal(ctx context.Context, operation string, err error) error {
	if ctx.Err() != nil { // the client left, or the server stops: nobody's fault
		p := newProblem(http.StatusServiceUnavailable, inbox.Unavailable, "the request ended early; try again")
		p.headers = http.Header{"Retry-After": {"1"}}
		return p
	}
	p := newProblem(http.StatusInternalServerError, codeInternal, "something went wrong on the server")
	p.Request = rand.Text()
	a.Log.Error("a request failed", "operation", operation, "request", p.Request, "error", err)
	return p
}

func newProblem(status int, code inbox.Code, detail string) *Problem {
	return &Problem{Status: status, Title: http.StatusText(status), Detail: detail, Code: string(code)}
}

// transform gives the errors huma itself answers with, about input it could not read, our shape. It
// keeps the place and the complaint, never the value, which may be somebody's secret.
func (a *API) transform(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code := inbox.Invalid
	switch model.Status {
	case http.StatusRequestEntityTooLarge:
		code = codeTooLarge
	case http.StatusInternalServerError:
		code = codeInternal
	}
	p := newProblem(model.Status, code, "the input is not valid")
	if code != inbox.Invalid {
		p.Detail = strings.ToLower(http.StatusText(model.Status))
	}
	for _, e := range model.Errors {
		if e != nil {
			p.Errors = append(p.Errors, fieldError(e))
		}
	}
	if len(p.Errors) == 0 && code == inbox.Invalid {
		p.Errors = []FieldError{{Location: "body", Message: model.Detail}}
	}
	return p, nil
}

// fieldError takes over where and what; for a missing field huma names the object it is missing from.
func fieldError(e *huma.ErrorDetail) FieldError {
	name, found := strings.CutPrefix(e.Message, "expected required property ")
	if name, complete := strings.CutSuffix(name, " to be present"); found && complete {
		return FieldError{Location: strings.TrimPrefix(e.Location+"."+name, "."), Message: "this is required"}
	}
	return FieldError{Location: e.Location, Message: e.Message}
}

func problemResponse(registry huma.Registry) *huma.Response {
	return &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{
		problemType: {Schema: registry.Schema(reflect.TypeFor[Problem](), true, "Problem")},
	}}
}
