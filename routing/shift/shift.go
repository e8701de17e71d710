// Package shift says who is on duty when. It is calendar arithmetic alone: no clock, no database.
//
// A shift is a weekly pattern in the local time of a named zone. A local time becomes the first
// instant at which the clock on the wall of that zone shows it or something later. So a time that a
// spring change leaves out becomes the instant of the change, and one that comes twice in autumn is
// taken the first time. Shifts that meet on paper therefore meet in reality too, and a shift across
// a change of clocks has the length that people really work.
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

// Calendar is a person's weekly pattern, ready to be asked. The zero Calendar has no shifts.
type Calendar struct{ lines []line }

// line is one shift with its zone loaded.
type line struct {
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

// Calendar makes a calendar of somebody's shifts. Shifts that cannot be read, such as those in a
// zone this machine does not know, are left out and named in the error; the rest of the calendar
// works.
func (z Zones) Calendar(shifts []inbox.Shift) (Calendar, error) {
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
	return c, errors.Join(problems...)
}

func (z Zones) line(s inbox.Shift) (line, error) {
	if err := errors.Join(checkWeekdays(s.Weekdays), checkTimes(s.From, s.To), checkDays(s.Since, s.Until)); err != nil {
		return line{}, err
	}
	zone := z[s.Zone]
	if zone == nil {
		var err error
		if zone, err = loadZone(s.Zone); err != nil {
			return line{}, err
		}
		z[s.Zone] = zone
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

// Empty tells whether the calendar has no shifts at all, which is not the same as being off duty.
func (c Calendar) Empty() bool { return len(c.lines) == 0 }

// OnDuty tells whether at lies in a shift.
func (c Calendar) OnDuty(at time.Time) bool {
	for _, l := range c.lines {
		// A shift begins on its local day or, after midnight, on the day before; one more day
		// covers a zone that has moved across the date line meanwhile.
		today := localDay(at, l.zone)
		for day := today - 2; day <= today+1; day++ {
			if d, ok := l.duty(day); ok && !at.Before(d.From) && at.Before(d.To) {
				return true
			}
		}
	}
	return false
}

// Duties returns when the person is on duty between two instants, in order and cut to them; shifts
// that overlap or meet are one. Its cost grows with the number of days.
func (c Calendar) Duties(from, to time.Time) []Duty {
	var all []Duty
	for _, l := range c.lines {
		begin := max(localDay(from, l.zone)-2, l.since)
		end := min(localDay(to, l.zone)+1, l.until)
		for day := begin; day <= end; day++ {
			if d, ok := l.duty(day); ok {
				all = append(all, d)
			}
		}
	}
	return union(all, from, to)
}

// NextEdge returns the first instant after one and up to another at which the person comes on or
// goes off duty; zero if there is none.
func (c Calendar) NextEdge(after, upTo time.Time) time.Time {
	// Duties are cut to the asked span: ask for a little more, so that a cut is never an edge.
	from, to := after.Add(-time.Minute), upTo.Add(time.Minute)
	for _, d := range c.Duties(from, to) {
		for _, edge := range [...]time.Time{d.From, d.To} {
			if edge.After(after) && !edge.After(upTo) {
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
	slices.SortFunc(all, func(a, b Duty) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	var joined []Duty
	for _, d := range all {
		if d.From.Before(from) {
			d.From = from
		}
		if d.To.After(to) {
			d.To = to
		}
		if !d.From.Before(d.To) {
			continue
		}
		if n := len(joined); n > 0 && !d.From.After(joined[n-1].To) {
			if d.To.After(joined[n-1].To) {
				joined[n-1].To = d.To
			}
			continue
		}
		joined = append(joined, d)
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
