package ingest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

var everything = rbac.Scope{All: true}

// house is a shop with one connection that went live long ago.
type house struct {
	t          testing.TB
	store      *store.Store
	ingest     *ingest.Service
	shop       inbox.ShopID
	connection inbox.ConnectionID
	references *reference.Keys
	n          int
}

func newHouse(t testing.TB, s *store.Store) *house {
	t.Helper()
	blobs, err := blob.NewDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, store: s, references: reference.New()}
	h.ingest = ingest.New(ingest.Options{Store: s, Blobs: blobs, References: h.references})
	h.do(func(tx *store.Tx) (err error) {
		h.shop, err = tx.CreateShop(h.context(), inbox.Shop{Name: "Lamps", Zone: "Europe/Rome", State: inbox.ShopActive, ReplyMinutes: 60, AgentLimit: 30})
		if err != nil {
			return err
		}
		h.connection, err = tx.CreateConnection(h.context(), inbox.Connection{Shop: h.shop, Kind: "email", Name: "help@lamps.example",
			Settings: map[string]any{}, LiveFrom: time.Now().Add(-24 * time.Hour)})
		return err
	})
	return h
}

func (h *house) context() context.Context { return h.t.Context() }

func (h *house) do(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.store.InTx(h.context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) source() ingest.Source { return ingest.Source{Connection: h.connection} }

// mail is a message of somebody; each call has its own place at the source.
func (h *house) mail(from, subject, text string) inbox.Incoming {
	h.n++
	raw := fmt.Sprintf("From: %s\r\nSubject: %s\r\nMessage-ID: <%d@mail.example>\r\n\r\n%s", from, subject, h.n, text)
	sum := sha256.Sum256([]byte(raw))
	return inbox.Incoming{SourceKey: fmt.Sprintf("INBOX|1|%d", h.n), At: time.Now().Add(-time.Minute), Raw: []byte(raw), Sameness: sum[:],
		Identity: inbox.Identity{Kind: "email", RemoteID: from, Name: strings.ToUpper(from[:1])}, From: inbox.Address{Address: from},
		Subject: subject, Text: text, HeaderID: fmt.Sprintf("%d@mail.example", h.n)}
}

func (h *house) take(items ...inbox.Incoming) {
	h.t.Helper()
	if err := h.ingest.Take(h.context(), h.source(), items, "c"); err != nil {
		h.t.Fatal(err)
	}
}

// message finds a taken item's message and conversation by the ledger.
func (h *house) message(item inbox.Incoming) (inbox.Message, inbox.Conversation) {
	h.t.Helper()
	entries, err := h.store.LedgerByKeys(h.context(), h.connection, []string{item.SourceKey})
	if err != nil {
		h.t.Fatal(err)
	}
	entry, ok := entries[item.SourceKey]
	if !ok || entry.Message == 0 {
		h.t.Fatalf("the ledger has %+v for %s, want a message", entry, item.SourceKey)
	}
	m, err := h.store.Message(h.context(), entry.Message)
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := h.store.Conversation(h.context(), everything, m.Conversation)
	if err != nil {
		h.t.Fatal(err)
	}
	return m, c
}

func (h *house) counts() map[inbox.LedgerState]int {
	h.t.Helper()
	counts, err := h.store.LedgerCounts(h.context(), h.connection)
	if err != nil {
		h.t.Fatal(err)
	}
	return counts
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { fn(t, newHouse(t, s)) })
}

