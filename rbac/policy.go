package rbac

import (
	"context"
	"maps"
	"slices"
)

// Everywhere is the domain that stands for all shops.
const Everywhere = "*"

// Policy is everything a decision depends on, read in one snapshot.
type Policy struct {
	// Version rises with every change of what follows.
	Version int64
	// Lines are casbin's: {p, role, permission} and {g, user id, role, domain}, where a domain is a
	// shop id or Everywhere. Those of disabled users are left out.
	Lines []Line
	// Limits narrow what an agent sees in a shop.
	Limits []Limit
}

// Line is one line of a casbin policy; trailing values may be empty.
type Line struct{ Type, V0, V1, V2 string }

// Limit says that an agent sees only conversations assigned to him in a shop, and the unassigned
// ones if MayTake. It does not bind whoever holds a wider role there.
type Limit struct {
	User    UserID
	Shop    ShopID
	MayTake bool
}

// Source is where the policy is kept.
type Source interface {
	Policy(ctx context.Context) (Policy, error)
}

// GrantLine is the casbin line of a grant.
func GrantLine(g Grant) Line {
	return Line{Type: "g", V0: g.User.String(), V1: string(g.Role), V2: domain(g.Shop)}
}

// Grant reads what GrantLine wrote; false if the line is not one.
func (l Line) Grant() (Grant, bool) {
	g := Grant{Role: Role(l.V1)}
	if l.Type != "g" || g.User.UnmarshalText([]byte(l.V0)) != nil {
		return Grant{}, false
	}
	if l.V2 != Everywhere && (g.Shop.UnmarshalText([]byte(l.V2)) != nil || g.Shop == 0) {
		return Grant{}, false
	}
	return g, true
}

func domain(shop ShopID) string {
	if shop == 0 {
		return Everywhere
	}
	return shop.String()
}

var agentMay = []Permission{
	ConversationRead, ConversationReply, ConversationNote, ConversationTag, ConversationAssign, ConversationClose,
	ConversationSnooze, ContactRead, ContactEdit, OrderRead, ClaimRead, ClaimEdit, ShopLabelApply, CannedReplyUse, PresenceSet,
}

var adminMay = []Permission{
	TagManage, ShopLabelManage, ShopManage, ConnectionManage, ConnectionLedger, ConnectionHealth, MessageRaw, UserInvite,
	RoleGrant, RosterManage, RoutingManage, RuleManage, ReportRead, AuditRead, ExportRun,
}

var ownerMay = []Permission{KeyRotate, BackupRun, RestoreRelease, ContactErase, OwnerGrant}

var shopOwnerMay = []Permission{ConnectionAuthorize, ConnectionHealth}

// DefaultLines say what each role may do in a new installation. A wider role may all a narrower one
// may.
func DefaultLines() []Line {
	may := map[Role][]Permission{
		Agent:     agentMay,
		Admin:     slices.Concat(agentMay, adminMay),
		Owner:     slices.Concat(agentMay, adminMay, ownerMay, []Permission{ConnectionAuthorize}),
		ShopOwner: shopOwnerMay,
	}
	var lines []Line
	for _, role := range slices.Sorted(maps.Keys(may)) {
		for _, p := range may[role] {
			lines = append(lines, Line{Type: "p", V0: string(role), V1: string(p)})
		}
	}
	return lines
}
