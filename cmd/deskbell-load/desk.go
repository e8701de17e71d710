package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/client"
)

// The people of the shop: enough that each holds fewer conversations than the server lets one hold.
const (
	agents     = 12
	agentLimit = 10000
)

// desk is a shop with people who are always on duty and a mailbox.
type desk struct {
	client     *client.Client
	mail       *emailtest.Server
	box        *emailtest.Mailbox
	address    string
	shop       string
	connection string
	delivered  int
}

// openDesk opens a shop on a running server; its mailbox is not connected yet.
func openDesk(ctx context.Context, s *client.Server, mail *emailtest.Server) (*desk, error) {
	d := &desk{client: s.Client(), mail: mail, address: fmt.Sprintf("shop-%d@load.example", time.Now().UnixNano())}
	d.box = mail.AddMailbox(d.address, "secret")
	var made client.Shop
	if err := d.client.Do(ctx, http.MethodPost, "/shops", "", map[string]any{"name": "Load", "zone": "Europe/Rome"}, &made); err != nil {
		return nil, err
	}
	d.shop = made.ID
	var people []string
	for i := range agents {
		id, err := d.hire(ctx, s, fmt.Sprintf("agent%d@load.example", i))
		if err != nil {
			return nil, err
		}
		people = append(people, id)
	}
	err := d.client.Do(ctx, http.MethodPut, "/shops/"+d.shop+"/assignment", "", map[string]any{"primary": people[0], "backups": people[1:],
		"fallback": map[string]any{"kind": "queue"}, "limit": agentLimit}, nil)
	if err != nil {
		return nil, err
	}
	// Replies leave at once: the time to undo is not what is measured.
	return d, d.client.Do(ctx, http.MethodPatch, "/me", "", map[string]any{"settings": map[string]any{"undo_seconds": 0}}, nil)
}

// hire adds an agent who is on duty day and night.
func (d *desk) hire(ctx context.Context, s *client.Server, email string) (id string, err error) {
	if err := s.AddUser(ctx, email, "agent"); err != nil {
		return "", err
	}
	users, err := client.List[client.User](ctx, d.client, "/users")
	if err != nil {
		return "", err
	}
	for _, u := range users {
		if u.Email == email {
			id = u.ID
		}
	}
	return id, d.client.Do(ctx, http.MethodPost, "/shifts", "", map[string]any{"user": id, "zone": "UTC",
		"weekdays": []int{1, 2, 3, 4, 5, 6, 7}, "from": "00:00", "to": "24:00"}, nil)
}

// connect connects the mailbox: what lies in it counts as received now, not as history.
func (d *desk) connect(ctx context.Context) error {
	host, imap := d.mail.IMAP()
	_, smtp := d.mail.SMTP()
	var made client.Connection
	err := d.client.Do(ctx, http.MethodPost, "/connections", "", map[string]any{"shop": d.shop, "kind": "email",
		"live_from": time.Now().AddDate(-1, 0, 0).UTC(),
		"settings": map[string]any{"address": d.address, "imap": map[string]any{"host": host, "port": imap, "security": d.mail.Security()},
			"smtp": map[string]any{"host": host, "port": smtp, "security": d.mail.Security()}},
		"secret": map[string]string{"password": "secret"}}, &made)
	d.connection = made.ID
	return err
}

// set disables the connection or, with "new", lets it begin again.
func (d *desk) set(ctx context.Context, state string) error {
	return d.client.Do(ctx, http.MethodPatch, "/connections/"+d.connection, "", map[string]any{"state": state}, nil)
}

// write puts n mails of different people into the mailbox.
func (d *desk) write(n int) {
	for range n {
		d.delivered++
		d.box.Deliver(letter(d.address, d.delivered), time.Now())
	}
}

// looks is how often the progress of a backlog is asked for: asking costs the server time, too.
const looks = 100 * time.Millisecond

// taken waits until every mail delivered so far is stored as one message.
func (d *desk) taken(ctx context.Context) error {
	for pause := looks; ; pause = min(time.Second, looks+time.Duration(d.delivered)*4*time.Microsecond) {
		var ledger client.Ledger
		if err := d.client.Get(ctx, "/connections/"+d.connection+"/ledger?limit=1", &ledger); err != nil {
			return err
		}
		if ledger.Counts["message"] >= d.delivered {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d mails were delivered, the ledger counts %v: %w", d.delivered, ledger.Counts, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// assigned fails if a conversation has nobody.
func (d *desk) assigned(ctx context.Context) error {
	var queue client.Page[client.Conversation]
	if err := d.client.Get(ctx, "/conversations?view=unassigned&limit=1", &queue); err != nil {
		return err
	}
	if len(queue.Items) > 0 {
		return fmt.Errorf("conversation %s was assigned to nobody", queue.Items[0].ID)
	}
	return nil
}

// vocabulary is what the letters are written with.
var vocabulary = strings.Fields(`parcel order delivery late invoice size return money back please thank you yesterday tomorrow
	shop lamp table chair colour green blue broken corner photo attached address street number question answer Größe Rückgabe
	Rechnung Paket ordine spedizione grazie pacco fattura заказ доставка спасибо посылка возврат`)

// letter is mail number n: plain text of some hundred words, every third with the same in HTML.
func letter(to string, n int) []byte {
	var words strings.Builder
	for i := range 60 + n%90 {
		words.WriteString(vocabulary[(n*31+i*i*7+i)%len(vocabulary)])
		words.WriteByte(" \n"[min(1, max(0, i%12-10))])
	}
	text := strings.ReplaceAll(strings.TrimSpace(words.String()), "\n", "\r\n")
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from mail.example by mx.load.example with ESMTP id %08x; Mon, 5 Jan 2026 10:00:00 +0000\r\n", n)
	fmt.Fprintf(&b, "From: Customer %d <customer%d@post.example>\r\nTo: <%s>\r\n", n, n, to)
	fmt.Fprintf(&b, "Subject: %s %s %d\r\n", vocabulary[n%30], vocabulary[n*7%30], n)
	fmt.Fprintf(&b, "Message-ID: <load-%d-%s>\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n", n, to)
	if n%3 != 0 {
		fmt.Fprintf(&b, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n", text)
		return []byte(b.String())
	}
	const part = "--part\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n"
	b.WriteString("Content-Type: multipart/alternative; boundary=part\r\n\r\n")
	fmt.Fprintf(&b, part, "text/plain", text)
	fmt.Fprintf(&b, part, "text/html", "<div><p>"+strings.ReplaceAll(text, "\r\n", "<br>\r\n")+"</p></div>")
	b.WriteString("--part--\r\n")
	return []byte(b.String())
}
