package ledger_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/ledger"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// house is a shop with one connection, its ledger, and a parser that reads what the test says.
type house struct {
	*storetest.World
	t      *testing.T
	ledger *ledger.Service
	ingest *ingest.Service
	admin  rbac.UserID
	now    time.Time
	reread func(e inbox.LedgerEntry, raw []byte) (inbox.Incoming, error)
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := &house{World: storetest.NewWorld(t, s, 1), t: t, now: time.Now()}
		h.admin = h.Person("adam", rbac.Grant{Role: rbac.Admin, Shop: h.Shops[0]})
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(jobs.Migrate(t.Context(), s))
		work, err := jobs.New(s, jobs.Options{Node: "test"})
		must(err)
		blobs, err := blob.NewDisk(t.TempDir())
		must(err)
		rights, err := rbac.NewEnforcer(t.Context(), s)
		must(err)
		h.ingest = ingest.New(ingest.Options{Store: s, Blobs: blobs, Now: func() time.Time { return h.now }})
		h.ledger = ledger.New(ledger.Options{Store: s, Jobs: work, Blobs: blobs, Ingest: h.ingest, Rights: rights, Now: func() time.Time { return h.now },
			Reread: func(_ context.Context, e inbox.LedgerEntry, raw []byte) (inbox.Incoming, error) {
				return h.reread(e, raw)
			}})
		fn(t, h)
	})
}

// item is a mail with a number in the first connection's folder.
func (h *house) item(n uint32, at time.Time) inbox.Incoming {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return inbox.Incoming{SourceKey: fmt.Sprintf("INBOX|1|%d", n), Place: inbox.Place{Folder: "INBOX", Epoch: 1, Number: n}, At: at, Sameness: sum[:],
		Raw: fmt.Append(nil, "mail ", n), Identity: inbox.Identity{Kind: "email", RemoteID: "ann@buyer.example"}, Text: "hello"}
}

func (h *house) take(items ...inbox.Incoming) {
	h.t.Helper()
	if err := h.ingest.Take(h.t.Context(), ingest.Source{Connection: h.Connections[0]}, items, ""); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) aside(numbers ...uint32) {
	h.t.Helper()
	for _, n := range numbers {
		item := h.item(n, h.now)
		item.Problem = &inbox.Reason{Code: "mail_unreadable"}
		h.take(item)
	}
}

