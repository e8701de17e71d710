package content

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxStyleWord bounds one value, in bytes.
const maxStyleWord = 512

// appendStyle appends the harmless declarations of style as "name:value;name:value". Nothing that
// loads, positions or runs gets through; of a background only its address goes. Comments and escapes
// are read as browsers read them before anything is decided.
func appendStyle(out, style []byte) []byte {
	if len(style) > maxStyleValue {
		return out
	}
	style = unescapeStyle(withoutComments(style))
	from := len(out)
	for len(style) > 0 {
		var declaration []byte
		declaration, style = nextDeclaration(style)
		name, value, found := bytes.Cut(declaration, []byte(":"))
		if !found {
			continue
		}
		name = bytes.ToLower(bytes.TrimSpace(name))
		if takesAddress(name) {
			value = withoutAddresses(value)
		}
		if !isStyleName(name) || !isStyleValue(value) {
			continue
		}
		mark := len(out)
		if mark > from {
			out = append(out, ';')
		}
		out = append(out, name...)
		out = append(out, ':')
		start := len(out)
		out = appendCollapsed(out, value)
		if len(out) == start {
			out = out[:mark]
		}
	}
	if len(out)-from > maxStyleValue { // an escape may be shorter than what it stands for
		return out[:from]
	}
	return out
}

// withoutComments returns CSS with a blank in place of each comment outside strings; one that does not
// end takes the rest along. It returns css itself if there is none.
func withoutComments(css []byte) []byte {
	if !bytes.Contains(css, []byte("/*")) {
		return css
	}
	kept := make([]byte, 0, len(css))
	var quote byte
	for i := 0; i < len(css); i++ {
		b := css[i]
		switch {
		case quote != 0 && (b == quote || b == '\n'):
			quote = 0
		case quote != 0:
		case b == '"' || b == '\'':
			quote = b
		case b == '/' && i+1 < len(css) && css[i+1] == '*':
			end := bytes.Index(css[i+2:], []byte("*/"))
			if end < 0 {
				return kept
			}
			i += 2 + end + 1
			b = ' '
		}
		kept = append(kept, b)
	}
	return kept
}

// unescapeStyle replaces escapes by the characters they stand for (CSS Syntax, 4.3.7). What they hide
// is then judged like any other text. It returns css itself if there is none.
func unescapeStyle(css []byte) []byte {
	if bytes.IndexByte(css, '\\') < 0 {
		return css
	}
	plain := make([]byte, 0, len(css))
	for i := 0; i < len(css); i++ {
		if css[i] != '\\' {
			plain = append(plain, css[i])
			continue
		}
		digits := 0
		for digits < 6 && i+1+digits < len(css) && isHex(css[i+1+digits]) {
			digits++
		}
		if digits == 0 { // the next character stands for itself
			continue
		}
		number, _ := strconv.ParseUint(string(css[i+1:i+1+digits]), 16, 32) // six digits always fit
		character := rune(number)
		if character == 0 || !utf8.ValidRune(character) {
			character = utf8.RuneError
		}
		plain = utf8.AppendRune(plain, character)
		i += digits
		if i+1 < len(css) && (css[i+1] == ' ' || css[i+1] == '\t' || css[i+1] == '\n') { // ends the number
			i++
		}
	}
	return plain
}

func isHex(b byte) bool { return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f' }

// nextDeclaration cuts style at the first semicolon outside quotes and parentheses.
func nextDeclaration(style []byte) (declaration, rest []byte) {
	var quote byte
	depth := 0
	for i, b := range style {
		switch {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '(':
			depth++
		case b == ')':
			depth--
		case b == ';' && depth <= 0:
			return style[:i], style[i+1:]
		}
	}
	return style, nil
}

// takesAddress names the properties that are worth keeping without the address in them.
func takesAddress(name []byte) bool {
	switch string(name) {
	case "background", "background-image", "list-style", "list-style-image":
		return true
	}
	return false
}

// withoutAddresses takes every url(…) out of a value. One that does not end takes the rest along.
func withoutAddresses(value []byte) []byte {
	lower := bytes.ToLower(value)
	if len(lower) != len(value) || !bytes.Contains(lower, []byte("url(")) {
		return value
	}
	var kept []byte
	for {
		start := bytes.Index(lower, []byte("url("))
		if start < 0 {
			return append(kept, value...)
		}
		kept = append(append(kept, value[:start]...), ' ')
		end := addressEnd(value[start+len("url("):])
		if end < 0 {
			return kept
		}
		skip := start + len("url(") + end
		value, lower = value[skip:], lower[skip:]
	}
}

// addressEnd returns where the rest after "url(" goes on behind the closing parenthesis, or -1.
func addressEnd(rest []byte) int {
	var quote byte
	for i, b := range rest {
		switch {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == ')':
			return i + 1
		}
	}
	return -1
}

// appendCollapsed appends value with every run of blanks made one blank and none at the ends.
func appendCollapsed(out, value []byte) []byte {
	for i, field := range bytes.Fields(value) {
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, field...)
	}
	return out
}

