package inbox

import "time"

// Said is what a message says by itself: without what it quotes and without signature.
func (m *Message) Said() string {
	if m.ReplyText == "" {
		return m.Text
	}
	return m.ReplyText
}

// before is what a conversation is like now.
func (c *Conversation) before() Before {
	return Before{State: c.State, ClosedReason: c.ClosedReason, SnoozedUntil: c.SnoozedUntil, WaitingSince: c.WaitingSince, DueAt: c.DueAt}
}

// Absorb merges source into the conversation: source closes, and if a customer waits there he waits
// here from now on, since when he did. It returns what Separate needs to undo it.
func (c *Conversation) Absorb(source *Conversation) *MergeUndo {
	undo := &MergeUndo{Source: source.before(), Target: c.before()}
	waits := source.State != Closed && !source.WaitingSince.IsZero()
	source.SetState(Closed, time.Time{}, ClosedMerged)
	source.MergedInto = c.ID
	if waits && c.ClosedReason != ClosedSpam {
		if c.State == Closed {
			c.StopClock()
		}
		if undo.Source.State == Open {
			c.SetState(Open, time.Time{}, "")
		}
		if c.WaitingSince.IsZero() || source.WaitingSince.Before(c.WaitingSince) {
			c.WaitingSince, c.DueAt = source.WaitingSince, source.DueAt
		}
	}
	undo.Source.After, undo.Target.After = source.State, c.State
	return undo
}

// Separate undoes Absorb. What has happened since stays with c: a source that was answered there does
// not wait any more. waiting is when the oldest customer message came that stays with c and is not
// answered, zero if there is none; reply is the company target.
func (c *Conversation) Separate(source *Conversation, undo *MergeUndo, waiting time.Time, reply time.Duration) {
	answered := c.WaitingSince.IsZero() || c.WaitingSince.After(undo.Source.WaitingSince)
	source.MergedInto = 0
	source.State, source.ClosedReason, source.SnoozedUntil = undo.Source.State, undo.Source.ClosedReason, undo.Source.SnoozedUntil
	if !undo.Source.WaitingSince.IsZero() && source.State != Closed && answered {
		source.StopClock()
	}
	c.waitSince(waiting, undo.Target, reply)
	if c.State == undo.Target.After && c.WaitingSince.IsZero() {
		c.State, c.ClosedReason, c.SnoozedUntil = undo.Target.State, undo.Target.ClosedReason, undo.Target.SnoozedUntil
	}
	if c.State == Closed && c.WaitingSince.IsZero() {
		c.WaitingSince, c.DueAt = undo.Target.WaitingSince, undo.Target.DueAt // out of sight, as it was
	}
}

// waitSince sets the clock to when the oldest unanswered message came; where that is what it was before,
// the old due time holds.
func (c *Conversation) waitSince(waiting time.Time, before Before, reply time.Duration) {
	switch {
	case waiting.IsZero():
		c.StopClock()
	case waiting.Equal(before.WaitingSince):
		c.WaitingSince, c.DueAt = before.WaitingSince, before.DueAt
	default:
		c.WaitingSince, c.DueAt = waiting, time.Time{}
		if reply > 0 {
			c.DueAt = waiting.Add(reply)
		}
	}
}

// SplitOff begins a conversation for the later part of c: the same customer, the same way back, the same
// state and assignee. Its messages, counts and clock are for the store to fill in.
func (c *Conversation) SplitOff(id ConversationID, subject string) *Conversation {
	if subject == "" {
		subject = c.Subject
	}
	return &Conversation{ID: id, Shop: c.Shop, Connection: c.Connection, Contact: c.Contact, ContactName: c.ContactName, ContactAddress: c.ContactAddress,
		Kind: c.Kind, Subject: subject, State: c.State, ClosedReason: c.ClosedReason, SnoozedUntil: c.SnoozedUntil, LastInID: c.LastInID,
		Assignee: c.Assignee, AssignedAt: c.AssignedAt, AssignReason: c.AssignReason, LastAt: c.LastAt}
}

// Apportion gives each part of a conversation its clock after a split: when the oldest message came that
// nobody has answered. A conversation in which nothing waited gives none to either.
func (c *Conversation) Apportion(later *Conversation, here, there time.Time, reply time.Duration) {
	before := c.before()
	if before.WaitingSince.IsZero() {
		return
	}
	c.waitSince(here, before, reply)
	later.waitSince(there, before, reply)
}
