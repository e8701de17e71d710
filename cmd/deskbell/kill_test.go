package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/channels/email/mailparse"
	"github.com/deskbell/deskbell/cmd/internal/client"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

// progressWithin is how long the work may stand still, beside starts and kills.
const progressWithin = 60 * time.Second

// kills is how often the server is killed in one test: a few times, DESKBELL_KILLS times in a soak.
func kills(t *testing.T) int {
	text := os.Getenv("DESKBELL_KILLS")
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("DESKBELL_KILLS=%q wants a number", text)
	}
	return n
}

// built is the program as it is built from this source.
var built = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "deskbell-kill-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "deskbell")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, output)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// house is a server with a shop whose mailbox lies on mail servers that outlive it.
type house struct {
	t          *testing.T
	server     *client.Server
	caller     *client.Client
	mail       *emailtest.Server
	box        *emailtest.Mailbox
	connection string
}

const shopAddress = "shop@kill.example"

// eachDatabase runs a test on both databases.
func eachDatabase(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, openHouse(t, "")) })
	t.Run("postgres", func(t *testing.T) { test(t, openHouse(t, storetest.FreshDatabase(t))) })
}

func openHouse(t *testing.T, database string) *house {
	t.Helper()
	mail, err := emailtest.Start(emailtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mail.Close() })
	h := bareHouse(t, database)
	h.mail, h.box = mail, mail.AddMailbox(shopAddress, "secret")
	_, imap := mail.IMAP()
	_, smtp := mail.SMTP()
	h.connect(map[string]any{"imap": map[string]any{"host": "127.0.0.1", "port": imap, "security": "none"},
		"smtp": map[string]any{"host": "127.0.0.1", "port": smtp, "security": "none"}}, "2020-01-01T00:00:00Z")
	return h
}

