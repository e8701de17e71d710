package email

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"github.com/deskbell/deskbell/inbox"
)

// session is one IMAP connection, signed in. One goroutine at a time uses it.
type session struct {
	*wire
	client *imapclient.Client
}

// Bytes an answer may bring beside mail. A search names every mail of a folder: 16 MiB are two
// million of them.
const (
	smallAnswer  = 1 << 20
	searchAnswer = 16 << 20
)

// signIn opens a session. mailbox, if not nil, is called when the selected folder grows.
func (a *Adapter) signIn(ctx context.Context, grown func()) (*session, error) {
	s, err := a.reach(ctx, grown)
	if err != nil {
		return nil, err
	}
	if err := a.authenticate(ctx, s); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// reach connects, encrypts as the settings say and hears the greeting. It never goes on without
// encryption that was asked for.
func (a *Adapter) reach(ctx context.Context, grown func()) (*session, error) {
	at := &a.settings.IMAP.server
	w, err := a.connect(ctx, at)
	if err != nil {
		return nil, a.lostIMAP(err)
	}
	s := &session{wire: w}
	o := &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil && grown != nil {
				grown()
			}
		},
	}}
	err = w.during(ctx, smallAnswer, func() error { return s.greet(ctx, at, a.tlsFor(at, "imap"), o) })
	if err != nil {
		w.cut(err)
		return nil, a.noGreeting(ctx, w, err)
	}
	return s, nil
}

func (s *session) greet(ctx context.Context, at *server, config *tls.Config, o *imapclient.Options) (err error) {
	switch at.Security {
	case securityTLS:
		encrypted := tls.Client(s.wire, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return notTLS{err}
		}
		s.client = imapclient.New(encrypted, o)
	case securityStartTLS:
		o.TLSConfig = config
		if s.client, err = imapclient.NewStartTLS(s.wire, o); err != nil {
			return notTLS{err}
		}
	default:
		s.client = imapclient.New(s.wire, o)
	}
	return s.client.WaitGreeting()
}

// notTLS is a failure while encryption was being agreed on.
type notTLS struct{ error }

func (e notTLS) Unwrap() error { return e.error }

// noGreeting tells apart a server that is not there, one that cannot encrypt and one that sends us
// away.
func (a *Adapter) noGreeting(ctx context.Context, w *wire, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	at := &a.settings.IMAP.server
	if _, ok := errors.AsType[notTLS](err); ok && (w.read.Load() || isTLS(err)) {
		return a.problem(at, inbox.Unavailable, imapTLS, "the connection to the mail server cannot be encrypted safely", err)
	}
	return a.lostIMAP(err)
}

func (a *Adapter) tlsFor(at *server, protocol string) *tls.Config {
	config := a.tls.Clone()
	config.ServerName = at.Host
	if at.Security == securityTLS {
		config.NextProtos = []string{protocol}
	}
	return config
}

func (a *Adapter) authenticate(ctx context.Context, s *session) error {
	at := &a.settings.IMAP.server
	secret := a.credential("password")
	if secret == "" {
		return a.problem(at, inbox.Expired, noCredential, "no password or token is stored for this mailbox", nil)
	}
	err := s.during(ctx, smallAnswer, func() error {
		caps := s.client.Caps()
		way := a.mechanism(at, secret, func(m string) bool { return m != sasl.Login && caps.Has(imap.AuthCap(m)) })
		if way != nil {
			return s.client.Authenticate(way)
		}
		return s.client.Login(at.Username, secret).Wait()
	})
	if err != nil {
		return a.refusedIMAP(err)
	}
	return nil
}

// close ends the connection at once.
func (s *session) close() {
	s.cut(errors.New("closed"))
	if s.client != nil {
		_ = s.client.Close() // it reports the closing above
	}
}

// examine opens a folder for reading alone: nothing done in it can change a mark.
func (s *session) examine(ctx context.Context, folder string) (data *imap.SelectData, err error) {
	err = s.during(ctx, smallAnswer, func() error {
		data, err = s.client.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
		return err
	})
	return data, err
}

