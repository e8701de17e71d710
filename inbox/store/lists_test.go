package store_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

// listWorld is a world of conversations in every state, with what is known of them in memory.
type listWorld struct {
	*storetest.World
	ann, bob rbac.UserID
	tags     []inbox.TagID
	all      []inbox.Conversation
	mention  map[inbox.ConversationID]bool // of ann
	draft    map[inbox.ConversationID]bool // of ann
	sent     map[inbox.ConversationID]time.Time
	read     map[inbox.ConversationID]bool // by ann
}

const listed = 100

func newListWorld(t *testing.T, s *store.Store) *listWorld {
	t.Helper()
	w := &listWorld{World: storetest.NewWorld(t, s, 4), mention: map[inbox.ConversationID]bool{}, draft: map[inbox.ConversationID]bool{},
		sent: map[inbox.ConversationID]time.Time{}, read: map[inbox.ConversationID]bool{}}
	w.ann, w.bob = w.Agent("ann", w.Shops[0]), w.Agent("bob", w.Shops[0])
	ctx, r := t.Context(), rand.New(rand.NewPCG(7, 7))
	w.Do(func(tx *store.Tx) error {
		for _, name := range []string{"Refund", "Parcel"} {
			tag, err := tx.CreateTag(ctx, w.ann, inbox.Tag{Name: name, Color: "red"})
			if err != nil {
				return err
			}
			w.tags = append(w.tags, tag.ID)
		}
		return nil
	})
	w.all = w.Conversations(listed, func(i int, c *inbox.Conversation, m *inbox.Message) int {
		c.Assignee = []inbox.UserID{0, w.ann, w.bob}[r.IntN(3)]
		state := []inbox.ConversationState{inbox.Open, inbox.Open, inbox.Pending, inbox.Snoozed, inbox.Closed}[r.IntN(5)]
		c.SetState(state, c.LastAt.Add(time.Hour), inbox.ClosedDone)
		if state == inbox.Pending {
			c.StopClock()
		}
		c.HasAttachments = r.IntN(4) == 0
		c.LastAt = c.LastAt.Truncate(5 * time.Minute) // so that several are equal
		return r.IntN(4)
	})
	for i := range w.all {
		c := &w.all[i]
		w.Do(func(tx *store.Tx) error {
			for _, tag := range w.tags {
				if r.IntN(3) == 0 {
					c.Tags = append(c.Tags, tag)
					if _, err := tx.ApplyTag(ctx, c.ID, tag, w.ann); err != nil {
						return err
					}
				}
			}
			if r.IntN(4) == 0 {
				w.mention[c.ID] = true
				if err := tx.Exec(ctx, "INSERT INTO mentions (user_id, conversation_id, message_id) VALUES (?, ?, ?)", w.ann, c.ID, c.LastInID); err != nil {
					return err
				}
			}
			if r.IntN(4) == 0 {
				w.draft[c.ID] = true
				if err := tx.Exec(ctx, "INSERT INTO drafts (conversation_id, user_id, kind, content, updated_at) VALUES (?, ?, 'reply', '{}', 1)", c.ID, w.ann); err != nil {
					return err
				}
			}
			if r.IntN(3) == 0 {
				w.read[c.ID] = true
				if err := tx.Exec(ctx, "INSERT INTO reads (user_id, conversation_id, message_id) VALUES (?, ?, ?)", w.ann, c.ID, c.LastInID); err != nil {
					return err
				}
			}
			for range r.IntN(3) {
				at := c.LastAt.Add(time.Duration(r.IntN(10)) * time.Minute)
				author := []rbac.UserID{w.ann, w.bob}[r.IntN(2)]
				state := []inbox.MessageState{inbox.Sent, inbox.Sent, inbox.Withdrawn}[r.IntN(3)]
				if author == w.ann && state == inbox.Sent && at.After(w.sent[c.ID]) {
					w.sent[c.ID] = at
				}
				if _, err := tx.AddMessage(ctx, inbox.Message{Conversation: c.ID, Shop: c.Shop, Connection: c.Connection, Direction: inbox.Out,
					State: state, Author: author, Text: "Soon.", At: at}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return w
}

// holds says what ListConversations should show, from memory.
func (w *listWorld) holds(scope rbac.Scope, f store.ConversationFilter, c inbox.Conversation) bool {
	if !scope.Sees(c.Shop, c.Assignee) || f.Shop != 0 && c.Shop != f.Shop || f.Assignee != nil && c.Assignee != *f.Assignee ||
		f.Files && !c.HasAttachments || f.Customer != "" && !strings.Contains(strings.ToLower(c.ContactName), f.Customer) {
		return false
	}
	for _, tag := range f.Tags {
		if !slices.Contains(c.Tags, tag) {
			return false
		}
	}
	inState := c.Active()
	switch f.View {
	case store.ViewMine:
		if c.Assignee != scope.User {
			return false
		}
	case store.ViewUnassigned:
		inState = c.State == inbox.Open
		if c.Assignee != 0 {
			return false
		}
	case store.ViewMentions:
		if !w.mention[c.ID] {
			return false
		}
	case store.ViewSnoozed:
		inState = c.State == inbox.Snoozed
	case store.ViewClosed:
		inState = c.State == inbox.Closed
	case store.ViewDrafts:
		inState = true
		if !w.draft[c.ID] {
			return false
		}
	case store.ViewSent:
		inState = true
		if w.sent[c.ID].IsZero() {
			return false
		}
	}
	if len(f.States) > 0 {
		inState = slices.Contains(f.States, c.State)
	}
	return inState || f.AnyState
}

func (w *listWorld) want(scope rbac.Scope, f store.ConversationFilter, sort store.Sort) []inbox.ConversationID {
	var list []inbox.Conversation
	onlyActive := true
	for _, c := range w.all {
		if w.holds(scope, f, c) {
			list = append(list, c)
		}
	}
	switch {
	case f.AnyState, len(f.States) > 0 && slices.ContainsFunc(f.States, func(s inbox.ConversationState) bool { return s != inbox.Open && s != inbox.Pending }):
		onlyActive = false
	case len(f.States) == 0 && slices.Contains([]store.View{store.ViewSnoozed, store.ViewDrafts, store.ViewSent, store.ViewClosed}, f.View):
		onlyActive = false
	}
	newest := func(a, b inbox.Conversation) int { return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(b.ID, a.ID)) }
	first := func(a, b inbox.Conversation, of func(inbox.Conversation) time.Time) int {
		x, y := of(a), of(b)
		switch {
		case x.IsZero() && y.IsZero():
			return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(a.ID, b.ID))
		case x.IsZero():
			return 1
		case y.IsZero():
			return -1
		}
		return cmp.Or(x.Compare(y), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(list, func(a, b inbox.Conversation) int {
		switch {
		case f.View == store.ViewSent:
			return w.sent[b.ID].Compare(w.sent[a.ID])
		case sort == store.SortOldest:
			return cmp.Or(a.LastAt.Compare(b.LastAt), cmp.Compare(a.ID, b.ID))
		case sort == store.SortNewest || !onlyActive:
			return newest(a, b)
		case sort == store.SortWaiting:
			return first(a, b, func(c inbox.Conversation) time.Time { return c.WaitingSince })
		}
		return first(a, b, func(c inbox.Conversation) time.Time { return c.DueAt })
	})
	ids := make([]inbox.ConversationID, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	return ids
}

func scopesOf(w *listWorld) map[string]rbac.Scope {
	return map[string]rbac.Scope{
		"all":           {All: true, User: w.ann},
		"two shops":     {Shops: w.Shops[:2], User: w.ann},
		"assigned only": {Shops: w.Shops[:1], AssignedOnly: w.Shops[1:3], MayTake: w.Shops[2:3], User: w.ann},
		"nothing":       {User: w.ann},
	}
}

var views = []store.View{"", store.ViewMine, store.ViewUnassigned, store.ViewMentions, store.ViewSnoozed, store.ViewDrafts, store.ViewSent, store.ViewClosed, store.ViewAll}

func filtersOf(w *listWorld) []store.ConversationFilter {
	nobody, bob := inbox.UserID(0), w.bob
	var list []store.ConversationFilter
	for _, view := range views {
		list = append(list, store.ConversationFilter{View: view}, store.ConversationFilter{View: view, Shop: w.Shops[1]})
	}
	return append(list, store.ConversationFilter{AnyState: true}, store.ConversationFilter{States: []inbox.ConversationState{inbox.Closed, inbox.Open}},
		store.ConversationFilter{Assignee: &nobody}, store.ConversationFilter{Assignee: &bob, AnyState: true}, store.ConversationFilter{Tags: w.tags},
		store.ConversationFilter{Tags: w.tags[:1], Shop: w.Shops[0]}, store.ConversationFilter{Files: true}, store.ConversationFilter{Customer: "customer 1"},
		store.ConversationFilter{Shop: w.Shops[3], AnyState: true}, store.ConversationFilter{View: store.ViewSnoozed, AnyState: true},
		store.ConversationFilter{View: store.ViewSnoozed, States: []inbox.ConversationState{inbox.Open}}, store.ConversationFilter{View: store.ViewMine, Shop: w.Shops[2], Tags: w.tags[1:]})
}

func pages(t *testing.T, s *store.Store, scope rbac.Scope, f store.ConversationFilter, sort store.Sort, limit int) []inbox.Conversation {
	t.Helper()
	var list []inbox.Conversation
	for after := (*store.Place)(nil); ; {
		page, err := s.ListConversations(t.Context(), scope, f, sort, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, page.Items...)
		if after = page.Next; after == nil {
			return list
		}
		if len(page.Items) != limit {
			t.Fatalf("a page of %d items has a next one", len(page.Items))
		}
	}
}

func TestListsShowWhatTheyShould(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newListWorld(t, s)
		for name, scope := range scopesOf(w) {
			for _, f := range filtersOf(w) {
				for _, sort := range []store.Sort{store.SortDue, store.SortNewest, store.SortOldest, store.SortWaiting} {
					got := pages(t, s, scope, f, sort, 7)
					ids := make([]inbox.ConversationID, len(got))
					for i, c := range got {
						ids[i] = c.ID
					}
					want := w.want(scope, f, sort)
					if f.View == store.ViewSent { // equal times stand in the order of the messages
						slices.SortStableFunc(ids, func(a, b inbox.ConversationID) int { return w.sent[b].Compare(w.sent[a]) })
						if !sameTimes(w, ids, want) {
							t.Errorf("%s %+v: got %v, want %v", name, f, ids, want)
						}
						continue
					}
					if !slices.Equal(ids, want) {
						t.Errorf("%s %+v %s: got %v, want %v", name, f, sort, ids, want)
					}
				}
			}
		}
		for _, c := range pages(t, s, rbac.Scope{All: true, User: w.ann}, store.ConversationFilter{AnyState: true}, store.SortNewest, 50) {
			if c.Unread == w.read[c.ID] || c.Draft != w.draft[c.ID] {
				t.Errorf("conversation %s: unread %v, draft %v, want %v, %v", c.ID, c.Unread, c.Draft, !w.read[c.ID], w.draft[c.ID])
			}
		}
	})
}

func sameTimes(w *listWorld, got, want []inbox.ConversationID) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if !w.sent[got[i]].Equal(w.sent[want[i]]) || !slices.Contains(want, got[i]) {
			return false
		}
	}
	return true
}

func TestCountsAgreeWithLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newListWorld(t, s)
		for name, scope := range scopesOf(w) {
			counts, err := s.CountConversations(t.Context(), scope)
			if err != nil {
				t.Fatal(err)
			}
			count := func(f store.ConversationFilter) (n store.Count) {
				for _, id := range w.want(scope, f, store.SortDue) {
					n.Total++
					if !w.read[id] {
						n.Unread++
					}
				}
				return n
			}
			for view, got := range counts.Views {
				want := count(store.ConversationFilter{View: view})
				if view == store.ViewClosed {
					want = store.Count{}
				}
				if got != want {
					t.Errorf("%s, view %s: %+v, want %+v", name, view, got, want)
				}
			}
			if len(counts.Views) != 7 {
				t.Errorf("%s: views %v, want seven", name, counts.Views)
			}
			for i, shop := range w.Shops {
				got, shown := counts.Shops[shop]
				if want := count(store.ConversationFilter{Shop: shop}); got != want || shown != scope.SeesShop(shop) {
					t.Errorf("%s, shop %d: %+v, want %+v", name, i, got, want)
				}
			}
		}
	})
}

