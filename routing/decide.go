package routing

import (
	"cmp"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// Input is everything a decision depends on.
type Input struct {
	Now      time.Time
	Limit    int // open conversations one person may hold by rule
	Fallback inbox.Fallback
	Stopped  bool // the shop is stopped or closed: nothing is assigned in it

	Assignee inbox.UserID // who holds the conversation; 0 = nobody
	Reopened bool         // it was closed, so it is new work for whoever held it
	DueAt    time.Time    // when an answer is due; zero: no clock runs

	// People are the members of the shop, its fallback and the assignee, each once, in any order.
	People []Person
}

// Person is somebody who may be chosen.
type Person struct {
	User     inbox.UserID
	Position int  // 0 = primary, then backups; inbox.Outsider if he is no member
	Fallback bool // the shop falls back on him, or on a team he is in
	MayReply bool // his account is active and he may reply in this shop
	OnShift  bool
	// NoRoster says that no shift was ever drawn for him. He counts as on shift, so that a new
	// installation works before its roster does; the first shift drawn for him ends that.
	NoRoster bool
	Presence inbox.Presence
	Load     inbox.Load
}

// Decision is who gets a conversation and why.
type Decision struct {
	User       inbox.UserID // 0 = nobody: it waits where the shop's people see it
	Reason     inbox.Reason
	Candidates []inbox.Candidate
	Alarm      bool // nobody can take it and nobody was foreseen for that: a person must act
}

// The codes of reasons. The screen words them; parameters are user, position, team and limit.
const (
	ReasonKept        = "kept"         // the assignee is on shift
	ReasonKeptBreak   = "kept_break"   // the assignee is back soon
	ReasonKeptAlone   = "kept_alone"   // the assignee is off shift, and so is everybody else
	ReasonCameBack    = "came_back"    // who held the closed conversation has room for it
	ReasonPrimary     = "primary"      // the shop's first person
	ReasonBackup      = "backup"       // the first of the shop's backups who can
	ReasonFallback    = "fallback"     // the person the shop falls back on
	ReasonTeam        = "team"         // the least busy of the team the shop falls back on
	ReasonQueue       = "queue"        // nobody is there; the shop lets its work wait
	ReasonAllFull     = "all_full"     // who is there holds as many as he may
	ReasonUnassigned  = "unassigned"   // nobody is there, and who was foreseen for that neither
	ReasonNoMembers   = "no_members"   // nobody at all may reply in this shop
	ReasonShopStopped = "shop_stopped" // the shop assigns nothing

	ReasonByHand   = "by_hand"  // somebody gave it to somebody
	ReasonTaken    = "taken"    // somebody took it himself
	ReasonReleased = "released" // somebody gave it back
)

// The codes of why somebody could not be chosen.
const (
	ExcludedRights = "may_not_reply"
	ExcludedShift  = "off_shift"
	ExcludedBreak  = "on_break"
	ExcludedLeave  = "on_leave"
	ExcludedLimit  = "at_limit"
)

const (
	shortBreak = 30 * time.Minute // so long an assignee on a break keeps his conversations
	soon       = time.Hour        // a clock with less left shortens that
)

// Decide says who gets a conversation to which a message of the customer has come, or which waits
// for somebody. In this order: the assignee keeps it; the primary; the backups; the shop's
// fallback; nobody. It depends on nothing but its input, and not on the order of the people.
func Decide(in Input) Decision {
	d := decision{Input: in, people: slices.Clone(in.People)}
	slices.SortFunc(d.people, byRank)
	d.candidates = make([]inbox.Candidate, len(d.people))
	for i := range d.people {
		d.candidates[i] = d.look(&d.people[i])
	}
	return d.decide()
}

// byRank puts members in their order before the others; equals in the order of ties.
func byRank(a, b Person) int {
	if aOut, bOut := a.Position < 0, b.Position < 0; aOut != bOut {
		if aOut {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(a.Position, b.Position), byTie(a, b))
}

// byTie prefers whoever has the fewest clocks that run out soon, then whoever has gone longest
// without new work, then the lowest id.
func byTie(a, b Person) int {
	return cmp.Or(cmp.Compare(a.Load.DueSoon, b.Load.DueSoon), a.Load.LastAssignedAt.Compare(b.Load.LastAssignedAt),
		cmp.Compare(a.User, b.User))
}

// decision is a Decide under way; candidates are those of people, index by index.
type decision struct {
	Input
	people     []Person
	candidates []inbox.Candidate
}

// look tells how somebody stands and what speaks against him.
func (d *decision) look(p *Person) inbox.Candidate {
	c := inbox.Candidate{User: p.User, Position: p.Position, OnShift: p.OnShift, Presence: p.Presence.At(d.Now), Load: p.Load, Limit: d.Limit}
	switch {
	case !p.MayReply:
		c.Excluded = &inbox.Reason{Code: ExcludedRights}
	case c.Presence == inbox.Leave:
		c.Excluded = &inbox.Reason{Code: ExcludedLeave}
	case !p.OnShift:
		c.Excluded = &inbox.Reason{Code: ExcludedShift}
	case c.Presence == inbox.Break:
		c.Excluded = &inbox.Reason{Code: ExcludedBreak}
	case p.Load.Open >= d.Limit:
		c.Excluded = &inbox.Reason{Code: ExcludedLimit, Params: map[string]any{"open": p.Load.Open, "limit": d.Limit}}
	}
	return c
}

func (d *decision) decide() Decision {
	if d.Stopped {
		return d.answer(d.Assignee, ReasonShopStopped, nil)
	}
	if i, code := d.keep(); code != "" {
		return d.choose(i, code, nil)
	}
	for i, p := range d.people {
		if p.Position >= 0 && d.can(i) {
			if p.Position == 0 {
				return d.choose(i, ReasonPrimary, nil)
			}
			return d.choose(i, ReasonBackup, map[string]any{"position": p.Position})
		}
	}
	if slices.ContainsFunc(d.indexes(isMember), d.full) {
		return d.allFull() // they are there: it waits for them, not for the fallback
	}
	return d.fallBack()
}

// keep tells whether the assignee keeps what he holds, and why; "" if not. His load does not matter:
// a message in it is not new work. A conversation that was closed is, so there he needs room for it
// like everybody else.
func (d *decision) keep() (i int, code string) {
	i = slices.IndexFunc(d.people, func(p Person) bool { return p.User == d.Assignee })
	if d.Assignee == 0 || i < 0 || !d.people[i].MayReply {
		return i, ""
	}
	p, presence := d.people[i], d.candidates[i].Presence
	switch {
	case d.Reopened && d.can(i):
		return i, ReasonCameBack
	case d.Reopened || presence == inbox.Leave:
		return i, ""
	case !p.OnShift && !slices.ContainsFunc(d.indexes(isMember), d.there):
		return i, ReasonKeptAlone
	case !p.OnShift:
		return i, ""
	case presence != inbox.Break:
		return i, ReasonKept
	case d.backSoon(p.Presence):
		return i, ReasonKeptBreak
	}
	return i, ""
}

// backSoon tells whether a break is short: half an hour in all, and if an answer is due within the
// hour, over before half of what is left of it. A break without an end is taken to last half an hour.
func (d *decision) backSoon(p inbox.Presence) bool {
	end := p.Until
	if end.IsZero() {
		end = p.Since.Add(shortBreak)
	}
	wait := end.Sub(d.Now)
	if end.Sub(p.Since) > shortBreak || wait <= 0 {
		return false
	}
	left := d.DueAt.Sub(d.Now)
	return d.DueAt.IsZero() || left >= soon || wait <= left/2
}

func (d *decision) fallBack() Decision {
	var fallback []int
	switch d.Fallback.Kind {
	case inbox.FallbackUser, inbox.FallbackTeam:
		fallback = d.indexes(func(p Person) bool { return p.Fallback })
	default:
		if len(d.indexes(func(p Person) bool { return isMember(p) && p.MayReply })) == 0 {
			return d.nobody(ReasonNoMembers)
		}
		return d.answer(0, ReasonQueue, nil)
	}
	slices.SortFunc(fallback, func(a, b int) int { return byTie(d.people[a], d.people[b]) })
	switch i := slices.IndexFunc(fallback, d.can); {
	case i >= 0 && d.Fallback.Kind == inbox.FallbackTeam:
		return d.choose(fallback[i], ReasonTeam, map[string]any{"team": d.Fallback.Team})
	case i >= 0:
		return d.choose(fallback[i], ReasonFallback, nil)
	case slices.ContainsFunc(fallback, d.full):
		return d.allFull()
	}
	return d.nobody(ReasonUnassigned)
}

func isMember(p Person) bool { return p.Position >= 0 }

// indexes returns which people are so.
func (d *decision) indexes(are func(Person) bool) []int {
	var list []int
	for i, p := range d.people {
		if are(p) {
			list = append(list, i)
		}
	}
	return list
}

// can tells whether nothing speaks against somebody.
func (d *decision) can(i int) bool { return d.candidates[i].Excluded == nil }

// full tells whether only the limit speaks against somebody.
func (d *decision) full(i int) bool {
	return d.candidates[i].Excluded != nil && d.candidates[i].Excluded.Code == ExcludedLimit
}

// there tells whether somebody is at work, with room or without.
func (d *decision) there(i int) bool { return d.can(i) || d.full(i) }

// choose gives the conversation to one of the people.
func (d *decision) choose(i int, code string, params map[string]any) Decision {
	if params == nil {
		params = map[string]any{}
	}
	p := d.people[i]
	params["user"] = p.User
	if p.NoRoster {
		params["no_roster"] = true
	}
	result := d.answer(p.User, code, params)
	result.Candidates[i].Chosen = true
	return result
}

func (d *decision) allFull() Decision {
	return d.answer(0, ReasonAllFull, map[string]any{"limit": d.Limit})
}

func (d *decision) nobody(code string) Decision {
	result := d.answer(0, code, nil)
	result.Alarm = true
	return result
}

func (d *decision) answer(user inbox.UserID, code string, params map[string]any) Decision {
	return Decision{User: user, Reason: inbox.Reason{Code: code, Params: params}, Candidates: d.candidates}
}
