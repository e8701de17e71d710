package ledger

import (
	"math"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// An hour of the week is what mail follows: nights, weekends, the Monday after.
const week = 7 * 24

// What a rhythm must have before its absence says something.
const (
	historyHours = 2 * week // since the first arrival
	historyItems = 20
	// quietAtLeast is how long silence lasts before anybody is told, whatever the rhythm.
	quietAtLeast = time.Hour
	// surprise is how many mails at least are expected in a silence that is told: by chance a stream
	// of independent mails falls silent for so long once in e^12 ≈ 160,000 times.
	surprise = 12.0
	// margin is by how much a silence exceeds the longest one of the past weeks, both measured in mails
	// that would usually have come. It makes bursts and holidays part of the rhythm.
	margin = 1.5
)

// Silent decides whether it is improbable that no mail came between since and until, and how many
// usually would have come. arrivals are the hours in which mail came, the oldest first. hours is the connection's setting: so many hours are too many,
// SilenceByRhythm goes by the arrivals, SilenceNever never says so. Without enough history nothing is
// improbable.
func Silent(arrivals []inbox.HourCount, since, until time.Time, hours int) (expected int, alarm bool) {
	quiet := until.Sub(since)
	r, regular := rhythmOf(arrivals)
	usual := r.between(since, until)
	switch {
	case hours == inbox.SilenceNever:
		return 0, false
	case hours > 0:
		return int(math.Round(usual)), quiet >= time.Duration(hours)*time.Hour
	case !regular || quiet < quietAtLeast:
		return 0, false
	}
	return int(math.Round(usual)), usual >= max(surprise, margin*r.longest)
}

// rhythm is how many mails a connection usually gets in each hour of the week.
type rhythm struct {
	mean    [week]float64
	longest float64 // the longest silence between two arrivals, in mails that usually come meanwhile
}

// rhythmOf learns a rhythm; regular is false if there is too little to learn from.
func rhythmOf(arrivals []inbox.HourCount) (r rhythm, regular bool) {
	if len(arrivals) < 2 {
		return r, false
	}
	first, last := arrivals[0].Hour, arrivals[len(arrivals)-1].Hour
	items := 0
	for _, a := range arrivals {
		r.mean[a.Hour%week] += float64(a.Items)
		items += a.Items
	}
	for h := range r.mean {
		r.mean[h] /= float64(occurrences(int64(h), first, last))
	}
	for i, a := range arrivals[1:] {
		if gap := r.hours(arrivals[i].Hour+1, a.Hour); gap > r.longest {
			r.longest = gap
		}
	}
	return r, last-first >= historyHours && items >= historyItems
}

// occurrences is how often an hour of the week lies between two hours, both included; at least 1.
func occurrences(hour, first, last int64) int64 {
	ahead := ((hour-first)%week + week) % week
	if first+ahead > last {
		return 1
	}
	return (last-first-ahead)/week + 1
}

// hours is how many mails usually come in the hours from one to before another.
func (r *rhythm) hours(from, to int64) (sum float64) {
	for h := from; h < to; h++ {
		sum += r.mean[h%week]
	}
	return sum
}

// between is how many mails usually come between two moments. The rest of the hour it begins in is
// left out, as the hour of an arrival is where the longest silence is looked for. Silences longer than
// the rhythm is made of count as that.
func (r *rhythm) between(since, until time.Time) float64 {
	if oldest := until.Add(-4 * week * time.Hour); since.Before(oldest) {
		since = oldest
	}
	first, last := since.Unix()/3600+1, until.Unix()/3600
	if first > last {
		return 0
	}
	return r.hours(first, last) + float64(until.Unix()%3600)/3600*r.mean[last%week]
}
