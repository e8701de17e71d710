package outbox_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/store"
)

func TestWhatTheFarSideAnswers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		for name, tt := range map[string]struct {
			err   error
			state inbox.MessageState
			clock bool // runs on
		}{
			"refused":         {inbox.Errorf(inbox.Denied, "no"), inbox.Failed, true},
			"unknown address": {inbox.Errorf(inbox.NotFound, "no"), inbox.Failed, true},
			"too large":       {inbox.Errorf(inbox.Invalid, "no"), inbox.Failed, true},
			"no final answer": {inbox.Errorf(inbox.UncertainOf, "gone"), inbox.Uncertain, true},
			"a plain error":   {errors.New("broken pipe"), inbox.Uncertain, true},
			"a timeout":       {context.DeadlineExceeded, inbox.Uncertain, true},
			"expired":         {inbox.Errorf(inbox.Expired, "login refused"), inbox.Held, true},
			"accepted":        {nil, inbox.Sent, false},
		} {
			h.office.answers(func(inbox.Outgoing) (string, error) { return "", tt.err })
			_, c := h.receive("cora@buyer.example")
			m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello", Then: inbox.Closed})
			got := h.untilState(m.ID, tt.state)
			if (got.Problem != nil) != (tt.err != nil) {
				t.Errorf("%s: problem %v", name, got.Problem)
			}
			after := h.conversation(c.ID)
			decide := tt.state == inbox.Failed || tt.state == inbox.Uncertain
			if decide && (after.State != inbox.Open || !after.WaitingSince.Equal(c.WaitingSince) || !after.DueAt.Equal(c.DueAt)) {
				t.Errorf("%s: conversation is %s and waits since %v, want it open and the clock as before", name, after.State, after.WaitingSince)
			}
			if !decide && after.State != inbox.Closed {
				t.Errorf("%s: conversation is %s, want closed", name, after.State)
			}
		}
	})
}

func TestUnavailableIsTriedAgainWithTheSameIdentity(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		tries := make(chan inbox.Outgoing, 10)
		h.office.answers(func(m inbox.Outgoing) (string, error) {
			tries <- m
			if len(tries) == 1 {
				return "", &inbox.Error{Code: inbox.Unavailable, Msg: "down", Reason: &inbox.Reason{Code: "smtp_connect_failed"}}
			}
			return "", nil
		})
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		h.until("a problem to show", func() bool {
			got := h.message(m.ID)
			return got.State == inbox.Queued && got.Problem != nil && got.Problem.Code == "smtp_connect_failed" && got.SendAt.After(time.Now().Add(2*time.Second))
		})
		h.untilState(m.ID, inbox.Sent)
		first, second := <-tries, <-tries
		if first.HeaderID != second.HeaderID || !first.At.Equal(second.At) {
			t.Errorf("two attempts with identities %s and %s", first.HeaderID, second.HeaderID)
		}
		attempts, err := h.store.Attempts(t.Context(), m.ID)
		if err != nil || len(attempts) != 2 || attempts[0].Outcome != store.AttemptRetry || attempts[1].Outcome != store.AttemptSent {
			t.Errorf("attempts %+v, %v", attempts, err)
		}
	})
}

// A customer who writes while his answer is on its way is not answered by it.
func TestNewerMessageKeepsTheClock(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		in, c := h.receive("cora@buyer.example")
		going, arrived := make(chan bool), make(chan bool)
		h.office.answers(func(inbox.Outgoing) (string, error) { close(going); <-arrived; return "", nil })
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		<-going
		newer, _ := h.receive("cora@buyer.example", in.HeaderID)
		close(arrived)
		h.untilState(m.ID, inbox.Sent)
		if after := h.conversation(c.ID); !after.WaitingSince.Equal(newer.At) || !after.DueAt.Equal(newer.At.Add(time.Hour)) {
			t.Errorf("waits since %v, due %v; want the clock of the newer message at %v", after.WaitingSince, after.DueAt, newer.At)
		}
	})
}

