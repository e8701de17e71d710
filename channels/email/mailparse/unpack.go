package mailparse

import (
	"strings"
	"unicode/utf8"
)

// unpack shows what is inside a part that is a container or a form of its own; false if it is an
// ordinary file, or cannot be opened.
func (p *parser) unpack(x part, body []byte, depth int) ([]segment, bool) {
	lower := strings.ToLower(x.name)
	switch {
	case isPKCS7(x):
		inner, ok := p.openPKCS7(x, body)
		if !ok || depth >= p.options.MaxDepth || !p.spend(len(inner)) {
			return nil, false
		}
		h, rest := splitPart(modernLines(inner))
		return p.walk(p.newPart(h, rest, "text/plain"), depth+1), true
	case x.kind == "application/ms-tnef", x.kind == "application/vnd.ms-tnef", lower == "winmail.dat":
		return p.unpackTNEF(body, depth)
	case x.kind == "text/calendar", x.kind == "application/ics", strings.HasSuffix(lower, ".ics"):
		p.readInvitation(x, body)
		return nil, true
	case x.kind == "text/rtf" || x.kind == "application/rtf":
		if len(body) <= p.options.MaxText {
			text, _ := readRTF(body, p.options.MaxText)
			p.fallback = append(p.fallback, plainLines(text))
		}
	}
	return nil, false
}

// spend takes so many bytes off what unpacking may make; false if that is too much.
func (p *parser) spend(size int) bool {
	if p.budget -= size; p.budget < 0 {
		p.message.Truncated = true
		return false
	}
	return true
}

// unpackTNEF shows the text and attaches the files of a winmail.dat. The text of the mail itself comes
// first, so that of the container only counts if there is no other.
func (p *parser) unpackTNEF(body []byte, depth int) ([]segment, bool) {
	t, ok := readTNEF(body, p.options.MaxText)
	if !ok {
		return nil, false
	}
	for _, file := range t.files {
		if file.inner != nil && depth < p.options.MaxDepth {
			p.unpackTNEF(file.inner, depth+1)
			continue
		}
		kind := strings.ToLower(file.kind)
		if !isMediaType(kind) {
			kind = "application/octet-stream"
		}
		if len(p.message.Attachments) >= p.options.MaxParts {
			p.message.Truncated = true
			break
		}
		p.message.Attachments = append(p.message.Attachments, Attachment{Name: cleanName(file.name), ContentType: kind, Inline: file.contentID != "", ContentID: file.contentID, Content: file.content})
	}
	switch {
	case t.html != "":
		p.fallbackHTML = append(p.fallbackHTML, t.html)
	case strings.TrimSpace(t.text) != "":
		p.fallback = append(p.fallback, plainLines(t.text))
	}
	return nil, true
}

// readInvitation attaches an invitation as a file and keeps what it says for a mail without other text.
func (p *parser) readInvitation(x part, body []byte) {
	auto := x.name == ""
	if auto {
		x.name = "invite.ics"
	}
	text := decodeText(body[:min(len(body), maxCalendar)], x.params["charset"], "utf-8")
	if summary := describeCalendar(text, x.params["method"]); summary != "" && utf8.ValidString(summary) {
		p.fallback = append(p.fallback, summary)
	}
	if auto {
		p.unnamed = append(p.unnamed, len(p.message.Attachments))
	}
	p.attach(x, body)
}
