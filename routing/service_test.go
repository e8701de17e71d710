package routing_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing"
)

// company is a store with people, shops and a clock that stands where the test puts it.
type company struct {
	t       testing.TB
	store   *store.Store
	rights  *rbac.Enforcer
	service *routing.Service

	mu          sync.Mutex
	now         time.Time
	connections map[inbox.ShopID]inbox.ConnectionID
	contact     inbox.ContactID
	names       int
}

func newCompany(t testing.TB, s *store.Store) *company {
	t.Helper()
	c := &company{t: t, store: s, now: noon, connections: map[inbox.ShopID]inbox.ConnectionID{}}
	var err error
	if c.rights, err = rbac.NewEnforcer(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	c.service = c.newService()
	return c
}

// newService is another node on the same database.
func (c *company) newService() *routing.Service {
	return routing.New(routing.Options{Store: c.store, Rights: c.rights, Now: c.clock, Pause: time.Millisecond})
}

func (c *company) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *company) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func (c *company) ctx() context.Context { return c.t.Context() }

func (c *company) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) do(fn func(tx *store.Tx) error) {
	c.t.Helper()
	c.must(c.store.InTx(c.ctx(), fn))
	c.must(c.rights.Reload(c.ctx()))
}

func (c *company) user() inbox.UserID {
	c.t.Helper()
	c.names++
	var u rbac.User
	c.do(func(tx *store.Tx) (err error) {
		name := fmt.Sprintf("Person %d", c.names)
		u, err = tx.CreateUser(c.ctx(), rbac.User{Email: fmt.Sprintf("p%d@people.example", c.names), Name: name, Status: rbac.UserActive}, "")
		return err
	})
	return u.ID
}

// shop makes an active shop with these members, the first of them its primary.
func (c *company) shop(change func(*inbox.Shop), members ...inbox.UserID) inbox.ShopID {
	c.t.Helper()
	c.names++
	s := inbox.Shop{Name: fmt.Sprintf("Shop %d", c.names), Zone: "UTC", State: inbox.ShopActive, AgentLimit: 3}
	if change != nil {
		change(&s)
	}
	c.do(func(tx *store.Tx) (err error) {
		if s.ID, err = tx.CreateShop(c.ctx(), s); err != nil {
			return err
		}
		c.connections[s.ID], err = tx.CreateConnection(c.ctx(), inbox.Connection{Shop: s.ID, Kind: "email", Name: s.Name, Settings: map[string]any{}})
		if err != nil {
			return err
		}
		contacts, err := tx.Meet(c.ctx(), []store.Meeting{{Shop: s.ID, Identity: inbox.Identity{Kind: "email", RemoteID: "ann@buyer.example", Name: "Ann"}}})
		if err != nil {
			return err
		}
		c.contact = contacts[0]
		return tx.SetMembers(c.ctx(), s.ID, memberships(members))
	})
	return s.ID
}

func memberships(users []inbox.UserID) []inbox.Member {
	var list []inbox.Member
	for _, u := range users {
		list = append(list, inbox.Member{User: u, Sees: inbox.SeesShop, MayTake: true, Receives: true})
	}
	return list
}

func (c *company) shift(user inbox.UserID, from, to int) inbox.ShiftID {
	c.t.Helper()
	var id inbox.ShiftID
	c.do(func(tx *store.Tx) (err error) {
		id, err = tx.CreateShift(c.ctx(), 0, inbox.Shift{User: user, Zone: "UTC", Weekdays: []int{1, 2, 3, 4, 5, 6, 7}, From: from * 60, To: to * 60})
		return err
	})
	return id
}

func (c *company) presence(user inbox.UserID, state inbox.PresenceState) {
	c.t.Helper()
	c.do(func(tx *store.Tx) error {
		_, err := tx.SetPresence(c.ctx(), user, inbox.Presence{User: user, State: state})
		return err
	})
}

// arrive lets a customer begin n conversations in a shop, due so long from now, as ingest would.
func (c *company) arrive(service *routing.Service, shop inbox.ShopID, n int, due time.Duration) ([]*inbox.Conversation, error) {
	var list []*inbox.Conversation
	err := c.store.InTx(c.ctx(), func(tx *store.Tx) error {
		ids, err := tx.Reserve(c.ctx(), "conversations", n)
		if err != nil {
			return err
		}
		list = nil
		for _, id := range ids {
			conversation := &inbox.Conversation{ID: inbox.ConversationID(id), Shop: shop, Connection: c.connections[shop], Contact: c.contact,
				Kind: inbox.KindMessage, Subject: "Late parcel", LastAt: c.clock()}
			conversation.Receive(c.clock(), due)
			list = append(list, conversation)
		}
		write, err := service.Route(c.ctx(), tx, list)
		if err != nil {
			return err
		}
		if err := tx.AddConversations(c.ctx(), list); err != nil {
			return err
		}
		return write(c.ctx())
	})
	return list, err
}

