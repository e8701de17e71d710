package mailparse

import (
	"bytes"
	"strings"

	"github.com/deskbell/deskbell/inbox/content"
)

// leaf reads a part without children: text to show, something to unpack, or a file.
func (p *parser) leaf(x part, depth int) []segment {
	if depth > 0 && p.report.original == nil && x.header.has("message-id") && x.header.has("from") {
		p.report.original = x.header // a mail put between the boundaries without a type
	}
	if isShown(x.kind) && !p.isAttached(x) {
		return p.textLeaf(x)
	}
	switch x.kind {
	case "text/x-amp-html", "text/watch-html":
		if x.parent == "multipart/alternative" {
			return nil // the same again for programs that know it
		}
	case "message/delivery-status", "message/global-delivery-status":
		p.report.status = append(append(p.report.status, '\n', '\n'), x.decoded()...)
		return nil
	case "message/disposition-notification", "message/global-disposition-notification":
		p.report.receipt = append(append(p.report.receipt, '\n', '\n'), x.decoded()...)
		return nil
	case "message/feedback-report":
		p.report.feedback = x.decoded()
		return nil
	case "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		if p.report.original == nil {
			p.report.original, _ = splitMail(x.decoded())
		}
		if p.report.kind != "" {
			return nil
		}
	case "message/partial":
		if depth == 0 {
			return p.partialMail(x)
		}
	}
	body := x.decoded()
	if segments, ok := p.unpack(x, body, depth); ok {
		return segments
	}
	if x.kind == "message/rfc822" || x.kind == "message/global" || x.kind == "message/partial" {
		x.name = p.noteMail(x, body)
	}
	p.attach(x, body)
	return nil
}

// noteMail keeps a mail inside the mail for reports, and returns a name for it.
func (p *parser) noteMail(x part, body []byte) string {
	inner, _ := splitMail(body)
	if p.report.attached == nil {
		p.report.attached = body
		if p.report.original == nil {
			p.report.original = inner
		}
	}
	if x.name != "" {
		return x.name
	}
	return mailName(inner, p.hint)
}

// decoded returns the body without its transfer encoding.
func (x part) decoded() []byte { return decodeTransfer(x.body, x.header.encoding()) }

// isShown tells of text that people read. Other kinds of text are files, but for unknown ones, which
// are read like plain text (RFC 2046, section 4.1.4).
func isShown(kind string) bool {
	switch kind {
	case "text/calendar", "text/vcard", "text/x-vcard", "text/directory", "text/csv", "text/css", "text/javascript", "text/xml", "text/rtf",
		"text/x-amp-html", "text/watch-html", "text/rfc822-headers", "text/x-vcalendar", "text/tab-separated-values":
		return false
	}
	return strings.HasPrefix(kind, "text/")
}

// isAttached tells whether a text is a file beside the words of the mail. Some programs call the words
// themselves an attachment, or name every part.
func (p *parser) isAttached(x part) bool {
	named := x.name != ""
	known := x.kind == "text/plain" || x.kind == "text/html" || x.kind == "text/enriched" || x.kind == "text/richtext"
	switch {
	case x.disposition != "" && x.disposition != "inline":
		return named || x.parent != "multipart/alternative" && p.leaves > 1
	case x.parent == "multipart/alternative" || x.isRoot:
		return false
	case x.parent == "multipart/related":
		return named || len(x.header.get("content-id")) > 0
	case !known && named:
		return true
	}
	return named && p.leaves > 1
}

func (p *parser) textLeaf(x part) []segment {
	raw := p.textBytes(x)
	if len(raw) > p.options.MaxText {
		raw = raw[:p.options.MaxText]
		p.message.Truncated = true
	}
	flowed := strings.EqualFold(x.params["format"], "flowed")
	if x.kind == "text/plain" && !flowed {
		raw = p.withoutFiles(raw)
	}
	label, hint := x.params["charset"], p.hint
	isHTML := x.kind == "text/html" && holdsTag(raw) || x.kind != "text/html" && (startsHTML(raw) || breaksByTags(raw))
	if isHTML {
		if meta := metaCharset(raw); charsetName(label) == "" || charsetName(label) == "us-ascii" {
			label = meta
		} else if meta != "" {
			hint = meta
		}
	}
	text := decodeText(raw, label, hint)
	p.protect(inlineProtection(text))
	switch {
	case isHTML:
		return []segment{{html: text}}
	case x.kind == "text/html" && strings.IndexByte(text, '&') >= 0:
		return []segment{{text: content.HTMLToText("<pre>" + text + "</pre>")}}
	case x.kind == "text/enriched":
		return []segment{{text: plainLines(unenrich(text))}}
	case x.kind == "text/richtext":
		return []segment{{text: plainLines(unenrichOld(text))}}
	case flowed:
		return []segment{{text: unflow(plainLines(text), strings.EqualFold(x.params["delsp"], "yes"))}}
	}
	return []segment{{text: plainLines(text)}}
}

// textBytes undoes the transfer encoding of a text, also one that the header does not tell, and not
// one that the header tells wrongly.
func (p *parser) textBytes(x part) []byte {
	encoding := x.header.encoding()
	raw := decodeTransfer(x.body, encoding)
	switch encoding {
	case "base64":
		if !isWide(x.params["charset"]) && looksBinary(raw) && !looksBinary(x.body) {
			return x.body
		}
	case "":
		if decoded, ok := decodeUndeclared(x.body); ok {
			return decoded
		}
	}
	return raw
}

// isWide tells of charsets whose texts hold zeros.
func isWide(label string) bool {
	name := charsetName(label)
	return strings.HasPrefix(name, "utf-16") || name == "utf-32"
}

// looksBinary tells whether bytes hold what no text does.
func looksBinary(raw []byte) bool {
	if bytes.HasPrefix(raw, []byte("\xff\xfe")) || bytes.HasPrefix(raw, []byte("\xfe\xff")) {
		return false
	}
	for _, b := range raw[:min(len(raw), 4<<10)] {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != 0x0e && b != 0x0f && b != 0x1b {
			return true
		}
	}
	return false
}

// partialMail shows one piece of a mail that was cut (RFC 2046, section 5.2.2). The first piece begins
// with the header of the whole.
func (p *parser) partialMail(x part) []segment {
	if number := x.params["number"]; number != "1" && number != "" {
		return p.textLeaf(x)
	}
	h, body := splitMail(x.body)
	if p.message.Subject == "" {
		p.message.Subject = withoutControls(decodeWords(h.get("subject"), p.hint))
	}
	return p.walk(p.newPart(h, body, "text/plain"), 1)
}

func (p *parser) attach(x part, body []byte) {
	if len(p.message.Attachments) >= p.options.MaxParts {
		p.message.Truncated = true
		return
	}
	p.message.Attachments = append(p.message.Attachments, Attachment{
		Name:        x.name,
		ContentType: x.kind,
		Inline:      x.disposition == "inline",
		ContentID:   firstID(x.header.get("content-id")),
		Content:     body,
	})
}
