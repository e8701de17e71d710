package content

import "strings"

// A mail that is quoted without marks begins with its headers or with a line that says so. This file
// knows such beginnings: everything from there on is somebody else's.

// beginsOther tells whether line i, by itself or with those after it, says that what follows is
// another mail.
func (f *finder) beginsOther(i int) bool {
	l := f.lines[i]
	if l.mark == markCut {
		return true
	}
	if l.text == "" {
		return false
	}
	if isRule(l.text) {
		next := f.nextWords(i+1, 3)
		return next >= 0 && (f.isHeaderBlock(next, true) || len(l.text) >= 20 && isSender(f.lines[next].text))
	}
	return isOriginalRule(l.text) || isForwardLine(l.text) || isAboveLine(l.text) ||
		f.isHeaderBlock(i, l.ruled) || f.isLabelBlock(i)
}

// isLabelBlock tells whether the headers that newer Lotus Notes writes begin at line i: names without a
// colon, each with its value on the next line, under a sender and a date.
func (f *finder) isLabelBlock(i int) bool {
	if label(f.lines[i].text) != roleTo || f.headingAbove(i) == i {
		return false
	}
	for j := i + 1; j < len(f.lines) && j < i+headersReach; j++ {
		if label(f.lines[j].text) == roleSubject {
			return true
		}
	}
	return false
}

// label returns what a line states that is nothing but the name of a header.
func label(text string) role {
	if len(text) > 40 {
		return roleNone
	}
	return vocabulary.headers[bare(text)]
}

// nextWords returns the first line with words from i on, within reach lines, or -1.
func (f *finder) nextWords(i, reach int) int {
	for j := i; j < len(f.lines) && j < i+reach; j++ {
		if f.lines[j].text != "" {
			return j
		}
	}
	return -1
}

// headersReach is how many lines a block of headers may take: long lists of recipients are wrapped.
const headersReach = 14

// isPlain tells whether line i has words and is no quote.
func (f *finder) isPlain(i int) bool {
	return f.lines[i].text != "" && f.lines[i].quote == 0 && !f.drop[i]
}

// isHeaderBlock tells whether a block of mail headers begins at line i. A rule drawn above it lets
// less convince: without one a customer's own list ("From: Berlin, To: Rome") must not be taken.
func (f *finder) isHeaderBlock(i int, ruled bool) bool {
	first, value := header(f.lines[i].text)
	if first == roleNone {
		return ruled && f.hasHeaderShape(i)
	}
	if f.lines[i].quote > 0 {
		return false
	}
	if several := headersInOneLine(f.lines[i].text); several >= 3 || several == 2 && ruled && hasHour(value) && strings.Contains(value, "@") {
		return true
	}
	var seen [roleCopy + 1]bool
	seen[first] = true
	address, hour := strings.Contains(value, "@"), first == roleDate && hasHour(value)
	wrapped, parted := 0, false // lines that continue the value above; an empty line since
	for j := i + 1; j < len(f.lines) && j < i+headersReach; j++ {
		l := f.lines[j]
		if l.text == "" {
			parted = true
			continue
		}
		r, value := header(l.text)
		if r == roleNone {
			if wrapped++; parted || isRule(l.text) || wrapped > 6 {
				break
			}
			address = address || strings.Contains(l.text, "@")
			continue
		}
		if seen[r] && r != roleCopy || parted && wrapped > 0 {
			break
		}
		seen[r] = true
		address = address || r != roleSubject && strings.Contains(value, "@")
		hour = hour || r == roleDate && hasHour(value)
		parted, wrapped = false, 0
	}
	if first == roleTo && !seen[roleDate] && f.headingAbove(i) < i { // Lotus Notes
		seen[roleDate], hour, ruled = true, true, true
	}
	return convinces(seen, address, hour, ruled)
}

// headingAbove returns where the lines begin that Lotus Notes writes above a block of headers instead of
// a sender and a date: "Ann on 03/03/2025 10:15", or the name and the date on a line each. It returns
// i if there are none.
func (f *finder) headingAbove(i int) int {
	above := i - 1
	for above >= 0 && above > i-3 && f.lines[above].text == "" {
		above--
	}
	if above < 0 || f.drop[above] || f.lines[above].quote > 0 || len(f.lines[above].text) > 100 || !strings.Contains(f.lines[above].text, ":") {
		return i
	}
	text := f.lines[above].text
	if day, hour := findDate(text); !day || !hour {
		return i
	}
	isDate := strings.Trim(text, "0123456789/.:-, APMapm") == ""
	if isDate && above > 0 && f.isPlain(above-1) && len(f.lines[above-1].text) < 80 {
		above--
	}
	return above
}

