package email

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// The names of the checks.
const (
	checkIMAPConnect = "imap_connect"
	checkIMAPTLS     = "imap_tls"
	checkIMAPLogin   = "imap_login"
	checkIMAPFolder  = "imap_folder"
	checkIMAPIdle    = "imap_idle"
	checkSMTPConnect = "smtp_connect"
	checkSMTPTLS     = "smtp_tls"
	checkSMTPLogin   = "smtp_login"
	checkSMTPSender  = "smtp_sender"
)

// Test signs in at both servers, opens each folder for reading and announces a sender, without
// sending anything. A step that fails ends its half of the list.
func (a *Adapter) Test(ctx context.Context) []channels.Check {
	ctx, done := a.living(ctx)
	defer done()
	smtpChecks := make(chan []channels.Check, 1)
	go func() { smtpChecks <- a.testSMTP(ctx) }()
	var checks []channels.Check
	if a.settings.pulled() {
		checks = a.testIMAP(ctx)
	}
	return append(checks, <-smtpChecks...)
}

func (a *Adapter) testIMAP(ctx context.Context) []channels.Check {
	s, err := a.reach(ctx, nil)
	checks := reached(err, checkIMAPConnect, checkIMAPTLS, a.settings.IMAP.Security)
	if err != nil {
		return checks
	}
	defer s.close()
	err = a.authenticate(ctx, s)
	checks = append(checks, checkOf(checkIMAPLogin, err))
	if err != nil {
		return checks
	}
	folders := a.settings.IMAP.Folders
	if sent := a.settings.SentFolder; sent != "" {
		folders = append(folders[:len(folders):len(folders)], sent)
	}
	for _, folder := range folders {
		_, err := s.examine(ctx, folder)
		if _, no := errors.AsType[*imap.Error](err); no {
			err = a.missing(folder, err)
		} else if err != nil {
			err = a.lostIMAP(err)
		}
		check := checkOf(checkIMAPFolder, err)
		if check.OK {
			check.Detail = folder
		}
		checks = append(checks, check)
	}
	// Without IDLE new mail is found by looking each minute, so this check informs and never fails.
	idle := channels.Check{Name: checkIMAPIdle, OK: true, Detail: "not offered: new mail is looked for at intervals"}
	if offered, err := a.offersIdle(ctx, s); err == nil && offered {
		idle.Detail = ""
	}
	return append(checks, idle)
}

func (a *Adapter) testSMTP(ctx context.Context) []channels.Check {
	c, err := a.reachSMTP(ctx)
	checks := reached(err, checkSMTPConnect, checkSMTPTLS, a.settings.SMTP.Security)
	if err != nil {
		return checks
	}
	defer c.close()
	err = a.authenticateSMTP(c)
	checks = append(checks, checkOf(checkSMTPLogin, err))
	if err != nil {
		return checks
	}
	if err := c.Mail(a.settings.Address, &smtp.MailOptions{UTF8: !ascii(a.settings.Address)}); err != nil {
		return append(checks, checkOf(checkSMTPSender, a.refusedMail(err, smtpSenderRefused, "the mail server refused the sender")))
	}
	if err := c.Reset(); err != nil {
		a.log.Debug("mail server left during reset", "error", a.scrub(err.Error()))
	}
	return append(checks, checkOf(checkSMTPSender, nil))
}

// reached makes the checks of connecting and, if it was asked for, of encryption.
func reached(err error, connect, encrypt, security string) []channels.Check {
	failedTLS := false
	if e, ok := errors.AsType[*inbox.Error](err); ok && e.Reason != nil {
		failedTLS = e.Reason.Code == imapTLS || e.Reason.Code == smtpTLS
	}
	if err != nil && !failedTLS {
		return []channels.Check{checkOf(connect, err)}
	}
	checks := []channels.Check{checkOf(connect, nil)}
	if security != securityNone {
		checks = append(checks, checkOf(encrypt, err))
	}
	return checks
}

func checkOf(name string, err error) channels.Check {
	if err == nil {
		return channels.Check{Name: name, OK: true}
	}
	check := channels.Check{Name: name, Problem: &inbox.Reason{Code: "connection_failed"}}
	if e, ok := errors.AsType[*inbox.Error](err); ok && e.Reason != nil {
		check.Problem = e.Reason
		check.Detail, _ = e.Reason.Params["answer"].(string)
	}
	return check
}
