package inbox

import "time"

// DraftKind tells what a draft is to become.
type DraftKind string

// The kinds of draft; somebody has at most one of each in a conversation.
const (
	DraftReply DraftKind = "reply"
	DraftNote  DraftKind = "note"
)

// Draft is what somebody has begun to write in a conversation; nobody else sees it.
type Draft struct {
	Conversation ConversationID
	User         UserID
	Kind         DraftKind
	Text, HTML   string
	Cc, Bcc      []Address
	Attachments  []Attachment // uploads of the user
	UpdatedAt    time.Time
}
