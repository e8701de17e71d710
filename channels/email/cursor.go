package email

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
)

// cursor says of each folder how far it was read.
type cursor map[string]place

// place is how far a folder was read: everything up to UID is taken, or lies outside the import
// window. Beyond it there may be a backlog, which is worked off up to BacklogTo while what arrives
// later is taken at once, so that nobody waits for a hundred thousand old mails: that is taken from
// BacklogTo up to Live.
type place struct {
	UIDValidity uint32 `json:"uidvalidity"`
	// Era rises when a folder was set back and gives out numbers for the second time.
	Era       uint32   `json:"era,omitempty"`
	UID       imap.UID `json:"uid"`
	BacklogTo imap.UID `json:"backlog_to,omitempty"` // 0: there is no backlog
	Live      imap.UID `json:"live,omitempty"`
	Import    bool     `json:"import,omitempty"` // the backlog is the first import: only what lies in the window counts
	// Imported is up to where the first import went, once it is done.
	Imported imap.UID `json:"imported,omitempty"`
}

// imported is up to where only what lies in the import window counts; what is above arrived later.
func (p place) imported() imap.UID {
	if p.Import {
		return p.BacklogTo
	}
	return p.Imported
}

// newest is the highest UID that was taken; what has a higher one is new.
func (p place) newest() imap.UID {
	if p.BacklogTo != 0 {
		return p.Live
	}
	return p.UID
}

// passed notes that everything up to uid was taken, in the backlog or beyond it.
func (p place) passed(uid imap.UID) place {
	switch {
	case p.BacklogTo == 0:
		p.UID = uid
	case uid > p.BacklogTo:
		p.Live = uid
	default:
		p.UID = uid
	}
	return p
}

// behind notes that a backlog begins, up to uid.
func (p place) behind(uid imap.UID) place {
	p.BacklogTo, p.Live = uid, uid
	return p
}

// nearlyDone tells that so little of a backlog is left that what arrived may wait for its turn.
func (p place) nearlyDone() bool { return p.BacklogTo != 0 && p.BacklogTo <= p.UID+backlogFrom }

// done notes that the backlog is worked off.
func (p place) done() place {
	return place{UIDValidity: p.UIDValidity, Era: p.Era, UID: p.Live, Imported: p.imported()}
}

func readCursor(s string) (cursor, error) {
	c := cursor{}
	if s == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		return nil, fmt.Errorf("read the cursor of a mailbox: %w", err)
	}
	return c, nil
}

func (c cursor) String() string {
	text, err := json.Marshal(map[string]place(c))
	if err != nil {
		panic(err) // a map of numbers
	}
	return string(text)
}

// window is the moment from which mail is imported. It hangs on the moment of connecting, not on
// today, so that a folder that is renumbered years later is read from the same moment again and
// nothing that arrived in between is missed.
func (a *Adapter) window() time.Time {
	days := 30
	if a.settings.ImportDays != nil {
		days = *a.settings.ImportDays
	}
	from := a.liveFrom
	if from.IsZero() {
		from = a.now()
	}
	return from.Add(-time.Duration(days) * 24 * time.Hour).Truncate(time.Second) // INTERNALDATE has whole seconds
}
