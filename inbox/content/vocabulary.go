package content

import "strings"

// vocabulary is what all languages say together, in the form the finder asks for it. Mails mix
// languages: a German answers in English from a phone set to French.
var vocabulary = gather(languages)

// role is what a mail header states.
type role uint8

const (
	roleNone role = iota
	roleFrom
	roleDate
	roleTo
	roleSubject
	roleCopy
)

type words struct {
	wrote    []string
	opens    []string // end in a blank unless their script writes none
	days     []string
	original []string
	forward  []string
	above    []string
	headers  map[string]role

	sentFrom, sentFromMy []pattern
}

func gather(languages []language) words {
	w := words{headers: map[string]role{}}
	seen := map[string]bool{}
	add := func(to *[]string, kind string, from []string) {
		for _, word := range from {
			if !seen[kind+word] {
				seen[kind+word] = true
				*to = append(*to, word)
			}
		}
	}
	patterns := func(to *[]pattern, kind string, from []string) {
		var fresh []string
		add(&fresh, kind, from)
		for _, text := range fresh {
			before, after, _ := strings.Cut(text, "*")
			*to = append(*to, pattern{before, after, !strings.Contains(text, "*")})
		}
	}
	for _, l := range languages {
		add(&w.wrote, "wrote", l.wrote)
		add(&w.days, "day", l.days)
		add(&w.original, "original", l.original)
		add(&w.forward, "forward", l.forward)
		add(&w.above, "above", l.above)
		for _, word := range l.opens {
			if word[0] < 0x80 || !isUnspaced(word) {
				word += " "
			}
			add(&w.opens, "open", []string{word})
		}
		for r, names := range map[role][]string{roleFrom: l.from, roleDate: l.date, roleTo: l.to, roleSubject: l.subject, roleCopy: l.copy} {
			for _, name := range names {
				if known, clash := w.headers[name]; !clash || r < known {
					w.headers[name] = r
				}
			}
		}
		patterns(&w.sentFrom, "from", l.sentFrom)
		patterns(&w.sentFromMy, "my", l.sentFromMy)
	}
	return w
}

// isUnspaced tells whether a word is in a script that writes no blanks between words.
func isUnspaced(word string) bool {
	for _, c := range word {
		return c >= 0x2e80 && c < 0xac00 || c >= 0xe00 && c < 0xe80
	}
	return false
}

// pattern is a text that begins and ends with given words; whole means that nothing may stand between.
type pattern struct {
	begin, end string
	whole      bool
}

func (p pattern) matches(text string) bool {
	if p.whole {
		return text == p.begin
	}
	return len(text) >= len(p.begin)+len(p.end) && strings.HasPrefix(text, p.begin) && strings.HasSuffix(text, p.end)
}

func matchesAny(text string, patterns []pattern) bool {
	for _, p := range patterns {
		if p.matches(text) {
			return true
		}
	}
	return false
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func hasAnyPrefix(text string, words []string) bool {
	for _, word := range words {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return false
}

func hasAnySuffix(text string, words []string) bool {
	for _, word := range words {
		if strings.HasSuffix(text, word) {
			return true
		}
	}
	return false
}
