package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/client"
)

// mails is how many mails lie in the mailbox that is connected: some thousands, DESKBELL_MAILS in a
// soak.
func mails(t *testing.T) int {
	text := os.Getenv("DESKBELL_MAILS")
	if text == "" {
		return 5000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1000 {
		t.Fatalf("DESKBELL_MAILS=%q wants a number from 1,000 on", text)
	}
	return n
}

const (
	largestResident = 512 << 20        // R13
	liveWithin      = 10 * time.Second // R2
	importRate      = 100              // mails a second
)

// A large mailbox is connected while its customers go on writing: everything comes in once, what
// arrives is seen at once, and memory stays in its bounds.
func TestSoakFirstImport(t *testing.T) {
	total := mails(t)
	dovecot := emailtest.StartDovecot(t, map[string]string{shopAddress: "secret"})
	began := time.Now()
	dovecot.Fill(shopAddress, "INBOX", total, began.Add(-20*24*time.Hour), oldMail)
	t.Logf("%d mails made in %s", total, time.Since(began).Round(time.Millisecond))
	h := bareHouse(t, "")
	began = time.Now()
	h.connect(map[string]any{"imap": map[string]any{"host": "127.0.0.1", "port": dovecot.Port, "security": "none"},
		"smtp": map[string]any{"host": "127.0.0.1", "port": dovecot.Port}}, began.UTC().Format(time.RFC3339))

	var waits []time.Duration
	for {
		stored := h.counts()["message"]
		if stored >= total {
			break
		}
		waits = append(waits, h.visibleAfter(dovecot, len(waits)+1))
		if time.Since(began) > time.Duration(total/importRate)*time.Second {
			t.Fatalf("%d of %d mails after %s", stored, total, time.Since(began))
		}
	}
	took := time.Since(began)
	peak, err := h.server.ResidentPeak()
	if err != nil {
		t.Fatal(err)
	}
	h.until("the rest", func() (int, bool) {
		stored := h.counts()["message"]
		return stored, stored >= total+len(waits)
	})
	h.exactlyOnce(total+len(waits), func(n int) string {
		if n > total {
			return fmt.Sprintf("Live %d", n-total)
		}
		return fmt.Sprintf("Old %d", n)
	})
	var calm []time.Duration
	for n := range 5 {
		calm = append(calm, h.visibleAfter(dovecot, len(waits)+n+1))
	}
	idle, err := h.server.Resident()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(waits)
	slices.Sort(calm)
	t.Logf("%d mails in %s: %.0f a second; %d live mails meanwhile visible after %s at the median, %s at most; %s at the median afterwards; memory %d MB at most, %d MB afterwards",
		total, took.Round(time.Millisecond), float64(total)/took.Seconds(), len(waits), waits[len(waits)/2].Round(time.Millisecond),
		waits[len(waits)-1].Round(time.Millisecond), calm[len(calm)/2].Round(time.Millisecond), peak>>20, idle>>20)
	if peak > largestResident {
		t.Errorf("the server held %d MB", peak>>20)
	}
	if longest := waits[len(waits)-1]; longest > liveWithin {
		t.Errorf("a live mail was visible after %s", longest)
	}
}

// oldMail is a mail of a few kilobytes, like most are; each fiftieth is larger.
func oldMail(n int) []byte {
	lines := 40
	if n%50 == 0 {
		lines = 1500
	}
	return fmt.Appendf(nil, "From: Customer %[1]d <customer%[1]d@post.example>\r\nTo: <%[2]s>\r\nSubject: Old %[1]d\r\n"+
		"Message-ID: <old-%[1]d@post.example>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\n%[3]s",
		n, shopAddress, strings.Repeat("A line of a letter about parcel and lamp and when they come, at last.\r\n", lines))
}

// visibleAfter delivers a mail and returns how long it took until somebody could open it.
func (h *house) visibleAfter(dovecot *emailtest.Dovecot, n int) time.Duration {
	h.t.Helper()
	began := time.Now()
	subject := fmt.Sprintf("Live %d", n)
	dovecot.Deliver(shopAddress, "INBOX", fmt.Appendf(nil, "From: New <new%[1]d@post.example>\r\nTo: <%[2]s>\r\nSubject: %[3]s\r\n"+
		"Message-ID: <live-%[1]d@post.example>\r\n\r\nWhere is it?\r\n", n, shopAddress, subject), began)
	for time.Since(began) < progressWithin {
		var newest struct {
			Items []client.Conversation `json:"items"`
		}
		h.do(http.MethodGet, "/conversations?view=all&state=any&sort=newest&limit=3", nil, &newest)
		if slices.ContainsFunc(newest.Items, func(c client.Conversation) bool { return c.Subject == subject }) {
			return time.Since(began)
		}
		time.Sleep(20 * time.Millisecond)
	}
	h.t.Fatalf("%q is not visible after %s", subject, progressWithin)
	return 0
}
