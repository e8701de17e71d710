package content

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// An introduction is what mail programs write above a quote: "On Monday Ann <ann@shop.example>
// wrote:". It may be wrapped over several lines, and a person may begin to write right before it.

// introduction is where one was found.
type introduction struct {
	found  bool
	begin  int  // its first line
	column int  // where in that line it begins; own words stand before
	sure   bool // it is one even if no quote marks follow
}

const (
	maxIntroduction      = 600 // bytes
	maxIntroductionLines = 4
	maxIntroductions     = 4000 // lines of one text that may be asked; no mail has so many
)

// introduction looks for one that ends at line i.
func (f *finder) introduction(i int) introduction {
	last := trimEnd(f.lines[i].text)
	if last == "" || f.asked > maxIntroductions || len(last) > maxIntroduction || !f.mayEndIntroduction(i, last) {
		return introduction{}
	}
	f.asked++
	var best introduction
	text, most := last, 0
	for begin := i; ; begin-- {
		if c := readClues(text); c.convince() {
			column, opened := openingIn(f.lines[begin].text)
			if opened || c.count() > most {
				best, most = introduction{found: true, begin: begin, column: column, sure: c.sure(opened)}, c.count()
			}
			if opened {
				return best
			}
		}
		if begin == 0 || i-begin >= maxIntroductionLines-1 || !f.continues(begin-1) {
			break
		}
		text = f.lines[begin-1].text + " " + text
		if len(text) > maxIntroduction {
			break
		}
	}
	if !best.found && f.isBare(i, last) {
		return introduction{found: true, begin: i}
	}
	if best.found && best.begin == i && (i == 0 || f.lines[i-1].text == "" || f.drop[i-1]) && isByline(last) {
		best.sure = true
	}
	if best.found && best.begin > 0 && f.continues(best.begin-1) && (strings.HasPrefix(f.lines[best.begin].text, "<") || strings.HasSuffix(f.lines[best.begin-1].text, "<")) {
		best.begin-- // only the name was above
	}
	return best
}

// continues tells whether the words of line i go on in the next line: it is no quote, and no sentence
// ends there.
func (f *finder) continues(i int) bool {
	l := f.lines[i]
	if l.text == "" || l.quote > 0 || f.drop[i] || l.mark == markCut {
		return false
	}
	if !strings.ContainsAny(l.text[len(l.text)-1:], ".!?:") || strings.Count(l.text, "(") > strings.Count(l.text, ")") {
		return true
	}
	word := strings.ToLower(l.text[strings.LastIndexByte(l.text, ' ')+1:])
	isNumber := strings.Trim(word, "0123456789") == "." // "2025. 3. 3."
	return strings.HasSuffix(word, ".") && (isNumber || utf8.RuneCountInString(word) <= 2 || strings.Count(word, ".") > 1 || len(word) < 8 && hasAnyPrefix(word, vocabulary.days))
}

// mayEndIntroduction tells whether the last line of an introduction may look like this: with a colon,
// or, if a quote comes next, with its verb or an address.
func (f *finder) mayEndIntroduction(i int, last string) bool {
	if endsWithColon(last) {
		return true
	}
	lower := strings.ToLower(last)
	if hasAnySuffix(lower, vocabulary.wrote) {
		c := readClues(last)
		return c.bracketed && c.day && c.hour || f.quoteFollows(i)
	}
	if !f.quoteFollows(i) {
		return false
	}
	column, opened := openingIn(last)
	return opened && column == 0 || strings.Contains(last, "news:") || strings.HasSuffix(last, ">") && strings.Contains(last, "@")
}

// introducedInside looks in line i for an introduction that the quote follows on the same line.
func (f *finder) introducedInside(i int) introduction {
	text := f.lines[i].text
	if f.asked > maxIntroductions {
		return introduction{}
	}
	for at := 0; at < min(len(text), maxIntroduction); {
		colon := strings.IndexByte(text[at:], ':')
		if colon < 0 || at+colon > maxIntroduction {
			break
		}
		at += colon + 1
		if before := strings.ToLower(strings.TrimRight(text[:at-1], " \u00a0")); at < 16 || at < len(text) && text[at] != ' ' || !hasAnySuffix(before, vocabulary.wrote) {
			continue
		}
		f.asked++
		c := readClues(text[:at])
		if column, opened := openingIn(text[:at]); opened && c.bracketed && c.sure(opened) {
			return introduction{found: true, begin: i, column: column, sure: true}
		}
	}
	return introduction{}
}

