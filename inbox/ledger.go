package inbox

import "time"

// LedgerEntry is one thing a connection received and what became of it. What became several messages,
// one per shop it was sent to, is one entry; so the entries add up with what the source had.
type LedgerEntry struct {
	ID         LedgerID
	Connection ConnectionID
	SourceKey  string // where it lies at the source, such as "INBOX|1|42"; unique per connection
	Place      Place
	State      LedgerState
	Message    MessageID // what it became, or the message it is the same as; 0 = none
	Reason     *Reason   // why, where the state alone does not say it
	Sender     string    // address in lower case; "" if nobody could tell
	Subject    string
	HeaderID   string // Message-ID without <>
	Size       int64
	Attempts   int    // how often it was read
	RawHash    string // "" when the bytes could not be read, or were deleted
	ReceivedAt time.Time
	TakenAt    time.Time
	RetryBy    UserID // who asked to have it read again and waits for it; 0 = nobody
}

// Place is where at its source something lies: under a number, in a folder, in one numbering of that
// folder (the UID and, within Epoch, the UIDVALIDITY of RFC 9051, section 2.3.1.1). It is zero at sources without folders.
type Place struct {
	Folder string
	Epoch  int64
	Number uint32
}

// LedgerState is what became of something received.
type LedgerState string

// Taking is the mark of an item that is being read; found after a crash it counts as an attempt.
const (
	LedgerTaking    LedgerState = "taking"
	LedgerWaiting   LedgerState = "waiting" // seen, not stored yet
	LedgerMessage   LedgerState = "message"
	LedgerSame      LedgerState = "same"      // the same message was received before: renumbered, moved, copied
	LedgerAutomatic LedgerState = "automatic" // a message that no person wrote
	LedgerIgnored   LedgerState = "ignored"   // left out for a reason, by the program or by a person
	LedgerSetAside  LedgerState = "set_aside"
)

// The codes of the reasons in the ledger that this program gives by itself; adapters add theirs for
// what they cannot read.
const (
	ReasonHistory       = "history"           // received before the connection went live: kept, closed
	ReasonSentElsewhere = "sent_elsewhere"    // written by the shop outside Deskbell
	ReasonAutomatic     = "automatic_"        // no person wrote it; its kind follows: reply, bounce, …
	ReasonOfNothing     = "report_of_nothing" // a report about a message that is none of ours
	ReasonFlood         = "automatic_flood"   // one of too many automatic messages: kept, not shown
	ReasonReturned      = "own_returned"      // a message of ours that came back in a circle
	ReasonRenumbered    = "same_renumbered"
	ReasonMoved         = "same_moved"
	ReasonCopied        = "same_copied"
	ReasonOwnCopy       = "own_copy" // the trace one of our replies left in the Sent folder
	ReasonIgnoredByHand = "ignored_by_hand"
	ReasonDeletedByHand = "deleted_by_hand"
)

// MessageCopy is where a copy of a message lies: it has one in each shop it was sent to.
type MessageCopy struct {
	Shop         ShopID
	Message      MessageID
	Conversation ConversationID
}

// FolderCount is what a folder of a source held when it was last counted, beside what the ledger has:
// Held = Recorded - Gone + Outside + Waiting + Missing.
type FolderCount struct {
	Connection ConnectionID
	Folder     string
	Epoch      int64
	Held       int      // lay there
	Recorded   int      // lines of the ledger
	Gone       int      // of these, no longer there
	Outside    int      // lay there and is not taken: older than the import
	Waiting    int      // lay there and was not read yet
	Missing    int      // lay there, should have been read and is unknown
	MissingOf  []uint32 // the numbers of the first of them
	CountedAt  time.Time
}

// Holding is what a folder of a source holds, by numbers, each list rising.
type Holding struct {
	Folder  string
	Epoch   int64
	Numbers []uint32
	Outside []uint32 // of these, what is not taken by choice: older than the import
	Read    uint32   // up to here everything was read
}

// SilenceHours that are no number of hours: an alarm by the connection's own rhythm, or none.
const (
	SilenceByRhythm = 0
	SilenceNever    = -1
)

// AlarmKind tells what is wrong with a connection beyond its state.
type AlarmKind string

// The kinds of alarm. What is set aside and a state in trouble need a person too; they are told by
// the ledger and the connection themselves.
const (
	AlarmSilence      AlarmKind = "silence"       // no mail, though there should be some
	AlarmNotChecked   AlarmKind = "not_checked"   // nobody has looked at the source for long
	AlarmCountDiffers AlarmKind = "count_differs" // the source holds what the ledger lacks
)

// Alarm is one of them, while it lasts.
type Alarm struct {
	Connection ConnectionID
	Kind       AlarmKind
	Reason     Reason
	Since      time.Time
}

// HourCount is how many things a connection received in one hour, counted since 1970.
type HourCount struct {
	Hour  int64
	Items int
}
