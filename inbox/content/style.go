package content

import "bytes"

// appendStyle appends the harmless declarations of a style attribute as "name:value;name:value".
// Nothing that loads, positions, runs or is written in escapes gets through.
func appendStyle(out, style []byte) []byte {
	if len(style) > maxStyleValue {
		return out
	}
	from := len(out)
	for len(style) > 0 {
		var declaration []byte
		declaration, style = nextDeclaration(style)
		name, value, found := bytes.Cut(declaration, []byte(":"))
		if !found {
			continue
		}
		name = bytes.ToLower(bytes.TrimSpace(name))
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
	return out
}

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
	if len(value) > 512 {
		return false
	}
	var quote byte
	depth, word := 0, 0
	for i, b := range value {
		if quote != 0 {
			if b == quote {
				quote = 0
			}
			if b < ' ' || b == '\\' || b == '<' || b == '>' || b == '@' {
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
		case b == ' ' || b == '\t' || b == '\n' || b == '#' || b == '%' || b == '.' || b == ',' || b == '+' || b == '!' ||
			b == '_' || b >= 0x80:
		case (b == '*' || b == '/') && depth > 0: // inside calc()
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

func isStyleFunction(name []byte) bool {
	switch string(bytes.ToLower(name)) {
	case "rgb", "rgba", "hsl", "hsla", "calc", "min", "max":
		return true
	}
	return false
}

// isStyleName names the properties that are kept: type, colour, box and list, nothing that moves a
// box out of its place or loads anything.
func isStyleName(name []byte) bool {
	switch string(name) {
	case "background", "background-color", "border", "border-bottom", "border-bottom-color", "border-bottom-style",
		"border-bottom-width", "border-collapse", "border-color", "border-left", "border-left-color",
		"border-left-style", "border-left-width", "border-radius", "border-right", "border-right-color",
		"border-right-style", "border-right-width", "border-spacing", "border-style", "border-top",
		"border-top-color", "border-top-style", "border-top-width", "border-width", "box-sizing", "caption-side",
		"clear", "color", "direction", "display", "empty-cells", "float", "font", "font-family", "font-size",
		"font-style", "font-variant", "font-weight", "height", "letter-spacing", "line-height", "list-style",
		"list-style-type", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "max-height",
		"max-width", "min-height", "min-width", "opacity", "overflow", "overflow-wrap", "padding", "padding-bottom",
		"padding-left", "padding-right", "padding-top", "table-layout", "text-align", "text-decoration",
		"text-indent", "text-transform", "vertical-align", "visibility", "white-space", "width", "word-break",
		"word-spacing", "word-wrap":
		return true
	}
	return false
}
