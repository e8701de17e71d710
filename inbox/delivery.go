package inbox

import (
	"slices"
	"strings"
	"time"
)

// Automatic is the kind of a message that no person wrote; "" for a person's. Such a message is kept
// and marked. It starts no clock, wakes nobody and re-opens nothing by itself.
type Automatic string

// The kinds of automatic messages.
const (
	AutoReply    Automatic = "auto_reply" // out of office, confirmation, challenge
	AutoBounce   Automatic = "bounce"     // a message could not be delivered
	AutoDelay    Automatic = "delay"      // its server still tries
	AutoFeedback Automatic = "feedback"   // somebody complained of a message
	AutoReceipt  Automatic = "receipt"    // a message was delivered or read
	AutoList     Automatic = "list"       // a newsletter, a notification of a program
)

// Reports tells whether messages of this kind speak of another that was sent. They belong to that one
// and never begin a conversation.
func (a Automatic) Reports() bool {
	return a == AutoBounce || a == AutoDelay || a == AutoFeedback || a == AutoReceipt
}

// Protection tells how a message was signed or encrypted when it came; "" if it was not. Nothing is
// verified or decrypted.
type Protection string

// The kinds of protection.
const (
	SMIMESigned    Protection = "smime_signed"
	SMIMEEncrypted Protection = "smime_encrypted"
	PGPSigned      Protection = "pgp_signed"
	PGPEncrypted   Protection = "pgp_encrypted"
)

// Outcome is what became of a message on its way to one recipient.
type Outcome string

// The outcomes.
const (
	OutcomeFailed     Outcome = "failed"
	OutcomeDelayed    Outcome = "delayed" // the server goes on trying
	OutcomeDelivered  Outcome = "delivered"
	OutcomeRead       Outcome = "read"
	OutcomeComplained Outcome = "complained"
)

// Delivery is what a report says of a message and one recipient.
type Delivery struct {
	Message   MessageID // that was sent
	Report    MessageID // that says so
	Recipient string    // lower case; "" if the report does not tell
	Outcome   Outcome
	Status    string // RFC 3463, such as "5.1.1"; "" if nobody told
	Permanent bool   // trying again is useless
	At        time.Time
}

// Reason says why a message could not be delivered, by the subject of its status.
func (d Delivery) Reason() *Reason {
	code := "undelivered"
	class, rest, _ := strings.Cut(d.Status, ".")
	switch subject, _, _ := strings.Cut(rest, "."); {
	case rest == "2.2":
		code = "undelivered_full"
	case rest == "2.1":
		code = "undelivered_disabled"
	case rest == "2.3" || rest == "3.4":
		code = "undelivered_size"
	case subject == "1" && class == "5":
		code = "undelivered_address"
	case subject == "7":
		code = "undelivered_refused"
	case subject == "4":
		code = "undelivered_network"
	}
	return &Reason{Code: code, Params: map[string]any{"status": d.Status, "permanent": d.Permanent}}
}

// Deliver moves a message that was sent forward by what a report says, and tells whether it moved. A
// report about somebody in copy moves nothing: the customer may have the message all the same. While
// an attempt is under way its end decides first.
func (m *Message) Deliver(d Delivery) (moved bool) {
	if m.Direction != Out || m.onlyInCopy(d.Recipient) {
		return false
	}
	next, from := MessageState(""), []MessageState{Sent, Uncertain}
	switch d.Outcome {
	case OutcomeFailed:
		next, from = Failed, append(from, Delivered)
	case OutcomeDelivered:
		next = Delivered
	case OutcomeRead:
		next, from = Read, append(from, Delivered)
	}
	if next == "" || !slices.Contains(from, m.State) {
		return false
	}
	m.State, m.Problem = next, nil
	if next == Failed {
		m.Problem = d.Reason()
	}
	return true
}

// onlyInCopy tells whether an address got a message that went to somebody else.
func (m *Message) onlyInCopy(address string) bool {
	is := func(a Address) bool { return strings.EqualFold(a.Address, address) }
	return !slices.ContainsFunc(m.To, is) && (slices.ContainsFunc(m.Cc, is) || slices.ContainsFunc(m.Bcc, is))
}

// Undelivered says that a reply did not reach the customer: the conversation is open again, except
// spam, and unless he has been answered since, he waits as he did before. It returns whether the state
// changed.
func (c *Conversation) Undelivered(before *Before, answered bool) (changed bool) {
	if c.State == Closed && (c.ClosedReason == ClosedSpam || c.ClosedReason == ClosedMerged || c.ClosedReason == ClosedOld) {
		return false
	}
	changed = c.State != Open
	c.SetState(Open, time.Time{}, "")
	if !answered && before != nil && !before.WaitingSince.IsZero() && (c.WaitingSince.IsZero() || c.WaitingSince.After(before.WaitingSince)) {
		c.WaitingSince, c.DueAt = before.WaitingSince, before.DueAt
	}
	return changed
}
