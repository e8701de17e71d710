package email

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/deskbell/deskbell/inbox"
)

// backlogFrom is how many numbers behind the newest mail a folder is before what arrives is taken
// ahead of the rest; fewer mails are read in seconds, in their order.
const backlogFrom = 10 * pageItems

// newsEvery is how often, while a backlog is worked off, folders are asked for what arrived, if the
// server does not tell by itself.
const newsEvery = 3 * time.Second

// news reads in each folder what lies beyond its newest mail. refused are the folders that do not
// open; after any other error the server is lost.
func (f *fetcher) news(ctx context.Context) (refused, err error) {
	f.looked = time.Now()
	for _, folder := range f.settings.IMAP.Folders {
		err := f.newsOf(ctx, folder)
		if err != nil && (inbox.CodeOf(err) != inbox.NotFound || ctx.Err() != nil) {
			return nil, err
		}
		refused = errors.Join(refused, err)
	}
	return refused, nil
}

// newsOf reads what one folder has beyond its newest mail, or finds that it has a backlog.
func (f *fetcher) newsOf(ctx context.Context, name string) error {
	state, err := f.open(ctx, name)
	if err != nil {
		return err
	}
	here, known := f.progress[name]
	renumbered := !known || here.UIDValidity != state.UIDValidity
	setBack := false
	if !renumbered {
		if setBack, err = f.setBack(ctx, name, state); err != nil {
			return err
		}
	}
	switch {
	case renumbered || setBack:
		return f.begin(ctx, name, state, setBack)
	case state.UIDNext != 0 && here.newest()+1 >= state.UIDNext, here.nearlyDone():
		return nil
	case here.BacklogTo == 0 && state.UIDNext > here.UID+backlogFrom:
		f.progress[name] = here.behind(state.UIDNext - 1)
		return nil
	}
	return f.span(ctx, name, here.newest()+1, 0, time.Time{})
}

// begin makes what a folder holds its backlog, to be read as far as the import goes back.
func (f *fetcher) begin(ctx context.Context, name string, state *imap.SelectData, setBack bool) error {
	was, known := f.progress[name]
	here := place{UIDValidity: state.UIDValidity, Import: true}
	if setBack {
		here.Era = was.Era + 1
	}
	f.progress[name] = here
	newest, err := f.newest(ctx, state)
	if err == nil {
		here.BacklogTo, err = f.before(ctx, name, newest)
	}
	if err != nil {
		if f.progress[name] = was; !known {
			delete(f.progress, name)
		}
		return err
	}
	if f.progress[name] = here.behind(here.BacklogTo); here.BacklogTo == 0 {
		f.progress[name] = here.done()
	}
	if newest == 0 {
		return f.note(ctx)
	}
	return f.span(ctx, name, here.BacklogTo+1, 0, time.Time{})
}

// before returns the number up to which a large folder is a backlog: mails that came after we
// connected, up to a page of them, do not wait for those from before.
func (f *fetcher) before(ctx context.Context, name string, newest imap.UID) (imap.UID, error) {
	if newest <= backlogFrom || f.liveFrom.IsZero() {
		return newest, nil
	}
	recent, err := f.session.search(ctx, 1, newest, f.liveFrom.AddDate(0, 0, -1))
	if err != nil {
		return 0, f.lost(ctx, err)
	}
	recent = recent[max(0, len(recent)-pageItems):]
	about, err := f.describeAll(ctx, name, recent)
	if err != nil {
		return 0, err
	}
	from := f.liveFrom.Truncate(time.Second)
	for i := len(recent) - 1; i >= 0 && !about[recent[i]].at.Before(from); i-- {
		newest = recent[i] - 1
	}
	return newest, nil
}

// setBack tells whether a folder holds fewer numbers than were read of it: it was restored from an
// older copy and gives the same numbers out again, for other mails. A server that merely miscounts
// still has a mail with a number it says is free.
func (f *fetcher) setBack(ctx context.Context, name string, state *imap.SelectData) (bool, error) {
	if state.UIDNext == 0 || state.UIDNext > f.progress[name].newest() {
		return false, nil
	}
	beyond, err := f.session.search(ctx, state.UIDNext, 0, time.Time{})
	if err != nil {
		return false, f.lost(ctx, err)
	}
	return len(beyond) == 0, nil
}

// backlog works off what a folder is behind, oldest first.
func (f *fetcher) backlog(ctx context.Context, name string) error {
	here := f.progress[name]
	if err := f.reenter(ctx, name); err != nil {
		return err
	}
	if here.UID < here.BacklogTo {
		since := time.Time{}
		if here.Import {
			since = f.window()
		}
		f.working = name
		err := f.span(ctx, name, here.UID+1, here.BacklogTo, since)
		f.working = ""
		if err != nil {
			return err
		}
	}
	f.progress[name] = f.progress[name].done()
	return f.note(ctx)
}

// reenter opens a folder again after others were looked into.
func (f *fetcher) reenter(ctx context.Context, name string) error {
	state, err := f.open(ctx, name)
	if err != nil {
		return err
	}
	return f.unchanged(name, state)
}

// unchanged makes sure that a folder's numbers mean what they did: if not, the next pull begins anew.
func (f *fetcher) unchanged(name string, state *imap.SelectData) error {
	if state.UIDValidity == f.progress[name].UIDValidity {
		return nil
	}
	return f.problem(&f.settings.IMAP.server, inbox.Unavailable, imapFailed, "the folder was renumbered while it was read", nil)
}

// interrupt takes what arrived while a backlog is worked off: when the server says that something
// did and, as not every server does, at intervals.
func (f *fetcher) interrupt(ctx context.Context) error {
	name := f.working
	if name == "" {
		return nil
	}
	select {
	case <-f.grown:
	default:
		if time.Since(f.looked) < newsEvery {
			return nil
		}
	}
	f.working = ""
	_, err := f.news(ctx) // which folders do not open is told at the end
	f.working = name
	if err != nil {
		return err
	}
	return f.reenter(ctx, name)
}
