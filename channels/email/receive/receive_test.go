package receive_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email"
	"github.com/deskbell/deskbell/channels/email/receive"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

const lamps = "help@lamps.example"

// house is a store with one connection, whose mail comes through a door.
type house struct {
	t          *testing.T
	store      *store.Store
	ingest     *ingest.Service
	connection inbox.ConnectionID
	away       bool // the connection takes no mail now
	address    string
	stop       func() error // closes the door and waits for it
}

func (h *house) Box(_ context.Context, address string) (receive.Box, error) {
	if address != lamps {
		return receive.Box{}, inbox.Errorf(inbox.NotFound, "nobody has this address")
	}
	if h.away {
		return receive.Box{}, inbox.Errorf(inbox.Unavailable, "not now")
	}
	adapter, err := email.New(channels.Config{Connection: h.connection,
		Settings: fmt.Appendf(nil, `{"address": %q, "forwarding": true, "smtp": {"host": "mx.lamps.example"}}`, lamps)})
	if err != nil {
		return receive.Box{}, err
	}
	return receive.Box{Connection: h.connection, Reader: adapter.(channels.Receiver)}, nil
}

func source(hold channels.Hold) ingest.Source {
	return ingest.Source{Connection: hold.Connection, Fence: hold.Fence}
}

func (h *house) Taking(ctx context.Context, hold channels.Hold, keys []channels.Key) (channels.Taking, error) {
	var taking channels.Taking
	for _, key := range keys {
		verdicts, alone, err := h.ingest.Begin(ctx, source(hold), []ingest.Item{ingest.Item(key)})
		if err != nil || alone {
			return channels.Taking{Alone: alone}, err
		}
		taking.Verdicts = append(taking.Verdicts, channels.Verdict(verdicts[0]))
	}
	return taking, nil
}

func (h *house) Release(ctx context.Context, hold channels.Hold, keys []string) error {
	return h.ingest.Release(ctx, source(hold), keys)
}

func (h *house) Take(ctx context.Context, hold channels.Hold, items []inbox.Incoming, cursor string) error {
	return h.ingest.Take(ctx, source(hold), items, cursor)
}

// open opens a door to a shop.
func open(t *testing.T, s *store.Store, o receive.Options) *house {
	t.Helper()
	blobs, err := blob.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, store: s, ingest: ingest.New(ingest.Options{Store: s, Blobs: blobs})}
	world := storetest.NewWorld(t, s, 1)
	h.connection = world.Connections[0]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = listener.Addr().String()
	o.Post, o.Sink, o.Memory, o.Name = h, h, channels.NewMemory(64<<20), "desk.example"
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- receive.New(o).Serve(ctx, listener) }()
	h.stop = func() error {
		stop()
		err := <-ended
		ended <- nil
		return err
	}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Errorf("the door: %v", err)
		}
	})
	return h
}

// counts is what the connection received.
func (h *house) counts() map[inbox.LedgerState]int {
	h.t.Helper()
	counts, err := h.store.LedgerCounts(h.t.Context(), h.connection)
	if err != nil {
		h.t.Fatal(err)
	}
	return counts
}

// peer is a connection that speaks line by line.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) dial() *peer {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	return &peer{h.t, conn, bufio.NewReader(conn)}
}

// answer reads an answer, of several lines the last.
func (p *peer) answer() string {
	p.t.Helper()
	for {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return "closed"
		}
		if len(line) < 4 || line[3] != '-' {
			return strings.TrimSpace(line)
		}
	}
}

// say sends text as it is and expects an answer that begins so.
func (p *peer) say(text, want string) string {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Fatalf("say %q: %v", text, err)
	}
	got := p.answer()
	if !strings.HasPrefix(got, want) {
		p.t.Fatalf("%.60q was answered %q, want %s", text, got, want)
	}
	return got
}

