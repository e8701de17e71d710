package content

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestLanguages checks that every word of every language does its work: a word with a capital letter
// or a blank too many would lie in the table for ever.
func TestLanguages(t *testing.T) {
	const own = "Blue, please.\n\nAnn"
	check := func(kind, word, text string) {
		if got := ReplyOnly(own + "\n\n" + text); got != own {
			t.Errorf("%s %q: got %q", kind, word, got)
		}
	}
	for _, l := range languages {
		for _, word := range l.wrote {
			check("wrote", word, "Help <help@shop.example> 3.3.2025 10:15 "+word+":\n> Which colour?")
		}
		for _, word := range l.opens {
			if strings.Contains(word, " ") {
				continue // before a name or a longer date
			}
			blank := " "
			if isUnspaced(word) {
				blank = ""
			}
			check("opens", word, word+blank+"3.3.2025 10:15 help@shop.example:\n\nWhich colour?")
		}
		for _, word := range l.days {
			check("day", word, strings.TrimRight(word, " ,")+", 3.3.2025 10:15 help@shop.example:\n\nWhich colour?")
		}
		for _, word := range l.original {
			check("original", word, "-----"+capital(word)+"-----\n\nWhich colour?")
		}
		for _, word := range l.forward {
			check("forward", word, word+":\n\nWhich colour?")
		}
		for _, word := range l.above {
			check("above", word, "## "+word+" ##\n\nWhich colour?")
		}
		for _, from := range l.from {
			for _, date := range l.date {
				for _, to := range l.to {
					for _, subject := range l.subject {
						check("headers", from, from+": Help\n"+date+": 3.3.2025 10:15\n"+to+": Ann\n"+subject+": Lamp\n\nWhich colour?")
					}
				}
			}
		}
		for _, word := range append(append([]string{}, l.sentFrom...), l.sentFromMy...) {
			check("farewell", word, strings.Join(strings.Fields(strings.Replace(word, "*", " iPhone ", 1)), " "))
		}
	}
	for _, word := range footers {
		check("footer", word, capital(word)+" and more")
	}
	for _, word := range banners {
		if got := ReplyOnly(capital(word) + " and so on.\n\n" + own); got != own {
			t.Errorf("banner %q: got %q", word, got)
		}
	}
}

func capital(word string) string {
	first, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[size:]
}
