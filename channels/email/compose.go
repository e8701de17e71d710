package email

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/deskbell/deskbell/channels/email/mailwrite"
	"github.com/deskbell/deskbell/inbox"
)

// compose writes the mail of a reply: the same bytes for each attempt.
func compose(m inbox.Outgoing) ([]byte, error) {
	var b bytes.Buffer
	err := mailwrite.Write(&b, m, mailwrite.Options{})
	if err == nil {
		return b.Bytes(), nil
	}
	if e, ok := errors.AsType[*inbox.Error](err); ok && e.Reason == nil {
		e.Reason = &inbox.Reason{Code: "reply_cannot_be_written"}
	}
	return nil, fmt.Errorf("write the mail: %w", err)
}