// letter begins a mail and stops before its text.
func (p *peer) letter(from, to string) {
	p.t.Helper()
	if got := p.answer(); !strings.HasPrefix(got, "220") {
		p.t.Fatalf("greeted with %q", got)
	}
	p.say("EHLO mx.lamps.example\r\n", "250")
	p.say("MAIL FROM:<"+from+">\r\n", "250")
	p.say("RCPT TO:<"+to+">\r\n", "250")
	p.say("DATA\r\n", "354")
}

const header = "From: Ann <ann@buyer.example>\r\nTo: help@lamps.example\r\nSubject: Lamp\r\n\r\n"

func TestAMailIsStoredUnderItsTrace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := open(t, s, receive.Options{})
		p := h.dial()
		p.letter("ann@buyer.example", lamps)
		body := header + "..A line with a dot\r\nand a bare\nline end.\r\n"
		p.say(body+".\r\n", "250")
		if got := h.counts(); got[inbox.LedgerMessage] != 1 || len(got) != 1 {
			t.Fatalf("the ledger counts %v", got)
		}
		entries, err := s.Ledger(t.Context(), store.LedgerFilter{Connection: h.connection}, store.Place{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := s.SmallBlobContent(t.Context(), entries[0].RawHash)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Replace(body, "..A", ".A", 1); !strings.HasSuffix(string(raw), "\r\n"+want) {
			t.Errorf("the mail was changed:\n%s", raw)
		}
		for _, want := range []string{"Return-Path: <ann@buyer.example>\r\n", "Delivered-To: help@lamps.example\r\n",
			"Received: from mx.lamps.example ([127.0.0.1])\r\n\tby desk.example (Deskbell) with ESMTP id "} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%q is missing in\n%s", want, raw)
			}
		}
	})
}

// What a peer asks for that is not given.
func TestRefusals(t *testing.T) {
	h := open(t, storetest.SQLite(t), receive.Options{Limits: receive.Limits{Size: 200_000}})
	for name, tt := range map[string]struct{ commands, want string }{
		"somebody else's address":  {"MAIL FROM:<ann@buyer.example>\r\nRCPT TO:<ann@elsewhere.example>\r\n", "550 5.1.1"},
		"a route through us":       {"MAIL FROM:<ann@buyer.example>\r\nRCPT TO:<@desk.example:ann@elsewhere.example>\r\n", "5"},
		"a percent route":          {"MAIL FROM:<ann@buyer.example>\r\nRCPT TO:<ann%elsewhere.example@lamps.example>\r\n", "550 5.1.1"},
		"a size over the limit":    {"MAIL FROM:<ann@buyer.example> SIZE=200001\r\n", "552 5.3.4"},
		"a list":                   {"EXPN help\r\n", "502"},
		"whether somebody is here": {"VRFY nobody@lamps.example\r\n", "252"},
		"signing in":               {"AUTH PLAIN AGEAYg==\r\n", "5"},
		"mail to nobody":           {"MAIL FROM:<ann@buyer.example>\r\nDATA\r\n", "502"},
	} {
		t.Run(name, func(t *testing.T) {
			p := h.dial()
			p.answer()
			p.say("EHLO mx.lamps.example\r\n", "250")
			lines := strings.SplitAfter(strings.TrimSuffix(tt.commands, "\r\n"), "\r\n")
			for i, line := range lines {
				want := "250"
				if i == len(lines)-1 {
					line, want = line+"\r\n", tt.want
				}
				p.say(line, want)
			}
		})
	}
	if got := h.counts(); len(got) != 0 {
		t.Errorf("the ledger counts %v", got)
	}
}

