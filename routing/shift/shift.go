// Package shift says who is on duty when. It is calendar arithmetic alone: no clock, no database.
//
// A shift is a weekly pattern in the local time of a named zone. A local time becomes the first
// instant at which the clock on the wall of that zone shows it or something later. So a time that a
// spring change leaves out becomes the instant of the change, and one that comes twice in autumn is
// taken the first time. Shifts that meet on paper therefore meet in reality too, and a shift across
// a change of clocks has the length that people really work.
//
// Exceptions change the pattern on single days: shifts that begin on a day off are left out, however
// long they reach into the next; an extra shift takes place whatever else is said of its day.
package shift

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// Duty is a span of time in which somebody is on duty: From belongs to it, To does not.
type Duty struct{ From, To time.Time }

// Calendar is a person's weekly pattern with its exceptions, ready to be asked. The zero Calendar has
// no shifts.
type Calendar struct {
	lines  []line
	off    []days // in order and apart
	leaves []Duty // in order and apart
}

// days are local days since 1970-01-01, both inclusive.
type days struct{ first, last int64 }

// line is one shift with its zone loaded.
type line struct {
	extra        bool // on days off too
	zone         *time.Location
	weekdays     [8]bool // by ISO number
	from, to     int     // minutes; to is above from, up to a day later
	since, until int64   // days since 1970-01-01, both inclusive
}

const (
	dayMinutes = 24 * 60
	daySeconds = 24 * 60 * 60
	// reach is how far a local time can be from the same reading in UTC; no zone ever was further.
	reach = 16 * 60 * 60
	first = -1 << 40 // a day before every other
	last  = 1 << 40
)

// Zones makes calendars and keeps the zones it has read for the next one. It is not safe for
// concurrent use.
type Zones map[string]*time.Location

// Calendar makes a calendar of somebody's shifts and exceptions. Those that cannot be read, such as
// those in a zone this machine does not know, are left out and named in the error; the rest of the
// calendar works.
func (z Zones) Calendar(shifts []inbox.Shift, exceptions []inbox.RosterException) (Calendar, error) {
	var c Calendar
	var problems []error
	for _, s := range shifts {
		l, err := z.line(s)
		if err != nil {
			problems = append(problems, fmt.Errorf("shift %s: %w", s.ID, err))
			continue
		}
		c.lines = append(c.lines, l)
	}
	for _, e := range exceptions {
		if err := z.except(&c, e); err != nil {
			problems = append(problems, fmt.Errorf("roster exception %s: %w", e.ID, err))
		}
	}
	c.off, c.leaves = joinDays(c.off), join(c.leaves)
	return c, errors.Join(problems...)
}

func (z Zones) line(s inbox.Shift) (line, error) {
	if err := errors.Join(checkWeekdays(s.Weekdays), checkTimes(s.From, s.To), checkDays(s.Since, s.Until)); err != nil {
		return line{}, err
	}
	zone, err := z.load(s.Zone)
	if err != nil {
		return line{}, err
	}
	l := line{zone: zone, from: s.From, to: s.To, since: first, until: last}
	if l.to <= l.from {
		l.to += dayMinutes
	}
	for _, day := range s.Weekdays {
		l.weekdays[day] = true
	}
	if s.Since != "" {
		l.since, _ = parseDay(s.Since)
	}
	if s.Until != "" {
		l.until, _ = parseDay(s.Until)
	}
	return l, nil
}

// load gives a zone, read once.
func (z Zones) load(name string) (*time.Location, error) {
	if zone := z[name]; zone != nil {
		return zone, nil
	}
	zone, err := loadZone(name)
	if err == nil {
		z[name] = zone
	}
	return zone, err
}

// except adds what an exception changes.
func (z Zones) except(c *Calendar, e inbox.RosterException) error {
	if err := errors.Join(checkKind(e), checkSpan(e.First, e.Last)); err != nil {
		return err
	}
	zone, err := z.load(e.Zone)
	if err != nil {
		return err
	}
	span := days{}
	span.first, _ = parseDay(e.First)
	span.last, _ = parseDay(e.Last)
	switch e.Kind {
	case inbox.ExceptionExtra:
		l, err := z.line(inbox.Shift{Zone: e.Zone, Weekdays: everyDay, From: e.From, To: e.To, Since: e.First, Until: e.Last})
		if err != nil {
			return err
		}
		l.extra = true
		c.lines = append(c.lines, l)
		return nil
	case inbox.ExceptionLeave:
		c.leaves = append(c.leaves, Duty{instant(span.first, 0, zone), instant(span.last+1, 0, zone)})
	}
	c.off = append(c.off, span)
	return nil
}

var everyDay = []int{1, 2, 3, 4, 5, 6, 7}

// Empty tells whether the calendar has no shifts at all, which is not the same as being off duty.
func (c Calendar) Empty() bool { return len(c.lines) == 0 }

// OnDuty tells whether at lies in a shift.
func (c Calendar) OnDuty(at time.Time) bool {
	for _, l := range c.lines {
		// A shift begins on its local day or, after midnight, on the day before; one more day
		// covers a zone that has moved across the date line meanwhile.
		today := localDay(at, l.zone)
		for day := today - 2; day <= today+1; day++ {
			if d, ok := c.duty(l, day); ok && !at.Before(d.From) && at.Before(d.To) {
				return true
			}
		}
	}
	return false
}

// OnLeave tells whether at lies in a leave, and not in a shift: a night shift from before it is worked
// to its end, and an extra shift calls the person back.
func (c Calendar) OnLeave(at time.Time) bool {
	i, found := slices.BinarySearchFunc(c.leaves, at, func(d Duty, at time.Time) int { return d.From.Compare(at) })
	return (found || i > 0 && at.Before(c.leaves[i-1].To)) && !c.OnDuty(at)
}

