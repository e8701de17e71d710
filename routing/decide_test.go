package routing_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/routing"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// member is somebody at work with room; the changes make him something else.
func member(user inbox.UserID, position int, changes ...func(*routing.Person)) routing.Person {
	p := routing.Person{User: user, Position: position, MayReply: true, OnShift: true}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func offShift(p *routing.Person)   { p.OnShift = false }
func noRights(p *routing.Person)   { p.MayReply = false }
func unrostered(p *routing.Person) { p.NoRoster = true }
func fallback(p *routing.Person)   { p.Fallback = true }
func onLeave(p *routing.Person) {
	p.Presence = inbox.Presence{State: inbox.Leave, Since: noon.Add(-time.Hour)}
}
func full(p *routing.Person) { p.Load.Open = 30 }

// onBreak is a break that began and will end so long before and after noon; end 0 is open.
func onBreak(began, end time.Duration) func(*routing.Person) {
	return func(p *routing.Person) {
		p.Presence = inbox.Presence{State: inbox.Break, Since: noon.Add(-began)}
		if end != 0 {
			p.Presence.Until = noon.Add(end)
		}
	}
}

func dueSoon(n int) func(*routing.Person) { return func(p *routing.Person) { p.Load.DueSoon = n } }
func lastGot(ago time.Duration) func(*routing.Person) {
	return func(p *routing.Person) { p.Load.LastAssignedAt = noon.Add(-ago) }
}

func TestDecide(t *testing.T) {
	team := inbox.Fallback{Kind: inbox.FallbackTeam, Team: 5}
	person := inbox.Fallback{Kind: inbox.FallbackUser, User: 9}
	const out = inbox.Outsider
	for name, tt := range map[string]struct {
		in    routing.Input
		user  inbox.UserID
		code  string
		alarm bool
	}{
		"the primary":                      {routing.Input{People: []routing.Person{member(2, 1), member(1, 0)}}, 1, routing.ReasonPrimary, false},
		"the primary without any roster":   {routing.Input{People: []routing.Person{member(1, 0, unrostered)}}, 1, routing.ReasonPrimary, false},
		"the first backup who can":         {routing.Input{People: []routing.Person{member(1, 0, offShift), member(2, 1, full), member(3, 2), member(4, 3)}}, 3, routing.ReasonBackup, false},
		"nobody on a break is new to work": {routing.Input{People: []routing.Person{member(1, 0, onBreak(time.Minute, time.Minute)), member(2, 1)}}, 2, routing.ReasonBackup, false},
		"a break that is over":             {routing.Input{People: []routing.Person{member(1, 0, onBreak(time.Hour, -time.Minute))}}, 1, routing.ReasonPrimary, false},
		"two on one place: fewest clocks":  {routing.Input{People: []routing.Person{member(1, 0, dueSoon(2)), member(2, 0, dueSoon(1))}}, 2, routing.ReasonPrimary, false},

		"the assignee":                                     {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1)}}, 2, routing.ReasonKept, false},
		"the assignee at his limit":                        {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, full)}}, 2, routing.ReasonKept, false},
		"the assignee is no member":                        {routing.Input{Assignee: 8, People: []routing.Person{member(1, 0), member(8, out)}}, 8, routing.ReasonKept, false},
		"the assignee lost his rights":                     {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, noRights)}}, 1, routing.ReasonPrimary, false},
		"the assignee is unknown":                          {routing.Input{Assignee: 77, People: []routing.Person{member(1, 0)}}, 1, routing.ReasonPrimary, false},
		"the assignee is off shift":                        {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, offShift)}}, 1, routing.ReasonPrimary, false},
		"the assignee is off shift, so is everybody":       {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0, offShift), member(2, 1, offShift)}}, 2, routing.ReasonKeptAlone, false},
		"the assignee is off shift, who is on has no room": {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0, full), member(2, 1, offShift)}}, 0, routing.ReasonAllFull, false},
		"the assignee is on leave, everybody off shift":    {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0, offShift), member(2, 1, onLeave)}}, 0, routing.ReasonQueue, false},

		"short break":                            {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, onBreak(10*time.Minute, 20*time.Minute))}}, 2, routing.ReasonKeptBreak, false},
		"long break":                             {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, onBreak(10*time.Minute, 21*time.Minute))}}, 1, routing.ReasonPrimary, false},
		"break without an end":                   {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, onBreak(29*time.Minute, 0))}}, 2, routing.ReasonKeptBreak, false},
		"break without an end, half an hour ago": {routing.Input{Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, onBreak(30*time.Minute, 0))}}, 1, routing.ReasonPrimary, false},
		"short break, due in half an hour, back in time": {routing.Input{Assignee: 2, DueAt: noon.Add(30 * time.Minute),
			People: []routing.Person{member(1, 0), member(2, 1, onBreak(5*time.Minute, 15*time.Minute))}}, 2, routing.ReasonKeptBreak, false},
		"short break, due in half an hour, back too late": {routing.Input{Assignee: 2, DueAt: noon.Add(30 * time.Minute),
			People: []routing.Person{member(1, 0), member(2, 1, onBreak(5*time.Minute, 16*time.Minute))}}, 1, routing.ReasonPrimary, false},
		"short break, overdue": {routing.Input{Assignee: 2, DueAt: noon.Add(-time.Minute),
			People: []routing.Person{member(1, 0), member(2, 1, onBreak(5*time.Minute, time.Minute))}}, 1, routing.ReasonPrimary, false},

		"reopened, he has room":              {routing.Input{Assignee: 2, Reopened: true, People: []routing.Person{member(1, 0), member(2, 1)}}, 2, routing.ReasonCameBack, false},
		"reopened, he is full":               {routing.Input{Assignee: 2, Reopened: true, People: []routing.Person{member(1, 0), member(2, 1, full)}}, 1, routing.ReasonPrimary, false},
		"reopened, he is on a break":         {routing.Input{Assignee: 2, Reopened: true, People: []routing.Person{member(1, 0), member(2, 1, onBreak(0, time.Minute))}}, 1, routing.ReasonPrimary, false},
		"reopened, everybody is off shift":   {routing.Input{Assignee: 2, Reopened: true, People: []routing.Person{member(2, 0, offShift)}}, 0, routing.ReasonQueue, false},
		"queue":                              {routing.Input{People: []routing.Person{member(1, 0, offShift), member(2, 1, onLeave)}}, 0, routing.ReasonQueue, false},
		"everybody full":                     {routing.Input{People: []routing.Person{member(1, 0, full), member(2, 1, offShift)}}, 0, routing.ReasonAllFull, false},
		"everybody full: no fallback":        {routing.Input{Fallback: person, People: []routing.Person{member(1, 0, full), member(9, out, fallback)}}, 0, routing.ReasonAllFull, false},
		"no members":                         {routing.Input{}, 0, routing.ReasonNoMembers, true},
		"members without rights":             {routing.Input{People: []routing.Person{member(1, 0, noRights)}}, 0, routing.ReasonNoMembers, true},
		"fallback person":                    {routing.Input{Fallback: person, People: []routing.Person{member(1, 0, offShift), member(9, out, fallback)}}, 9, routing.ReasonFallback, false},
		"fallback person without members":    {routing.Input{Fallback: person, People: []routing.Person{member(9, out, fallback)}}, 9, routing.ReasonFallback, false},
		"fallback person off shift":          {routing.Input{Fallback: person, People: []routing.Person{member(1, 0, offShift), member(9, out, fallback, offShift)}}, 0, routing.ReasonUnassigned, true},
		"fallback person without rights":     {routing.Input{Fallback: person, People: []routing.Person{member(1, 0, offShift), member(9, out, fallback, noRights)}}, 0, routing.ReasonUnassigned, true},
		"fallback person full":               {routing.Input{Fallback: person, People: []routing.Person{member(1, 0, offShift), member(9, out, fallback, full)}}, 0, routing.ReasonAllFull, false},
		"the assignee is not a fallback":     {routing.Input{Fallback: person, Assignee: 8, People: []routing.Person{member(1, 0, offShift), member(8, out, onLeave), member(9, out, fallback)}}, 9, routing.ReasonFallback, false},
		"team: fewest clocks":                {routing.Input{Fallback: team, People: []routing.Person{member(7, out, fallback, dueSoon(3)), member(8, out, fallback, dueSoon(1)), member(9, out, fallback, dueSoon(2))}}, 8, routing.ReasonTeam, false},
		"team: then longest without":         {routing.Input{Fallback: team, People: []routing.Person{member(7, out, fallback, lastGot(time.Minute)), member(8, out, fallback, lastGot(time.Hour))}}, 8, routing.ReasonTeam, false},
		"team: never got anything":           {routing.Input{Fallback: team, People: []routing.Person{member(7, out, fallback, lastGot(time.Hour)), member(8, out, fallback)}}, 8, routing.ReasonTeam, false},
		"team: then the lowest id":           {routing.Input{Fallback: team, People: []routing.Person{member(9, out, fallback), member(8, out, fallback)}}, 8, routing.ReasonTeam, false},
		"team: a member ranks by clocks too": {routing.Input{Fallback: team, People: []routing.Person{member(1, 0, offShift, fallback), member(9, out, fallback, dueSoon(9))}}, 9, routing.ReasonTeam, false},
		"team: nobody there":                 {routing.Input{Fallback: team, People: []routing.Person{member(1, 0, offShift), member(9, out, fallback, onLeave)}}, 0, routing.ReasonUnassigned, true},
		"stopped":                            {routing.Input{Stopped: true, People: []routing.Person{member(1, 0)}}, 0, routing.ReasonShopStopped, false},
		"stopped, held":                      {routing.Input{Stopped: true, Assignee: 2, People: []routing.Person{member(1, 0), member(2, 1, noRights)}}, 2, routing.ReasonShopStopped, false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.in.Now, tt.in.Limit = noon, 30
			d := routing.Decide(tt.in)
			if d.User != tt.user || d.Reason.Code != tt.code || d.Alarm != tt.alarm {
				t.Errorf("Decide = %s %s alarm %v, want %s %s alarm %v", d.User, d.Reason.Code, d.Alarm, tt.user, tt.code, tt.alarm)
			}
		})
	}
}