// Whoever pages through a list while it changes sees nothing twice and misses nothing that stayed.
func TestPagesAreStableWhileRowsChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := storetest.NewWorld(t, s, 1)
		reader := w.Agent("ann", w.Shops[0])
		scope := rbac.Scope{Shops: w.Shops, User: reader}
		all := w.Conversations(40, func(int, *inbox.Conversation, *inbox.Message) int { return 0 })
		seen := map[inbox.ConversationID]int{}
		closed := map[inbox.ConversationID]bool{}
		for after, round := (*store.Place)(nil), 0; ; round++ {
			page, err := s.ListConversations(t.Context(), scope, store.ConversationFilter{}, store.SortDue, after, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Items {
				seen[c.ID]++
			}
			if after = page.Next; after == nil {
				break
			}
			w.Conversation(0, func(c *inbox.Conversation, _ *inbox.Message) { c.DueAt = c.DueAt.Add(-48 * time.Hour) })
			for _, id := range []inbox.ConversationID{all[round].ID, all[39-round].ID} {
				closed[id] = true
				w.Do(func(tx *store.Tx) error {
					c, err := tx.LockConversation(t.Context(), scope, id)
					if err != nil {
						return err
					}
					c.SetState(inbox.Closed, time.Time{}, inbox.ClosedDone)
					return tx.SaveConversation(t.Context(), &c)
				})
			}
		}
		for _, c := range all {
			if seen[c.ID] > 1 || seen[c.ID] == 0 && !closed[c.ID] {
				t.Errorf("conversation %s was seen %d times", c.ID, seen[c.ID])
			}
		}
	})
}

