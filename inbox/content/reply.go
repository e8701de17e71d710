package content

import (
	"strings"
	"unicode/utf8"
)

// ReplyOnly returns what the person wrote now: text without the mail it answers, the line that
// introduces that mail, the header block some programs put above it, and the signature. Answers
// written below or between quotes stay. Marks of Gmail, Outlook, Apple Mail, Yahoo, Thunderbird,
// Mail.ru, Yandex, QQ and NetEase are known in some fifteen languages.
//
// Losing words is worse than keeping too many: what is not surely a quote stays, and if nothing
// would be left the whole text is returned.
func ReplyOnly(text string) string {
	text = clean(text)
	return replyOf(splitLines(text), text)
}

// splitLines cuts text into lines and takes the quote marks off them.
func splitLines(text string) []line {
	lines := make([]line, 0, strings.Count(text, "\n")+1)
	for s := range strings.SplitSeq(text, "\n") {
		s = strings.TrimRight(s, " \t\r\u00a0")
		l := line{text: s}
		for l.quote < maxQuoteMarks {
			rest := strings.TrimLeft(l.text, " \t\u00a0")
			if !strings.HasPrefix(rest, ">") || l.quote == 0 && len(l.text)-len(rest) > 3 {
				break
			}
			l.text = rest[1:]
			l.quote++
		}
		if l.quote > 0 {
			l.text = strings.TrimPrefix(l.text, " ")
		}
		lines = append(lines, l)
	}
	return lines
}

// replyOf returns the own words among lines, or all if nothing would be left.
func replyOf(lines []line, whole string) string {
	f := finder{lines: lines, drop: make([]bool, len(lines))}
	f.run()
	if own := f.own(); own != "" {
		return own
	}
	return strings.Trim(whole, " \t\n")
}

// finder marks the lines that are not the person's own words. Every look back or ahead is bounded
// by a constant, so the whole is linear.
type finder struct {
	lines []line
	drop  []bool
	kept  int // lines with words that are not dropped so far

	lastQuote int // the last line that is a quote; -1: there is none; 0: not looked for yet
}

func (f *finder) run() {
	inWeakQuote := false
	for i := 0; i < len(f.lines); i++ {
		l := f.lines[i]
		if l.weak == 0 {
			inWeakQuote = false
		} else if i > 0 && f.lines[i-1].weak == 0 {
			inWeakQuote = f.followsIntroduction(i)
		}
		switch {
		case l.mark == markCut || l.quote == 0 && f.isSeparator(i):
			if f.kept > 0 {
				f.cutFrom(i)
				return
			}
			if !f.quoteAfter(i) {
				clear(f.drop) // nothing but somebody else's mail, and that is what the person sent
				return
			}
			f.drop[i] = true // the answer stands below the quote
		case l.quote > 0 || inWeakQuote || l.mark == markIntro:
			f.drop[i] = true
			f.dropFarewell(i)
		case l.mark == markSignature:
			i = f.markedSignature(i) - 1
		case l.text == "":
		case l.text == "--" || l.text == "—" || strings.TrimRight(l.text, " ") == "--":
			if end, ok := f.signatureEnd(i); ok && f.kept > 0 {
				f.dropRange(i, end)
				i = end - 1
				continue
			}
			f.kept++
		default:
			f.kept++
			if begin, sure := f.introduction(i); begin >= 0 {
				if f.quoteFollows(i) || (sure || hasOpening(f.lines[begin].text)) && f.nothingFollows(i) {
					f.dropIntroduction(begin, i)
				} else if sure && f.keptBefore(begin, i) {
					f.cutFrom(begin)
					return
				}
			}
		}
	}
	f.dropFarewell(len(f.lines))
}

// cutFrom drops line i and all after it, with a rule drawn right above it.
func (f *finder) cutFrom(i int) {
	f.dropRange(i, len(f.lines))
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if f.lines[j].text == "" {
			continue
		}
		if isRule(f.lines[j].text) && !f.drop[j] {
			f.drop[j] = true
		}
		break
	}
	f.dropFarewell(i)
}