func (c *company) begin(shop inbox.ShopID, n int) []*inbox.Conversation {
	c.t.Helper()
	list, err := c.arrive(c.service, shop, n, 24*time.Hour)
	c.must(err)
	return list
}

// write lets the customer write again into a conversation.
func (c *company) write(id inbox.ConversationID) inbox.Conversation {
	c.t.Helper()
	c.do(func(tx *store.Tx) error {
		list, err := tx.LockConversations(c.ctx(), []inbox.ConversationID{id})
		if err != nil {
			return err
		}
		conversation := &list[0]
		conversation.Reopened = conversation.State == inbox.Closed
		conversation.Receive(c.clock(), time.Hour)
		write, err := c.service.Route(c.ctx(), tx, []*inbox.Conversation{conversation})
		if err != nil {
			return err
		}
		if err := tx.SaveConversation(c.ctx(), conversation); err != nil {
			return err
		}
		return write(c.ctx())
	})
	return c.read(id)
}

func (c *company) read(id inbox.ConversationID) inbox.Conversation {
	c.t.Helper()
	conversation, err := c.store.Conversation(c.ctx(), rbac.Scope{All: true}, id)
	c.must(err)
	return conversation
}

func (c *company) state(id inbox.ConversationID, state inbox.ConversationState, kind inbox.EventKind) {
	c.t.Helper()
	c.do(func(tx *store.Tx) error {
		conversation, err := tx.LockConversation(c.ctx(), rbac.Scope{All: true}, id)
		if err != nil {
			return err
		}
		conversation.SetState(state, time.Time{}, inbox.ClosedDone)
		tx.Append(inbox.Event{Kind: kind, Shop: conversation.Shop, Conversation: id})
		return tx.SaveConversation(c.ctx(), &conversation)
	})
}

// holders counts who holds how many of the conversations of a shop.
func (c *company) holders(list []*inbox.Conversation) map[inbox.UserID]int {
	c.t.Helper()
	held := map[inbox.UserID]int{}
	for _, one := range list {
		held[c.read(one.ID).Assignee]++
	}
	return held
}

func (c *company) wantHolders(list []*inbox.Conversation, want map[inbox.UserID]int) {
	c.t.Helper()
	got := c.holders(list)
	for user, n := range want {
		if got[user] != n {
			c.t.Errorf("holders = %v, want %v", got, want)
			return
		}
	}
	if len(got) != len(want) {
		c.t.Errorf("holders = %v, want %v", got, want)
	}
}

func each(t *testing.T, fn func(t *testing.T, c *company)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) { fn(t, newCompany(t, s)) })
}

func TestRouteFillsPeopleInOrderUpToTheirLimit(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		primary, backup := c.user(), c.user()
		shop := c.shop(nil, primary, backup)
		list := c.begin(shop, 8) // in one batch: the loads must be kept up inside it
		c.wantHolders(list, map[inbox.UserID]int{primary: 3, backup: 3, 0: 2})
		first := c.read(list[0].ID)
		if first.AssignReason == nil || first.AssignReason.Code != routing.ReasonPrimary || !first.AssignedAt.Equal(noon) {
			t.Errorf("first = %+v %v", first.AssignReason, first.AssignedAt)
		}
		if last := c.read(list[7].ID); last.AssignReason == nil || last.AssignReason.Code != routing.ReasonAllFull {
			t.Errorf("last = %+v", last.AssignReason)
		}
		c.state(list[0].ID, inbox.Closed, inbox.ConversationClosed)
		c.wantHolders(c.begin(shop, 2), map[inbox.UserID]int{primary: 1, 0: 1})
	})
}

// A person's limit counts what he holds in all shops.
func TestLimitIsThePersons(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		person := c.user()
		one, other := c.shop(nil, person), c.shop(nil, person)
		c.begin(one, 2)
		c.wantHolders(c.begin(other, 2), map[inbox.UserID]int{person: 1, 0: 1})
	})
}