func TestAMailThatGrowsOverTheLimitIsRefused(t *testing.T) {
	h := open(t, storetest.SQLite(t), receive.Options{Limits: receive.Limits{Size: 200_000}})
	p := h.dial()
	p.letter("ann@buyer.example", lamps)
	p.say(header+strings.Repeat("a line of a mail that is far too large\r\n", 10_000)+".\r\n", "552 5.3.4")
	p.say("MAIL FROM:<ann@buyer.example>\r\n", "250") // the line goes on
	p.say("RCPT TO:<"+lamps+">\r\n", "250")
	p.say("DATA\r\n", "354")
	p.say(header+strings.Repeat("a line of a large mail\r\n", 8_000)+".\r\n", "250")
	for _, announced := range []int{10, 70_000, 190_000} { // some do not tell the truth
		p.say(fmt.Sprintf("MAIL FROM:<ann@buyer.example> SIZE=%d\r\n", announced), "250")
		p.say("RCPT TO:<"+lamps+">\r\n", "250")
		p.say("DATA\r\n", "354")
		p.say(header+strings.Repeat(fmt.Sprintf("a line of a mail with %d\r\n", announced), 6_000)+".\r\n", "250")
	}
	if got := h.counts(); got[inbox.LedgerMessage] != 4 || len(got) != 1 {
		t.Errorf("the ledger counts %v", got)
	}
}

// The end of a mail is CRLF, dot, CRLF and nothing that looks like it: what follows is text, so nobody
// can hide a second mail, with another sender, in a first one.
func TestNothingIsSmuggledInAMail(t *testing.T) {
	for name, end := range map[string]string{"LF": "\n.\n", "LF CRLF": "\n.\r\n", "CR": "\r.\r", "CRLF LF": "\r\n.\n", "CR LF": "\r.\r\n", "CRCRLF": "\r\r\n.\r\n", "NUL": "\r\n\x00.\r\n"} {
		t.Run(name, func(t *testing.T) {
			h := open(t, storetest.SQLite(t), receive.Options{})
			p := h.dial()
			p.letter("ann@buyer.example", lamps)
			p.say(header+"Hello"+end+"MAIL FROM:<boss@lamps.example>\r\nRCPT TO:<"+lamps+">\r\nDATA\r\n"+header+"Pay at once.\r\n.\r\n", "250")
			p.say("NOOP\r\n", "250")
			if got := h.counts(); got[inbox.LedgerMessage] != 1 || len(got) != 1 {
				t.Errorf("the ledger counts %v", got)
			}
		})
	}
}

// A mail that is broken off is not stored, and its rest is no command.
func TestABrokenMailIsNotStored(t *testing.T) {
	h := open(t, storetest.SQLite(t), receive.Options{Limits: receive.Limits{Transfer: 300 * time.Millisecond}})
	p := h.dial()
	p.letter("ann@buyer.example", lamps)
	p.say(header+"Half of a", "451 4.4.2") // after the time for a mail
	if _, err := io.WriteString(p.conn, "\r\nMAIL FROM:<boss@lamps.example>\r\n"); err == nil {
		if got := p.answer(); strings.HasPrefix(got, "250") {
			t.Errorf("the rest of the mail was taken for a command: %s", got)
		}
	}
	gone := h.dial()
	gone.letter("ann@buyer.example", lamps)
	if _, err := io.WriteString(gone.conn, header+"Half of a"); err != nil {
		t.Fatal(err)
	}
	if err := gone.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if got := h.counts(); len(got) != 0 {
		t.Errorf("the ledger counts %v", got)
	}
}

func TestPeersAreLimited(t *testing.T) {
	h := open(t, storetest.SQLite(t), receive.Options{Limits: receive.Limits{PeerConnections: 2, PeerRate: 1, Idle: 300 * time.Millisecond}})
	first := h.dial()
	if got := first.answer(); !strings.HasPrefix(got, "220") {
		t.Fatal(got)
	}
	first.say("EHLO mx.lamps.example\r\n", "250")
	first.say("MAIL FROM:<ann@buyer.example>\r\n", "250")
	first.say("RSET\r\n", "250")
	first.say("MAIL FROM:<ann@buyer.example>\r\n", "450 4.7.1")
	slow := h.dial()
	slow.answer()
	if got := h.dial().answer(); !strings.HasPrefix(got, "421 4.7.0") {
		t.Errorf("a third connection was greeted with %q", got)
	}
	slow.say("EH", "501") // and no more: what there is, is no command
	if got := slow.answer(); !strings.HasPrefix(got, "421") {
		t.Errorf("the slow peer was told %q", got)
	}
}

