package content

import (
	"bytes"
	"slices"

	"golang.org/x/net/html/atom"
)

// Limits of a mail's own style sheets.
const (
	maxSheet  = 128 << 10 // bytes read
	maxRules  = 1000
	maxInline = 256 << 10 // bytes written into elements, and rules looked at for them
)

// sheet is what a mail's style elements say of its own elements, by name, class and id alone. A style
// element itself is never kept: it would style whatever page it stands on. So what such simple rules
// say is written into the elements they mean, which keeps the look of most mails, and keeps hidden what
// they hide. Rules for other screens, states of an element or places in the tree are left out.
type sheet struct {
	rules  map[string][]rule // by the most telling part of the selector: "#id", ".class" or "element"
	count  int
	read   int
	budget int
}

// rule is one selector with its cleaned declarations.
type rule struct {
	element      string   // "" for any
	parts        []string // ".class" and "#id", all of which an element must have
	weight       int      // how exactly it names an element
	order        int
	declarations []byte
}

// add reads the text of one style element.
func (s *sheet) add(css []byte) {
	if s.read += len(css); s.read > maxSheet {
		return
	}
	if s.rules == nil {
		s.rules, s.budget = map[string][]rule{}, maxInline
	}
	s.addRules(withoutComments(css), true)
}

// addRules reads rules, and with outer also those that stand within a rule for every screen.
func (s *sheet) addRules(css []byte, outer bool) {
	for len(css) > 0 && s.count < maxRules {
		var head, block []byte
		head, block, css = nextRule(css)
		if bytes.HasPrefix(head, []byte("@")) {
			if outer && isPlainMedia(head) {
				s.addRules(block, false)
			}
			continue
		}
		declarations := appendStyle(nil, block)
		if len(declarations) == 0 {
			continue
		}
		for selector := range bytes.SplitSeq(head, []byte(",")) {
			s.keep(selector, declarations)
		}
	}
}

// nextRule cuts the first rule off: what stands before its braces, what in them, and the rest. An
// at-rule without braces, such as @import, has no block.
func nextRule(css []byte) (head, block, rest []byte) {
	css = bytes.TrimLeft(css, " \t\r\n\f;}")
	for _, mark := range []string{"<!--", "-->"} { // allowed around a sheet and without meaning (CSS Syntax, 5.4.1)
		css = bytes.TrimLeft(bytes.TrimPrefix(css, []byte(mark)), " \t\r\n\f")
	}
	open := bytes.IndexByte(css, '{')
	if end := bytes.IndexByte(css, ';'); bytes.HasPrefix(css, []byte("@")) && end >= 0 && (open < 0 || end < open) {
		return css[:end], nil, css[end+1:]
	}
	if open < 0 {
		return nil, nil, nil
	}
	head, css = bytes.TrimSpace(css[:open]), css[open+1:]
	close := blockEnd(css)
	return head, css[:close], css[min(close+1, len(css)):]
}

// blockEnd returns where the brace stands that closes a block which is open; the end if none does.
func blockEnd(css []byte) int {
	var quote byte
	depth := 0
	for i, b := range css {
		switch {
		case quote != 0:
			if b == quote || b == '\n' {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '{':
			depth++
		case b == '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return len(css)
}

// isPlainMedia tells whether an at-rule holds on every screen.
func isPlainMedia(head []byte) bool {
	switch string(bytes.ToLower(bytes.Join(bytes.Fields(head), []byte(" ")))) {
	case "@media screen", "@media all", "@media only screen", "@media screen, print", "@media all, screen":
		return true
	}
	return false
}

// keep adds a rule if its selector names an element, classes and ids alone.
func (s *sheet) keep(selector, declarations []byte) {
	r := rule{declarations: declarations, order: s.count}
	rest := string(bytes.TrimSpace(selector))
	r.element, rest = cutSelector(rest)
	if r.element != "" {
		r.weight, r.element = 1, string(bytes.ToLower([]byte(r.element)))
	}
	key := r.element
	for rest != "" {
		kind := rest[:1]
		if kind != "." && kind != "#" {
			return
		}
		var name string
		if name, rest = cutSelector(rest[1:]); name == "" {
			return
		}
		key = kind + name
		r.parts = append(r.parts, key)
		if r.weight += 10; kind == "#" {
			r.weight += 90
		}
	}
	if key != "" && s.count < maxRules {
		s.rules[key] = append(s.rules[key], r)
		s.count++
	}
}

// cutSelector cuts a name off the beginning of a selector.
func cutSelector(s string) (name, rest string) {
	i := 0
	for i < len(s) && (isWordByte(s[i]) || s[i] == '-' || s[i] == '_' || s[i] >= 0x80) {
		i++
	}
	return s[:i], s[i:]
}

// appendFor appends what the rules say of an element, the most exact last as it counts most, with a
// semicolon behind.
func (s *sheet) appendFor(out []byte, element atom.Atom, attributes []attribute) []byte {
	if len(s.rules) == 0 || s.budget <= 0 {
		return out
	}
	names := partsOf(attributes)
	var found []rule
	for _, key := range append(names, element.String()) {
		rules := s.rules[key]
		s.budget -= len(rules)
		for _, r := range rules {
			if (r.element == "" || r.element == element.String()) && holdsAll(names, r.parts) {
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, func(a, b rule) int {
		if a.weight != b.weight {
			return a.weight - b.weight
		}
		return a.order - b.order
	})
	from := len(out)
	for _, r := range found {
		if len(out)-from+len(r.declarations) > maxStyleValue/2 || s.budget <= 0 {
			break
		}
		s.budget -= len(r.declarations)
		out = append(append(out, r.declarations...), ';')
	}
	return out
}

// maxClasses bounds the classes of one element that are looked at.
const maxClasses = 16

// partsOf are the classes and the id of an element as selectors write them, each once.
func partsOf(attributes []attribute) (parts []string) {
	for _, a := range attributes {
		switch string(a.key) {
		case "class":
			for class := range bytes.FieldsSeq(a.value[:min(len(a.value), maxTextValue)]) {
				if part := "." + string(class); len(parts) < maxClasses && !slices.Contains(parts, part) {
					parts = append(parts, part)
				}
			}
		case "id":
			parts = append(parts, "#"+string(a.value[:min(len(a.value), maxPlainValue)]))
		}
	}
	return parts
}

func holdsAll(have, want []string) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}
