package email

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// Audit counts what the folders hold, on a connection of its own, and reads what the books lack.
func (a *Adapter) Audit(ctx context.Context, at string, books channels.Books) error {
	if !a.settings.pulled() {
		return nil
	}
	ctx, done := a.living(ctx)
	defer done()
	progress, err := readCursor(at)
	if err != nil {
		return err
	}
	f := &fetcher{Adapter: a, progress: progress, stalls: map[string]int{}, auditing: true}
	f.send = func(ctx context.Context, p filled) error {
		defer p.giveBack()
		p.Cursor = ""
		return books.Take(ctx, p.Page)
	}
	defer func() {
		if f.session != nil {
			f.session.close()
		}
	}()
	var refused error
	for _, folder := range a.settings.IMAP.Folders {
		here, seen := progress[folder]
		if !seen {
			continue
		}
		err := f.audit(ctx, folder, here, books)
		if err != nil && inbox.CodeOf(err) != inbox.NotFound {
			return err
		}
		refused = errors.Join(refused, err)
	}
	return refused
}

// audit counts one folder. One that was renumbered or set back since the last pull cannot be compared
// before the next: code Unavailable.
func (f *fetcher) audit(ctx context.Context, folder string, here place, books channels.Books) error {
	state, err := f.open(ctx, folder)
	if err != nil {
		return err
	}
	if state.UIDValidity != here.UIDValidity || state.UIDNext != 0 && state.UIDNext <= here.newest() {
		return f.problem(&f.settings.IMAP.server, inbox.Unavailable, imapFailed, "the folder was renumbered and not read since", nil)
	}
	h, err := f.holding(ctx, folder, here)
	if err != nil {
		return err
	}
	lacking, err := books.Lacking(ctx, h)
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		f.older = nil
		if err := f.readAgain(ctx, folder, here, lacking); err != nil {
			return err
		}
		if h, err = f.holding(ctx, folder, here); err != nil { // some may have been deleted meanwhile
			return err
		}
		h.Outside = append(h.Outside, numbers(f.older)...)
		slices.Sort(h.Outside)
	}
	return books.Counted(ctx, h)
}

// holding lists what an open folder holds: two searches, however many mails.
func (f *fetcher) holding(ctx context.Context, folder string, here place) (inbox.Holding, error) {
	all, err := f.session.search(ctx, 1, 0, time.Time{})
	if err != nil {
		return inbox.Holding{}, f.lost(ctx, err)
	}
	h := inbox.Holding{Folder: folder, Epoch: here.epoch(), Numbers: numbers(all), Read: uint32(here.UID)}
	imported := here.imported()
	if imported == 0 {
		return h, nil
	}
	recent, err := f.session.search(ctx, 1, imported, f.window().AddDate(0, 0, -1)) // as span does
	if err != nil {
		return inbox.Holding{}, f.lost(ctx, err)
	}
	for _, uid := range all {
		if uid > imported {
			break
		}
		if _, in := slices.BinarySearch(recent, uid); !in {
			h.Outside = append(h.Outside, uint32(uid))
		}
	}
	return h, nil
}

// readAgain reads mails of an open folder that were passed by.
func (f *fetcher) readAgain(ctx context.Context, folder string, here place, lacking []uint32) error {
	uids := make([]imap.UID, len(lacking))
	for i, n := range lacking {
		uids[i] = imap.UID(n)
	}
	imported, _ := slices.BinarySearch(uids, here.imported()+1)
	for _, part := range []struct {
		uids  []imap.UID
		since time.Time
	}{{uids[:imported], f.window()}, {uids[imported:], time.Time{}}} {
		for chunk := range slices.Chunk(part.uids, pageItems) {
			if err := f.chunk(ctx, folder, chunk, part.since); err != nil {
				return err
			}
		}
	}
	return nil
}

func numbers(uids []imap.UID) []uint32 {
	list := make([]uint32, len(uids))
	for i, uid := range uids {
		list[i] = uint32(uid)
	}
	return list
}
