package rbac

import "slices"

// rank orders the roles of accounts; a role that no account may hold has none.
func rank(r Role) int {
	switch r {
	case Owner:
		return 3
	case Admin:
		return 2
	case Agent:
		return 1
	}
	return 0
}

// Valid tells whether a grant can exist: a role of accounts, and owner only everywhere, because
// what an owner may more than an admin concerns the whole installation.
func (g Grant) Valid() bool { return rank(g.Role) > 0 && (g.Role != Owner || g.Shop == 0) }

// covers tells whether whoever holds g holds other too: not above it and not wider.
func (g Grant) covers(other Grant) bool {
	return rank(g.Role) >= rank(other.Role) && (g.Shop == 0 || g.Shop == other.Shop)
}

// MayGrant tells whether somebody with the roles held may give or take away g: he needs to be an
// admin or owner himself, and what he grants is neither above nor wider than what he holds.
func MayGrant(held []Grant, g Grant) bool {
	return g.Valid() && slices.ContainsFunc(held, func(own Grant) bool { return rank(own.Role) >= rank(Admin) && own.covers(g) })
}

// MayChange tells whether somebody with the roles held may turn the roles from into to: he may
// grant every one that is added and every one that is taken away.
func MayChange(held, from, to []Grant) bool {
	for _, g := range Difference(from, to) {
		if !MayGrant(held, g) {
			return false
		}
	}
	return true
}

// Governs tells whether somebody with the roles held may disable, rename or reset an account with
// the roles of: he could take each of them away. An account without roles is governed by admins
// and owners of everything alone.
func Governs(held, of []Grant) bool {
	if len(of) == 0 {
		return MayGrant(held, Grant{Role: Agent})
	}
	return MayChange(held, of, nil)
}

// Difference returns the grants that only one of two lists holds, those of a first; users are not
// compared.
func Difference(a, b []Grant) []Grant {
	return append(without(a, b), without(b, a)...)
}

func without(a, b []Grant) []Grant {
	var rest []Grant
	for _, g := range a {
		if !slices.ContainsFunc(b, func(other Grant) bool { return g.Role == other.Role && g.Shop == other.Shop }) {
			rest = append(rest, g)
		}
	}
	return rest
}