var scan = regexp.MustCompile(`^SCAN (c|conversations|m|messages|message_words|n|h)( |$)`)

// Every list and count finds its rows by an index, however large the tables are.
func TestNoListReadsAWholeTable(t *testing.T) {
	s := storetest.SQLite(t)
	w := newListWorld(t, s)
	for name, scope := range scopesOf(w) {
		if scope.Empty() {
			continue
		}
		for _, f := range append(filtersOf(w), store.ConversationFilter{Words: []string{"parcel"}}, store.ConversationFilter{Contact: w.all[0].Contact, AnyState: true}) {
			for _, sort := range []store.Sort{store.SortDue, store.SortNewest, store.SortOldest, store.SortWaiting} {
				queries := []string{s.ListSQL(scope, f, sort, nil), s.ListSQL(scope, f, sort, &store.Place{Key: 5, ID: 5})}
				if f.View != "" && f.View != store.ViewSent && f.View != store.ViewClosed && !f.AnyState && len(f.States) == 0 { // the others have no number
					queries = append(queries, s.CountSQL(scope, f))
				}
				for _, query := range queries {
					steps, err := s.Plan(t.Context(), query)
					if err != nil {
						t.Fatalf("%s: %v", query, err)
					}
					for _, step := range steps {
						if scan.MatchString(step) && !strings.Contains(step, "USING") && !strings.Contains(step, "VIRTUAL TABLE INDEX") {
							t.Errorf("%s %+v %s:\n%s\n%s", name, f, sort, query, strings.Join(steps, "\n"))
						}
					}
				}
			}
		}
	}
}

func TestSearchWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := storetest.NewWorld(t, s, 3)
		ann := w.Agent("ann", w.Shops[0])
		w.Conversations(30, func(i int, _ *inbox.Conversation, _ *inbox.Message) int { return i % 3 })
		find := func(scope rbac.Scope, f store.ConversationFilter) int {
			f.AnyState = true
			return len(pages(t, s, scope, f, store.SortNewest, 4))
		}
		everywhere, first := rbac.Scope{All: true, User: ann}, rbac.Scope{Shops: w.Shops[:1], User: ann}
		for name, tt := range map[string]struct {
			scope rbac.Scope
			f     store.ConversationFilter
			want  int
		}{
			"common, everywhere":      {everywhere, store.ConversationFilter{Words: []string{"parcel"}}, 30},
			"common, one shop":        {first, store.ConversationFilter{Words: []string{"parcel"}}, 10},
			"common, filter by shop":  {everywhere, store.ConversationFilter{Words: []string{"parcel"}, Shop: w.Shops[2]}, 10},
			"two words":               {everywhere, store.ConversationFilter{Words: []string{"parcel", "n7"}}, 1},
			"rare, foreign shop":      {first, store.ConversationFilter{Words: []string{"n7"}}, 0},
			"rare, own shop":          {first, store.ConversationFilter{Words: []string{"n6"}}, 1},
			"none":                    {everywhere, store.ConversationFilter{Words: []string{"unicorn"}}, 0},
			"an operator":             {everywhere, store.ConversationFilter{Words: []string{`" OR parcel`, "'& x"}}, 0},
			"the word of a shop":      {first, store.ConversationFilter{Words: []string{store.ShopWord(w.Shops[1])}}, 0},
			"a word and the customer": {everywhere, store.ConversationFilter{Words: []string{"parcel"}, Customer: "customer 7"}, 1},
		} {
			if got := find(tt.scope, tt.f); got != tt.want {
				t.Errorf("%s: %d found, want %d", name, got, tt.want)
			}
		}
	})
}

