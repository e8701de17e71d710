package outbox_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

const patience = time.Minute

// office is the far side: it keeps what it accepted.
type office struct {
	mu     sync.Mutex
	got    []inbox.Outgoing
	answer func(m inbox.Outgoing) (string, error) // nil: confirm, accept
	find   func(m inbox.Outgoing) (string, error) // nil: cannot tell
}

func (o *office) Send(_ context.Context, _ inbox.ConnectionID, m inbox.Outgoing) (string, error) {
	o.mu.Lock()
	answer := o.answer
	o.mu.Unlock()
	if answer != nil {
		if id, err := answer(m); err != nil || id != "" {
			return id, err
		}
	}
	return o.accept(m)
}

// accept is the last byte.
func (o *office) accept(m inbox.Outgoing) (string, error) {
	if err := m.Confirm(); err != nil {
		return "", err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.got = append(o.got, m)
	return fmt.Sprintf("remote-%d", len(o.got)), nil
}

func (o *office) Find(_ context.Context, _ inbox.ConnectionID, m inbox.Outgoing) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.find == nil {
		return "", inbox.Errorf(inbox.UncertainOf, "this server keeps no copies")
	}
	return o.find(m)
}

func (o *office) answers(f func(m inbox.Outgoing) (string, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = f
}

func (o *office) accepted() []inbox.Outgoing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.got)
}

// house is a shop with a connection, two agents and a customer who wrote.
type house struct {
	t          *testing.T
	store      *store.Store
	blobs      blob.Store
	jobs       *jobs.Client
	outbox     *outbox.Service
	ingest     *ingest.Service
	office     *office
	shop       inbox.ShopID
	connection inbox.ConnectionID
	ann, bob   rbac.UserID
	references *reference.Keys
	fence      int64
	n          int
	committed  chan struct{}
}

func newHouse(t *testing.T, s *store.Store) *house {
	t.Helper()
	ctx := t.Context()
	if err := jobs.Migrate(ctx, s); err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.NewDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, store: s, blobs: blobs, office: &office{}, committed: make(chan struct{}, 1), references: reference.New()}
	h.ingest = ingest.New(ingest.Options{Store: s, Blobs: blobs, References: h.references})
	s.OnCommit(func(int64) {
		select {
		case h.committed <- struct{}{}:
		default:
		}
	})
	h.do(func(tx *store.Tx) error {
		var err error
		h.shop, err = tx.CreateShop(ctx, inbox.Shop{Name: "Lamps", Zone: "UTC", State: inbox.ShopActive, Signature: "Your Lamps team", ReplyMinutes: 60, AgentLimit: 30})
		if err != nil {
			return err
		}
		h.connection, err = tx.CreateConnection(ctx, inbox.Connection{Shop: h.shop, Kind: "email", Name: "Help",
			Settings: map[string]any{"address": "help@lamps.example"}, LiveFrom: time.Now().Add(-24 * time.Hour)})
		if err != nil {
			return err
		}
		for i, name := range []string{"ann", "bob"} {
			u, err := tx.CreateUser(ctx, rbac.User{Email: name + "@deskbell.example", Name: name, Language: "en", Zone: "UTC",
				Status: rbac.UserActive, Settings: map[string]any{"undo_seconds": 0}}, "")
			if err != nil {
				return err
			}
			*[]*rbac.UserID{&h.ann, &h.bob}[i] = u.ID
		}
		return nil
	})
	h.jobs, h.outbox = h.service("a", nil)
	return h
}

// service makes a node's outbox; it works once its jobs are started.
func (h *house) service(node string, now func() time.Time) (*jobs.Client, *outbox.Service) {
	h.t.Helper()
	log := slog.New(slog.NewTextHandler(h.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	c, err := jobs.New(h.store, jobs.Options{Node: node, Log: log})
	if err != nil {
		h.t.Fatal(err)
	}
	return c, outbox.New(outbox.Options{Store: h.store, Jobs: c, Blobs: h.blobs, Sender: h.office, References: h.references, Now: now, Log: log})
}

// start has this node hold the connection and work.
func (h *house) start() *house {
	h.t.Helper()
	h.hold("a")
	h.run(h.jobs)
	return h
}

func (h *house) run(c *jobs.Client) {
	h.t.Helper()
	if err := c.Start(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			h.t.Error(err)
		}
	})
}

