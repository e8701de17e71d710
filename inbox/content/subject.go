package content

import (
	"strings"
	"unicode"
)

// subjectMarks are what mail programs put before the subject of an answer or of a forwarded mail, in
// lower case, without the colon.
var subjectMarks = markSet(
	"re", "fw", "fwd", // English, and most programs everywhere
	"aw", "antw", "antwort", "wg", "wtrlt", // German
	"sv", "vs", "vb", "vl", "fs", // Danish, Norwegian, Swedish, Finnish, Icelandic
	"antw", "doorst", // Dutch
	"r", "rif", "i", "inoltra", // Italian
	"ref", "rép", "rep", "tr", "trans", // French
	"res", "resp", "enc", // Portuguese
	"rv", "rsp", "respuesta", // Spanish
	"odp", "pd", // Polish
	"odpověď", "předáno", // Czech
	"vá", "vál", "továbbítás", // Hungarian
	"ynt", "ilt", "i̇lt", // Turkish
	"απ", "σχετ", "πρθ", // Greek
	"отв", "ответ", "на", "ha", "пересл", "пересылка", "отг", "прп", "нп", // Russian, Bulgarian, and "HA:" in Latin letters
	"відп", "відповідь", "пересил", // Ukrainian
	"השב", "תשובה", "הועבר", // Hebrew
	"رد", "إعادة توجيه", // Arabic
	"回复", "回覆", "答复", "答覆", "回信", "转发", "轉寄", "转寄", // Chinese
	"返信", "転送", // Japanese
	"답장", "회신", "전달", // Korean
	"bls", "trs", // Indonesian
	"ats", "atb", "yt", "ytl", // Lithuanian, Welsh
)

func markSet(words ...string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}

// longestMark bounds, in bytes, how far a colon may be from the beginning of a mark.
const longestMark = 40

// BaseSubject returns what a subject is about: without "Re:", "AW:", "Ответ:", "回复：" and the like,
// however many, in lower case, with single blanks. answer tells whether there was such a mark.
func BaseSubject(subject string) (base string, answer bool) {
	rest := strings.Join(strings.FieldsFunc(subject, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	rest = strings.ToLower(rest)
	for {
		after, found := cutMark(rest)
		if !found {
			return rest, answer
		}
		rest, answer = after, true
	}
}

// cutMark takes one mark off the beginning of a subject: a word, a number such as "[2]" or "(2)", a
// colon.
func cutMark(s string) (rest string, found bool) {
	head := s[:min(len(s), longestMark)]
	at := strings.IndexAny(head, ":：")
	if at < 0 {
		return s, false
	}
	word := strings.TrimSpace(head[:at])
	if i := strings.IndexAny(word, "[(^"); i > 0 && strings.Trim(word[i:], "[]()^0123456789 ") == "" {
		word = strings.TrimSpace(word[:i])
	}
	if !subjectMarks[word] {
		return s, false
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(s[at:], ":"), "：")
	return strings.TrimSpace(rest), true
}
