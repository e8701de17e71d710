package mailparse

import (
	"strings"
	"unicode"

	"github.com/deskbell/deskbell/inbox/content"
)

// chooseAlternative takes the text of the first form that is plain and the last that is HTML.
func chooseAlternative(groups [][]segment) []segment {
	var chosen segment
	found := false
	for _, group := range groups {
		var text, html []string
		for _, s := range group {
			if s.html != "" {
				html = append(html, s.html)
			} else if s.text != "" {
				text = append(text, s.text)
			}
		}
		if len(html) > 0 {
			chosen.html, found = strings.Join(html, "<br>"), true
		}
		if len(text) > 0 && len(html) == 0 && strings.TrimSpace(chosen.text) == "" {
			chosen.text, found = strings.Join(text, "\n\n"), true
		}
	}
	if !found {
		return nil
	}
	if isPlaceholder(chosen.text, chosen.html) {
		chosen.text = ""
	}
	return []segment{chosen}
}

// maxPlaceholder bounds the texts that may be placeholders, and maxTested the words that are looked for.
const (
	maxPlaceholder = 800
	maxTested      = 40
)

// isPlaceholder tells whether the plain form of a mail says something else than the HTML form, such as
// "your program cannot show this mail", in whatever language: most of its words are not in the
// HTML, which has more of them.
func isPlaceholder(text, html string) bool {
	if html == "" || len(text) > maxPlaceholder || len(html) < len(text) {
		return false
	}
	words := wordsOf(text)
	if len(words) == 0 || shareOf(words, html) >= 0.5 {
		return false
	}
	shown := strings.ToLower(content.HTMLToText(html))
	return len(wordsOf(shown)) > len(words) && shareOf(wordsOf(strings.ToLower(text)), shown) < 0.5
}

// wordsOf returns the first words of a text that are longer than three bytes, without addresses of pages.
func wordsOf(text string) []string {
	var words []string
	for word := range strings.FieldsSeq(text) {
		if strings.Contains(word, "://") {
			continue
		}
		if word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }); len(word) > 3 {
			words = append(words, word)
		}
		if len(words) == maxTested {
			break
		}
	}
	return words
}

// shareOf returns which share of words stands in text.
func shareOf(words []string, text string) float64 {
	found := 0
	for _, word := range words {
		if strings.Contains(text, word) {
			found++
		}
	}
	return float64(found) / float64(max(len(words), 1))
}
