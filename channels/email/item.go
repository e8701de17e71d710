package email

import (
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/deskbell/deskbell/inbox"
)

// mail is one mail on its way from the server to the sink.
type mail struct {
	described
	uid     imap.UID
	key     string
	place   inbox.Place
	raw     []byte // nil if it was not fetched
	problem string // why not
	gone    bool   // deleted at the source between two commands
}

// cost is the memory a mail takes: its bytes and, once parsed, its parts again.
func (m *mail) cost() int64 {
	if m.problem != "" {
		return 0
	}
	return 2 * m.size
}

// budget is what may arrive for a mail. Servers are known to tell a size that is wrong by some.
func (m *mail) budget() int64 { return min(2*m.size, mailLimit) + smallAnswer }

// received is the moment of INTERNALDATE, never in the future.
func (a *Adapter) received(at time.Time) time.Time {
	now := a.now()
	if at.IsZero() || at.After(now) {
		at = now
	}
	return at.UTC()
}

// bare is a mail as bytes alone.
func (a *Adapter) bare(m *mail) inbox.Incoming {
	in := inbox.Incoming{SourceKey: m.key, Place: m.place, At: a.received(m.at), Raw: m.raw}
	if m.problem != "" {
		in.Problem = &inbox.Reason{Code: m.problem, Params: map[string]any{"size": m.size, "limit": mailLimit}}
	}
	return in
}

// Receive reads a mail that was handed over.
func (a *Adapter) Receive(sourceKey string, at time.Time, raw []byte) inbox.Incoming {
	return a.read("", &mail{key: sourceKey, raw: raw, described: described{at: at, size: int64(len(raw))}})
}

// read parses a mail. One that no parser understands is set aside with its bytes.
func (a *Adapter) read(folder string, m *mail) (in inbox.Incoming) {
	in = a.bare(m)
	if in.Problem != nil {
		return in
	}
	defer func() {
		if cause := recover(); cause != nil {
			a.log.Error("a mail broke its parser", "source_key", m.key, "error", fmt.Sprint(cause))
			in = a.labelled(m)
			in.Problem = &inbox.Reason{Code: mailUnreadable}
		}
	}()
	if err := a.parse(&in, folder); err != nil {
		a.log.Warn("a mail cannot be read", "source_key", m.key, "error", err)
		in = a.labelled(m)
		in.Problem = &inbox.Reason{Code: mailUnreadable}
	}
	return in
}

// labelled is a mail as bytes alone, with the sender, subject and Message-ID its first lines show, so
// that a person can tell which mail it is that nobody could read.
func (a *Adapter) labelled(m *mail) inbox.Incoming {
	in := a.bare(m)
	in.From.Name, in.From.Address, in.Subject, in.HeaderID = label(m.raw)
	return in
}