func TestRouteTellsTheLogAndExplains(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		away, here := c.user(), c.user()
		shop := c.shop(nil, away, here)
		c.presence(away, inbox.Leave)
		before, err := c.store.LastSeq(t.Context())
		c.must(err)
		list := c.begin(shop, 4)
		events, err := c.store.EventsAfter(t.Context(), before, 100)
		c.must(err)
		var assigned []inbox.Event
		for _, e := range events {
			if e.Kind == inbox.ConversationAssigned {
				assigned = append(assigned, e)
			}
		}
		if len(assigned) != 3 { // the fourth waits: nobody has got it
			t.Fatalf("%d events, want 3", len(assigned))
		}
		reason, _ := assigned[0].Data["reason"].(map[string]any)
		if e := assigned[0]; e.To != here || e.From != 0 || e.Shop != shop || e.Data["to"] != here.String() || e.Data["from"] != nil || reason["code"] != routing.ReasonBackup {
			t.Errorf("event = %+v", e)
		}

		why, err := c.service.Explain(t.Context(), rbac.Scope{All: true}, list[1].ID)
		c.must(err)
		if why.To != here || why.Actor != 0 || why.Reason.Code != routing.ReasonBackup || why.At.Sub(noon) != time.Microsecond || len(why.Candidates) != 2 {
			t.Fatalf("why = %+v", why)
		}
		first, second := why.Candidates[0], why.Candidates[1]
		if first.User != away || first.Excluded == nil || first.Excluded.Code != routing.ExcludedLeave || first.Presence != inbox.Leave || first.Chosen {
			t.Errorf("first candidate = %+v", first)
		}
		if second.User != here || !second.Chosen || second.Excluded != nil || second.Position != 1 || second.Open != 1 || second.Limit != 3 ||
			!second.LastAssignedAt.Equal(noon) || !second.OnShift || second.Presence != inbox.Available {
			t.Errorf("second candidate = %+v", second)
		}
		waits, err := c.service.Explain(t.Context(), rbac.Scope{All: true}, list[3].ID)
		c.must(err)
		if waits.To != 0 || waits.Reason.Code != routing.ReasonAllFull || waits.Candidates[1].Excluded == nil || waits.Candidates[1].Excluded.Params["open"] != float64(3) {
			t.Errorf("why it waits = %+v", waits)
		}
		if _, err := c.service.Explain(t.Context(), rbac.Scope{User: here}, list[0].ID); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("outside the scope: %v, want not found", err)
		}
	})
}

// What the roster remembers must follow every change of what it depends on.
func TestRouteFollowsChanges(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		one, two := c.user(), c.user()
		shop := c.shop(func(s *inbox.Shop) { s.AgentLimit = 100 }, one, two)
		gets := func(what string, want inbox.UserID) {
			t.Helper()
			if got := c.begin(shop, 1)[0].Assignee; got != want {
				t.Errorf("%s: %s got it, want %s", what, got, want)
			}
		}
		gets("at first", one)
		c.presence(one, inbox.Break)
		gets("on a break", two)
		c.presence(one, inbox.Available)
		gets("back", one)
		id := c.shift(one, 20, 22)
		gets("off shift", two)
		c.set(noon.Add(9 * time.Hour))
		gets("on shift", one)
		c.do(func(tx *store.Tx) error { return tx.DeleteShift(t.Context(), 0, id) })
		c.set(noon)
		gets("no roster any more", one)
		c.do(func(tx *store.Tx) error { return tx.SetUserStatus(t.Context(), one, rbac.UserDisabled) })
		gets("disabled", two)
		c.do(func(tx *store.Tx) error { return tx.SetUserStatus(t.Context(), one, rbac.UserActive) })
		gets("enabled", one)
		c.do(func(tx *store.Tx) error {
			return tx.SetMembers(t.Context(), shop, memberships([]inbox.UserID{two, one}))
		})
		gets("order changed", two)
		c.do(func(tx *store.Tx) error { return tx.SetMembers(t.Context(), shop, memberships([]inbox.UserID{one})) })
		gets("no member any more", one)
		c.do(func(tx *store.Tx) error {
			s, err := tx.Shop(t.Context(), shop)
			if err != nil {
				return err
			}
			s.State = inbox.ShopStopped
			return tx.SaveShop(t.Context(), s)
		})
		gets("stopped", 0)
	})
}