func TestTakeMakesContactConversationMessageClock(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		item := h.mail("ann@buyer.example", "Late parcel", "Where is my lamp?")
		item.Files = []inbox.File{{Name: "label.png", ContentType: "image/png", Content: []byte("small")},
			{Name: "video.mp4", ContentType: "video/mp4", Content: make([]byte, store.SmallBlob+1)}}
		h.take(item)
		m, c := h.message(item)
		if m.Text != "Where is my lamp?" || m.Direction != inbox.In || len(m.Attachments) != 2 {
			t.Errorf("message = %+v", m)
		}
		if c.State != inbox.Open || c.ContactAddress != "ann@buyer.example" || c.Messages != 1 || !c.HasAttachments || c.Preview != "Where is my lamp?" {
			t.Errorf("conversation = %+v", c)
		}
		if want := c.WaitingSince.Add(time.Hour); c.WaitingSince.IsZero() || !c.DueAt.Equal(want) {
			t.Errorf("waiting since %v, due %v, want %v", c.WaitingSince, c.DueAt, want)
		}
		if _, err := h.store.SmallBlobContent(t.Context(), m.RawHash); err != nil {
			t.Errorf("raw bytes: %v", err)
		}
		connection, err := h.store.Connection(t.Context(), h.connection)
		if err != nil || connection.Cursor != "c" || connection.LastInAt.IsZero() {
			t.Errorf("connection = %+v, %v; want the cursor kept", connection, err)
		}
	})
}

func TestTakingAgainChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first, second := h.mail("ann@buyer.example", "One", "1"), h.mail("bob@buyer.example", "Two", "2")
		h.take(first, second)
		before, err := h.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h.take(first, second)
		moved := first // the same mail under a new number, as after a renumbering of the mailbox
		moved.SourceKey = "INBOX|2|1"
		h.take(moved, moved)
		after, err := h.store.LastSeq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if after != before {
			t.Errorf("%d events for mails that were here before", after-before)
		}
		if got := h.counts(); got[inbox.LedgerMessage] != 2 || got[inbox.LedgerSame] != 1 {
			t.Errorf("ledger counts %v, want two messages and one that is the same", got)
		}
	})
}

func TestTwoMailsWithOneMessageIDAreTwo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first, second := h.mail("ann@buyer.example", "One", "1"), h.mail("ann@buyer.example", "Two", "2")
		second.HeaderID = first.HeaderID
		h.take(first, second)
		if got := h.counts(); got[inbox.LedgerMessage] != 2 {
			t.Errorf("ledger counts %v, want two messages", got)
		}
	})
}

func TestThreading(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first := h.mail("ann@buyer.example", "Lamp", "hello")
		reply := h.mail("ann@buyer.example", "Re: Lamp", "and another thing")
		reply.References = []string{first.HeaderID}
		stranger := h.mail("eve@elsewhere.example", "Re: Lamp", "let me in")
		stranger.References = []string{first.HeaderID}
		forged := h.mail("ann@buyer.example", "Re: Lamp", "I am Ann, honestly")
		forged.References, forged.Unverified = []string{first.HeaderID}, true
		h.take(first, reply) // one batch
		h.take(stranger, forged)
		_, conversation := h.message(first)
		if _, c := h.message(reply); c.ID != conversation.ID || c.Messages != 2 {
			t.Errorf("the reply went to conversation %s with %d messages, want %s", c.ID, c.Messages, conversation.ID)
		}
		for name, item := range map[string]inbox.Incoming{"a stranger": stranger, "an unverified sender": forged} {
			if _, c := h.message(item); c.ID == conversation.ID {
				t.Errorf("%s who quotes a reference joined the conversation", name)
			}
		}
	})
}

func TestCustomerReopens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, state := range []inbox.ConversationState{inbox.Pending, inbox.Snoozed, inbox.Closed} {
			first := h.mail("ann@buyer.example", "Lamp", "hello")
			h.take(first)
			_, c := h.message(first)
			h.do(func(tx *store.Tx) error {
				moved := c
				moved.SetState(state, time.Now().Add(time.Hour), inbox.ClosedDone)
				return tx.SaveConversation(t.Context(), &moved)
			})
			automatic := h.mail("ann@buyer.example", "Out of office", "away")
			automatic.References, automatic.Automatic = []string{first.HeaderID}, inbox.AutoReply
			h.take(automatic)
			if _, c := h.message(automatic); c.State != state {
				t.Errorf("an automatic mail moved %s to %s", state, c.State)
			}
			again := h.mail("ann@buyer.example", "Re: Lamp", "hello?")
			again.References = []string{first.HeaderID}
			h.take(again)
			if _, c := h.message(again); c.State != inbox.Open || c.WaitingSince.IsZero() {
				t.Errorf("after a customer's message: %s, waiting since %v; want open and a clock", c.State, c.WaitingSince)
			}
		}
		spam := h.mail("bad@buyer.example", "Win", "money")
		h.take(spam)
		_, c := h.message(spam)
		h.do(func(tx *store.Tx) error {
			moved := c
			moved.SetState(inbox.Closed, time.Time{}, inbox.ClosedSpam)
			return tx.SaveConversation(t.Context(), &moved)
		})
		more := h.mail("bad@buyer.example", "Win", "more money")
		more.References = []string{spam.HeaderID}
		h.take(more)
		if _, c := h.message(more); c.State != inbox.Closed {
			t.Errorf("spam was re-opened: %s", c.State)
		}
	})
}