func (h *house) hold(node string) {
	h.t.Helper()
	if h.fence != 0 {
		if err := h.store.Leases(node).Release(h.t.Context(), store.ConnectionLease(h.connection), h.fence); err != nil {
			h.t.Fatal(err)
		}
	}
	var err error
	if h.fence, _, err = h.store.Leases(node).Acquire(h.t.Context(), store.ConnectionLease(h.connection)); err != nil || h.fence == 0 {
		h.t.Fatalf("hold the connection: %d, %v", h.fence, err)
	}
}

func (h *house) do(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.store.InTx(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// receive takes a mail of a customer in and returns its message and conversation.
func (h *house) receive(from string, refers ...string) (inbox.Message, inbox.Conversation) {
	h.t.Helper()
	h.n++
	raw := fmt.Sprintf("mail %d of %s", h.n, from)
	sum := sha256.Sum256([]byte(raw))
	item := inbox.Incoming{SourceKey: fmt.Sprint("INBOX|1|", h.n), At: time.Now().Add(-time.Minute), Raw: []byte(raw), Sameness: sum[:],
		Identity: inbox.Identity{Kind: "email", RemoteID: from, Name: "Cora"}, From: inbox.Address{Name: "Cora", Address: from},
		Subject: "Late parcel", Text: "Where is my lamp?", HeaderID: fmt.Sprintf("%d@mail.example", h.n), References: refers}
	if err := h.ingest.Take(h.t.Context(), ingest.Source{Connection: h.connection}, []inbox.Incoming{item}, ""); err != nil {
		h.t.Fatal(err)
	}
	entries, err := h.store.LedgerByKeys(h.t.Context(), h.connection, []string{item.SourceKey})
	if err != nil {
		h.t.Fatal(err)
	}
	m := h.message(entries[item.SourceKey].Message)
	return m, h.conversation(m.Conversation)
}

func (h *house) message(id inbox.MessageID) inbox.Message {
	h.t.Helper()
	m, err := h.store.Message(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

func (h *house) conversation(id inbox.ConversationID) inbox.Conversation {
	h.t.Helper()
	c, err := h.store.Conversation(h.t.Context(), rbac.Scope{All: true, User: h.ann}, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) as(user rbac.UserID) rbac.Scope {
	return rbac.Scope{Shops: []rbac.ShopID{h.shop}, User: user}
}

func (h *house) queue(r outbox.QueueRequest) inbox.Message {
	h.t.Helper()
	m, err := h.outbox.Queue(h.t.Context(), h.as(h.ann), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// undo gives ann some time to take replies back.
func (h *house) undo(seconds int) {
	h.do(func(tx *store.Tx) error {
		_, err := tx.UpdateUser(h.t.Context(), h.ann, func(u *rbac.User) { u.Settings["undo_seconds"] = seconds })
		return err
	})
}

func (h *house) shopState(state inbox.ShopState) {
	h.do(func(tx *store.Tx) error {
		shop, err := tx.Shop(h.t.Context(), h.shop)
		if err != nil {
			return err
		}
		shop.State = state
		return tx.SaveShop(h.t.Context(), shop)
	})
}

// until waits until ok, asked after every commit.
func (h *house) until(what string, ok func() bool) {
	h.t.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-h.committed:
		case <-deadline:
			h.t.Fatalf("waited %v for: %s", patience, what)
		}
	}
}

func (h *house) untilState(id inbox.MessageID, state inbox.MessageState) inbox.Message {
	h.t.Helper()
	var m inbox.Message
	h.until(fmt.Sprintf("message %s to be %s", id, state), func() bool {
		m = h.message(id)
		return m.State == state
	})
	return m
}

func (h *house) kinds(id inbox.ConversationID) []inbox.EventKind {
	h.t.Helper()
	list, err := h.store.ConversationEvents(h.t.Context(), rbac.Scope{All: true}, id, 0, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	var kinds []inbox.EventKind
	for _, e := range slices.Backward(list) {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { fn(t, newHouse(t, s)) })
}

func reasonCode(err error) string {
	if e, ok := errors.AsType[*inbox.Error](err); ok && e.Reason != nil {
		return e.Reason.Code
	}
	return ""
}

func TestReplyIsSentAndStopsTheClock(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.start()
		in, c := h.receive("cora@buyer.example")
		small := store.PackBlob([]byte("a label"))
		large := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
		hash, _, err := h.blobs.Put(ctx, bytes.NewReader(large))
		if err != nil {
			t.Fatal(err)
		}
		var files []inbox.AttachmentID
		h.do(func(tx *store.Tx) error {
			if err := tx.PutBlobs(ctx, []store.Blob{small}); err != nil {
				return err
			}
			for _, a := range []inbox.Attachment{{Name: "label.txt", Size: 7, Hash: small.Hash}, {Name: "photo.png", Size: int64(len(large)), Hash: hash}} {
				a.Uploader, a.ContentType = h.ann, "application/octet-stream"
				id, err := tx.AddUpload(ctx, a)
				if err != nil {
					return err
				}
				files = append(files, id)
			}
			return tx.SaveDraft(ctx, h.shop, inbox.Draft{Conversation: c.ID, User: h.ann, Kind: inbox.DraftReply, Text: "It is on"})
		})
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Key: "k1", Text: "It is on its way.", HTML: `<p>It is <b>on its way</b>.<img src="https://shop.example/van.png" onerror="x()"></p><script>x()</script>`,
			Attachments: files, Cc: []inbox.Address{{Address: "dan@buyer.example"}}, Then: inbox.Pending})
		sent := h.untilState(m.ID, inbox.Sent)
		got := h.office.accepted()
		if len(got) != 1 {
			t.Fatalf("%d messages left, want 1", len(got))
		}
		out := got[0]
		if out.From != (inbox.Address{Name: "Lamps", Address: "help@lamps.example"}) || len(out.To) != 1 || out.To[0].Address != "cora@buyer.example" ||
			out.Cc[0].Address != "dan@buyer.example" || out.Subject != "Re: Late parcel" || out.InReplyTo != in.HeaderID ||
			!slices.Equal(out.References, []string{in.HeaderID}) || out.HeaderID != m.HeaderID || !strings.HasSuffix(out.HeaderID, "@lamps.example") {
			t.Errorf("left as %+v", out)
		}
		if !strings.HasSuffix(out.Text, "\n-- \nYour Lamps team") || strings.Contains(out.HTML, "script") || !strings.Contains(out.HTML, "Your Lamps team") ||
			!strings.Contains(out.HTML, `<img src="https://shop.example/van.png">`) {
			t.Errorf("text %q, html %q", out.Text, out.HTML)
		}
		if len(out.Files) != 2 || string(out.Files[0].Content) != "a label" || !bytes.Equal(out.Files[1].Content, large) {
			t.Errorf("left with %d files", len(out.Files))
		}
		if sent.RemoteID != "remote-1" || sent.Problem != nil {
			t.Errorf("sent as %+v", sent)
		}
		after := h.conversation(c.ID)
		if !after.WaitingSince.IsZero() || !after.DueAt.IsZero() || after.LastOutAt.IsZero() || after.State != inbox.Pending ||
			after.Preview != "It is on its way." || after.PreviewAuthor != h.ann || after.Messages != 2 || after.Draft || !after.HasAttachments {
			t.Errorf("conversation afterwards: %+v", after)
		}
		want := []inbox.EventKind{inbox.ConversationCreated, inbox.MessageReceived, inbox.MessageQueued, inbox.ConversationPending, inbox.MessageSending, inbox.MessageSent}
		if kinds := h.kinds(c.ID); !slices.Equal(kinds, want) {
			t.Errorf("events %v, want %v", kinds, want)
		}
		if again, err := h.store.Connection(ctx, h.connection); err != nil || again.LastOutAt.IsZero() {
			t.Errorf("connection %+v, %v: want the time of its last send", again, err)
		}
	})
}

func TestReplyCarriesItsReference(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		for _, takes := range []bool{false, true} {
			h.do(func(tx *store.Tx) error {
				connection, err := tx.LockConnection(t.Context(), h.connection)
				if err != nil {
					return err
				}
				connection.Settings["subaddresses"] = takes
				return tx.SaveConnection(t.Context(), connection)
			})
			m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "It is on its way."})
			h.untilState(m.ID, inbox.Sent)
			got := h.office.accepted()
			out := got[len(got)-1]
			text, want := reference.OfMessageID(out.HeaderID), reference.Reference{Shop: h.shop, Conversation: c.ID, Message: m.ID}
			if r, ok := h.references.Read(h.shop, text); !ok || r != want {
				t.Errorf("Message-ID %s reads as %+v, %v; want %+v", out.HeaderID, r, ok, want)
			}
			to := ""
			if takes {
				to = "help+" + text + "@lamps.example"
			}
			if out.ReplyTo.Address != to {
				t.Errorf("answers go to %q, want %q", out.ReplyTo.Address, to)
			}
		}
	})
}

