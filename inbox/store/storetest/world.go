package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// World is an inbox with shops, each with one mailbox, to put people and conversations into.
type World struct {
	Store       *store.Store
	Shops       []inbox.ShopID
	Connections []inbox.ConnectionID // one of each shop, in the same order

	t testing.TB
	n int // conversations made so far
}

// NewWorld makes a number of active shops.
func NewWorld(t testing.TB, s *store.Store, shops int) *World {
	t.Helper()
	w := &World{Store: s, t: t}
	w.Do(func(tx *store.Tx) error {
		for i := range shops {
			shop, err := tx.CreateShop(t.Context(), inbox.Shop{Name: fmt.Sprintf("Shop %d", i+1), Zone: "UTC", State: inbox.ShopActive})
			if err != nil {
				return err
			}
			connection, err := tx.CreateConnection(t.Context(), inbox.Connection{Shop: shop, Kind: "email",
				Name: fmt.Sprintf("shop%d@desk.example", i+1), Settings: map[string]any{"address": fmt.Sprintf("shop%d@desk.example", i+1)}})
			if err != nil {
				return err
			}
			w.Shops, w.Connections = append(w.Shops, shop), append(w.Connections, connection)
		}
		return nil
	})
	return w
}

// Do runs fn in a transaction that must succeed.
func (w *World) Do(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.Store.InTx(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// Person adds an active user with roles.
func (w *World) Person(name string, grants ...rbac.Grant) rbac.UserID {
	w.t.Helper()
	var user rbac.User
	w.Do(func(tx *store.Tx) error {
		var err error
		user, err = tx.CreateUser(w.t.Context(), rbac.User{Email: name + "@desk.example", Name: name, Language: "en", Zone: "UTC", Status: rbac.UserActive}, "")
		if err != nil {
			return err
		}
		return tx.SetRoles(w.t.Context(), user.ID, grants)
	})
	return user.ID
}

// Agent adds an active user who is agent of shops.
func (w *World) Agent(name string, shops ...inbox.ShopID) rbac.UserID {
	grants := make([]rbac.Grant, len(shops))
	for i, shop := range shops {
		grants[i] = rbac.Grant{Role: rbac.Agent, Shop: shop}
	}
	return w.Person(name, grants...)
}

// began is when the first conversation of a world was received.
var began = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// Conversation adds a conversation of shop i with one message of a customer; change alters it before
// it is kept. Each is a minute newer than the one before.
func (w *World) Conversation(shop int, change func(c *inbox.Conversation, m *inbox.Message)) inbox.Conversation {
	w.t.Helper()
	return w.Conversations(1, func(_ int, c *inbox.Conversation, m *inbox.Message) int {
		if change != nil {
			change(c, m)
		}
		return shop
	})[0]
}

// Conversations adds n conversations at once; change alters each before it is kept and returns the
// place of its shop. Every fifth comes from a customer who wrote before.
func (w *World) Conversations(n int, change func(i int, c *inbox.Conversation, m *inbox.Message) int) []inbox.Conversation {
	w.t.Helper()
	list := make([]inbox.Conversation, n)
	w.Do(func(tx *store.Tx) error {
		ctx := w.t.Context()
		conversations, err := tx.Reserve(ctx, "conversations", n)
		if err != nil {
			return err
		}
		messages, err := tx.Reserve(ctx, "messages", n)
		if err != nil {
			return err
		}
		kept, arrivals, meetings := make([]*inbox.Conversation, n), make([]store.Arrival, n), make([]store.Meeting, n)
		for i := range n {
			number := w.n + i
			customer := number - number%5*(number%5/4)
			at := began.Add(time.Duration(number) * time.Minute)
			address := fmt.Sprintf("customer%d@mail.example", customer)
			c := inbox.Conversation{ID: inbox.ConversationID(conversations[i]), ContactName: fmt.Sprintf("Customer %d", customer), ContactAddress: address,
				Kind: inbox.KindMessage, Subject: fmt.Sprintf("Parcel %d", number), State: inbox.Open, Preview: "Where is my parcel?", PreviewKind: inbox.In,
				Messages: 1, LastInID: inbox.MessageID(messages[i]), LastAt: at, WaitingSince: at, DueAt: at.Add(24 * time.Hour)}
			m := inbox.Message{ID: c.LastInID, Conversation: c.ID, Direction: inbox.In, State: inbox.Received, At: at, Subject: c.Subject,
				From: inbox.Address{Name: c.ContactName, Address: address}, To: []inbox.Address{{Address: "shop@desk.example"}}, Text: "Where is my parcel?\nIt was to be here on Monday.\n"}
			shop := change(i, &c, &m)
			c.Shop, c.Connection = w.Shops[shop], w.Connections[shop]
			m.Shop, m.Connection = c.Shop, c.Connection
			meetings[i] = store.Meeting{Shop: c.Shop, Identity: inbox.Identity{Kind: "email", RemoteID: address, Name: c.ContactName}}
			list[i] = c
			arrivals[i] = store.Arrival{Message: m, Words: []string{"where", "parcel", fmt.Sprintf("n%d", number)}}
		}
		contacts, err := tx.Meet(ctx, meetings)
		if err != nil {
			return err
		}
		for i := range list {
			list[i].Contact = contacts[i]
			kept[i] = &list[i]
		}
		if err := tx.AddConversations(ctx, kept); err != nil {
			return err
		}
		return tx.AddArrivals(ctx, arrivals)
	})
	w.n += n
	return list
}
