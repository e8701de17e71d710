package shift

import (
	"errors"
	"fmt"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// Check tells what is wrong with a shift that somebody wants to keep: all problems joined, each an
// *inbox.Error of code Invalid with its field; nil if the shift is good.
func Check(s inbox.Shift) error {
	return errors.Join(checkZone(s.Zone), checkWeekdays(s.Weekdays), checkTimes(s.From, s.To), checkDays(s.Since, s.Until))
}

// CheckException tells what is wrong with an exception that somebody wants to keep, like Check.
func CheckException(e inbox.RosterException) error {
	problems := []error{checkKind(e), checkZone(e.Zone), checkSpan(e.First, e.Last)}
	if e.Kind == inbox.ExceptionExtra {
		problems = append(problems, checkTimes(e.From, e.To))
	}
	return errors.Join(problems...)
}

func checkKind(e inbox.RosterException) error {
	switch e.Kind {
	case inbox.ExceptionOff, inbox.ExceptionLeave, inbox.ExceptionExtra:
		return nil
	}
	return inbox.InvalidField("body.kind", "an exception is off, leave or extra")
}

// longestSpan is how many days one exception may cover.
const longestSpan = 366

func checkSpan(begin, end string) error {
	from, err := parseDay(begin)
	if err != nil {
		return inbox.InvalidField("body.first", "the first day is a date such as 2026-01-31")
	}
	to, err := parseDay(end)
	switch {
	case err != nil:
		return inbox.InvalidField("body.last", "the last day is a date such as 2026-01-31")
	case to < from:
		return inbox.InvalidField("body.last", "the last day is before the first")
	case to-from >= longestSpan:
		return inbox.InvalidField("body.last", "an exception covers at most %d days", longestSpan)
	}
	return nil
}

func checkZone(zone string) error {
	_, err := loadZone(zone)
	return err
}

func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" { // Go's name for the zone of the machine
		return nil, inbox.InvalidField("body.zone", "a shift needs a time zone such as Europe/Berlin")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, &inbox.Error{Code: inbox.Invalid, Field: "body.zone", Msg: fmt.Sprintf("there is no time zone %q", name), Err: err}
	}
	return zone, nil
}

func checkWeekdays(days []int) error {
	if len(days) == 0 {
		return inbox.InvalidField("body.weekdays", "a shift needs at least one weekday")
	}
	var seen [8]bool
	for _, day := range days {
		if day < 1 || day > 7 {
			return inbox.InvalidField("body.weekdays", "weekdays are numbers from 1 (Monday) to 7 (Sunday)")
		}
		if seen[day] {
			return inbox.InvalidField("body.weekdays", "weekday %d is there twice", day)
		}
		seen[day] = true
	}
	return nil
}

func checkTimes(from, to int) error {
	var problems []error
	if from < 0 || from >= dayMinutes {
		problems = append(problems, inbox.InvalidField("body.from", "a shift begins between 00:00 and 23:59"))
	}
	if to < 0 || to > dayMinutes {
		problems = append(problems, inbox.InvalidField("body.to", "a shift ends between 00:00 and 24:00"))
	}
	return errors.Join(problems...)
}

func checkDays(since, until string) error {
	var problems []error
	begin, end := int64(first), int64(last)
	var err error
	if since != "" {
		if begin, err = parseDay(since); err != nil {
			problems = append(problems, inbox.InvalidField("body.since", "the first day is a date such as 2026-01-31"))
		}
	}
	if until != "" {
		if end, err = parseDay(until); err != nil {
			problems = append(problems, inbox.InvalidField("body.until", "the last day is a date such as 2026-01-31"))
		}
	}
	if len(problems) == 0 && end < begin {
		problems = append(problems, inbox.InvalidField("body.until", "the last day is before the first"))
	}
	return errors.Join(problems...)
}

// parseDay reads a date and returns its number of days since 1970-01-01.
func parseDay(date string) (int64, error) {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0, err
	}
	return floorDiv(t.Unix(), daySeconds), nil
}

// ParseMinute reads a time of day such as 09:30 as minutes since midnight; 24:00 is allowed. field
// is named in the error.
func ParseMinute(field, text string) (int, error) {
	if text == "24:00" {
		return dayMinutes, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, inbox.InvalidField(field, "%q is not a time of day such as 09:30", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// FormatMinute writes minutes since midnight as a time of day.
func FormatMinute(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }
