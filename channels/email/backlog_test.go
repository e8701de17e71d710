package email

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email/emailtest"
)

var errEnough = errors.New("enough")

// pages pulls and stops after so many pages; it returns the keys of each page and the last cursor.
func pages(t *testing.T, a *Adapter, cursor string, most int, between func(page int)) (list [][]string, next string) {
	t.Helper()
	next = cursor
	err := a.Pull(t.Context(), cursor, func(p channels.Page) error {
		if len(list) == most {
			return errEnough
		}
		var names []string
		for _, key := range p.Keys {
			names = append(names, key.SourceKey)
		}
		list, next = append(list, names), p.Cursor
		if between != nil {
			between(len(list))
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	return list, next
}

// A backlog of any kind does not keep new mail waiting, also in another folder; the backlog comes in
// its order, and everything comes once.
func TestNewMailGoesAheadOfABacklog(t *testing.T) {
	const many = 1500
	for name, before := range map[string]func(t *testing.T, s *emailtest.Server, box *emailtest.Mailbox) (cursor string){
		"first import": func(*testing.T, *emailtest.Server, *emailtest.Mailbox) string { return "" },
		"offline for long": func(t *testing.T, s *emailtest.Server, box *emailtest.Mailbox) string {
			box.Deliver(letter(many+1), now.Add(-2*time.Hour))
			_, cursor := pull(t, twoFolders(t, s), "")
			return cursor
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, box := provider(t, emailtest.Options{})
			cursor := before(t, s, box)
			first := len(box.Folder("INBOX")) + 1
			for n := range many {
				box.Deliver(letter(n+1), now.Add(-90*time.Minute))
			}
			a := twoFolders(t, s)
			var orders uint32
			list, _ := pages(t, a, cursor, 1000, func(page int) {
				if page == 3 {
					box.Deliver(letter(many+2), now)
					orders = box.DeliverTo("Sent", letter(many+3), now)
					a.grown <- struct{}{} // as the watch does
				}
			})
			var order []string
			for i, page := range list {
				for _, key := range page {
					if key == fmt.Sprintf("INBOX|1|%d", first+many) || key == fmt.Sprintf("Sent|2|%d", orders) {
						if i > 3+3 { // one was on its way, one fetched, one being fetched
							t.Errorf("%s came as page %d", key, i+1)
						}
						continue
					}
					order = append(order, key)
				}
			}
			for n := range many {
				if want := fmt.Sprintf("INBOX|1|%d", first+n); order[n] != want {
					t.Fatalf("%s stands where %s should", order[n], want)
				}
			}
			all := slices.Concat(list...)
			if slices.Sort(all); len(all) != many+2 || len(slices.Compact(all)) != many+2 {
				t.Errorf("%d items, want %d", len(all), many+2)
			}
		})
	}
}

// twoFolders reads INBOX and Sent.
func twoFolders(t *testing.T, s *emailtest.Server) *Adapter {
	t.Helper()
	return open(t, s, func(set map[string]any) { set["imap"].(map[string]any)["folders"] = []string{"INBOX", "Sent"} })
}

// A backlog that is broken off after any page, while mail arrives, goes on from there.
func TestABacklogIsBrokenOffAfterEachPage(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	const many = 1300
	for n := range many {
		box.Deliver(letter(n+1), now.Add(-90*time.Minute))
	}
	var all []string
	cursor, delivered := "", many
	for round := 0; ; round++ {
		list, next := pages(t, open(t, s, nil), cursor, 1, nil)
		all = append(all, slices.Concat(list...)...)
		if next == cursor {
			break
		}
		cursor = next
		if round < 20 {
			delivered++
			box.Deliver(letter(delivered), now)
		}
		if round > 100 {
			t.Fatalf("no end: %s", cursor)
		}
	}
	if strings.Contains(cursor, "backlog") {
		t.Errorf("the backlog never ends: %s", cursor)
	}
	if slices.Sort(all); len(all) != delivered || len(slices.Compact(all)) != delivered {
		t.Errorf("%d items, want %d once each", len(all), delivered)
	}
}

// Of a large mailbox that is connected, what came since goes first.
func TestMailSinceConnectingGoesAheadOfTheImport(t *testing.T) {
	s, box := provider(t, emailtest.Options{})
	for n := range 1500 {
		box.Deliver(letter(n+1), now.Add(-90*time.Minute))
	}
	box.Deliver(letter(1501), now.Add(-10*time.Minute)) // the connection was made an hour ago
	list, _ := pages(t, open(t, s, nil), "", 1, nil)
	if len(list) != 1 || !slices.Equal(list[0], []string{"INBOX|1|1501"}) {
		t.Errorf("first came %v", list)
	}
}
