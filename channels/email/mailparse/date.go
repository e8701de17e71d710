package mailparse

import (
	"strconv"
	"strings"
	"time"
)

// parseDate returns what the Date field claims, or the zero time. It takes the words of a date in
// any order, so it reads the standard's form, asctime's and most wrong ones.
func parseDate(h header) time.Time {
	value := cleanLine(decodeWords(h.get("date"), ""))
	if value == "" || len(value) > 200 {
		return time.Time{}
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return t.UTC()
	}
	if i := strings.IndexByte(value, '('); i > 0 {
		value = value[:i] // a comment with the zone's name
	}
	var d dateWords
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
		d.take(word)
	}
	return d.time()
}

// dateWords collects the parts of a date.
type dateWords struct {
	year, month, day     int
	hour, minute, second int
	hasTime              bool
	offset               int // seconds east of UTC
	afternoon, morning   bool
}

func (d *dateWords) take(word string) {
	switch {
	case word[0] == '+' || word[0] == '-':
		d.offset = zoneOffset(word)
	case strings.IndexByte(word, ':') > 0:
		d.takeTime(word)
	case strings.Count(word, "-") == 2 || strings.Count(word, "/") == 2:
		d.takeDay(strings.FieldsFunc(word, func(r rune) bool { return r == '-' || r == '/' }))
	case strings.Count(strings.TrimRight(word, "."), ".") == 2:
		if parts := strings.Split(word, "."); d.year > 0 && len(parts[2]) <= 2 { // after the day: a time
			d.takeTime(strings.Join(parts, ":"))
		} else {
			d.takeDay([]string{parts[2], parts[1], parts[0]})
		}
	default:
		if number, err := strconv.Atoi(strings.TrimRight(word, ".")); err == nil {
			d.takeNumber(number, len(word))
			return
		}
		d.takeName(word)
	}
}

func (d *dateWords) takeNumber(number, digits int) {
	switch {
	case digits >= 4:
		d.year = number
	case d.day == 0 && number >= 1 && number <= 31:
		d.day = number
	case d.year == 0:
		d.year = fullYear(number)
	}
}

// fullYear reads years of two or three digits as RFC 5322 section 4.3 does.
func fullYear(number int) int {
	switch {
	case number < 50:
		return number + 2000
	case number < 1000:
		return number + 1900
	}
	return number
}

// takeDay reads 2025-03-03 and 03-Mar-2025.
func (d *dateWords) takeDay(parts []string) {
	if len(parts) != 3 {
		return
	}
	first, _ := strconv.Atoi(parts[0])
	second, _ := strconv.Atoi(parts[1])
	third, _ := strconv.Atoi(parts[2])
	switch {
	case len(parts[0]) == 4:
		d.year, d.month, d.day = first, second, third
	case monthOf(parts[1]) > 0:
		d.day, d.month, d.year = first, monthOf(parts[1]), fullYear(third)
	case first > 12:
		d.day, d.month, d.year = first, second, fullYear(third)
	default:
		d.month, d.day, d.year = first, second, fullYear(third)
	}
}

func (d *dateWords) takeTime(word string) {
	if i := strings.LastIndexAny(word, "+-"); i > 0 {
		d.offset = zoneOffset(word[i:])
		word = word[:i]
	}
	parts := strings.SplitN(word, ":", 3)
	hour, err := strconv.Atoi(parts[0])
	if err != nil || d.hasTime || len(parts) < 2 {
		return
	}
	minute, _ := strconv.Atoi(parts[1])
	second := 0
	if len(parts) == 3 {
		whole, _, _ := strings.Cut(parts[2], ".")
		second, _ = strconv.Atoi(whole)
	}
	d.hour, d.minute, d.second, d.hasTime = hour, minute, min(second, 59), true
}

func (d *dateWords) takeName(word string) {
	if month := monthOf(word); month > 0 && d.month == 0 {
		d.month = month
		return
	}
	switch strings.ToUpper(word) {
	case "PM":
		d.afternoon = true
	case "AM":
		d.morning = true
	case "EST":
		d.offset = -5 * 3600
	case "EDT":
		d.offset = -4 * 3600
	case "CST":
		d.offset = -6 * 3600
	case "CDT":
		d.offset = -5 * 3600
	case "MST":
		d.offset = -7 * 3600
	case "MDT":
		d.offset = -6 * 3600
	case "PST":
		d.offset = -8 * 3600
	case "PDT":
		d.offset = -7 * 3600
	case "CET", "BST":
		d.offset = 3600
	case "CEST", "EET":
		d.offset = 2 * 3600
	case "EEST", "MSK":
		d.offset = 3 * 3600
	case "JST", "KST":
		d.offset = 9 * 3600
	default:
		if rest, ok := strings.CutPrefix(strings.ToUpper(word), "GMT"); ok && rest != "" {
			d.offset = zoneOffset(rest)
		}
	}
}

// monthOf returns 1 to 12 for the name of a month in English, or in another language of programs that
// do not keep to the standard, or the first letters of it; else 0.
func monthOf(word string) int {
	word = strings.TrimRight(strings.ToLower(word), ".")
	if len(word) < 3 {
		return 0
	}
	if i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", word[:3]); i >= 0 && i%3 == 0 {
		return i/3 + 1
	}
	for month, names := range foreignMonths {
		for name := range strings.FieldsSeq(names) {
			if strings.HasPrefix(word, name) {
				return month + 1
			}
		}
	}
	return 0
}

// foreignMonths are how the names of the months begin in German, French, Spanish, Portuguese, Italian,
// Dutch, Polish, Russian and Turkish, where that is not as in English.
var foreignMonths = [12]string{
	"jän ene gen sty янв oca",
	"fév fev lut фев şub",
	"mär mrz maa mrt мар",
	"avr abr kwi апр nis",
	"mai mag mei maj мая май",
	"giu cze июн haz juin",
	"lug lip июл tem juil",
	"aoû ago sie авг ağu",
	"set wrz сен eyl",
	"okt out ott paź окт eki",
	"lis ноя kas",
	"dez déc dic gru дек ara",
}

// zoneOffset reads +0100, +01:00 and +1; 0 if it cannot.
func zoneOffset(word string) int {
	sign := 1
	if word[0] == '-' {
		sign = -1
	}
	digits := strings.ReplaceAll(strings.TrimLeft(word, "+-"), ":", "")
	number, err := strconv.Atoi(digits)
	if err != nil || number < 0 {
		return 0
	}
	if len(digits) <= 2 {
		number *= 100
	}
	hours, minutes := number/100, number%100
	if hours > 15 || minutes > 59 {
		return 0
	}
	return sign * (hours*3600 + minutes*60)
}

func (d *dateWords) time() time.Time {
	if d.year < 1900 || d.year > 9999 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 ||
		d.hour < 0 || d.hour > 24 || d.minute < 0 || d.minute > 59 || d.second < 0 {
		return time.Time{}
	}
	hour := d.hour
	if d.afternoon && hour < 12 {
		hour += 12
	} else if d.morning && hour == 12 {
		hour = 0
	}
	return time.Date(d.year, time.Month(d.month), d.day, hour, d.minute, d.second, 0, time.UTC).Add(-time.Duration(d.offset) * time.Second)
}