func (f *finder) dropRange(from, to int) {
	for i := from; i < to; i++ {
		f.drop[i] = true
	}
}

func (f *finder) dropIntroduction(begin, end int) {
	for i := begin; i <= end; i++ {
		if !f.drop[i] && f.lines[i].text != "" {
			f.kept--
		}
		f.drop[i] = true
	}
	f.dropFarewell(begin)
}

// keptBefore tells whether words are left above an introduction that goes from begin to end.
func (f *finder) keptBefore(begin, end int) bool {
	inside := 0
	for i := begin; i <= end; i++ {
		if !f.drop[i] && f.lines[i].text != "" {
			inside++
		}
	}
	return f.kept > inside
}

// dropFarewell drops the lines a mail program adds ("Sent from my phone") right above line i.
func (f *finder) dropFarewell(i int) {
	for j, seen := i-1, 0; j >= 0 && seen < 3 && i-j < 8; j-- {
		if f.drop[j] {
			if f.lines[j].quote > 0 {
				return
			}
			continue
		}
		if f.lines[j].text == "" {
			continue
		}
		if !isFarewell(f.lines[j].text) || f.kept <= 1 {
			return
		}
		f.drop[j] = true
		f.kept--
		seen++
	}
}

// own joins what is left; where lines were dropped between kept ones an empty line stays.
func (f *finder) own() string {
	var out strings.Builder
	blanks, gap := 0, false
	for i, l := range f.lines {
		switch {
		case f.drop[i] || l.mark == markCut && l.text == "":
			gap = true
		case l.text == "":
			blanks++
		default:
			if out.Len() > 0 {
				if gap {
					blanks = 1
				}
				out.WriteString(strings.Repeat("\n", min(blanks, 2)+1))
			}
			blanks, gap = 0, false
			out.WriteString(l.text)
		}
	}
	return strings.TrimRight(out.String(), " \t\n")
}

// maxSignature is how many lines with words a signature may have; more are an answer.
const maxSignature = 15

// signatureEnd returns where the signature that begins at line i ends: at a quote, its introduction
// or the end. A long text after "--" is no signature.
func (f *finder) signatureEnd(i int) (end int, ok bool) {
	words := 0
	for end = i + 1; end < len(f.lines); end++ {
		l := f.lines[end]
		if l.quote > 0 || l.mark == markCut || l.mark == markIntro {
			break
		}
		if l.text == "" {
			continue
		}
		if f.isSeparator(end) {
			break
		}
		if begin, _ := f.introduction(end); begin >= 0 && f.quoteFollows(end) {
			end = max(begin, i+1)
			break
		}
		if words++; words > maxSignature {
			return 0, false
		}
	}
	return end, true
}

// nothingFollows tells whether no words come after line i.
func (f *finder) nothingFollows(i int) bool {
	for j := i + 1; j < len(f.lines); j++ {
		if f.lines[j].text != "" {
			return false
		}
	}
	return true
}

// quoteAfter tells whether a quote comes anywhere after line i. It looks once and remembers.
func (f *finder) quoteAfter(i int) bool {
	if f.lastQuote == 0 {
		f.lastQuote = -1
		for j := len(f.lines) - 1; j > i; j-- {
			if f.lines[j].quote > 0 {
				f.lastQuote = j
				break
			}
		}
	}
	return f.lastQuote > i
}

// markedSignature handles the lines from i on that the mail program marks as a signature and returns
// where they end. People sometimes write on inside the mark, so a long one stays.
func (f *finder) markedSignature(i int) (end int) {
	words := 0
	for end = i; end < len(f.lines) && f.lines[end].mark == markSignature; end++ {
		if f.lines[end].text != "" {
			words++
		}
	}
	if words <= maxSignature {
		f.dropRange(i, end)
	} else {
		f.kept += words
	}
	return end
}

// quoteFollows tells whether the next line with words after i is a quote.
func (f *finder) quoteFollows(i int) bool {
	for j := i + 1; j < len(f.lines) && j <= i+4; j++ {
		l := f.lines[j]
		if l.quote > 0 || l.weak > f.lines[i].weak {
			return true
		}
		if l.text != "" {
			return false
		}
	}
	return false
}