func TestHistoryIsStoredClosed(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		old := h.mail("ann@buyer.example", "Long ago", "hello")
		old.At = time.Now().Add(-48 * time.Hour)
		h.take(old)
		if _, c := h.message(old); c.State != inbox.Closed || c.ClosedReason != inbox.ClosedOld || !c.WaitingSince.IsZero() || c.Unread {
			t.Errorf("history became %+v", c)
		}
	})
}

func TestWhatTheShopSentElsewhereStopsTheClock(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		question := h.mail("ann@buyer.example", "Lamp", "hello?")
		h.take(question)
		answer := h.mail("help@lamps.example", "Re: Lamp", "on its way")
		answer.Outbound, answer.References, answer.At = true, []string{question.HeaderID}, time.Now()
		answer.Identity = question.Identity
		answer.To = []inbox.Address{{Address: "ann@buyer.example"}}
		h.take(answer)
		m, c := h.message(answer)
		if m.Direction != inbox.Out || m.State != inbox.Sent || !c.WaitingSince.IsZero() || c.Messages != 2 {
			t.Errorf("message %+v in %+v; want outbound and no clock", m, c)
		}
	})
}

func TestBadItemIsSetAsideAndTheNextGoesOn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bad := inbox.Incoming{SourceKey: "INBOX|1|900", At: time.Now(), Raw: []byte("\x00\xff"), Problem: &inbox.Reason{Code: "unreadable"}}
		good := h.mail("ann@buyer.example", "zero\x00 and \xff", "text with \x00")
		h.take(bad, good)
		if got := h.counts(); got[inbox.LedgerSetAside] != 1 || got[inbox.LedgerMessage] != 1 {
			t.Fatalf("ledger counts %v, want one set aside and one message", got)
		}
		aside, err := h.store.Ledger(t.Context(), store.LedgerFilter{Connection: h.connection, State: inbox.LedgerSetAside}, store.Place{}, 10)
		if err != nil || len(aside) != 1 || aside[0].Reason.Code != "unreadable" {
			t.Fatalf("set aside: %+v, %v", aside, err)
		}
		if raw, err := h.store.SmallBlobContent(t.Context(), aside[0].RawHash); err != nil || string(raw) != "\x00\xff" {
			t.Errorf("raw bytes %q, %v", raw, err)
		}
		mended := h.mail("bob@buyer.example", "Readable now", "hello")
		mended.SourceKey = bad.SourceKey
		if err := h.ingest.Retry(t.Context(), h.connection, mended); err != nil {
			t.Fatal(err)
		}
		if got := h.counts(); got[inbox.LedgerSetAside] != 0 || got[inbox.LedgerMessage] != 2 {
			t.Errorf("after a retry: ledger counts %v", got)
		}
	})
}

