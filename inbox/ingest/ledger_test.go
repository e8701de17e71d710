package ingest_test

import (
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
)

// at gives an item a place of its own at the source.
func at(item inbox.Incoming, key, folder string, epoch int64, number uint32) inbox.Incoming {
	item.SourceKey, item.Place = key, inbox.Place{Folder: folder, Epoch: epoch, Number: number}
	return item
}

// Everything a connection saw is in the ledger once, with what became of it and why.
func TestLedgerSaysWhatBecameOfEverything(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		question := at(h.mail("ann@buyer.example", "Lamp", "hello?"), "INBOX|1|1", "INBOX", 1, 1)
		old := at(h.mail("bob@buyer.example", "Long ago", "hello"), "INBOX|1|2", "INBOX", 1, 2)
		old.At = time.Now().Add(-48 * time.Hour)
		away := at(h.mail("ann@buyer.example", "Away", "I am away"), "INBOX|1|3", "INBOX", 1, 3)
		away.Automatic = inbox.AutoReply
		answer := at(h.mail("help@lamps.example", "Re: Lamp", "soon"), "Sent|9|1", "Sent", 9, 1)
		answer.Outbound, answer.Identity = true, question.Identity
		broken := inbox.Incoming{SourceKey: "INBOX|1|4", Place: inbox.Place{Folder: "INBOX", Epoch: 1, Number: 4}, At: time.Now(), Raw: []byte("\x00"),
			From: inbox.Address{Address: "Eve@Buyer.example"}, Subject: "Broken", Problem: &inbox.Reason{Code: "mail_unreadable"}}
		h.take(question, old, away, answer, broken)
		h.take(at(question, "INBOX|2|1", "INBOX", 2, 1), at(question, "Archive|5|1", "Archive", 5, 1), at(question, "INBOX|1|9", "INBOX", 1, 9))
		reply := h.mail("help@lamps.example", "Re: Lamp", "our own")
		h.do(func(tx *store.Tx) error { // a reply that was written here, as the outbox keeps it
			_, c := h.message(question)
			ids, err := tx.Reserve(t.Context(), "messages", 1)
			if err != nil {
				return err
			}
			return tx.AddArrivals(t.Context(), []store.Arrival{{Message: inbox.Message{ID: inbox.MessageID(ids[0]), Conversation: c.ID, Shop: h.shop,
				Connection: h.connection, Direction: inbox.Out, State: inbox.Sent, HeaderID: reply.HeaderID, At: time.Now()}}})
		})
		reply.Outbound, reply.Identity = true, question.Identity
		h.take(at(reply, "Sent|9|2", "Sent", 9, 2))

		message, _ := h.message(question)
		for key, want := range map[string]struct {
			state   inbox.LedgerState
			reason  string
			message inbox.MessageID // 0: not compared
		}{
			"INBOX|1|1":   {inbox.LedgerMessage, "", message.ID},
			"INBOX|1|2":   {inbox.LedgerMessage, inbox.ReasonHistory, 0},
			"INBOX|1|3":   {inbox.LedgerAutomatic, "automatic_reply", 0},
			"INBOX|1|4":   {inbox.LedgerSetAside, "mail_unreadable", 0},
			"Sent|9|1":    {inbox.LedgerMessage, inbox.ReasonSentElsewhere, 0},
			"Sent|9|2":    {inbox.LedgerIgnored, inbox.ReasonOwnCopy, 0},
			"INBOX|2|1":   {inbox.LedgerSame, inbox.ReasonRenumbered, message.ID},
			"Archive|5|1": {inbox.LedgerSame, inbox.ReasonMoved, message.ID},
			"INBOX|1|9":   {inbox.LedgerSame, inbox.ReasonCopied, message.ID},
		} {
			found, err := h.store.LedgerByKeys(t.Context(), h.connection, []string{key})
			if err != nil {
				t.Fatal(err)
			}
			got, reason := found[key], ""
			if got.Reason != nil {
				reason = got.Reason.Code
			}
			if got.State != want.state || reason != want.reason || want.message != 0 && got.Message != want.message {
				t.Errorf("%s is %s for %q, message %s; want %s for %q, message %s", key, got.State, reason, got.Message, want.state, want.reason, want.message)
			}
		}
		sum := 0
		for _, n := range h.counts() {
			sum += n
		}
		if sum != 9 {
			t.Errorf("the counts %v add up to %d, want 9", h.counts(), sum)
		}
		connection, err := h.store.Connection(t.Context(), h.connection)
		if err != nil || !connection.LastInAt.Equal(broken.At.UTC().Truncate(time.Microsecond)) {
			t.Errorf("last received at %v, %v; want the time of the newest thing from outside, %v", connection.LastInAt, err, broken.At)
		}
	})
}

func TestLedgerIsFound(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first := at(h.mail("ann@buyer.example", "Возврат лампы", "1"), "INBOX|1|1", "INBOX", 1, 1)
		second := at(h.mail("bob@buyer.example", "100% broken_lamp", "2"), "Other|1|1", "Other", 1, 1)
		first.At = time.Now().Add(-time.Hour)
		h.take(first, second)
		other := "Other"
		for name, tt := range map[string]struct {
			filter store.LedgerFilter
			want   []string
		}{
			"all":              {store.LedgerFilter{}, []string{"Other|1|1", "INBOX|1|1"}},
			"folder":           {store.LedgerFilter{Folder: &other}, []string{"Other|1|1"}},
			"state":            {store.LedgerFilter{State: inbox.LedgerIgnored}, nil},
			"until":            {store.LedgerFilter{Until: time.Now().Add(-30 * time.Minute)}, []string{"INBOX|1|1"}},
			"since":            {store.LedgerFilter{Since: time.Now().Add(-30 * time.Minute)}, []string{"Other|1|1"}},
			"sender":           {store.LedgerFilter{Text: "Ann@buyer.example"}, []string{"INBOX|1|1"}},
			"part of a sender": {store.LedgerFilter{Text: "bob"}, []string{"Other|1|1"}},
			"Message-ID":       {store.LedgerFilter{Text: "<" + second.HeaderID + ">"}, []string{"Other|1|1"}},
			"subject, folded":  {store.LedgerFilter{Text: "возврат"}, []string{"INBOX|1|1"}},
			"signs of LIKE":    {store.LedgerFilter{Text: "0% broken_"}, []string{"Other|1|1"}},
			"no sign of LIKE":  {store.LedgerFilter{Text: "0%_broken"}, nil},
		} {
			tt.filter.Connection = h.connection
			list, err := h.store.Ledger(t.Context(), tt.filter, store.Place{}, 10)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, e := range list {
				keys = append(keys, e.SourceKey)
			}
			if len(keys) != len(tt.want) || len(keys) > 0 && keys[0] != tt.want[0] {
				t.Errorf("%s: %v, want %v", name, keys, tt.want)
			}
		}
		page, err := h.store.Ledger(t.Context(), store.LedgerFilter{Connection: h.connection}, store.Place{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		rest, err := h.store.Ledger(t.Context(), store.LedgerFilter{Connection: h.connection}, store.LedgerPlace(page[0]), 10)
		if err != nil || len(rest) != 1 || rest[0].SourceKey != "INBOX|1|1" {
			t.Errorf("the second page: %v, %v", rest, err)
		}
	})
}
