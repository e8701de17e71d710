package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// micros is how times are stored; 0 stands for the zero time and is kept as NULL where that means
// "none".
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the reverse of micros.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// flag is how truth is stored in both databases.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// text is a value as JSON for a TEXT column. The types kept this way always marshal.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("store: a stored type does not marshal: " + err.Error())
	}
	return string(b)
}

// parse fills v from a TEXT column written by text; empty leaves v as it is.
func parse(s string, v any) error {
	if s == "" {
		return nil
	}
	return json.Unmarshal([]byte(s), v)
}

// reasonText keeps a reason; "" for none, which the rows store as NULL.
func reasonText(r *inbox.Reason) string {
	if r == nil {
		return ""
	}
	return text(r)
}

// reasonOf reads what reasonText kept.
func reasonOf(s string) (*inbox.Reason, error) {
	if s == "" {
		return nil, nil
	}
	r := new(inbox.Reason)
	return r, parse(s, r)
}

// notFound turns "no row" into what a person can read.
func notFound(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return inbox.Errorf(inbox.NotFound, "there is no such %s", what)
	}
	return err
}

// isNotFound tells whether notFound made the error.
func isNotFound(err error) bool { return inbox.CodeOf(err) == inbox.NotFound }
