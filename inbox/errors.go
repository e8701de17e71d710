package inbox

import (
	"errors"
	"fmt"
	"time"
)

// Code is the kind of an error; web maps it to a status, the outbox to what happens next.
type Code string

// The codes. For adapters: Unavailable and Limited mean "certainly not accepted"; Uncertain is
// never retried by the outbox.
const (
	NotFound    Code = "not_found"
	Invalid     Code = "invalid"
	Conflict    Code = "conflict"
	Denied      Code = "denied"
	Unavailable Code = "unavailable"
	UncertainOf Code = "uncertain"
	Expired     Code = "expired" // the access of a connection
	Limited     Code = "limited"
)

// Codes about people: each is a case of 401, 404 or 409 that the screen words on its own.
const (
	Unauthenticated    Code = "unauthenticated"     // 401: nobody is signed in
	InvalidCredentials Code = "invalid_credentials" // 401: the same for an unknown address and a wrong password
	TokenInvalid       Code = "token_invalid"       // 404: a link that is unknown, used or too old
	SetupDone          Code = "setup_done"          // 409
	LastAdmin          Code = "last_admin"          // 409: somebody must be left who can administrate
)

// Error is an error whose Msg a person may read. Err, the cause, is for the log alone.
type Error struct {
	Code    Code
	Msg     string
	Reason  *Reason   // the same for the screen, to be worded in the reader's language; may be nil
	Field   string    // for Invalid: which input, such as "body.name"
	RetryAt time.Time // for Limited
	Err     error     // may be nil
}

// Error appends the cause, for the log; answers carry Msg alone.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an *Error of a code and a sentence.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// InvalidField makes the error for one input that is wrong.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Msg: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of the first *Error in err's chain, or "".
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
