// Package mailwrite turns a reply into a mail: RFC 5322 and MIME, readable by every mail program.
// The same reply always gives the same bytes, so all attempts to send it are one mail.
package mailwrite

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// Options are what a mail says beside the reply itself. The zero value is right for what people
// write.
type Options struct {
	// AutoSubmitted marks mail that no person wrote, such as "auto-replied" (RFC 3834); "" for people.
	AutoSubmitted string
}

// Write writes m as one mail with CRLF line ends. It checks everything before the first byte: code
// Invalid if an address, the Message-ID, the time, the text or a file's content is missing or could
// not stand in a mail. Errors of w come back as they are. Bcc is never written.
//
// The text is always there; with HTML both stand as alternatives, pictures of the HTML beside it,
// other files after it. HTML must have been cleaned before.
func Write(w io.Writer, m inbox.Outgoing, o Options) error {
	head, err := headerOf(m, o)
	if err != nil {
		return err
	}
	body, err := bodyOf(m)
	if err != nil {
		return err
	}
	out := &writer{Writer: bufio.NewWriter(w)}
	out.text(head)
	out.part(body)
	if out.err != nil {
		return out.err
	}
	return out.Flush()
}

// headerOf writes the fields of the mail itself, without those of its body.
func headerOf(m inbox.Outgoing, o Options) (string, error) {
	if !isID(m.HeaderID) {
		return "", inbox.Errorf(inbox.Invalid, "the reply has no valid Message-ID")
	}
	if m.At.IsZero() || m.At.Year() > 9999 {
		return "", inbox.Errorf(inbox.Invalid, "the reply has no date")
	}
	from, err := formatAddress(m.From)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	field := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	field("From", from)
	if m.ReplyTo.Address != "" {
		value, err := formatAddress(m.ReplyTo)
		if err != nil {
			return "", err
		}
		field("Reply-To", value)
	}
	for _, list := range []struct {
		name      string
		addresses []inbox.Address
	}{{"To", m.To}, {"Cc", m.Cc}} {
		if len(list.addresses) == 0 {
			continue
		}
		value, err := formatAddresses(list.addresses)
		if err != nil {
			return "", err
		}
		field(list.name, value)
	}
	if len(m.To)+len(m.Cc) == 0 {
		if len(m.Bcc) == 0 {
			return "", inbox.Errorf(inbox.Invalid, "the reply has no recipient")
		}
		field("To", "undisclosed-recipients:;")
	}
	field("Subject", encodeText(m.Subject, len("Subject: ")))
	field("Date", m.At.UTC().Format(time.RFC1123Z))
	field("Message-ID", "<"+m.HeaderID+">")
	if isID(m.InReplyTo) {
		field("In-Reply-To", "<"+m.InReplyTo+">")
	}
	if list := references(m); list != "" {
		field("References", list)
	}
	if keyword := cleanToken(o.AutoSubmitted); keyword != "" {
		field("Auto-Submitted", keyword)
	}
	field("MIME-Version", "1.0")
	return b.String(), nil
}

// maxReferences bounds the thread a mail names: its first and its nearest ids.
const maxReferences = 30

// references returns the ids of the thread, one a line. Ids that could break the header go.
func references(m inbox.Outgoing) string {
	var list []string
	for _, id := range m.References {
		if isID(id) {
			list = append(list, "<"+id+">")
		}
	}
	if isID(m.InReplyTo) && (len(list) == 0 || list[len(list)-1] != "<"+m.InReplyTo+">") {
		list = append(list, "<"+m.InReplyTo+">")
	}
	if len(list) > maxReferences {
		list = append(list[:1:1], list[len(list)-maxReferences+1:]...)
	}
	return strings.Join(list, "\r\n ")
}

// isID tells whether id may stand between <>: printable ASCII with one @ inside, not too long for a
// line.
func isID(id string) bool {
	at := strings.IndexByte(id, '@')
	if at <= 0 || at == len(id)-1 || len(id) > 400 {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f || id[i] == '<' || id[i] == '>' {
			return false
		}
	}
	return true
}

// node is one part of the body: a leaf with content, or children.
type node struct {
	header   string // its own fields, each with CRLF
	boundary string // of a multipart
	children []node
	encode   func(*writer)
}

// bodyOf builds the smallest tree that holds the reply.
func bodyOf(m inbox.Outgoing) (node, error) {
	if strings.TrimSpace(m.Text) == "" && (m.HTML != "" || len(m.Files) == 0) {
		return node{}, inbox.Errorf(inbox.Invalid, "the reply has no text")
	}
	body := textNode("plain", m.Text)
	var pictures, files []node
	for _, f := range m.Files {
		inline := m.HTML != "" && f.Inline && isContentID(f.ContentID) && strings.Contains(m.HTML, "cid:"+f.ContentID)
		n, err := fileNode(f, inline)
		if err != nil {
			return node{}, err
		}
		if inline {
			pictures = append(pictures, n)
		} else {
			files = append(files, n)
		}
	}
	if m.HTML != "" {
		html := textNode("html", document(m.HTML))
		if len(pictures) > 0 {
			html = multipart(m.HeaderID, "related", `; type="text/html"`, append([]node{html}, pictures...))
		}
		body = multipart(m.HeaderID, "alternative", "", []node{body, html})
	}
	if len(files) > 0 {
		body = multipart(m.HeaderID, "mixed", "", append([]node{body}, files...))
	}
	return body, nil
}

