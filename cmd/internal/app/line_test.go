package app_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

const patience = 20 * time.Second

// desk is the whole program in this process, with real mail servers beside it.
type desk struct {
	t    *testing.T
	app  *app.App
	base string
}

func open(t *testing.T, c app.Config, far app.Far) *desk {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Listen, c.Data, c.Poll = listener.Addr().String(), t.TempDir(), cmp.Or(c.Poll, 60)
	if c.AllowNetworks == nil { // the mail servers of tests are on this machine
		c.AllowNetworks = []string{"127.0.0.0/8"}
	}
	public, err := c.Public(listener.Addr())
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), c, public, far, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Listen(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := a.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return &desk{t: t, app: a, base: "http://" + listener.Addr().String()}
}

// person is somebody with a token.
type person struct {
	*desk
	id    string
	token string
}

func (d *desk) hire(name string, role rbac.Role) *person {
	d.t.Helper()
	ctx := d.t.Context()
	user, err := d.app.Auth.AddUser(ctx, auth.System(), auth.NewUser{Email: strings.ToLower(name) + "@desk.example", Name: name, Role: role, Password: "correct horse battery"})
	if err != nil {
		d.t.Fatal(err)
	}
	_, token, err := d.app.Auth.CreateToken(ctx, auth.System(), user.ID, "test", time.Time{})
	if err != nil {
		d.t.Fatal(err)
	}
	return &person{desk: d, id: user.ID.String(), token: token}
}

// call sends a request and decodes the answer, which must have the status wanted.
func (p *person) call(method, path string, body any, want int) map[string]any {
	p.t.Helper()
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.base+"/api/v1"+path, reader)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if response.StatusCode != want {
		p.t.Fatalf("%s %s = %d %s, want %d", method, path, response.StatusCode, data, want)
	}
	answer := map[string]any{}
	if len(data) > 0 && strings.Contains(response.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(data, &answer); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return answer
}

// items are the items of a list.
func (p *person) items(path string) []map[string]any {
	p.t.Helper()
	var list []map[string]any
	for _, item := range p.call("GET", path, nil, http.StatusOK)["items"].([]any) {
		list = append(list, item.(map[string]any))
	}
	return list
}

// socket is somebody's open websocket; frames come in order.
type socket struct {
	t      *testing.T
	conn   *websocket.Conn
	frames chan map[string]any
}

func (p *person) watch(query string) *socket {
	p.t.Helper()
	address := "ws" + strings.TrimPrefix(p.base, "http") + "/api/v1/live" + query
	conn, response, err := websocket.DefaultDialer.DialContext(p.t.Context(), address, http.Header{"Authorization": {"Bearer " + p.token}})
	if err != nil {
		p.t.Fatalf("open a socket: %v (%v)", err, response)
	}
	s := &socket{t: p.t, conn: conn, frames: make(chan map[string]any, 10_000)}
	p.t.Cleanup(func() { conn.Close() })
	go func() {
		defer close(s.frames)
		for {
			var frame map[string]any
			if conn.ReadJSON(&frame) != nil {
				return
			}
			s.frames <- frame
		}
	}()
	if hello := s.next("hello"); hello["you"] != p.id {
		p.t.Fatalf("hello %v, want %s", hello, p.id)
	}
	return s
}

// next waits for the next frame of a kind and passes over others.
func (s *socket) next(kind string) map[string]any {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case frame, open := <-s.frames:
			if !open {
				s.t.Fatalf("the socket closed before a frame %s", kind)
			}
			if frame["kind"] == kind {
				return frame
			}
		case <-timeout:
			s.t.Fatalf("no frame %s in %s", kind, patience)
		}
	}
}

// quiet returns every frame that has come, after one that proves that the socket is up to date.
func (s *socket) quiet() []map[string]any {
	s.t.Helper()
	if err := s.conn.WriteJSON(map[string]any{"op": "nothing", "id": "mark"}); err != nil {
		s.t.Fatal(err)
	}
	var frames []map[string]any
	timeout := time.After(patience)
	for {
		select {
		case frame := <-s.frames:
			if frame["id"] == "mark" {
				return frames
			}
			frames = append(frames, frame)
		case <-timeout:
			s.t.Fatal("the socket does not answer")
		}
	}
}

