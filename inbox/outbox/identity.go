package outbox

import (
	"crypto/rand"
	"strings"

	"github.com/deskbell/deskbell/inbox"
)

// newHeaderID makes the Message-ID of a reply, without <>, in the domain of the address it comes
// from. Its 130 random bits are what a customer's answer joins the conversation by, so nobody who
// has not received the reply can name it. Whatever else is to be bound into the identity of a reply
// belongs here: it is made once, when the reply is queued, and kept for every attempt.
func newHeaderID(from inbox.Address) string {
	_, domain, found := strings.Cut(from.Address, "@")
	if !found || domain == "" {
		domain = "deskbell.invalid"
	}
	return strings.ToLower(rand.Text()) + "@" + domain
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
