package email

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// mailTries is how often a mail is asked for that breaks the connection each time.
const mailTries = 3

// Pull reads each folder from where the cursor left it, oldest UID first; while it works off a large
// backlog, what arrives goes ahead. The next page is fetched while the one before is being stored. A folder that cannot be opened does not keep the others from
// being read; its error comes at the end.
func (a *Adapter) Pull(ctx context.Context, at string, yield func(channels.Page) error) error {
	if !a.settings.pulled() {
		return nil
	}
	ctx, done := a.living(ctx)
	defer done()
	progress, err := readCursor(at)
	if err != nil {
		return err
	}
	select {
	case a.pulling <- struct{}{}:
		defer func() { <-a.pulling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.refused.Swap(false) {
		a.drop()
	}
	fetching, stop := context.WithCancel(ctx)
	pages := make(chan filled)
	f := &fetcher{Adapter: a, session: a.fetching, progress: progress, stalls: a.stalls, send: into(pages)}
	go func() {
		defer close(pages)
		f.err = f.folders(fetching)
	}()
	err = drain(pages, stop, yield)
	if a.fetching = f.session; f.broken || err != nil {
		a.drop()
	}
	if err != nil {
		return err
	}
	return f.err
}

// drain yields pages until there are no more; after an error it stops the fetcher and gives back
// what it still brings.
func drain(pages <-chan filled, stop func(), yield func(channels.Page) error) (err error) {
	defer stop()
	for p := range pages {
		if err == nil {
			if err = yield(p.Page); err != nil {
				stop()
			}
		}
		p.giveBack()
	}
	return err
}

func (a *Adapter) drop() {
	if a.fetching != nil {
		a.fetching.close()
		a.fetching = nil
	}
}

// filled is a page with the memory it holds.
type filled struct {
	channels.Page
	giveBack func()
}

// fetcher is the part of a pull that talks to the server.
type fetcher struct {
	*Adapter
	session  *session // nil: not connected
	fresh    bool     // opened by this pull
	progress cursor
	stalls   map[string]int // how often the server fell silent over a mail
	working  string         // the folder whose backlog is being worked off
	looked   time.Time      // when all folders were last asked for what is new
	send     func(ctx context.Context, p filled) error
	older    []imap.UID // what was asked for and lies outside the import; kept by an audit alone
	auditing bool
	broken   bool // the session cannot be used any more
	err      error
}

// folders reads what is new in all folders, then works their backlogs off. It goes on after a folder
// that the server refuses to open and stops when the server itself is lost.
func (f *fetcher) folders(ctx context.Context) error {
	refused, err := f.news(ctx)
	for _, folder := range f.settings.IMAP.Folders {
		if f.progress[folder].BacklogTo == 0 || err != nil {
			continue
		}
		if err = f.backlog(ctx, folder); err == nil {
			err = f.newsOf(ctx, folder)
		}
		if inbox.CodeOf(err) == inbox.NotFound && ctx.Err() == nil { // it went away meanwhile
			refused, err = errors.Join(refused, err), nil
		}
	}
	if err != nil {
		f.broken = true
		return cmp.Or(ctx.Err(), err)
	}
	return refused
}

// note keeps the cursor without a mail.
func (f *fetcher) note(ctx context.Context) error {
	return f.send(ctx, filled{Page: channels.Page{Cursor: f.progress.String()}, giveBack: func() {}})
}

// newest returns the highest UID of an open folder, 0 if it is empty.
func (f *fetcher) newest(ctx context.Context, state *imap.SelectData) (imap.UID, error) {
	if state.UIDNext != 0 {
		return state.UIDNext - 1, nil
	}
	uids, err := f.session.search(ctx, 1, 0, time.Time{}) // an old server that does not tell
	if err != nil || len(uids) == 0 {
		return 0, f.lost(ctx, err)
	}
	return uids[len(uids)-1], nil
}

// open examines a folder. A session kept from the pull before may have died in the meantime, or may
// not get over what happened to the mailbox: then a new one is opened, once.
func (f *fetcher) open(ctx context.Context, folder string) (*imap.SelectData, error) {
	if f.session != nil {
		data, err := f.session.examine(ctx, folder)
		if err == nil || ctx.Err() != nil {
			return data, err
		}
		if f.fresh && refused(err) {
			return nil, f.missing(folder, err)
		}
	}
	if err := f.reopen(ctx); err != nil {
		return nil, err
	}
	data, err := f.session.examine(ctx, folder)
	if refused(err) {
		return nil, f.missing(folder, err)
	}
	return data, f.lost(ctx, err)
}

// refused tells whether the server said no and is well otherwise.
func refused(err error) bool {
	e, ok := errors.AsType[*imap.Error](err)
	return ok && e.Type == imap.StatusResponseTypeNo
}

func (f *fetcher) reopen(ctx context.Context) (err error) {
	if f.session != nil {
		f.session.close()
		f.session = nil
	}
	f.session, err = f.signIn(ctx, nil)
	f.fresh = true
	return err
}

func (a *Adapter) missing(folder string, cause error) error {
	e := a.problem(&a.settings.IMAP.server, inbox.NotFound, imapFolderMissing, "the mail server does not open this folder", cause)
	e.Reason.Params["folder"] = folder
	return e
}

func (f *fetcher) lost(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return f.lostIMAP(err)
}

// span reads the UIDs of an open folder from one to another (0: no end), received since a moment.
func (f *fetcher) span(ctx context.Context, folder string, from, to imap.UID, since time.Time) error {
	day := since
	if !day.IsZero() {
		day = since.AddDate(0, 0, -1) // the server's day may begin up to 14 hours away from ours
	}
	uids, err := f.session.search(ctx, from, to, day)
	if err != nil {
		return f.lost(ctx, err)
	}
	for chunk := range slices.Chunk(uids, pageItems) {
		if err := f.interrupt(ctx); err != nil {
			return err
		}
		if err := f.chunk(ctx, folder, chunk, since); err != nil {
			return err
		}
	}
	return nil
}

// chunk fetches up to a hundred mails: first what the server says of them, then their bytes in pages
// of bounded size.
func (f *fetcher) chunk(ctx context.Context, folder string, uids []imap.UID, since time.Time) error {
	about, err := f.describeAll(ctx, folder, uids)
	if err != nil {
		return err
	}
	here := f.progress[folder]
	var page []mail
	var size int64
	for _, uid := range uids {
		d, there := about[uid]
		if !there {
			continue // gone meanwhile
		}
		if d.at.Before(since) {
			if f.auditing {
				f.older = append(f.older, uid)
			}
			continue
		}
		m := mail{uid: uid, described: d, key: here.key(folder, uid), place: here.place(folder, uid)}
		switch {
		case d.broken:
			m.problem = mailUnfetched
		case d.size > mailLimit:
			m.problem = mailTooLarge
		}
		if len(page) > 0 && size+m.cost() > pageLimit {
			if err := f.page(ctx, folder, page, size); err != nil {
				return err
			}
			page, size = nil, 0
		}
		page = append(page, m)
		size += m.cost()
	}
	if len(page) > 0 {
		if err := f.page(ctx, folder, page, size); err != nil {
			return err
		}
	}
	f.progress[folder] = here.passed(uids[len(uids)-1]) // what lay outside the window is passed, too
	return nil
}

// describeAll asks about mails; about those missing in the answer singly, as some servers leave out
// what they stumble over.
func (f *fetcher) describeAll(ctx context.Context, folder string, uids []imap.UID) (map[imap.UID]described, error) {
	about, err := f.session.describe(ctx, uids)
	if err != nil {
		if _, err = f.again(ctx, folder, err); err != nil {
			return nil, err
		}
		about = map[imap.UID]described{}
	}
	for _, uid := range uids {
		if _, ok := about[uid]; ok {
			continue
		}
		one, err := f.describeOne(ctx, folder, f.progress[folder].key(folder, uid), uid)
		if err != nil {
			return nil, err
		}
		if one != nil {
			about[uid] = *one
		}
	}
	return about, nil
}

// describeOne returns nil for a mail that is gone, and broken for one that breaks every answer about
// it.
func (f *fetcher) describeOne(ctx context.Context, folder, key string, uid imap.UID) (*described, error) {
	for range mailTries {
		about, err := f.session.describe(ctx, []imap.UID{uid})
		if err == nil {
			if one, ok := about[uid]; ok {
				return &one, nil
			}
			return nil, nil
		}
		if hopeless, err := f.silent(ctx, folder, key, err); err != nil {
			return nil, err
		} else if hopeless {
			break
		}
		if _, err := f.again(ctx, folder, err); err != nil {
			return nil, err
		}
	}
	return &described{at: f.now(), broken: true}, nil
}

// silent treats a server that stops answering over one mail as a server that is in trouble: the pull
// ends and is tried later. Only when that happened over the same mail a few times is the mail
// hopeless. Other errors are not its business.
func (f *fetcher) silent(ctx context.Context, folder, key string, why error) (hopeless bool, err error) {
	if !errors.Is(why, errStalled) {
		return false, nil
	}
	if f.stalls[key]++; f.stalls[key] < mailTries {
		return false, f.lost(ctx, why)
	}
	delete(f.stalls, key)
	_, err = f.again(ctx, folder, why)
	return true, err
}

// again reconnects after a broken answer and opens the folder afresh. It fails if that is impossible
// or the folder was renumbered meanwhile: then the next pull begins anew.
func (f *fetcher) again(ctx context.Context, folder string, why error) (*imap.SelectData, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	f.log.Warn("mail server gave an answer that breaks the connection; connecting again", "error", f.scrub(why.Error()))
	if err := f.reopen(ctx); err != nil {
		return nil, err
	}
	state, err := f.session.examine(ctx, folder)
	if err != nil {
		return nil, f.lost(ctx, err)
	}
	return state, f.unchanged(folder, state)
}

// page fetches the bytes of mails and sends them on as one page.
func (f *fetcher) page(ctx context.Context, folder string, mails []mail, size int64) error {
	giveBack, err := f.memory.Take(ctx, size)
	if err != nil {
		return err
	}
	if err := f.fill(ctx, folder, mails); err != nil {
		giveBack()
		return err
	}
	mails = slices.DeleteFunc(mails, func(m mail) bool { return m.gone })
	if len(mails) > 0 {
		f.progress[folder] = f.progress[folder].passed(mails[len(mails)-1].uid)
	}
	p := channels.Page{
		Keys:   make([]channels.Key, len(mails)),
		Parse:  func(i int) inbox.Incoming { return f.read(folder, &mails[i]) },
		Raw:    func(i int) inbox.Incoming { return f.labelled(&mails[i]) },
		Cursor: f.progress.String(),
	}
	for i, m := range mails {
		p.Keys[i] = channels.Key{SourceKey: m.key, Place: m.place, Size: m.size, At: f.received(m.at)}
	}
	return f.send(ctx, filled{Page: p, giveBack: giveBack})
}

// into hands pages to whoever drains them, while the next is fetched.
func into(pages chan<- filled) func(context.Context, filled) error {
	return func(ctx context.Context, p filled) error {
		select {
		case pages <- p:
			return nil
		case <-ctx.Done():
			p.giveBack()
			return ctx.Err()
		}
	}
}

// fill fetches mails in one command and those that did not come singly.
func (f *fetcher) fill(ctx context.Context, folder string, mails []mail) error {
	var set imap.UIDSet
	var budget int64
	asked := 0
	for _, m := range mails {
		if m.problem == "" {
			set.AddNum(m.uid)
			budget += m.budget()
			asked++
		}
	}
	if asked == 0 {
		return nil
	}
	err := f.session.bodies(ctx, set, budget, func(uid imap.UID, raw []byte) { keep(mails, uid, raw) })
	if err != nil {
		if _, err := f.again(ctx, folder, err); err != nil {
			return err
		}
	}
	failed := 0
	for i := range mails {
		if m := &mails[i]; m.raw == nil && m.problem == "" {
			if err := f.single(ctx, folder, m); err != nil {
				return err
			}
			if m.problem != "" {
				failed++
			}
		}
	}
	if failed == asked && asked > 1 {
		return f.barren(ctx, mails[0].key)
	}
	return nil
}

// barren treats a server that gives not one of several mails as a server that is in trouble: the pull
// ends and is tried later, a few times.
func (f *fetcher) barren(ctx context.Context, first string) error {
	key := "page " + first
	if f.stalls[key]++; f.stalls[key] < mailTries {
		return f.lost(ctx, errBarren)
	}
	delete(f.stalls, key)
	return nil
}

func keep(mails []mail, uid imap.UID, raw []byte) {
	i, ok := slices.BinarySearchFunc(mails, uid, func(m mail, uid imap.UID) int { return int(m.uid) - int(uid) })
	if ok && mails[i].problem == "" {
		mails[i].raw = raw
	}
}

// single fetches one mail that did not come with the others: by its UID, then by its number, for
// servers that answer with the UID behind the mail, which the library drops. One that is gone is
// marked so; one that cannot be had is set aside.
func (f *fetcher) single(ctx context.Context, folder string, m *mail) error {
	take := func(uid imap.UID, raw []byte) {
		if uid == m.uid {
			m.raw = raw
		}
	}
	for range mailTries {
		err := f.session.bodies(ctx, imap.UIDSetNum(m.uid), m.budget(), take)
		var about map[imap.UID]described
		if err == nil && m.raw == nil {
			if about, err = f.session.describe(ctx, []imap.UID{m.uid}); err == nil {
				d, there := about[m.uid]
				if !there {
					m.gone = true
					return nil
				}
				err = f.session.bodies(ctx, imap.SeqSetNum(d.sequence), m.budget(), take)
			}
		}
		if m.raw != nil {
			return nil
		}
		if err == nil {
			break // the server has it and does not give it
		}
		if hopeless, err := f.silent(ctx, folder, m.key, err); err != nil {
			return err
		} else if hopeless {
			break
		}
		if _, err := f.again(ctx, folder, err); err != nil {
			return err
		}
	}
	m.problem = mailUnfetched
	return nil
}