func TestContactsByScope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := storetest.NewWorld(t, s, 2)
		ann := w.Agent("ann", w.Shops[0])
		all := w.Conversations(10, func(i int, c *inbox.Conversation, _ *inbox.Message) int {
			if i == 9 {
				c.Assignee = ann // of customer 5, in shop 1
			}
			return i % 2
		})
		names := func(scope rbac.Scope, part string) string {
			var list []string
			for before := inbox.ContactID(0); ; {
				page, err := s.ListContacts(t.Context(), scope, part, before, 2)
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range page {
					if i < 2 {
						list = append(list, fmt.Sprintf("%s/%d/%d", c.Name, len(c.Identities), c.Conversations))
						before = c.ID
					}
				}
				if len(page) < 3 {
					return strings.Join(list, " ")
				}
			}
		}
		for name, tt := range map[string]struct {
			scope rbac.Scope
			part  string
			want  string
		}{
			"everywhere": {rbac.Scope{All: true}, "customer 5", "Customer 5/1/2"},
			"one shop":   {rbac.Scope{Shops: w.Shops[:1]}, "", "Customer 8/1/1 Customer 6/1/1 Customer 2/1/1 Customer 0/1/2"},
			"by address": {rbac.Scope{Shops: w.Shops[:1]}, "customer2@", "Customer 2/1/1"},
			"by percent": {rbac.Scope{Shops: w.Shops[:1]}, "%", ""},
			"assigned":   {rbac.Scope{AssignedOnly: w.Shops, User: ann}, "", "Customer 5/1/1"},
			"nothing":    {rbac.Scope{}, "", ""},
		} {
			if got := names(tt.scope, tt.part); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
		if _, err := s.Contact(t.Context(), rbac.Scope{Shops: w.Shops[:1]}, all[1].Contact); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("a contact of another shop: %v, want NotFound", err)
		}
	})
}