func TestWhoMayNotConnect(t *testing.T) {
	h := open(t, storetest.SQLite(t), receive.Options{Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	if got := h.dial().answer(); !strings.HasPrefix(got, "554 5.7.1") {
		t.Errorf("greeted with %q", got)
	}
}

// Nothing is confirmed that could not be stored; repeated, it is stored.
func TestAStoreThatFailsHasTheMailRepeated(t *testing.T) {
	s := storetest.SQLite(t)
	h := open(t, s, receive.Options{})
	h.away = true
	p := h.dial()
	p.answer()
	p.say("EHLO mx.lamps.example\r\n", "250")
	p.say("MAIL FROM:<ann@buyer.example>\r\n", "250")
	p.say("RCPT TO:<"+lamps+">\r\n", "450 4.2.1")
	h.away = false
	p.say("RCPT TO:<"+lamps+">\r\n", "250")
	real := h.connection
	h.connection = 9999 // of which the database knows nothing
	p.say("RSET\r\n", "250")
	p.say("MAIL FROM:<ann@buyer.example>\r\n", "250")
	p.say("RCPT TO:<"+lamps+">\r\n", "250")
	h.connection = real
	p.say("DATA\r\n", "354")
	p.say(header+"Hello\r\n.\r\n", "451 4.3.0")
	p.say("MAIL FROM:<ann@buyer.example>\r\n", "250")
	p.say("RCPT TO:<"+lamps+">\r\n", "250")
	p.say("DATA\r\n", "354")
	p.say(header+"Hello\r\n.\r\n", "250")
	if got := h.counts(); got[inbox.LedgerMessage] != 1 || len(got) != 1 {
		t.Errorf("the ledger counts %v", got)
	}
}

// A door that closes finishes the mail under way and sends others away.
func TestADoorThatCloses(t *testing.T) {
	h := open(t, storetest.SQLite(t), receive.Options{})
	idle, busy := h.dial(), h.dial()
	idle.answer()
	busy.letter("ann@buyer.example", lamps)
	ended := make(chan error, 1)
	go func() { ended <- h.stop() }()
	if got := idle.answer(); !strings.HasPrefix(got, "421") {
		t.Errorf("the idle peer was told %q", got)
	}
	busy.say(header+"Hello\r\n.\r\n", "250")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := h.counts(); got[inbox.LedgerMessage] != 1 {
		t.Errorf("the ledger counts %v", got)
	}
}

// By LMTP each recipient gets an answer; one mail for an address twice is one message.
func TestEachRecipientGetsAnAnswer(t *testing.T) {
	h := open(t, storetest.SQLite(t), receive.Options{LMTP: true})
	p := h.dial()
	p.answer()
	p.say("EHLO mx.lamps.example\r\n", "500")
	p.say("LHLO mx.lamps.example\r\n", "250")
	p.say("MAIL FROM:<ann@buyer.example> SIZE=10\r\n", "250")
	p.say("RCPT TO:<"+lamps+">\r\n", "250")
	p.say("RCPT TO:<nobody@lamps.example>\r\n", "550 5.1.1")
	p.say("RCPT TO:<HELP@lamps.example>\r\n", "250")
	p.say("DATA\r\n", "354")
	p.say(header+"Hello\r\n.\r\n", "250 2.0.0 <"+lamps+">")
	if got := p.answer(); !strings.HasPrefix(got, "250 2.0.0 <HELP@lamps.example>") {
		t.Errorf("the second recipient was answered %q", got)
	}
	if got := h.counts(); got[inbox.LedgerMessage] != 1 || len(got) != 1 {
		t.Errorf("the ledger counts %v", got)
	}
}
