package inbox

import "time"

// Active tells whether the conversation is in the working lists.
func (c *Conversation) Active() bool { return c.State == Open || c.State == Pending }

// Event is the kind of event that tells of the change to a state.
func (s ConversationState) Event() EventKind {
	switch s {
	case Pending:
		return ConversationPending
	case Snoozed:
		return ConversationSnoozed
	case Closed:
		return ConversationClosed
	}
	return ConversationOpened
}

// SetState moves a conversation to a state and clears what belonged to the one before. until is for
// Snoozed, reason for Closed. Closing answers nothing: the clock is kept, out of sight, so that whoever
// opens the conversation again, or undoes the closing, finds it as it was.
func (c *Conversation) SetState(state ConversationState, until time.Time, reason ClosedReason) {
	c.State, c.SnoozedUntil, c.ClosedReason = state, time.Time{}, ""
	switch state {
	case Snoozed:
		c.SnoozedUntil = until
	case Closed:
		c.ClosedReason = reason
	}
}

// Receive tells the conversation of a message of the customer. It re-opens what waited for him, was
// snoozed or done, but not spam, and starts the clock if none runs; whoever closed the conversation
// said that what came before needs no answer. reply is the company target; 0 starts none. It returns
// whether the state changed.
func (c *Conversation) Receive(at time.Time, reply time.Duration) (reopened bool) {
	if c.State == Closed && (c.ClosedReason == ClosedSpam || c.ClosedReason == ClosedMerged) {
		return false
	}
	reopened = c.State != Open
	if c.State == Closed {
		c.StopClock()
	}
	c.SetState(Open, time.Time{}, "")
	if c.WaitingSince.IsZero() || at.Before(c.WaitingSince) {
		c.WaitingSince = at
		if reply > 0 {
			c.DueAt = at.Add(reply)
		}
	}
	return reopened
}

// StopClock says that the customer is answered.
func (c *Conversation) StopClock() { c.WaitingSince, c.DueAt = time.Time{}, time.Time{} }

// Before is what a reply changed on its conversation when it was queued, and the state it left.
type Before struct {
	State        ConversationState `json:"state"`
	ClosedReason ClosedReason      `json:"closed_reason,omitempty"`
	SnoozedUntil time.Time         `json:"snoozed_until,omitzero"`
	WaitingSince time.Time         `json:"waiting_since,omitzero"`
	DueAt        time.Time         `json:"due_at,omitzero"`
	After        ConversationState `json:"after"`
}

// Reply gives the conversation the state its reply asks for, "" for the one it has, and returns what
// it was before.
func (c *Conversation) Reply(then ConversationState) *Before {
	before := &Before{State: c.State, ClosedReason: c.ClosedReason, SnoozedUntil: c.SnoozedUntil, WaitingSince: c.WaitingSince, DueAt: c.DueAt}
	switch then {
	case Closed:
		c.SetState(Closed, time.Time{}, ClosedDone)
	case "":
	default:
		c.SetState(then, time.Time{}, "")
	}
	before.After = c.State
	return before
}

// Unreply says that a reply queued at the given time did not leave: the conversation gets back the
// state and the clock it had, as far as nothing has happened since that counts more. It returns
// whether the state changed.
func (c *Conversation) Unreply(before *Before, queued time.Time) (changed bool) {
	if before == nil {
		return false
	}
	if before.State != before.After && c.State == before.After {
		c.State, c.ClosedReason, c.SnoozedUntil = before.State, before.ClosedReason, before.SnoozedUntil
		changed = true
	}
	answered := c.LastOutAt.After(queued)
	older := c.WaitingSince.IsZero() || c.WaitingSince.After(before.WaitingSince)
	if !answered && c.State != Closed && !before.WaitingSince.IsZero() && older {
		c.WaitingSince, c.DueAt = before.WaitingSince, before.DueAt
	}
	return changed
}

// Answered says that a reply written at the given time was sent. next is when the oldest customer
// message came that it does not answer, zero if there is none; reply is the company target.
func (c *Conversation) Answered(sent, next time.Time, reply time.Duration) {
	if sent.After(c.LastOutAt) {
		c.LastOutAt = sent
	}
	c.StopClock()
	if next.IsZero() || c.State == Closed {
		return
	}
	c.WaitingSince = next
	if reply > 0 {
		c.DueAt = next.Add(reply)
	}
}
