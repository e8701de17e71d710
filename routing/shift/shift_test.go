package shift_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/routing/shift"
)

func calendar(t testing.TB, shifts ...inbox.Shift) shift.Calendar {
	t.Helper()
	c, err := shift.Zones{}.Calendar(shifts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

var (
	daily    = []int{1, 2, 3, 4, 5, 6, 7}
	weekdays = []int{1, 2, 3, 4, 5}
)

func line(zone string, days []int, from, to string) inbox.Shift {
	s := inbox.Shift{Zone: zone, Weekdays: days}
	var err1, err2 error
	s.From, err1 = shift.ParseMinute("from", from)
	s.To, err2 = shift.ParseMinute("to", to)
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	return s
}

// Each case names the span that is asked and the duties in it, with their real lengths on the days
// when clocks change.
func TestDuties(t *testing.T) {
	type span struct{ from, to string }
	for name, tt := range map[string]struct {
		shifts   []inbox.Shift
		from, to string
		want     []span
	}{
		"Berlin, spring: the night is an hour shorter": {
			shifts: []inbox.Shift{line("Europe/Berlin", daily, "22:00", "06:00")},
			from:   "2026-03-28T18:00:00Z", to: "2026-03-29T18:00:00Z",
			want: []span{{"2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"}},
		},
		"Berlin, autumn: the night is an hour longer": {
			shifts: []inbox.Shift{line("Europe/Berlin", daily, "22:00", "06:00")},
			from:   "2026-10-24T18:00:00Z", to: "2026-10-25T18:00:00Z",
			want: []span{{"2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"}},
		},
		"Berlin, spring: a begin that the clock leaves out is the change itself": {
			shifts: []inbox.Shift{line("Europe/Berlin", []int{7}, "02:30", "10:00")},
			from:   "2026-03-29T00:00:00Z", to: "2026-03-30T00:00:00Z",
			want: []span{{"2026-03-29T01:00:00Z", "2026-03-29T08:00:00Z"}},
		},
		"Berlin, spring: a shift inside the missing hour does not exist": {
			shifts: []inbox.Shift{line("Europe/Berlin", []int{7}, "02:00", "03:00")},
			from:   "2026-03-29T00:00:00Z", to: "2026-03-30T00:00:00Z",
		},
		"Berlin, autumn: a time that comes twice is taken the first time, so shifts meet": {
			shifts: []inbox.Shift{line("Europe/Berlin", []int{7}, "00:00", "02:30"), line("Europe/Berlin", []int{7}, "02:30", "08:00")},
			from:   "2026-10-24T20:00:00Z", to: "2026-10-25T20:00:00Z",
			want: []span{{"2026-10-24T22:00:00Z", "2026-10-25T07:00:00Z"}},
		},
		"New York, spring": {
			shifts: []inbox.Shift{line("America/New_York", daily, "00:00", "08:00")},
			from:   "2026-03-08T00:00:00Z", to: "2026-03-09T00:00:00Z",
			want: []span{{"2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z"}},
		},
		"New York, autumn": {
			shifts: []inbox.Shift{line("America/New_York", daily, "00:00", "08:00")},
			from:   "2026-11-01T00:00:00Z", to: "2026-11-02T00:00:00Z",
			want: []span{{"2026-11-01T04:00:00Z", "2026-11-01T13:00:00Z"}},
		},
		"Sydney, spring is in October": {
			shifts: []inbox.Shift{line("Australia/Sydney", []int{7}, "00:00", "06:00")},
			from:   "2026-10-03T00:00:00Z", to: "2026-10-05T00:00:00Z",
			want: []span{{"2026-10-03T14:00:00Z", "2026-10-03T19:00:00Z"}},
		},
		"Sydney, autumn is in April": {
			shifts: []inbox.Shift{line("Australia/Sydney", []int{7}, "00:00", "06:00")},
			from:   "2026-04-04T00:00:00Z", to: "2026-04-06T00:00:00Z",
			want: []span{{"2026-04-04T13:00:00Z", "2026-04-04T20:00:00Z"}},
		},
		"Lord Howe changes by half an hour, spring": {
			shifts: []inbox.Shift{line("Australia/Lord_Howe", []int{7}, "00:00", "06:00")},
			from:   "2026-10-03T00:00:00Z", to: "2026-10-05T00:00:00Z",
			want: []span{{"2026-10-03T13:30:00Z", "2026-10-03T19:00:00Z"}},
		},
		"Lord Howe, autumn": {
			shifts: []inbox.Shift{line("Australia/Lord_Howe", []int{7}, "00:00", "06:00")},
			from:   "2026-04-04T00:00:00Z", to: "2026-04-06T00:00:00Z",
			want: []span{{"2026-04-04T13:00:00Z", "2026-04-04T19:30:00Z"}},
		},
		"Cairo changes at midnight: the day begins at one": {
			shifts: []inbox.Shift{line("Africa/Cairo", []int{5}, "00:00", "04:00")},
			from:   "2026-04-23T12:00:00Z", to: "2026-04-24T12:00:00Z",
			want: []span{{"2026-04-23T22:00:00Z", "2026-04-24T01:00:00Z"}},
		},
		"Kolkata knows no summer time": {
			shifts: []inbox.Shift{line("Asia/Kolkata", []int{7}, "09:00", "17:30")},
			from:   "2026-03-28T00:00:00Z", to: "2026-03-30T00:00:00Z",
			want: []span{{"2026-03-29T03:30:00Z", "2026-03-29T12:00:00Z"}},
		},
		"Apia had no 30 December 2011": {
			shifts: []inbox.Shift{line("Pacific/Apia", daily, "09:00", "17:00")},
			from:   "2011-12-29T10:00:00Z", to: "2011-12-31T10:00:00Z",
			want: []span{{"2011-12-29T19:00:00Z", "2011-12-30T03:00:00Z"}, {"2011-12-30T19:00:00Z", "2011-12-31T03:00:00Z"}},
		},
		"zones mixed: hand-over without a gap": {
			shifts: []inbox.Shift{line("Europe/Rome", []int{1}, "09:00", "17:00"), line("America/New_York", []int{1}, "11:00", "15:00")},
			from:   "2026-06-01T00:00:00Z", to: "2026-06-02T00:00:00Z",
			want: []span{{"2026-06-01T07:00:00Z", "2026-06-01T19:00:00Z"}},
		},
		"zones mixed: the same hand-over tears while only one side has changed its clocks": {
			shifts: []inbox.Shift{line("Europe/Rome", []int{1}, "09:00", "16:00"), line("America/New_York", []int{1}, "10:00", "15:00")},
			from:   "2026-10-26T00:00:00Z", to: "2026-11-03T00:00:00Z",
			want: []span{{"2026-10-26T08:00:00Z", "2026-10-26T19:00:00Z"}, {"2026-11-02T08:00:00Z", "2026-11-02T20:00:00Z"}},
		},
		"to 24:00 and from 00:00 are one duty": {
			shifts: []inbox.Shift{line("UTC", []int{1}, "20:00", "24:00"), line("UTC", []int{2}, "00:00", "04:00")},
			from:   "2026-06-01T00:00:00Z", to: "2026-06-03T00:00:00Z",
			want: []span{{"2026-06-01T20:00:00Z", "2026-06-02T04:00:00Z"}},
		},
		"the same time twice is a whole day": {
			shifts: []inbox.Shift{line("UTC", []int{1}, "08:00", "08:00")},
			from:   "2026-06-01T00:00:00Z", to: "2026-06-08T00:00:00Z",
			want: []span{{"2026-06-01T08:00:00Z", "2026-06-02T08:00:00Z"}},
		},
		"since and until are days on which a shift begins": {
			shifts: []inbox.Shift{{Zone: "Asia/Tokyo", Weekdays: daily, From: 22 * 60, To: 6 * 60, Since: "2026-06-02", Until: "2026-06-02"}},
			from:   "2026-06-01T00:00:00Z", to: "2026-06-05T00:00:00Z",
			want: []span{{"2026-06-02T13:00:00Z", "2026-06-02T21:00:00Z"}},
		},
		"cut to what was asked": {
			shifts: []inbox.Shift{line("UTC", weekdays, "09:00", "17:00")},
			from:   "2026-06-01T12:00:00Z", to: "2026-06-02T10:00:00Z",
			want: []span{{"2026-06-01T12:00:00Z", "2026-06-01T17:00:00Z"}, {"2026-06-02T09:00:00Z", "2026-06-02T10:00:00Z"}},
		},
		"before 1970": {
			shifts: []inbox.Shift{line("UTC", []int{1}, "09:00", "17:00")},
			from:   "1968-12-30T00:00:00Z", to: "1969-01-01T00:00:00Z",
			want: []span{{"1968-12-30T09:00:00Z", "1968-12-30T17:00:00Z"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var want []shift.Duty
			for _, s := range tt.want {
				want = append(want, shift.Duty{From: instant(t, s.from), To: instant(t, s.to)})
			}
			c := calendar(t, tt.shifts...)
			got := c.Duties(instant(t, tt.from), instant(t, tt.to))
			if !slices.Equal(got, want) {
				t.Fatalf("Duties = %v\nwant     %v", got, want)
			}
			for _, d := range got {
				if !c.OnDuty(d.From) || !c.OnDuty(d.To.Add(-time.Second)) {
					t.Errorf("off duty inside %v", d)
				}
				if c.OnDuty(d.To) && d.To != instant(t, tt.to) {
					t.Errorf("on duty at the end of %v", d)
				}
			}
		})
	}
}

func TestNextEdge(t *testing.T) {
	office := line("Europe/Berlin", weekdays, "09:00", "17:00")
	for name, tt := range map[string]struct {
		shifts            []inbox.Shift
		after, upTo, want string
	}{
		"begins":                {[]inbox.Shift{office}, "2026-06-01T06:00:00Z", "2026-06-02T06:00:00Z", "2026-06-01T07:00:00Z"},
		"ends":                  {[]inbox.Shift{office}, "2026-06-01T07:00:00Z", "2026-06-02T06:00:00Z", "2026-06-01T15:00:00Z"},
		"over the weekend":      {[]inbox.Shift{office}, "2026-06-05T15:00:00Z", "2026-06-09T06:00:00Z", "2026-06-08T07:00:00Z"},
		"exactly at the border": {[]inbox.Shift{office}, "2026-06-01T06:00:00Z", "2026-06-01T07:00:00Z", "2026-06-01T07:00:00Z"},
		"not so far":            {[]inbox.Shift{office}, "2026-06-01T06:00:00Z", "2026-06-01T06:59:00Z", ""},
		"always on duty":        {[]inbox.Shift{line("Europe/Berlin", daily, "00:00", "24:00")}, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", ""},
		"no shifts":             {nil, "2026-06-01T06:00:00Z", "2026-07-01T06:00:00Z", ""},
		"first night after a change of clocks": {[]inbox.Shift{line("America/Sao_Paulo", daily, "00:00", "06:00")},
			"2018-11-03T12:00:00Z", "2018-11-05T00:00:00Z", "2018-11-04T03:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			var want time.Time
			if tt.want != "" {
				want = instant(t, tt.want)
			}
			if got := calendar(t, tt.shifts...).NextEdge(instant(t, tt.after), instant(t, tt.upTo)); !got.Equal(want) {
				t.Errorf("NextEdge = %v, want %v", got, want)
			}
		})
	}
}

func TestGaps(t *testing.T) {
	from, to := instant(t, "2026-06-01T00:00:00Z"), instant(t, "2026-06-02T00:00:00Z")
	day := calendar(t, line("UTC", daily, "08:00", "16:00")).Duties(from, to)
	evening := calendar(t, line("UTC", daily, "15:00", "22:00")).Duties(from, to)
	night := calendar(t, line("UTC", daily, "22:00", "08:00")).Duties(from, to)
	got := shift.Gaps([][]shift.Duty{evening, day}, from, to)
	want := []shift.Duty{{From: from, To: instant(t, "2026-06-01T08:00:00Z")}, {From: instant(t, "2026-06-01T22:00:00Z"), To: to}}
	if !slices.Equal(got, want) {
		t.Errorf("Gaps = %v, want %v", got, want)
	}
	if got := shift.Gaps([][]shift.Duty{evening, day, night}, from, to); got != nil {
		t.Errorf("Gaps of a whole day = %v, want none", got)
	}
	if got := shift.Gaps(nil, from, to); !slices.Equal(got, []shift.Duty{{From: from, To: to}}) {
		t.Errorf("Gaps without people = %v, want all", got)
	}
}

func TestCheck(t *testing.T) {
	good := inbox.Shift{Zone: "Europe/Rome", Weekdays: []int{1, 5}, From: 540, To: 1440, Since: "2026-01-31", Until: "2026-01-31"}
	if err := shift.Check(good); err != nil {
		t.Fatalf("Check of a good shift = %v", err)
	}
	for name, tt := range map[string]struct {
		change func(*inbox.Shift)
		fields []string
	}{
		"unknown zone":     {func(s *inbox.Shift) { s.Zone = "Europe/Atlantis" }, []string{"body.zone"}},
		"no zone":          {func(s *inbox.Shift) { s.Zone = "" }, []string{"body.zone"}},
		"machine's zone":   {func(s *inbox.Shift) { s.Zone = "Local" }, []string{"body.zone"}},
		"a path":           {func(s *inbox.Shift) { s.Zone = "../etc/passwd" }, []string{"body.zone"}},
		"no weekdays":      {func(s *inbox.Shift) { s.Weekdays = nil }, []string{"body.weekdays"}},
		"weekday 0":        {func(s *inbox.Shift) { s.Weekdays = []int{0} }, []string{"body.weekdays"}},
		"weekday 8":        {func(s *inbox.Shift) { s.Weekdays = []int{8} }, []string{"body.weekdays"}},
		"weekday twice":    {func(s *inbox.Shift) { s.Weekdays = []int{3, 3} }, []string{"body.weekdays"}},
		"begins at 24:00":  {func(s *inbox.Shift) { s.From = 1440 }, []string{"body.from"}},
		"ends after 24:00": {func(s *inbox.Shift) { s.To = 1441 }, []string{"body.to"}},
		"negative":         {func(s *inbox.Shift) { s.From, s.To = -1, -1 }, []string{"body.from", "body.to"}},
		"no date":          {func(s *inbox.Shift) { s.Since, s.Until = "2026-02-30", "soon" }, []string{"body.since", "body.until"}},
		"backwards":        {func(s *inbox.Shift) { s.Until = "2026-01-30" }, []string{"body.until"}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			tt.change(&bad)
			if got := fields(shift.Check(bad)); !slices.Equal(got, tt.fields) {
				t.Errorf("fields = %v, want %v", got, tt.fields)
			}
			if _, err := (shift.Zones{}).Calendar([]inbox.Shift{bad}, nil); err == nil {
				t.Error("a calendar was made of it without an error")
			}
		})
	}
}

// fields are those named in a tree of joined errors, in order.
func fields(err error) []string {
	if e, ok := err.(*inbox.Error); ok {
		return []string{e.Field}
	}
	var list []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			list = append(list, fields(e)...)
		}
	}
	return list
}

