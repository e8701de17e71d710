package mailparse

import (
	"strings"
	"unicode"

	"github.com/gogs/chardet"
	"golang.org/x/text/encoding/charmap"
)

// guessCharsets names the charsets that bytes without a usable label may be in, the likeliest first.
// Names and subjects are too short for statistics over whole texts, so the shape is asked first: high
// bytes between ASCII letters are accents, whole words of them are of the script in which they read
// best, and East Asian texts give themselves away by their lead bytes. What is left goes to chardet.
func guessCharsets(sample []byte) []string {
	c := countBytes(sample)
	if c.high == 0 {
		return nil
	}
	var names []string
	if onlySigns(sample) {
		return []string{"windows-1252"}
	}
	accented := c.mixed*2 >= c.high && c.high*5 < c.words*2
	if accented {
		names = append(names, guessAccents(sample))
	} else {
		name, sure := guessAlphabet(sample)
		asian := guessEastAsian(sample)
		if !sure && asian != "" {
			name, asian = asian, name
		}
		for _, name := range []string{name, asian} {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	results, err := chardet.NewTextDetector().DetectAll(sample)
	if err != nil {
		return names
	}
	for _, result := range results[:min(len(results), 3)] {
		name := charsetName(result.Charset)
		if !strings.HasPrefix(name, "utf-") && (accented || !isWestern(name) || len(names) == 0) {
			names = append(names, name)
		}
	}
	return names
}

func isWestern(name string) bool { return name == "windows-1252" || name == "iso-8859-2" }

// byteCounts counts the bytes above ASCII, those of them that touch an ASCII letter, and all bytes
// that are not blanks.
type byteCounts struct{ high, mixed, words int }

func countBytes(sample []byte) byteCounts {
	var c byteCounts
	for i, b := range sample {
		if b > ' ' {
			c.words++
		}
		if b < 0x80 {
			continue
		}
		c.high++
		if i > 0 && isASCIILetter(sample[i-1]) || i+1 < len(sample) && isASCIILetter(sample[i+1]) {
			c.mixed++
		}
	}
	return c
}

func isASCIILetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// onlySigns tells whether the bytes above ASCII stand alone and are signs in the charset of Windows:
// quotation marks, dashes, the euro.
func onlySigns(sample []byte) bool {
	for i, b := range sample {
		if b >= 0x80 && (i > 0 && sample[i-1] >= 0x80 || unicode.IsLetter(charmap.Windows1252.DecodeByte(b))) {
			return false
		}
	}
	return true
}

// alphabet is a charset for words that have no ASCII letters in them.
type alphabet struct {
	name   string
	table  *charmap.Charmap
	script *unicode.RangeTable
	byUse  string // its letters from the commonest to the rarest
}

const arabicByUse = "اليمنورتبدعكسهفحجقةأشصخطذىزضغءإثظئآ"

const cyrillicByUse = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэіїєґфъё"

func alphabets() []alphabet {
	return []alphabet{
		{"windows-1251", charmap.Windows1251, unicode.Cyrillic, cyrillicByUse},
		{"koi8-u", charmap.KOI8U, unicode.Cyrillic, cyrillicByUse},
		{"ibm866", charmap.CodePage866, unicode.Cyrillic, cyrillicByUse},
		{"iso-8859-5", charmap.ISO8859_5, unicode.Cyrillic, cyrillicByUse},
		{"windows-1253", charmap.Windows1253, unicode.Greek, "αοιετσνηυρπκμλωςγδάόίήέύώχθφβξζψ"},
		{"windows-1255", charmap.Windows1255, unicode.Hebrew, "יולהאמרתבשנדקכםעחפגטסזצןךףץ"},
		{"windows-1256", charmap.Windows1256, unicode.Arabic, arabicByUse},
		{"iso-8859-6", charmap.ISO8859_6, unicode.Arabic, arabicByUse},
		{"windows-874", charmap.Windows874, unicode.Thai, "านรกเงอมยลวดทส่้ีิ็ัตะปบคหพชใแไจูุ"},
	}
}

// guessAlphabet returns the charset in which the bytes read like a language, or "", and whether they
// read well. The charsets of
// one script differ in case and order of the letters, so a wrong one gives capitals inside words,
// signs and rare letters.
func guessAlphabet(sample []byte) (name string, sure bool) {
	best, bestScore := "", 0.5
	for _, candidate := range alphabets() {
		if score := scoreAlphabet(sample, candidate); score > bestScore {
			best, bestScore = candidate.name, score
		}
	}
	return best, bestScore >= 0.65
}

// scoreAlphabet returns how well bytes read in one charset: at most 1 for each high byte, on average.
func scoreAlphabet(sample []byte, a alphabet) float64 {
	var score float64
	count := 0
	var before rune
	for _, b := range sample {
		r := rune(b)
		if b >= 0x80 {
			r = a.table.DecodeByte(b)
			count++
			score += a.scoreLetter(r, before)
		}
		before = r
	}
	return score / float64(max(count, 1))
}

func (a alphabet) scoreLetter(r, before rune) float64 {
	if !unicode.Is(a.script, r) {
		if strings.ContainsRune("«»—–№…“”„’\u00a0", r) {
			return 0.3
		}
		return -1
	}
	rank := strings.IndexRune(a.byUse, unicode.ToLower(r))
	weight := 0.1
	switch size := len(a.byUse); {
	case rank < 0:
		weight = 0
	case rank < size*2/5:
		weight = 1
	case rank < size*2/3:
		weight = 0.7
	}
	switch {
	case !unicode.IsUpper(r):
		return weight
	case unicode.IsLower(before):
		return -1
	case unicode.IsUpper(before):
		return weight * 0.8
	}
	return weight
}

// guessEastAsian names the charset of Chinese, Japanese or Korean bytes by their lead bytes, or "".
func guessEastAsian(sample []byte) string {
	c := countPairs(sample)
	if c.pairs == 0 || c.broken*10 > c.pairs {
		if c.shiftKana*4 > c.high/2 && c.shiftKana > 1 {
			return "shift_jis"
		}
		return ""
	}
	switch {
	case c.shiftKana*3 > c.pairs:
		return "shift_jis"
	case c.kana*4 > c.pairs:
		return "euc-jp"
	case c.shiftKanji*10 >= c.pairs*7 && c.pairs >= 3:
		return "shift_jis"
	case c.hangul*10 >= c.pairs*9 && c.pairs >= 3:
		return "euc-kr"
	case c.lowTrail*8 > c.pairs && c.bigCommon*10 >= c.pairs*7:
		return "big5"
	case c.common*10 >= c.pairs*7:
		return "gb18030"
	case c.bigCommon*10 >= c.pairs*8:
		return "big5"
	}
	return ""
}

// pairCounts counts pairs of bytes by what their lead byte means in each charset.
type pairCounts struct {
	high, pairs, broken         int
	kana, shiftKana, hangul     int // leads of Japanese and Korean syllables
	shiftKanji                  int // leads of Shift JIS that are rare in Chinese
	common, bigCommon, lowTrail int // leads of common characters in GB 2312 and Big5; trails of Big5
}

func countPairs(sample []byte) pairCounts {
	var c pairCounts
	for i := 0; i < len(sample); i++ {
		lead := sample[i]
		if lead < 0x80 {
			continue
		}
		c.high++
		if i+1 == len(sample) {
			break
		}
		i++
		trail := sample[i]
		if trail >= 0x80 {
			c.high++
		}
		if trail < 0x40 {
			c.broken++
			continue
		}
		c.pairs++
		switch {
		case (lead == 0x82 && trail >= 0x9f) || (lead == 0x83 && trail <= 0x96):
			c.shiftKana++
		case lead == 0xa4 && trail >= 0xa1 || lead == 0xa5 && trail >= 0xa1:
			c.kana++
		}
		if lead >= 0x81 && lead <= 0x9f {
			c.shiftKanji++
		}
		if lead >= 0xb0 && lead <= 0xc8 && trail >= 0xa1 {
			c.hangul++
		}
		if lead >= 0xb0 && lead <= 0xd7 && trail >= 0xa1 || lead == 0xa3 || lead == 0xa1 {
			c.common++
		}
		if lead >= 0xa4 && lead <= 0xc6 || lead == 0xa1 {
			c.bigCommon++
		}
		if trail < 0x7f {
			c.lowTrail++
		}
	}
	return c
}
