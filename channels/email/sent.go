package email

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/deskbell/deskbell/inbox"
)

// copyLimit bounds how long a copy to the Sent folder may take.
const copyLimit = 2 * time.Minute

// copyToSent puts a copy of an accepted mail into the Sent folder, in the background: the reply is
// sent whatever becomes of it, and nobody waits for it.
func (a *Adapter) copyToSent(m inbox.Outgoing, raw []byte) {
	a.ending.Lock()
	defer a.ending.Unlock()
	if a.settings.SentFolder == "" || !a.settings.pulled() || a.life.Err() != nil {
		return
	}
	a.copies.Go(func() {
		ctx, done := context.WithTimeout(a.life, copyLimit)
		defer done()
		giveBack, err := a.memory.Take(ctx, int64(len(raw)))
		if err == nil {
			defer giveBack()
			err = a.appendCopy(ctx, m.HeaderID, raw)
		}
		if err != nil {
			a.log.Warn("no copy in the Sent folder", "message", m.Message.String(), "error", err)
		}
	})
}

func (a *Adapter) appendCopy(ctx context.Context, headerID string, raw []byte) error {
	s, err := a.signIn(ctx, nil)
	if err != nil {
		return err
	}
	defer s.close()
	there, err := a.inSent(ctx, s, headerID)
	if err != nil || there {
		return err // the provider keeps its own copy
	}
	return s.during(ctx, smallAnswer, func() error {
		cmd := s.client.Append(a.settings.SentFolder, int64(len(raw)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: a.now()})
		_, writeErr := cmd.Write(raw)
		if err := errors.Join(writeErr, cmd.Close()); err != nil {
			return err
		}
		_, err := cmd.Wait()
		return err
	})
}

// inSent looks for a Message-ID in the Sent folder.
func (a *Adapter) inSent(ctx context.Context, s *session, headerID string) (found bool, err error) {
	if _, err := s.examine(ctx, a.settings.SentFolder); err != nil {
		if _, no := errors.AsType[*imap.Error](err); no {
			return false, a.missing(a.settings.SentFolder, err)
		}
		return false, a.lostIMAP(err)
	}
	criteria := &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: "<" + headerID + ">"}}}
	err = s.during(ctx, searchAnswer, func() error {
		data, err := s.client.UIDSearch(criteria, nil).Wait()
		if err == nil {
			all, _ := data.All.(imap.UIDSet)
			found = len(all) > 0
		}
		return err
	})
	return found, err
}

// Find looks for an earlier attempt in the Sent folder. A mail that is not there may have been
// accepted all the same, so the answer is the id or code UncertainOf.
func (a *Adapter) Find(ctx context.Context, m inbox.Outgoing) (remoteID string, err error) {
	unknown := a.problem(&a.settings.SMTP.server, inbox.UncertainOf, smtpNoAnswer, "nobody can tell whether the mail was accepted", nil)
	if a.settings.SentFolder == "" || !a.settings.pulled() {
		return "", unknown
	}
	ctx, done := a.living(ctx)
	defer done()
	s, err := a.signIn(ctx, nil)
	if err != nil {
		return "", err
	}
	defer s.close()
	there, err := a.inSent(ctx, s, m.HeaderID)
	if err != nil {
		return "", err
	}
	if !there {
		return "", unknown
	}
	return m.HeaderID, nil
}