// A shift that cannot be read must not take the others with it.
func TestCalendarKeepsWhatItCanRead(t *testing.T) {
	c, err := shift.Zones{}.Calendar([]inbox.Shift{line("Europe/Atlantis", daily, "09:00", "17:00"), line("UTC", daily, "09:00", "17:00")}, nil)
	if err == nil {
		t.Error("the unknown zone was not named")
	}
	if !c.OnDuty(instant(t, "2026-06-01T12:00:00Z")) {
		t.Error("the good shift is lost")
	}
}

// Exceptions against a pattern of every day from nine to five and a night from ten to six.
func TestExceptions(t *testing.T) {
	type span struct{ from, to string }
	const zone = "Europe/Berlin"
	day, night := line(zone, daily, "09:00", "17:00"), line(zone, daily, "22:00", "06:00")
	except := func(kind inbox.ExceptionKind, first, last string) inbox.RosterException {
		return inbox.RosterException{Kind: kind, Zone: zone, First: first, Last: last, From: 12 * 60, To: 15 * 60}
	}
	for name, tt := range map[string]struct {
		pattern    inbox.Shift
		exceptions []inbox.RosterException
		from, to   string
		want       []span
		leave      []span
	}{
		"a day off": {
			pattern: day, exceptions: []inbox.RosterException{except(inbox.ExceptionOff, "2026-06-02", "2026-06-02")},
			from: "2026-06-01T00:00:00Z", to: "2026-06-04T00:00:00Z",
			want: []span{{"2026-06-01T07:00:00Z", "2026-06-01T15:00:00Z"}, {"2026-06-03T07:00:00Z", "2026-06-03T15:00:00Z"}},
		},
		"the night before a day off is worked to its end, the night of it is not": {
			pattern: night, exceptions: []inbox.RosterException{except(inbox.ExceptionOff, "2026-06-02", "2026-06-02")},
			from: "2026-06-01T12:00:00Z", to: "2026-06-03T12:00:00Z",
			want: []span{{"2026-06-01T20:00:00Z", "2026-06-02T04:00:00Z"}},
		},
		"an extra shift on a day off": {
			pattern:    day,
			exceptions: []inbox.RosterException{except(inbox.ExceptionOff, "2026-06-02", "2026-06-02"), except(inbox.ExceptionExtra, "2026-06-02", "2026-06-02")},
			from:       "2026-06-02T00:00:00Z", to: "2026-06-03T00:00:00Z",
			want: []span{{"2026-06-02T10:00:00Z", "2026-06-02T13:00:00Z"}},
		},
		"an extra shift that meets the pattern makes one": {
			pattern: day, exceptions: []inbox.RosterException{{Kind: inbox.ExceptionExtra, Zone: zone, First: "2026-06-02", Last: "2026-06-02", From: 17 * 60, To: 20 * 60}},
			from: "2026-06-02T00:00:00Z", to: "2026-06-03T00:00:00Z",
			want: []span{{"2026-06-02T07:00:00Z", "2026-06-02T18:00:00Z"}},
		},
		"leave over the spring change": {
			pattern: day, exceptions: []inbox.RosterException{except(inbox.ExceptionLeave, "2026-03-28", "2026-03-29"), except(inbox.ExceptionLeave, "2026-03-30", "2026-03-30")},
			from: "2026-03-27T12:00:00Z", to: "2026-03-31T12:00:00Z",
			want:  []span{{"2026-03-27T12:00:00Z", "2026-03-27T16:00:00Z"}, {"2026-03-31T07:00:00Z", "2026-03-31T12:00:00Z"}},
			leave: []span{{"2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z"}},
		},
		"leave in another zone than the shift": {
			pattern:    line("America/New_York", daily, "09:00", "17:00"),
			exceptions: []inbox.RosterException{{Kind: inbox.ExceptionLeave, Zone: "Asia/Tokyo", First: "2026-11-01", Last: "2026-11-01"}},
			from:       "2026-10-31T00:00:00Z", to: "2026-11-03T00:00:00Z",
			want:  []span{{"2026-10-31T13:00:00Z", "2026-10-31T21:00:00Z"}, {"2026-11-02T14:00:00Z", "2026-11-02T22:00:00Z"}},
			leave: []span{{"2026-10-31T21:00:00Z", "2026-11-01T15:00:00Z"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := shift.Zones{}.Calendar([]inbox.Shift{tt.pattern}, tt.exceptions)
			if err != nil {
				t.Fatal(err)
			}
			var got []span
			for _, d := range c.Duties(instant(t, tt.from), instant(t, tt.to)) {
				got = append(got, span{d.From.Format(time.RFC3339), d.To.Format(time.RFC3339)})
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("duties %v, want %v", got, tt.want)
			}
			for _, l := range tt.leave {
				from, to := instant(t, l.from), instant(t, l.to)
				if c.OnLeave(from.Add(-time.Second)) || !c.OnLeave(from) || !c.OnLeave(to.Add(-time.Second)) || c.OnLeave(to) {
					t.Errorf("leave is not from %v to %v", from, to)
				}
				if edge := c.NextEdge(to.Add(-time.Second), to); !edge.Equal(to) {
					t.Errorf("the end of leave is no edge: %v", edge)
				}
			}
			if len(tt.leave) == 0 && c.OnLeave(instant(t, tt.from).Add(time.Hour)) {
				t.Error("on leave")
			}
		})
	}
}

func TestCheckException(t *testing.T) {
	good := inbox.RosterException{Kind: inbox.ExceptionExtra, Zone: "Europe/Rome", First: "2026-06-01", Last: "2026-06-05", From: 540, To: 1020}
	if err := shift.CheckException(good); err != nil {
		t.Error(err)
	}
	for name, tt := range map[string]struct {
		spoil func(*inbox.RosterException)
		field string
	}{
		"kind":     {func(e *inbox.RosterException) { e.Kind = "holiday" }, "body.kind"},
		"zone":     {func(e *inbox.RosterException) { e.Zone = "Europe/Atlantis" }, "body.zone"},
		"first":    {func(e *inbox.RosterException) { e.First = "2026-02-30" }, "body.first"},
		"last":     {func(e *inbox.RosterException) { e.Last = "" }, "body.last"},
		"order":    {func(e *inbox.RosterException) { e.Last = "2026-05-31" }, "body.last"},
		"too long": {func(e *inbox.RosterException) { e.Last = "2027-06-02" }, "body.last"},
		"from":     {func(e *inbox.RosterException) { e.From = 1440 }, "body.from"},
	} {
		t.Run(name, func(t *testing.T) {
			e := good
			tt.spoil(&e)
			if got := fields(shift.CheckException(e)); !slices.Equal(got, []string{tt.field}) {
				t.Errorf("fields %v, want %s", got, tt.field)
			}
		})
	}
}

func TestMinutes(t *testing.T) {
	for text, want := range map[string]int{"00:00": 0, "09:30": 570, "23:59": 1439, "24:00": 1440} {
		got, err := shift.ParseMinute("body.from", text)
		if err != nil || got != want || shift.FormatMinute(got) != text {
			t.Errorf("ParseMinute(%q) = %d, %v; want %d and back", text, got, err, want)
		}
	}
	for _, text := range []string{"", "9:30", "24:01", "12:60", "noon", "09:30:00", "-1:00"} {
		if _, err := shift.ParseMinute("body.from", text); !slices.Equal(fields(err), []string{"body.from"}) {
			t.Errorf("ParseMinute(%q) = %v, want an error at body.from", text, err)
		}
	}
}

// zones change their clocks north, south, by half an hour, at midnight, and not at all.
var zones = []string{"Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata", "Pacific/Chatham", "UTC"}

// FuzzDuties holds the three views of a calendar together: who asks for an instant, for a span and
// for the next change must get the same answer.
func FuzzDuties(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		var shifts []inbox.Shift
		for range 1 + r.IntN(3) {
			s := inbox.Shift{Zone: zones[r.IntN(len(zones))], Weekdays: r.Perm(7)[:1+r.IntN(7)], From: r.IntN(1440), To: r.IntN(1441)}
			for i := range s.Weekdays {
				s.Weekdays[i]++
			}
			if r.IntN(4) == 0 {
				s.Since = "2026-03-29"
			}
			if r.IntN(4) == 0 {
				s.Until = "2026-10-25"
			}
			shifts = append(shifts, s)
		}
		exceptions := randomExceptions(r)
		c, err := shift.Zones{}.Calendar(shifts, exceptions)
		if err != nil {
			t.Fatal(err)
		}
		// Around the days on which the zones above change their clocks.
		days := []string{"2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-10-04", "2026-10-25", "2026-10-30", "2026-11-01", "2026-07-01"}
		from := instant(t, days[r.IntN(len(days))]+"T00:00:00Z").Add(-48 * time.Hour)
		to := from.Add(96 * time.Hour)
		duties := c.Duties(from, to)
		for i, d := range duties {
			if !d.From.Before(d.To) || i > 0 && !duties[i-1].To.Before(d.From) {
				t.Fatalf("duties are not apart and in order: %v", duties)
			}
		}
		// Leave begins and ends at edges too; both together say when something changes.
		edge := from
		var leaves []time.Time
		for at, on := from, c.OnLeave(from); at.Before(to); at = at.Add(time.Minute) {
			if now := c.OnLeave(at); now != on {
				leaves, on = append(leaves, at), now
			}
		}
		for at := from; at.Before(to); at = at.Add(7*time.Minute + 30*time.Second) {
			inside := slices.ContainsFunc(duties, func(d shift.Duty) bool { return !at.Before(d.From) && at.Before(d.To) })
			if on := c.OnDuty(at); on != inside {
				t.Fatalf("%+v: OnDuty(%v) = %v, Duties = %v", shifts, at, on, duties)
			}
		}
		want := leaves
		for _, d := range duties {
			want = append(want, d.From, d.To)
		}
		slices.SortFunc(want, time.Time.Compare)
		for _, next := range slices.CompactFunc(want, time.Time.Equal) {
			if next.Equal(from) || next.Equal(to) {
				continue
			}
			if edge = c.NextEdge(edge, to); !edge.Equal(next) {
				t.Fatalf("%+v, %+v: NextEdge = %v, want %v of %v", shifts, exceptions, edge, next, want)
			}
		}
	})
}

func randomExceptions(r *rand.Rand) []inbox.RosterException {
	var list []inbox.RosterException
	kinds := []inbox.ExceptionKind{inbox.ExceptionOff, inbox.ExceptionLeave, inbox.ExceptionExtra}
	for range r.IntN(4) {
		day := []string{"2026-03-28", "2026-03-29", "2026-04-05", "2026-10-25", "2026-10-31", "2026-11-01"}[r.IntN(6)]
		list = append(list, inbox.RosterException{Kind: kinds[r.IntN(3)], Zone: zones[r.IntN(len(zones))], First: day, Last: day, From: r.IntN(1440), To: r.IntN(1441)})
	}
	return list
}

func BenchmarkOnDuty(b *testing.B) {
	c := calendar(b, line("Europe/Berlin", weekdays, "09:00", "13:00"), line("Europe/Berlin", weekdays, "14:00", "18:00"))
	at := instant(b, "2026-06-01T12:30:00Z")
	for b.Loop() {
		c.OnDuty(at)
	}
}
