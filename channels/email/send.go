package email

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/deskbell/deskbell/inbox"
)

// RFC 5321, section 4.5.3.2: a client waits this long for the answer after the final dot. The
// server may have to hand the mail on first.
const answerLimit = 12 * time.Minute

// The answer to a command before it: RFC 5321 asks for 5 minutes, too.
const commandLimit = 5 * time.Minute

// Send submits one reply and returns its Message-ID. Either all recipients are accepted or nothing
// is sent. Up to the final dot every failure means that nothing was accepted; when the answer after
// it is missing, nobody can know.
func (a *Adapter) Send(ctx context.Context, m inbox.Outgoing) (remoteID string, err error) {
	ctx, done := a.living(ctx)
	defer done()
	raw, err := compose(m)
	if err != nil {
		return "", err
	}
	to := a.recipients(m)
	if len(to) == 0 {
		return "", &inbox.Error{Code: inbox.Invalid, Msg: "this reply has no recipient", Reason: &inbox.Reason{Code: "recipient_missing"}}
	}
	c, err := a.submit(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	if err := a.envelope(c, m.From.Address, to, len(raw)); err != nil {
		return "", err
	}
	if err := a.deliver(c, raw, m.Confirm); err != nil {
		return "", err
	}
	a.copyToSent(m, raw)
	return m.HeaderID, nil
}

// recipients of the envelope, each once. The address for blind copies is only here.
func (a *Adapter) recipients(m inbox.Outgoing) []string {
	var to []string
	for _, address := range slices.Concat(m.To, m.Cc, m.Bcc, []inbox.Address{{Address: a.settings.BccTo}}) {
		known := slices.ContainsFunc(to, func(s string) bool { return strings.EqualFold(s, address.Address) })
		if address.Address != "" && !known {
			to = append(to, address.Address)
		}
	}
	return to
}

// client is one SMTP connection, signed in. The context it was opened with closes it.
type client struct {
	*smtp.Client
	wire *wire
	stop func() bool
}

func (c *client) close() {
	c.stop()
	c.wire.cut(errors.New("closed"))
}

// submit connects, encrypts as the settings say and signs in.
func (a *Adapter) submit(ctx context.Context) (*client, error) {
	c, err := a.reachSMTP(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.authenticateSMTP(c); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (a *Adapter) reachSMTP(ctx context.Context) (*client, error) {
	at := &a.settings.SMTP.server
	w, err := a.connect(ctx, at)
	if err != nil {
		return nil, a.lostSMTP(err)
	}
	w.left.Store(smallAnswer)
	c := &client{wire: w, stop: context.AfterFunc(ctx, func() { w.cut(ctx.Err()) })}
	err = c.greet(ctx, at, a.tlsFor(at, ""))
	if err != nil {
		c.close()
		if _, ok := errors.AsType[notTLS](err); ok && (w.read.Load() || isTLS(err)) {
			return nil, a.problem(at, inbox.Unavailable, smtpTLS, "the connection to the mail server cannot be encrypted safely", err)
		}
		return nil, a.lostSMTP(err)
	}
	return c, nil
}

// ourName is how we introduce ourselves: an address literal, as mail programs do, that tells
// nothing about where we run.
const ourName = "[127.0.0.1]"

func (c *client) greet(ctx context.Context, at *server, config *tls.Config) (err error) {
	switch at.Security {
	case securityTLS:
		config.NextProtos = nil
		encrypted := tls.Client(c.wire, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return notTLS{err}
		}
		c.Client = smtp.NewClient(encrypted)
	case securityStartTLS:
		if c.Client, err = smtp.NewClientStartTLS(c.wire, config); err != nil {
			return notTLS{err}
		}
	default:
		c.Client = smtp.NewClient(c.wire)
	}
	c.CommandTimeout, c.SubmissionTimeout = commandLimit, answerLimit
	if err := c.Hello(ourName); err != nil {
		if at.Security == securityStartTLS {
			return notTLS{err} // the handshake happens with the first command
		}
		return err
	}
	return nil
}

// authenticateSMTP signs in. A server that offers no way to sign in, such as a relay on the own
// network, decides by itself whether to take our mail.
func (a *Adapter) authenticateSMTP(c *client) error {
	at := &a.settings.SMTP.server
	if offered, _ := c.Extension("AUTH"); !offered {
		return nil
	}
	secret := a.credential("smtp_password")
	if secret == "" {
		return a.problem(at, inbox.Expired, noCredential, "no password or token is stored for this mailbox", nil)
	}
	way := a.mechanism(at, secret, c.SupportsAuth)
	if way == nil {
		return a.problem(at, inbox.Denied, smtpLoginRefused, "the mail server offers no way to sign in with a password", nil)
	}
	if err := c.Auth(way); err != nil {
		return a.refusedSMTP(err)
	}
	return nil
}

// envelope names sender and recipients. A refused recipient means that nothing is sent at all.
func (a *Adapter) envelope(c *client, from string, to []string, size int) error {
	at := &a.settings.SMTP.server
	o := &smtp.MailOptions{Size: int64(size), UTF8: !ascii(from) || slices.ContainsFunc(to, func(s string) bool { return !ascii(s) })}
	if err := c.Mail(from, o); err != nil {
		return a.refusedMail(err, smtpSenderRefused, "the mail server refused the sender")
	}
	var refused *inbox.Error
	count := 0
	for _, recipient := range to {
		err := c.Rcpt(recipient, nil)
		if err == nil {
			continue
		}
		problem := a.refusedMail(err, smtpRcptRefused, "the mail server refused a recipient")
		if problem.Reason.Code != smtpRcptRefused {
			return problem
		}
		count++
		if refused == nil || problem.Code == inbox.Invalid {
			refused = problem // a final refusal weighs more than one for now
		}
	}
	if refused == nil {
		return nil
	}
	refused.Reason.Params["refused"], refused.Reason.Params["recipients"] = count, len(to)
	if err := c.Reset(); err != nil {
		a.log.Debug("mail server left during reset", "host", at.Host, "error", a.scrub(err.Error()))
	}
	return refused
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

// deliver hands over the mail. confirm is asked when everything but the end is written.
func (a *Adapter) deliver(c *client, raw []byte, confirm func() error) error {
	w, err := c.Data()
	if err != nil {
		return a.refusedMail(err, smtpMailRefused, "the mail server refused the mail")
	}
	if _, err := w.Write(raw); err != nil {
		return a.lostSMTP(err)
	}
	if confirm != nil {
		if err := confirm(); err != nil {
			return unconfirmed(err) // the connection is closed without the final dot: nothing is accepted
		}
	}
	err = w.Close()
	if err == nil {
		return nil
	}
	if _, answered := errors.AsType[*smtp.SMTPError](err); answered {
		return a.refusedMail(err, smtpMailRefused, "the mail server refused the mail")
	}
	return a.problem(&a.settings.SMTP.server, inbox.UncertainOf, smtpNoAnswer,
		"the mail server did not say whether it accepted the mail", err)
}

// unconfirmed gives an error of the caller's own the code that says that nothing was accepted.
func unconfirmed(err error) error {
	if inbox.CodeOf(err) != "" {
		return err
	}
	return &inbox.Error{Code: inbox.Unavailable, Msg: "the reply was not confirmed",
		Reason: &inbox.Reason{Code: "connection_not_here"}, Err: err}
}

// refusedSMTP sorts a failed sign-in.
func (a *Adapter) refusedSMTP(err error) error {
	at := &a.settings.SMTP.server
	e, ok := errors.AsType[*smtp.SMTPError](err)
	switch {
	case refusedToken(err):
		return a.problem(at, inbox.Expired, smtpLoginRefused, "the mail server refused the access token", err)
	case !ok:
		return a.lostSMTP(err)
	case e.Temporary():
		return a.problem(at, inbox.Unavailable, smtpFailed, "the mail server does not let us in just now", err)
	}
	return a.problem(at, inbox.Expired, smtpLoginRefused, "the mail server refused user name or password", err)
}

// refusedMail sorts the refusal of a command: 4xx and a broken connection may be tried again, 5xx is
// final, except that access may have to be renewed.
func (a *Adapter) refusedMail(err error, reason, msg string) *inbox.Error {
	at := &a.settings.SMTP.server
	e, ok := errors.AsType[*smtp.SMTPError](err)
	switch {
	case !ok:
		return a.lostSMTP(err)
	case e.Temporary():
		return a.problem(at, inbox.Unavailable, reason, msg+" for now", err)
	case e.Code == 552 && reason != smtpRcptRefused:
		return a.problem(at, inbox.Invalid, smtpTooLarge, "the mail is larger than the mail server takes", err)
	case e.Code == 530 || e.Code == 535:
		return a.problem(at, inbox.Expired, smtpLoginRefused, "the mail server wants us to sign in again", err)
	case reason == smtpSenderRefused:
		return a.problem(at, inbox.Denied, reason, msg, err)
	}
	return a.problem(at, inbox.Invalid, reason, msg, err)
}

// lostSMTP is a connection that was never there or broke.
func (a *Adapter) lostSMTP(err error) *inbox.Error {
	at := &a.settings.SMTP.server
	if e, ok := errors.AsType[*inbox.Error](err); ok { // from the way out, which knows better
		return e
	}
	if _, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return a.problem(at, inbox.Unavailable, smtpFailed, "the mail server sent us away", err)
	}
	if isTLS(err) {
		return a.problem(at, inbox.Unavailable, smtpTLS, "the connection to the mail server cannot be encrypted safely", err)
	}
	return a.problem(at, inbox.Unavailable, smtpUnreachable, "the mail server for outgoing mail cannot be reached", err)
}
