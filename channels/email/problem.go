package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/deskbell/deskbell/inbox"
)

// The codes of reasons. The far side's own words stand in the parameter "answer", cleaned and cut;
// what failed below its protocol (refused, timed out, no such name) is told apart in the log alone,
// so that nobody can map a network by trying connections.
const (
	imapUnreachable   = "imap_unreachable"
	imapTLS           = "imap_tls"
	imapLoginRefused  = "imap_login_refused"
	imapFolderMissing = "imap_folder_missing"
	imapFailed        = "imap_failed"
	smtpUnreachable   = "smtp_unreachable"
	smtpTLS           = "smtp_tls"
	smtpLoginRefused  = "smtp_login_refused"
	smtpSenderRefused = "smtp_sender_refused"
	smtpRcptRefused   = "smtp_recipient_refused"
	smtpMailRefused   = "smtp_message_refused"
	smtpTooLarge      = "smtp_message_too_large"
	smtpFailed        = "smtp_failed"
	smtpNoAnswer      = "smtp_no_answer"
	noCredential      = "credential_missing"
	mailTooLarge      = "mail_too_large"
	mailUnfetched     = "mail_not_fetched"
	mailUnreadable    = "mail_unreadable"
)

const answerRunes = 200

// problem makes an error for people out of what went wrong with a server. A server that repeats
// our secret in its answer does not get it into an error or a log.
func (a *Adapter) problem(at *server, code inbox.Code, reason, msg string, cause error) *inbox.Error {
	params := map[string]any{"host": at.Host, "port": at.Port}
	if answer := a.scrub(answerOf(cause)); answer != "" {
		params["answer"] = answer
	}
	if cause != nil {
		cause = scrubbed{text: a.scrub(cause.Error()), error: cause}
	}
	return &inbox.Error{Code: code, Msg: msg, Reason: &inbox.Reason{Code: reason, Params: params}, Err: cause}
}

// scrub takes our secrets, and everybody's addresses, out of a text that goes into a log or a reason.
func (a *Adapter) scrub(s string) string {
	for _, secret := range a.secret {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "…")
		}
	}
	return addressInText.ReplaceAllString(s, "…")
}

var addressInText = regexp.MustCompile(`[^\s<>"'(),:;]+@[^\s<>"'(),:;]+`)

// scrubbed is an error with another text.
type scrubbed struct {
	text string
	error
}

func (s scrubbed) Error() string { return s.text }
func (s scrubbed) Unwrap() error { return s.error }

// answerOf returns the far side's own words in an error, or "".
func answerOf(err error) string {
	if e, ok := errors.AsType[*imap.Error](err); ok {
		return clean(e.Text)
	}
	if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return clean(e.Message)
	}
	return ""
}

// clean makes one printable line of at most 200 runes.
func clean(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))), " ")
	if runes := []rune(s); len(runes) > answerRunes {
		return string(runes[:answerRunes-1]) + "…"
	}
	return s
}

// isTLS tells whether an error is about certificates or encryption and not about reaching anybody.
func isTLS(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	return verification || alert || record || host || authority
}

// refusedIMAP sorts a failed IMAP login: wrong credentials wait for new ones, a server that is busy is
// asked again.
func (a *Adapter) refusedIMAP(err error) error {
	at := &a.settings.IMAP.server
	busy := a.problem(at, inbox.Unavailable, imapFailed, "the mail server does not let us in just now", err)
	if refusedToken(err) {
		return a.problem(at, inbox.Expired, imapLoginRefused, "the mail server refused the access token", err)
	}
	e, ok := errors.AsType[*imap.Error](err)
	if !ok {
		return a.lostIMAP(err)
	}
	switch e.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeLimit, imap.ResponseCodeServerBug, imap.ResponseCodeContactAdmin:
		return busy
	}
	if e.Type == imap.StatusResponseTypeBye || strings.Contains(strings.ToLower(e.Text), "too many") {
		return busy
	}
	return a.problem(at, inbox.Expired, imapLoginRefused, "the mail server refused user name or password", err)
}

// refusedToken tells whether a token was refused within the exchange.
func refusedToken(err error) bool {
	_, bearer := errors.AsType[*sasl.OAuthBearerError](err)
	_, x := errors.AsType[*xoauth2Error](err)
	return bearer || x
}

// lostIMAP is a connection that broke or an answer that made no sense.
func (a *Adapter) lostIMAP(err error) error {
	at := &a.settings.IMAP.server
	if e, ok := errors.AsType[*inbox.Error](err); ok {
		return e
	}
	if isTLS(err) {
		return a.problem(at, inbox.Unavailable, imapTLS, "the connection to the mail server cannot be encrypted safely", err)
	}
	if _, ok := errors.AsType[*imap.Error](err); ok {
		return a.problem(at, inbox.Unavailable, imapFailed, "the mail server refused a command", err)
	}
	return a.problem(at, inbox.Unavailable, imapUnreachable, "the mail server for incoming mail cannot be reached", err)
}
