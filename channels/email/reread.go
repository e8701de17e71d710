package email

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/deskbell/deskbell/inbox"
)

// Reread reads a mail again that was set aside: from the bytes kept of it, else from the server.
// Code NotFound if the server has it no longer.
func (a *Adapter) Reread(ctx context.Context, sourceKey string, at time.Time, raw []byte) (inbox.Incoming, error) {
	folder, validity, uid, err := splitKey(sourceKey)
	switch {
	case err == nil:
	case raw != nil:
		return a.Receive(sourceKey, at, raw), nil // it was handed over and lies in no folder
	default:
		return inbox.Incoming{}, err
	}
	m := mail{uid: uid, key: sourceKey, described: described{at: at, size: int64(len(raw))}, raw: raw}
	if raw == nil {
		ctx, done := a.living(ctx)
		defer done()
		if err := a.refetch(ctx, folder, validity, &m); err != nil {
			return inbox.Incoming{}, err
		}
	}
	return a.read(folder, &m), nil
}

// refetch fetches one mail on a connection of its own.
func (a *Adapter) refetch(ctx context.Context, folder string, validity uint32, m *mail) error {
	f := &fetcher{Adapter: a, progress: cursor{folder: {UIDValidity: validity}}, stalls: map[string]int{}}
	defer func() {
		if f.session != nil {
			f.session.close()
		}
	}()
	state, err := f.open(ctx, folder)
	if err != nil {
		return err
	}
	if state.UIDValidity != validity {
		return a.gone(folder)
	}
	about, err := f.describeOne(ctx, folder, m.key, m.uid)
	if err != nil {
		return err
	}
	switch {
	case about == nil:
		return a.gone(folder)
	case about.broken:
		m.problem = mailUnfetched
	case about.size > mailLimit:
		m.problem, m.size = mailTooLarge, about.size
	default:
		m.size = about.size
		err = f.single(ctx, folder, m)
	}
	if m.gone {
		return a.gone(folder)
	}
	return err
}

func (a *Adapter) gone(folder string) error {
	e := a.problem(&a.settings.IMAP.server, inbox.NotFound, mailUnfetched, "the mail server has this mail no longer", nil)
	e.Reason.Params["folder"] = folder
	return e
}

// key names a mail of a folder at the source.
func (p place) key(folder string, uid imap.UID) string {
	if p.Era > 0 {
		return fmt.Sprintf("%s|%d.%d|%d", folder, p.UIDValidity, p.Era, uid)
	}
	return fmt.Sprintf("%s|%d|%d", folder, p.UIDValidity, uid)
}

// place is the same, apart: an era is a numbering of its own.
func (p place) place(folder string, uid imap.UID) inbox.Place {
	return inbox.Place{Folder: folder, Epoch: p.epoch(), Number: uint32(uid)}
}

func (p place) epoch() int64 { return int64(p.Era)<<32 | int64(p.UIDValidity) }

// splitKey takes a source key apart. A folder's name may hold the separator.
func splitKey(key string) (folder string, validity uint32, uid imap.UID, err error) {
	rest, last, ok := cutLast(key)
	folder, middle, ok2 := cutLast(rest)
	middle, _, _ = strings.Cut(middle, ".") // the era tells keys apart, not mails
	v, err1 := strconv.ParseUint(middle, 10, 32)
	u, err2 := strconv.ParseUint(last, 10, 32)
	if !ok || !ok2 || errors.Join(err1, err2) != nil {
		return "", 0, 0, inbox.Errorf(inbox.Invalid, "this is not the key of a mail")
	}
	return folder, uint32(v), imap.UID(u), nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '|')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
