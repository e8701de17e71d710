package email

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	netmail "net/mail"
	"strings"

	"github.com/deskbell/deskbell/inbox"
)

// parse fills in what the bytes of a mail say.
func (a *Adapter) parse(in *inbox.Incoming, folder string) error {
	m, err := netmail.ReadMessage(bytes.NewReader(in.Raw))
	if err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	if from, err := netmail.ParseAddress(m.Header.Get("From")); err == nil {
		in.From = inbox.Address{Name: from.Name, Address: from.Address}
	}
	sum := sha256.Sum256(in.Raw)
	in.Sameness = sum[:]
	in.Subject, in.Text, in.ReplyText = m.Header.Get("Subject"), string(body), string(body)
	in.HeaderID = strings.Trim(m.Header.Get("Message-Id"), "<> ")
	in.Outbound = a.own(in.From.Address) || (a.settings.SentFolder != "" && folder == a.settings.SentFolder)
	in.Identity = inbox.Identity{Kind: "email", RemoteID: strings.ToLower(in.From.Address), Name: in.From.Name}
	return nil
}
