package content

import "strings"

// ReplyOnly returns what the person wrote now: text without the mail it answers, the line that
// introduces that mail, the header block some programs put above it, the signature, and what phones
// and servers write under a mail. Answers written below or between quotes stay. The words are those
// of languages.
//
// Losing words is worse than keeping too many: what is not surely a quote stays, a name under
// "Best regards" stays, and if nothing would be left the whole text is returned.
func ReplyOnly(text string) string {
	text = clean(text)
	return replyOf(splitLines(text), text)
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
// by a constant, or goes over lines that are looked at once, so the whole is linear.
type finder struct {
	lines []line
	drop  []bool
	kept  int // lines with words that are not dropped so far

	asked     int // lines asked for an introduction
	dashes    int // signature marks seen
	lastQuote int // the last line that is a quote; -1: there is none; 0: not looked for yet
}

func (f *finder) run() {
	f.keepFramed()
	f.dropBanner()
	f.dropSeal()
	for i := 0; i < len(f.lines); {
		next, done := f.step(i)
		if done {
			return
		}
		i = next
	}
	f.trimTail(len(f.lines))
}

// step decides on line i and returns the next to look at; done means that all are decided.
func (f *finder) step(i int) (next int, done bool) {
	l := f.lines[i]
	switch {
	case f.drop[i]:
	case l.quote == 0 && f.beginsOther(i):
		return f.other(i)
	case l.mark == markIntro && l.quote == 0 && f.kept > 0 && endsWithColon(trimEnd(l.text)) && f.plainFollows(i):
		f.cutFrom(i) // the element around introduction and quote has no other mark
		return 0, true
	case l.quote > 0 || l.mark == markIntro || l.weak > 0 && f.isWeakQuote(i):
		f.dropQuote(i)
	case l.mark == markSignature:
		return f.markedSignature(i), false
	case l.text == "":
	case isSignatureDash(l):
		return f.signature(i), false
	case len(l.text) > 3 && isRule(l.text):
		if end, ok := f.ruledSignature(i); ok {
			f.dropRange(i, end)
			f.trimTail(i)
			return end, false
		}
		f.kept++
	default:
		f.kept++
		return f.words(i)
	}
	return i + 1, false
}

// other handles line i, which begins another mail without marks.
func (f *finder) other(i int) (next int, done bool) {
	begin := i
	if r, _ := header(f.lines[i].text); (r == roleTo || label(f.lines[i].text) == roleTo) && f.lines[i].mark != markCut {
		begin = f.headingAbove(i)
	}
	if f.kept > f.plainLines(begin, i) {
		f.cutFrom(begin)
		return 0, true
	}
	if !f.quoteAfter(i) {
		clear(f.drop) // nothing but somebody else's mail, and that is what the person sent
		return 0, true
	}
	for ; i < len(f.lines) && f.lines[i].quote == 0; i++ { // the answer stands below the quote
		if i > 0 && f.lines[i].text == "" && f.lines[i-1].text != "" && !isRule(f.lines[i-1].text) {
			break
		}
		f.drop[i] = true
	}
	return i, false
}

// words handles line i, which has words, and an introduction that may end in it.
func (f *finder) words(i int) (next int, done bool) {
	intro := f.introduction(i)
	if !intro.found {
		if intro = f.introducedInside(i); intro.found && f.keptBefore(intro, i) {
			f.dropIntroduction(intro, i)
			f.cutFrom(i + 1)
			return 0, true
		}
		return i + 1, false
	}
	switch end, marked := f.foreignQuote(i + 1); {
	case marked:
		f.dropIntroduction(intro, i)
		f.dropRange(i+1, end)
		return end, false
	case f.quoteFollows(i), (intro.sure || intro.column == 0 && f.opens(intro.begin)) && f.nothingFollows(i):
		f.dropIntroduction(intro, i)
	case intro.sure && f.keptBefore(intro, i):
		f.dropIntroduction(intro, i)
		f.cutFrom(i + 1)
		return 0, true
	}
	return i + 1, false
}

func (f *finder) opens(i int) bool {
	_, opened := openingIn(f.lines[i].text)
	return opened
}

// cutFrom drops line i and all after it.
func (f *finder) cutFrom(i int) {
	f.dropRange(i, len(f.lines))
	f.trimTail(i)
}

func (f *finder) dropRange(from, to int) {
	for i := from; i < to; i++ {
		f.drop[i] = true
	}
}

func (f *finder) dropQuote(i int) {
	f.drop[i] = true
	if i > 0 && !f.drop[i-1] {
		f.trimTail(i)
	}
}

// dropIntroduction drops the lines of an introduction, which ends in line end, but not the own words
// before it.
func (f *finder) dropIntroduction(intro introduction, end int) {
	begin := intro.begin
	if intro.column > 0 {
		f.lines[begin].text = strings.TrimRight(f.lines[begin].text[:intro.column], " -—–>")
		if f.lines[begin].text != "" {
			begin++
		}
	}
	for i := begin; i <= end; i++ {
		if !f.drop[i] && f.lines[i].text != "" {
			f.kept--
		}
		f.drop[i] = true
	}
	f.trimTail(begin)
}

// keptBefore tells whether words are left above an introduction that ends in line end.
func (f *finder) keptBefore(intro introduction, end int) bool {
	return f.kept > f.plainLines(intro.begin, end+1) || intro.column > 0
}

// plainLines counts the lines with words from one to before another that are not dropped.
func (f *finder) plainLines(from, to int) int {
	count := 0
	for i := from; i < to; i++ {
		if f.isPlain(i) {
			count++
		}
	}
	return count
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

// plainFollows tells whether the next line with words after i is neither a quote nor marked.
func (f *finder) plainFollows(i int) bool {
	next := f.nextWords(i+1, 5)
	return next > 0 && f.lines[next].quote == 0 && f.lines[next].weak == 0 && f.lines[next].mark == markNone
}

// isWeakQuote tells whether line i is in a blockquote that quotes: it continues one, or an
// introduction stands above it or is its first line.
func (f *finder) isWeakQuote(i int) bool {
	if i > 0 && f.lines[i-1].weak > 0 {
		return f.drop[i-1]
	}
	for j := i - 1; j >= 0 && j >= i-4; j-- {
		if f.lines[j].text != "" {
			return f.drop[j] || f.introduction(j).found
		}
	}
	return false
}

// foreignQuote tells whether the lines from i on, which follow an introduction, quote in another way
// than with ">": with "|" or another mark, or by indentation. It returns where they end.
func (f *finder) foreignQuote(i int) (end int, marked bool) {
	first := f.nextWords(i, 4)
	if first < 0 || f.lines[first].quote > 0 {
		return 0, false
	}
	begins := quoteBeginning(f.lines[first].text)
	if begins == "" {
		return 0, false
	}
	words := 0
	end = first
	for j := first; j < len(f.lines); j++ {
		text := f.lines[j].text
		if text == "" {
			continue
		}
		if !strings.HasPrefix(text, begins) {
			break
		}
		words++
		end = j + 1
	}
	return end, words > 1 || end >= len(f.lines)
}

// quoteBeginning returns the mark or the indentation that a line begins with, or "".
func quoteBeginning(text string) string {
	for _, mark := range []string{"|", ":", "»", "›", "}", "&gt;", "＞", "\t", "    "} {
		if strings.HasPrefix(text, mark) {
			return mark
		}
	}
	return ""
}
