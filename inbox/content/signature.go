package content

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// What stands under a mail and was not written for it: the signature, the phone's line, the server's
// disclaimer.

const (
	// maxSignature is how many lines with words a signature may have; more are an answer.
	maxSignature = 15
	// maxDashedSignature is the same under "-- ", which programs write and people do not.
	maxDashedSignature = 40
	// maxDashes is how many signature marks of one text are looked at.
	maxDashes = 200
	// maxLooseSignature is the same under marks that also part the sections of a text.
	maxLooseSignature = 8
)

// isSignatureDash tells whether a line is the mark above a signature.
func isSignatureDash(l line) bool {
	return l.dashes || l.signed || l.text == "--" || isLooseDash(l.text)
}

// isLooseDash tells of marks that not everybody means as a signature mark.
func isLooseDash(text string) bool {
	switch text {
	case "—", "––", "——", "__", "___", "---", "–", "=--":
		return true
	}
	return false
}

// signature handles line i, a signature mark, and returns the line after the signature.
func (f *finder) signature(i int) (next int) {
	limit := maxSignature
	if f.lines[i].dashes {
		limit = maxDashedSignature
	} else if f.lines[i].signed || isLooseDash(f.lines[i].text) {
		limit = maxLooseSignature
	}
	f.dashes++
	end, ok := f.signatureEnd(i, limit)
	if !ok || f.kept == 0 && end >= len(f.lines) {
		f.kept++
		return i + 1
	}
	f.dropRange(i, end)
	f.trimTail(i)
	return end
}

// ruledSignature tells whether line i is a rule with a signature under it, as many write in Japan: a name
// and a way to reach it, in few short lines at the end of the own words. It returns where that ends.
func (f *finder) ruledSignature(i int) (end int, ok bool) {
	above := i - 1
	for above > 0 && f.lines[above].text == "" && i-above < 5 {
		above--
	}
	if f.kept == 0 || above < 0 || endsWithColon(f.lines[above].text) { // "This is my address:"
		return 0, false
	}
	f.dashes++
	if end, ok = f.signatureEnd(i, maxLooseSignature); !ok {
		return 0, false
	}
	for j := i + 1; j < end; j++ {
		if isContact(f.lines[j].text) {
			return end, true
		}
	}
	return 0, false
}

// isContact tells whether a line names an address of mail or web or a telephone number.
func isContact(text string) bool {
	digits := 0
	for _, c := range text {
		if digitOf(c) >= 0 {
			digits++
		}
	}
	return digits >= 8 || strings.Contains(text, "@") || strings.Contains(text, "www.") || strings.Contains(text, "http")
}

// signatureEnd returns where the signature that begins at line i ends: at a quote, its introduction
// or the end. A long text after the mark is no signature.
func (f *finder) signatureEnd(i, limit int) (end int, ok bool) {
	words, loose := 0, limit == maxLooseSignature
	if f.dashes > maxDashes {
		return 0, false
	}
	for end = i + 1; end < len(f.lines); end++ {
		l := f.lines[end]
		if l.quote > 0 || l.mark == markCut || l.mark == markIntro {
			break
		}
		if l.text == "" {
			continue
		}
		if f.beginsOther(end) {
			break
		}
		if intro := f.introduction(end); intro.found && (intro.sure || f.quoteFollows(end)) {
			end = max(intro.begin, i+1)
			break
		}
		if words++; words > limit || loose && !isSignatureLine(l.text, words == 1) {
			return 0, false
		}
	}
	return end, true
}

// isSignatureLine tells whether a line under a doubtful mark fits a signature: it is short, and the
// first one looks like a name.
func isSignatureLine(text string, isFirst bool) bool {
	if utf8.RuneCountInString(text) > 70 {
		return false
	}
	return !isFirst || len(strings.Fields(text)) <= 5 && !strings.ContainsAny(text, "0123456789") && !strings.ContainsAny(text[len(text)-1:], ".?!:,;")
}

// markedSignature handles the lines from i on that the mail program marks as a signature and returns
// where they end. People sometimes write on inside the mark, so a long one stays.
func (f *finder) markedSignature(i int) (end int) {
	words := 0
	for end = i; end < len(f.lines) && f.lines[end].mark == markSignature && f.lines[end].quote == 0; end++ {
		if f.lines[end].text != "" {
			words++
		}
	}
	if words <= maxSignature {
		f.dropRange(i, end)
		f.trimTail(i)
	} else {
		f.kept += words
	}
	return max(end, i+1)
}