// settings are those of a mailbox on the test's servers.
func settings(address string, d *emailtest.Dovecot, p *emailtest.Postfix) map[string]any {
	server := func(port int) map[string]any {
		return map[string]any{"host": "127.0.0.1", "port": port, "security": "starttls", "username": address}
	}
	imap := server(d.Port)
	imap["folders"] = []string{"INBOX"}
	return map[string]any{"address": address, "imap": imap, "smtp": server(p.Port), "auth": "password", "import_days": 30}
}

func letter(n int, from, to, subject string) []byte {
	return fmt.Appendf(nil, "From: Ann Buyer <%s>\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%d.%s>\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n\r\nWhere is parcel %d?\r\n",
		from, to, subject, n, from, n)
}

// eventually polls until done; some far sides have no way to call us.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-tick.C
	}
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// TestLine goes the whole way on real servers: mail by IDLE to the right agent's socket, nothing of it
// to an agent of another shop, the reply once to the mail server, the customer's answer back into the
// same conversation.
func TestLine(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { line(t, app.Config{}) })
	if !testing.Short() {
		t.Run("postgres", func(t *testing.T) { line(t, app.Config{Database: storetest.FreshDatabase(t)}) })
	}
}

func line(t *testing.T, c app.Config) {
	const lamps, chairs = "help@lamps.example", "help@chairs.example"
	dovecot := emailtest.StartDovecot(t, map[string]string{lamps: "secret-lamps", chairs: "secret-chairs"})
	postfix := emailtest.StartPostfix(t, dovecot)
	d := open(t, c, app.Far{Roots: dovecot.Roots})
	owner, lia, ben := d.hire("Olga", rbac.Owner), d.hire("Lia", rbac.Agent), d.hire("Ben", rbac.Agent)

	shops := map[string]string{}
	for address, agent := range map[string]*person{lamps: lia, chairs: ben} {
		shop := owner.call("POST", "/shops", map[string]any{"name": "Shop of " + address, "zone": "Europe/Rome"}, http.StatusCreated)["id"].(string)
		shops[address] = shop
		owner.call("PATCH", "/shops/"+shop, map[string]any{"state": "active"}, http.StatusOK)
		owner.call("PUT", "/shops/"+shop+"/assignment", map[string]any{"primary": agent.id, "backups": []string{}, "fallback": map[string]any{"kind": "queue"}, "limit": 100}, http.StatusOK)
		password := "secret-" + strings.TrimSuffix(strings.TrimPrefix(address, "help@"), ".example")
		body := map[string]any{"shop": shop, "kind": "email", "settings": settings(address, dovecot, postfix), "secret": map[string]any{"password": password}}
		test := owner.call("POST", "/connections/test", body, http.StatusOK)
		if test["ok"] != true {
			t.Fatalf("connection test of %s: %v", address, test)
		}
		owner.call("POST", "/connections", body, http.StatusCreated)
	}
	eventually(t, "both mailboxes connected", func() bool {
		for _, c := range owner.items("/connections") {
			if c["state"] != "connected" {
				return false
			}
		}
		return true
	})

	owner.call("PATCH", "/me", map[string]any{"settings": map[string]any{"undo_seconds": 0}}, http.StatusOK)
	liaSees, benSees := lia.watch(""), ben.watch("")
	var waits []time.Duration
	for n := range 20 {
		began := time.Now()
		dovecot.Deliver(lamps, "INBOX", letter(n, fmt.Sprintf("ann%d@buyer.example", n), lamps, fmt.Sprintf("Parcel zebra%d", n)), began)
		received := liaSees.next("message.received")
		waits = append(waits, time.Since(began))
		if received["shop"] != shops[lamps] {
			t.Fatalf("received %v, want shop %s", received, shops[lamps])
		}
	}
	t.Logf("mail delivered to socket: median %s, longest %s", median(waits), waits[len(waits)-1])
	if m := median(waits); m > time.Second {
		t.Errorf("a mail took %s at the median to the agent's socket, want under 1 s", m)
	}

	mine := lia.items("/conversations?view=mine&limit=50")
	if len(mine) != 20 {
		for _, c := range owner.items("/conversations?view=all&state=any&limit=100") {
			t.Logf("%v %v %v assignee %v because %v, contact %v", c["id"], c["subject"], c["state"], c["assignee"], c["assign_reason"], c["contact"])
		}
		t.Fatalf("Lia has %d conversations, want 20", len(mine))
	}
	first := mine[0]["id"].(string)
	if mine[0]["assignee"] != lia.id || mine[0]["assign_reason"] == nil {
		t.Errorf("assigned to %v because of %v, want Lia with a reason", mine[0]["assignee"], mine[0]["assign_reason"])
	}
	ben.seesNothing(first, mine[0]["contact"].(map[string]any)["id"].(string))
	for _, frame := range benSees.quiet() {
		if frame["conversation"] != nil || frame["shop"] == shops[lamps] {
			t.Errorf("Ben's socket was told %v", frame)
		}
	}
	lia.mayNotCreateTags(owner, liaSees)
	lia.answers(first, postfix, dovecot, lamps, liaSees)
}