func (h *house) states() map[string]inbox.LedgerEntry {
	h.t.Helper()
	list, err := h.Store.Ledger(h.t.Context(), store.LedgerFilter{Connection: h.Connections[0]}, store.Place{}, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	found := map[string]inbox.LedgerEntry{}
	for _, e := range list {
		found[e.SourceKey] = e
	}
	return found
}

func (h *house) alarms() (kinds []inbox.AlarmKind) {
	h.t.Helper()
	list, err := h.Store.Alarms(h.t.Context(), rbac.Scope{All: true})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range list {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

func (h *house) events() int64 {
	h.t.Helper()
	seq, err := h.Store.LastSeq(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return seq
}

func TestCompare(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, n := range []uint32{3, 4, 6, 9, 20} {
			h.take(h.item(n, h.now))
		}
		for name, tt := range map[string]struct {
			holding inbox.Holding
			want    inbox.FolderCount
			missing []uint32
		}{
			"all there":   {inbox.Holding{Numbers: []uint32{3, 4, 6, 9, 20}, Read: 20}, inbox.FolderCount{Held: 5, Recorded: 5}, nil},
			"empty":       {inbox.Holding{Read: 20}, inbox.FolderCount{Recorded: 5, Gone: 5}, nil},
			"some gone":   {inbox.Holding{Numbers: []uint32{4, 20}, Read: 20}, inbox.FolderCount{Held: 2, Recorded: 5, Gone: 3}, nil},
			"some lacked": {inbox.Holding{Numbers: []uint32{1, 3, 4, 5, 6, 9, 20}, Read: 20}, inbox.FolderCount{Held: 7, Recorded: 5, Missing: 2}, []uint32{1, 5}},
			"too old": {inbox.Holding{Numbers: []uint32{1, 2, 3, 4, 6, 9, 20}, Outside: []uint32{1, 2, 3}, Read: 20},
				inbox.FolderCount{Held: 7, Recorded: 5, Outside: 2}, nil},
			"just arrived": {inbox.Holding{Numbers: []uint32{3, 4, 6, 9, 20, 21, 22}, Read: 20}, inbox.FolderCount{Held: 7, Recorded: 5, Waiting: 2}, nil},
			"everything at once": {inbox.Holding{Numbers: []uint32{1, 2, 4, 6, 7, 21}, Outside: []uint32{1}, Read: 20},
				inbox.FolderCount{Held: 6, Recorded: 5, Gone: 3, Outside: 1, Waiting: 1, Missing: 2}, []uint32{2, 7}},
		} {
			tt.holding.Folder, tt.holding.Epoch = "INBOX", 1
			got, missing, err := h.ledger.Compare(t.Context(), h.Connections[0], tt.holding)
			if err != nil {
				t.Fatal(err)
			}
			if got.Held != got.Recorded-got.Gone+got.Outside+got.Waiting+got.Missing {
				t.Errorf("%s: %+v does not add up", name, got)
			}
			got.MissingOf = nil
			if tt.want.Connection, tt.want.Folder, tt.want.Epoch, tt.want.CountedAt = h.Connections[0], "INBOX", 1, h.now; fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("%s: %+v, want %+v", name, got, tt.want)
			}
			if !slices.Equal(missing, tt.missing) {
				t.Errorf("%s: missing %v, want %v", name, missing, tt.missing)
			}
		}
	})
}

// What is missing raises one alarm, which ends by itself; what was renumbered still counts.
func TestKeepCounts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.take(h.item(1, h.now))
		count := inbox.FolderCount{Folder: "INBOX", Epoch: 2, Held: 3, Missing: 3, MissingOf: []uint32{1, 2, 3}, CountedAt: h.now}
		keep := func() {
			t.Helper()
			if err := h.ledger.Keep(t.Context(), h.Connections[0], []inbox.FolderCount{count}); err != nil {
				t.Fatal(err)
			}
		}
		keep()
		keep()
		if got := h.alarms(); !slices.Equal(got, []inbox.AlarmKind{inbox.AlarmCountDiffers}) {
			t.Errorf("alarms %v, want that the counts differ", got)
		}
		count.Missing, count.MissingOf, count.Recorded = 0, nil, 3
		keep()
		if got := h.alarms(); len(got) != 0 {
			t.Errorf("alarms %v, want none", got)
		}
		folders, err := h.Store.FolderCounts(t.Context(), h.Connections[0])
		if err != nil || len(folders) != 2 || folders[0].Epoch == folders[1].Epoch {
			t.Fatalf("folders %+v, %v; want both numberings", folders, err)
		}
		for _, f := range folders {
			if f.Epoch == 1 && (f.Recorded != 1 || f.Gone != 1 || f.Held != 0) {
				t.Errorf("the old numbering: %+v", f)
			}
		}
	})
}