// Leaves returns the person's leaves between two instants, in order and cut to them.
func (c Calendar) Leaves(from, to time.Time) []Duty { return union(slices.Clone(c.leaves), from, to) }

// Duties returns when the person is on duty between two instants, in order and cut to them; shifts
// that overlap or meet are one. Its cost grows with the number of days.
func (c Calendar) Duties(from, to time.Time) []Duty {
	var all []Duty
	for _, l := range c.lines {
		begin := max(localDay(from, l.zone)-2, l.since)
		end := min(localDay(to, l.zone)+1, l.until)
		for day := begin; day <= end; day++ {
			if d, ok := c.duty(l, day); ok {
				all = append(all, d)
			}
		}
	}
	return union(all, from, to)
}

// NextEdge returns the first instant after one and up to another at which the person comes on or
// goes off duty or leave; zero if there is none.
func (c Calendar) NextEdge(after, upTo time.Time) time.Time {
	// Duties are cut to the asked span: ask for a little more, so that a cut is never an edge.
	duties := c.Duties(after.Add(-time.Minute), upTo.Add(time.Minute))
	always := func(time.Time) bool { return true }
	next := nextEdge(duties, after, upTo, always)
	// Where a shift reaches over it, a leave changes nothing.
	leave := nextEdge(c.leaves, after, upTo, func(edge time.Time) bool { return c.OnLeave(edge) != c.OnLeave(edge.Add(-time.Nanosecond)) })
	if next.IsZero() || !leave.IsZero() && leave.Before(next) {
		return leave
	}
	return next
}

// nextEdge is the first begin or end in a span that counts, among duties that are in order and apart.
func nextEdge(duties []Duty, after, upTo time.Time, counts func(time.Time) bool) time.Time {
	for _, d := range duties {
		for _, edge := range [...]time.Time{d.From, d.To} {
			if edge.After(after) && !edge.After(upTo) && counts(edge) {
				return edge
			}
		}
	}
	return time.Time{}
}

// Gaps returns when nobody is on duty between two instants, given the duties of each.
func Gaps(people [][]Duty, from, to time.Time) []Duty {
	var gaps []Duty
	covered := from
	for _, d := range union(slices.Concat(people...), from, to) {
		if d.From.After(covered) {
			gaps = append(gaps, Duty{covered, d.From})
		}
		covered = d.To
	}
	if covered.Before(to) {
		gaps = append(gaps, Duty{covered, to})
	}
	return gaps
}

// duty is the shift of a line that begins on a local day, unless that is a day off.
func (c Calendar) duty(l line, day int64) (Duty, bool) {
	if !l.extra && c.isOff(day) {
		return Duty{}, false
	}
	return l.duty(day)
}

func (c Calendar) isOff(day int64) bool {
	i, found := slices.BinarySearchFunc(c.off, day, func(d days, day int64) int { return cmp.Compare(d.first, day) })
	return found || i > 0 && day <= c.off[i-1].last
}

// duty is the shift that begins on a local day; false if there is none that day, or if a change of
// clocks leaves nothing of it.
func (l line) duty(day int64) (Duty, bool) {
	if day < l.since || day > l.until || !l.weekdays[weekday(day)] {
		return Duty{}, false
	}
	d := Duty{instant(day, l.from, l.zone), instant(day, l.to, l.zone)}
	return d, d.From.Before(d.To)
}

// union joins what overlaps or meets, in order, and cuts it to a span.
func union(all []Duty, from, to time.Time) []Duty {
	cut := all[:0]
	for _, d := range all {
		if d.From.Before(from) {
			d.From = from
		}
		if d.To.After(to) {
			d.To = to
		}
		if d.From.Before(d.To) {
			cut = append(cut, d)
		}
	}
	return join(cut)
}

// join puts duties in order and makes one of those that overlap or meet.
func join(all []Duty) []Duty {
	slices.SortFunc(all, func(a, b Duty) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	var joined []Duty
	for _, d := range all {
		if n := len(joined); n == 0 || d.From.After(joined[n-1].To) {
			joined = append(joined, d)
		} else if d.To.After(joined[n-1].To) {
			joined[n-1].To = d.To
		}
	}
	return joined
}

// joinDays does the same with days.
func joinDays(all []days) []days {
	slices.SortFunc(all, func(a, b days) int { return cmp.Compare(a.first, b.first) })
	var joined []days
	for _, d := range all {
		if n := len(joined); n == 0 || d.first > joined[n-1].last {
			joined = append(joined, d)
		} else {
			joined[n-1].last = max(joined[n-1].last, d.last)
		}
	}
	return joined
}

// instant is the first moment at which the clock in zone shows the given minute of a day, or later.
func instant(day int64, minute int, zone *time.Location) time.Time {
	wall := day*daySeconds + int64(minute)*60
	at := time.Unix(wall-reach, 0).In(zone)
	for {
		_, offset := at.Zone()
		shown := time.Unix(wall-int64(offset), 0)
		if shown.Before(at) {
			return at.UTC() // the clock jumped over it
		}
		_, change := at.ZoneBounds()
		if change.IsZero() || shown.Before(change) {
			return shown.UTC()
		}
		at = change
	}
}

// localDay is the number of the day that at is in, in zone.
func localDay(at time.Time, zone *time.Location) int64 {
	_, offset := at.In(zone).Zone()
	return floorDiv(at.Unix()+int64(offset), daySeconds)
}

// weekday is the ISO number of a day: 1970-01-01 was a Thursday.
func weekday(day int64) int {
	return int((day+3)%7+7)%7 + 1
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