// seesNothing looks for a conversation of another shop in every way there is.
func (p *person) seesNothing(conversation, contact string) {
	p.t.Helper()
	for _, path := range []string{"/conversations?view=all", "/conversations?view=unassigned", "/conversations?q=zebra1", "/conversations?ids=" + conversation, "/contacts"} {
		if got := p.items(path); len(got) != 0 {
			p.t.Errorf("%s shows %d items of another shop", path, len(got))
		}
	}
	found := p.call("GET", "/search?q=zebra1", nil, http.StatusOK)
	if len(found["conversations"].([]any)) != 0 || len(found["contacts"].([]any)) != 0 {
		p.t.Errorf("a search finds %v", found)
	}
	counts := p.call("GET", "/conversations/counts", nil, http.StatusOK)
	for view, count := range counts["views"].(map[string]any) {
		if count.(map[string]any)["total"] != 0.0 {
			p.t.Errorf("the count of %s is %v", view, count)
		}
	}
	for _, event := range p.items("/events?after=0&limit=200") {
		if event["conversation"] != nil {
			p.t.Errorf("the event log shows %v", event)
		}
	}
	for _, path := range []string{"/conversations/" + conversation, "/conversations/" + conversation + "/messages", "/conversations/" + conversation + "/events", "/contacts/" + contact, "/messages/1/html", "/routing/explain?conversation=" + conversation} {
		p.call("GET", path, nil, http.StatusNotFound)
	}
	p.call("POST", "/conversations/"+conversation+"/replies", map[string]any{"text": "hello"}, http.StatusNotFound)
	p.call("PUT", "/conversations/"+conversation+"/assignee", map[string]any{"user": p.id}, http.StatusNotFound)
}

// mayNotCreateTags asks for a tag in both ways an agent could.
func (p *person) mayNotCreateTags(owner *person, own *socket) {
	p.t.Helper()
	p.call("POST", "/tags", map[string]any{"name": "mine"}, http.StatusForbidden)
	if err := own.conn.WriteJSON(map[string]any{"op": "tag_create", "id": "t1", "name": "mine"}); err != nil {
		p.t.Fatal(err)
	}
	refused := own.next("error")
	if refused["id"] != "t1" || refused["problem"].(map[string]any)["code"] != "denied" {
		p.t.Errorf("creating a tag over the socket answered %v, want denied", refused)
	}
	if tags := owner.items("/tags?archived=true"); len(tags) != 0 {
		p.t.Errorf("there are tags: %v", tags)
	}
}

