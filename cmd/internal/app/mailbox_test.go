package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// mailbox is an account on a real server that its connection reads, and what was delivered to it.
type mailbox struct {
	*person
	server     *emailtest.Dovecot
	line       *emailtest.Brittle // on the way to the server
	address    string
	connection string
	delivered  int
	setAside   int // how many of them nobody can read
}

func (m *mailbox) subject(n int) string { return fmt.Sprintf("%s no. %d.", m.address, n) }

func (m *mailbox) mail(n int) []byte {
	return letter(n, fmt.Sprintf("ann%d@buyer.example", n), m.address, m.subject(n))
}

// deliver puts further mails into a folder.
func (m *mailbox) deliver(folder string, count int) {
	for range count {
		m.delivered++
		m.server.Deliver(m.address, folder, m.mail(m.delivered), time.Now())
	}
}

// settle waits until the ledger has every mail that lies in the mailbox, and every mail that was ever
// delivered is one message.
func (m *mailbox) settle() {
	m.t.Helper()
	eventually(m.t, "the ledger agrees with the mailbox "+m.address, func() bool {
		counts := m.counts(m.connection)
		if counts["message"] != float64(m.delivered-m.setAside) {
			return false
		}
		ledger := m.ledger()
		for _, folder := range []string{"INBOX", "Orders"} {
			there, complete := m.server.Keys(m.address, folder)
			open := func(key string) bool { return ledger[key] == "" || ledger[key] == "taking" || ledger[key] == "waiting" }
			if !complete || slices.ContainsFunc(there, open) {
				return false
			}
		}
		return true
	})
}

// ledger is what became of each mail the source ever had, by its key without the era.
func (m *mailbox) ledger() map[string]string {
	m.t.Helper()
	states := map[string]string{}
	path := "/connections/" + m.connection + "/ledger?limit=100"
	for cursor := ""; ; {
		page := m.call("GET", path+cursor, nil, http.StatusOK)
		for _, item := range page["items"].([]any) {
			entry := item.(map[string]any)
			part := strings.Split(entry["source_key"].(string), "|")
			validity, _, _ := strings.Cut(part[1], ".")
			states[part[0]+"|"+validity+"|"+part[2]] = entry["state"].(string)
		}
		next, more := page["next"].(string)
		if !more || next == "" {
			return states
		}
		cursor = "&cursor=" + next
	}
}

// agree checks that every mail that was delivered is one message in a conversation of its own, or one
// item that is set aside, and that there is nothing else.
func (m *mailbox) agree() {
	m.t.Helper()
	want := map[string]float64{"message": float64(m.delivered - m.setAside), "set_aside": float64(m.setAside)}
	counts := m.counts(m.connection)
	for state, n := range counts {
		if state != "same" && n != want[state] {
			m.t.Errorf("the ledger counts %v, want %v", counts, want)
			break
		}
	}
	found, path := map[string]int{}, "/conversations?view=all&state=any&sort=oldest&limit=100&shop="+m.shop()
	for cursor := ""; ; {
		page := m.call("GET", path+cursor, nil, http.StatusOK)
		for _, item := range page["items"].([]any) {
			c := item.(map[string]any)
			found[c["subject"].(string)]++
			if c["messages"] != 1.0 {
				m.t.Errorf("%q has %v messages", c["subject"], c["messages"])
			}
			if text := c["preview"].(map[string]any)["text"].(string); !strings.HasSuffix(text, "?") {
				m.t.Errorf("%q is not whole: %q", c["subject"], text)
			}
		}
		next, more := page["next"].(string)
		if !more || next == "" {
			break
		}
		cursor = "&cursor=" + next
	}
	missing := 0
	for n := range m.delivered {
		switch found[m.subject(n+1)] {
		case 0:
			missing++
		case 1:
		default:
			m.t.Errorf("%q is there %d times", m.subject(n+1), found[m.subject(n+1)])
		}
	}
	if missing != m.setAside || len(found) != m.delivered-m.setAside {
		m.t.Errorf("%d conversations of %d mails, %d are missing: %v", len(found), m.delivered, missing, slices.Sorted(maps.Keys(found)))
	}
}

func (m *mailbox) shop() string {
	return m.call("GET", "/connections/"+m.connection, nil, http.StatusOK)["shop"].(string)
}

// state waits until the connection is in a state.
func (m *mailbox) state(want string) {
	m.t.Helper()
	eventually(m.t, m.address+" is "+want, func() bool {
		return m.call("GET", "/connections/"+m.connection, nil, http.StatusOK)["state"] == want
	})
}