// bareHouse is a server that knows no mailbox yet; settings are further ones for it, NAME=value.
func bareHouse(t *testing.T, database string, settings ...string) *house {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t}
	if h.server, err = client.NewServer(t.Context(), binary, t.TempDir(), database, settings...); err != nil {
		t.Fatal(err)
	}
	h.caller = h.server.Client()
	h.start()
	t.Cleanup(func() {
		if err := h.server.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return h
}

// connect connects the shop's address with settings; what was received before liveFrom is history.
func (h *house) connect(settings map[string]any, liveFrom string) {
	h.t.Helper()
	var shop client.Shop
	h.do(http.MethodPost, "/shops", map[string]any{"name": "Kill", "zone": "Europe/Rome"}, &shop)
	h.do(http.MethodPatch, "/shops/"+shop.ID, map[string]any{"state": "active"}, nil)
	h.do(http.MethodPatch, "/me", map[string]any{"settings": map[string]any{"undo_seconds": 0}}, nil)
	settings["address"] = shopAddress
	var made client.Connection
	h.do(http.MethodPost, "/connections", map[string]any{"shop": shop.ID, "kind": "email", "live_from": liveFrom,
		"settings": settings, "secret": map[string]string{"password": "secret"}}, &made)
	h.connection = made.ID
}

func (h *house) do(method, path string, in, out any) {
	h.t.Helper()
	if err := h.caller.Do(h.t.Context(), method, path, "", in, out); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) start() {
	h.t.Helper()
	if _, err := h.server.Start(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// crash kills the server and starts it again.
func (h *house) crash() {
	h.t.Helper()
	if err := h.server.Kill(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

// counts is what the connection has received so far, by what became of it.
func (h *house) counts() map[string]int {
	h.t.Helper()
	var ledger client.Ledger
	h.do(http.MethodGet, "/connections/"+h.connection+"/ledger?limit=1", nil, &ledger)
	return ledger.Counts
}

// until asks again and again, until it is done; it fails if nothing moves for too long.
func (h *house) until(what string, step func() (progress int, done bool)) {
	h.t.Helper()
	last, deadline := -1, time.Now().Add(progressWithin)
	for {
		progress, done := step()
		if done {
			return
		}
		if progress != last {
			last, deadline = progress, time.Now().Add(progressWithin)
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: stands still at %d, %v", what, progress, h.counts())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func customerMail(n int) []byte {
	return fmt.Appendf(nil, "From: Customer %[1]d <customer%[1]d@post.example>\r\nTo: <%[2]s>\r\nSubject: Question %[1]d\r\n"+
		"Message-ID: <question-%[1]d@post.example>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\nThis is question %[1]d.\r\n", n, shopAddress)
}

// ahead is how many mails lie in the mailbox unread while the server works: a page and a half, so
// that each kill falls into the work.
const ahead = 150

// A server that is killed while it takes mails in has each of them exactly once in the end.
func TestKillDuringIngest(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		times := kills(t)
		// Two kills never fall into one page: what is being read in three crashes is set aside, as it should be.
		total := max(2000, 400*times)
		delivered, killed := 0, 0
		h.until("taking mails in", func() (int, bool) {
			stored := h.counts()["message"]
			for delivered < min(total, stored+ahead) {
				delivered++
				h.box.Deliver(customerMail(delivered), time.Now())
			}
			if killed < times && stored >= total*(killed+1)/(times+1) {
				if stored >= delivered {
					t.Fatalf("kill %d would have fallen after the work", killed+1)
				}
				h.crash()
				killed++
			}
			return stored, stored >= total && killed == times
		})
		h.exactlyOnce(total, question)
	})
}

// exactlyOnce checks that each mail is one message in a conversation of its own and that nothing else
// is there; subject names the mails.
func (h *house) exactlyOnce(total int, subject func(n int) string) {
	h.t.Helper()
	for state, n := range h.counts() {
		if state != "message" && n != 0 || state == "message" && n != total {
			h.t.Errorf("the ledger counts %d as %q, %d mails were delivered", n, state, total)
		}
	}
	list, err := client.List[client.Conversation](h.t.Context(), h.caller, "/conversations?view=all&state=any&sort=oldest")
	if err != nil {
		h.t.Fatal(err)
	}
	seen := map[string]int{}
	for _, c := range list {
		seen[c.Subject]++
		if c.Messages != 1 {
			h.t.Errorf("%q has %d messages", c.Subject, c.Messages)
		}
	}
	for n := range total {
		if subject := subject(n + 1); seen[subject] != 1 {
			h.t.Errorf("%q is there %d times", subject, seen[subject])
		}
	}
	if len(list) != total {
		h.t.Errorf("there are %d conversations, want %d", len(list), total)
	}
}

func question(n int) string { return fmt.Sprintf("Question %d", n) }

// A server that is killed while it sends replies has sent each of them once, or does not know: then
// it says so and does not send it again. Each second kill falls between the last byte of a reply and
// the answer to it.
func TestKillDuringSending(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		times := kills(t)
		total := max(200, 16*times) // each kill takes some that were on their way and will not be sent again
		for n := range total {
			h.box.Deliver(customerMail(n+1), time.Now())
		}
		h.until("taking mails in", func() (int, bool) {
			stored := h.counts()["message"]
			return stored, stored >= total
		})
		list, err := client.List[client.Conversation](t.Context(), h.caller, "/conversations?view=all&sort=oldest")
		if err != nil {
			t.Fatal(err)
		}
		doom := newDoom(total, times)
		h.box.OnSubmit(doom.submitted)
		accepted := make(chan error, 1)
		go func() { accepted <- answerAll(t.Context(), h.server.Client(), list) }()
		for range times {
			select {
			case dead := <-doom.now:
				if err := h.server.Kill(); err != nil {
					t.Fatal(err)
				}
				close(dead)
				h.start()
			case <-time.After(progressWithin):
				t.Fatal("no reply reaches the mail server any more")
			}
		}
		if err := <-accepted; err != nil {
			t.Fatal(err)
		}
		h.sentOnce(list)
	})
}

// doom says when the server is to die: at every so many submissions.
type doom struct {
	every int
	now   chan chan struct{} // what comes out is to be closed once the server is dead

	mu    sync.Mutex
	count int
	left  int
}

func newDoom(total, times int) *doom {
	return &doom{every: total / (times + 2), left: times, now: make(chan chan struct{}, 1)}
}

// submitted is called by the mail server when it has the whole reply and before it answers.
func (d *doom) submitted(emailtest.Submission) {
	d.mu.Lock()
	d.count++
	strike := d.left > 0 && d.count%d.every == 0
	if strike {
		d.left--
	}
	unanswered := d.left%2 == 0
	d.mu.Unlock()
	if !strike {
		return
	}
	dead := make(chan struct{})
	d.now <- dead
	if unanswered {
		<-dead
	}
}

// answerAll answers every conversation, as a browser does that keeps trying with the key of its
// draft until the server has confirmed.
func answerAll(ctx context.Context, caller *client.Client, list []client.Conversation) error {
	for _, c := range list {
		deadline := time.Now().Add(progressWithin)
		for {
			err := caller.Do(ctx, http.MethodPost, "/conversations/"+c.ID+"/replies", "reply-"+c.ID, map[string]any{"text": "Answer to " + c.Subject + "."}, nil)
			if err == nil {
				break
			}
			if status := client.StatusOf(err); status != 0 && status != http.StatusServiceUnavailable || time.Now().After(deadline) {
				return err
			}
			if _, err := caller.Ready(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// atOnce bounds how many replies are being handed over at the moment of a kill, as they come in one
// after the other here: what becomes of these nobody can know, of all others the server does.
const atOnce = 16

// sentOnce waits until no reply is on its way any more and compares what became of them with what
// the mail server got.
func (h *house) sentOnce(list []client.Conversation) {
	h.t.Helper()
	states := map[string]string{} // by subject of the conversation
	h.until("sending", func() (int, bool) {
		for _, c := range list {
			if final(states[c.Subject]) {
				continue
			}
			replies := h.replies(c)
			if len(replies) != 1 {
				h.t.Fatalf("%q has %d replies", c.Subject, len(replies))
			}
			if states[c.Subject] = replies[0].State; !final(states[c.Subject]) {
				return len(states), false
			}
		}
		return len(list), true
	})
	copies, ids := h.submissions()
	uncertain := 0
	for _, c := range list {
		n, state := copies[c.Subject], states[c.Subject]
		if state == "uncertain" {
			uncertain++
		}
		if n > 1 || n == 0 && state != "uncertain" || state != "sent" && state != "uncertain" {
			h.t.Errorf("the reply to %q is %s and reached the mail server %d times", c.Subject, state, n)
		}
	}
	if uncertain > atOnce*kills(h.t) {
		h.t.Errorf("%d replies are uncertain after %d kills", uncertain, kills(h.t))
	}
	if len(ids) != len(h.box.Submitted()) {
		h.t.Errorf("%d replies with %d different Message-IDs", len(h.box.Submitted()), len(ids))
	}
	h.t.Logf("%d replies, %d of them uncertain", len(list), uncertain)
}

func final(state string) bool {
	return state != "" && state != "queued" && state != "sending" && state != "scheduled"
}

func (h *house) replies(c client.Conversation) []client.Message {
	h.t.Helper()
	messages, err := client.List[client.Message](h.t.Context(), h.caller, "/conversations/"+c.ID+"/messages")
	if err != nil {
		h.t.Fatal(errors.Join(err, fmt.Errorf("conversation %s", c.ID)))
	}
	var out []client.Message
	for _, m := range messages {
		if m.Direction == "out" {
			out = append(out, m)
		}
	}
	return out
}

// submissions counts what the mail server got, by the subject that was answered, and collects the
// Message-IDs.
func (h *house) submissions() (copies map[string]int, ids map[string]bool) {
	h.t.Helper()
	copies, ids = map[string]int{}, map[string]bool{}
	for _, s := range h.box.Submitted() {
		m, err := mailparse.Parse(s.Raw, mailparse.Options{})
		if err != nil {
			h.t.Fatal(err)
		}
		_, answered, _ := strings.Cut(m.Text, "Answer to ")
		subject, _, _ := strings.Cut(answered, ".")
		copies[subject]++
		ids[m.MessageID] = true
	}
	return copies, ids
}
