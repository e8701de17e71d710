package mailparse

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"github.com/deskbell/deskbell/inbox/content"
)

// finish chooses and joins what people read and derives the rest from it.
func (p *parser) finish(segments []segment) {
	m := p.message
	if !readable(segments) {
		segments = p.fallbackSegments()
	}
	segments = mergeForms(segments)
	var texts, htmls []string
	anyHTML := false
	for _, s := range segments {
		anyHTML = anyHTML || s.html != ""
	}
	for _, s := range segments {
		switch {
		case s.html != "" && strings.TrimSpace(s.text) == "":
			if len(segments) > 1 {
				texts = append(texts, content.HTMLToText(s.html))
			}
			htmls = append(htmls, s.html)
		case s.html != "":
			texts = append(texts, s.text)
			htmls = append(htmls, s.html)
		default:
			texts = append(texts, s.text)
			if anyHTML && strings.TrimSpace(s.text) != "" {
				htmls = append(htmls, content.TextToHTML(s.text))
			}
		}
	}
	m.Text = strings.Trim(p.limit(joinTexts(texts)), "\n")
	source := ""
	if anyHTML {
		source = p.limit(strings.Join(htmls, "<br>"))
		m.HTML = content.SanitizeHTML(source)
	}
	p.replyText(source)
	p.markInline()
	p.dropRepeatedInvitations()
}

// fallbackSegments are the texts of what was unpacked, for a mail that has no other.
func (p *parser) fallbackSegments() []segment {
	var segments []segment
	for _, html := range p.fallbackHTML {
		segments = append(segments, segment{html: html})
	}
	if len(segments) > 0 {
		return segments
	}
	for _, text := range p.fallback {
		if strings.TrimSpace(text) != "" {
			return []segment{{text: text}}
		}
	}
	return nil
}

// mergeForms joins a plain text and the HTML after it that says the same: some programs send both
// forms as if one followed the other.
func mergeForms(segments []segment) []segment {
	if len(segments) != 2 || segments[0].html != "" || segments[1].text != "" || segments[1].html == "" {
		return segments
	}
	words := wordsOf(segments[0].text)
	if len(words) < 3 || shareOf(words, content.HTMLToText(segments[1].html)) < 0.9 {
		return segments
	}
	return []segment{{text: segments[0].text, html: segments[1].html}}
}

// dropRepeatedInvitations drops an invitation that comes again as a file with a name.
func (p *parser) dropRepeatedInvitations() {
	m := p.message
	if len(p.unnamed) == 0 {
		return
	}
	named := slices.ContainsFunc(m.Attachments, func(a Attachment) bool {
		return a.ContentType != "text/calendar" && strings.HasSuffix(strings.ToLower(a.Name), ".ics")
	})
	if named {
		first := p.unnamed[0]
		m.Attachments = slices.Delete(m.Attachments, first, first+1)
	}
}

// joinTexts joins the texts that are not empty by an empty line.
func joinTexts(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	var full []string
	for _, text := range texts {
		if text = strings.Trim(text, "\n"); strings.TrimSpace(text) != "" {
			full = append(full, text)
		}
	}
	return strings.Join(full, "\n\n")
}

// maxReply bounds the text in which the person's own words are looked for, in bytes.
const maxReply = 1 << 20

// replyText finds the person's own words; html is the mail's HTML as it came, with all its marks. In a
// text longer than anybody writes only the beginning is searched; if nothing ends the words there,
// the whole counts.
func (p *parser) replyText(html string) {
	m := p.message
	if strings.TrimSpace(m.Text) == "" && html != "" {
		if len(html) <= maxReply {
			m.Text, m.ReplyText = content.ReadHTML(html)
			return
		}
		m.Text = content.HTMLToText(html)
	}
	if len(html) > maxReply {
		html = ""
	}
	beginning := m.Text
	if len(beginning) > maxReply {
		beginning = strings.ToValidUTF8(beginning[:maxReply], "")
	}
	m.ReplyText = content.ReplyOnlyOf(beginning, html)
	if len(beginning) < len(m.Text) && len(m.ReplyText) >= len(strings.TrimSpace(beginning)) {
		m.ReplyText = m.Text
	}
}

func (p *parser) limit(s string) string {
	if len(s) <= p.options.MaxText {
		return s
	}
	p.message.Truncated = true
	return strings.ToValidUTF8(s[:p.options.MaxText], "")
}

// markInline marks the files that the HTML shows.
func (p *parser) markInline() {
	shown := map[string]bool{}
	for rest := p.message.HTML; ; {
		i := strings.Index(rest, `src="cid:`)
		if i < 0 {
			break
		}
		rest = rest[i+len(`src="cid:`):]
		end := strings.IndexByte(rest, '"')
		if end < 0 {
			break
		}
		id := rest[:end]
		shown[id] = true
		if plain, err := url.PathUnescape(id); err == nil {
			shown[plain] = true
		}
	}
	for i := range p.message.Attachments {
		a := &p.message.Attachments[i]
		if a.ContentID != "" && shown[a.ContentID] {
			a.Inline = true
		}
	}
}