func TestReplyWithoutUndoLeavesSoon(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		arrived := make(chan time.Time, 1)
		h.office.answers(func(inbox.Outgoing) (string, error) { arrived <- time.Now(); return "", nil })
		var took []time.Duration
		for i := range 25 {
			began := time.Now()
			m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: fmt.Sprint("reply ", i)})
			select {
			case at := <-arrived:
				took = append(took, at.Sub(began))
			case <-time.After(patience):
				t.Fatal("nothing arrived")
			}
			h.untilState(m.ID, inbox.Sent)
		}
		slices.Sort(took)
		t.Logf("queue to far side: p50 %v, p90 %v, max %v", took[12], took[22], took[24])
		if !testing.Short() && took[12] > 150*time.Millisecond {
			t.Errorf("half of the replies took %v or longer to reach the far side", took[12])
		}
	})
}

func TestDoubleClickIsOneReply(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		_, other := h.receive("dora@buyer.example")
		r := outbox.QueueRequest{Conversation: c.ID, Key: "same", Text: "Once"}
		const clicks = 8
		ids := make([]inbox.MessageID, clicks)
		var group sync.WaitGroup
		for i := range clicks {
			group.Go(func() {
				m, err := h.outbox.Queue(t.Context(), h.as(h.ann), r)
				if err != nil {
					t.Error(err)
				}
				ids[i] = m.ID
			})
		}
		group.Wait()
		if slices.Min(ids) != slices.Max(ids) {
			t.Errorf("clicks made messages %v, want one", ids)
		}
		h.untilState(ids[0], inbox.Sent)
		if n := len(h.office.accepted()); n != 1 {
			t.Errorf("%d messages left, want 1", n)
		}
		for name, changed := range map[string]outbox.QueueRequest{
			"another text":         {Conversation: c.ID, Key: "same", Text: "Twice"},
			"another conversation": {Conversation: other.ID, Key: "same", Text: "Once"},
		} {
			if _, err := h.outbox.Queue(t.Context(), h.as(h.ann), changed); inbox.CodeOf(err) != inbox.Invalid || reasonCode(err) != "key_reused" {
				t.Errorf("%s under the same key: %v", name, err)
			}
		}
		if m, err := h.outbox.Queue(t.Context(), h.as(h.bob), outbox.QueueRequest{Conversation: c.ID, Key: "same", Text: "Mine"}); err != nil || m.ID == ids[0] {
			t.Errorf("somebody else's key: %v, %v", m.ID, err)
		}
	})
}

func TestOneKeyInTwoConversationsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, c := h.receive("cora@buyer.example")
		_, other := h.receive("dora@buyer.example")
		results := make([]error, 2)
		var group sync.WaitGroup
		for i, id := range []inbox.ConversationID{c.ID, other.ID} {
			group.Go(func() {
				_, results[i] = h.outbox.Queue(t.Context(), h.as(h.ann), outbox.QueueRequest{Conversation: id, Key: "k", Text: "Hi"})
			})
		}
		group.Wait()
		codes := []string{reasonCode(results[0]), reasonCode(results[1])}
		slices.Sort(codes)
		if !slices.Equal(codes, []string{"", "key_reused"}) {
			t.Errorf("results %v, want one reply and one refusal", results)
		}
	})
}

func TestForeignConversationLooksUnknown(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, c := h.receive("cora@buyer.example")
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hi", SendAt: time.Now().Add(time.Hour)})
		stranger := rbac.Scope{Shops: []rbac.ShopID{h.shop + 1}, User: h.bob}
		for name, try := range map[string]func() error{
			"reply": func() error {
				_, err := h.outbox.Queue(t.Context(), stranger, outbox.QueueRequest{Conversation: c.ID, Text: "x"})
				return err
			},
			"note": func() error {
				_, err := h.outbox.AddNote(t.Context(), stranger, outbox.NoteRequest{Conversation: c.ID, Text: "x"})
				return err
			},
			"undo":  func() error { _, err := h.outbox.Undo(t.Context(), stranger, m.ID); return err },
			"retry": func() error { _, err := h.outbox.Retry(t.Context(), stranger, m.ID, false); return err },
		} {
			if err := try(); inbox.CodeOf(err) != inbox.NotFound {
				t.Errorf("%s: %v, want not found", name, err)
			}
		}
	})
}