func TestFallbackTeam(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		member, one, two := c.user(), c.user(), c.user()
		var team inbox.TeamID
		c.do(func(tx *store.Tx) (err error) {
			team, err = tx.CreateTeam(t.Context(), inbox.Team{Name: "Night", Users: []inbox.UserID{one, two}})
			return err
		})
		shop := c.shop(func(s *inbox.Shop) { s.Fallback = inbox.Fallback{Kind: inbox.FallbackTeam, Team: team} }, member)
		c.presence(member, inbox.Leave)
		if err := c.service.CheckFallback(t.Context(), shop, inbox.Fallback{Kind: inbox.FallbackTeam, Team: team}); inbox.CodeOf(err) != inbox.Invalid {
			t.Errorf("CheckFallback of a team without rights = %v, want invalid", err)
		}
		c.wantHolders(c.begin(shop, 1), map[inbox.UserID]int{0: 1})
		c.do(func(tx *store.Tx) error {
			for _, user := range []inbox.UserID{one, two} {
				if err := tx.SetRoles(t.Context(), user, []rbac.Grant{{User: user, Role: rbac.Admin, Shop: shop}}); err != nil {
					return err
				}
			}
			return nil
		})
		c.must(c.service.CheckFallback(t.Context(), shop, inbox.Fallback{Kind: inbox.FallbackTeam, Team: team}))
		c.wantHolders(c.begin(shop, 4), map[inbox.UserID]int{one: 2, two: 2})
	})
}

func TestCustomerWritesAgain(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		one, two := c.user(), c.user()
		shop := c.shop(func(s *inbox.Shop) { s.AgentLimit = 1 }, one, two)
		id := c.begin(shop, 1)[0].ID
		if got := c.write(id); got.Assignee != one || got.Version != 2 {
			t.Errorf("his own, at his limit: %s, want %s", got.Assignee, one)
		}
		c.shift(one, 8, 10)
		if got := c.write(id); got.Assignee != two || got.AssignReason.Code != routing.ReasonBackup {
			t.Errorf("off shift: %s %v, want %s", got.Assignee, got.AssignReason, two)
		}
		c.shift(two, 8, 10)
		if got := c.write(id); got.Assignee != two {
			t.Errorf("nobody on shift: %s, want %s who holds it", got.Assignee, two)
		}
		c.state(id, inbox.Closed, inbox.ConversationClosed)
		if got := c.write(id); got.Assignee != 0 || got.AssignReason.Code != routing.ReasonQueue {
			t.Errorf("reopened at night: %s %v, want the queue", got.Assignee, got.AssignReason)
		}
		c.set(time.Date(2026, 6, 2, 9, 0, 0, 0, time.UTC))
		if got := c.write(id); got.Assignee != one {
			t.Errorf("in the morning: %s, want %s", got.Assignee, one)
		}
		c.state(id, inbox.Pending, inbox.ConversationPending)
		c.begin(shop, 2) // both are full, one of them with this one's place
		c.state(id, inbox.Closed, inbox.ConversationClosed)
		if got := c.write(id); got.Assignee != 0 || got.AssignReason.Code != routing.ReasonAllFull {
			t.Errorf("reopened while all are full: %s %v, want the queue", got.Assignee, got.AssignReason)
		}
	})
}

// A conversation that comes back from pending takes a place, also for those after it in its batch.
func TestRouteCountsWhatComesBack(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		person := c.user()
		shop := c.shop(func(s *inbox.Shop) { s.AgentLimit = 1 }, person)
		old := c.begin(shop, 1)[0].ID
		c.state(old, inbox.Pending, inbox.ConversationPending)
		c.do(func(tx *store.Tx) error {
			list, err := tx.LockConversations(t.Context(), []inbox.ConversationID{old})
			if err != nil {
				return err
			}
			list[0].Receive(noon, 0)
			fresh := &inbox.Conversation{ID: old + 1000, Shop: shop, State: inbox.Open}
			if _, err = c.service.Route(t.Context(), tx, []*inbox.Conversation{&list[0], fresh}); err != nil {
				return err
			}
			if list[0].Assignee != person || fresh.Assignee != 0 {
				t.Errorf("holders %s and %s, want %s and nobody", list[0].Assignee, fresh.Assignee, person)
			}
			return nil
		})
	})
}