// followsIntroduction tells whether the words right above line i introduce a quote.
func (f *finder) followsIntroduction(i int) bool {
	for j := i - 1; j >= 0 && j >= i-4; j-- {
		if f.lines[j].text == "" {
			continue
		}
		begin, _ := f.introduction(j)
		return begin >= 0
	}
	return false
}

// introduction tells whether the words ending at line i introduce a quote, such as "On Monday Ann
// <ann@shop.example> wrote:", over up to four lines. It returns the first of them, or -1; sure
// means that it is one even if no quote marks follow.
func (f *finder) introduction(i int) (begin int, sure bool) {
	last := strings.TrimRight(f.lines[i].text, " *_\u00a0")
	if !endsWithColon(last) || len(last) > 400 {
		return -1, false
	}
	text := last
	for begin = i; ; begin-- {
		if verdict, sure := judgeIntroduction(text); verdict {
			return f.wholeIntroduction(begin, i, text, sure)
		}
		if begin == 0 || i-begin >= 3 || !f.isPlain(begin-1) {
			return -1, false
		}
		text = f.lines[begin-1].text + " " + text
		if len(text) > 500 {
			return -1, false
		}
	}
}

// wholeIntroduction extends an introduction that was found in lines begin to i, joined in text, to the
// start of its paragraph if a name or a date broken over lines has more of it there.
func (f *finder) wholeIntroduction(begin, i int, text string, sure bool) (int, bool) {
	if hasOpening(text) || isWhole(text) {
		return begin, sure
	}
	first := begin
	for first > 0 && i-first < 3 && f.isPlain(first-1) {
		first--
		text = f.lines[first].text + " " + text
		if !hasOpening(f.lines[first].text) && (!isWhole(text) || first > 0 && f.isPlain(first-1)) {
			continue
		}
		_, sureAll := judgeIntroduction(text)
		return first, sure || sureAll
	}
	return begin, sure
}

// isWhole tells whether an introduction names both who wrote and when.
func isWhole(text string) bool {
	day, hour := findDate(text)
	return day && hour && strings.Contains(text, "@")
}

// isPlain tells whether line i has words and is no quote.
func (f *finder) isPlain(i int) bool {
	return f.lines[i].text != "" && f.lines[i].quote == 0 && !f.drop[i]
}

// judgeIntroduction looks at one joined introduction. It needs two of: the verb, an address, a date.
func judgeIntroduction(text string) (is, sure bool) {
	address := strings.Contains(text, "@")
	day, hour := findDate(text)
	if !address && !day && !hour {
		return false, false
	}
	verb := hasAny(strings.ToLower(text), writeVerbs)
	switch {
	case address && verb && (day || hour), address && day && hour:
		return true, true
	case verb && day && hour:
		return true, hasOpening(text)
	case verb && (address || day || hour), address && (day || hour):
		return true, false
	}
	return false, false
}

// findDate looks for a day (a year, or numbers of a date) and an hour (10:15) in text.
func findDate(text string) (day, hour bool) {
	digits := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && '0' <= text[i] && text[i] <= '9' {
			digits++
			continue
		}
		if digits == 4 {
			year := text[i-4 : i]
			day = day || year >= "1990" && year <= "2099"
		}
		if digits > 0 && digits <= 2 && i < len(text) {
			next := byte(0)
			if i+1 < len(text) {
				next = text[i+1]
			}
			isNumber := '0' <= next && next <= '9'
			switch text[i] {
			case ':', 'h':
				hour = hour || isNumber
			case '/', '-':
				day = day || isNumber
			case '.':
				day = day || isNumber
			}
		}
		digits = 0
	}
	return day, hour
}

