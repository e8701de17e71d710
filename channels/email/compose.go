package email

import (
	"bytes"
	"fmt"
	"mime"

	"github.com/deskbell/deskbell/inbox"
)

// compose writes the mail of a reply.
func compose(m inbox.Outgoing) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Message-ID: <%s>\r\nDate: %s\r\nFrom: <%s>\r\n", m.HeaderID, m.At.Format("Mon, 02 Jan 2006 15:04:05 -0700"), m.From.Address)
	for _, to := range m.To {
		fmt.Fprintf(&b, "To: <%s>\r\n", to.Address)
	}
	fmt.Fprintf(&b, "Subject: %s\r\n\r\n%s\r\n", mime.QEncoding.Encode("utf-8", m.Subject), m.Text)
	return b.Bytes(), nil
}