func trimEnd(text string) string {
	return strings.TrimRightFunc(text, func(c rune) bool { return c == '*' || c == '_' || isFiller(c) })
}

// clues are what an introduction is known by.
type clues struct {
	address   bool // somebody@somewhere
	bracketed bool // in brackets
	verb      bool // wrote
	day, hour bool
	exact     bool // the hour has seconds, which people do not write
}

func readClues(text string) clues {
	var c clues
	if at := strings.IndexByte(text, '@'); at > 0 && at < len(text)-1 {
		c.address = text[at-1] > ' ' && text[at+1] > ' '
		begin := strings.LastIndexAny(text[:at], "<([ ")
		c.bracketed = c.address && begin >= 0 && text[begin] != ' '
	}
	c.day, c.hour = findDate(text)
	c.exact = c.hour && hasSeconds(text)
	c.verb = containsAny(strings.ToLower(text), vocabulary.wrote)
	return c
}

func (c clues) count() int {
	count := 0
	for _, clue := range []bool{c.address, c.verb, c.day, c.hour} {
		if clue {
			count++
		}
	}
	return count
}

// convince tells whether two of verb, address and date are there.
func (c clues) convince() bool {
	return c.verb && (c.address || c.day || c.hour) || c.address && (c.day || c.hour)
}

// isBare tells whether line i introduces the quote right below it with less than the usual clues: by
// "Ann wrote:" as a line of its own, or by a date.
func (f *finder) isBare(i int, text string) bool {
	if len(text) > 100 || !f.quoteFollows(i) || i > 0 && f.lines[i-1].text != "" && !f.drop[i-1] {
		return false
	}
	c := readClues(text)
	verb := hasAnySuffix(strings.ToLower(strings.TrimRight(text, ": \u00a0：")), vocabulary.wrote)
	return c.day && c.hour || verb && len(strings.Fields(text)) <= 5
}

// isByline tells of "Ann <ann@home.example> wrote:", which stands above unmarked quotes too: nothing but a
// name, an address and the verb.
func isByline(text string) bool {
	if len(text) > 160 || strings.Count(text, "@") != 1 || strings.ContainsAny(text, "0123456789") && !strings.ContainsAny(text, "<([") {
		return false
	}
	at := strings.IndexByte(text, '@')
	end := at + strings.IndexAny(text[at:]+" ", "> )]")
	verb := strings.ToLower(strings.Trim(text[min(end, len(text)):], " <>()[]:"))
	name := text[:max(strings.LastIndexAny(text[:at], " <(["), 0)]
	return verb != "" && len(strings.Fields(verb)) <= 2 && hasAnySuffix(verb, vocabulary.wrote) && len(strings.Fields(name)) <= 4
}

// sure tells whether no customer would write this: all clues, or one less behind an opening.
func (c clues) sure(opened bool) bool {
	switch {
	case c.address && c.verb && (c.day || c.hour):
		return opened || c.bracketed
	case c.verb && c.day && c.exact:
		return true
	case c.address && c.day && c.hour, c.verb && c.day && c.hour:
		return opened
	}
	return false
}

// findDate looks for a day (a year, or numbers of a date) and an hour (10:15) in text.
func findDate(text string) (day, hour bool) {
	var n struct {
		digits, value int
		before        rune // the character before the number
	}
	dotted := 0 // "10.15" is an hour beside a day that is known otherwise, and else a day
	spaced := 0
	previous := rune(0)
	for at, c := range text + " " {
		if d := digitOf(c); d >= 0 {
			if n.digits == 0 {
				n.before = previous
			}
			n.digits, n.value = n.digits+1, n.value*10%100000+d
			previous = c
			continue
		}
		switch {
		case n.digits == 0:
		case n.digits == 4 && (n.value >= 1990 && n.value <= 2099 || n.value >= 2533 && n.value <= 2650): // Thai years too
			if day = true; n.before == '.' {
				dotted--
			}
		case n.digits > 2:
		case c == '月' || c == '월':
			day = true
		case c == '時' || c == '时' || c == '點' || c == '点' || c == '시':
			hour = true
		case c == '.' && startsWithDigit(strings.TrimPrefix(text[min(at+1, len(text)):], " ")) && text[at+1] == ' ':
			if spaced++; spaced > 1 { // "24. 3. 5."
				day = true
			}
		case !startsWithDigit(text[min(at+utf8.RuneLen(c), len(text)):]):
		case c == ':' || c == 'h' || c == 'H':
			hour = true
		case c == '/' || c == '-':
			day = true
		case c == '.' && n.before != '.':
			dotted++
		}
		n.digits, n.value = 0, 0
		previous = c
	}
	if !day && dotted > 0 {
		day = true
		dotted--
	}
	return day, hour || dotted > 0
}