// hasOpening tells whether text begins as introductions do: "On ", "Am ", a weekday, a date, a name
// with an address.
func hasOpening(text string) bool {
	lower := strings.ToLower(strings.TrimLeft(text, " *_-\"'«“„"))
	if lower == "" {
		return false
	}
	if '0' <= lower[0] && lower[0] <= '9' {
		day, _ := findDate(lower)
		return day
	}
	return hasEnd(lower, introOpenings, strings.HasPrefix)
}

// isSeparator tells whether a line, by itself or with those after it, says that what follows is
// another mail.
func (f *finder) isSeparator(i int) bool {
	text := f.lines[i].text
	if text == "" {
		return false
	}
	switch text[0] {
	case '-', '_', '=', '*':
		if isOriginalRule(text) {
			return true
		}
		if isRule(text) {
			return f.headerBlockWithin(i + 1)
		}
	}
	return isForwardLine(text) || f.isHeaderBlock(i)
}

func (f *finder) headerBlockWithin(i int) bool {
	for j := i; j < len(f.lines) && j < i+3; j++ {
		if f.lines[j].text != "" {
			return f.isHeaderBlock(j)
		}
	}
	return false
}

// isHeaderBlock tells whether a block of mail headers begins at line i: three different ones within
// seven lines, the sender among them.
func (f *finder) isHeaderBlock(i int) bool {
	first := headerRole(f.lines[i].text)
	if first == "" {
		return false
	}
	seen := map[string]bool{first: true}
	for j := i + 1; j < len(f.lines) && j < i+10 && len(seen) < 3; j++ {
		if role := headerRole(f.lines[j].text); role != "" {
			seen[role] = true
		}
	}
	return len(seen) >= 3 && (seen["from"] || seen["date"] && seen["subject"] && seen["to"])
}

// headerRole returns what a line such as "Von: Ann" states: from, to, date, subject, copy or "".
func headerRole(text string) string {
	text = strings.TrimLeft(text, " *_\t\u00a0|")
	head := text[:min(len(text), 48)]
	end := strings.IndexByte(head, ':')
	if wide := strings.Index(head, "："); wide >= 0 && (end < 0 || wide < end) {
		end = wide
	}
	if end <= 0 {
		return ""
	}
	return headerWords[strings.ToLower(strings.Trim(head[:end], " *_\t\u00a0"))]
}

// isRule tells whether a line is nothing but a drawn rule.
func isRule(text string) bool {
	return len(text) >= 5 && strings.Trim(text, "-_=*─ ") == ""
}

// isOriginalRule tells of lines such as "-----Original Message-----".
func isOriginalRule(text string) bool {
	if !strings.HasPrefix(text, "--") && !strings.HasPrefix(text, "__") && !strings.HasPrefix(text, "==") || len(text) > 300 {
		return false
	}
	inner := strings.ToLower(strings.Trim(text, "-_=* \u00a0"))
	if inner == "" {
		return false
	}
	if hasEnd(inner, originalWords, strings.HasPrefix) {
		return true
	}
	return strings.HasSuffix(text, "--") && strings.Contains(inner, "@") && hasAny(inner, writeVerbs)
}

func isForwardLine(text string) bool {
	if len(text) > 120 {
		return false
	}
	if strings.HasPrefix(text, "#") {
		return strings.Contains(strings.ToLower(text), "above this line")
	}
	return endsWithColon(text) && hasEnd(strings.ToLower(text), forwardLines, strings.HasPrefix)
}

// isFarewell tells of a line that a phone or mail program adds under a mail.
func isFarewell(text string) bool {
	if len(text) > 160 || utf8.RuneCountInString(text) > 90 {
		return false
	}
	lower := strings.ToLower(strings.Trim(text, " -_*\u00a0"))
	return (hasEnd(lower, farewells, strings.HasPrefix) || hasEnd(strings.TrimRight(lower, ".!。"), farewellEnds, strings.HasSuffix)) &&
		hasAny(lower, devices)
}

func hasEnd(text string, words []string, at func(text, word string) bool) bool {
	for _, word := range words {
		if at(text, word) {
			return true
		}
	}
	return false
}

func endsWithColon(text string) bool {
	return strings.HasSuffix(text, ":") || strings.HasSuffix(text, "：")
}

func hasAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
