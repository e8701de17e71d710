package mailparse

import (
	"strings"
	"unicode"

	"golang.org/x/text/encoding/charmap"
)

// latinCharset is a charset of Latin letters with the languages that were written in it.
type latinCharset struct {
	name      string
	table     *charmap.Charmap
	languages []string // the letters above ASCII of each
}

// The letters above ASCII of languages of one region. In French and Portuguese they come with others of
// the Western charsets, so those languages have all that their words have.
var (
	western = []string{"äöüß", "éèàâçêîôûëïœùæ", "áéíóúñü¿¡", "ãõçáéíóúâêôà", "àèéìòùî", "éëïóöèê", "åäöé", "æøåéò", "áðéíóúýþæö", "àçèéíïòóúü·"}
	central = []string{"ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţșț", "äöüß"}
	turkish = []string{"çğıöşüâîİ"}
	baltic  = []string{"ąčęėįšųūž", "āčēģīķļņšūž", "äöüõšž"}
)

// latinCharsets are tried in this order; of several that fit alike the first counts.
func latinCharsets() []latinCharset {
	return []latinCharset{
		{"windows-1252", charmap.Windows1252, western},
		{"windows-1250", charmap.Windows1250, central},
		{"iso-8859-2", charmap.ISO8859_2, central},
		{"windows-1254", charmap.Windows1254, turkish},
		{"windows-1257", charmap.Windows1257, baltic},
		{"iso-8859-16", charmap.ISO8859_16, []string{"ăâîșț"}},
		{"ibm850", charmap.CodePage850, western},
		{"ibm852", charmap.CodePage852, central},
		{"macintosh", charmap.Macintosh, western},
	}
}

// guessAccents chooses among the charsets of Latin letters the one in which the bytes above ASCII are
// letters of one language.
func guessAccents(sample []byte) string {
	best, bestScore := "windows-1252", -1<<30
	for _, candidate := range latinCharsets() {
		text := decodeSample(sample, candidate.table)
		for _, letters := range candidate.languages {
			if score := scoreAccents(text, letters); score > bestScore {
				best, bestScore = candidate.name, score
			}
		}
	}
	return best
}

// maxAccents bounds the bytes above ASCII that a guess looks at.
const maxAccents = 400

// accent is a character above ASCII and its neighbours.
type accent struct{ letter, before, after rune }

func decodeSample(sample []byte, table *charmap.Charmap) []accent {
	list := make([]accent, 0, maxAccents)
	for i, b := range sample {
		if b < 0x80 {
			continue
		}
		a := accent{letter: table.DecodeByte(b)}
		if i > 0 {
			a.before = table.DecodeByte(sample[i-1])
		}
		if i+1 < len(sample) {
			a.after = table.DecodeByte(sample[i+1])
		}
		if list = append(list, a); len(list) == maxAccents {
			break
		}
	}
	return list
}

// scoreAccents rates how well characters fit a language with these letters.
func scoreAccents(text []accent, letters string) int {
	score := 0
	for _, a := range text {
		small := unicode.ToLower(a.letter)
		switch {
		case unicode.IsUpper(a.letter) && unicode.IsLower(a.before):
			score -= 3
		case strings.ContainsRune(letters, small):
			score += 4
		case unicode.IsLetter(small) && small < 0x180:
			score++
		case unicode.IsLetter(a.letter), a.letter == unicode.ReplacementChar, a.letter < 0xa0:
			score -= 4
		case unicode.IsLetter(a.before) && unicode.IsLetter(a.after) && a.letter != '’':
			score -= 4 // a sign inside a word
		case strings.ContainsRune("«»„“”‘’–—…€°§©®·•£\u00a0", a.letter):
			score += 2
		default:
			score--
		}
	}
	return score
}
