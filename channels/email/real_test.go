package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// TestDovecotAndPostfix holds the adapter against real servers in ways that a suite for all adapters
// cannot.
func TestDovecotAndPostfix(t *testing.T) {
	r := startReal(t)
	account := func() string {
		r.parts++
		return fmt.Sprintf("part%d@shop.example", r.parts)
	}
	for name, part := range map[string]func(t *testing.T, r *realServers, address string){
		"signs in every way":           realLogins,
		"several folders, no marks":    realFolders,
		"a renumbered folder":          realRenumbered,
		"a backlog of 2000":            realBacklog,
		"what is sent holds threads":   realThread,
		"an answer that never arrives": realUncertain,
		"tests connections":            realChecks,
		"waits, watches, survives":     realRestart, // restarts the server, so the parts come one by one
	} {
		t.Run(name, func(t *testing.T) { part(t, r, account()) })
	}
}

func realLogins(t *testing.T, r *realServers, address string) {
	r.dovecot.Deliver(address, "INBOX", letter(1), time.Now().Add(-time.Minute))
	for _, security := range []string{securityNone, securityStartTLS, securityTLS} {
		for _, way := range []string{authPassword, authXOAUTH2, authOAuthBearer} {
			a := openWith(t, r.config(address, security, func(set map[string]any) { set["auth"] = way }))
			if items, _ := pull(t, a, ""); len(items) != 1 {
				t.Errorf("%s, %s: %q", security, way, keys(items))
			}
		}
	}
	for _, way := range []string{authXOAUTH2, authOAuthBearer} {
		c := r.config(address, securityTLS, func(set map[string]any) { set["auth"] = way })
		c.Secret = map[string]string{"access_token": r.dovecot.Token(address) + "x"}
		if _, _, err := tryPull(t, openWith(t, c), ""); inbox.CodeOf(err) != inbox.Expired {
			t.Errorf("%s with a forged token: %v", way, err)
		}
	}
	for _, security := range []string{securityNone, securityTLS} {
		m := replyFrom(address)
		if _, err := openWith(t, r.config(address, security, nil)).Send(t.Context(), m); err != nil {
			t.Errorf("send, %s: %v", security, err)
		}
	}
}

// replyFrom is a reply from an account to a buyer of its own.
func replyFrom(address string) inbox.Outgoing {
	m := reply()
	m.From.Address, m.Bcc = address, nil
	m.To = []inbox.Address{{Name: "Ann", Address: "ann+" + strings.TrimSuffix(address, "@shop.example") + "@buyer.example"}}
	m.HeaderID = "r1-" + address
	return m
}

func realFolders(t *testing.T, r *realServers, address string) {
	at := time.Now().Add(-90 * time.Second).Truncate(time.Second)
	for _, folder := range []string{"INBOX", "Orders", "Sent"} {
		r.dovecot.Deliver(address, folder, letter(1), at)
	}
	a := openWith(t, r.config(address, securityStartTLS, func(set map[string]any) {
		set["imap"].(map[string]any)["folders"] = []string{"INBOX", "Orders", "Nowhere", "Sent"}
		set["sent_folder"] = "Sent"
	}))
	items, cursor, err := tryPull(t, a, "")
	if len(items) != 3 || inbox.CodeOf(err) != inbox.NotFound || reasonOf(t, err) != imapFolderMissing {
		t.Fatalf("%q, %v", keys(items), err)
	}
	if !items[0].At.Equal(at) || !items[2].Outbound || items[1].Outbound {
		t.Errorf("received at %s, want %s; %+v", items[0].At, at, items)
	}
	r.dovecot.Deliver(address, "Orders", letter(2), time.Now())
	if items, _, _ = tryPull(t, a, cursor); len(items) != 1 || !strings.HasPrefix(items[0].SourceKey, "Orders|") {
		t.Errorf("afterwards %q", keys(items))
	}
	for _, file := range r.dovecot.Files(address, "INBOX") {
		if _, marks, _ := strings.Cut(file, ":2,"); marks != "" {
			t.Errorf("a mail was marked %q", marks)
		}
	}
}

func realRenumbered(t *testing.T, r *realServers, address string) {
	for n := 1; n <= 3; n++ {
		r.dovecot.Deliver(address, "INBOX", letter(n), time.Now().Add(-time.Minute))
	}
	c := r.config(address, securityStartTLS, nil)
	first, cursor := pull(t, openWith(t, c), "")
	r.dovecot.Renumber(address, "INBOX")
	r.dovecot.Deliver(address, "INBOX", letter(4), time.Now())
	second, _ := pull(t, openWith(t, c), cursor)
	if len(first) != 3 || len(second) != 4 {
		t.Fatalf("first %q, then %q", keys(first), keys(second))
	}
	for i := range first {
		if first[i].SourceKey == second[i].SourceKey || !bytes.Equal(first[i].Sameness, second[i].Sameness) {
			t.Errorf("%s came again as %s", first[i].SourceKey, second[i].SourceKey)
		}
	}
}

func realBacklog(t *testing.T, r *realServers, address string) {
	const backlog = 2000
	for n := 1; n <= backlog; n++ {
		r.dovecot.Deliver(address, "INBOX", letter(n), time.Now().Add(time.Duration(n-backlog)*time.Second))
	}
	a := openWith(t, r.config(address, securityNone, nil))
	began := time.Now()
	items, cursor := pull(t, a, "")
	t.Logf("%d mails in %v", len(items), time.Since(began))
	seen := map[string]bool{}
	for _, item := range items {
		if item.Problem != nil || seen[item.Subject] {
			t.Fatalf("%s: %q twice, or %v", item.SourceKey, item.Subject, item.Problem)
		}
		seen[item.Subject] = true
	}
	if len(items) != backlog {
		t.Errorf("%d mails came", len(items))
	}
	if items, _ := pull(t, a, cursor); len(items) != 0 {
		t.Errorf("again %d", len(items))
	}
}

