package mailparse

import (
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// charsetName returns the name we use for a label, lower case; "" if the label says nothing. Signs
// between letters and digits do not count, nor do the prefixes of makers before a number.
func charsetName(label string) string {
	name := strings.ToLower(strings.Trim(label, " \t\"'<>;,="))
	name = strings.TrimPrefix(name, "charset=")
	if i := strings.IndexAny(name, "* ;"); i >= 0 {
		name = name[:i]
	}
	switch name { // the commonest, without work
	case "", "utf-8", "us-ascii", "koi8-r", "windows-1252", "windows-1251":
		return name
	case "iso-8859-1":
		return "windows-1252"
	}
	bare := bareLabel(name)
	if known, found := charsetLabels[bare]; found {
		return known
	}
	digits := strings.TrimLeft(bare, "abcdefghijklmnopqrstuvwxyz")
	if number, err := strconv.Atoi(digits); err == nil {
		switch bare[:len(bare)-len(digits)] {
		case "", "cp", "ibm", "windows", "win", "dos", "pc", "ms", "oem", "ansi", "ccsid", "codepage":
			if known := codepageName(number); known != "" {
				return known
			}
		}
	}
	return name
}

// bareLabel returns the letters and digits of a label, without the prefix of private names.
func bareLabel(name string) string {
	name = strings.TrimPrefix(name, "x-")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
}

// charsetLabels are labels that the standard tables do not know or take too narrowly.
var charsetLabels = func() map[string]string {
	labels := map[string]string{}
	for name, list := range map[string]string{
		"":               "unknown unknown8bit default binary 8bit 7bit none defaultcharset userdefined iso8859x charset iso10646utf1",
		"utf-8":          "utf utf8 utf8n utf8mb4 unicode11utf8 unicode20utf8 utf8sig uft8 utf8mac enusutf8",
		"utf-7":          "utf7 unicode11utf7 unicode20utf7 csunicode11utf7",
		"utf-16":         "utf16 unicode ucs2 iso10646ucs2 csunicode",
		"utf-16le":       "utf16le ucs2le unicodelittle",
		"utf-16be":       "utf16be ucs2be unicodebig unicodefffe",
		"utf-32":         "utf32 utf32le utf32be ucs4 ucs4le ucs4be iso10646ucs4",
		"us-ascii":       "ascii usascii ansix341968 iso646us iso646irv1991 646",
		"windows-1252":   "iso88591 latin1 l1 latin 88591 ansi western csisolatin1 iso885911987 iso88591windows31latin1",
		"iso-8859-2":     "latin2 l2 iso88592",
		"iso-8859-4":     "latin4 l4 iso88594",
		"windows-1254":   "iso88599 latin5 l5",
		"iso-8859-5":     "cyrillic iso88595",
		"iso-8859-8":     "iso88598i iso88598e iso88598 hebrew logical visual",
		"iso-8859-13":    "latin7 iso885913 balticrim",
		"iso-8859-15":    "latin9 iso885915",
		"windows-874":    "iso885911 tis620 thai",
		"gb18030":        "gb18030 gb2312 gb231280 gbk euccn csgb2312 chinese simplifiedchinese gb180302000 gb180302005",
		"hz-gb-2312":     "hz hzgb hzgb2312",
		"big5":           "big5 big5hkscs cnbig5 big5eten csbig5 macchinesetrad",
		"shift_jis":      "sjis shiftjis windows31j mskanji csshiftjis csshiftjis mswinkanji macjapanese shiftjisms",
		"euc-jp":         "eucjp eucjpms extendedunixcodepackedformatforjapanese cseucpkdfmtjapanese ujis eucjpwin eucjisx0213 eucjis2004 cp51932",
		"iso-2022-jp":    "iso2022jp iso2022jp1 iso2022jp2 iso2022jp3 iso2022jp2004 iso2022jpms csiso2022jp jis jis7 junet",
		"euc-kr":         "euckr ksc56011987 ksc5601 ksc56011989 kscsc56011987 uhc korean ksc csksc56011987 mackorean ksx1001",
		"iso-2022-kr":    "iso2022kr csiso2022kr",
		"iso-2022-cn":    "iso2022cn iso2022cnext",
		"koi8-r":         "koi8r koi8 koi cskoi8r",
		"koi8-u":         "koi8u koi8ru",
		"macintosh":      "mac macroman macintosh csmacintosh",
		"x-mac-cyrillic": "maccyrillic macukrainian",
		"x-mac-ce":       "macce maccentraleurope maccentraleurroman maclatin2 maccentraleuropean",
		"x-mac-greek":    "macgreek",
		"x-mac-turkish":  "macturkish",
		"x-mac-iceland":  "maciceland macicelandic",
		"x-mac-romanian": "macromania macromanian",
		"x-mac-croatian": "maccroatian",
		"windows-1255":   "machebrew",
		"windows-1256":   "macarabic",
		"ptcp154":        "ptcp154 pt154 cp154 csptcp154 cyrillicasian",
		"kz-1048":        "kz1048 rk1048 strk10482002 cskz1048",
		"cp1125":         "ruscii",
		"ibm861":         "cpis",
		"viscii":         "viscii viscii111 csviscii",
		"koi8-t":         "koi8t",
	} {
		for label := range strings.FieldsSeq(list) {
			labels[label] = name
		}
	}
	labels["macchinesesimp"] = "gb18030"
	return labels
}()

// codepageName returns the charset of one of the numbers that Windows, DOS and IBM use; "" if we do
// not know it.
func codepageName(number int) string {
	switch number {
	case 1200:
		return "utf-16le"
	case 1201:
		return "utf-16be"
	case 12000, 12001:
		return "utf-32"
	case 65000:
		return "utf-7"
	case 65001:
		return "utf-8"
	case 20127, 367:
		return "us-ascii"
	case 819, 28591:
		return "windows-1252"
	case 28599, 920:
		return "windows-1254"
	case 932, 943:
		return "shift_jis"
	case 936, 51936, 54936, 1386:
		return "gb18030"
	case 949, 51949, 970:
		return "euc-kr"
	case 950:
		return "big5"
	case 874:
		return "windows-874"
	case 10000:
		return "macintosh"
	case 10006:
		return "x-mac-greek"
	case 10007:
		return "x-mac-cyrillic"
	case 10029:
		return "x-mac-ce"
	case 10081:
		return "x-mac-turkish"
	case 20866:
		return "koi8-r"
	case 21866:
		return "koi8-u"
	case 20932, 51932:
		return "euc-jp"
	case 38598, 38599:
		return "iso-8859-8"
	case 50220, 50221, 50222:
		return "iso-2022-jp"
	case 50225:
		return "iso-2022-kr"
	case 52936:
		return "hz-gb-2312"
	case 1125:
		return "cp1125"
	case 437, 720, 737, 775, 850, 852, 855, 856, 857, 858, 860, 861, 862, 863, 865, 866, 869:
		return "ibm" + strconv.Itoa(number)
	}
	switch {
	case number >= 1250 && number <= 1258:
		return "windows-" + strconv.Itoa(number)
	case number >= 28592 && number <= 28605:
		return "iso-8859-" + strconv.Itoa(number-28590)
	}
	return ""
}

// charsetOf returns the table of a charset, or nil.
func charsetOf(name string) encoding.Encoding {
	switch name {
	case "", "utf-7", "utf-16", "utf-16le", "utf-16be", "utf-32": // unicode.go reads these
		return nil
	case "windows-1252":
		return charmap.Windows1252
	case "windows-1251":
		return charmap.Windows1251
	case "koi8-r", "koi8-u": // the Ukrainian letters lie where the other has boxes
		return charmap.KOI8U
	case "gb18030":
		return simplifiedchinese.GB18030
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312
	case "big5":
		return traditionalchinese.Big5
	case "iso-2022-jp":
		return japanese.ISO2022JP
	case "euc-kr":
		return korean.EUCKR
	case "ibm850":
		return charmap.CodePage850
	case "ibm852":
		return charmap.CodePage852
	case "ibm855":
		return charmap.CodePage855
	case "ibm858":
		return charmap.CodePage858
	case "ibm860":
		return charmap.CodePage860
	case "ibm862":
		return charmap.CodePage862
	case "ibm863":
		return charmap.CodePage863
	case "ibm865":
		return charmap.CodePage865
	case "ibm866":
		return charmap.CodePage866
	case "ibm437":
		return charmap.CodePage437
	}
	if table := tableOf(name); table != nil {
		return table
	}
	if table, err := htmlindex.Get(name); err == nil && table != encoding.Replacement {
		return table
	}
	if table, err := ianaindex.MIME.Encoding(name); err == nil && table != nil {
		return table
	}
	return nil
}

// isCharset tells whether a label names a charset that we can decode.
func isCharset(label string) bool {
	switch name := charsetName(label); name {
	case "utf-8", "us-ascii", "utf-7", "utf-32", "iso-2022-kr", "iso-2022-cn", "utf-16", "utf-16le", "utf-16be":
		return true
	default:
		return charsetOf(name) != nil
	}
}

// isMultiByte tells of charsets in which two bytes of a letter may look like UTF-8.
func isMultiByte(name string) bool {
	switch name {
	case "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "iso-2022-jp", "iso-2022-kr", "hz-gb-2312":
		return true
	}
	return false
}

// siblings are the charsets of Windows that hold the letters of a standard one and use the places
// that it leaves to control characters.
var siblings = map[string]string{
	"iso-8859-2": "windows-1250", "iso-8859-4": "windows-1257", "iso-8859-5": "windows-1251", "iso-8859-6": "windows-1256",
	"iso-8859-7": "windows-1253", "iso-8859-8": "windows-1255", "iso-8859-13": "windows-1257", "iso-8859-15": "windows-1252",
}
