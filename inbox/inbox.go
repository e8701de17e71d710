// Package inbox holds the words of the trade: shop, connection, contact, conversation, message,
// event, and the errors people read. It has no database and no network; everything above it speaks
// these types.
package inbox

import (
	"time"

	"github.com/deskbell/deskbell/rbac"
)

// The ids of the records. Each is a decimal string in JSON.
type (
	UserID         = rbac.UserID
	ShopID         = rbac.ShopID
	ConnectionID   = rbac.ID[Connection]
	ContactID      = rbac.ID[Contact]
	ConversationID = rbac.ID[Conversation]
	MessageID      = rbac.ID[Message]
	AttachmentID   = rbac.ID[Attachment]
	TagID          = rbac.ID[Tag]
	LedgerID       = rbac.ID[LedgerEntry]
	ShiftID        = rbac.ID[Shift]
	ExceptionID    = rbac.ID[RosterException]
	TeamID         = rbac.ID[Team]
	StatusID       = rbac.ID[RequestStatus]
)

// Reason is a sentence stored as data: a code and its parameters. The screen words it in the
// reader's language; names and addresses never stand in it, only ids, numbers and enums.
type Reason struct {
	Code   string         `json:"code"`
	Params map[string]any `json:"params,omitempty"`
}

// Address is a mail address with its display name; both may be empty.
type Address struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Shop is a store on a marketplace or a brand with a mailbox.
type Shop struct {
	ID         ShopID
	Name       string
	Zone       string // IANA name, for business hours
	State      ShopState
	SenderName string // shown to customers in front of the address; the shop's name if empty
	Signature  string // plain text put under replies; may be empty
	Language   string // the language customers are answered in; may be empty
	// ReplyMinutes is the company target: an answer is due so long after the oldest unanswered
	// customer message; 0 = no target.
	ReplyMinutes int
	Fallback     Fallback
	AgentLimit   int // open conversations one agent may hold by automatic assignment
	CreatedAt    time.Time
}

// DefaultAgentLimit is the AgentLimit of a shop for which nobody chose one.
const DefaultAgentLimit = 30

// DefaultReplyMinutes is the company target of a new shop: a day.
const DefaultReplyMinutes = 24 * 60

// ReplyTarget is the company target as a duration; 0 = none.
func (s *Shop) ReplyTarget() time.Duration { return time.Duration(s.ReplyMinutes) * time.Minute }

// ShopState is the life of a shop; people set it. Degraded and expired are computed from the
// states of its connections and never stored.
type ShopState string

// The states of a shop.
const (
	ShopDraft       ShopState = "draft"
	ShopAuthorizing ShopState = "authorizing"
	ShopActive      ShopState = "active"
	ShopDegraded    ShopState = "degraded"
	ShopExpired     ShopState = "expired"
	ShopStopped     ShopState = "stopped"
	ShopClosed      ShopState = "closed"
)

// Connection is one login of a shop: a mailbox or a seller account.
type Connection struct {
	ID        ConnectionID
	Shop      ShopID
	Kind      string         // "email", "ebay", …: a key of channels.Registry
	Name      string         // shown to people, such as the mail address
	Settings  map[string]any // checked against the kind's JSON Schema; holds no secret
	Secret    []byte         // sealed; bound to this row and shop
	State     ConnectionState
	Problem   *Reason   // why it is not connected; nil while all is well
	LiveFrom  time.Time // what the source received earlier is history: stored, searchable, closed
	Cursor    string    // opaque to everybody but its adapter
	LastInAt  time.Time // zero: never
	LastOutAt time.Time // zero: never
	CheckedAt time.Time // last successful poll; zero: never
	CreatedAt time.Time
	// Inside: its hosts may lie in the server's own network, since whoever named them manages the
	// connections of all shops.
	Inside bool
	// SilenceHours without mail raise an alarm; SilenceByRhythm and SilenceNever are no hours.
	SilenceHours int
	Alarms       []Alarm // raised now; only where they were asked for
	SetAside     int     // entries of the ledger that wait for a person; only where it was asked for
	// SecretNames are the secret fields that are stored, never their values.
	SecretNames []string
}

// ConnectionState is the health of one login.
type ConnectionState string

// The states of a connection. Disabled is set by people, the others by the runner.
const (
	ConnectionNew       ConnectionState = "new"
	ConnectionConnected ConnectionState = "connected"
	ConnectionDegraded  ConnectionState = "degraded"
	ConnectionExpired   ConnectionState = "expired" // credentials refused or withdrawn
	ConnectionDisabled  ConnectionState = "disabled"
)

// Contact is a customer of the organisation.
type Contact struct {
	ID         ContactID
	Name       string
	Identities []Identity // only those of shops the reader may see
	CreatedAt  time.Time
}

// Identity is one name a contact goes by: (Kind, Realm, RemoteID) is unique.
type Identity struct {
	Kind     string // kind of connection: "email", "ebay", …
	Realm    string // given by the adapter: site, operator host, seller account; "" for mail
	RemoteID string // lower-case address for mail, the marketplace's buyer id else
	Name     string
}

// Conversation is everything said between one contact and one shop about one thing.
type Conversation struct {
	ID             ConversationID
	Shop           ShopID
	Connection     ConnectionID // the way back
	Contact        ContactID
	ContactName    string
	ContactAddress string // of the identity that wrote last
	Kind           ConversationKind
	RemoteThread   string // the marketplace's thread id; "" for mail
	Subject        string
	State          ConversationState
	ClosedReason   ClosedReason // "" unless State is closed
	Status         StatusID     // an admin's own request status; 0 = none
	Assignee       UserID       // 0 = nobody
	AssignedAt     time.Time
	AssignReason   *Reason
	Tags           []TagID
	Preview        string // first words of the last message
	PreviewAuthor  UserID // 0 = the customer
	PreviewKind    Direction
	Messages       int
	HasAttachments bool
	Unread         bool      // for the reader
	Draft          bool      // the reader has one
	LastInID       MessageID // newest message of the customer; decides Unread
	LastOutAt      time.Time // newest answer of an agent
	LastAt         time.Time
	WaitingSince   time.Time // at of the oldest unanswered customer message; zero: nothing waits
	DueAt          time.Time // when an answer is due; zero: no clock runs
	SnoozedUntil   time.Time // zero: not snoozed
	CreatedAt      time.Time
	MergedInto     ConversationID // whose thread shows what was said here; 0 = this one's own
	Unverified     bool           // the customer's newest message is of somebody who is not proved to be him
	Reopened       bool           // not stored: it was closed before the message being taken in, so it is new work
	Version        int64          // rises with every change; compared with If-Match
}

// ConversationKind tells how a conversation may be answered.
type ConversationKind string

// The kinds of conversation.
const (
	KindMessage  ConversationKind = "message"
	KindReview   ConversationKind = "review"
	KindQuestion ConversationKind = "question"
	KindFeedback ConversationKind = "feedback"
	KindClaim    ConversationKind = "claim"
)

// ConversationState is where a conversation stands.
type ConversationState string

// The states: pending waits for the customer.
const (
	Open    ConversationState = "open"
	Pending ConversationState = "pending"
	Snoozed ConversationState = "snoozed"
	Closed  ConversationState = "closed"
)

// ClosedReason tells why a conversation is closed.
type ClosedReason string

// A customer message re-opens done, never spam or merged.
const (
	ClosedDone   ClosedReason = "done"
	ClosedSpam   ClosedReason = "spam"
	ClosedMerged ClosedReason = "merged"
	ClosedAuto   ClosedReason = "automatic" // begun by a program's answer to nothing we know
	ClosedOld    ClosedReason = "history"   // received by the source before the connection's LiveFrom
)

// Direction tells who can read a message and where it travels.
type Direction string

// A note never leaves the house.
const (
	In   Direction = "in"
	Out  Direction = "out"
	Note Direction = "note"
)

// MessageState is where an outbound message stands; inbound messages and notes are "received".
type MessageState string

// The states of a message. They only move forward, except by a person.
const (
	Received  MessageState = "received"
	Scheduled MessageState = "scheduled" // to be sent at SendAt
	Held      MessageState = "held"      // waits for the shop to be able to send
	Queued    MessageState = "queued"    // stored; leaves once SendAt has passed
	Sending   MessageState = "sending"
	Sent      MessageState = "sent"
	Delivered MessageState = "delivered"
	Read      MessageState = "read"
	Failed    MessageState = "failed"
	Uncertain MessageState = "uncertain" // we cannot know; a person decides
	Withdrawn MessageState = "withdrawn" // undone before it left
)

