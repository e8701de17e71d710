package email

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/channelstest"
	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/inbox"
)

// unreadable is a mail that the provider's faults make impossible to fetch.
const unreadable = 2

func TestContractInMemory(t *testing.T) {
	channelstest.Run(t, func(t *testing.T) channelstest.Source {
		s, box := provider(t, emailtest.Options{Security: emailtest.StartTLS})
		deliver := func(_ *testing.T, n int) { box.Deliver(letter(n), now.Add(time.Duration(n-30)*time.Minute)) }
		faults := func(f emailtest.Faults) func(*testing.T, *inbox.Outgoing) {
			return func(*testing.T, *inbox.Outgoing) { s.SetFaults(f) }
		}
		return channelstest.Source{
			Open:    func(t *testing.T) channels.Adapter { return open(t, s, nil) },
			Deliver: deliver,
			Break: func(t *testing.T) {
				deliver(t, unreadable)
				s.SetFaults(emailtest.Faults{BreakFetch: []uint32{unreadable}})
			},
			Stir:     func(t *testing.T) { deliver(t, 9) },
			Reply:    reply,
			Accepted: func(*testing.T) int { return len(box.Submitted()) },
			Faults: []channelstest.Fault{
				{Name: "sender refused", Code: inbox.Denied, Make: faults(emailtest.Faults{Mail: emailtest.Reply{Code: 553, Text: "not your address"}})},
				{Name: "sender refused for now", Code: inbox.Unavailable, Make: faults(emailtest.Faults{Mail: emailtest.Reply{Code: 451, Text: "later"}})},
				{Name: "one recipient of two refused", Code: inbox.Invalid, Make: faults(emailtest.Faults{Rcpt: map[string]emailtest.Reply{"boss@shop.example": {Code: 550, Text: "who?"}}})},
				{Name: "one recipient refused for now", Code: inbox.Unavailable, Make: faults(emailtest.Faults{Rcpt: map[string]emailtest.Reply{"ann@buyer.example": {Code: 450, Text: "later"}}})},
				{Name: "mail refused", Code: inbox.Invalid, Make: faults(emailtest.Faults{Data: emailtest.Reply{Code: 554, Text: "spam"}})},
				{Name: "mail refused for now", Code: inbox.Unavailable, Make: faults(emailtest.Faults{Data: emailtest.Reply{Code: 452, Text: "full"}})},
				{Name: "answer lost", Code: inbox.UncertainOf, Make: faults(emailtest.Faults{DropAtDot: true})},
				{Name: "nobody there", Code: inbox.Unavailable, Make: func(t *testing.T, _ *inbox.Outgoing) {
					if err := s.Interrupt(); err != nil {
						t.Fatal(err)
					}
				}},
				{Name: "nobody there to pull from", Pull: true, Code: inbox.Unavailable, Make: func(t *testing.T, _ *inbox.Outgoing) {
					if err := s.Interrupt(); err != nil {
						t.Fatal(err)
					}
				}},
				{Name: "login refused", Pull: true, Code: inbox.Expired, Make: faults(emailtest.Faults{Login: "[AUTHENTICATIONFAILED] no"})},
				{Name: "login refused for now", Pull: true, Code: inbox.Unavailable, Make: faults(emailtest.Faults{Login: "[UNAVAILABLE] later"})},
				{Name: "folder gone", Pull: true, Code: inbox.NotFound, Make: func(*testing.T, *inbox.Outgoing) { box.DeleteFolder("INBOX") }},
			},
		}
	})
}

const help = "help@shop.example"

// realServers are one Dovecot and one Postfix for all parts of a test; each part has an account of
// its own, so that nothing of another is there.
type realServers struct {
	dovecot *emailtest.Dovecot
	postfix *emailtest.Postfix
	parts   int
}

const realParts = 60

func startReal(t *testing.T) *realServers {
	t.Helper()
	accounts := map[string]string{help: password}
	for i := range realParts {
		accounts[fmt.Sprintf("part%d@shop.example", i+1)] = password
	}
	d := emailtest.StartDovecot(t, accounts)
	return &realServers{dovecot: d, postfix: emailtest.StartPostfix(t, d)}
}

// config is that of an account, with changes.
func (r *realServers) config(address, security string, change func(map[string]any)) channels.Config {
	imapPort, smtpPort := r.dovecot.Port, r.postfix.Port
	if security == securityTLS {
		imapPort, smtpPort = r.dovecot.PortTLS, r.postfix.PortTLS
	}
	set := map[string]any{
		"address": address,
		"imap":    map[string]any{"host": "127.0.0.1", "port": imapPort, "security": security},
		"smtp":    map[string]any{"host": "127.0.0.1", "port": smtpPort, "security": security},
	}
	if change != nil {
		change(set)
	}
	roots := r.dovecot.Roots.Clone()
	return channels.Config{
		Connection: 7, Settings: encode(set), Roots: roots, LiveFrom: time.Now().Add(-time.Hour),
		Secret: map[string]string{"password": password, "access_token": r.dovecot.Token(address)},
	}
}

func TestContractOnDovecotAndPostfix(t *testing.T) {
	r := startReal(t)
	channelstest.Run(t, func(t *testing.T) channelstest.Source {
		r.parts++
		address, buyer := fmt.Sprintf("part%d@shop.example", r.parts), fmt.Sprintf("buyer%d@buyer.example", r.parts)
		c := r.config(address, securityStartTLS, nil)
		deliver := func(t *testing.T, n int) {
			t.Helper()
			r.dovecot.Deliver(address, "INBOX", letter(n), time.Now().Add(time.Duration(n-30)*time.Minute))
		}
		change := func(f func(m *inbox.Outgoing)) func(*testing.T, *inbox.Outgoing) {
			return func(_ *testing.T, m *inbox.Outgoing) { f(m) }
		}
		return channelstest.Source{
			Open:    func(t *testing.T) channels.Adapter { return openWith(t, c) },
			Deliver: deliver,
			Stir:    func(t *testing.T) { deliver(t, 9) },
			Reply: func() inbox.Outgoing {
				m := reply()
				m.From.Address, m.To[0].Address, m.Bcc = address, buyer, nil
				return m
			},
			Accepted: func(*testing.T) int { return len(r.postfix.Accepted(buyer)) },
			Faults: []channelstest.Fault{
				{Name: "sender refused", Code: inbox.Denied, Make: change(func(m *inbox.Outgoing) { m.From.Address = "stranger@shop.example" })},
				{Name: "one recipient of two refused", Code: inbox.Invalid, Make: change(func(m *inbox.Outgoing) { m.Cc = []inbox.Address{{Address: "nobody@buyer.example"}} })},
				{Name: "one recipient refused for now", Code: inbox.Unavailable, Make: change(func(m *inbox.Outgoing) { m.Cc = []inbox.Address{{Address: "later@buyer.example"}} })},
				{Name: "mail refused", Code: inbox.Invalid, Make: change(func(m *inbox.Outgoing) { m.Subject = "refuse me" })},
				{Name: "mail too large", Code: inbox.Invalid, Make: change(func(m *inbox.Outgoing) { m.Text = strings.Repeat("A long line of a long mail.\n", 60_000) })},
				{Name: "wrong password for sending", Code: inbox.Expired, Make: func(*testing.T, *inbox.Outgoing) { c.Secret = map[string]string{"password": "wrong"} }},
				{Name: "wrong password", Pull: true, Code: inbox.Expired, Make: func(*testing.T, *inbox.Outgoing) { c.Secret = map[string]string{"password": "wrong"} }},
			},
		}
	})
}
