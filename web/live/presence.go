package live

import (
	"context"
	"encoding/json"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// presenceLasts is after how long without a word somebody is gone.
const presenceLasts = 15 * time.Second

// sighting is what nodes tell each other about somebody who looks at a conversation.
type sighting struct {
	User         rbac.UserID          `json:"user"`
	Conversation inbox.ConversationID `json:"conversation"`
	State        string               `json:"state"`
}

// The states of a sighting.
const (
	viewing = "viewing"
	typing  = "typing"
	gone    = "gone"
)

type seat struct {
	conversation inbox.ConversationID
	user         rbac.UserID
}

// presence is who looks at what, on all nodes. The hub's goroutine alone touches it.
type presence struct{ seen map[seat]seen }

type seen struct {
	state string
	at    time.Time
}

func newPresence() *presence { return &presence{seen: map[seat]seen{}} }

// present takes a client's word about where he looks.
func (c *client) present(ctx context.Context, m message) error {
	var id inbox.ConversationID
	if m.Conversation != "" {
		if err := id.UnmarshalText([]byte(m.Conversation)); err != nil {
			return inbox.InvalidField("body.conversation", "this is not an id")
		}
		if _, err := c.hub.Store.ConversationShop(ctx, c.hub.scope(c.user), id); err != nil {
			return err
		}
	}
	if m.Op == "typing" {
		if id == 0 {
			return inbox.InvalidField("body.conversation", "where?")
		}
		c.hub.share(sighting{c.user, id, typing})
		return nil
	}
	c.view(id)
	return nil
}

// view notes which conversation a client looks at, 0 for none, and tells the others.
func (c *client) view(id inbox.ConversationID) {
	c.mu.Lock()
	before := c.viewing
	c.viewing = id
	c.mu.Unlock()
	if before != 0 && before != id {
		c.hub.share(sighting{c.user, before, gone})
	}
	if id != 0 {
		c.hub.share(sighting{c.user, id, viewing})
	}
}

func (c *client) looksAt() inbox.ConversationID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.viewing
}

// share tells every node. It may be lost: the next word replaces it.
func (h *Hub) share(s sighting) {
	text, err := json.Marshal(s)
	if err == nil {
		err = h.Bus.Share(text)
	}
	if err != nil {
		h.Log.Warn("presence was not shared", "error", err)
	}
}

// hear takes a word from the bus: it tells those who look at the same conversation, and whoever just
// came there learns who is there already.
func (h *Hub) hear(text []byte) {
	var s sighting
	if err := json.Unmarshal(text, &s); err != nil || s.Conversation == 0 || s.User == 0 {
		h.Log.Warn("a word about presence was not understood", "error", err)
		return
	}
	at := seat{s.Conversation, s.User}
	before, known := h.presence.seen[at]
	if s.State == gone {
		delete(h.presence.seen, at)
	} else {
		h.presence.seen[at] = seen{s.State, time.Now()}
	}
	if s.State == viewing && !known {
		h.introduce(s)
	}
	if s.State != before.state || s.State == typing {
		h.tell(s)
	}
}

// tell hands a sighting to those who look at the conversation and may.
func (h *Hub) tell(s sighting) {
	data := presenceFrame(s)
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		if c.user != s.User && c.looksAt() == s.Conversation {
			c.queue.push(queued{data: data}) // or not: it may be lost
		}
	}
}

// introduce tells a newcomer who is there.
func (h *Hub) introduce(s sighting) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for at, there := range h.presence.seen {
		if at.conversation != s.Conversation || at.user == s.User {
			continue
		}
		data := presenceFrame(sighting{at.user, at.conversation, there.state})
		for c := range h.clients {
			if c.user == s.User && c.looksAt() == s.Conversation {
				c.queue.push(queued{data: data})
			}
		}
	}
}

func presenceFrame(s sighting) []byte {
	return []byte(`{"kind":"presence","conversation":` + idOrNull(s.Conversation) + `,"user":` + idOrNull(s.User) + `,"state":"` + s.State + `"}`)
}

// fade forgets those of whom no word came.
func (h *Hub) fade() {
	now := time.Now()
	for at, there := range h.presence.seen {
		if now.Sub(there.at) > presenceLasts {
			delete(h.presence.seen, at)
			h.tell(sighting{at.user, at.conversation, gone})
		}
	}
}

// renew says again where a client looks, if he may still see that.
func (c *client) renew(ctx context.Context) {
	id := c.looksAt()
	if id == 0 {
		return
	}
	_, err := c.hub.Store.ConversationShop(ctx, c.hub.scope(c.user), id)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.viewing != id: // he went on meanwhile, and said so
	case err == nil:
		c.hub.share(sighting{c.user, id, viewing})
	case inbox.CodeOf(err) == inbox.NotFound:
		c.viewing = 0
		c.hub.share(sighting{c.user, id, gone})
	}
}