// Message is one message of a conversation, in or out, or a note.
type Message struct {
	ID           MessageID
	Conversation ConversationID
	Home         ConversationID // where it was before that was merged into Conversation; 0 = there
	Shop         ShopID
	Connection   ConnectionID
	Direction    Direction
	State        MessageState
	Problem      *Reason // why it failed, is held or uncertain
	Author       UserID  // 0 for the customer and for somebody outside Deskbell
	From         Address
	To, Cc, Bcc  []Address // Bcc only on outbound messages, and only to people who may read them
	Subject      string
	Text         string   // the whole text, UTF-8
	ReplyText    string   // what the person wrote now, without quote and signature; "" if the same as Text
	HTML         string   // sanitised; "" if the message has none
	HeaderID     string   // Message-ID without <>
	InReplyTo    string   // Message-ID without <>
	References   []string // nearest last, without <>
	RemoteID     string   // the marketplace's id, or the mail server's answer
	RawHash      string   // the bytes as received, in the blob store
	SendKey      string   // the Idempotency-Key of a reply or note
	SendHash     string   // of the request under SendKey, which tells the same key with another request
	Before       *Before  // what this reply changed on its conversation; undo and failure restore it
	Files        int      // how many attachments it has
	Attachments  []Attachment
	Mentions     []UserID // of a note
	Automatic    Automatic
	Protection   Protection
	Deliveries   []Delivery // what reports say of an outbound message, by recipient
	Unverified   bool       // the receiving server said that the sender is not who he claims to be
	At           time.Time
	SendAt       time.Time // outbound: leaves not before this; until then it can be undone
	CreatedAt    time.Time
}

// Filed is the conversation a message was written in, before any merging.
func (m *Message) Filed() ConversationID {
	if m.Home != 0 {
		return m.Home
	}
	return m.Conversation
}

// Attachment is a file of a message; its bytes are in the blob store under Hash.
type Attachment struct {
	ID          AttachmentID
	Message     MessageID // 0 while it is uploaded and not yet sent
	Uploader    UserID    // 0 for what arrived
	Name        string    // cleaned for display; never used as a storage name
	ContentType string
	Size        int64
	Inline      bool
	ContentID   string
	Hash        string
}

// Tag is applied to conversations by agents and managed by admins.
type Tag struct {
	ID       TagID
	Name     string
	Color    string // one of Colors
	Archived bool
	Uses     int // conversations that carry it, within the reader's scope
}

// Colors are the names a tag's colour may have; the screen maps them to checked pairs.
var Colors = []string{"grey", "red", "orange", "amber", "green", "teal", "blue", "indigo", "purple", "pink"}

// RequestStatus is an admin's own status of a request, such as "invoice sent".
type RequestStatus struct {
	ID   StatusID
	Name string
}

// Team is a named set of users without rights of its own.
type Team struct {
	ID    TeamID
	Name  string
	Users []UserID
}

// Member is a user of a shop. Its role in the shop is at least agent.
type Member struct {
	Shop     ShopID
	User     UserID
	Position int    // 0 = primary, then backups in order
	Sees     string // SeesShop or SeesAssigned
	MayTake  bool   // with SeesAssigned: may see and take the queue
	Receives bool   // may be dealt other shops while their people rest
}

// What a member sees in his shop.
const (
	SeesShop     = "shop"
	SeesAssigned = "assigned"
)

// Fallback says who gets a shop's conversations when none of its members can.
type Fallback struct {
	Kind string // FallbackQueue, FallbackUser or FallbackTeam
	User UserID
	Team TeamID
}

// The kinds of fallback.
const (
	FallbackQueue = "queue"
	FallbackUser  = "user"
	FallbackTeam  = "team"
)

// Shift is one line of somebody's weekly pattern.
type Shift struct {
	ID       ShiftID
	User     UserID
	Zone     string // IANA name the times are read in
	Weekdays []int  // ISO: 1 = Monday … 7 = Sunday; the day the shift begins
	From, To int    // minutes since midnight; To <= From ends the next day
	Since    string // first day, 2006-01-02; "" = always
	Until    string // last day, inclusive; "" = for ever
}

// RosterException changes somebody's roster on some days. Off: the shifts that begin on them are left
// out. Leave: that, and from the first midnight to the last he counts as on leave. Extra: one more
// shift on each of them, also where the others are left out.
type RosterException struct {
	ID          ExceptionID
	User        UserID
	Kind        ExceptionKind
	First, Last string // days, both inclusive, 2006-01-02
	Zone        string // IANA name in which a leave's days and an extra shift's times are read
	From, To    int    // of an extra shift, as in Shift
	Note        string // for people: why
}

// ExceptionKind is what a roster exception does.
type ExceptionKind string

// See RosterException.
const (
	ExceptionOff   ExceptionKind = "off"
	ExceptionLeave ExceptionKind = "leave"
	ExceptionExtra ExceptionKind = "extra"
)

// PresenceState is what a person says of himself.
type PresenceState string

// Break: no new work, keeps own threads. Leave: own shops are dealt out.
const (
	Available PresenceState = "available"
	Break     PresenceState = "break"
	Leave     PresenceState = "leave"
)

// Presence is what a person says of himself, until when.
type Presence struct {
	User  UserID
	State PresenceState
	Since time.Time
	Until time.Time // zero: until changed
}
