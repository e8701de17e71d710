package routing

import (
	"context"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// round is one giving out of work: what people have to do was counted once and is kept up while
// conversations move, so that the last place is filled once only.
type round struct {
	now    time.Time
	roster *roster
	loads  map[inbox.UserID]inbox.Load
	// given counts what was given out; each is a microsecond after the one before, so that who got
	// something longest ago can be told within the round too.
	given int
	duty  map[inbox.UserID]duty
	// counted says which of the conversations at hand loads has counted, and for whom.
	counted map[inbox.ConversationID]inbox.UserID
}

// duty is how somebody stands by the roster.
type duty struct{ on, noRoster, leave bool }

// begin reads what is needed to decide on conversations of these shops, held by these people.
func (s *Service) begin(ctx context.Context, from reader, shops []inbox.ShopID, holders []inbox.UserID) (*round, error) {
	now, err := s.current(ctx, from)
	if err != nil {
		return nil, err
	}
	users := slices.Clone(holders)
	slices.Sort(shops)
	for _, shop := range slices.Compact(shops) {
		for _, p := range now.shops[shop].people {
			users = append(users, p.user)
		}
	}
	slices.Sort(users)
	r := &round{now: s.now(), roster: now, duty: map[inbox.UserID]duty{}, counted: map[inbox.ConversationID]inbox.UserID{}}
	if r.loads, err = from.Loads(ctx, slices.Compact(users), r.now); err != nil {
		return nil, err
	}
	return r, nil
}

// decide decides on a conversation and changes nothing.
func (r *round) decide(c *inbox.Conversation) Decision {
	seats := r.roster.shops[c.Shop]
	in := Input{Now: r.now, Limit: seats.shop.AgentLimit, Fallback: seats.shop.Fallback,
		Stopped:  seats.shop.State == inbox.ShopStopped || seats.shop.State == inbox.ShopClosed,
		Assignee: c.Assignee, Reopened: c.Reopened, DueAt: c.DueAt, People: make([]Person, 0, len(seats.people)+1)}
	held := c.Assignee == 0
	for _, p := range seats.people {
		in.People = append(in.People, r.person(p))
		held = held || p.user == c.Assignee
	}
	if !held {
		in.People = append(in.People, r.person(seat{user: c.Assignee, position: inbox.Outsider, mayReply: r.roster.mayReply(c.Assignee, c.Shop)}))
	}
	return Decide(in)
}

func (r *round) person(p seat) Person {
	d, known := r.duty[p.user]
	if !known {
		d = r.roster.onShift(p.user, r.now)
		r.duty[p.user] = d
	}
	presence := r.roster.presences[p.user]
	if d.leave {
		presence = inbox.Presence{User: p.user, State: inbox.Leave}
	}
	return Person{User: p.user, Position: p.position, Fallback: p.fallback, MayReply: p.mayReply, OnShift: d.on, NoRoster: d.noRoster,
		Presence: presence, Load: r.loads[p.user]}
}

// route decides on a conversation and carries it out.
func (r *round) route(c *inbox.Conversation) []inbox.Assignment { return r.carryOut(c, r.decide(c)) }

// carryOut changes a conversation as was decided, and returns what is to be kept of the decision:
// nothing if it only confirms what is known.
func (r *round) carryOut(c *inbox.Conversation, d Decision) []inbox.Assignment {
	from := c.Assignee
	r.move(c, d.User)
	confirmed := d.User == from && d.Reason.Code != ReasonCameBack
	if d.User == 0 && from == 0 {
		confirmed = c.AssignReason != nil && c.AssignReason.Code == d.Reason.Code
	}
	if confirmed {
		return nil
	}
	c.Assignee, c.AssignReason, c.AssignedAt = d.User, &d.Reason, time.Time{}
	at := r.now.Add(time.Duration(r.given) * time.Microsecond)
	if d.User != 0 {
		r.given++
		c.AssignedAt = at
		load := r.loads[d.User]
		load.LastAssignedAt = at
		r.loads[d.User] = load
	}
	return []inbox.Assignment{{Conversation: c, At: at, From: from, To: d.User, Reason: d.Reason, Candidates: d.Candidates}}
}

// move keeps the loads: the open conversation is now somebody's.
func (r *round) move(c *inbox.Conversation, to inbox.UserID) {
	before := r.counted[c.ID]
	if before == to {
		return
	}
	soon := 0
	if !c.DueAt.IsZero() && !c.DueAt.After(r.now.Add(inbox.DueSoonWithin)) {
		soon = 1
	}
	if before != 0 {
		load := r.loads[before]
		load.Open, load.DueSoon = load.Open-1, max(0, load.DueSoon-soon)
		r.loads[before] = load
		delete(r.counted, c.ID)
	}
	if to != 0 {
		load := r.loads[to]
		load.Open, load.DueSoon = load.Open+1, load.DueSoon+soon
		r.loads[to] = load
		r.counted[c.ID] = to
	}
}