// plainLines makes line ends plain, drops other control characters, and takes off the blanks that
// only fill lines at the end.
func plainLines(text string) string {
	if strings.IndexByte(text, '\r') >= 0 {
		text = strings.ReplaceAll(text, "\r\r\n", "\n") // ends that were made twice
		text = strings.ReplaceAll(text, "\r\n", "\n")
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	if strings.IndexFunc(text, isControl) >= 0 {
		text = strings.Map(func(r rune) rune {
			if isControl(r) {
				return -1
			}
			return r
		}, text)
	}
	return strings.TrimRight(text, " \t\n")
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 }

// unflow joins the lines of format=flowed (RFC 3676): one that ends in a blank goes on in the next
// of the same quote depth. With deleteSpace the blank itself goes.
func unflow(text string, deleteSpace bool) string {
	var out strings.Builder
	out.Grow(len(text))
	flowing, depthBefore := false, 0
	for line := range strings.SplitSeq(text, "\n") {
		depth := 0
		for depth < len(line) && line[depth] == '>' {
			depth++
		}
		words := strings.TrimPrefix(line[depth:], " ")
		isSignature := words == "-- " || words == "--"
		if flowing && (depth != depthBefore || isSignature) {
			flowing = false
			out.WriteByte('\n')
		}
		if !flowing && depth > 0 {
			out.WriteString(line[:depth])
			if words != "" {
				out.WriteByte(' ')
			}
		}
		flowing = strings.HasSuffix(words, " ") && !isSignature
		if flowing && deleteSpace {
			words = words[:len(words)-1]
		}
		out.WriteString(words)
		if !flowing {
			out.WriteByte('\n')
		}
		depthBefore = depth
	}
	return strings.TrimRight(out.String(), "\n")
}

// startsHTML tells whether a text labelled otherwise is HTML: a document, or a fragment that begins
// and ends with a tag.
func startsHTML(raw []byte) bool {
	raw = bytes.Trim(raw, "\xef\xbb\xbf \t\r\n")
	if len(raw) == 0 || raw[0] != '<' {
		return false
	}
	start := bytes.ToLower(raw[:min(len(raw), 64)])
	if bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html")) {
		return true
	}
	end := bytes.IndexAny(start, " />\r\n\t")
	if end < 0 || raw[len(raw)-1] != '>' || !bytes.Contains(raw, []byte("</")) {
		return false
	}
	switch string(start[1:end]) {
	case "head", "body", "div", "p", "table", "span", "br", "font", "b", "center", "meta", "style", "h1", "h2", "h3", "ul", "ol", "a", "strong", "title":
		return true
	}
	return false
}

// breaksByTags tells whether the lines of a text labelled otherwise end in the tags that break lines: a
// program sent a fragment of HTML without its beginning.
func breaksByTags(raw []byte) bool {
	if bytes.IndexByte(raw, '<') < 0 {
		return false
	}
	full, broken := 0, 0
	for line := range bytes.Lines(raw[:min(len(raw), 16<<10)]) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		full++
		open := bytes.LastIndexByte(line, '<')
		if open < 0 || len(line)-open > 8 {
			continue
		}
		switch tag := strings.ToLower(string(line[open:])); tag {
		case "<br>", "<br/>", "<br />", "</p>", "</div>", "</tr>", "</li>":
			broken++
		}
	}
	return broken >= 3 && broken*2 >= full
}

// holdsTag tells whether a text labelled as HTML holds any: a bracket, a name, and the end of the tag.
func holdsTag(raw []byte) bool {
	for {
		i := bytes.IndexByte(raw, '<')
		if i < 0 || i+1 >= len(raw) {
			return false
		}
		raw = raw[i+1:]
		name := bytes.TrimLeft(raw[:min(len(raw), 32)], "/!?")
		n := 0
		for n < len(name) && (isASCIILetter(name[n]) || n > 0 && name[n] >= '0' && name[n] <= '9' || name[n] == ':' || name[n] == '-') {
			n++
		}
		if n > 0 && n < len(name) && (name[n] == '>' || name[n] == ' ' || name[n] == '/' || name[n] == '\n' || name[n] == '\r' || name[n] == '\t') &&
			bytes.IndexByte(raw[:min(len(raw), 64<<10)], '>') >= 0 {
			return true
		}
	}
}

// metaCharset returns the charset that an HTML document names itself, or "".
func metaCharset(raw []byte) string {
	return labelIn(raw[:min(len(raw), 2048)])
}
