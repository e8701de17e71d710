package inbox

import (
	"time"

	"github.com/deskbell/deskbell/rbac"
)

// Event is one line of the event log: what happened to what, in the order it was committed. Data
// holds ids, enums and numbers alone, never names, bodies or addresses.
type Event struct {
	Seq          int64 // drawn by the log
	Kind         EventKind
	At           time.Time
	Shop         ShopID         // 0: concerns no shop
	Conversation ConversationID // 0: concerns no conversation
	Actor        UserID         // 0: the customer or the program
	// From and To are the assignee before and after; they decide who sees an event in a shop where
	// he sees assigned conversations only, and let it reach also the one who loses a conversation.
	// Of an event about a person To is that person.
	From, To UserID
	Data     map[string]any
}

// EventKind is noun.verb in the past tense.
type EventKind string

// The kinds of event.
const (
	MessageReceived      EventKind = "message.received"
	MessageQueued        EventKind = "message.queued"
	MessageSending       EventKind = "message.sending"
	MessageSent          EventKind = "message.sent"
	MessageFailed        EventKind = "message.failed"
	MessageDelivered     EventKind = "message.delivered"
	MessageRead          EventKind = "message.read"
	MessageReported      EventKind = "message.reported" // a report changed nothing of its state: a delay, a complaint, a copy that failed
	MessageUncertain     EventKind = "message.uncertain"
	MessageHeld          EventKind = "message.held"
	MessageWithdrawn     EventKind = "message.withdrawn"
	NoteAdded            EventKind = "note.added"
	ConversationCreated  EventKind = "conversation.created"
	ConversationAssigned EventKind = "conversation.assigned"
	ConversationTagged   EventKind = "conversation.tagged"
	ConversationUntagged EventKind = "conversation.untagged"
	ConversationOpened   EventKind = "conversation.opened"
	ConversationClosed   EventKind = "conversation.closed"
	ConversationSnoozed  EventKind = "conversation.snoozed"
	ConversationPending  EventKind = "conversation.pending"
	ConversationChanged  EventKind = "conversation.changed" // subject, status, priority
	ConversationLinked   EventKind = "conversation.linked"  // or no longer: its links are other ones now
	ConversationMerged   EventKind = "conversation.merged"
	ConversationUnmerged EventKind = "conversation.unmerged"
	ConversationSplit    EventKind = "conversation.split"
	ConversationDeleted  EventKind = "conversation.deleted"
	ConversationRead     EventKind = "conversation.read" // by the actor; only his own sockets see it
	DraftSaved           EventKind = "draft.saved"       // by the actor; only his own sockets see it
	DraftDiscarded       EventKind = "draft.discarded"
	TagChanged           EventKind = "tag.changed"
	ShopChanged          EventKind = "shop.changed"
	ConnectionChanged    EventKind = "connection.changed"
	UserChanged          EventKind = "user.changed"
	PresenceChanged      EventKind = "presence.changed"
	RosterChanged        EventKind = "roster.changed"
	AccessChanged        EventKind = "access.changed" // To's roles changed: his sockets take a new scope
)

// Private tells whether only the actor's own sockets may see events of this kind.
func (k EventKind) Private() bool {
	return k == ConversationRead || k == DraftSaved || k == DraftDiscarded
}

// SeenBy tells whether somebody with a scope may see an event now; roles are those of all people. Of
// people he hears what he may know of: of those of his shops. What concerns no shop and nobody, such
// as a changed tag or roster, is for everybody signed in; what is private for the actor alone.
func (e Event) SeenBy(scope rbac.Scope, roles map[UserID][]rbac.Grant) bool {
	switch {
	case e.Kind.Private():
		return e.Actor == scope.User
	case e.Kind == AccessChanged:
		return e.To == scope.User
	case e.Kind.OfPerson():
		return scope.Knows(e.To, roles[e.To])
	case e.Shop == 0:
		return true
	case e.Conversation == 0:
		return scope.SeesShop(e.Shop)
	}
	return scope.Sees(e.Shop, e.From, e.To)
}

// OfPerson tells whether an event is about a person, who is its To.
func (k EventKind) OfPerson() bool { return k == UserChanged || k == PresenceChanged }

// ShownActor is the actor as readers of the event learn it. Who changed what concerns no shop is not
// said: they need not know that he exists.
func (e Event) ShownActor() UserID {
	if e.Shop == 0 {
		return 0
	}
	return e.Actor
}