func TestCollision(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in, c := h.receive("cora@buyer.example")
		note, err := h.outbox.AddNote(t.Context(), h.as(h.bob), outbox.NoteRequest{Conversation: c.ID, Text: "I called her"})
		if err != nil {
			t.Fatal(err)
		}
		r := outbox.QueueRequest{Conversation: c.ID, Text: "Hello", Seen: in.ID}
		_, err = h.outbox.Queue(t.Context(), h.as(h.ann), r)
		e, ok := errors.AsType[*inbox.Error](err)
		if !ok || e.Code != inbox.Conflict || e.Reason.Code != "newer_message" || e.Reason.Params["current"] != note.ID {
			t.Fatalf("reply without having seen the note: %v", err)
		}
		r.Anyway = true
		own := h.queue(r)
		if _, err := h.outbox.Queue(t.Context(), h.as(h.ann), outbox.QueueRequest{Conversation: c.ID, Text: "And", Seen: note.ID}); err != nil {
			t.Errorf("own message %s is no news: %v", own.ID, err)
		}
	})
}

func TestUndoGivesEverythingBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		h.start()
		h.undo(60)
		_, before := h.receive("cora@buyer.example")
		var file inbox.AttachmentID
		h.do(func(tx *store.Tx) (err error) {
			file, err = tx.AddUpload(ctx, inbox.Attachment{Uploader: h.ann, Name: "a.txt", Size: 1, Hash: "00"})
			return err
		})
		m := h.queue(outbox.QueueRequest{Conversation: before.ID, Text: "Never mind", HTML: "<p>Never mind</p>", Attachments: []inbox.AttachmentID{file},
			Bcc: []inbox.Address{{Address: "boss@lamps.example"}}, Then: inbox.Closed})
		if c := h.conversation(before.ID); c.State != inbox.Closed || c.Messages != 2 {
			t.Errorf("after the reply: %s with %d messages", c.State, c.Messages)
		}
		if m.State != inbox.Queued || m.SendAt.Sub(m.At) != time.Minute {
			t.Errorf("queued as %s to leave after %v", m.State, m.SendAt.Sub(m.At))
		}
		h.do(func(tx *store.Tx) error {
			return tx.SaveDraft(ctx, h.shop, inbox.Draft{Conversation: before.ID, User: h.ann, Kind: inbox.DraftReply, Text: "PS"})
		})
		w, err := h.outbox.Undo(ctx, h.as(h.ann), m.ID)
		if err != nil || w.State != inbox.Withdrawn {
			t.Fatalf("undo: %s, %v", w.State, err)
		}
		d, err := h.store.Draft(ctx, h.ann, before.ID, inbox.DraftReply)
		if err != nil || d.Text != "Never mind\n\nPS" || len(d.Attachments) != 1 || d.Attachments[0].ID != file || len(d.Bcc) != 1 {
			t.Errorf("draft %+v, %v", d, err)
		}
		after := h.conversation(before.ID)
		if after.State != inbox.Open || !after.WaitingSince.Equal(before.WaitingSince) || !after.DueAt.Equal(before.DueAt) ||
			after.Preview != before.Preview || after.PreviewKind != inbox.In || after.Messages != 1 || !after.LastAt.Equal(before.LastAt) {
			t.Errorf("conversation %+v, want it as it was: %+v", after, before)
		}
		if _, err := h.outbox.Undo(ctx, h.as(h.ann), m.ID); inbox.CodeOf(err) != inbox.Conflict {
			t.Errorf("undo twice: %v", err)
		}
		if _, err := h.outbox.Queue(ctx, h.as(h.ann), outbox.QueueRequest{Conversation: before.ID, Text: "Now", Attachments: []inbox.AttachmentID{file}}); err != nil {
			t.Errorf("the file cannot be sent again: %v", err)
		}
	})
}

