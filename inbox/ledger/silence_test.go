package ledger_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/ledger"
)

// monday is the Monday after four weeks of history, at midnight.
var monday = time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)

// weeks is the history of so many weeks before monday: items says how many mails come in an hour.
func weeks(n int, items func(at time.Time) int) []inbox.HourCount {
	var list []inbox.HourCount
	for at := monday.AddDate(0, 0, -7*n); at.Before(monday); at = at.Add(time.Hour) {
		if count := items(at); count > 0 {
			list = append(list, inbox.HourCount{Hour: at.Unix() / 3600, Items: count})
		}
	}
	return list
}

// officeHours: six mails an hour from Monday to Friday, 9 to 17.
func officeHours(at time.Time) int {
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || at.Hour() < 9 || at.Hour() >= 17 {
		return 0
	}
	return 6
}

func TestSilent(t *testing.T) {
	friday := monday.Add(-55*time.Hour - time.Minute) // just before 17:00
	at := func(hours float64) time.Time { return monday.Add(time.Duration(hours * float64(time.Hour))) }
	burst := func(at time.Time) int { // forty mails at once, every other day
		if at.Hour() == 10 && at.YearDay()%2 == 0 {
			return 40
		}
		return 0
	}
	for name, tt := range map[string]struct {
		history      []inbox.HourCount
		since, until time.Time
		hours        int
		want         bool
	}{
		"a weekend":                           {weeks(4, officeHours), friday, at(9), 0, false},
		"Monday at half past nine":            {weeks(4, officeHours), friday, at(9.5), 0, false},
		"Monday at noon":                      {weeks(4, officeHours), friday, at(12), 0, true},
		"Monday at noon, switched off":        {weeks(4, officeHours), friday, at(12), inbox.SilenceNever, false},
		"an hour of hard setting":             {weeks(4, officeHours), friday, friday.Add(time.Hour), 1, true},
		"less than the hard setting":          {weeks(4, officeHours), friday, friday.Add(time.Hour), 2, false},
		"a hard setting without history":      {nil, friday, friday.Add(5 * time.Hour), 4, true},
		"no history":                          {nil, friday, at(500), 0, false},
		"a week of history":                   {weeks(1, officeHours), friday, at(11), 0, false},
		"two weeks of history":                {weeks(3, officeHours)[:85], friday.AddDate(0, 0, -7), at(11), 0, true},
		"a few mails":                         {weeks(4, officeHours)[:2], friday, at(11), 0, false},
		"one mail a day, two days missing":    {weeks(4, func(at time.Time) int { return b(at.Hour() == 12) }), at(-11), at(37), 0, false},
		"one mail a day, two weeks missing":   {weeks(4, func(at time.Time) int { return b(at.Hour() == 12) }), at(-11), at(14 * 24), 0, true},
		"bursts, the next one late by a day":  {weeks(4, burst), monday.Add(-14 * time.Hour), at(34), 0, false},
		"bursts, six of them missing":         {weeks(4, burst), monday.Add(-14 * time.Hour), at(13 * 24), 0, true},
		"minutes of a very busy mailbox":      {weeks(4, func(time.Time) int { return 600 }), at(0), at(0.9), 0, false},
		"more than an hour of a busy mailbox": {weeks(4, func(time.Time) int { return 600 }), at(0), at(1.1), 0, true},
		"looked at before the last mail came": {weeks(4, officeHours), at(11), at(9), 0, false},
	} {
		if expected, got := ledger.Silent(tt.history, tt.since, tt.until, tt.hours); got != tt.want {
			t.Errorf("%s: alarm %v, want %v (%d mails expected)", name, got, tt.want, expected)
		}
	}
	if expected, _ := ledger.Silent(weeks(4, officeHours), friday, at(12), 0); expected != 18 {
		t.Errorf("expected %d mails on Monday until noon, want 18", expected)
	}
}

func b(is bool) int {
	if is {
		return 1
	}
	return 0
}

// A mailbox that goes on as it did raises no alarm: neither at night nor by chance.
func TestNoFalseAlarm(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, mean := range []float64{0.05, 0.5, 5} { // mails in a busy hour
		var history []inbox.HourCount
		last, alarms := time.Time{}, 0
		for at := monday.AddDate(0, 0, -28); at.Before(monday.AddDate(0, 0, 7*26)); at = at.Add(time.Hour) {
			first := at.AddDate(0, 0, -28).Unix() / 3600
			for len(history) > 0 && history[0].Hour < first {
				history = history[1:]
			}
			if _, alarm := ledger.Silent(history, last, at, 0); alarm && !last.IsZero() {
				alarms++
			}
			items := 0
			if at.Hour() >= 8 && at.Hour() < 20 && at.Weekday() != time.Sunday {
				for p := random.ExpFloat64(); p < mean; p += random.ExpFloat64() {
					items++
				}
			}
			if items > 0 {
				history = append(history, inbox.HourCount{Hour: at.Unix() / 3600, Items: items})
				last = at.Add(time.Hour)
			}
		}
		if alarms > 0 {
			t.Errorf("%v mails an hour: %d hours of alarm in half a year without any silence", mean, alarms)
		}
	}
}

func BenchmarkSilent(b *testing.B) {
	history := weeks(4, func(time.Time) int { return 3 })
	for b.Loop() {
		ledger.Silent(history, monday.Add(-time.Hour), monday.Add(5*time.Hour), 0)
	}
}
