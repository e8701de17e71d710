package mailparse

import (
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

// charsetName returns the name we use for a label, lower case; "" if the label says nothing.
func charsetName(label string) string {
	name := strings.ToLower(strings.Trim(label, " \t\"'<>;,="))
	name = strings.TrimPrefix(name, "charset=")
	if i := strings.IndexAny(name, "* ;"); i >= 0 {
		name = name[:i]
	}
	if alias, known := charsetAliases[name]; known {
		return alias
	}
	if rest, ok := strings.CutPrefix(name, "x-"); ok {
		if alias, known := charsetAliases[rest]; known {
			return alias
		}
		if charsetOf(name) == nil {
			return rest
		}
	}
	return name
}

// charsetAliases are labels that the standard tables do not know or take too narrowly.
var charsetAliases = map[string]string{
	"unknown": "", "unknown-8bit": "", "x-unknown": "", "default": "", "binary": "", "8bit": "", "7bit": "", "none": "",
	"default_charset": "", "user-defined": "", "x-user-defined": "", "iso-8859-x": "", "charset": "", "_charset_": "", "utf": "utf-8",
	"utf8": "utf-8", "utf_8": "utf-8", "utf-8n": "utf-8", "utf8mb4": "utf-8", "unicode-1-1-utf-8": "utf-8", "cp65001": "utf-8", "65001": "utf-8",
	"ascii": "us-ascii", "ansi_x3.4-1968": "us-ascii", "iso646-us": "us-ascii", "ansi": "windows-1252", "latin": "windows-1252",
	"us-ascii": "us-ascii", "iso-8859-1": "windows-1252", "iso8859-1": "windows-1252", "iso_8859-1": "windows-1252", "latin1": "windows-1252", "latin-1": "windows-1252",
	"8859-1": "windows-1252", "iso-8859-1-windows-3.1-latin-1": "windows-1252", "western": "windows-1252",
	"unicode-1-1-utf-7": "utf-7", "utf7": "utf-7", "unicode": "utf-16", "utf16": "utf-16", "ucs-2": "utf-16",
	"gb2312": "gb18030", "gb-2312": "gb18030", "gb_2312-80": "gb18030", "gb_2312": "gb18030", "gbk": "gb18030", "gb-18030": "gb18030", "gb18030": "gb18030", "cp936": "gb18030",
	"936": "gb18030", "windows-936": "gb18030", "ms936": "gb18030", "euc-cn": "gb18030", "euc_cn": "gb18030", "csgb2312": "gb18030", "hz": "hz-gb-2312",
	"big-5": "big5", "cp950": "big5", "windows-950": "big5", "big5-hkscs": "big5", "cn-big5": "big5", "ms950": "big5",
	"sjis": "shift_jis", "shift-jis": "shift_jis", "cp932": "shift_jis", "windows-31j": "shift_jis", "ms932": "shift_jis", "ms_kanji": "shift_jis", "932": "shift_jis",
	"eucjp": "euc-jp", "euc_jp": "euc-jp", "eucjp-ms": "euc-jp", "cp51932": "euc-jp",
	"iso2022-jp": "iso-2022-jp", "iso-2022-jp-1": "iso-2022-jp", "iso-2022-jp-2": "iso-2022-jp", "iso-2022-jp-ms": "iso-2022-jp", "cp50220": "iso-2022-jp", "cp50221": "iso-2022-jp", "jis": "iso-2022-jp",
	"euckr": "euc-kr", "euc_kr": "euc-kr", "cp949": "euc-kr", "windows-949": "euc-kr", "ks_c_5601-1987": "euc-kr", "ks_c_5601": "euc-kr", "ksc5601": "euc-kr", "uhc": "euc-kr", "korean": "euc-kr",
	"cp1250": "windows-1250", "cp1251": "windows-1251", "cp1252": "windows-1252", "cp1253": "windows-1253", "cp1254": "windows-1254",
	"cp1255": "windows-1255", "cp1256": "windows-1256", "cp1257": "windows-1257", "cp1258": "windows-1258", "win-1250": "windows-1250", "win-1251": "windows-1251", "win1251": "windows-1251", "1251": "windows-1251", "ansi-1251": "windows-1251", "windows1251": "windows-1251", "windows1252": "windows-1252", "cyrillic": "windows-1251",
	"koi8": "koi8-r", "koi8r": "koi8-r", "koi8_r": "koi8-r", "koi8u": "koi8-u", "koi8-ru": "koi8-u", "koi": "koi8-r",
	"cp866": "ibm866", "ibm-866": "ibm866", "dos-866": "ibm866", "cp-866": "ibm866", "mac-cyrillic": "x-mac-cyrillic", "maccyrillic": "x-mac-cyrillic",
	"cp850": "ibm850", "cp-850": "ibm850", "cp437": "ibm437", "cp852": "ibm852", "cp855": "ibm855", "mac": "macintosh", "macroman": "macintosh", "mac-roman": "macintosh", "x-mac-roman": "macintosh",
	"x-mac-ce": "x-mac-ce", "mac-ce": "x-mac-ce", "x-mac-centraleurroman": "x-mac-ce", "mac-centraleurope": "x-mac-ce", "maclatin2": "x-mac-ce", "mac-greek": "x-mac-greek", "mac-turkish": "x-mac-turkish", "x-mac-japanese": "shift_jis", "x-mac-chinesesimp": "gb18030", "x-mac-chinesetrad": "big5", "x-mac-korean": "euc-kr", "x-mac-hebrew": "windows-1255", "x-mac-arabic": "windows-1256", "x-mac-ukrainian": "x-mac-cyrillic",
	"cp737": "ibm737", "cp775": "ibm775", "cp857": "ibm857", "cp1125": "cp1125", "viscii1.1-1": "viscii", "csviscii": "viscii",
	"utf-32": "utf-32", "ucs-4": "utf-32", "utf-8-sig": "utf-8", "uft-8": "utf-8", "utf-8-mac": "utf-8", "en_us.utf-8": "utf-8", "iso-10646-ucs-2": "utf-16", "iso-10646-utf-1": "",
	"iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "iso-8859-9": "windows-1254", "iso-8859-11": "windows-874", "tis-620": "windows-874", "tis620": "windows-874", "cp874": "windows-874",
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
	case "koi8-r":
		return charmap.KOI8R
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
