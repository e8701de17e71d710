package ingest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/store"
)

// answered is a conversation with a reply of ours that was sent and closed it.
func (h *house) answered(from string, reply inbox.Message) (inbox.Message, inbox.Conversation) {
	h.t.Helper()
	question := h.mail(from, "Lamp", "Where is it?")
	h.take(question)
	_, c := h.message(question)
	if reply.HeaderID == "" {
		reply.HeaderID = fmt.Sprintf("unguessable-%d@lamps.example", c.ID)
	}
	reply.Conversation, reply.Shop, reply.Connection, reply.Direction = c.ID, c.Shop, c.Connection, inbox.Out
	reply.From, reply.To = inbox.Address{Address: "help@lamps.example"}, []inbox.Address{{Address: from}}
	if reply.State == "" {
		reply.State = inbox.Sent
	}
	h.do(func(tx *store.Tx) (err error) {
		reply.At = time.Now()
		reply.Before = c.Reply(inbox.Closed)
		c.Answered(time.Now(), time.Time{}, time.Hour)
		if err := tx.SaveConversation(h.context(), &c); err != nil {
			return err
		}
		reply.ID, err = tx.AddMessage(h.context(), reply)
		return err
	})
	return h.byID(reply.ID)
}

func (h *house) byID(id inbox.MessageID) (inbox.Message, inbox.Conversation) {
	h.t.Helper()
	m, err := h.store.Message(h.context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := h.store.Conversation(h.context(), everything, m.Conversation)
	if err != nil {
		h.t.Fatal(err)
	}
	return m, c
}

// report is a mail of a server about another.
func (h *house) report(about string, kind inbox.Automatic, d inbox.Delivery) inbox.Incoming {
	item := h.mail("mailer-daemon@mx.example", "Undelivered Mail Returned to Sender", "I am sorry.")
	item.Automatic, item.About, item.ReportID = kind, &d, about
	return item
}

func (h *house) failure(about, recipient string) inbox.Incoming {
	return h.report(about, inbox.AutoBounce, inbox.Delivery{Recipient: recipient, Outcome: inbox.OutcomeFailed, Status: "5.1.1", Permanent: true})
}

// kinds are the kinds of the events since a number.
func (h *house) kinds(since int64) (kinds []inbox.EventKind) {
	h.t.Helper()
	events, err := h.store.EventsAfter(h.context(), since, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func (h *house) lastSeq() int64 {
	h.t.Helper()
	seq, err := h.store.LastSeq(h.context())
	if err != nil {
		h.t.Fatal(err)
	}
	return seq
}

func (h *house) entry(item inbox.Incoming) inbox.LedgerEntry {
	h.t.Helper()
	entries, err := h.store.LedgerByKeys(h.context(), h.connection, []string{item.SourceKey})
	if err != nil {
		h.t.Fatal(err)
	}
	return entries[item.SourceKey]
}

func TestABounceReachesItsReply(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		reply, before := h.answered("ann@buyer.example", inbox.Message{})
		seq := h.lastSeq()
		bounce := h.failure(reply.HeaderID, "ann@buyer.example")
		h.take(bounce)
		m, c := h.byID(reply.ID)
		if m.State != inbox.Failed || m.Problem == nil || m.Problem.Code != "undelivered_address" || m.Problem.Params["status"] != "5.1.1" {
			t.Errorf("reply is %s, %+v; want failed for the address", m.State, m.Problem)
		}
		if len(m.Deliveries) != 1 || m.Deliveries[0].Recipient != "ann@buyer.example" || !m.Deliveries[0].Permanent {
			t.Errorf("deliveries %+v", m.Deliveries)
		}
		report, _ := h.message(bounce)
		if c.State != inbox.Open || c.WaitingSince.IsZero() || c.LastInID != report.ID || c.ContactAddress != before.ContactAddress || c.Assignee != before.Assignee {
			t.Errorf("conversation %+v; want open, unread, its clock as before and the same customer", c)
		}
		if report.Conversation != reply.Conversation || report.Automatic != inbox.AutoBounce || h.entry(bounce).State != inbox.LedgerAutomatic {
			t.Errorf("the report is %+v", report)
		}
		if got, want := h.kinds(seq), []inbox.EventKind{inbox.MessageReceived, inbox.MessageFailed, inbox.ConversationOpened}; !slices.Equal(got, want) {
			t.Errorf("events %v, want %v", got, want)
		}

		seq = h.lastSeq()
		copied := bounce
		copied.SourceKey = "INBOX|2|1"
		h.take(copied)
		if got := h.kinds(seq); len(got) != 0 || h.entry(copied).State != inbox.LedgerSame {
			t.Errorf("a second copy: events %v, ledger %+v", got, h.entry(copied))
		}
		h.take(h.failure(reply.HeaderID, "ann@buyer.example"))
		if got, want := h.kinds(seq), []inbox.EventKind{inbox.MessageReceived}; !slices.Equal(got, want) {
			t.Errorf("a second report of the same: events %v, want %v", got, want)
		}
	})
}

func TestWhatReportsDo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i, tt := range []struct {
			from    inbox.MessageState
			outcome inbox.Outcome
			copied  bool // the report is about somebody in Cc
			state   inbox.MessageState
			opened  bool
		}{
			{inbox.Sent, inbox.OutcomeFailed, false, inbox.Failed, true},
			{inbox.Uncertain, inbox.OutcomeFailed, false, inbox.Failed, true},
			{inbox.Delivered, inbox.OutcomeFailed, false, inbox.Failed, true},
			{inbox.Read, inbox.OutcomeFailed, false, inbox.Read, false},
			{inbox.Withdrawn, inbox.OutcomeFailed, false, inbox.Withdrawn, false},
			{inbox.Queued, inbox.OutcomeFailed, false, inbox.Queued, false},
			{inbox.Sending, inbox.OutcomeFailed, false, inbox.Sending, false},
			{inbox.Sent, inbox.OutcomeFailed, true, inbox.Sent, false},
			{inbox.Sent, inbox.OutcomeDelayed, false, inbox.Sent, false},
			{inbox.Sent, inbox.OutcomeComplained, false, inbox.Sent, false},
			{inbox.Sent, inbox.OutcomeDelivered, false, inbox.Delivered, false},
			{inbox.Read, inbox.OutcomeDelivered, false, inbox.Read, false},
			{inbox.Failed, inbox.OutcomeRead, false, inbox.Failed, false},
			{inbox.Delivered, inbox.OutcomeRead, false, inbox.Read, false},
		} {
			name := fmt.Sprintf("%s and %s, copy %v", tt.from, tt.outcome, tt.copied)
			from := fmt.Sprintf("c%d@buyer.example", i)
			reply, _ := h.answered(from, inbox.Message{State: tt.from, Cc: []inbox.Address{{Address: "carl@buyer.example"}}})
			d := inbox.Delivery{Recipient: from, Outcome: tt.outcome}
			if tt.copied {
				d.Recipient = "carl@buyer.example"
			}
			h.take(h.report(reply.HeaderID, inbox.AutoBounce, d))
			m, c := h.byID(reply.ID)
			if m.State != tt.state || (c.State == inbox.Open) != tt.opened || len(m.Deliveries) != 1 || m.Deliveries[0].Outcome != tt.outcome {
				t.Errorf("%s: %s with %+v in a conversation that is %s", name, m.State, m.Deliveries, c.State)
			}
		}
	})
}

