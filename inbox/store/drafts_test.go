package store_test

import (
	"slices"
	"testing"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// oneConversation makes a shop with a conversation that has one customer message, and a user.
func oneConversation(t *testing.T, s *store.Store) (c inbox.Conversation, user rbac.UserID) {
	t.Helper()
	ctx := t.Context()
	err := s.InTx(ctx, func(tx *store.Tx) error {
		shop, err := tx.CreateShop(ctx, inbox.Shop{Name: "Lamps", Zone: "UTC", State: inbox.ShopActive})
		if err != nil {
			return err
		}
		connection, err := tx.CreateConnection(ctx, inbox.Connection{Shop: shop, Kind: "email", Name: "Help"})
		if err != nil {
			return err
		}
		contacts, err := tx.Meet(ctx, []store.Meeting{{Shop: shop, Identity: inbox.Identity{Kind: "email", RemoteID: "cora@buyer.example"}}})
		if err != nil {
			return err
		}
		ids, err := tx.Reserve(ctx, "conversations", 1)
		if err != nil {
			return err
		}
		u, err := tx.CreateUser(ctx, rbac.User{Email: "ann@deskbell.example", Name: "Ann", Status: rbac.UserActive}, "")
		if err != nil {
			return err
		}
		user = u.ID
		c = inbox.Conversation{ID: inbox.ConversationID(ids[0]), Shop: shop, Connection: connection, Contact: contacts[0], Kind: inbox.KindMessage,
			State: inbox.Open, LastInID: 5, LastAt: s.Now()}
		return tx.AddConversations(ctx, []*inbox.Conversation{&c})
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, user
}

func TestDrafts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		c, ann := oneConversation(t, s)
		before, err := s.LastSeq(ctx)
		if err != nil {
			t.Fatal(err)
		}
		d := inbox.Draft{Conversation: c.ID, User: ann, Kind: inbox.DraftReply, Text: "Hello", HTML: "<p>Hello</p>",
			Cc: []inbox.Address{{Name: "Dan", Address: "dan@buyer.example"}}}
		write := func(fn func(tx *store.Tx) error) {
			t.Helper()
			if err := s.InTx(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
		write(func(tx *store.Tx) error {
			id, err := tx.AddUpload(ctx, inbox.Attachment{Uploader: ann, Name: "a.txt", Hash: "00"})
			if err != nil {
				return err
			}
			d.Attachments = []inbox.Attachment{{ID: id}, {ID: id + 100}} // the second is gone
			return tx.SaveDraft(ctx, c.Shop, d)
		})
		d.Text = "Hello Cora"
		write(func(tx *store.Tx) error { return tx.SaveDraft(ctx, c.Shop, d) })
		got, err := s.Draft(ctx, ann, c.ID, inbox.DraftReply)
		if err != nil || got.Text != "Hello Cora" || got.HTML != d.HTML || !slices.Equal(got.Cc, d.Cc) || len(got.Attachments) != 1 ||
			got.Attachments[0].Name != "a.txt" || got.UpdatedAt.IsZero() {
			t.Errorf("draft %+v, %v", got, err)
		}
		if _, err := s.Draft(ctx, ann, c.ID, inbox.DraftNote); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("a note's draft: %v", err)
		}
		if c, err := s.Conversation(ctx, rbac.Scope{All: true, User: ann}, c.ID); err != nil || !c.Draft {
			t.Errorf("the list does not show the draft: %v", err)
		}
		for range 2 { // discarding nothing tells nobody
			write(func(tx *store.Tx) error { return tx.DiscardDraft(ctx, c.Shop, ann, c.ID, inbox.DraftReply) })
		}
		events, err := s.EventsAfter(ctx, before, 10)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []inbox.EventKind
		for _, e := range events {
			kinds = append(kinds, e.Kind)
			if e.Actor != ann || !e.Kind.Private() {
				t.Errorf("event %+v is not the author's own", e)
			}
		}
		if want := []inbox.EventKind{inbox.DraftSaved, inbox.DraftSaved, inbox.DraftDiscarded}; !slices.Equal(kinds, want) {
			t.Errorf("events %v, want %v", kinds, want)
		}
	})
}

func TestMarkRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		c, ann := oneConversation(t, s)
		unread := func() bool {
			t.Helper()
			got, err := s.Conversation(ctx, rbac.Scope{All: true, User: ann}, c.ID)
			if err != nil {
				t.Fatal(err)
			}
			return got.Unread
		}
		mark := func(read bool) (events int) {
			t.Helper()
			before, err := s.LastSeq(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.MarkRead(ctx, ann, c, read) }); err != nil {
				t.Fatal(err)
			}
			list, err := s.EventsAfter(ctx, before, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if !unread() {
			t.Error("a new conversation is read")
		}
		if n := mark(true); n != 1 || unread() {
			t.Errorf("after reading: %d events, unread %v", n, unread())
		}
		if n := mark(true); n != 0 {
			t.Errorf("reading again told %d times", n)
		}
		older := c
		older.LastInID = 3 // a slow screen must not take back what was read since
		if err := s.InTx(ctx, func(tx *store.Tx) error { return tx.MarkRead(ctx, ann, older, true) }); err != nil || unread() {
			t.Errorf("an older mark: %v, unread %v", err, unread())
		}
		if n := mark(false); n != 1 || !unread() {
			t.Errorf("after marking unread: %d events, unread %v", n, unread())
		}
	})
}