// What an explanation shows: everybody, in the order looked at, with what spoke against him.
func TestDecideExplains(t *testing.T) {
	d := routing.Decide(routing.Input{Now: noon, Limit: 30, Assignee: 8, People: []routing.Person{
		member(8, inbox.Outsider, noRights), member(4, 3, full), member(6, 5, unrostered), member(3, 2, onBreak(0, time.Hour)), member(2, 1, offShift), member(1, 0, onLeave), member(5, 4)}})
	var got []string
	for _, c := range d.Candidates {
		line := fmt.Sprintf("%s@%d", c.User, c.Position)
		if c.Excluded != nil {
			line += " " + c.Excluded.Code
		}
		if c.Chosen {
			line += " chosen"
		}
		got = append(got, line)
	}
	want := []string{"1@0 on_leave", "2@1 off_shift", "3@2 on_break", "4@3 at_limit", "5@4 chosen", "6@5", "8@-1 may_not_reply"}
	if !slices.Equal(got, want) {
		t.Errorf("candidates = %v\nwant         %v", got, want)
	}
	if d := routing.Decide(routing.Input{Now: noon, Limit: 30, People: []routing.Person{member(6, 0, unrostered)}}); d.Reason.Params["no_roster"] != true {
		t.Errorf("the reason does not say that no roster was drawn: %v", d.Reason.Params)
	}
}

