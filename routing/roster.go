package routing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing/shift"
)

// reader is what a store and a transaction can both be asked.
type reader interface {
	rbac.Source
	LastSeq(ctx context.Context) (int64, error)
	RoutingNews(ctx context.Context, since int64) (store.RoutingNews, error)
	Shops(ctx context.Context, scope rbac.Scope) ([]inbox.Shop, error)
	Members(ctx context.Context, shop inbox.ShopID) ([]inbox.Member, error)
	Users(ctx context.Context) ([]rbac.User, error)
	Teams(ctx context.Context) ([]inbox.Team, error)
	Shifts(ctx context.Context, user inbox.UserID) ([]inbox.Shift, error)
	RosterExceptions(ctx context.Context, f store.ExceptionFilter) ([]inbox.RosterException, error)
	Presences(ctx context.Context) (map[inbox.UserID]inbox.Presence, error)
	Loads(ctx context.Context, users []inbox.UserID, now time.Time) (map[inbox.UserID]inbox.Load, error)
}

// roster is everything about people and shops that decisions depend on, as the log had it at seq.
// Nothing in it depends on the time of day, and nothing changes it once it is made.
type roster struct {
	seq       int64
	rights    *rbac.Enforcer // of this reading; never read again
	active    map[inbox.UserID]bool
	shops     map[inbox.ShopID]seats
	teams     map[inbox.TeamID][]inbox.UserID
	calendars map[inbox.UserID]shift.Calendar
	presences map[inbox.UserID]inbox.Presence
}

// seats are a shop and those who come into question for its conversations.
type seats struct {
	shop   inbox.Shop
	people []seat
}

type seat struct {
	user     inbox.UserID
	position int
	fallback bool
	mayReply bool
}

// current returns the roster as it is in from. The last one is used again if the log says that
// nothing of it has changed: every such change appends an event in its own transaction.
func (s *Service) current(ctx context.Context, from reader) (*roster, error) {
	old := s.roster.Load()
	var since int64
	if old == nil {
		var err error
		if since, err = from.LastSeq(ctx); err != nil {
			return nil, err
		}
	} else {
		since = old.seq
	}
	news, err := from.RoutingNews(ctx, since)
	if err != nil {
		return nil, err
	}
	if old != nil && !news.Roster && old.rights.Version() == news.Policy {
		later := *old
		later.seq = news.Seq
		s.roster.CompareAndSwap(old, &later)
		return &later, nil
	}
	// What is read below may be newer than seq, never older: then it is read once more next time.
	fresh, err := s.read(ctx, from, old, news)
	if err != nil {
		return nil, fmt.Errorf("read the roster: %w", err)
	}
	s.roster.CompareAndSwap(old, fresh)
	return fresh, nil
}

func (s *Service) read(ctx context.Context, from reader, old *roster, news store.RoutingNews) (*roster, error) {
	r := &roster{seq: news.Seq, active: map[inbox.UserID]bool{}, shops: map[inbox.ShopID]seats{},
		teams: map[inbox.TeamID][]inbox.UserID{}, calendars: map[inbox.UserID]shift.Calendar{}}
	if err := r.readRights(ctx, from, old, news.Policy); err != nil {
		return nil, err
	}
	if err := s.readShifts(ctx, from, r); err != nil {
		return nil, err
	}
	var err error
	if r.presences, err = from.Presences(ctx); err != nil {
		return nil, err
	}
	teams, err := from.Teams(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range teams {
		r.teams[t.ID] = t.Users
	}
	return r, r.readShops(ctx, from)
}

// readRights reads the policy through from, and not through an enforcer that others use: inside a
// transaction a second connection might never come.
func (r *roster) readRights(ctx context.Context, from reader, old *roster, policy int64) error {
	if old != nil && old.rights.Version() == policy {
		r.rights = old.rights
	} else {
		var err error
		if r.rights, err = rbac.NewEnforcer(ctx, from); err != nil {
			return err
		}
	}
	users, err := from.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		r.active[u.ID] = u.Status == rbac.UserActive
	}
	return nil
}

func (s *Service) readShifts(ctx context.Context, from reader, r *roster) error {
	shifts, err := from.Shifts(ctx, 0)
	if err != nil {
		return err
	}
	exceptions, err := from.RosterExceptions(ctx, store.ExceptionFilter{})
	if err != nil {
		return err
	}
	patterns := map[inbox.UserID][]inbox.Shift{}
	for _, each := range shifts {
		patterns[each.User] = append(patterns[each.User], each)
	}
	changes := map[inbox.UserID][]inbox.RosterException{}
	for _, each := range exceptions {
		changes[each.User] = append(changes[each.User], each)
	}
	zones := shift.Zones{}
	for user := range r.active {
		calendar, err := zones.Calendar(patterns[user], changes[user])
		if err != nil { // a zone this machine does not know: the person's other shifts count
			s.log.Error("shifts were left out", "user", user, "error", err)
		}
		r.calendars[user] = calendar
	}
	return nil
}

