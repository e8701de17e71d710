package inbox

import "time"

// Active tells whether the conversation is in the working lists.
func (c *Conversation) Active() bool { return c.State == Open || c.State == Pending }

// SetState moves a conversation to a state and clears what belonged to the one before. until is for
// Snoozed, reason for Closed. Closing answers nothing but stops the company target: whoever closes
// says that no answer is needed.
func (c *Conversation) SetState(state ConversationState, until time.Time, reason ClosedReason) {
	c.State, c.SnoozedUntil, c.ClosedReason = state, time.Time{}, ""
	switch state {
	case Snoozed:
		c.SnoozedUntil = until
	case Closed:
		c.ClosedReason = reason
		c.StopClock()
	}
}

// Receive tells the conversation of a message of the customer. It re-opens what waited for him, was
// snoozed or done, but not spam, and starts the clock if none runs. reply is the company target;
// 0 starts none. It returns whether the state changed.
func (c *Conversation) Receive(at time.Time, reply time.Duration) (reopened bool) {
	if c.State == Closed && (c.ClosedReason == ClosedSpam || c.ClosedReason == ClosedMerged) {
		return false
	}
	reopened = c.State != Open
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
