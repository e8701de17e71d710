// Package channels carries messages between the outside and the inbox: what an adapter is, which
// powers it may have beside, which kinds exist, and the runner that polls, watches and backs off.
package channels

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net"
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

// Page is what Pull yields: at most 100 items, their keys known before any byte of them is parsed,
// so that an item that kills the program is known by name when the program comes back.
type Page struct {
	Keys []Key
	// Parse reads item i of Keys. An item that cannot be understood has Problem set; Parse never
	// touches the network. Raw gives the same item as bytes alone, unparsed, for one that has proved
	// deadly: only SourceKey, At and Raw are set.
	Parse func(i int) inbox.Incoming
	Raw   func(i int) inbox.Incoming
	// Cursor is to be kept once the page is stored; never "". A page without Keys moves it alone.
	Cursor string
}

// Key names one item at the source before it is parsed.
type Key struct {
	SourceKey string
	Place     inbox.Place
	Size      int64
	At        time.Time
	// Beside says that others are being read at the same time: if this one is found marked from before,
	// it has to come again alone.
	Beside bool
}

// Watcher is the power to be told that there is something to pull: IMAP IDLE, a push.
type Watcher interface {
	// Watch calls wake whenever Pull may find something, also once when it begins to watch, until
	// ctx ends or the far side breaks off. It returns nil if there is nothing to watch: then the
	// runner only polls.
	Watch(ctx context.Context, wake func()) error
}

// Reader is the power to look whether an earlier attempt arrived.
type Reader interface {
	// Find returns the remote id of m if the far side has it, "" if it certainly has not. Code
	// UncertainOf if the far side cannot tell.
	Find(ctx context.Context, m inbox.Outgoing) (remoteID string, err error)
}

// Rereader is the power to read an item again that was set aside, with a newer program or after the
// source was repaired.
type Rereader interface {
	// Reread reads an item from the bytes kept of it or, if raw is nil, from the source. It may come
	// out with a Problem again. Code NotFound if the source has it no longer.
	Reread(ctx context.Context, sourceKey string, at time.Time, raw []byte) (inbox.Incoming, error)
}

// Receiver is the power to read mail that a mail server handed over at a door of ours, instead of
// being pulled.
type Receiver interface {
	// Receive reads one mail. One that cannot be understood has Problem set; it never touches the
	// network.
	Receive(sourceKey string, at time.Time, raw []byte) inbox.Incoming
}

// Auditor is the power to tell what the source holds, so that it can be compared with what was
// received from it.
type Auditor interface {
	// Audit counts folder by folder what lies at the source. What the books lack of what a pull with
	// this cursor has passed is read and handed over; then the folder's holding is told. Folders that
	// no pull has seen yet are left out. An error of books ends it and comes back.
	Audit(ctx context.Context, cursor string, books Books) error
}

// Books are what was received from a source.
type Books interface {
	// Lacking returns those numbers of a holding, rising, that should have been received and were not.
	Lacking(ctx context.Context, h inbox.Holding) ([]uint32, error)
	// Take stores a page without a Cursor.
	Take(ctx context.Context, p Page) error
	// Counted keeps what a folder holds.
	Counted(ctx context.Context, h inbox.Holding) error
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

// Config is what an adapter is opened with. Secret is opened and must never be logged. Opening does
// no input or output. What is left zero gets a default: the system's clock, dialer and certificate
// authorities, no log, no bound on memory.
type Config struct {
	Connection inbox.ConnectionID
	Settings   json.RawMessage
	Secret     map[string]string
	LiveFrom   time.Time
	Now        func() time.Time
	// Dial is the only way out: the operator's rules on addresses are checked in it.
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Roots *x509.CertPool
	// LookupTXT asks the name servers; nil: those of the machine.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	Log       *slog.Logger
	Memory    *Memory // shared by all adapters of a program
}

// Kind is one way to reach customers.
type Kind struct {
	Name     string          // "email"
	Schema   json.RawMessage // JSON Schema of the settings; drives the form and the check
	Secrets  []string        // names of secret fields, such as "password"
	Open     func(Config) (Adapter, error)
	SelfName func(settings json.RawMessage) string // what people call such a connection: its address
	// Receives lists the addresses, the main one first, whose mail may be handed over at a door; none
	// if the settings do not say so. Nil for a kind that never takes mail that way.
	Receives func(settings json.RawMessage) []string
}

// Registry is the list of kinds this program was built with.
type Registry map[string]Kind