// isStyleValue tells whether a value is made of words, numbers, strings and harmless functions.
func isStyleValue(value []byte) bool {
	if len(value) > maxStyleWord {
		return false
	}
	var quote byte
	depth, word := 0, 0
	for i, b := range value {
		if quote != 0 {
			if b == quote {
				quote = 0
			} else if !isWordByte(b) && b < 0x80 && strings.IndexByte(" -_.,&+!#%'\"", b) < 0 { // strings are names of fonts
				return false
			}
			continue
		}
		switch {
		case b == '"' || b == '\'':
			quote = b
		case b == '(':
			if !isStyleFunction(value[word:i]) {
				return false
			}
			depth++
		case b == ')':
			depth--
			if depth < 0 {
				return false
			}
		case isWordByte(b) || b == '-':
			continue // the word goes on
		case b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '#' || b == '%' || b == '.' || b == ',' || b == '+' || b == '!' ||
			b == '_' || b >= 0x80:
		case b == '/' || b == '*' && depth > 0: // 12px/1.5, calc(2 * 3px); never a comment
			if i > 0 && (value[i-1] == '*' || value[i-1] == '/') {
				return false
			}
		default:
			return false
		}
		word = i + 1
	}
	return quote == 0 && depth == 0
}

// isStyleFunction names the functions that count, mix colours or draw, and load nothing.
func isStyleFunction(name []byte) bool {
	switch string(bytes.ToLower(name)) {
	case "rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color", "color-mix", "light-dark",
		"calc", "min", "max", "clamp", "minmax", "repeat", "fit-content",
		"linear-gradient", "radial-gradient", "conic-gradient", "repeating-linear-gradient", "repeating-radial-gradient":
		return true
	}
	return false
}

// styleFamilies begin the names of properties that are kept as they come: nothing in them moves a box
// out of its place, loads or runs anything. Word's own are read by no browser, but by Word once the
// mail is quoted in an answer.
var styleFamilies = []string{"font-", "text-", "background-", "border-", "margin-", "padding-", "list-style-", "outline-", "white-space-",
	"column-", "flex-", "grid-", "break-", "page-break-", "mso-"}

// isStyleName names the properties that are kept: type, colour, box and list. A browser's own form of one
// is judged like the one.
func isStyleName(full []byte) bool {
	name := string(full)
	for _, vendor := range []string{"-webkit-", "-moz-", "-ms-", "-o-"} {
		name = strings.TrimPrefix(name, vendor)
	}
	switch name {
	case "align-content", "align-items", "align-self", "aspect-ratio", "background", "border", "box-shadow", "box-sizing", "caption-side",
		"caret-color", "clear", "color", "columns", "cursor", "direction", "display", "empty-cells", "flex", "float", "font", "gap", "grid",
		"height", "hyphens", "justify-content", "justify-items", "justify-self", "letter-spacing", "line-break", "line-height", "list-style",
		"margin", "max-height", "max-width", "min-height", "min-width", "object-fit", "object-position", "opacity", "order", "orphans",
		"outline", "overflow", "overflow-wrap", "overflow-x", "overflow-y", "padding", "row-gap", "tab-size", "table-layout",
		"unicode-bidi", "vertical-align", "visibility", "white-space", "widows", "width", "word-break", "word-spacing", "word-wrap",
		"writing-mode", "interpolation-mode", "nbsp-mode", "osx-font-smoothing": // the last three are of single browsers
		return true
	case "border-image", "border-image-source":
		return false
	}
	for _, family := range styleFamilies {
		if rest, ok := strings.CutPrefix(name, family); ok {
			return isPlainName(rest)
		}
	}
	return false
}

// isPlainName tells whether a name is one of small letters, digits and hyphens.
func isPlainName(name string) bool {
	for i := range len(name) {
		if b := name[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' {
			return false
		}
	}
	return name != "" && len(name) < 48
}
