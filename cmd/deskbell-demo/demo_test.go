package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/cmd/internal/client"
)

// within is how long anything here may take.
const within = 30 * time.Second

// start runs the demo on a folder until stop, and returns what it printed.
func start(t *testing.T, data string, pace float64) (g greeting, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, options{Listen: "127.0.0.1:0", Data: data, Pace: pace, Answer: 200 * time.Millisecond, Seed: 7, JSON: true, Log: "error"}, writer)
		writer.CloseWithError(io.EOF)
		ended <- err
	}()
	stop = func() {
		t.Helper()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("the demo ended with: %v", err)
			}
		case <-time.After(within):
			t.Fatal("the demo does not stop")
		}
	}
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		cancel()
		t.Fatalf("the demo did not start: %v", <-ended)
	}
	if err := json.Unmarshal([]byte(line), &g); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return g, stop
}

func signIn(t *testing.T, g greeting, role string) *client.Client {
	t.Helper()
	for _, l := range g.Logins {
		if l.Role != role {
			continue
		}
		c := client.New(g.URL)
		me, err := c.SignIn(t.Context(), l.Email, l.Password)
		if err != nil || me.Organisation != organisation {
			t.Fatalf("sign in as %s: %+v, %v", role, me, err)
		}
		return c
	}
	t.Fatalf("there is no %s", role)
	return nil
}

// ledgers counts what all connections have received, by state.
func ledgers(t *testing.T, c *client.Client) map[string]int {
	t.Helper()
	connections, err := client.List[client.Connection](t.Context(), c, "/connections")
	if err != nil || len(connections) != len(shops) {
		t.Fatalf("connections: %v, %v", connections, err)
	}
	sum := map[string]int{}
	for _, one := range connections {
		var ledger client.Ledger
		if err := c.Get(t.Context(), "/connections/"+one.ID+"/ledger?limit=1", &ledger); err != nil {
			t.Fatal(err)
		}
		for state, n := range ledger.Counts {
			sum[state] += n
		}
	}
	return sum
}

// A customer writes, an agent sees it live and answers, the customer answers back; all of it is there
// after a restart and nothing twice.
func TestCustomerWritesAgentAnswersCustomerAnswers(t *testing.T) {
	data := t.TempDir()
	g, stop := start(t, data, 240)
	agent := signIn(t, g, "agent")
	if err := agent.Do(t.Context(), http.MethodPatch, "/me", "", map[string]any{"settings": map[string]any{"undo_seconds": 0}}, nil); err != nil {
		t.Fatal(err)
	}
	socket, _, err := agent.Live(t.Context(), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	deadline := time.Now().Add(within)
	first, err := socket.Until(deadline, func(f client.Frame) bool { return f.Kind == "message.received" && f.Data["first"] == true })
	if err != nil {
		t.Fatalf("no customer wrote: %v", err)
	}

	path := "/conversations/" + first.Conversation
	if err := agent.Do(t.Context(), http.MethodPost, path+"/replies", "test-1", map[string]any{"text": "We are on it."}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Until(deadline, func(f client.Frame) bool {
		return f.Kind == "message.received" && f.Conversation == first.Conversation && f.Data["automatic"] != true
	}); err != nil {
		t.Fatalf("the customer did not answer: %v", err)
	}
	messages, err := client.List[client.Message](t.Context(), agent, path+"/messages")
	if err != nil {
		t.Fatal(err)
	}
	newest, oldest := messages[0], messages[len(messages)-1]
	if newest.Direction != "in" || oldest.Direction != "in" || newest.From.Address != oldest.From.Address {
		t.Errorf("the thread is %+v", messages)
	}
	if !strings.Contains(newest.Text, "> We are on it.") || strings.Contains(newest.ReplyText, "We are on it.") {
		t.Errorf("the customer's answer is %q, without its quote %q", newest.Text, newest.ReplyText)
	}
	for _, m := range messages {
		if m.Direction == "out" && m.State != "sent" {
			t.Errorf("the reply is %s", m.State)
		}
	}
	stop()

	g, stop = start(t, data, 0)
	defer stop()
	owner := signIn(t, g, "owner")
	again, err := client.List[client.Message](t.Context(), owner, path+"/messages")
	if err != nil || len(again) < len(messages) {
		t.Errorf("after a restart the thread has %d messages, it had %d; %v", len(again), len(messages), err)
	}
	// A mail that waits in a mailbox is taken in soon after the start, one that was taken in is not
	// taken again: then there would be more than the mailboxes hold.
	held := 0
	for address := range g.Mailboxes {
		held += files(t, data, address)
	}
	for {
		counts := ledgers(t, owner)
		if n := counts["message"] + counts["same"] + counts["automatic"] + counts["ignored"]; n == held {
			break
		} else if n > held || time.Now().After(deadline.Add(within)) {
			t.Fatalf("the ledgers count %v, the mailboxes hold %d", counts, held)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The first start makes a company whose inbox is alive.
func TestCompany(t *testing.T) {
	g, stop := start(t, t.TempDir(), 0)
	defer stop()
	admin := signIn(t, g, "admin")
	open, err := client.List[client.Conversation](t.Context(), admin, "/conversations?view=all")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := client.List[client.Conversation](t.Context(), admin, "/conversations?view=closed")
	if err != nil {
		t.Fatal(err)
	}
	if len(open)+len(closed) < 50 || len(open) < 20 || len(closed) < 20 {
		t.Errorf("%d conversations are open and %d closed", len(open), len(closed))
	}
	tagged, held := 0, 0
	for _, c := range open {
		tagged += min(len(c.Tags), 1)
		if c.Assignee != "" {
			held++
		}
	}
	if tagged < 10 || held < 10 {
		t.Errorf("of %d open conversations %d have a tag and %d somebody who holds them", len(open), tagged, held)
	}
	var roster struct {
		Gaps []any `json:"gaps"`
	}
	now := time.Now().UTC()
	from, to := now.Format(time.RFC3339), now.AddDate(0, 0, 30).Format(time.RFC3339)
	if err := admin.Get(t.Context(), "/roster?from="+from+"&to="+to, &roster); err != nil || len(roster.Gaps) > 0 {
		t.Errorf("nobody is on duty at %v; %v", roster.Gaps, err)
	}
}

// What customers write says where in its story it stands, and a reply finds it.
func TestPlaceOf(t *testing.T) {
	for id, want := range map[string]place{
		"3.de.2.00000000000000ff@post.example": {3, "de", 2},
		"0.zh.1.1@x":                           {0, "zh", 1},
	} {
		if p, ok := placeOf(id); !ok || p != want {
			t.Errorf("placeOf(%q) = %v, %v", id, p, ok)
		}
	}
	for _, id := range []string{"", "abc@x", "99.de.1.1@x", "-1.de.1.1@x", "1.xx.1.1@x"} {
		if p, ok := placeOf(id); ok {
			t.Errorf("placeOf(%q) = %v", id, p)
		}
	}
}

func TestLanguageOf(t *testing.T) {
	for name, want := range map[string]string{"Jörg Kessler": "de", "Марина Зимина": "ru", "王佳宁": "zh", "Nora Varley": "en", "Chiara D'Oria": "it"} {
		if got := languageOf(name); got != want {
			t.Errorf("languageOf(%q) = %q, want %q", name, got, want)
		}
	}
}

// files counts the mails kept of a mailbox.
func files(t *testing.T, data, address string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(data, "mailboxes", address, "*", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
