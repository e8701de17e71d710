package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// letter is a mail of a customer.
type letter struct {
	From, To   mail.Address
	Subject    string
	ID         string   // Message-ID without <>
	References []string // nearest last
	At         time.Time
	Text       string
	HTML       string // "" for a mail of text alone
	Picture    []byte // a PNG; nil for none
	Automatic  bool   // an out-of-office note
}

// write makes the bytes of the mail.
func (l letter) write() ([]byte, error) {
	var h mail.Header
	h.SetAddressList("From", []*mail.Address{&l.From})
	h.SetAddressList("To", []*mail.Address{&l.To})
	h.SetSubject(l.Subject)
	h.SetDate(l.At)
	h.SetMessageID(l.ID)
	if n := len(l.References); n > 0 {
		h.SetMsgIDList("In-Reply-To", l.References[n-1:])
		h.SetMsgIDList("References", l.References)
	}
	if l.Automatic {
		h.Set("Auto-Submitted", "auto-replied")
	}
	var raw bytes.Buffer
	w, err := mail.CreateWriter(&raw, h)
	if err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	if err := l.body(w); err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	return raw.Bytes(), nil
}

func (l letter) body(w *mail.Writer) error {
	alternatives, err := w.CreateInline()
	if err != nil {
		return err
	}
	if err := part(alternatives, "text/plain", l.Text); err != nil {
		return err
	}
	if l.HTML != "" {
		if err := part(alternatives, "text/html", l.HTML); err != nil {
			return err
		}
	}
	if err := alternatives.Close(); err != nil || l.Picture == nil {
		return err
	}
	var h mail.AttachmentHeader
	h.SetContentType("image/png", nil)
	h.SetFilename("photo.png")
	file, err := w.CreateAttachment(h)
	if err != nil {
		return err
	}
	if _, err := file.Write(l.Picture); err != nil {
		return err
	}
	return file.Close()
}

func part(w *mail.InlineWriter, kind, text string) error {
	var h mail.InlineHeader
	h.Header = message.Header{}
	h.SetContentType(kind, map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	p, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(p, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		return err
	}
	return p.Close()
}

// quote puts "> " before each line.
func quote(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("> "+strings.TrimRight(line, "\r"), " ")
	}
	return strings.Join(lines, "\n")
}
