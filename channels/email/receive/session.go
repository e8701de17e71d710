package receive

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/deskbell/deskbell/inbox"
)

// session is what one peer does between HELO and QUIT.
type session struct {
	door *Door
	conn *smtp.Conn
	line *line
	envelope
	declared int64 // bytes the peer announced; 0 if it did not
}

// envelope is how a mail was handed over.
type envelope struct {
	from    string
	to      []recipient
	helo    string
	address string // of the peer; "" on a socket of this machine
	with    string // the protocol, as Received names it
}

type recipient struct {
	address string // as the peer gave it
	box     Box
}

func (d *Door) session(c *smtp.Conn) (smtp.Session, error) {
	s := &session{door: d, conn: c, line: lineOf(c.Conn())}
	s.helo, s.address, s.with = c.Hostname(), s.line.peer, d.protocol(c)
	return s, nil
}

// protocol is the name of what is spoken, by the registry of RFC 3848.
func (d *Door) protocol(c *smtp.Conn) string {
	name := "ESMTP"
	if d.options.LMTP {
		name = "LMTP"
	}
	if _, encrypted := c.TLSConnectionState(); encrypted {
		name += "S"
	}
	return name
}

// The answers peers get. A temporary one has them keep the mail and come again.
var (
	errNobody    = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "There is no such mailbox here"}
	errNotNow    = &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 1}, Message: "This mailbox takes no mail now, try again later"}
	errTooMany   = &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Too much mail from you, try again later"}
	errClosing   = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Closing, try again soon"}
	errNotStored = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Cannot store mail now, try again later"}
	errNoRoom    = &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Too much mail at once, try again later"}
	errLongLine  = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "A line of this mail is too long"}
	errBroken    = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "The mail did not arrive whole"}
)

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.Reset()
	if s.door.gate.closing() {
		return errClosing
	}
	if !s.door.gate.mayHand(s.line.key) {
		s.door.options.Metrics.Received("later")
		return errTooMany
	}
	s.from = from
	if o != nil {
		s.declared = o.Size
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	ctx, done := context.WithTimeout(context.Background(), s.door.limits.Store)
	defer done()
	box, err := s.door.options.Post.Box(ctx, strings.ToLower(to))
	switch {
	case err == nil:
		s.to = append(s.to, recipient{address: to, box: box})
		return nil
	case inbox.CodeOf(err) == inbox.NotFound:
		s.door.options.Metrics.Received("refused")
		return errNobody
	case inbox.CodeOf(err) == inbox.Unavailable:
		s.door.options.Metrics.Received("later")
		return errNotNow
	}
	s.door.log.Error("mail cannot be taken: its mailbox cannot be looked up", "error", err)
	s.door.options.Metrics.Received("later")
	return errNotStored
}

// Data stores a mail for every recipient, or answers that the peer must come again: what was stored
// by then is recognised.
func (s *session) Data(r io.Reader) error {
	return s.each(r, func(string, error) {})
}

// LMTPData answers for each recipient.
func (s *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	return s.each(r, status.SetStatus)
}

// each reads a mail and stores it for one recipient after the other. The error is the first one.
func (s *session) each(r io.Reader, tell func(address string, err error)) error {
	s.line.begin()
	defer s.line.end()
	read, err := s.read(r)
	if err != nil {
		return err // it holds for all
	}
	defer read.giveBack()
	var first error
	for _, to := range s.to {
		err := s.door.take(s.envelope, to, read)
		tell(to.address, err)
		if first == nil {
			first = err
		}
	}
	return first
}

// read reads the bytes of a mail.
func (s *session) read(r io.Reader) (*handed, error) {
	_ = s.conn.Conn().SetReadDeadline(time.Now().Add(s.door.limits.Transfer)) // a connection that cannot have one is closed
	read, err := s.door.read(r, s.declared)
	if err == nil {
		return read, nil
	}
	answer := errBroken
	switch {
	case errors.Is(err, smtp.ErrDataTooLarge):
		answer = smtp.ErrDataTooLarge
	case errors.Is(err, smtp.ErrTooLongLine):
		answer = errLongLine
	case errors.Is(err, errNoRoom):
		answer = errNoRoom
	}
	s.door.options.Metrics.Received(outcomeOf(answer))
	return nil, answer
}

func outcomeOf(answer *smtp.SMTPError) string {
	if answer.Temporary() {
		return "later"
	}
	return "refused"
}

func (s *session) Reset() {
	s.from, s.to, s.declared = "", nil, 0
}

func (s *session) Logout() error { return nil }