func randomInput(r *rand.Rand) routing.Input {
	in := routing.Input{Now: noon, Limit: 1 + r.IntN(4), Stopped: r.IntN(20) == 0, Reopened: r.IntN(4) == 0,
		Fallback: inbox.Fallback{Kind: []string{inbox.FallbackQueue, inbox.FallbackUser, inbox.FallbackTeam}[r.IntN(3)]}}
	if r.IntN(2) == 0 {
		in.DueAt = noon.Add(time.Duration(r.IntN(180)-60) * time.Minute)
	}
	for i := range r.IntN(7) {
		p := routing.Person{User: inbox.UserID(i + 1), Position: r.IntN(5) - 1, MayReply: r.IntN(5) > 0, OnShift: r.IntN(3) > 0}
		p.Fallback = in.Fallback.Kind != inbox.FallbackQueue && (p.Position < 0 || r.IntN(3) == 0)
		p.Presence.State = []inbox.PresenceState{"", inbox.Available, inbox.Break, inbox.Leave}[r.IntN(4)]
		p.Presence.Since = noon.Add(-time.Duration(r.IntN(40)) * time.Minute)
		if r.IntN(2) == 0 {
			p.Presence.Until = noon.Add(time.Duration(r.IntN(60)-20) * time.Minute)
		}
		p.Load = inbox.Load{Open: r.IntN(6), DueSoon: r.IntN(3), LastAssignedAt: noon.Add(-time.Duration(r.IntN(3)) * time.Hour)}
		in.People = append(in.People, p)
	}
	if r.IntN(2) == 0 {
		in.Assignee = inbox.UserID(1 + r.IntN(8))
	}
	return in
}

