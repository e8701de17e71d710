package mailparse

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/deskbell/deskbell/inbox/content"
)

// finish chooses and joins what people read and derives the rest from it.
func (p *parser) finish(segments []segment) {
	m := p.message
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

// replyText finds the person's own words; html is the mail's HTML as it came, with all its marks.
func (p *parser) replyText(html string) {
	m := p.message
	if strings.TrimSpace(m.Text) == "" && html != "" {
		m.Text, m.ReplyText = content.ReadHTML(html)
		return
	}
	m.ReplyText = content.ReplyOnlyOf(m.Text, html)
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

// startsHTML tells whether a text labelled plain is an HTML document.
func startsHTML(raw []byte) bool {
	start := bytes.ToLower(bytes.TrimLeft(raw[:min(len(raw), 256)], "\xef\xbb\xbf \t\r\n"))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// metaCharset returns the charset that an HTML document names itself, or "".
func metaCharset(raw []byte) string {
	return labelIn(raw[:min(len(raw), 2048)])
}