// A report that names none of our messages could be anybody's: it changes nothing and begins nothing.
func TestForgedReportsChangeNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		reply, _ := h.answered("ann@buyer.example", inbox.Message{})
		question := h.mail("bob@buyer.example", "Lamp", "hello")
		h.take(question)
		seq := h.lastSeq()
		for name, about := range map[string]string{"no id": "", "a guessed id": "guessed@lamps.example", "a customer's own mail": question.HeaderID} {
			forged := h.failure(about, "ann@buyer.example")
			h.take(forged)
			if e := h.entry(forged); e.State != inbox.LedgerAutomatic || e.Message != 0 || e.RawHash == "" {
				t.Errorf("%s: ledger %+v; want automatic, with its bytes and no message", name, e)
			}
		}
		if m, c := h.byID(reply.ID); m.State != inbox.Sent || c.State != inbox.Closed || len(h.kinds(seq)) != 0 {
			t.Errorf("reply %s in a conversation that is %s, events %v", m.State, c.State, h.kinds(seq))
		}
		if found, err := h.store.ListContacts(t.Context(), everything, "mailer-daemon", 0, 10); err != nil || len(found) != 0 {
			t.Errorf("a server became a customer: %+v, %v", found, err)
		}
	})
}

// Two connections, each of a shop of its own, answered the same customer, by chance with one id.
func TestAReportCountsInItsOwnConnection(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		other := &house{t: t, store: h.store, ingest: h.ingest, n: 1000}
		h.do(func(tx *store.Tx) (err error) {
			if other.shop, err = tx.CreateShop(t.Context(), inbox.Shop{Name: "Chairs", Zone: "UTC", State: inbox.ShopActive}); err != nil {
				return err
			}
			other.connection, err = tx.CreateConnection(t.Context(), inbox.Connection{Shop: other.shop, Kind: "email", Name: "help@chairs.example",
				Settings: map[string]any{}, LiveFrom: time.Now().Add(-24 * time.Hour)})
			return err
		})
		mine, _ := h.answered("ann@buyer.example", inbox.Message{HeaderID: "one@both.example"})
		theirs, _ := other.answered("ann@buyer.example", inbox.Message{HeaderID: "one@both.example"})
		other.take(other.failure("one@both.example", "ann@buyer.example"))
		if m, _ := h.byID(mine.ID); m.State != inbox.Sent {
			t.Errorf("the other connection's reply became %s", m.State)
		}
		if m, _ := h.byID(theirs.ID); m.State != inbox.Failed {
			t.Errorf("the reply is %s, want failed", m.State)
		}
	})
}