// However many nodes take in mail at once, nobody gets more than his limit by rule.
func TestLimitHoldsUnderConcurrency(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		one, two := c.user(), c.user()
		limit := func(s *inbox.Shop) { s.AgentLimit = 20 }
		shops := []inbox.ShopID{c.shop(limit, one, two), c.shop(limit, two, one)}
		var group sync.WaitGroup
		for i := range 4 {
			service := c.newService()
			group.Go(func() {
				for range 8 {
					if _, err := c.arrive(service, shops[i%2], 3, time.Hour); err != nil {
						t.Error(err)
					}
					if err := service.Drain(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		loads, err := c.store.Loads(t.Context(), []inbox.UserID{one, two}, c.clock())
		c.must(err)
		if loads[one].Open != 20 || loads[two].Open != 20 {
			t.Errorf("loads = %+v, want 20 each", loads)
		}
		if loads[one].DueSoon != 20 || loads[one].LastAssignedAt.Before(noon) {
			t.Errorf("load = %+v, want 20 due and something got at noon", loads[one])
		}
	})
}

func TestTakeHasOneWinner(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		people := []inbox.UserID{c.user(), c.user(), c.user(), c.user()}
		shop := c.shop(nil, people...)
		for _, p := range people {
			c.presence(p, inbox.Break)
		}
		id := c.begin(shop, 1)[0].ID
		results := make(chan error, len(people))
		for _, p := range people {
			go func() {
				_, err := c.service.Take(t.Context(), rbac.Actor{User: p}, id)
				results <- err
			}()
		}
		won := 0
		for range people {
			switch err := <-results; {
			case err == nil:
				won++
			case inbox.CodeOf(err) != inbox.Conflict:
				t.Errorf("loser got %v, want a conflict", err)
			}
		}
		got := c.read(id)
		if won != 1 || got.AssignReason.Code != routing.ReasonTaken || got.AssignReason.Params["resting"] != routing.ExcludedBreak {
			t.Errorf("%d winners, %s %v", won, got.Assignee, got.AssignReason)
		}
		if _, err := c.service.Take(t.Context(), rbac.Actor{User: got.Assignee}, id); err != nil || c.read(id).Version != got.Version {
			t.Errorf("taking again what one holds: %v", err)
		}
	})
}

func TestAssignByHand(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		one, two, stranger := c.user(), c.user(), c.user()
		shop := c.shop(func(s *inbox.Shop) { s.AgentLimit = 1 }, one, two)
		list := c.begin(shop, 2)
		actor := rbac.Actor{User: two}
		got, err := c.service.AssignTo(t.Context(), actor, list[0].ID, two, 1)
		c.must(err)
		if got.Assignee != two || got.Version != 2 || got.AssignReason.Code != routing.ReasonTaken || got.AssignReason.Params["over_limit"] != true {
			t.Errorf("got %s version %d %v", got.Assignee, got.Version, got.AssignReason)
		}
		for name, tt := range map[string]struct {
			actor   rbac.Actor
			to      inbox.UserID
			version int64
			want    inbox.Code
		}{
			"old version":          {actor, one, 1, inbox.Conflict},
			"to a stranger":        {actor, stranger, 0, inbox.Invalid},
			"to nobody known":      {actor, 12345, 0, inbox.Invalid},
			"by a stranger":        {rbac.Actor{User: stranger}, one, 0, inbox.NotFound},
			"by somebody unsigned": {rbac.Actor{}, one, 0, inbox.NotFound},
		} {
			now, err := c.service.AssignTo(t.Context(), tt.actor, list[0].ID, tt.to, tt.version)
			if inbox.CodeOf(err) != tt.want || (tt.want == inbox.Conflict) != (now.Version == 2) {
				t.Errorf("%s: %v and version %d, want %s", name, err, now.Version, tt.want)
			}
		}
		if got, err = c.service.AssignTo(t.Context(), actor, list[0].ID, one, 0); err != nil || got.AssignReason.Code != routing.ReasonByHand {
			t.Errorf("given away: %v %v", got.AssignReason, err)
		}
		why, err := c.service.Explain(t.Context(), rbac.Scope{All: true}, list[0].ID)
		c.must(err)
		if why.From != two || why.To != one || why.Actor != two {
			t.Errorf("why = %+v", why)
		}
		got, err = c.service.AssignTo(t.Context(), actor, list[0].ID, 0, 0)
		c.must(err)
		if got.Assignee != 0 || !got.AssignedAt.IsZero() || got.AssignReason.Code != routing.ReasonReleased {
			t.Errorf("released: %+v", got)
		}
		c.must(c.service.Settle(t.Context()))
		if got := c.read(list[0].ID); got.Assignee != 0 {
			t.Errorf("what was given back on purpose went to %s", got.Assignee)
		}
		if got := c.write(list[0].ID); got.Assignee != one {
			t.Errorf("the customer wrote again: %s, want %s", got.Assignee, one)
		}
	})
}

