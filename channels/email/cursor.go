package email

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
)

// cursor says of each folder how far it was read.
type cursor map[string]place

// place is how far a folder was read: everything up to UID is taken or lies outside the import
// window. While the first import runs, UIDs up to ImportTo are read only if they lie in the window;
// what is above arrived later and is read whatever its date.
type place struct {
	UIDValidity uint32   `json:"uidvalidity"`
	UID         imap.UID `json:"uid"`
	ImportTo    imap.UID `json:"import_to,omitempty"`
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