func convinces(seen [roleCopy + 1]bool, address, hour, ruled bool) bool {
	count := 0
	for _, r := range []role{roleFrom, roleDate, roleTo, roleSubject} {
		if seen[r] {
			count++
		}
	}
	switch {
	case count == 4:
		return true
	case count == 3:
		return ruled || address || hour
	case count == 2:
		return address && hour || ruled && (address || hour)
	}
	return false
}

// hasHeaderShape tells whether a block under a rule looks like headers in a language we do not know:
// three lines "Word: value", an address and a date with an hour among them.
func (f *finder) hasHeaderShape(i int) bool {
	count, address, hour := 0, false, false
	for j := i; j < len(f.lines) && j < i+6; j++ {
		text := f.lines[j].text
		name, value, ok := cutName(text)
		if !ok || name == "" || strings.Count(name, " ") > 2 {
			break
		}
		count++
		address = address || strings.Contains(value, "@")
		hour = hour || hasHour(value)
	}
	return count >= 3 && address && hour
}

func hasHour(text string) bool {
	_, hour := findDate(text)
	return hour
}

// header returns what a line such as "Von: Ann" states, and its value.
func header(text string) (role, string) {
	name, value, ok := cutName(text)
	if !ok {
		return roleNone, ""
	}
	if r := vocabulary.headers[name]; r != roleNone {
		return r, value
	}
	return vocabulary.headers[strings.NewReplacer(" ", "", "\u3000", "").Replace(name)], value
}

// cutName cuts "*Von:* Ann" into "von" and "Ann".
func cutName(text string) (name, value string, ok bool) {
	text = strings.TrimLeftFunc(text, func(c rune) bool { return c == '*' || c == '_' || c == '|' || isFiller(c) })
	head := text[:min(len(text), 64)]
	end := strings.IndexByte(head, ':')
	width := 1
	if wide := strings.Index(head, "："); wide >= 0 && (end < 0 || wide < end) {
		end, width = wide, len("：")
	}
	if end <= 0 {
		return "", "", false
	}
	return bare(strings.TrimRight(head[:end], " |\t\u00a0")), text[end+width:], true
}

// headersInOneLine counts the headers of a block whose line ends were lost:
// "From: Ann Sent: Monday To: Help Subject: Lamp".
func headersInOneLine(text string) int {
	if len(text) > 1000 {
		return 0
	}
	var seen [roleCopy + 1]bool
	count := 0
	for at := 0; ; {
		end := strings.IndexByte(text[at:], ':')
		if end < 0 {
			return count
		}
		head := strings.TrimRight(text[at:at+end], "* ")
		name := head[strings.LastIndexAny(head, " *\t")+1:]
		if r := vocabulary.headers[strings.ToLower(name)]; r != roleNone && r != roleCopy && !seen[r] {
			seen[r] = true
			count++
		}
		at += end + 1
	}
}

// isSender tells of a line such as "From: Ann <ann@home.example>".
func isSender(text string) bool {
	r, value := header(text)
	return r == roleFrom && strings.Contains(value, "@")
}

// isOriginalRule tells of lines such as "-----Original Message-----".
func isOriginalRule(text string) bool {
	if len(text) > 300 {
		return false
	}
	text = strings.TrimFunc(strings.ReplaceAll(text, "&nbsp;", " "), func(c rune) bool { return c == '*' || c == '>' || isFiller(c) })
	inner := strings.TrimLeft(text, "-_=~—–─+")
	drawn := len(text) - len(inner)
	if drawn < 2 || inner == "" {
		return false
	}
	inner = bare(strings.TrimRight(inner, "-_=~—–─+ \u00a0"))
	for _, word := range vocabulary.original {
		isTitle := strings.Contains(word, " ") || len(word) > len("original") // and not "--original box is missing"
		if inner == word || isTitle && strings.HasPrefix(inner, word) && (len(inner) < 100 || strings.Contains(inner, "@")) {
			return true
		}
	}
	if !strings.HasSuffix(text, "--") {
		return false
	}
	if hasAnySuffix(inner, vocabulary.wrote) && len(strings.Fields(inner)) <= 6 { // "---- Ann wrote ----"
		return true
	}
	return containsAny(inner, vocabulary.wrote) && (strings.Contains(inner, "@") || hasHour(inner))
}

func isForwardLine(text string) bool {
	return len(text) <= 120 && endsWithColon(text) && hasAnyPrefix(bare(text), vocabulary.forward)
}

// isAboveLine tells of the line under which help desks ask not to write.
func isAboveLine(text string) bool {
	if len(text) > 200 || strings.IndexByte("#-=*_~>[(", text[0]) < 0 && !strings.HasPrefix(text, "—") {
		return false
	}
	return containsAny(bare(text), vocabulary.above)
}

func endsWithColon(text string) bool {
	return strings.HasSuffix(text, ":") || strings.HasSuffix(text, "：")
}
