package content

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Preview returns the first words of text in one line of at most runes characters, cut between
// words where it can be, with "…" at the cut.
func Preview(text string, runes int) string {
	if runes <= 0 {
		return ""
	}
	var out strings.Builder
	count, lastBlank := 0, -1
	space := false
	for _, c := range text {
		if unicode.IsSpace(c) || unicode.IsControl(c) {
			space = true
			continue
		}
		if isInvisible(c) || c == utf8.RuneError {
			continue
		}
		if space && count > 0 {
			lastBlank = out.Len()
			out.WriteByte(' ')
			count++
		}
		space = false
		if count >= runes {
			return cutPreview(out.String(), lastBlank)
		}
		out.WriteRune(c)
		count++
	}
	return out.String()
}

// cutPreview shortens s, which is full, to make room for the mark of the cut.
func cutPreview(s string, lastBlank int) string {
	if lastBlank > len(s)/2 {
		return s[:lastBlank] + "…"
	}
	_, size := utf8.DecodeLastRuneInString(s)
	return s[:len(s)-size] + "…"
}

// TextToHTML returns text as HTML: escaped, an empty line begins a paragraph, a line end is a line
// break, and web addresses become links. The result is as SanitizeHTML would leave it.
func TextToHTML(text string) string {
	var out strings.Builder
	out.Grow(len(text) + len(text)/4)
	open := false
	for source := range strings.SplitSeq(clean(text), "\n") {
		source = strings.TrimRight(source, " \t")
		if source == "" {
			if open {
				out.WriteString("</p>")
			}
			open = false
			continue
		}
		if open {
			out.WriteString("<br>")
		} else {
			out.WriteString("<p>")
		}
		open = true
		writeLinked(&out, source)
	}
	if open {
		out.WriteString("</p>")
	}
	return out.String()
}

// clean makes text valid UTF-8 with plain line ends and no control characters.
func clean(text string) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	if strings.IndexByte(text, '\r') >= 0 {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	isBad := func(c rune) bool { return c < ' ' && c != '\n' && c != '\t' || c == 0x7f }
	if strings.IndexFunc(text, isBad) < 0 {
		return text
	}
	return strings.Map(func(c rune) rune {
		if isBad(c) {
			return -1
		}
		return c
	}, text)
}

// writeLinked writes one line, escaped, with its web addresses as links.
func writeLinked(out *strings.Builder, source string) {
	for {
		i := linkStart(source)
		if i < 0 {
			out.Write(appendEscaped(nil, []byte(source)))
			return
		}
		end := i + linkLength(source[i:])
		out.Write(appendEscaped(nil, []byte(source[:i])))
		address := appendEscaped(nil, []byte(source[i:end]))
		out.WriteString(`<a href="`)
		out.Write(address)
		out.WriteString(`" target="_blank" rel="noopener noreferrer nofollow">`)
		out.Write(address)
		out.WriteString("</a>")
		source = source[end:]
	}
}

// linkStart returns where the next web address of s begins, or -1.
func linkStart(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], "://")
		if i < 0 {
			return -1
		}
		i += from
		for _, scheme := range []string{"https", "http"} {
			start := i - len(scheme)
			if start >= 0 && strings.EqualFold(s[start:i], scheme) && (start == 0 || !isWordByte(s[start-1])) &&
				linkLength(s[start:]) > len(scheme)+3 {
				return start
			}
		}
		from = i + 3
	}
}

// linkLength returns how many bytes of s, which begins with an address, belong to it: up to a blank
// or a bracket, without the punctuation of the sentence around it.
func linkLength(s string) int {
	n := min(len(s), 2048)
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	if end := strings.IndexFunc(s[:n], endsLink); end >= 0 {
		n = end
	}
	trimmed := strings.TrimRight(s[:n], ".,;:!?'*_")
	if strings.HasSuffix(trimmed, ")") && !strings.Contains(trimmed, "(") {
		trimmed = strings.TrimRight(trimmed, ").,;:!?'*_")
	}
	return len(trimmed)
}

func endsLink(c rune) bool {
	return c <= ' ' || c == '<' || c == '>' || c == '"' || unicode.IsSpace(c) ||
		c >= 0x3000 && c <= 0x303f || c >= 0xff00 && c <= 0xff60
}
