package rbac

import (
	"cmp"
	"slices"
)

// holdings is what one user holds, turned so that lists need no decision per row.
type holdings struct {
	grants      []Grant
	permissions map[Permission]where
	limits      map[ShopID]bool // shops of which he sees assigned conversations only → may take
}

// where is the set of shops a permission is held in.
type where struct {
	everywhere bool
	shops      []ShopID // in order; empty if everywhere
}

func (h *holdings) may(p Permission) where {
	if h == nil {
		return where{}
	}
	return h.permissions[p]
}

// newIndex turns a policy into user → permission → shops.
func newIndex(policy Policy) map[UserID]*holdings {
	roles := map[Role][]Permission{}
	index := map[UserID]*holdings{}
	for _, line := range policy.Lines {
		if line.Type == "p" {
			roles[Role(line.V0)] = append(roles[Role(line.V0)], Permission(line.V1))
		} else if g, ok := line.Grant(); ok {
			if index[g.User] == nil {
				index[g.User] = &holdings{permissions: map[Permission]where{}, limits: map[ShopID]bool{}}
			}
			index[g.User].grants = append(index[g.User].grants, g)
		}
	}
	for _, h := range index {
		h.fill(roles)
	}
	for _, l := range policy.Limits {
		if h := index[l.User]; h != nil && !h.aboveAgent(l.Shop) {
			h.limits[l.Shop] = l.MayTake
		}
	}
	return index
}

func (h *holdings) fill(roles map[Role][]Permission) {
	slices.SortFunc(h.grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(rank(b.Role), rank(a.Role)), cmp.Compare(a.Shop, b.Shop))
	})
	for _, g := range h.grants {
		for _, p := range roles[g.Role] {
			may := h.permissions[p]
			if g.Shop == 0 {
				may.everywhere = true
			} else {
				may.shops = append(may.shops, g.Shop)
			}
			h.permissions[p] = may
		}
	}
	for p, may := range h.permissions {
		slices.Sort(may.shops)
		may.shops = slices.Compact(may.shops) // two roles in one shop
		if may.everywhere {
			may.shops = nil
		}
		h.permissions[p] = may
	}
}

// aboveAgent tells whether he holds more in a shop than the role agent of that shop.
func (h *holdings) aboveAgent(shop ShopID) bool {
	return slices.ContainsFunc(h.grants, func(g Grant) bool {
		return g.Shop == 0 || g.Shop == shop && rank(g.Role) > rank(Agent)
	})
}
