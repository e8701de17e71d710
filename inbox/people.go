package inbox

import (
	"time"

	"github.com/deskbell/deskbell/rbac"
)

// The ids of the records of sign-in.
type (
	SessionID    = rbac.ID[Session]
	TokenID      = rbac.ID[Token]
	InvitationID = rbac.ID[Invitation]
	AuditID      = rbac.ID[AuditEntry]
)

// Session is one browser somebody signed in with. What the cookie holds is stored hashed alone.
type Session struct {
	ID        SessionID
	User      UserID
	Address   string // of the client that was seen last
	Agent     string // what the browser calls itself, cut
	Keep      bool   // "keep me signed in"
	CreatedAt time.Time
	SeenAt    time.Time // to the minute
	IdleUntil time.Time // ends then unless seen before
	EndsAt    time.Time // ends then in any case
}

// Token lets a program act as a user. Its text is shown once and stored hashed.
type Token struct {
	ID        TokenID
	User      UserID
	Name      string
	ExpiresAt time.Time // zero: never
	UsedAt    time.Time // to the minute; zero: never
	CreatedAt time.Time
}

// Invitation is a link, usable once, that lets a user set his password.
type Invitation struct {
	ID        InvitationID
	User      UserID
	Kind      InvitationKind
	Inviter   UserID // 0: the command line
	ExpiresAt time.Time
	CreatedAt time.Time
}

// InvitationKind tells what a link is for.
type InvitationKind string

// An invitation makes an invited user active; a reset replaces the password of an active one.
const (
	Invite InvitationKind = "invitation"
	Reset  InvitationKind = "reset"
)

// AuditEntry is one line of the record of who did what, when, from where. Lines are only added.
type AuditEntry struct {
	ID      AuditID
	At      time.Time // now if zero
	Actor   UserID    // 0: the program, or nobody signed in
	Address string    // of the client
	Action  AuditAction
	Object  string // kind and id, such as "user 7"
	Shop    ShopID // 0: concerns the whole installation
	Before  string // what it was, where that is short; never a secret
	After   string
}

// AuditAction is noun.verb in the past tense.
type AuditAction string

// The actions on record that concern shops.
const (
	AuditShopCreated         AuditAction = "shop.created"
	AuditShopChanged         AuditAction = "shop.changed"
	AuditConnectionCreated   AuditAction = "connection.created"
	AuditConnectionChanged   AuditAction = "connection.changed" // After: "secret" if that was replaced
	AuditConnectionDeleted   AuditAction = "connection.deleted"
	AuditConversationDeleted AuditAction = "conversation.deleted"
	AuditRawViewed           AuditAction = "message.raw_viewed"
	AuditSetAsideRetried     AuditAction = "ledger.retried"
	AuditSetAsideIgnored     AuditAction = "ledger.ignored"
	AuditSetAsideDeleted     AuditAction = "ledger.deleted"
)

// The actions on record that concern people; packages add their own.
const (
	AuditSetUp            AuditAction = "installation.set_up"
	AuditSignedIn         AuditAction = "session.created"
	AuditSignInDenied     AuditAction = "session.denied"
	AuditSignedOut        AuditAction = "session.ended"
	AuditDenied           AuditAction = "access.denied"
	AuditUserAdded        AuditAction = "user.added"
	AuditUserInvited      AuditAction = "user.invited"
	AuditUserJoined       AuditAction = "user.joined"
	AuditUserRenamed      AuditAction = "user.renamed"
	AuditUserDisabled     AuditAction = "user.disabled"
	AuditUserEnabled      AuditAction = "user.enabled"
	AuditPasswordChanged  AuditAction = "user.password_changed"
	AuditResetIssued      AuditAction = "user.reset_issued"
	AuditInvitationSent   AuditAction = "invitation.renewed"
	AuditInvitationEnded  AuditAction = "invitation.revoked"
	AuditRoleGranted      AuditAction = "role.granted"
	AuditRoleWithdrawn    AuditAction = "role.withdrawn"
	AuditTokenCreated     AuditAction = "token.created"
	AuditTokenDeleted     AuditAction = "token.deleted"
	AuditTeamChanged      AuditAction = "team.changed"
	AuditSettingsChanged  AuditAction = "settings.changed"
	AuditMembersChanged   AuditAction = "shop.members_changed"
	AuditPresenceByOthers AuditAction = "presence.set_by_other"
	AuditShiftDrawn       AuditAction = "shift.drawn"
	AuditShiftRemoved     AuditAction = "shift.removed"
	AuditExceptionDrawn   AuditAction = "roster.exception_drawn"
	AuditExceptionRemoved AuditAction = "roster.exception_removed"
)