// answers replies, watches it reach the mail server once, and has the customer answer back.
func (p *person) answers(conversation string, postfix *emailtest.Postfix, dovecot *emailtest.Dovecot, shop string, own *socket) {
	p.t.Helper()
	p.call("PATCH", "/me", map[string]any{"settings": map[string]any{"undo_seconds": 30}}, http.StatusOK)
	early := p.call("POST", "/conversations/"+conversation+"/replies", map[string]any{"text": "Too early"}, http.StatusAccepted)
	undone := p.call("POST", "/messages/"+early["id"].(string)+"/undo", nil, http.StatusOK)
	if undone["state"] != "withdrawn" {
		p.t.Errorf("undone: %v", undone)
	}
	p.call("PATCH", "/me", map[string]any{"settings": map[string]any{"undo_seconds": 0}}, http.StatusOK)

	to := p.call("GET", "/conversations/"+conversation, nil, http.StatusOK)["contact"].(map[string]any)["address"].(string)
	began := time.Now()
	p.call("POST", "/conversations/"+conversation+"/replies", map[string]any{"text": "It is on its way."}, http.StatusAccepted)
	own.next("message.sent")
	took := time.Since(began)
	p.t.Logf("reply accepted by the mail server after %s", took)
	if took > time.Second {
		p.t.Errorf("the reply took %s, want under 1 s", took)
	}
	var accepted [][]byte
	eventually(p.t, "the reply at the mail server", func() bool { accepted = postfix.Accepted(to); return len(accepted) > 0 })
	if len(accepted) != 1 || !bytes.Contains(accepted[0], []byte("It is on its way.")) || bytes.Contains(accepted[0], []byte("Too early")) {
		p.t.Fatalf("the mail server has %d mails: %s", len(accepted), accepted)
	}
	header, _, _ := strings.Cut(string(accepted[0]), "\r\n\r\n")
	if header == string(accepted[0]) {
		header, _, _ = strings.Cut(string(accepted[0]), "\n\n")
	}
	id := ""
	for _, line := range strings.Split(header, "\n") {
		if value, ok := strings.CutPrefix(line, "Message-ID: "); ok {
			id = strings.Trim(value, "<>\r ")
		}
	}
	if id == "" || !strings.Contains(header, "In-Reply-To: <") || !strings.Contains(header, "References: <") {
		p.t.Errorf("the reply's header does not thread:\n%s", header)
	}
	answer := fmt.Appendf(nil, "From: Ann Buyer <%s>\r\nTo: %s\r\nSubject: Re: Parcel\r\nMessage-ID: <answer@buyer.example>\r\nIn-Reply-To: <%s>\r\n\r\nThank you!\r\n", to, shop, id)
	dovecot.Deliver(shop, "INBOX", answer, time.Now())
	if received := own.next("message.received"); received["conversation"] != conversation {
		p.t.Errorf("the customer's answer went to conversation %v, want %s", received["conversation"], conversation)
	}
	p.hearsOfBounce(conversation, to, id, dovecot, shop, own)
}

// hearsOfBounce has the far side report that a reply could not be delivered.
func (p *person) hearsOfBounce(conversation, to, id string, dovecot *emailtest.Dovecot, shop string, own *socket) {
	p.t.Helper()
	bounce := fmt.Appendf(nil, "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nTo: %s\r\nSubject: Undelivered Mail Returned to Sender\r\n"+
		"Message-ID: <report@mx.example>\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nNot delivered.\r\n"+
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: 5.2.2\r\n"+
		"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <%s>\r\nFrom: %s\r\nTo: %s\r\n--b--\r\n", shop, to, id, shop, to)
	dovecot.Deliver(shop, "INBOX", bounce, time.Now())
	failed := own.next("message.failed")
	if failed["conversation"] != conversation {
		p.t.Fatalf("the failure is told of conversation %v, want %s", failed["conversation"], conversation)
	}
	for _, m := range p.items("/conversations/" + conversation + "/messages") {
		if m["id"] != failed["data"].(map[string]any)["message"] {
			continue
		}
		deliveries := m["deliveries"].([]any)
		if m["state"] != "failed" || len(deliveries) != 1 || m["problem"].(map[string]any)["code"] != "undelivered_full" {
			p.t.Fatalf("the reply is %v", m)
		}
		if d := deliveries[0].(map[string]any); d["recipient"] != to || d["status"] != "5.2.2" || d["permanent"] != true || d["outcome"] != "failed" || d["report"] == nil {
			p.t.Errorf("delivery %v", d)
		}
		return
	}
	p.t.Error("the reply that failed is not in the thread")
}
