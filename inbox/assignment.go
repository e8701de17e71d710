package inbox

import "time"

// Assignment is one change of who holds a conversation, or the finding that nobody can, with all
// that was known when it was decided.
type Assignment struct {
	Conversation *Conversation
	At           time.Time
	From, To     UserID // 0 = nobody
	Actor        UserID // 0 = decided by rule
	Reason       Reason
	Candidates   []Candidate // in the order they were looked at; none if a person decided
}

// Candidate is somebody a decision looked at, as he was at that moment.
type Candidate struct {
	User     UserID
	Position int  // 0 = primary, then backups; Outsider if he is no member of the shop
	OnShift  bool // also if no shift was ever drawn for him
	Presence PresenceState
	Load
	Limit    int
	Chosen   bool
	Excluded *Reason // why he could not be; nil if he could
}

// Outsider is the position of somebody who is not a member of the shop: its fallback, or whoever
// held the conversation before.
const Outsider = -1

// Load is what somebody has to do now, over all shops.
type Load struct {
	Open           int       // open conversations he holds
	DueSoon        int       // those of them whose clock runs out within DueSoonWithin
	LastAssignedAt time.Time // by rule, not by hand; zero: never
}

// DueSoonWithin is how far Load.DueSoon looks ahead.
const DueSoonWithin = 4 * time.Hour

// At is what a person says of himself at a moment: who said "until then" is available again.
func (p Presence) At(now time.Time) PresenceState {
	if p.State == "" || !p.Until.IsZero() && !p.Until.After(now) {
		return Available
	}
	return p.State
}