// FuzzDecide holds decisions to what must be true of all of them, whatever the input.
func FuzzDecide(f *testing.F) {
	for seed := range uint64(2000) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		in := randomInput(r)
		before := slices.Clone(in.People)
		d := routing.Decide(in)
		if !slices.Equal(in.People, before) {
			t.Fatal("the input was changed")
		}
		r.Shuffle(len(in.People), func(i, j int) { in.People[i], in.People[j] = in.People[j], in.People[i] })
		if again := routing.Decide(in); !reflect.DeepEqual(again, d) {
			t.Fatalf("the order of people matters: %+v\nand %+v", d, again)
		}
		if in.Stopped {
			if d.User != in.Assignee {
				t.Fatalf("a stopped shop assigned: %+v", d)
			}
			return
		}
		able := func(p routing.Person) bool {
			return p.MayReply && p.OnShift && p.Presence.At(noon) == inbox.Available && p.Load.Open < in.Limit
		}
		chosen := 0
		for _, c := range d.Candidates {
			if c.Chosen {
				chosen++
				if c.User != d.User {
					t.Fatalf("%s is marked, %s chosen", c.User, d.User)
				}
			}
		}
		if d.User == 0 {
			for _, p := range in.People {
				if able(p) && p.Position >= 0 {
					t.Fatalf("nobody got it though %+v could: %+v", p, d)
				}
			}
			if chosen != 0 {
				t.Fatalf("somebody is marked though nobody was chosen: %+v", d)
			}
			return
		}
		i := slices.IndexFunc(in.People, func(p routing.Person) bool { return p.User == d.User })
		if i < 0 || !in.People[i].MayReply || chosen != 1 {
			t.Fatalf("chose somebody who may not reply, or did not mark him: %+v", d)
		}
		p := in.People[i]
		if keeps := p.User == in.Assignee && !in.Reopened; !keeps && !able(p) {
			t.Fatalf("new work for somebody who cannot take it: %+v %+v", p, d)
		}
		if p.Presence.At(noon) == inbox.Leave {
			t.Fatalf("work for somebody on leave: %+v", d)
		}
		for _, other := range in.People {
			if p.User != in.Assignee && other.Position >= 0 && able(other) && (p.Position < 0 || other.Position < p.Position) {
				t.Fatalf("%+v comes before %+v", other, p)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	in := routing.Input{Now: noon, Limit: 30}
	for i := range 20 {
		in.People = append(in.People, member(inbox.UserID(i+1), i, offShift))
	}
	in.People[19].OnShift = true
	for b.Loop() {
		routing.Decide(in)
	}
}