func TestDrainGivesOutWhatIsDueFirst(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		person := c.user()
		shop, other := c.shop(nil, person), c.shop(nil, person)
		c.shift(person, 14, 18)
		due := func(shop inbox.ShopID, in time.Duration) *inbox.Conversation {
			t.Helper()
			list, err := c.arrive(c.service, shop, 1, in)
			c.must(err)
			return list[0]
		}
		none, late, soon, middle := due(shop, 0), due(shop, 9*time.Hour), due(other, time.Hour), due(shop, 5*time.Hour)
		all := []*inbox.Conversation{none, late, soon, middle}
		c.must(c.service.Settle(t.Context()))
		c.wantHolders(all, map[inbox.UserID]int{0: 4})
		c.set(noon.Add(2 * time.Hour))
		c.must(c.service.Settle(t.Context()))
		c.wantHolders([]*inbox.Conversation{soon, middle, late}, map[inbox.UserID]int{person: 3})
		c.wantHolders([]*inbox.Conversation{none}, map[inbox.UserID]int{0: 1}) // the limit is three
		if got := c.read(soon.ID); got.Version != 2 || got.AssignReason.Code != routing.ReasonPrimary || !got.AssignedAt.Equal(c.clock()) {
			t.Errorf("drained = %+v", got)
		}
		c.state(late.ID, inbox.Closed, inbox.ConversationClosed)
		c.must(c.service.Drain(t.Context()))
		c.wantHolders([]*inbox.Conversation{none}, map[inbox.UserID]int{person: 1})
	})
}

func TestDrainTakesMoreThanABatch(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		one, two := c.user(), c.user()
		shop := c.shop(func(s *inbox.Shop) { s.AgentLimit = 130 }, one, two)
		c.presence(one, inbox.Leave)
		c.presence(two, inbox.Leave)
		list := c.begin(shop, 300)
		c.presence(one, inbox.Available)
		c.presence(two, inbox.Available)
		c.must(c.service.Drain(t.Context()))
		c.wantHolders(list, map[inbox.UserID]int{one: 130, two: 130, 0: 40})
	})
}

func TestRestGivesAwayWhatWaits(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		day, evening := c.user(), c.user()
		shop := c.shop(func(s *inbox.Shop) { s.AgentLimit = 200 }, day, evening)
		c.shift(day, 8, 16)
		c.shift(evening, 17, 22)
		list := c.begin(shop, 120)
		answered := list[0].ID
		c.do(func(tx *store.Tx) error {
			conversation, err := tx.LockConversation(t.Context(), rbac.Scope{All: true}, answered)
			if err != nil {
				return err
			}
			conversation.StopClock()
			return tx.SaveConversation(t.Context(), &conversation)
		})
		c.must(c.service.Settle(t.Context()))
		c.wantHolders(list, map[inbox.UserID]int{day: 120})
		c.set(noon.Add(4*time.Hour + time.Minute)) // nobody is there: it stays his
		c.must(c.service.Settle(t.Context()))
		c.wantHolders(list, map[inbox.UserID]int{day: 120})
		c.set(noon.Add(5 * time.Hour))
		c.must(c.service.Settle(t.Context()))
		c.wantHolders(list, map[inbox.UserID]int{day: 1, evening: 119}) // the answered one stays his
		if got := c.read(answered); got.Assignee != day {
			t.Errorf("the answered one went to %s", got.Assignee)
		}
		c.presence(evening, inbox.Leave) // nobody is there and he will not be: it waits in the queue
		c.must(c.service.Settle(t.Context()))
		c.wantHolders(list, map[inbox.UserID]int{day: 1, 0: 119})
		c.set(time.Date(2026, 6, 2, 8, 0, 0, 0, time.UTC))
		c.must(c.service.Settle(t.Context()))
		c.wantHolders(list, map[inbox.UserID]int{day: 120})
	})
}