// A report with no readable original names its message in References.
func TestAReportIsFoundByReferences(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		reply, _ := h.answered("ann@buyer.example", inbox.Message{})
		bounce := h.failure("", "somebody@else.example")
		bounce.References = []string{"first@mail.example", reply.HeaderID}
		h.take(bounce)
		if m, _ := h.byID(reply.ID); m.State != inbox.Failed {
			t.Errorf("the reply is %s, want failed", m.State)
		}
	})
}

// What the shop's own programs answer is no answer, and its receipts are about customers' mails.
func TestTheShopsOwnProgramsAnswerNobody(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		question := h.mail("ann@buyer.example", "Lamp", "Where is it?")
		h.take(question)
		away := h.mail("help@lamps.example", "Out of office", "We are closed on Sundays.")
		away.Outbound, away.Automatic, away.References, away.Identity = true, inbox.AutoReply, []string{question.HeaderID}, question.Identity
		h.take(away)
		if m, c := h.message(away); m.Direction != inbox.Out || c.WaitingSince.IsZero() || !c.LastOutAt.IsZero() {
			t.Errorf("the shop's absence notice stopped the clock: %+v", c)
		}
		reply, _ := h.answered("bob@buyer.example", inbox.Message{})
		receipt := h.report(reply.HeaderID, inbox.AutoReceipt, inbox.Delivery{Outcome: inbox.OutcomeRead})
		receipt.Outbound = true
		h.take(receipt)
		if m, _ := h.byID(reply.ID); m.State != inbox.Sent {
			t.Errorf("the shop's own receipt made the reply %s", m.State)
		}
	})
}

