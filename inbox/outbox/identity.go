package outbox

import (
	"context"
	"strings"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/store"
)

// identify gives a reply its id and its Message-ID, by whose reference the customer's answer finds the
// conversation. Both are made once, when the reply is queued, and kept for every attempt.
func (s *Service) identify(ctx context.Context, tx *store.Tx, m *inbox.Message) error {
	ids, err := tx.Reserve(ctx, "messages", 1)
	if err != nil {
		return err
	}
	m.ID = inbox.MessageID(ids[0])
	m.HeaderID = s.references.MessageID(reference.Reference{Shop: m.Shop, Conversation: m.Conversation, Message: m.ID}, m.From.Address)
	return nil
}

// replyTo is where answers to a reply go: behind the plus of the mailbox's address stands the reference
// of the Message-ID, if the mailbox takes subaddresses. The zero Address: to the sender.
func replyTo(m inbox.Message, connection inbox.Connection) inbox.Address {
	if takes, _ := connection.Settings["subaddresses"].(bool); !takes {
		return inbox.Address{}
	}
	return inbox.Address{Name: m.From.Name, Address: reference.Subaddress(m.From.Address, m.HeaderID)}
}

const (
	referencesKept = 20
	subjectPrefix  = "Re: "
)

// references returns the chain of a reply to head: the first message of the thread, so that it is
// not lost, and the newest ones.
func references(head string, before []string) []string {
	if head == "" {
		return nil
	}
	chain := append(append([]string{}, before...), head)
	if len(chain) > referencesKept {
		chain = append(chain[:1:1], chain[len(chain)-referencesKept+1:]...)
	}
	return chain
}

// replySubject is the subject of a reply: "Re: " before the conversation's, once.
func replySubject(subject string) string {
	subject = strings.TrimSpace(subject)
	if len(subject) >= 3 && strings.EqualFold(subject[:3], "re:") {
		return subject
	}
	return strings.TrimSpace(subjectPrefix + subject)
}