func (r *roster) readShops(ctx context.Context, from reader) error {
	shops, err := from.Shops(ctx, rbac.Scope{All: true})
	if err != nil {
		return err
	}
	members, err := from.Members(ctx, 0)
	if err != nil {
		return err
	}
	of := map[inbox.ShopID][]seat{}
	for _, m := range members {
		of[m.Shop] = append(of[m.Shop], seat{user: m.User, position: m.Position, mayReply: r.mayReply(m.User, m.Shop)})
	}
	for _, shop := range shops {
		r.shops[shop.ID] = seats{shop: shop, people: r.withFallback(shop, of[shop.ID])}
	}
	return nil
}

// withFallback adds to the members of a shop those it falls back on.
func (r *roster) withFallback(shop inbox.Shop, people []seat) []seat {
	var fallback []inbox.UserID
	switch shop.Fallback.Kind {
	case inbox.FallbackUser:
		fallback = []inbox.UserID{shop.Fallback.User}
	case inbox.FallbackTeam:
		fallback = r.teams[shop.Fallback.Team]
	}
	for _, user := range fallback {
		if i := slices.IndexFunc(people, func(s seat) bool { return s.user == user }); i >= 0 {
			people[i].fallback = true
			continue
		}
		people = append(people, seat{user: user, position: inbox.Outsider, fallback: true, mayReply: r.mayReply(user, shop.ID)})
	}
	return people
}

// mayReply tells whether somebody with a working account may reply in a shop.
func (r *roster) mayReply(user inbox.UserID, shop inbox.ShopID) bool {
	return r.active[user] && r.rights.Scope(rbac.Actor{User: user}, rbac.ConversationReply).SeesShop(shop)
}

// onShift tells whether somebody is on duty, and whether he is on leave. Nobody has drawn a shift for
// him: he is on duty, so that a new installation works before its roster does.
func (r *roster) onShift(user inbox.UserID, at time.Time) duty {
	calendar := r.calendars[user]
	leave := calendar.OnLeave(at)
	if calendar.Empty() {
		return duty{on: !leave, noRoster: true, leave: leave}
	}
	return duty{on: calendar.OnDuty(at), leave: leave}
}

// duties are when somebody is on duty in a span: all of it but his leave if no shift was drawn for him.
func (r *roster) duties(user inbox.UserID, from, to time.Time) []shift.Duty {
	calendar := r.calendars[user]
	if calendar.Empty() {
		return shift.Gaps([][]shift.Duty{calendar.Leaves(from, to)}, from, to)
	}
	return calendar.Duties(from, to)
}

// nextEdge is the first moment after now, within a span, at which somebody comes or goes; zero if
// there is none.
func (r *roster) nextEdge(now time.Time, within time.Duration) time.Time {
	var next time.Time
	earlier := func(at time.Time) {
		if at.After(now) && !at.After(now.Add(within)) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, calendar := range r.calendars {
		earlier(calendar.NextEdge(now, now.Add(within)))
	}
	for _, p := range r.presences {
		earlier(p.Until)
	}
	return next
}

// Duties says when the given people are on duty between two instants; of somebody for whom no shift
// was drawn it says nothing.
func (s *Service) Duties(ctx context.Context, users []inbox.UserID, from, to time.Time) (map[inbox.UserID][]shift.Duty, error) {
	r, err := s.current(ctx, s.store)
	if err != nil {
		return nil, err
	}
	duties := map[inbox.UserID][]shift.Duty{}
	for _, user := range users {
		if calendar := r.calendars[user]; !calendar.Empty() {
			duties[user] = calendar.Duties(from, to)
		}
	}
	return duties, nil
}

// Gaps says when no member of each of these shops is on duty between two instants. A member for
// whom no shift was drawn fills all but his leave; one who may not reply fills none.
func (s *Service) Gaps(ctx context.Context, shops []inbox.ShopID, from, to time.Time) (map[inbox.ShopID][]shift.Duty, error) {
	r, err := s.current(ctx, s.store)
	if err != nil {
		return nil, err
	}
	gaps := map[inbox.ShopID][]shift.Duty{}
	for _, shop := range shops {
		var people [][]shift.Duty
		for _, p := range r.shops[shop].people {
			if p.position == inbox.Outsider || !p.mayReply {
				continue
			}
			people = append(people, r.duties(p.user, from, to))
		}
		gaps[shop] = shift.Gaps(people, from, to)
	}
	return gaps, nil
}
