package mailparse

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// decodeText turns bytes labelled with a charset into text. Labels are often missing or wrong, so:
// plain ASCII needs none; what is valid UTF-8 and cannot sensibly be the labelled charset is UTF-8;
// without a usable label the bytes are looked at, hint (the charset of another part of the same
// mail) first. Undecodable bytes become U+FFFD; NUL and a byte order mark go.
func decodeText(raw []byte, label, hint string) string {
	label = charsetName(label)
	if isASCII(raw) && label != "utf-7" && label != "utf-16" && !isShifted(raw) {
		return withoutNUL(string(raw))
	}
	if text, ok := decodeMarked(raw); ok {
		return withoutNUL(text)
	}
	if utf8.Valid(raw) && (label == "utf-8" || label == "" || !isMultiByte(label)) && label != "utf-7" {
		if !isShifted(raw) || label == "utf-8" {
			return withoutNUL(string(raw))
		}
	}
	if text, ok := decodeAs(raw, label); ok {
		return withoutNUL(text)
	}
	if hint = charsetName(hint); hint != label {
		if text, ok := decodeAs(raw, hint); ok {
			return withoutNUL(text)
		}
	}
	return withoutNUL(decodeGuessed(raw))
}

// decodeBytes decodes raw header bytes, which have no label.
func decodeBytes(raw []byte, hint string) string { return decodeText(raw, "", hint) }

// decodeAs decodes by a named charset; false if there is no such charset or the bytes cannot be it.
func decodeAs(raw []byte, name string) (string, bool) {
	switch name {
	case "":
		return "", false
	case "utf-8", "us-ascii":
		return repairUTF8(raw)
	case "utf-7":
		return decodeUTF7(raw), true
	}
	table := charsetOf(name)
	if table == nil {
		return "", false
	}
	text, err := table.NewDecoder().Bytes(raw)
	if err != nil {
		return "", false
	}
	bad := bytes.Count(text, []byte("\uFFFD"))
	if bad > 0 && (utf8.Valid(raw) || bad > 2+len(text)/100) {
		return "", false
	}
	return string(text), true
}

// repairUTF8 accepts bytes that are UTF-8 but for a few broken characters, such as one cut in two.
func repairUTF8(raw []byte) (string, bool) {
	good, bad := 0, 0
	for rest := raw; len(rest) > 0; {
		if rest[0] < utf8.RuneSelf {
			rest = rest[1:]
			continue
		}
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			bad++
		} else {
			good++
		}
		rest = rest[size:]
	}
	if bad > 0 && good < 3*bad {
		return "", false
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD"), true
}

// decodeGuessed names the charset from the bytes alone.
func decodeGuessed(raw []byte) string {
	if isShifted(raw) {
		if text, ok := decodeAs(raw, "iso-2022-jp"); ok {
			return text
		}
	}
	if text, ok := repairUTF8(raw); ok {
		return text
	}
	for _, name := range guessCharsets(raw[:min(len(raw), 8<<10)]) {
		if text, ok := decodeAs(raw, name); ok {
			return text
		}
	}
	if text, err := charmap.Windows1252.NewDecoder().Bytes(raw); err == nil {
		return string(text)
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

// decodeMarked decodes text that begins with a byte order mark.
func decodeMarked(raw []byte) (string, bool) {
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(raw[3:]), "\uFFFD"), true
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		text, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(raw)
		return string(text), err == nil
	}
	return "", false
}

func isASCII(raw []byte) bool {
	for _, b := range raw {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isShifted tells of the escapes of ISO 2022, in which all bytes are ASCII.
func isShifted(raw []byte) bool {
	return bytes.IndexByte(raw, 0x1b) >= 0 && (bytes.Contains(raw, []byte("\x1b$")) || bytes.Contains(raw, []byte("\x1b("))) ||
		bytes.Contains(raw, []byte("~{")) && bytes.Contains(raw, []byte("~}"))
}

func withoutNUL(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// isMultiByte tells of charsets in which two bytes of a letter may look like UTF-8.
func isMultiByte(name string) bool {
	switch name {
	case "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "iso-2022-jp", "iso-2022-kr", "hz-gb-2312", "utf-16", "utf-16le", "utf-16be":
		return true
	}
	return false
}

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
	"unicode-1-1-utf-7": "utf-7", "utf7": "utf-7", "unicode": "utf-16", "utf16": "utf-16", "ucs-2": "utf-16be",
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
	"iso-8859-8-i": "iso-8859-8", "iso-8859-8-e": "iso-8859-8", "iso-8859-9": "windows-1254", "iso-8859-11": "windows-874", "tis-620": "windows-874", "tis620": "windows-874", "cp874": "windows-874",
}

// charsetOf returns the table of a charset, or nil.
func charsetOf(name string) encoding.Encoding {
	switch name {
	case "":
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
	case "euc-kr", "iso-2022-kr":
		return korean.EUCKR
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "ibm850":
		return charmap.CodePage850
	case "ibm852":
		return charmap.CodePage852
	case "ibm855":
		return charmap.CodePage855
	case "ibm437":
		return charmap.CodePage437
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
	case "utf-8", "us-ascii", "utf-7":
		return true
	default:
		return charsetOf(name) != nil
	}
}

// decodeUTF7 decodes RFC 2152, which some old programs still write.
func decodeUTF7(raw []byte) string {
	var out strings.Builder
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '+')
		if i < 0 {
			out.Write(raw)
			break
		}
		out.Write(raw[:i])
		raw = raw[i+1:]
		if len(raw) > 0 && raw[0] == '-' {
			out.WriteByte('+')
			raw = raw[1:]
			continue
		}
		n := 0
		for n < len(raw) && base64Value[raw[n]] < 64 && raw[n] != '-' && raw[n] != '_' {
			n++
		}
		units := decodeBase64(raw[:n])
		words := make([]uint16, 0, len(units)/2)
		for j := 0; j+1 < len(units); j += 2 {
			words = append(words, uint16(units[j])<<8|uint16(units[j+1]))
		}
		for _, r := range utf16.Decode(words) {
			out.WriteRune(r)
		}
		raw = raw[n:]
		if len(raw) > 0 && raw[0] == '-' {
			raw = raw[1:]
		}
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}
