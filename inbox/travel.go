package inbox

import "time"

// Incoming is one thing a connection received, as its adapter understood it. A thing that could
// not be read has Problem set and beside it only SourceKey, Place, Raw and At, and From, Subject and
// HeaderID where they could be told without reading it: it is set aside.
type Incoming struct {
	SourceKey  string    // where it lies at the source; unique per connection
	Place      Place     // the same, apart
	RemoteID   string    // the marketplace's id; "" for mail, whose sameness is its content
	At         time.Time // when the source received it, never the sender's claim
	Outbound   bool      // written by the shop itself outside Deskbell: stops the clock
	Automatic  Automatic
	Protection Protection
	About      *Delivery // what it reports; its Message is found by ReportID. Nil if it is no report
	ReportID   string    // Message-ID of the message it reports on, without <>; "" if only References may name it
	Raw        []byte    // the bytes as received; nil if the source has none worth keeping
	Problem    *Reason

	Sameness   []byte // SHA-256 over content; empty: derived from RemoteID
	Identity   Identity
	From       Address
	To, Cc     []Address
	Recipients []string // addresses the mail was delivered to by its own headers, for routes
	Subject    string
	Text       string
	HTML       string // sanitised
	ReplyText  string
	HeaderID   string   // Message-ID without <>
	References []string // nearest last, without <>; In-Reply-To is the last
	Thread     string   // the marketplace's thread id; "" for mail
	Unverified bool
	Files      []File
}

// File is an attachment in memory. Content is nil if it is larger than the limit and was left out.
type File struct {
	Name        string
	ContentType string
	Inline      bool
	ContentID   string
	Content     []byte
}

// Outgoing is one reply as an adapter gets it. Key and HeaderID are the same for every attempt.
type Outgoing struct {
	Message    MessageID
	Connection ConnectionID
	HeaderID   string // Message-ID without <>
	From       Address
	ReplyTo    Address // where answers go; the zero Address: to From
	To, Cc     []Address
	Bcc        []Address
	Subject    string
	Text       string
	HTML       string
	InReplyTo  string
	References []string
	Thread     string
	At         time.Time
	Files      []File
	// Confirm is asked once more just before the last byte leaves: an error means that this node
	// no longer holds the connection, and the attempt ends with nothing accepted.
	Confirm func() error
}