// search returns the UIDs between from and to (0: no end) of mails the server received on or after
// that day (zero: whenever), rising.
func (s *session) search(ctx context.Context, from, to imap.UID, since time.Time) (uids []imap.UID, err error) {
	var within imap.UIDSet
	within.AddRange(from, to)
	criteria := &imap.SearchCriteria{UID: []imap.UIDSet{within}, Since: since}
	err = s.during(ctx, searchAnswer, func() error {
		found, err := s.client.UIDSearch(criteria, nil).Wait()
		if err != nil {
			return err
		}
		all, _ := found.All.(imap.UIDSet)
		uids, err = expand(all, from, to)
		return err
	})
	return uids, err
}

// expand lists the UIDs of a set that lie between from and to. "n:*" finds the newest mail even if
// it is older than n, so servers name UIDs that were not asked for.
func expand(set imap.UIDSet, from, to imap.UID) ([]imap.UID, error) {
	var uids []imap.UID
	for _, r := range set {
		start, stop := max(r.Start, from), r.Stop
		if to != 0 {
			stop = min(stop, to)
		}
		if stop < start {
			continue
		}
		if len(uids)+int(stop-start) > searchAnswer/8 {
			return nil, errFlood
		}
		for uid := start; ; uid++ {
			uids = append(uids, uid)
			if uid == stop {
				break
			}
		}
	}
	slices.Sort(uids)
	return uids, nil
}

// described is what a server says of a mail before its bytes are fetched.
type described struct {
	sequence uint32
	at       time.Time
	size     int64
	broken   bool // no answer about it can be read
}

// describe asks for date and size of mails. Mails that are gone are missing from the answer.
func (s *session) describe(ctx context.Context, uids []imap.UID) (map[imap.UID]described, error) {
	found := make(map[imap.UID]described, len(uids))
	err := s.during(ctx, smallAnswer, func() error {
		cmd := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, InternalDate: true, RFC822Size: true})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			var uid imap.UID
			d := described{sequence: m.SeqNum}
			for item := m.Next(); item != nil; item = m.Next() {
				switch item := item.(type) {
				case imapclient.FetchItemDataUID:
					uid = item.UID
				case imapclient.FetchItemDataInternalDate:
					d.at = item.Time
				case imapclient.FetchItemDataRFC822Size:
					d.size = item.Size
				}
			}
			if uid != 0 {
				found[uid] = d
			}
		}
		return cmd.Close()
	})
	return found, err
}

// bodies fetches whole mails without marking them as read and hands over each as it arrives, so that
// those before a break are not lost. budget bounds what may arrive.
func (s *session) bodies(ctx context.Context, set imap.NumSet, budget int64, each func(imap.UID, []byte)) error {
	return s.during(ctx, budget, func() error {
		cmd := s.client.Fetch(set, &imap.FetchOptions{
			UID: true, Flags: true, InternalDate: true, RFC822Size: true,
			BodySection: []*imap.FetchItemBodySection{{Peek: true}},
		})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			uid, raw, err := s.body(m)
			if err != nil {
				s.cut(err)
				if errors.Is(err, io.ErrUnexpectedEOF) {
					return err // for the library the mail has ended and it reads on: nobody may read beside it
				}
				return errors.Join(err, cmd.Close())
			}
			if uid != 0 && raw != nil {
				each(uid, raw)
			}
		}
		return cmd.Close()
	})
}

// body reads one mail of an answer; raw is nil if the answer holds none.
func (s *session) body(m *imapclient.FetchMessageData) (uid imap.UID, raw []byte, err error) {
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = item.UID
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil {
				continue
			}
			if raw, err = limited(item.Literal, mailLimit); err != nil {
				return 0, nil, err
			}
			if int64(len(raw)) != item.Literal.Size() { // the library takes a line that broke for the end
				return 0, nil, io.ErrUnexpectedEOF
			}
		}
	}
	return uid, raw, nil
}