func TestTags(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newListWorld(t, s)
		ctx := t.Context()
		refused(t, s, inbox.Conflict, func(tx *store.Tx) error {
			_, err := tx.CreateTag(ctx, w.ann, inbox.Tag{Name: " rEFUND ", Color: "red"})
			return err
		})
		one, two, both := 0, 0, 0
		for _, c := range w.all {
			has := func(i int) bool { return slices.Contains(c.Tags, w.tags[i]) }
			one, two = one+count(has(0)), two+count(has(1))
			both += count(has(0) || has(1))
		}
		tags, err := s.Tags(ctx, rbac.Scope{All: true}, false)
		if err != nil || len(tags) != 2 || tags[0].Name != "Parcel" || tags[0].Uses != two || tags[1].Uses != one {
			t.Fatalf("tags = %+v, %v; want %d and %d uses", tags, err, two, one)
		}
		w.Do(func(tx *store.Tx) error { return tx.MergeTags(ctx, w.ann, tags[1], tags[0]) })
		tags, err = s.Tags(ctx, rbac.Scope{All: true}, true)
		if err != nil || len(tags) != 1 || tags[0].Uses != both {
			t.Errorf("after merging: %+v, %v; want one with %d uses", tags, err, both)
		}
	})
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The narrow lists are found by what makes them narrow, not by walking through everything a shop has.
func TestNarrowListsReadLittle(t *testing.T) {
	s := storetest.SQLite(t)
	w := newListWorld(t, s)
	agent := rbac.Scope{Shops: w.Shops[:1], User: w.ann}
	all := rbac.Scope{All: true, User: w.ann}
	for _, tt := range []struct {
		f     store.ConversationFilter
		index string // by which conversations are found
	}{
		{store.ConversationFilter{View: store.ViewMine}, "INDEX conversations_assignee_"},
		{store.ConversationFilter{View: store.ViewMine, Shop: w.Shops[0]}, "INDEX conversations_assignee_"},
		{store.ConversationFilter{Assignee: &w.bob}, "INDEX conversations_assignee_"},
		{store.ConversationFilter{View: store.ViewMentions}, "INTEGER PRIMARY KEY"},
		{store.ConversationFilter{View: store.ViewDrafts}, "INTEGER PRIMARY KEY"},
		{store.ConversationFilter{View: store.ViewSnoozed}, "INTEGER PRIMARY KEY"},
		{store.ConversationFilter{Tags: w.tags[:1]}, "INTEGER PRIMARY KEY"},
		{store.ConversationFilter{Words: []string{"parcel"}}, "INTEGER PRIMARY KEY"},
	} {
		for _, scope := range []rbac.Scope{agent, all} {
			for _, sort := range []store.Sort{store.SortDue, store.SortNewest, store.SortOldest, store.SortWaiting} {
				for _, query := range []string{s.ListSQL(scope, tt.f, sort, nil), s.CountSQL(scope, tt.f)} {
					steps, err := s.Plan(t.Context(), query)
					if err != nil {
						t.Fatalf("%s: %v", query, err)
					}
					if !slices.ContainsFunc(steps, func(step string) bool {
						return strings.HasPrefix(step, "SEARCH c USING ") && strings.Contains(step, tt.index)
					}) {
						t.Errorf("%+v %s is not found by %s:\n%s\n%s", tt.f, sort, tt.index, query, strings.Join(steps, "\n"))
					}
				}
			}
		}
	}
	for name, query := range map[string]string{
		"conversations_queue":     s.ListSQL(agent, store.ConversationFilter{View: store.ViewUnassigned}, store.SortDue, nil),
		"conversations_shop_last": s.ListSQL(agent, store.ConversationFilter{View: store.ViewAll}, store.SortNewest, nil),
		"conversations_shop_due":  s.ListSQL(agent, store.ConversationFilter{View: store.ViewAll}, store.SortWaiting, nil),
	} {
		steps, err := s.Plan(t.Context(), query)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if !slices.ContainsFunc(steps, func(step string) bool {
			return strings.HasPrefix(step, "SEARCH c USING ") && strings.Contains(step, "INDEX "+name+" ")
		}) {
			t.Errorf("%s\n%s\nwant %s", query, strings.Join(steps, "\n"), name)
		}
	}
}