// An item that kills the program is taken alone after the first death and set aside after the second.
func TestDeadlyItem(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		begin := func(items ...ingest.Item) ([]ingest.Verdict, bool) {
			t.Helper()
			verdicts, alone, err := h.ingest.Begin(t.Context(), h.source(), items)
			if err != nil {
				t.Fatal(err)
			}
			return verdicts, alone
		}
		items := []ingest.Item{{SourceKey: "a", Size: 1}, {SourceKey: "b", Size: 2}}
		if v, alone := begin(items...); alone || v[0] != ingest.Fresh || v[1] != ingest.Fresh {
			t.Fatalf("first time: %v, alone %v", v, alone)
		}
		if _, alone := begin(items...); !alone { // the program died
			t.Fatal("after a death the page must come one by one")
		}
		if v, _ := begin(items[0]); v[0] != ingest.Fresh { // and died over a again
			t.Fatalf("second time: %v", v)
		}
		if v, _ := begin(items[0]); v[0] != ingest.SetAside {
			t.Fatalf("third time: %v, want set aside", v)
		}
		if v, _ := begin(items[1]); v[0] != ingest.Fresh {
			t.Fatalf("the neighbour: %v", v)
		}
		if err := h.ingest.Release(t.Context(), h.source(), []string{"b"}); err != nil {
			t.Fatal(err)
		}
		if v, alone := begin(items[1], ingest.Item{SourceKey: "c"}); alone || v[0] != ingest.Fresh {
			t.Errorf("a released item: %v, alone %v; want fresh among others", v, alone)
		}
	})
}

// Several readers take the same new mails at once: each becomes one message.
func TestRace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var items []inbox.Incoming
		for i := range 40 {
			items = append(items, h.mail(fmt.Sprintf("c%d@buyer.example", i%7), "Lamp", fmt.Sprint(i)))
		}
		done := make(chan error, 4)
		for range cap(done) {
			go func() { done <- h.ingest.Take(t.Context(), h.source(), items, "") }()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := h.counts(); got[inbox.LedgerMessage] != len(items) || len(got) != 1 {
			t.Errorf("ledger counts %v, want %d messages", got, len(items))
		}
	})
}

func TestRoutesMakeSiblings(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var other inbox.ShopID
		h.do(func(tx *store.Tx) (err error) {
			if other, err = tx.CreateShop(t.Context(), inbox.Shop{Name: "Chairs", Zone: "UTC", State: inbox.ShopActive}); err != nil {
				return err
			}
			if err := tx.AddRoute(t.Context(), h.connection, "lamps@both.example", h.shop); err != nil {
				return err
			}
			return tx.AddRoute(t.Context(), h.connection, "chairs@both.example", other)
		})
		item := h.mail("ann@buyer.example", "Both", "one of each")
		item.Recipients = []string{"lamps@both.example", "chairs@both.example"}
		h.take(item)
		for _, shop := range []inbox.ShopID{h.shop, other} {
			found, err := h.store.MessagesByHeader(t.Context(), []store.Header{{Shop: shop, ID: item.HeaderID}})
			if err != nil || len(found) != 1 {
				t.Errorf("shop %s has %d messages, %v; want one", shop, len(found), err)
			}
		}
		h.take(item)
		if got := h.counts(); got[inbox.LedgerMessage] != 1 || len(got) != 1 {
			t.Errorf("ledger counts %v, want one line for one mail", got)
		}
		m, _ := h.message(item)
		siblings, err := h.store.Siblings(t.Context(), h.connection, []inbox.MessageID{m.ID})
		if err != nil || len(siblings[m.ID]) != 2 || siblings[m.ID][1].Shop != other {
			t.Errorf("siblings %v, %v; want one in each shop", siblings, err)
		}
	})
}

// BenchmarkTake measures pages of 100 new mails of 4 KB, parsed before: messages a second.
func BenchmarkTake(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			h := newHouse(b, open(b))
			body := strings.Repeat("Good morning, my parcel has not arrived and I wonder where it is. ", 60)
			b.ReportAllocs()
			taken := 0
			for b.Loop() {
				b.StopTimer()
				items := make([]inbox.Incoming, 100)
				for i := range items {
					items[i] = h.mail(fmt.Sprintf("c%d@buyer.example", h.n%500), "Parcel", body)
				}
				b.StartTimer()
				h.take(items...)
				taken += len(items)
			}
			b.ReportMetric(float64(taken)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
