package inbox_test

import (
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
)

// A closing that is undone leaves the clock as it was; a new message of the customer starts it anew.
func TestClosingKeepsTheClockForReopening(t *testing.T) {
	asked := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var c inbox.Conversation
	c.Receive(asked, time.Hour)
	due := c.DueAt
	c.SetState(inbox.Closed, time.Time{}, inbox.ClosedDone)
	undone := c
	undone.SetState(inbox.Open, time.Time{}, "")
	if !undone.WaitingSince.Equal(asked) || !undone.DueAt.Equal(due) {
		t.Errorf("after undoing: waiting since %v, due %v; want %v, %v", undone.WaitingSince, undone.DueAt, asked, due)
	}
	again := asked.Add(48 * time.Hour)
	if reopened := c.Receive(again, time.Hour); !reopened || !c.WaitingSince.Equal(again) {
		t.Errorf("after a new message: waiting since %v, want %v", c.WaitingSince, again)
	}
}
