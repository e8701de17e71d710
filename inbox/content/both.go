package content

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ReplyOnlyOf is ReplyOnly for a mail that comes as text and as HTML. The words are those of the
// text; the HTML tells where they end if its marks show more than the text, which has none for the
// signature of Gmail or the quote of a phone.
func ReplyOnlyOf(text, html string) string {
	reply := ReplyOnly(text)
	if html == "" {
		return reply
	}
	whole, marked := ReadHTML(html)
	if marked == whole {
		return reply
	}
	if end := endOfSame(reply, marked); end > 0 {
		if tail := tailOf(marked); strings.HasPrefix(reply[end:], tail) {
			end += len(tail)
		}
		return strings.TrimRightFunc(reply[:end], unicode.IsSpace)
	}
	if len(reply) >= len(strings.TrimSpace(text)) && len(marked) < len(reply) && comesFrom(marked, text) {
		return marked
	}
	return reply
}

// maxStrange is how many lines of a long HTML text may not be in the text.
const maxStrange = 20

// comesFrom tells whether most lines of part are found in text, in their order. A mail's HTML may be
// quite another text than its words.
func comesFrom(part, text string) bool {
	rest := onlyLetters(text)
	lines, found := 0, 0
	for line := range strings.SplitSeq(part, "\n") {
		words := onlyLetters(line)
		if words == "" {
			continue
		}
		lines++
		if at := strings.Index(rest, words); at >= 0 {
			found++
			rest = rest[at+len(words):]
		} else if lines-found > maxStrange {
			return false
		}
	}
	return found*5 >= lines*4
}

func onlyLetters(text string) string {
	var out strings.Builder
	for l := (letters{text: text}); ; {
		c := l.next()
		if c == 0 {
			return out.String()
		}
		out.WriteRune(c)
	}
}

// endOfSame returns where in text the letters of start end if text begins with all of them, or 0.
// Links count nowhere, since text writes them out.
func endOfSame(text, start string) int {
	a, b := letters{text: text}, letters{text: start}
	end := 0
	for {
		want := b.next()
		if want == 0 {
			return endOfLine(text, end)
		}
		if a.next() != want {
			return 0
		}
		end = a.at
	}
}

// endOfLine returns where the line ends that at is in, unless it has more letters.
func endOfLine(text string, at int) int {
	end := len(text)
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		end = at + n
	}
	rest := letters{text: text[at:end]}
	if rest.next() != 0 {
		return at
	}
	return end
}

// tailOf returns what stands behind the last letter of text: its full stop.
func tailOf(text string) string {
	end := strings.LastIndexFunc(text, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) })
	_, size := utf8.DecodeRuneInString(text[max(end, 0):])
	return text[max(end, 0)+size:]
}

// letters yields the letters and digits of a text, without links.
type letters struct {
	text string
	at   int
}

// next returns the next one, or 0 at the end.
func (l *letters) next() rune {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		if n := linkAt(rest); n > 0 {
			l.at += n
			continue
		}
		c, size := utf8.DecodeRuneInString(rest)
		l.at += size
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
	}
	return 0
}

// linkAt returns how many bytes a link takes at the beginning of text, with its brackets, or 0.
func linkAt(text string) int {
	switch text[0] {
	case 'h', '<', '[', '(':
	default:
		return 0
	}
	inner := strings.TrimLeft(text[:min(len(text), 16)], "<[(")
	for _, begin := range []string{"http://", "https://", "mailto:", "cid:", "image:", "tel:"} {
		if !strings.HasPrefix(inner, begin) || inner[0] == text[0] && begin[0] != 'h' {
			continue
		}
		closing := ""
		switch text[0] {
		case '<':
			closing = ">"
		case '[':
			closing = "]"
		case '(':
			closing = ")"
		}
		if closing != "" {
			if end := strings.Index(text[:min(len(text), 4096)], closing); end > 0 {
				return end + 1
			}
		}
		if end := strings.IndexFunc(text, unicode.IsSpace); end > 0 {
			return end
		}
		return len(text)
	}
	return 0
}