func realThread(t *testing.T, r *realServers, address string) {
	m := replyFrom(address)
	m.References = []string{"0@buyer.example", "1@buyer.example"}
	if _, err := openWith(t, r.config(address, securityStartTLS, nil)).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	buyer := m.To[0].Address
	waitFor(t, "the mail", func() bool { return len(r.postfix.Accepted(buyer)) == 1 })
	in := parsed(t, "INBOX", string(r.postfix.Accepted(buyer)[0]), nil)
	if in.HeaderID != m.HeaderID || strings.Join(in.References, " ") != "0@buyer.example 1@buyer.example" || in.From != m.From {
		t.Errorf("it arrived as %+v", in)
	}
}

// realUncertain sends through a line that breaks between the final dot and its answer.
func realUncertain(t *testing.T, r *realServers, address string) {
	line := breakAfterDot(t, r.postfix.Port)
	c := r.config(address, securityNone, func(set map[string]any) { set["smtp"].(map[string]any)["port"] = line })
	m := replyFrom(address)
	_, err := openWith(t, c).Send(t.Context(), m)
	if inbox.CodeOf(err) != inbox.UncertainOf || reasonOf(t, err) != smtpNoAnswer {
		t.Errorf("%v", err)
	}
	waitFor(t, "the mail, which was accepted", func() bool { return len(r.postfix.Accepted(m.To[0].Address)) == 1 })
}

// breakAfterDot forwards a loopback port to another and breaks the connection once the client has
// sent the end of a mail and the server has it.
func breakAfterDot(t *testing.T, to int) (port int) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		group.Wait()
	})
	group.Go(func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(to)))
		if err != nil {
			return
		}
		answers := make(chan struct{})
		go func() {
			defer close(answers)
			_, _ = io.Copy(client, server)
		}()
		forwardMail(client, server)
		client.Close()
		_, _ = io.WriteString(server, "QUIT\r\n") // the server answers to nobody
		<-answers
		server.Close()
	})
	return l.Addr().(*net.TCPAddr).Port
}

func forwardMail(client io.Reader, server io.Writer) {
	var sent bytes.Buffer
	buffer := make([]byte, 4096)
	for {
		n, err := client.Read(buffer)
		if _, writeErr := server.Write(buffer[:n]); errors.Join(err, writeErr) != nil {
			return
		}
		sent.Write(buffer[:n])
		if bytes.HasSuffix(sent.Bytes(), []byte("\r\n.\r\n")) {
			return
		}
	}
}

func realChecks(t *testing.T, r *realServers, address string) {
	a := openWith(t, r.config(address, securityStartTLS, func(set map[string]any) {
		set["imap"].(map[string]any)["folders"] = []string{"INBOX", "Orders"}
	}))
	want := "imap_connect ok, imap_tls ok, imap_login ok, imap_folder ok, imap_folder ok, imap_idle ok, smtp_connect ok, smtp_tls ok, smtp_login ok, smtp_sender ok"
	checks := a.Test(t.Context())
	if got := lines(checks); got != want {
		t.Errorf("got %s", got)
	}
	for _, c := range checks {
		if c.Name == checkIMAPIdle && c.Detail != "" {
			t.Errorf("IDLE: %s", c.Detail)
		}
	}
}

// realRestart runs a whole runner on Dovecot: a mail is there within seconds by IDLE, though the
// runner looks only once an hour, and again after the server was restarted.
func realRestart(t *testing.T, r *realServers, address string) {
	c := r.config(address, securityStartTLS, nil)
	in := &arrivals{subjects: map[string]int{}}
	runner := channels.NewRunner(channels.Options{
		Registry: channels.Registry{kindName: Kind()}, Sink: in, Roots: c.Roots, Poll: time.Hour,
		Directory: oneConnection{channels.Stored{Kind: kindName, Config: c}},
	})
	if err := runner.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer runner.Stop()
	arrives := func(n int) {
		t.Helper()
		began := time.Now()
		r.dovecot.Deliver(address, "INBOX", letter(n), began)
		waitFor(t, "mail "+strconv.Itoa(n), func() bool { return in.count(fmt.Sprintf("Parcel %d", n)) == 1 })
		t.Logf("mail %d was there after %v", n, time.Since(began))
	}
	arrives(1)
	arrives(2)
	r.dovecot.Stop()
	r.dovecot.Start()
	arrives(3)
	arrives(4)
}

// oneConnection is a directory of one connection.
type oneConnection struct{ stored channels.Stored }

func (o oneConnection) Connections(context.Context) ([]inbox.ConnectionID, error) {
	return []inbox.ConnectionID{1}, nil
}

func (o oneConnection) Load(context.Context, inbox.ConnectionID) (channels.Stored, error) {
	return o.stored, nil
}

func (o oneConnection) Report(context.Context, channels.Hold, channels.Health) error { return nil }

// arrivals is a sink that remembers what came.
type arrivals struct {
	mu       sync.Mutex
	subjects map[string]int
	cursor   string
}

func (a *arrivals) Taking(_ context.Context, _ channels.Hold, keys []channels.Key) (channels.Taking, error) {
	return channels.Taking{Verdicts: make([]channels.Verdict, len(keys))}, nil
}

func (a *arrivals) Release(context.Context, channels.Hold, []string) error { return nil }

func (a *arrivals) Take(_ context.Context, _ channels.Hold, items []inbox.Incoming, cursor string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, item := range items {
		a.subjects[item.Subject]++
	}
	a.cursor = cursor
	return nil
}

func (a *arrivals) count(subject string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.subjects[subject]
}
