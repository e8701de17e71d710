package email

import (
	"bytes"
	"mime"
	netmail "net/mail"
	"strings"
)

// labelLimit bounds how far label reads.
const labelLimit = 64 << 10

// label reads sender, subject and Message-ID off a mail that the parser cannot read, by means so
// simple that they cannot fail over the same thing. What is not there or not understood is "".
func label(raw []byte) (name, address, subject, id string) {
	fields := map[string]string{}
	last := ""
	for line := range bytes.Lines(raw[:min(len(raw), labelLimit)]) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if last != "" {
				fields[last] += text
			}
			continue
		}
		field, value, ok := strings.Cut(text, ":")
		field = strings.ToLower(field)
		if last = ""; ok && fields[field] == "" && (field == "from" || field == "subject" || field == "message-id") {
			fields[field], last = value, field
		}
	}
	subject = decoded(strings.TrimSpace(fields["subject"]))
	id = strings.Trim(strings.TrimSpace(fields["message-id"]), "<>")
	if a, err := netmail.ParseAddress(fields["from"]); err == nil {
		return a.Name, a.Address, subject, id
	}
	return "", "", subject, id
}

// decoded resolves encoded words; a text that holds unknown ones stays as it is.
func decoded(text string) string {
	if words, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
		return words
	}
	return text
}