func TestAnswersOfProgramsStaySilent(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		away := h.mail("ann@buyer.example", "Out of office", "away")
		away.Automatic = inbox.AutoReply
		h.take(away)
		m, c := h.message(away)
		if c.State != inbox.Closed || c.ClosedReason != inbox.ClosedAuto || !c.WaitingSince.IsZero() || m.Automatic != inbox.AutoReply {
			t.Errorf("an absence notice about nothing we know: %+v", c)
		}
		back := h.mail("ann@buyer.example", "Re: Out of office", "I am back. Where is my lamp?")
		back.References = []string{away.HeaderID}
		h.take(back)
		if _, c := h.message(back); c.State != inbox.Open || c.WaitingSince.IsZero() {
			t.Errorf("the customer's own mail: %s, waiting since %v", c.State, c.WaitingSince)
		}
	})
}

// Programs that answer one another must not fill a conversation and the log without end.
func TestAFloodOfAutomaticMailEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		reply, _ := h.answered("ann@buyer.example", inbox.Message{})
		seq := h.lastSeq()
		var page []inbox.Incoming
		for i := range 60 {
			item := h.mail("ann@buyer.example", "Out of office", fmt.Sprint("away ", i))
			item.Automatic = inbox.AutoReply
			if i%2 == 0 {
				item.References = []string{reply.HeaderID}
			}
			if page = append(page, item); len(page) == 15 {
				h.take(page...)
				page = nil
			}
		}
		for range 10 {
			h.take(h.report(reply.HeaderID, inbox.AutoDelay, inbox.Delivery{Recipient: "ann@buyer.example", Outcome: inbox.OutcomeDelayed}))
		}
		received := 0
		for _, kind := range h.kinds(seq) {
			if kind == inbox.MessageReceived {
				received++
			}
		}
		if received != 20 || h.counts()[inbox.LedgerAutomatic] != 70 {
			t.Errorf("%d of 70 automatic mails became messages, ledger %v; want 20 and all in the ledger", received, h.counts())
		}
		human := h.mail("ann@buyer.example", "Re: Lamp", "Still waiting!")
		human.References = []string{reply.HeaderID}
		h.take(human)
		if _, c := h.message(human); c.State != inbox.Open || c.WaitingSince.IsZero() {
			t.Errorf("the customer's own mail in the flood: %s", c.State)
		}
		h.take(h.failure(reply.HeaderID, "ann@buyer.example"))
		if m, _ := h.byID(reply.ID); m.State != inbox.Failed {
			t.Errorf("a failure in the flood left the reply %s", m.State)
		}
	})
}

func TestOurOwnMailThatComesBackIsNobodys(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		reply, _ := h.answered("ann@buyer.example", inbox.Message{})
		circled := h.mail("help@lamps.example", "Re: Lamp", "On its way")
		circled.HeaderID, circled.Unverified = reply.HeaderID, true
		copied := h.mail("ann@buyer.example", "Lamp", "A customer whose program reuses ids")
		copied.HeaderID = reply.HeaderID
		h.take(circled, copied)
		if e := h.entry(circled); e.State != inbox.LedgerIgnored || e.Message != reply.ID {
			t.Errorf("our own mail: %+v", e)
		}
		if e := h.entry(copied); e.State != inbox.LedgerMessage {
			t.Errorf("the customer's mail: %+v", e)
		}
	})
}

// What the source received before the connection went live is there to be read alone.
func TestOldReportsChangeNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		reply, _ := h.answered("ann@buyer.example", inbox.Message{})
		old := h.failure(reply.HeaderID, "ann@buyer.example")
		old.At = time.Now().Add(-48 * time.Hour)
		if err := h.ingest.Take(t.Context(), ingest.Source{Connection: h.connection}, []inbox.Incoming{old}, ""); err != nil {
			t.Fatal(err)
		}
		if m, c := h.byID(reply.ID); m.State != inbox.Sent || c.State != inbox.Closed {
			t.Errorf("reply %s in a conversation that is %s", m.State, c.State)
		}
	})
}