// document puts an HTML text into a page that names its charset.
func document(html string) string {
	if strings.Contains(strings.ToLower(html[:min(len(html), 512)]), "<html") {
		return html
	}
	return "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n" + html + "\n</body></html>\n"
}

// multipart wraps children. Its boundary comes from the Message-ID, and "=_" cannot stand in
// quoted-printable or base64.
func multipart(id, kind, more string, children []node) node {
	sum := sha256.Sum256([]byte(kind + " " + id))
	boundary := "=_" + hex.EncodeToString(sum[:15])
	return node{
		header:   fmt.Sprintf("Content-Type: multipart/%s;\r\n boundary=\"%s\"%s\r\n", kind, boundary, more),
		boundary: boundary,
		children: children,
	}
}

// textNode is a text in UTF-8: as it stands if every mail server leaves it alone, else as
// quoted-printable, or base64 if most of it would be escapes.
func textNode(kind, text string) node {
	text = plainText(text)
	encoding := encodingOf(text)
	return node{
		header: "Content-Type: text/" + kind + "; charset=utf-8\r\nContent-Transfer-Encoding: " + encoding + "\r\n",
		encode: func(w *writer) {
			switch encoding {
			case "7bit":
				w.text(strings.ReplaceAll(text, "\n", "\r\n"))
			case "base64":
				w.base64([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
			default:
				quoted := quotedprintable.NewWriter(w)
				w.keep(io.WriteString(quoted, text))
				w.keep(0, quoted.Close())
			}
		},
	}
}

// plainText makes text valid UTF-8 with LF line ends, one at the end, and no control characters.
func plainText(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r < ' ' && r != '\n' && r != '\t' || r == 0x7f:
			return -1
		}
		return r
	}, text)
	return strings.TrimRight(text, "\n") + "\n"
}

func encodingOf(text string) string {
	high, line, begin := 0, 0, 0
	plain := true
	for i := range len(text) {
		b := text[i]
		if b >= 0x80 {
			high++
		}
		if b != '\n' {
			line++
			continue
		}
		// Servers fold long lines, cut blanks at the end of a line, and put ">" before "From ".
		if line > 76 || line > 0 && (text[i-1] == ' ' || text[i-1] == '\t') && text[begin:i] != "-- " || strings.HasPrefix(text[begin:i], "From ") {
			plain = false
		}
		line, begin = 0, i+1
	}
	switch {
	case high == 0 && plain:
		return "7bit"
	case high*3 > len(text):
		return "base64"
	}
	return "quoted-printable"
}

// fileNode is an attached file, or a picture of the HTML.
func fileNode(f inbox.File, inline bool) (node, error) {
	if f.Content == nil {
		return node{}, inbox.Errorf(inbox.Invalid, "the content of an attached file is missing")
	}
	disposition := "attachment"
	if inline {
		disposition = "inline"
	}
	kind := cleanType(f.ContentType)
	header := "Content-Type: " + kind + oldName(f.Name) + "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: " +
		disposition + fileName(f.Name) + "\r\n"
	if isContentID(f.ContentID) {
		header += "Content-ID: <" + f.ContentID + ">\r\n"
	}
	return node{header: header, encode: func(w *writer) { w.base64(f.Content) }}, nil
}

// isContentID tells whether id may stand in a header and an address of HTML.
func isContentID(id string) bool {
	return id != "" && len(id) <= 200 && strings.IndexFunc(id, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>"'()\&`, r)
	}) < 0
}

// writer writes parts and remembers the first error.
type writer struct {
	*bufio.Writer
	err error
}

func (w *writer) keep(_ int, err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) text(s string) { w.keep(w.WriteString(s)) }

func (w *writer) part(n node) {
	w.text(n.header + "\r\n")
	if n.encode != nil {
		n.encode(w)
		return
	}
	for _, child := range n.children {
		w.text("\r\n--" + n.boundary + "\r\n")
		w.part(child)
	}
	w.text("\r\n--" + n.boundary + "--\r\n")
}

// base64 writes content in lines of 76 characters.
func (w *writer) base64(content []byte) {
	const bytesPerLine = 57
	var line [76]byte
	for len(content) > 0 && w.err == nil {
		n := min(len(content), bytesPerLine)
		w.keep(w.Write(appendBase64(line[:0], content[:n])))
		w.text("\r\n")
		content = content[n:]
	}
}