// A leave drawn in the roster counts like one somebody says of himself, whether shifts were drawn for
// him or not, and ends by itself.
func TestRosterLeave(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		for name, drawn := range map[string]bool{"with shifts": true, "without any": false} {
			c.set(noon)
			away, backup := c.user(), c.user()
			if drawn {
				c.shift(away, 9, 17)
			}
			shop := c.shop(nil, away, backup)
			tomorrow := noon.Add(24 * time.Hour).Format(time.DateOnly)
			c.do(func(tx *store.Tx) error {
				_, err := tx.CreateRosterException(t.Context(), 0, inbox.RosterException{User: away, Kind: inbox.ExceptionLeave, First: tomorrow, Last: tomorrow, Zone: "UTC"})
				return err
			})
			list := c.begin(shop, 1)
			c.wantHolders(list, map[inbox.UserID]int{away: 1})
			c.set(noon.Add(24 * time.Hour))
			c.must(c.service.Settle(t.Context()))
			c.wantHolders(list, map[inbox.UserID]int{backup: 1})
			why, err := c.service.Explain(t.Context(), rbac.Scope{All: true}, list[0].ID)
			c.must(err)
			i := slices.IndexFunc(why.Candidates, func(each inbox.Candidate) bool { return each.User == away })
			if i < 0 || why.Candidates[i].Excluded == nil || why.Candidates[i].Excluded.Code != routing.ExcludedLeave {
				t.Errorf("%s: candidates %+v", name, why.Candidates)
			}
			gaps, err := c.service.Gaps(t.Context(), []inbox.ShopID{shop}, noon, noon.Add(72*time.Hour))
			c.must(err)
			if len(gaps[shop]) != 0 { // for the backup no shift was drawn
				t.Errorf("%s: gaps %v", name, gaps[shop])
			}
			c.set(noon.Add(48 * time.Hour))
			c.wantHolders(c.begin(shop, 1), map[inbox.UserID]int{away: 1})
		}
	})
}

// A preview is what the same conversation then gets.
func TestPreview(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		day, evening := c.user(), c.user()
		c.shift(day, 9, 17)
		c.shift(evening, 17, 22)
		shop := c.shop(nil, day, evening)
		all := rbac.Scope{All: true}
		for moment, want := range map[time.Time]struct {
			user inbox.UserID
			next time.Time
		}{
			noon:                     {user: day},
			noon.Add(6 * time.Hour):  {user: evening},
			noon.Add(11 * time.Hour): {next: noon.Add(21 * time.Hour)},
		} {
			got, err := c.service.Preview(t.Context(), all, shop, moment)
			c.must(err)
			if got.User != want.user || !got.Next.Equal(want.next) || len(got.Candidates) != 2 {
				t.Errorf("at %v: %+v, want %+v", moment, got, want)
			}
			c.set(moment)
			if list := c.begin(shop, 1); c.read(list[0].ID).Assignee != got.User || list[0].AssignReason.Code != got.Reason.Code {
				t.Errorf("at %v: previewed %+v, done %+v", moment, got.Reason, list[0].AssignReason)
			}
		}
		c.presence(day, inbox.Leave)
		c.presence(evening, inbox.Leave)
		if got, err := c.service.Preview(t.Context(), all, shop, noon); err != nil || got.User != 0 || !got.Next.IsZero() {
			t.Errorf("all are on leave without an end: %+v, %v", got, err)
		}
		if _, err := c.service.Preview(t.Context(), rbac.Scope{Shops: []inbox.ShopID{shop + 1}}, shop, noon); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("of a shop outside the scope: %v", err)
		}
	})
}

// Run acts on what is committed, without anybody asking it to.
func TestRunFollowsTheLog(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		person := c.user()
		shop := c.shop(func(s *inbox.Shop) { s.AgentLimit = 1 }, person)
		c.presence(person, inbox.Leave)
		list := c.begin(shop, 2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.service.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run = %v", err)
			}
		}()
		assigned := make(chan struct{}, 100)
		c.store.OnCommit(func(int64) { assigned <- struct{}{} })
		until := func(want map[inbox.UserID]int) {
			t.Helper()
			deadline := time.After(10 * time.Second)
			for got := c.holders(list); got[person] != want[person]; got = c.holders(list) {
				select {
				case <-assigned:
				case <-deadline:
					t.Fatalf("holders = %v, want %v", got, want)
				}
			}
			c.wantHolders(list, want)
		}
		c.presence(person, inbox.Available)
		until(map[inbox.UserID]int{person: 1, 0: 1})
		first := slices.IndexFunc(list, func(one *inbox.Conversation) bool { return c.read(one.ID).Assignee == person })
		c.state(list[first].ID, inbox.Closed, inbox.ConversationClosed)
		until(map[inbox.UserID]int{person: 2})
	})
}

