package content

import (
	"strings"
	"unicode"
)

// line is one line of text and where it stands.
type line struct {
	text   string // without quote marks; no trailing blanks
	quote  int    // depth of what is certainly a quote: ">" in text, a cited blockquote in HTML
	weak   int    // depth of blockquotes that may be mere indentation
	mark   mark   // what the mail program says of it
	dashes bool   // the line is "-- " with its blank, the signature mark of RFC 3676
	ruled  bool   // an HTML rule is drawn above it
	signed bool   // the short rule that Foxmail draws above a signature is above it
}

// maxQuoteMarks bounds the ">" written before a line.
const maxQuoteMarks = 8

// splitLines cuts text into lines and takes the quote marks off them.
func splitLines(text string) []line {
	lines := make([]line, 0, strings.Count(text, "\n")+1)
	for s := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimRight(s, " \t\r\u00a0")
		l := line{text: trimmed, dashes: trimmed == "--" && len(s) > 2}
		l.takeMarks()
		lines = append(lines, l)
	}
	mendQuotes(lines)
	return lines
}

// takeMarks takes the quote marks off a line and counts them.
func (l *line) takeMarks() {
	if isGroupWise(l.text) {
		l.mark = markCut
		return
	}
	if strings.HasSuffix(l.text, "<<") { // ">>> read this <<<" quotes nothing
		return
	}
	marks := 0
	for ; marks < maxQuoteMarks; marks++ {
		rest := strings.TrimLeft(l.text, " \t\u00a0")
		if !strings.HasPrefix(rest, ">") || marks == 0 && len(l.text)-len(rest) > 3 {
			break
		}
		l.text = rest[1:]
	}
	if marks > 0 {
		l.text = strings.TrimPrefix(l.text, " ")
	}
	l.quote += marks
}

// takeAllMarks does the same for the lines of an HTML text, where ">" was written as a letter.
func takeAllMarks(lines []line) {
	for i := range lines {
		if lines[i].quote == 0 {
			lines[i].takeMarks()
		}
	}
	mendQuotes(lines)
}

// isGroupWise tells of the line that GroupWise writes above an unmarked quote:
// ">>> Ann <ann@home.example> 03/03/2025 10:15 >>>".
func isGroupWise(text string) bool {
	if !strings.HasPrefix(text, ">>> ") || !strings.HasSuffix(text, ">>>") || len(text) > 200 {
		return false
	}
	_, hour := findDate(text)
	return hour
}

// mendQuotes corrects marks that lie: the ">From " that mailboxes write for an own line, and the end
// of a quoted line that a mail program broke without repeating the mark.
func mendQuotes(lines []line) {
	initialed := map[string]int{}
	for _, l := range lines {
		if name := initials(l.text); name != "" && l.quote == 0 {
			initialed[name]++
		}
	}
	for i := range lines {
		before, after := quoteAt(lines, i-1), quoteAt(lines, i+1)
		l := &lines[i]
		switch {
		case l.quote == 1 && before+after == 0 && strings.HasPrefix(l.text, "From "):
			l.quote = 0
		case l.quote == 0 && before > 0 && before == after && isBrokenOff(lines[i-1].text, l.text):
			l.quote = before
		case l.quote == 0 && initialed[initials(l.text)] > 1+len(initials(l.text))/4:
			l.quote = 1
		}
	}
}

func quoteAt(lines []line, i int) int {
	if i < 0 || i >= len(lines) {
		return 0
	}
	return lines[i].quote
}

// isBrokenOff tells whether text looks like the rest of the long line above it, or like a link that
// was too long for it.
func isBrokenOff(above, text string) bool {
	if link := strings.LastIndex(above, "http"); text != "" && !strings.Contains(text, " ") && link >= 0 && !strings.Contains(above[link:], " ") {
		return true
	}
	if rest := withoutLinks(text); len(rest) < len(text) && strings.Trim(rest, " ()<>[]") == "" {
		return true
	}
	if len(above) < 60 || text == "" || len(text) > len(above) || strings.ContainsAny(above[len(above)-1:], ".?!:;") {
		return false
	}
	for _, c := range text {
		return unicode.IsLower(c)
	}
	return false
}

// initials returns those that some programs write before each quoted line, "AE> hello", or the name
// that others write there, "Ann> hello", or "".
func initials(text string) string {
	end := strings.IndexByte(text[:min(len(text), 16)], '>')
	if end < 1 || len(text) == end+1 || text[end+1] != ' ' && text[end+1] != '>' {
		return ""
	}
	for i, c := range []byte(text[:end]) {
		if (c < 'A' || c > 'Z') && (i == 0 || c < 'a' || c > 'z') {
			return ""
		}
	}
	return text[:end]
}

// bare lowers the letters of a line and takes off what mail programs write around its words:
// stars for bold, brackets, marks of the writing direction, blanks of every kind.
func bare(text string) string {
	return strings.ToLower(strings.TrimFunc(text, func(c rune) bool {
		return c == '*' || c == '_' || c == '[' || c == ']' || isFiller(c)
	}))
}

// isFiller tells of blanks and of characters that only steer the writing direction.
func isFiller(c rune) bool {
	return unicode.IsSpace(c) || c >= '\u200b' && c <= '\u200f' || c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069' || c == '\ufeff'
}

// isRule tells whether a line is nothing but a drawn rule.
func isRule(text string) bool {
	return len(text) >= 3 && strings.Trim(text, "-_=*~#─━—–‐ ") == "" && strings.Trim(text, " ") != ""
}

// withoutLinks takes the addresses that mail programs write behind words out of a line.
func withoutLinks(text string) string {
	for range 4 {
		at := strings.Index(text, "http")
		if at < 0 {
			at = strings.Index(text, "mailto:")
		}
		if at < 0 {
			break
		}
		end := at + strings.IndexFunc(text[at:]+" ", func(c rune) bool { return isFiller(c) || c == '>' || c == ')' || c == ']' })
		begin := at
		if begin > 0 && strings.IndexByte("<([", text[begin-1]) >= 0 {
			begin--
			if end < len(text) && strings.IndexByte(">)]", text[end]) >= 0 {
				end++
			}
		}
		text = text[:begin] + " " + text[end:]
	}
	return strings.TrimFunc(text, isFiller)
}
