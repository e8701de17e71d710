// Package rbac holds people and rights: who somebody is, which permissions his roles give him in
// which shops, and the one decision every read and write goes through.
//
// Roles are granted in a domain, which is a shop or "everywhere" (*). casbin decides single acts;
// a [Scope] is the same answer as plain data, for lists, searches, counts and sockets.
package rbac

import (
	"strconv"
	"time"
)

// ID is a number drawn by the database. In JSON, in addresses and in logs it is a decimal string,
// because a browser cannot hold every 64-bit number. Zero means "none".
type ID[T any] int64

// String returns the number in decimal.
func (id ID[T]) String() string { return strconv.FormatInt(int64(id), 10) }

// MarshalText implements encoding.TextMarshaler.
func (id ID[T]) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(id), 10), nil }

// UnmarshalText implements encoding.TextUnmarshaler; only positive decimal numbers are ids.
func (id *ID[T]) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 63)
	if err != nil {
		return &InvalidIDError{Text: string(text)}
	}
	*id = ID[T](n)
	return nil
}

// InvalidIDError says that a text is not an id.
type InvalidIDError struct{ Text string }

func (e *InvalidIDError) Error() string { return "not an id: " + strconv.Quote(e.Text) }

// UserID identifies a person with an account.
type UserID = ID[User]

// ShopID identifies a shop, the border of all data and rights.
type ShopID = ID[shop]

type shop struct{}

// Role is what a user may be, in one shop or everywhere.
type Role string

// The roles, widest first. ShopOwner is a role of a link, never of an account.
const (
	Owner     Role = "owner"
	Admin     Role = "admin"
	Agent     Role = "agent"
	ShopOwner Role = "shop_owner"
)

// Permission names one kind of act as noun.verb.
type Permission string

// The permissions. Public and SignedIn are for operations that need no account, or any account and
// no shop; they are declared like the others so that nothing is open by omission.
const (
	Public   Permission = "public"
	SignedIn Permission = "signed_in"

	ConversationRead   Permission = "conversation.read"
	ConversationReply  Permission = "conversation.reply"
	ConversationNote   Permission = "conversation.note"
	ConversationTag    Permission = "conversation.tag"
	ConversationAssign Permission = "conversation.assign"
	ConversationClose  Permission = "conversation.close"
	ConversationSnooze Permission = "conversation.snooze"
	ContactRead        Permission = "contact.read"
	ContactEdit        Permission = "contact.edit"
	OrderRead          Permission = "order.read"
	ClaimRead          Permission = "claim.read"
	ClaimEdit          Permission = "claim.edit"
	ShopLabelApply     Permission = "shop_label.apply"
	CannedReplyUse     Permission = "canned_reply.use"
	PresenceSet        Permission = "presence.set"

	TagManage        Permission = "tag.manage"
	ShopLabelManage  Permission = "shop_label.manage"
	ShopManage       Permission = "shop.manage"
	ConnectionManage Permission = "connection.manage"
	ConnectionLedger Permission = "connection.ledger"
	MessageRaw       Permission = "message.raw"
	UserInvite       Permission = "user.invite"
	RoleGrant        Permission = "role.grant"
	RosterManage     Permission = "roster.manage"
	RoutingManage    Permission = "routing.manage"
	RuleManage       Permission = "rule.manage"
	ReportRead       Permission = "report.read"
	AuditRead        Permission = "audit.read"
	ExportRun        Permission = "export.run"

	KeyRotate      Permission = "key.rotate"
	BackupRun      Permission = "backup.run"
	RestoreRelease Permission = "restore.release"
	ContactErase   Permission = "contact.erase"
	OwnerGrant     Permission = "owner.grant"

	ConnectionAuthorize Permission = "connection.authorize"
	ConnectionHealth    Permission = "connection.health"
)

// User is a person with an account.
type User struct {
	ID       UserID
	Email    string // lower case, unique
	Name     string
	Language string // en, ru, it, zh
	Zone     string // IANA name, for display
	Status   UserStatus
	SeenAt   time.Time      // last request, to the minute; zero: never
	Settings map[string]any // the screen's choices; nothing on the server depends on them but undo_seconds
}

// UserStatus tells whether an account can be used.
type UserStatus string

// An invited user has no password yet; a disabled one cannot sign in and holds no rights.
const (
	UserInvited  UserStatus = "invited"
	UserActive   UserStatus = "active"
	UserDisabled UserStatus = "disabled"
)

// Grant is one role of one user in one shop, or everywhere if Shop is zero.
type Grant struct {
	User UserID
	Role Role
	Shop ShopID
}

// Actor is who acts: a signed-in user, or the system itself when System is set.
type Actor struct {
	User   UserID
	System bool
}

// Scope says which rows somebody may see. The zero Scope sees nothing.
type Scope struct {
	All          bool     // every shop
	Shops        []ShopID // every conversation of these shops
	AssignedOnly []ShopID // in these shops only conversations assigned to User, and the queue if MayTake
	MayTake      []ShopID // the part of AssignedOnly in which unassigned conversations are visible
	User         UserID
}
