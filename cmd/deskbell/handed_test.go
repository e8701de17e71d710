package main

import (
	"net"
	"strings"
	"testing"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

// A server that is killed while a mail server hands mail over, also between a mail and the answer to
// it, has each mail exactly once in the end: what it did not confirm is repeated and recognised.
func TestKillWhileMailIsHandedOver(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "", "postgres": storetest.FreshDatabase(t)} {
		t.Run(name, func(t *testing.T) { killWhileMailIsHandedOver(t, database) })
	}
}

func killWhileMailIsHandedOver(t *testing.T, database string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h := bareHouse(t, database, "DESKBELL_SMTP_LISTEN="+door)
	h.connect(map[string]any{"forwarding": true, "smtp": map[string]any{"host": "127.0.0.1", "port": 25, "security": "none"}}, "2020-01-01T00:00:00Z")
	_, port, _ := net.SplitHostPort(door)
	relay := emailtest.StartRelay(t, "smtp:[127.0.0.1]:"+port)

	// What was being read in two crashes is set aside when it comes again, so the relay gets rid of
	// everything between two kills.
	const atOnce = 60
	total := 0
	for range kills(t) {
		before := total
		for range atOnce {
			total++
			relay.Submit("customer@post.example", []string{shopAddress}, customerMail(total))
		}
		h.until("handing over", func() (int, bool) {
			stored := h.counts()["message"]
			return stored, stored > before+atOnce/4
		})
		h.crash()
		h.until("handing over after a kill", func() (int, bool) {
			stored := h.counts()["message"]
			return stored, stored >= total && relay.Waiting() == 0
		})
	}
	h.exactlyOnce(total, question)
	if strings.Contains(relay.Log(), "status=bounced") {
		t.Error("the relay was told to give a mail up")
	}
}
