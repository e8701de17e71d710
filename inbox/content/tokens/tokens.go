// Package tokens turns text into search words. Both databases index exactly these words and a search
// line goes through the same function, so they match alike everywhere.
//
// It is built from the parts of bleve's analysers (word borders of UAX 29 and the snowball stemmers)
// without bleve's registry, which would link an index and its storage engines into the program.
package tokens

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/segment"
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/russian"
	"golang.org/x/text/unicode/norm"
)

// Limits of one text.
const (
	MaxText   = 256 << 10 // bytes read; the rest is not found by search
	MaxTokens = 8192      // different words returned
	maxToken  = 64        // bytes of one word; longer ones are cut
)

// Tokens returns the search words of text, each once, in the order they first appear: lower case,
// without accents, cut to their stems (Russian for Cyrillic words; English, then Italian endings for
// Latin ones, so that the language need not be known), Chinese, Japanese and Korean as pairs of
// characters. Very common words are left out. Numbers stay as they are written, and an order number
// is found by itself and by its parts. The same text always gives the same words.
func Tokens(text string) []string {
	if len(text) > MaxText {
		cut := MaxText
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	c := collector{seen: make(map[string]struct{}, 64)}
	words := segment.NewWordSegmenterDirect([]byte(norm.NFKC.String(strings.ToValidUTF8(text, " "))))
	for len(c.tokens) < MaxTokens && words.Segment() {
		c.take(words.Bytes(), words.Type())
	}
	c.endRun()
	return c.tokens
}

// collector gathers words and holds back the run of characters that pairs are made of.
type collector struct {
	seen   map[string]struct{}
	tokens []string
	run    []rune
}

func (c *collector) take(word []byte, kind int) {
	if kind == segment.None {
		c.endRun()
		return
	}
	first, _ := utf8.DecodeRune(word)
	if isPaired(first) {
		for _, r := range string(word) {
			if len(c.run) >= 1024 {
				c.endRun()
			}
			c.run = append(c.run, r)
		}
		return
	}
	c.endRun()
	lower := strings.ToLower(string(word))
	if kind == segment.Number {
		c.add(lower)
		return
	}
	for part := range strings.FieldsFuncSeq(lower, isJoint) {
		c.add(stem(part, first))
	}
}

// isJoint tells of what UAX 29 keeps inside a word: dots of host names, apostrophes, underscores.
func isJoint(r rune) bool {
	return r == '.' || r == '_' || r == '\'' || r == '’' || r == ':' || r == '·'
}

// isPaired tells of scripts written without blanks between words.
func isPaired(r rune) bool {
	return r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai,
		unicode.Lao, unicode.Khmer, unicode.Myanmar) || r == 'ー' || r >= 0x0e00 && r <= 0x0eff
}

// endRun turns the gathered characters into pairs; a single one is a word by itself.
func (c *collector) endRun() {
	if len(c.run) == 1 {
		c.add(string(c.run))
	}
	for i := 1; i < len(c.run); i++ {
		c.add(string(c.run[i-1 : i+1]))
	}
	c.run = c.run[:0]
}

func (c *collector) add(token string) {
	if len(token) > maxToken {
		cut := maxToken
		for !utf8.RuneStart(token[cut]) {
			cut--
		}
		token = token[:cut]
	}
	if token == "" || isCommon(token) || len(c.tokens) >= MaxTokens {
		return
	}
	if _, known := c.seen[token]; known {
		return
	}
	c.seen[token] = struct{}{}
	c.tokens = append(c.tokens, token)
}

// stem cuts a lower-case word to what its forms share. A word that is common as it stands is
// returned whole, so that it is recognised.
func stem(word string, first rune) string {
	if isCommon(word) {
		return word
	}
	switch {
	case unicode.Is(unicode.Cyrillic, first):
		env := snowballstem.NewEnv(strings.ReplaceAll(word, "ё", "е"))
		russian.Stem(env)
		return env.Current()
	case unicode.Is(unicode.Latin, first):
		word = withoutAccents(word)
		if strings.ContainsAny(word, "0123456789") {
			return word
		}
		env := snowballstem.NewEnv(word)
		english.Stem(env)
		return italian(env.Current())
	}
	return withoutAccents(word)
}

// italian takes the vowel off that carries gender and number in Italian: pacco, pacchi → pacc.
func italian(word string) string {
	if len(word) < 5 || strings.IndexByte("aeio", word[len(word)-1]) < 0 {
		return word
	}
	word = word[:len(word)-1]
	if last := word[len(word)-1]; last == 'h' || last == 'i' {
		word = word[:len(word)-1]
	}
	return word
}

// withoutAccents takes the marks off Latin and Greek letters.
func withoutAccents(word string) string {
	ascii := true
	for i := 0; i < len(word) && ascii; i++ {
		ascii = word[i] < utf8.RuneSelf
	}
	if ascii {
		return word
	}
	var out strings.Builder
	for _, r := range norm.NFD.String(word) {
		switch {
		case unicode.Is(unicode.Mn, r) && r < 0x0370:
		case r == 'ß':
			out.WriteString("ss")
		case r == 'ø':
			out.WriteByte('o')
		case r == 'ł':
			out.WriteByte('l')
		case r == 'æ':
			out.WriteString("ae")
		default:
			out.WriteRune(r)
		}
	}
	return norm.NFC.String(out.String())
}

// isCommon tells of words too common in English, Russian or Italian to search for. Words that mean
// something in one of the others (due, come, per) are not among them.
func isCommon(word string) bool {
	switch word {
	case "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "for", "from", "had", "has", "have", "he", "her",
		"his", "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or", "our", "she", "so", "that",
		"the", "their", "them", "then", "there", "these", "they", "this", "to", "was", "we", "were", "what", "when",
		"which", "will", "with", "would", "you", "your", "s", "t", "ll", "re", "ve",
		"и", "в", "во", "не", "что", "он", "на", "я", "с", "со", "как", "а", "то", "все", "она", "так", "его", "но", "да",
		"ты", "к", "у", "же", "вы", "за", "бы", "по", "ее", "мне", "мы", "от", "меня", "о", "из", "ему", "для", "это", "или",
		"il", "lo", "la", "le", "gli", "un", "una", "uno", "di", "del", "della", "dei", "che", "e", "è", "ed", "si", "con",
		"al", "alla", "da", "dal", "nel", "mi", "ti", "ci", "ho", "ha", "sono", "l", "d", "dell", "all", "un'":
		return true
	}
	return false
}
