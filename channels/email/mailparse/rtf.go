package mailparse

import (
	"bytes"
	"encoding/binary"
	"html"
	"strconv"
	"strings"
)

// rtfDictionary is what the window of compressed RTF begins with ([MS-OXRTFCP], section 2.1.2.1).
const rtfDictionary = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` +
	"\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

// inflateRTF undoes the compression of RTF in MAPI; at most limit bytes, nil if it is none.
func inflateRTF(raw []byte, limit int) []byte {
	const headerSize = 16
	if len(raw) < headerSize {
		return nil
	}
	size, kind := int(binary.LittleEndian.Uint32(raw[4:])), string(raw[8:12])
	raw = raw[headerSize:]
	limit = min(limit, size)
	switch {
	case kind == "MELA":
		return raw[:min(limit, len(raw))]
	case kind != "LZFu":
		return nil
	}
	var window [4096]byte
	at := copy(window[:], rtfDictionary)
	out := make([]byte, 0, min(limit, 8*len(raw)))
	put := func(b byte) {
		window[at] = b
		at = (at + 1) % len(window)
		out = append(out, b)
	}
	for len(raw) > 0 && len(out) < limit {
		control := raw[0]
		raw = raw[1:]
		for bit := range 8 {
			if len(raw) == 0 || len(out) >= limit {
				return out
			}
			if control>>bit&1 == 0 {
				put(raw[0])
				raw = raw[1:]
				continue
			}
			if len(raw) < 2 {
				return out
			}
			offset, length := int(raw[0])<<4|int(raw[1])>>4, int(raw[1]&15)+2
			raw = raw[2:]
			if offset == at {
				return out // the end
			}
			for i := range length {
				put(window[(offset+i)%len(window)])
			}
		}
	}
	return out
}

// readRTF returns the words of an RTF text, or the HTML that it was made from ([MS-OXRTFEX]).
func readRTF(raw []byte, limit int) (text string, isHTML bool) {
	isHTML = bytes.Contains(raw[:min(len(raw), 4<<10)], []byte(`\fromhtml`))
	r := rtfReader{isHTML: isHTML, fonts: map[int]string{}, charset: "windows-1252", limit: limit}
	r.state.unicodeSkip = 1
	r.read(raw)
	r.flush()
	return r.out.String(), isHTML
}

// rtfState is what holds inside a group.
type rtfState struct {
	skip        bool // a group without words: fonts, colours, pictures
	htmlTag     bool // HTML as it was
	htmlRTF     bool // words that the HTML has anyway
	unicodeSkip int  // letters after \u for old programs
	font        int
}

// maxRTFDepth bounds groups inside each other.
const maxRTFDepth = 200

type rtfReader struct {
	out       strings.Builder
	pending   []byte // letters not decoded yet
	isHTML    bool
	charset   string
	fonts     map[int]string // charsets of the fonts
	state     rtfState
	stack     []rtfState
	inFonts   int // depth of the table of fonts; 0 outside
	toSkip    int // letters still to skip after \u
	surrogate rune
	limit     int
}

func (r *rtfReader) read(raw []byte) {
	for len(raw) > 0 && r.out.Len() < r.limit {
		switch b := raw[0]; b {
		case '{':
			raw = raw[1:]
			if len(r.stack) < maxRTFDepth {
				r.flush()
				r.stack = append(r.stack, r.state)
			}
		case '}':
			raw = raw[1:]
			r.close()
		case '\\':
			raw = r.control(raw[1:])
		case '\r', '\n':
			raw = raw[1:]
		default:
			raw = raw[1:]
			r.letter(b)
		}
	}
}

func (r *rtfReader) close() {
	r.flush()
	if n := len(r.stack) - 1; n >= 0 {
		r.state, r.stack = r.stack[n], r.stack[:n]
		if n < r.inFonts {
			r.inFonts = 0
		}
	}
}

// shown tells whether words at this place are read.
func (r *rtfReader) shown() bool {
	return !r.state.skip && !(r.isHTML && r.state.htmlRTF && !r.state.htmlTag)
}

func (r *rtfReader) letter(b byte) {
	if r.toSkip > 0 {
		r.toSkip--
		return
	}
	if r.shown() {
		r.pending = append(r.pending, b)
	}
}

// text writes what a control word stands for.
func (r *rtfReader) text(plain, markup string) {
	if !r.shown() {
		return
	}
	r.flush()
	if r.isHTML && !r.state.htmlTag {
		plain = markup
	}
	r.out.WriteString(plain)
}

func (r *rtfReader) flush() {
	if len(r.pending) == 0 {
		return
	}
	charset := r.fonts[r.state.font]
	if charset == "" {
		charset = r.charset
	}
	text := decodeText(r.pending, charset, "")
	if r.isHTML && !r.state.htmlTag {
		text = html.EscapeString(text)
	}
	r.out.WriteString(text)
	r.pending = r.pending[:0]
}

// control reads what follows a backslash and returns the rest.
func (r *rtfReader) control(raw []byte) []byte {
	if len(raw) == 0 {
		return nil
	}
	if !isASCIILetter(raw[0]) {
		return r.symbol(raw)
	}
	n := 1
	for n < len(raw) && n < 32 && isASCIILetter(raw[n]) {
		n++
	}
	word, rest := string(raw[:n]), raw[n:]
	digits := 0
	for digits < len(rest) && digits < 10 && (rest[digits] >= '0' && rest[digits] <= '9' || digits == 0 && rest[0] == '-') {
		digits++
	}
	number, err := strconv.Atoi(string(rest[:digits]))
	rest = rest[digits:]
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	if word == "bin" && number > 0 {
		return rest[min(number, len(rest)):]
	}
	r.word(word, number, err == nil)
	return rest
}

// symbol reads a control of one sign: an escaped letter, a byte in hexadecimal, a blank.
func (r *rtfReader) symbol(raw []byte) []byte {
	switch b := raw[0]; b {
	case '\'':
		if len(raw) < 3 {
			return nil
		}
		if high, low := hexValue(raw[1]), hexValue(raw[2]); high < 16 && low < 16 {
			r.letter(high<<4 | low)
		}
		return raw[3:]
	case '*':
		r.flush()
		r.state.skip = !bytes.HasPrefix(raw[1:], []byte(`\htmltag`)) || r.state.skip
	case '~':
		r.text("\u00a0", "&nbsp;")
	case '_':
		r.text("-", "-")
	case '\r', '\n':
		r.text("\n", "<br>")
	case '\\', '{', '}':
		r.letter(b)
	}
	return raw[1:]
}

func (r *rtfReader) word(word string, number int, hasNumber bool) {
	switch word {
	case "par", "line", "row", "sect", "page":
		r.text("\n", "<br>\n")
	case "tab", "cell":
		r.text("\t", "\t")
	case "htmltag":
		r.flush()
		r.state.htmlTag = true
	case "htmlrtf":
		r.flush()
		r.state.htmlRTF = !hasNumber || number != 0
	case "fonttbl":
		r.state.skip, r.inFonts = true, len(r.stack)
	case "colortbl", "stylesheet", "info", "pict", "header", "footer", "headerl", "headerr", "footerl", "footerr", "footnote", "object", "fldinst", "listtable", "themedata":
		r.flush()
		r.state.skip = true
	case "f":
		r.flush()
		r.state.font = number
	case "fcharset":
		if r.inFonts > 0 && len(r.fonts) < 1000 {
			r.fonts[r.state.font] = fontCharset(number)
		}
	case "ansicpg":
		if name := codepageName(number); isCharset(name) {
			r.charset = name
		}
	case "uc":
		r.state.unicodeSkip = min(max(number, 0), 16)
	case "u":
		r.unicode(rune(uint16(number)))
	case "lquote":
		r.text("‘", "‘")
	case "rquote":
		r.text("’", "’")
	case "ldblquote":
		r.text("“", "“")
	case "rdblquote":
		r.text("”", "”")
	case "endash":
		r.text("–", "–")
	case "emdash":
		r.text("—", "—")
	case "bullet":
		r.text("•", "•")
	}
}

// unicode writes a letter given by its number; large ones come as two halves.
func (r *rtfReader) unicode(c rune) {
	r.toSkip = r.state.unicodeSkip
	switch {
	case isControlRune(c):
		return
	case c >= 0xd800 && c < 0xdc00:
		r.surrogate = c
		return
	case c >= 0xdc00 && c < 0xe000:
		c = (r.surrogate-0xd800)<<10 | (c - 0xdc00) + 0x10000
		if r.surrogate == 0 {
			c = 0xfffd
		}
	}
	r.surrogate = 0
	letter := string(c)
	r.text(letter, html.EscapeString(letter))
}

// fontCharset returns the charset of one of the numbers that fonts have; "" if it is the document's.
func fontCharset(number int) string {
	switch number {
	case 128:
		return "shift_jis"
	case 129:
		return "euc-kr"
	case 134:
		return "gb18030"
	case 136:
		return "big5"
	case 161:
		return "windows-1253"
	case 162:
		return "windows-1254"
	case 163:
		return "windows-1258"
	case 177:
		return "windows-1255"
	case 178:
		return "windows-1256"
	case 186:
		return "windows-1257"
	case 204:
		return "windows-1251"
	case 222:
		return "windows-874"
	case 238:
		return "windows-1250"
	}
	return ""
}
