package rbac

import "slices"

// SeesShop tells whether anything of a shop may be seen. Shop 0, "no shop", is seen by those who
// see all.
func (s Scope) SeesShop(shop ShopID) bool {
	return s.All || slices.Contains(s.Shops, shop) || slices.Contains(s.AssignedOnly, shop)
}

// Sees tells whether a conversation of a shop may be seen. Of a change of assignee both are given,
// before and after, so that it also reaches the one who loses the conversation; 0 is "nobody".
func (s Scope) Sees(shop ShopID, assignees ...UserID) bool {
	if s.All || slices.Contains(s.Shops, shop) {
		return true
	}
	if !slices.Contains(s.AssignedOnly, shop) {
		return false
	}
	for _, assignee := range assignees {
		if assignee == 0 && slices.Contains(s.MayTake, shop) || assignee != 0 && assignee == s.User {
			return true
		}
	}
	return false
}

// Empty tells whether the scope sees nothing at all.
func (s Scope) Empty() bool { return !s.All && len(s.Shops) == 0 && len(s.AssignedOnly) == 0 }

// AllShops returns the shops of which something may be seen, in order; nil with All.
func (s Scope) AllShops() []ShopID {
	shops := slices.Concat(s.Shops, s.AssignedOnly)
	slices.Sort(shops)
	return shops
}

// Knows tells whether somebody with this scope learns that a user who holds these roles exists:
// himself, people of his shops and, if he sees any shop, those of all shops; who sees all knows
// everybody.
func (s Scope) Knows(user UserID, roles []Grant) bool {
	return s.All || user == s.User || slices.ContainsFunc(roles, func(g Grant) bool {
		return g.Shop == 0 && !s.Empty() || s.SeesShop(g.Shop)
	})
}