// trimTail drops what ends the own words right above line i without being some: the lines that mail
// programs add, disclaimers, rules.
func (f *finder) trimTail(i int) {
	for i > 0 {
		last := i - 1
		for last >= 0 && i-last < maxGap && (f.drop[last] || f.lines[last].text == "") {
			if f.lines[last].quote > 0 {
				return
			}
			last--
		}
		if last < 0 || f.drop[last] || f.lines[last].text == "" {
			return
		}
		begin := f.paragraphBegin(last)
		switch {
		case isFarewell(f.lines[last].text), i < len(f.lines) && (isRule(f.lines[last].text) || isSignatureDash(line{text: f.lines[last].text})):
			begin = last
		case f.isFooterAt(begin, last):
		case last > 0 && isLink(f.lines[last].text) && isFarewell(f.lines[last-1].text):
			begin = last - 1
		case strings.Trim(f.lines[last].text, "| ") == "" && f.cardBegin(last) >= 0:
			begin = f.cardBegin(last)
		case i < len(f.lines) && isCaption(f.lines[last].text) && f.beginsOther(i):
			begin = last
		case begin < last && last-begin < 3 && isFarewell(f.joined(begin, last)):
		default:
			return
		}
		f.kept -= f.plainLines(begin, last+1)
		f.dropRange(begin, last+1)
		i = begin
	}
}

const (
	maxParagraph = 40 // lines a paragraph is followed up
	maxGap       = 80 // lines between the own words and what ends them
)

func (f *finder) paragraphBegin(i int) int {
	begin := i
	for begin > 0 && i-begin < maxParagraph && !isRule(f.lines[begin].text) && f.lines[begin-1].text != "" && !f.drop[begin-1] && f.lines[begin-1].quote == 0 {
		begin--
	}
	return begin
}

func (f *finder) joined(from, to int) string {
	var words []string
	for i := from; i <= to; i++ {
		words = append(words, f.lines[i].text)
	}
	return strings.Join(words, " ")
}

// isFarewell tells of a line that a phone or mail program adds under a mail.
func isFarewell(text string) bool {
	if len(text) > 1000 {
		return false
	}
	lower := bare(strings.Trim(bare(withoutLinks(text)), "-–—<>()| ."))
	if lower == "" || len(lower) > 160 || strings.HasSuffix(lower, "?") {
		return false
	}
	count := len(strings.Fields(lower))
	switch {
	case utf8.RuneCountInString(lower) > 90 || count > 12:
		return false
	case strings.Contains(lower, "outlook") && (strings.Contains(lower, "ios") || strings.Contains(lower, "android")):
		return count <= 8 && (strings.HasPrefix(lower, "outlook") || strings.HasSuffix(lower, "ios") || strings.HasSuffix(lower, "android") || count <= 5)
	}
	clause, _, _ := strings.Cut(strings.NewReplacer(";", ",", ". ", ",").Replace(lower), ",")
	named := containsAny(headWords(clause, 7), devices)
	if (named || count <= 9) && matchesAny(lower, vocabulary.sentFromMy) {
		return true
	}
	if count > 5 && strings.HasSuffix(lower, "gesendet") {
		return false // a sentence, unless it is one of the sure lines
	}
	return named && matchesAny(lower, vocabulary.sentFrom)
}

// headWords returns the first words of text.
func headWords(text string, count int) string {
	for i := 0; i < len(text); i++ {
		if text[i] != ' ' {
			continue
		}
		if count--; count == 0 {
			return text[:i]
		}
	}
	return text
}

// cardBegin returns where the table of a signature begins that ends in line last and that NetEase's
// program writes into text as "| |", name, "|", address, "|"; or -1.
func (f *finder) cardBegin(last int) int {
	for i := last; i >= 0 && i > last-12 && f.lines[i].quote == 0; i-- {
		if f.lines[i].text == "| |" {
			return i
		}
	}
	return -1
}

func isLink(text string) bool {
	return strings.Contains(text, "http") && strings.Trim(withoutLinks(text), " <>()[]") == ""
}

// isCaption tells of a line that only announces the headers below it, in whatever language.
func isCaption(text string) bool {
	return strings.HasPrefix(text, "--") && strings.HasSuffix(text, "--") || slices.Contains(vocabulary.original, bare(text)) ||
		strings.Count(text, "---") == 2 && hasHour(text) // Notes: "Ann---03/03/2025 10:15:00---Hello"
}

// isFooterAt tells whether the paragraph from line i to last, or what it has under a rule, is a footer.
func (f *finder) isFooterAt(i, last int) bool {
	ruled := false
	for i < last && isRule(f.lines[i].text) {
		i++
		ruled = true
	}
	return isFooter(f.joined(i, min(last, i+8)), ruled)
}
