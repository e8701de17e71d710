package inbox

import "time"

// Link says that two conversations belong together and are no single thread.
type Link struct {
	Conversation ConversationID // the one that came later
	Other        ConversationID
	Kind         LinkKind
	Reason       LinkReason // of Related; "" of others, and where a person made it
	Actor        UserID     // 0 = the program
	Undo         *MergeUndo // of Merged
	At           time.Time
}

// LinkKind tells why two conversations belong together.
type LinkKind string

// The kinds of link. One mail to several shops makes siblings.
const (
	Sibling LinkKind = "sibling"
	Related LinkKind = "related" // it looks so; a person decides
	Split   LinkKind = "split"   // the later one was split off the other
	Merged  LinkKind = "merged"  // the later one is shown in the other
)

// LinkReason tells why the program takes two conversations for related.
type LinkReason string

// The reasons, the strongest first.
const (
	LinkAnswers    LinkReason = "answers"    // it carries the reference of a reply, and comes from somebody else
	LinkReferences LinkReason = "references" // it quotes the Message-ID of a message
	LinkSubject    LinkReason = "subject"    // the same customer writes "Re:" and the same subject
)

// MergeUndo is what separating a merged conversation again needs to know.
type MergeUndo struct {
	Source Before `json:"source"`
	Target Before `json:"target"`
}
