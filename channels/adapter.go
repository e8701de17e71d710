// Package channels carries messages between the outside and the inbox: what an adapter is, which
// powers it may have beside, which kinds exist, and the runner that polls, watches and backs off.
package channels

import (
	"context"
	"encoding/json"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// An Adapter speaks for one connection: a mailbox or a seller account. Safe for concurrent use.
type Adapter interface {
	// Pull yields what the source received after cursor, oldest first, in pages of at most 100, and
	// returns after each page through yield the cursor to keep once that page is stored. An item may
	// come twice: ingest knows it by its SourceKey and sameness. Pull returns when the source has
	// nothing more for now.
	Pull(ctx context.Context, cursor string, yield func(Page) error) error
	// Send hands over one reply and returns the far side's id for it. Codes of *inbox.Error:
	// Unavailable and Limited mean "certainly not accepted", UncertainOf "nobody can know"; Invalid,
	// Denied and NotFound are final, Expired waits for new credentials.
	Send(ctx context.Context, m inbox.Outgoing) (remoteID string, err error)
	// Close ends every connection to the far side; calls under way return soon after.
	Close() error
}

// Page is what Pull yields. Announce, if set, is called first with the page's source keys, before
// any byte of it is parsed.
type Page struct {
	Keys   []Key                   // every item of the page, parsed or not
	Items  func() []inbox.Incoming // reads and parses the items; an item that cannot be read has Problem set
	Cursor string                  // to be kept once the page is stored
}

// Key names one item at the source before it is parsed.
type Key struct {
	SourceKey string
	Size      int64
	At        time.Time
}

// Watcher is the power to be told that there is something to pull: IMAP IDLE, a push.
type Watcher interface {
	// Watch calls wake whenever Pull may find something, until ctx ends or the far side breaks off.
	Watch(ctx context.Context, wake func()) error
}

// Reader is the power to look whether an earlier attempt arrived.
type Reader interface {
	// Find returns the remote id of m if the far side has it, "" if it certainly has not.
	Find(ctx context.Context, m inbox.Outgoing) (remoteID string, err error)
}

// Tester is the power to check settings before they are kept.
type Tester interface {
	// Test tries everything the connection will need and returns one Check each; it changes nothing.
	Test(ctx context.Context) []Check
}

// Check is one line of a connection test.
type Check struct {
	Name    string        `json:"name"` // imap_connect, imap_login, imap_folder, smtp_connect, smtp_login, …
	OK      bool          `json:"ok"`
	Problem *inbox.Reason `json:"problem,omitempty"`
	Detail  string        `json:"detail,omitempty"` // the far side's own words, cut and cleaned; English
}

// Config is what an adapter is opened with. Secret is opened and must never be logged.
type Config struct {
	Connection inbox.ConnectionID
	Settings   json.RawMessage
	Secret     map[string]string
	LiveFrom   time.Time
	Now        func() time.Time
}

// Kind is one way to reach customers.
type Kind struct {
	Name     string          // "email"
	Schema   json.RawMessage // JSON Schema of the settings; drives the form and the check
	Secrets  []string        // names of secret fields, such as "password"
	Open     func(Config) (Adapter, error)
	SelfName func(settings json.RawMessage) string // what people call such a connection: its address
}

// Registry is the list of kinds this program was built with.
type Registry map[string]Kind