func TestAPersonDecides(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.start()
		lost := func(inbox.Outgoing) (string, error) { return "", inbox.Errorf(inbox.UncertainOf, "gone") }
		h.office.answers(lost)
		_, c := h.receive("cora@buyer.example")
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		h.untilState(m.ID, inbox.Uncertain)
		if err := h.outbox.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if got := h.message(m.ID); got.State != inbox.Uncertain {
			t.Fatalf("an uncertain reply became %s by itself", got.State)
		}
		h.office.answers(nil)
		if _, err := h.outbox.Retry(ctx, h.as(h.bob), m.ID, false); err != nil {
			t.Fatal(err)
		}
		h.untilState(m.ID, inbox.Sent)
		if got := h.office.accepted(); len(got) != 1 || got[0].HeaderID != m.HeaderID {
			t.Errorf("left %d times", len(got))
		}
		if _, err := h.outbox.Retry(ctx, h.as(h.bob), m.ID, false); inbox.CodeOf(err) != inbox.Conflict {
			t.Errorf("a sent reply was sent again: %v", err)
		}

		h.office.answers(lost)
		_, c = h.receive("dora@buyer.example")
		m = h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		h.untilState(m.ID, inbox.Uncertain)
		if _, err := h.outbox.Retry(ctx, h.as(h.ann), m.ID, true); err != nil {
			t.Fatal(err)
		}
		if got := h.message(m.ID); got.State != inbox.Sent {
			t.Errorf("a reply that arrived is %s", got.State)
		}
		if after := h.conversation(c.ID); !after.WaitingSince.IsZero() {
			t.Error("the clock of an answered customer runs on")
		}
	})
}

func TestHeldRepliesWaitForTheShop(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.start()
		_, c := h.receive("cora@buyer.example")
		h.shopState(inbox.ShopStopped)
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		if m.State != inbox.Held || m.Problem == nil || m.Problem.Code != "shop_stopped" {
			t.Fatalf("in a stopped shop: %s, %v", m.State, m.Problem)
		}
		if _, err := h.outbox.Retry(ctx, h.as(h.ann), m.ID, false); inbox.CodeOf(err) != inbox.Conflict {
			t.Errorf("sent by hand from a stopped shop: %v", err)
		}
		h.shopState(inbox.ShopActive)
		h.undo(60)
		scheduled := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "And another"})
		if err := h.outbox.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		h.untilState(m.ID, inbox.Sent)
		if _, err := h.outbox.Undo(ctx, h.as(h.ann), scheduled.ID); err != nil {
			t.Error(err)
		}

		h.undo(0)
		h.do(func(tx *store.Tx) error {
			return tx.SetHealth(ctx, h.connection, inbox.ConnectionExpired, &inbox.Reason{Code: "login_refused"}, time.Time{})
		})
		m = h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		if m.State != inbox.Held || m.Problem.Code != "connection_expired" {
			t.Errorf("with an expired connection: %s, %v", m.State, m.Problem)
		}
		h.do(func(tx *store.Tx) error {
			return tx.SetHealth(ctx, h.connection, inbox.ConnectionConnected, nil, time.Now())
		})
		if _, err := h.outbox.Retry(ctx, h.as(h.ann), m.ID, false); err != nil {
			t.Fatal(err)
		}
		h.untilState(m.ID, inbox.Sent)

		h.shopState(inbox.ShopClosed)
		if _, err := h.outbox.Queue(ctx, h.as(h.ann), outbox.QueueRequest{Conversation: c.ID, Text: "x"}); inbox.CodeOf(err) != inbox.Denied || reasonCode(err) != "shop_closed" {
			t.Errorf("reply in a closed shop: %v", err)
		}
	})
}

// The program dies after the attempt was committed: nobody knows whether the far side has it.
func TestCrashWhileSending(t *testing.T) {
	for name, tt := range map[string]struct {
		find  func(inbox.Outgoing) (string, error)
		state inbox.MessageState
		left  int
	}{
		"the far side has it":      {func(inbox.Outgoing) (string, error) { return "remote-9", nil }, inbox.Sent, 0},
		"the far side has it not":  {func(inbox.Outgoing) (string, error) { return "", nil }, inbox.Sent, 1},
		"the far side cannot tell": {nil, inbox.Uncertain, 0},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *house) {
				_, c := h.receive("cora@buyer.example")
				began, dead := make(chan bool, 1), make(chan bool)
				h.office.answers(func(inbox.Outgoing) (string, error) {
					began <- true
					<-dead // hangs as in a program that was killed
					return "remote-late", nil
				})
				h.hold("a")
				if err := h.jobs.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
				<-began
				if got := h.message(m.ID); got.State != inbox.Sending {
					t.Fatalf("state %s while bytes leave, want sending", got.State)
				}

				h.office.answers(nil)
				h.office.find = tt.find
				h.hold("a") // the same node after a restart
				second, _ := h.service("a", nil)
				h.run(second)
				got := h.untilState(m.ID, tt.state)
				if n := len(h.office.accepted()); n != tt.left {
					t.Errorf("left %d times afterwards, want %d", n, tt.left)
				}
				close(dead) // what the dead program would still say changes nothing
				_ = h.jobs.Stop(context.Background())
				if after := h.message(m.ID); after.State != got.State || after.RemoteID != got.RemoteID {
					t.Errorf("the earlier run made it %s %s", after.State, after.RemoteID)
				}
			})
		})
	}
}