// Of Undo and the worker exactly one wins, whatever the moment.
func TestUndoRacesWithTheWorker(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		const replies = 20
		withdrawn := 0
		for i := range replies {
			_, c := h.receive(fmt.Sprintf("c%d@buyer.example", i))
			m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "race"})
			if i%2 == 1 { // let the worker come near
				h.until("the worker to begin", func() bool { return h.message(m.ID).State != inbox.Queued })
			}
			_, err := h.outbox.Undo(t.Context(), h.as(h.ann), m.ID)
			switch {
			case err == nil:
				withdrawn++
				if got := h.message(m.ID); got.State != inbox.Withdrawn {
					t.Errorf("undone, but %s", got.State)
				}
			case inbox.CodeOf(err) == inbox.Conflict:
				h.untilState(m.ID, inbox.Sent)
			default:
				t.Fatal(err)
			}
		}
		if n := len(h.office.accepted()); n != replies-withdrawn {
			t.Errorf("%d left and %d were withdrawn of %d", n, withdrawn, replies)
		}
	})
}

func TestScheduledReplyWaits(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.start()
		_, c := h.receive("cora@buyer.example")
		at := time.Now().Add(2 * time.Second)
		m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Later", SendAt: at})
		if m.State != inbox.Scheduled {
			t.Errorf("state %s, want scheduled", m.State)
		}
		h.untilState(m.ID, inbox.Sent)
		if now := time.Now(); now.Before(at) {
			t.Errorf("sent %v too early", at.Sub(now))
		}
	})
}

func TestRepliesOfOneConversationKeepTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, c := h.receive("cora@buyer.example")
		var last inbox.Message
		for i := range 6 {
			last = h.queue(outbox.QueueRequest{Conversation: c.ID, Text: fmt.Sprint(i)})
		}
		h.start()
		h.untilState(last.ID, inbox.Sent)
		for i, out := range h.office.accepted() {
			if !strings.HasPrefix(out.Text, fmt.Sprint(i)) {
				t.Errorf("reply %d left as number %d", i, out.Text[0]-'0')
			}
		}
	})
}

func TestManyRepliesLeaveOnceEach(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const replies = 200
		ids := map[string]inbox.MessageID{}
		for i := range replies {
			_, c := h.receive(fmt.Sprintf("c%d@buyer.example", i))
			m := h.queue(outbox.QueueRequest{Conversation: c.ID, Text: "Hello"})
			ids[m.HeaderID] = m.ID
		}
		h.start()
		began := time.Now()
		for _, id := range ids {
			h.untilState(id, inbox.Sent)
		}
		t.Logf("%d replies in %v", replies, time.Since(began))
		seen := map[string]int{}
		for _, out := range h.office.accepted() {
			seen[out.HeaderID]++
		}
		for header := range ids {
			if seen[header] != 1 {
				t.Errorf("a reply left %d times", seen[header])
			}
		}
	})
}