func TestRosterShowsDutiesAndGaps(t *testing.T) {
	each(t, func(t *testing.T, c *company) {
		one, two, free := c.user(), c.user(), c.user()
		shop, open := c.shop(nil, one, two), c.shop(nil, one, free)
		c.shift(one, 8, 12)
		c.shift(two, 12, 20)
		from := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		to := from.Add(24 * time.Hour)
		duties, err := c.service.Duties(t.Context(), []inbox.UserID{one, free}, from, to)
		c.must(err)
		if len(duties) != 1 || len(duties[one]) != 1 || !duties[one][0].From.Equal(from.Add(8*time.Hour)) {
			t.Errorf("duties = %v", duties)
		}
		gaps, err := c.service.Gaps(t.Context(), []inbox.ShopID{shop, open}, from, to)
		c.must(err)
		if g := gaps[shop]; len(g) != 2 || !g[0].To.Equal(from.Add(8*time.Hour)) || !g[1].From.Equal(from.Add(20*time.Hour)) {
			t.Errorf("gaps = %v", g)
		}
		if g := gaps[open]; len(g) != 0 {
			t.Errorf("gaps of a shop with somebody who has no roster = %v, want none", g)
		}
	})
}

// What routing adds to a batch of a hundred mails: 1,000 people in 50 shops, each with a roster and
// work, the mails for one shop or for all of them.
func BenchmarkRoute(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			c, shops := bigCompany(b, open(b))
			for _, n := range []int{1, len(shops)} {
				b.Run(fmt.Sprintf("shops=%d", n), func(b *testing.B) { c.benchmarkRoute(b, shops[:n]) })
			}
		})
	}
}

func bigCompany(b *testing.B, s *store.Store) (*company, []inbox.ShopID) {
	c := newCompany(b, s)
	var people []inbox.UserID
	err := s.InTx(b.Context(), func(tx *store.Tx) error {
		for i := range 1000 {
			u, err := tx.CreateUser(b.Context(), rbac.User{Email: fmt.Sprintf("a%d@people.example", i), Name: "A", Status: rbac.UserActive}, "")
			if err != nil {
				return err
			}
			people = append(people, u.ID)
			_, err = tx.CreateShift(b.Context(), 0, inbox.Shift{User: u.ID, Zone: "Europe/Rome", Weekdays: []int{1, 2, 3, 4, 5}, From: 540, To: 1080})
			if err != nil {
				return err
			}
		}
		return nil
	})
	c.must(err)
	var shops []inbox.ShopID
	for i := range 50 {
		shops = append(shops, c.shop(func(s *inbox.Shop) { s.AgentLimit = 1 << 30 }, people[i*20:(i+1)*20]...))
	}
	for _, shop := range shops { // everybody holds something
		list := c.begin(shop, 600)
		c.do(func(tx *store.Tx) error {
			for i, one := range list {
				one.Assignee = people[slices.Index(shops, shop)*20+i%20]
			}
			return tx.SaveAssignees(b.Context(), list)
		})
	}
	return c, shops
}

func (c *company) benchmarkRoute(b *testing.B, shops []inbox.ShopID) {
	rollback := fmt.Errorf("rolled back")
	var routing, writing time.Duration
	for b.Loop() {
		err := c.store.InTx(b.Context(), func(tx *store.Tx) error {
			ids, err := tx.Reserve(b.Context(), "conversations", 100)
			if err != nil {
				return err
			}
			var list []*inbox.Conversation
			for i, id := range ids {
				one := &inbox.Conversation{ID: inbox.ConversationID(id), Shop: shops[i%len(shops)], Connection: c.connections[shops[i%len(shops)]],
					Contact: c.contact, Kind: inbox.KindMessage, Subject: "Late parcel", LastAt: noon}
				one.Receive(noon, time.Hour)
				list = append(list, one)
			}
			begun := time.Now()
			write, err := c.service.Route(b.Context(), tx, list)
			if err != nil {
				return err
			}
			routing += time.Since(begun)
			if err := tx.AddConversations(b.Context(), list); err != nil {
				return err
			}
			begun = time.Now()
			if err := write(b.Context()); err != nil {
				return err
			}
			writing += time.Since(begun)
			return rollback
		})
		if err != rollback {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(routing.Microseconds())/float64(b.N)/100, "µs-decide/mail")
	b.ReportMetric(float64(writing.Microseconds())/float64(b.N)/100, "µs-write/mail")
}