// A node that loses its connection while sending must not hand over the last byte.
func TestFenceLostWhileSending(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		began, go_ := make(chan bool, 1), make(chan bool)
		h.office.answers(func(inbox.Outgoing) (string, error) { began <- true; <-go_; return "", nil })
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		<-began
		h.hold("b")
		h.office.answers(nil)
		close(go_)
		h.until("the attempt to end", func() bool { return h.message(m.ID).State != inbox.Sending })
		if n := len(h.office.accepted()); n != 0 {
			t.Fatalf("left %d times without the connection", n)
		}
		if got := h.message(m.ID); got.State != inbox.Queued {
			t.Errorf("state %s, want queued for the node that holds the connection", got.State)
		}
		h.hold("a")
		h.untilState(m.ID, inbox.Sent)
		if n := len(h.office.accepted()); n != 1 {
			t.Errorf("left %d times, want once", n)
		}
	})
}

// The far side accepted, but the hold was lost before that could be written: the next holder looks.
func TestFenceLostAfterSending(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		h.office.find = func(inbox.Outgoing) (string, error) { return "remote-found", nil }
		h.office.answers(func(m inbox.Outgoing) (string, error) {
			id, err := h.office.accept(m)
			h.hold("b")
			h.hold("a")
			return id, err
		})
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		if got := h.untilState(m.ID, inbox.Sent); got.RemoteID != "remote-found" {
			t.Errorf("sent as %s: the old hold still wrote", got.RemoteID)
		}
	})
}

// A reply queued on one node leaves by the node that holds the connection.
func TestOnlyTheHolderSends(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if h.store.Postgres() == nil {
			return // one program only
		}
		h.hold("b")
		h.run(h.jobs)
		other, _ := h.service("b", nil)
		h.run(other)
		_, c := h.receive("cora@buyer.example")
		var sent []inbox.MessageID
		for range 10 {
			m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
			h.untilState(m.ID, inbox.Sent)
			sent = append(sent, m.ID)
		}
		for _, id := range sent {
			attempts, err := h.store.Attempts(t.Context(), id)
			if err != nil || len(attempts) != 1 || attempts[0].Node != other.Node().String() {
				t.Errorf("attempts %+v, %v; want one by %s", attempts, err, other.Node())
			}
		}
	})
}

// Jobs are only the alarm clock: a lost one is made again from the rows.
func TestLostJobHeals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		_, c := h.receive("cora@buyer.example")
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
		if db := h.store.SQLite(); db != nil {
			if _, err := db.ExecContext(ctx, "DELETE FROM river_job"); err != nil {
				t.Fatal(err)
			}
		} else if _, err := h.store.Postgres().Exec(ctx, "DELETE FROM river_job"); err != nil {
			t.Fatal(err)
		}
		h.start()
		_, later := h.service("sweeper", func() time.Time { return time.Now().Add(time.Minute) })
		if err := later.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		h.untilState(m.ID, inbox.Sent)
	})
}

func TestNotes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		_, c := h.receive("cora@buyer.example")
		h.do(func(tx *store.Tx) error {
			return tx.SaveDraft(ctx, h.shop, inbox.Draft{Conversation: c.ID, User: h.ann, Kind: inbox.DraftNote, Text: "Look"})
		})
		r := outbox.NoteRequest{Conversation: c.ID, Key: "n1", Text: "Look at this, Bob", Mentions: []inbox.UserID{h.bob, h.bob}}
		note, err := h.outbox.AddNote(ctx, h.as(h.ann), r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.outbox.AddNote(ctx, h.as(h.ann), r)
		if err != nil || again.ID != note.ID {
			t.Errorf("the same note again: %s, %v; want %s", again.ID, err, note.ID)
		}
		after := h.conversation(c.ID)
		if after.PreviewKind != inbox.Note || after.Messages != 2 || !after.WaitingSince.Equal(c.WaitingSince) {
			t.Errorf("conversation %+v", after)
		}
		if got := h.message(note.ID); got.Direction != inbox.Note || !slices.Equal(got.Mentions, []inbox.UserID{h.bob}) {
			t.Errorf("note %+v", got)
		}
		if _, err := h.store.Draft(ctx, h.ann, c.ID, inbox.DraftNote); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("the draft of the note is still there: %v", err)
		}
		if _, err := h.outbox.AddNote(ctx, h.as(h.ann), outbox.NoteRequest{Conversation: c.ID, Text: "x", Mentions: []inbox.UserID{999}}); inbox.CodeOf(err) != inbox.Invalid {
			t.Errorf("mention of nobody: %v", err)
		}
	})
}

func TestRequestsThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, c := h.receive("cora@buyer.example")
		for field, r := range map[string]outbox.QueueRequest{
			"body.text":        {},
			"body.then":        {Text: "x", Then: inbox.Snoozed},
			"body.send_at":     {Text: "x", SendAt: time.Now().AddDate(2, 0, 0)},
			"body.cc[0]":       {Text: "x", Cc: []inbox.Address{{Address: "a@b.example\r\nBcc: c@d.example"}}},
			"body.bcc[1]":      {Text: "x", Bcc: []inbox.Address{{Address: "a@b.example"}, {Address: "nobody"}}},
			"body.attachments": {Text: "x", Attachments: []inbox.AttachmentID{77}},
		} {
			r.Conversation = c.ID
			_, err := h.outbox.Queue(t.Context(), h.as(h.ann), r)
			if e, ok := errors.AsType[*inbox.Error](err); !ok || e.Code != inbox.Invalid || e.Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
	})
}

// A far server can be faster with its report than ours with the answer that it took the mail.
func TestABounceFasterThanTheAnswer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		h.office.answers(func(m inbox.Outgoing) (string, error) {
			h.bounce(m.HeaderID, "cora@buyer.example")
			return "accepted", nil
		})
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello", Then: inbox.Closed})
		got := h.untilState(m.ID, inbox.Failed)
		if got.Problem == nil || got.Problem.Code != "undelivered_address" {
			t.Errorf("problem %+v", got.Problem)
		}
		if after := h.conversation(c.ID); after.State != inbox.Open || !after.WaitingSince.Equal(c.WaitingSince) {
			t.Errorf("conversation is %s and waits since %v, want it open and the clock as before", after.State, after.WaitingSince)
		}
		if kinds := h.kinds(c.ID); !slices.Contains(kinds, inbox.MessageSent) || !slices.Contains(kinds, inbox.MessageFailed) {
			t.Errorf("events %v", kinds)
		}

		h.office.answers(nil)
		if _, err := h.outbox.Retry(t.Context(), h.as(h.ann), m.ID, false); err != nil {
			t.Fatal(err)
		}
		if got := h.untilState(m.ID, inbox.Sent); got.Problem != nil {
			t.Errorf("sent again with problem %+v: the report of the first attempt must not count", got.Problem)
		}
		h.bounce(m.HeaderID, "cora@buyer.example")
		h.untilState(m.ID, inbox.Failed)
		if arrived, err := h.outbox.Retry(t.Context(), h.as(h.ann), m.ID, true); err != nil || arrived.State != inbox.Sent {
			t.Errorf("a person says it arrived: %s, %v", arrived.State, err)
		}
	})
}

// bounce takes in a report that a message could not be delivered.
func (h *house) bounce(headerID, recipient string) {
	h.n++
	raw := fmt.Sprintf("report %d of %s", h.n, recipient)
	sum := sha256.Sum256([]byte(raw))
	item := inbox.Incoming{SourceKey: fmt.Sprint("INBOX|1|", h.n), At: time.Now(), Raw: []byte(raw), Sameness: sum[:],
		Identity: inbox.Identity{Kind: "email", RemoteID: "mailer-daemon@mx.example"}, Text: raw, Automatic: inbox.AutoBounce, ReportID: headerID,
		About: &inbox.Delivery{Recipient: recipient, Outcome: inbox.OutcomeFailed, Status: "5.1.1", Permanent: true}}
	if err := h.ingest.Take(context.WithoutCancel(h.t.Context()), ingest.Source{Connection: h.connection}, []inbox.Incoming{item}, ""); err != nil {
		h.t.Error(err)
	}
}
