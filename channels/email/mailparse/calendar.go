package mailparse

import (
	"strings"
	"time"
)

// maxCalendar bounds what is read of an invitation, in bytes.
const maxCalendar = 256 << 10

// describeCalendar says in a few lines what an invitation (RFC 5545, RFC 5546) is about: what it asks,
// of which event, when, where, and by whom. "" if there is no event in it.
func describeCalendar(text, method string) string {
	e := readEvent(text)
	if e == nil {
		return ""
	}
	if e["METHOD"].value != "" {
		method = e["METHOD"].value
	}
	var lines []string
	add := func(label, value string) {
		if value = strings.TrimSpace(value); value != "" {
			lines = append(lines, label+value)
		}
	}
	add("", strings.TrimSpace(methodName(method)+" "+e["SUMMARY"].text()))
	add("When: ", period(e["DTSTART"], e["DTEND"]))
	add("Where: ", e["LOCATION"].text())
	add("Organizer: ", e["ORGANIZER"].person())
	if description := strings.TrimSpace(e["DESCRIPTION"].text()); description != "" {
		lines = append(lines, "", description)
	}
	return plainLines(strings.Join(lines, "\n"))
}

// methodName says what a calendar mail asks or tells.
func methodName(method string) string {
	switch strings.ToUpper(method) {
	case "REQUEST":
		return "Invitation:"
	case "CANCEL":
		return "Cancelled:"
	case "REPLY":
		return "Answer to the invitation:"
	case "COUNTER":
		return "Other time proposed:"
	}
	return "Event:"
}

// calendarLine is a property of an event with its parameters.
type calendarLine struct {
	params map[string]string
	value  string
}

// readEvent returns the properties of the first event or task, and the method of the calendar; nil if
// there is none.
func readEvent(text string) map[string]calendarLine {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\n ", ""), "\n\t", "")
	e := map[string]calendarLine{}
	depth, found := 0, false
	for line := range strings.SplitSeq(text, "\n") {
		name, property := readCalendarLine(line)
		switch {
		case name == "METHOD":
			e[name] = property
		case name == "BEGIN" && (property.value == "VEVENT" || property.value == "VTODO"):
			found, depth = true, 1
		case name == "BEGIN" && depth > 0:
			depth++ // an alarm
		case name == "END" && depth > 0:
			if depth--; depth == 0 {
				return e
			}
		case depth == 1 && len(e) < 100:
			if _, twice := e[name]; !twice {
				e[name] = property
			}
		}
	}
	if !found {
		return nil
	}
	return e
}

// readCalendarLine reads NAME;PARAMETER="a:b":value.
func readCalendarLine(line string) (name string, property calendarLine) {
	quoted := false
	end := strings.IndexFunc(line, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ':' && !quoted
	})
	if end < 0 {
		return "", calendarLine{}
	}
	head, value := line[:end], strings.TrimSpace(line[end+1:])
	name, rest, _ := strings.Cut(head, ";")
	property.value = value
	for param := range strings.SplitSeq(rest, ";") {
		if key, v, ok := strings.Cut(param, "="); ok {
			if property.params == nil {
				property.params = map[string]string{}
			}
			property.params[strings.ToUpper(key)] = strings.Trim(v, `"`)
		}
	}
	return strings.ToUpper(strings.TrimSpace(name)), property
}

// text undoes the escapes of a text value.
func (l calendarLine) text() string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";").Replace(l.value)
}

// person returns the name and address of an organizer.
func (l calendarLine) person() string {
	address := l.value
	if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
		address = address[7:]
	}
	if name := l.params["CN"]; name != "" && !strings.EqualFold(name, address) {
		return name + " <" + address + ">"
	}
	return address
}

// period says from when to when, in the zone that the invitation names.
func period(from, to calendarLine) string {
	begin, whole, ok := from.time()
	if !ok {
		return from.value
	}
	layout := "2006-01-02 15:04"
	if whole {
		layout = "2006-01-02"
	}
	text := begin.Format(layout)
	if end, _, ok := to.time(); ok {
		if whole {
			end = end.AddDate(0, 0, -1) // the day after the last one
		}
		switch {
		case end.Format("2006-01-02") == begin.Format("2006-01-02") && !whole:
			text += " – " + end.Format("15:04")
		case end.After(begin):
			text += " – " + end.Format(layout)
		}
	}
	switch zone := from.params["TZID"]; {
	case zone != "":
		text += " (" + zone + ")"
	case strings.HasSuffix(from.value, "Z"):
		text += " (UTC)"
	}
	return text
}

// time reads a date or a date with time.
func (l calendarLine) time() (t time.Time, isDate, ok bool) {
	value := strings.TrimSuffix(l.value, "Z")
	if t, err := time.Parse("20060102T150405", value); err == nil {
		return t, false, true
	}
	t, err := time.Parse("20060102", value)
	return t, true, err == nil
}