// What befalls mailboxes: after each of it, ledger and mailbox agree.
var misfortunes = map[string]func(m *mailbox){
	"renumbered": func(m *mailbox) {
		m.server.Renumber(m.address, "INBOX")
		m.deliver("INBOX", 3)
	},
	"renumbered twice, emptied between": func(m *mailbox) {
		m.server.Renumber(m.address, "INBOX")
		m.settle()
		m.server.Empty(m.address, "INBOX")
		m.server.Renumber(m.address, "INBOX")
		m.deliver("INBOX", 3)
	},
	"set back to an older copy": func(m *mailbox) {
		restore := m.server.Backup(m.address)
		m.deliver("INBOX", 5)
		m.settle()
		restore()
		m.deliver("INBOX", 3) // with numbers that five others had
	},
	"set back and quickly beyond": func(m *mailbox) {
		restore := m.server.Backup(m.address)
		m.deliver("INBOX", 2)
		m.settle()
		restore()
		m.deliver("INBOX", 1)
		m.settle()
		m.deliver("INBOX", 4)
	},
	"old mails appear again": func(m *mailbox) {
		m.server.Empty(m.address, "INBOX")
		m.deliver("INBOX", 1)
		m.settle()
		for n := range m.delivered - 1 {
			m.server.Deliver(m.address, "INBOX", m.mail(n+1), time.Now().AddDate(0, -1, 0))
		}
	},
	"moved to another folder and back": func(m *mailbox) {
		m.server.Move(m.address, "INBOX", "Orders")
		m.settle()
		m.deliver("INBOX", 2)
		m.settle()
		m.server.Move(m.address, "Orders", "INBOX")
	},
	"deleted at the source": func(m *mailbox) {
		m.server.Empty(m.address, "INBOX")
		m.deliver("Orders", 2)
	},
	"marked": func(m *mailbox) {
		m.server.Mark(m.address, "INBOX", "FRS")
		m.deliver("INBOX", 1)
	},
	"folder renamed and made anew": func(m *mailbox) {
		m.deliver("Orders", 2)
		m.settle()
		m.server.Rename(m.address, "Orders", "Old")
		m.deliver("INBOX", 2) // the other folder is read all the same
		m.state("degraded")
		m.server.Rename(m.address, "Old", "Orders")
		m.deliver("Orders", 2)
		m.settle()
		m.state("connected")
	},
	"sizes that are wrong": func(m *mailbox) { // the server breaks off each time it finds out
		m.line.Down()
		m.deliver("Orders", 4)
		m.server.Lie(m.address, "Orders", 7)
		m.setAside = 4
		m.deliver("INBOX", 2)
		m.line.Up()
	},
	"sizes that are far too large": func(m *mailbox) {
		m.line.Down()
		m.deliver("Orders", 4)
		m.server.Lie(m.address, "Orders", 5_000_000)
		m.setAside = 4
		m.line.Up()
	},
	"mails the server cannot read": func(m *mailbox) {
		m.line.Down()
		m.deliver("Orders", 3)
		m.server.Lock(m.address, "Orders")
		m.deliver("INBOX", 2)
		m.line.Up()
		m.setAside = 3
	},
	"server killed again and again": func(m *mailbox) {
		for range 4 {
			m.deliver("INBOX", 150)
			m.line.Down()
			m.server.Stop()
			m.server.Start()
			m.line.Up()
		}
	},
	"line breaks in every answer": func(m *mailbox) {
		m.line.Break(20_000)
		m.deliver("INBOX", 250)
	},
	"a week offline": func(m *mailbox) {
		m.line.Down()
		m.state("degraded")
		m.delivered += 1200
		for n := range 1200 {
			m.server.Deliver(m.address, "INBOX", m.mail(m.delivered-1199+n), time.Now().Add(time.Duration(n-1200)*8*time.Minute))
		}
		m.line.Up()
		m.settle()
		m.deliver("INBOX", 2)
	},
	"password changed": func(m *mailbox) {
		m.line.Down()
		m.server.Stop()
		m.server.SetPassword(m.address, "another")
		m.deliver("INBOX", 3)
		m.server.Start()
		m.line.Up()
		m.state("expired")
		m.call("PATCH", "/connections/"+m.connection, map[string]any{"secret": map[string]any{"password": "another"}}, http.StatusOK)
		m.settle()
		m.state("connected")
	},
}

func TestMisfortunesOfAMailbox(t *testing.T) {
	for what, befalls := range misfortunes {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			suffer(t, "", befalls)
		})
	}
	if testing.Short() {
		return
	}
	for _, what := range []string{"set back to an older copy", "server killed again and again", "a week offline"} {
		t.Run(what+", on PostgreSQL", func(t *testing.T) { suffer(t, storetest.FreshDatabase(t), misfortunes[what]) })
	}
}

func suffer(t *testing.T, database string, befalls func(m *mailbox)) {
	m := openMailbox(t, app.Config{Database: database, Poll: 1})
	m.deliver("INBOX", 5)
	m.settle()
	befalls(m)
	m.settle()
	m.agree()
}

func openMailbox(t *testing.T, c app.Config) *mailbox {
	t.Helper()
	const address = "help@shop.example"
	server := emailtest.StartDovecot(t, map[string]string{address: "secret"})
	m := &mailbox{person: open(t, c, app.Far{}).hire("Olga", rbac.Owner), server: server, line: emailtest.StartBrittle(t, server.Port), address: address}
	shop := m.call("POST", "/shops", map[string]any{"name": "Lamps", "zone": "Europe/Rome"}, http.StatusCreated)["id"].(string)
	m.call("PATCH", "/shops/"+shop, map[string]any{"state": "active"}, http.StatusOK)
	m.connection = m.call("POST", "/connections", map[string]any{"shop": shop, "kind": "email", "secret": map[string]any{"password": "secret"},
		"settings": map[string]any{"address": address, "imap": map[string]any{"host": "127.0.0.1", "port": m.line.Port, "security": "none", "folders": []string{"INBOX", "Orders"}},
			"smtp": map[string]any{"host": "127.0.0.1", "port": 25}}}, http.StatusCreated)["id"].(string)
	return m
}
