// Package mailparse understands mail as it really arrives: MIME as the standards have it, and the
// many ways in which programs get it wrong. It is pure: bytes in, a Message out. Each step has a
// file of its own: header.go cuts headers, words.go and charset.go decode them, address.go and
// params.go read their structure, boundary.go and parts.go walk the tree of parts, leaf.go and
// unpack.go read what is in it, alternative.go and body.go choose what people read, auto.go and
// bounce.go find out who really speaks.
//
// The tree is walked by code of our own: the two known parsers take more than five seconds for a
// mail of 50,000 parts, refuse some broken mails and drop senders and file names in raw 8-bit
// headers. Here every step is linear in the size of the mail and bounded by Options.
package mailparse

import (
	"errors"
	"time"
)

// MaxSize is how many bytes of a mail are read if Options do not tell.
const MaxSize = 64 << 20

// Options bound what is read of one mail. Zero values mean the defaults.
type Options struct {
	MaxSize  int // bytes; what lies beyond is not read. Default 64 MiB
	MaxParts int // leaf parts; further ones are left out. Default 1,000
	MaxDepth int // multiparts inside each other; deeper ones become attachments. Default 20
	MaxText  int // bytes of text and of HTML, each. Default 8 MiB
}

func (o Options) withDefaults() Options {
	if o.MaxSize <= 0 {
		o.MaxSize = MaxSize
	}
	if o.MaxParts <= 0 {
		o.MaxParts = 1000
	}
	if o.MaxDepth <= 0 {
		o.MaxDepth = 20
	}
	if o.MaxText <= 0 {
		o.MaxText = 8 << 20
	}
	return o
}

// ErrNothing means that nothing could be taken from the bytes: they are empty or hold neither a
// header nor text.
var ErrNothing = errors.New("the mail is empty")

// Address is a mail address with its display name; both may be empty.
type Address struct {
	Name    string
	Address string
}

// Message is a mail as people read it. All strings are valid UTF-8; ids are without <>.
type Message struct {
	From       Address // the first author; Sender or Return-Path if the mail names none
	To, Cc     []Address
	ReplyTo    []Address
	Subject    string
	MessageID  string
	InReplyTo  string
	References []string  // oldest first
	Date       time.Time // what the sender claims; zero if missing or unreadable

	Text        string // the whole text; made from HTML if there is no other
	HTML        string // sanitised; "" if the mail has none
	ReplyText   string // what the person wrote now, without quote and signature
	Attachments []Attachment

	Automatic     Automatic // which kind of program wrote it; "" for people
	AutoSubmitted string    // the keyword of Auto-Submitted, such as "auto-replied"; "" if absent
	Bulk          bool      // a newsletter or mailing list says so itself
	Report        Report    // what it says about a mail that was sent

	Protection Protection // how the mail is signed or encrypted; "" if it is not

	ReturnPath            string   // the envelope sender as the server noted it; "" if absent or empty
	Recipients            []string // addresses the servers say it was delivered to, lower case, each once
	AuthenticationResults []string // as stated, newest first; only those of a trusted server mean anything
	Truncated             bool     // something was left out because of Options
	autoReply             bool     // a program answers by it, whatever else it says
	Err                   error    // ErrNothing, or nil
}

// Attachment is a file of a mail, or a mail inside it.
type Attachment struct {
	Name        string // cleaned for display; may be ""
	ContentType string // type/subtype, lower case
	Inline      bool   // shown inside the text
	ContentID   string
	Content     []byte // decoded
}

// Automatic is the kind of a mail that no person wrote; "" for a person's.
type Automatic string

// The kinds of automatic mail.
const (
	AutoReply    Automatic = "auto_reply" // out of office, confirmation, challenge
	AutoBounce   Automatic = "bounce"     // a mail could not be delivered
	AutoDelay    Automatic = "delay"      // its server still tries
	AutoFeedback Automatic = "feedback"   // somebody complained of a mail (RFC 5965)
	AutoReceipt  Automatic = "receipt"    // a mail was delivered or read
	AutoList     Automatic = "list"       // a newsletter, a notification of a program
)

// Outcome is what became of the mail that a report is about.
type Outcome string

// The outcomes. A report that leaves it open, such as that a mail was passed on, has none.
const (
	Failed     Outcome = "failed"
	Delayed    Outcome = "delayed" // the server goes on trying
	Delivered  Outcome = "delivered"
	Read       Outcome = "read"
	Complained Outcome = "complained"
)

// Report is what a program says about a mail that was sent.
type Report struct {
	Outcome   Outcome // "" if the mail is no report
	Recipient string  // the address concerned; "" if the report does not tell
	Status    string  // RFC 3463, such as "5.1.1", derived where the report has only a reply code or words; "" if it does not tell
	Permanent bool    // it failed, and trying again is useless
	MessageID string  // of the mail the report is about, without <>; "" if the report does not tell
	Subject   string  // of that mail
}

// Bounced tells whether a mail was not delivered, or not yet.
func (r Report) Bounced() bool { return r.Outcome == Failed || r.Outcome == Delayed }

// Parse reads one mail. It always returns a Message; a broken mail yields what can be understood,
// and raw bytes that are no mail at all yield them as text. The error is ErrNothing, or nil.
func Parse(raw []byte, o Options) (*Message, error) {
	o = o.withDefaults()
	m := &Message{}
	if len(raw) > o.MaxSize {
		raw, m.Truncated = raw[:o.MaxSize], true
	}
	head, body := splitMail(raw)
	p := parser{options: o, message: m}
	p.hint = charsetHint(head, body)
	m.readHeader(head, p.hint)
	p.readBody(head, body)
	m.judge(head, &p)
	if len(head) == 0 && m.Text == "" && len(m.Attachments) == 0 {
		m.Err = ErrNothing
	}
	return m, m.Err
}

// readHeader fills in everything that the header alone tells.
func (m *Message) readHeader(head header, hint string) {
	m.To = addresses(head.all("to"), hint)
	m.Cc = addresses(head.all("cc"), hint)
	m.ReplyTo = addresses(head.all("reply-to"), hint)
	m.ReturnPath = firstAddress(head, hint, "return-path").Address
	m.From = firstAddress(head, hint, senderFields...)
	m.Subject = withoutControls(decodeWords(head.get("subject"), hint))
	m.MessageID = firstID(head.get("message-id"))
	m.InReplyTo = firstID(head.get("in-reply-to"))
	m.References = ids(head.all("references"))
	m.Date = parseDate(head)
	m.Recipients = recipients(head)
	for _, value := range head.all("authentication-results") {
		m.AuthenticationResults = append(m.AuthenticationResults, cleanLine(decodeBytes(value, hint)))
		if len(m.AuthenticationResults) == 20 {
			break
		}
	}
}