// Each entry is read again once, whatever becomes of the others, and one that kills the program is
// passed by the next run.
func TestRetryAll(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.aside(1, 2, 3, 4)
		ask := func() {
			t.Helper()
			h.Do(func(tx *store.Tx) error {
				n, err := h.ledger.AskRetry(t.Context(), tx, store.LedgerFilter{Scope: rbac.Scope{Shops: h.Shops[:1]}}, h.admin)
				if err == nil && n == 0 {
					err = errors.New("nothing was asked for")
				}
				return err
			})
		}
		var read []uint32
		h.reread = func(e inbox.LedgerEntry, raw []byte) (inbox.Incoming, error) {
			read = append(read, e.Place.Number)
			if string(raw) != fmt.Sprint("mail ", e.Place.Number) {
				t.Errorf("entry %d was read from %q", e.Place.Number, raw)
			}
			switch e.Place.Number {
			case 1:
				panic("a deadly mail")
			case 2:
				item := h.item(2, e.ReceivedAt)
				item.Problem = &inbox.Reason{Code: "mail_unreadable"}
				return item, nil
			case 3:
				return inbox.Incoming{}, inbox.Errorf(inbox.Unavailable, "the server is away")
			}
			return h.item(e.Place.Number, e.ReceivedAt), nil
		}
		ask()
		func() {
			defer func() { _ = recover() }() // the program dies
			_ = h.ledger.RetryAsked(t.Context())
		}()
		if err := h.ledger.RetryAsked(t.Context()); err != nil { // and starts again
			t.Fatal(err)
		}
		if !slices.Equal(read, []uint32{1, 2, 3, 4}) {
			t.Errorf("read %v, want each once", read)
		}
		for key, want := range map[string]inbox.LedgerState{"INBOX|1|1": inbox.LedgerSetAside, "INBOX|1|2": inbox.LedgerSetAside,
			"INBOX|1|3": inbox.LedgerSetAside, "INBOX|1|4": inbox.LedgerMessage} {
			if got := h.states()[key]; got.State != want || got.RetryBy != 0 || got.Attempts != 1 {
				t.Errorf("%s became %s after %d attempts, want %s after one", key, got.State, got.Attempts, want)
			}
		}

		// Who lost the right is not served any more.
		ask()
		h.Do(func(tx *store.Tx) error { return tx.SetRoles(t.Context(), h.admin, nil) })
		if err := h.ledger.Rights.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		read = nil
		if err := h.ledger.RetryAsked(t.Context()); err != nil || len(read) != 0 {
			t.Errorf("read %v for somebody without the right, %v", read, err)
		}
		counts, err := h.Store.SetAsideCounts(t.Context(), rbac.Scope{All: true})
		if err != nil || counts[h.Connections[0]] != 3 {
			t.Errorf("set aside %v, %v; want 3", counts, err)
		}
	})
}

// One alarm for one silence, told once, that ends when mail comes or nobody expects any.
func TestWatch(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		begin := h.now
		for n := range uint32(28 * 24) { // a mail an hour for four weeks, in the end of which the program starts
			h.take(h.item(n+1, begin.Add(time.Duration(n)*time.Hour-28*24*time.Hour)))
		}
		shop := func(state inbox.ShopState) {
			t.Helper()
			h.Do(func(tx *store.Tx) error {
				s, err := tx.Shop(t.Context(), h.Shops[0])
				if err != nil {
					return err
				}
				s.State = state
				return tx.SaveShop(t.Context(), s)
			})
		}
		look := func(at time.Time, want ...inbox.AlarmKind) {
			t.Helper()
			h.now = at
			for range 2 { // the second time nothing is new
				before := h.events()
				had := h.alarms()
				if err := h.ledger.Watch(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := h.alarms(); !slices.Equal(got, want) {
					t.Errorf("after %v: alarms %v, want %v", at.Sub(begin), got, want)
				}
				if changed := h.events() - before; changed != int64(abs(len(had)-len(want))) {
					t.Errorf("after %v: %d events from %v to %v", at.Sub(begin), changed, had, want)
				}
			}
		}
		checked := func(at time.Time) {
			t.Helper()
			h.Do(func(tx *store.Tx) error {
				return tx.SetHealth(t.Context(), h.Connections[0], inbox.ConnectionConnected, nil, at)
			})
		}
		after := func(hours float64) time.Time { return begin.Add(time.Duration(hours * float64(time.Hour))) }
		checked(after(2))
		look(after(2))
		checked(after(15))
		look(after(15), inbox.AlarmSilence)
		shop(inbox.ShopStopped)
		look(after(15))
		shop(inbox.ShopActive)
		look(after(15), inbox.AlarmSilence)
		h.take(h.item(5000, after(15)))
		look(after(15))
		look(after(15.1)) // nobody looked for six minutes
		look(after(16), inbox.AlarmNotChecked)
		checked(after(16))
		look(after(16))
	})
}

func abs(n int) int { return max(n, -n) }