// hasSeconds tells whether an hour such as 10:15:00 is in text.
func hasSeconds(text string) bool {
	for i := 0; i+6 <= len(text); i++ {
		if text[i] == ':' && text[i+3] == ':' && startsWithDigit(text[i+1:]) && startsWithDigit(text[i+2:]) && startsWithDigit(text[i+4:]) {
			return true
		}
	}
	return false
}

func startsWithDigit(text string) bool {
	c, _ := utf8.DecodeRuneInString(text)
	return digitOf(c) >= 0
}

// digitOf returns the value of a digit, also of an Arabic, Persian, Devanagari or wide one, or -1.
func digitOf(c rune) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c < 0x660:
		return -1
	case c <= 0x669:
		return int(c - 0x660)
	case c >= 0x6f0 && c <= 0x6f9:
		return int(c - 0x6f0)
	case c >= 0x966 && c <= 0x96f:
		return int(c - 0x966)
	case c >= 0xff10 && c <= 0xff19:
		return int(c - 0xff10)
	}
	return -1
}

// openingReach is how far behind its first word an introduction must come to a number.
const openingReach = 32 // characters

// openingIn tells where in a line an introduction begins as they do: with "On ", "Am ", a weekday or a
// date. A column above zero means that own words stand before it.
func openingIn(text string) (column int, ok bool) {
	start := len(text) - len(strings.TrimLeftFunc(text, func(c rune) bool { return strings.ContainsRune("*_-–—\"'«“„(", c) || isFiller(c) }))
	if opensAt(text[start:], false) {
		return 0, true
	}
	for at := 0; at < len(text); {
		next := strings.IndexAny(text[at:], " -")
		if next < 0 {
			break
		}
		at += next + 1
		if opensAt(text[at:], true) {
			return at, true
		}
	}
	return 0, false
}

// opensAt tells whether text begins like an introduction. Inside a line only a preposition with a
// capital letter counts.
func opensAt(text string, inside bool) bool {
	first, _ := utf8.DecodeRuneInString(text)
	if digitOf(first) >= 0 {
		if inside {
			return false
		}
		day, _ := findDate(text)
		return day
	}
	if inside && !unicode.IsUpper(first) {
		return false
	}
	head, _, _ := strings.Cut(strings.ToLower(headOf(text, openingReach+12)), "<") // numbers of an address do not count
	for _, word := range vocabulary.opens {
		if !strings.HasPrefix(head, word) {
			continue
		}
		if strings.Count(word, " ") > 1 && !inside || hasDigitWithin(head[len(word):], openingReach) {
			return true
		}
	}
	return !inside && beginsWithDay(head) && hasDigitWithin(head, openingReach)
}

// beginsWithDay tells whether text begins with the name of a weekday, whole or as its beginning; short
// ones must be whole, since "mo" begins many names.
func beginsWithDay(text string) bool {
	for _, day := range vocabulary.days {
		if strings.HasPrefix(text, day) {
			next, _ := utf8.DecodeRuneInString(text[len(day):])
			if len(day) > 2 || !unicode.IsLetter(next) {
				return true
			}
		}
	}
	return false
}

// headOf returns the first characters of text.
func headOf(text string, characters int) string {
	for i := range text {
		if characters == 0 {
			return text[:i]
		}
		characters--
	}
	return text
}

func hasDigitWithin(text string, characters int) bool {
	for _, c := range text {
		if digitOf(c) >= 0 {
			return true
		}
		if characters--; characters <= 0 {
			return false
		}
	}
	return false
}
