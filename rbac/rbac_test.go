package rbac_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deskbell/deskbell/rbac"
)

// source is a policy that tests change by hand.
type source struct {
	policy rbac.Policy
	reads  int
	err    error
}

func (s *source) Policy(context.Context) (rbac.Policy, error) {
	s.reads++
	return s.policy, s.err
}

func enforcer(t testing.TB, s *source) *rbac.Enforcer {
	t.Helper()
	e, err := rbac.NewEnforcer(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func policy(limits []rbac.Limit, grants ...rbac.Grant) rbac.Policy {
	p := rbac.Policy{Version: 1, Lines: rbac.DefaultLines(), Limits: limits}
	for _, g := range grants {
		p.Lines = append(p.Lines, rbac.GrantLine(g))
	}
	return p
}

func user(id rbac.UserID) rbac.Actor { return rbac.Actor{User: id} }

func TestCan(t *testing.T) {
	const owner, admin, shopAdmin, agent, nobody rbac.UserID = 1, 2, 3, 4, 5
	e := enforcer(t, &source{policy: policy(nil, rbac.Grant{User: owner, Role: rbac.Owner}, rbac.Grant{User: admin, Role: rbac.Admin},
		rbac.Grant{User: shopAdmin, Role: rbac.Admin, Shop: 7}, rbac.Grant{User: agent, Role: rbac.Agent, Shop: 7})})
	for name, tt := range map[string]struct {
		actor rbac.Actor
		p     rbac.Permission
		shop  rbac.ShopID
		want  bool
	}{
		"system":                              {rbac.Actor{System: true}, rbac.KeyRotate, 0, true},
		"anybody, public":                     {rbac.Actor{}, rbac.Public, 0, true},
		"nobody signed in":                    {rbac.Actor{}, rbac.SignedIn, 0, false},
		"nobody signed in, a shop":            {rbac.Actor{}, rbac.ConversationRead, 7, false},
		"signed in without roles":             {user(nobody), rbac.SignedIn, 0, true},
		"without roles":                       {user(nobody), rbac.ConversationRead, 7, false},
		"owner rotates keys":                  {user(owner), rbac.KeyRotate, 0, true},
		"owner in a shop":                     {user(owner), rbac.ConversationReply, 7, true},
		"admin does not rotate keys":          {user(admin), rbac.KeyRotate, 0, false},
		"admin manages every shop":            {user(admin), rbac.ShopManage, 9, true},
		"admin of one shop manages it":        {user(shopAdmin), rbac.ShopManage, 7, true},
		"admin of one shop, not another":      {user(shopAdmin), rbac.ShopManage, 9, false},
		"admin of one shop, not everywhere":   {user(shopAdmin), rbac.TagManage, 0, false},
		"agent replies":                       {user(agent), rbac.ConversationReply, 7, true},
		"agent does not reply elsewhere":      {user(agent), rbac.ConversationReply, 70, false},
		"agent does not manage tags":          {user(agent), rbac.TagManage, 7, false},
		"a role's name is not a user":         {user(0), rbac.ConversationRead, 7, false},
		"a permission that does not exist":    {user(owner), "conversation.fly", 7, false},
		"shop owner's rights are the link's":  {user(agent), rbac.ConnectionAuthorize, 7, false},
		"the owner may authorize connections": {user(owner), rbac.ConnectionAuthorize, 7, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := e.Can(tt.actor, tt.p, tt.shop); got != tt.want {
				t.Errorf("Can(%+v, %s, %s) = %v, want %v", tt.actor, tt.p, tt.shop, got, tt.want)
			}
		})
	}
	if !e.CanAnywhere(user(agent), rbac.ConversationReply) || e.CanAnywhere(user(agent), rbac.TagManage) {
		t.Error("CanAnywhere(agent) is wrong")
	}
	if got := e.Permissions(agent)[rbac.ConversationRead]; !slices.Equal(got, []string{"7"}) {
		t.Errorf("Permissions(agent) = %v, want shop 7", got)
	}
	if got := e.Permissions(owner)[rbac.KeyRotate]; !slices.Equal(got, []string{"*"}) {
		t.Errorf("Permissions(owner) = %v, want everywhere", got)
	}
}

// A wider role may everything a narrower one may.
func TestRolesNest(t *testing.T) {
	may := map[rbac.Role]map[string]bool{rbac.Owner: {}, rbac.Admin: {}, rbac.Agent: {}, rbac.ShopOwner: {}}
	for _, l := range rbac.DefaultLines() {
		may[rbac.Role(l.V0)][l.V1] = true
	}
	for _, pair := range [][2]rbac.Role{{rbac.Owner, rbac.Admin}, {rbac.Admin, rbac.Agent}, {rbac.Owner, rbac.ShopOwner}} {
		for p := range may[pair[1]] {
			if !may[pair[0]][p] {
				t.Errorf("%s may not %s, but %s may", pair[0], p, pair[1])
			}
		}
	}
	if len(may[rbac.ShopOwner]) != 2 {
		t.Errorf("a shop owner may %v, want to authorize and see health", may[rbac.ShopOwner])
	}
}

// What lists use and what casbin decides are the same, whatever the policy says.
func TestIndexIsCasbin(t *testing.T) {
	const users, shops = 8, 6
	roles := []rbac.Role{rbac.Owner, rbac.Admin, rbac.Agent}
	permissions := []rbac.Permission{rbac.ConversationRead, rbac.ConversationReply, rbac.TagManage, rbac.ShopManage, rbac.KeyRotate, rbac.OwnerGrant}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := &source{policy: rbac.Policy{Version: 1}}
		for _, role := range roles {
			for _, p := range permissions {
				if r.IntN(2) == 0 {
					s.policy.Lines = append(s.policy.Lines, rbac.Line{Type: "p", V0: string(role), V1: string(p)})
				}
			}
		}
		grants := map[rbac.Grant]bool{}
		for range r.IntN(20) {
			g := rbac.Grant{User: rbac.UserID(1 + r.IntN(users)), Role: roles[r.IntN(len(roles))], Shop: rbac.ShopID(r.IntN(shops + 1))}
			if !grants[g] {
				grants[g] = true
				s.policy.Lines = append(s.policy.Lines, rbac.GrantLine(g))
			}
			if r.IntN(2) == 0 && g.Shop != 0 {
				s.policy.Limits = append(s.policy.Limits, rbac.Limit{User: g.User, Shop: g.Shop, MayTake: r.IntN(2) == 0})
			}
		}
		e := enforcer(t, s)
		for u := range rbac.UserID(users + 1) {
			for _, p := range permissions {
				compare(t, e, user(u+1), p, shops)
			}
		}
	}
}

func compare(t *testing.T, e *rbac.Enforcer, actor rbac.Actor, p rbac.Permission, shops int) {
	t.Helper()
	scope := e.Scope(actor, p)
	listed := e.Permissions(actor.User)[p]
	if all := e.Can(actor, p, 0); scope.All != all || slices.Contains(listed, "*") != all {
		t.Errorf("%+v %s everywhere: scope %v, list %v, casbin %v", actor, p, scope.All, listed, all)
	}
	anywhere := e.Can(actor, p, 0)
	for shop := rbac.ShopID(1); shop <= rbac.ShopID(shops); shop++ {
		can := e.Can(actor, p, shop)
		anywhere = anywhere || can
		if scope.SeesShop(shop) != can {
			t.Errorf("%+v %s in %s: scope %+v, casbin %v", actor, p, shop, scope, can)
		}
		if scope.Sees(shop, actor.User) != can {
			t.Errorf("%+v %s in %s: own conversation seen %v, casbin %v", actor, p, shop, !can, can)
		}
		if (slices.Contains(listed, shop.String()) || slices.Contains(listed, "*")) != can {
			t.Errorf("%+v %s in %s: listed %v, casbin %v", actor, p, shop, listed, can)
		}
	}
	if e.CanAnywhere(actor, p) != anywhere || scope.Empty() == anywhere {
		t.Errorf("%+v %s anywhere: %v, scope %+v, casbin %v", actor, p, e.CanAnywhere(actor, p), scope, anywhere)
	}
}

func TestScopeOfLimits(t *testing.T) {
	limits := []rbac.Limit{{User: 1, Shop: 3}, {User: 1, Shop: 4, MayTake: true}, {User: 2, Shop: 3}, {User: 3, Shop: 3}}
	e := enforcer(t, &source{policy: policy(limits, rbac.Grant{User: 1, Role: rbac.Agent, Shop: 3}, rbac.Grant{User: 1, Role: rbac.Agent, Shop: 4},
		rbac.Grant{User: 1, Role: rbac.Agent, Shop: 5}, rbac.Grant{User: 2, Role: rbac.Agent, Shop: 3}, rbac.Grant{User: 2, Role: rbac.Admin, Shop: 3},
		rbac.Grant{User: 3, Role: rbac.Agent, Shop: 3}, rbac.Grant{User: 3, Role: rbac.Agent})})
	s := e.Scope(user(1), rbac.ConversationRead)
	if s.All || !slices.Equal(s.Shops, []rbac.ShopID{5}) || !slices.Equal(s.AssignedOnly, []rbac.ShopID{3, 4}) || !slices.Equal(s.MayTake, []rbac.ShopID{4}) {
		t.Fatalf("scope = %+v", s)
	}
	for name, tt := range map[string]struct {
		shop      rbac.ShopID
		assignees []rbac.UserID
		want      bool
	}{
		"whole shop, another's":       {5, []rbac.UserID{2}, true},
		"limited, own":                {3, []rbac.UserID{1}, true},
		"limited, another's":          {3, []rbac.UserID{2}, false},
		"limited, nobody's":           {3, []rbac.UserID{0}, false},
		"limited, lost":               {3, []rbac.UserID{1, 2}, true},
		"limited, may take nobody's":  {4, []rbac.UserID{0}, true},
		"limited, not what he lacked": {4, []rbac.UserID{2, 3}, false},
		"another shop":                {6, []rbac.UserID{1}, false},
		"no shop":                     {0, []rbac.UserID{1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := s.Sees(tt.shop, tt.assignees...); got != tt.want {
				t.Errorf("Sees(%s, %v) = %v, want %v", tt.shop, tt.assignees, got, tt.want)
			}
		})
	}
	if s := e.Scope(user(2), rbac.ConversationRead); !slices.Equal(s.Shops, []rbac.ShopID{3}) {
		t.Errorf("an admin of the shop is limited: %+v", s)
	}
	if s := e.Scope(user(3), rbac.ConversationRead); !s.All {
		t.Errorf("an agent of every shop is limited: %+v", s)
	}
}

func TestFreshReadsOnlyWhenChanged(t *testing.T) {
	s := &source{policy: policy(nil, rbac.Grant{User: 1, Role: rbac.Agent, Shop: 3})}
	e := enforcer(t, s)
	if err := e.Fresh(t.Context(), 1); err != nil || s.reads != 1 {
		t.Fatalf("Fresh of the same version: %v, %d reads", err, s.reads)
	}
	s.policy = policy(nil)
	s.policy.Version = 2
	s.err = errors.New("the database is away")
	if err := e.Fresh(t.Context(), 2); !errors.Is(err, s.err) {
		t.Errorf("Fresh = %v, want the source's error", err)
	}
	s.err = nil
	if err := e.Fresh(t.Context(), 2); err != nil || e.Can(user(1), rbac.ConversationRead, 3) || e.Version() != 2 {
		t.Errorf("after Fresh: %v, version %d, still allowed", err, e.Version())
	}
}

func TestMayGrant(t *testing.T) {
	grant := func(r rbac.Role, shop rbac.ShopID) rbac.Grant { return rbac.Grant{Role: r, Shop: shop} }
	held := func(g ...rbac.Grant) []rbac.Grant { return g }
	for i, tt := range []struct {
		held []rbac.Grant
		g    rbac.Grant
		want bool
	}{
		{held(grant(rbac.Owner, 0)), grant(rbac.Owner, 0), true},
		{held(grant(rbac.Owner, 0)), grant(rbac.Owner, 3), false}, // there is no such role
		{held(grant(rbac.Owner, 0)), grant(rbac.Agent, 3), true},
		{held(grant(rbac.Owner, 0)), grant(rbac.ShopOwner, 3), false},
		{held(grant(rbac.Owner, 0)), grant("king", 0), false},
		{held(grant(rbac.Admin, 0)), grant(rbac.Owner, 0), false},
		{held(grant(rbac.Admin, 0)), grant(rbac.Admin, 0), true},
		{held(grant(rbac.Admin, 3)), grant(rbac.Admin, 3), true},
		{held(grant(rbac.Admin, 3)), grant(rbac.Agent, 3), true},
		{held(grant(rbac.Admin, 3)), grant(rbac.Admin, 0), false},
		{held(grant(rbac.Admin, 3)), grant(rbac.Agent, 0), false},
		{held(grant(rbac.Admin, 3)), grant(rbac.Agent, 4), false},
		{held(grant(rbac.Admin, 3), grant(rbac.Agent, 0)), grant(rbac.Agent, 4), false},
		{held(grant(rbac.Agent, 0)), grant(rbac.Agent, 3), false},
		{nil, grant(rbac.Agent, 3), false},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if got := rbac.MayGrant(tt.held, tt.g); got != tt.want {
				t.Errorf("MayGrant(%v, %v) = %v, want %v", tt.held, tt.g, got, tt.want)
			}
		})
	}
	shopAdmin := held(grant(rbac.Admin, 3))
	if rbac.MayChange(shopAdmin, held(grant(rbac.Agent, 3), grant(rbac.Agent, 4)), held(grant(rbac.Admin, 3))) {
		t.Error("an admin of shop 3 took a role in shop 4 away")
	}
	if !rbac.MayChange(shopAdmin, held(grant(rbac.Agent, 3), grant(rbac.Agent, 4)), held(grant(rbac.Admin, 3), grant(rbac.Agent, 4))) {
		t.Error("an admin of shop 3 could not change a role in shop 3")
	}
	if rbac.Governs(shopAdmin, nil) || !rbac.Governs(held(grant(rbac.Admin, 0)), nil) {
		t.Error("accounts without roles are governed by admins of everything alone")
	}
	if rbac.Governs(held(grant(rbac.Admin, 0)), held(grant(rbac.Owner, 0))) {
		t.Error("an admin governs an owner")
	}
}

func TestLinesRoundTrip(t *testing.T) {
	for _, g := range []rbac.Grant{{User: 1, Role: rbac.Owner}, {User: 12, Role: rbac.Agent, Shop: 34}} {
		if got, ok := rbac.GrantLine(g).Grant(); !ok || got != g {
			t.Errorf("Grant() of %v = %v, %v", g, got, ok)
		}
	}
	for _, l := range []rbac.Line{{Type: "p", V0: "1", V1: "agent", V2: "*"}, {Type: "g", V0: "x", V1: "agent", V2: "*"},
		{Type: "g", V0: "1", V1: "agent", V2: ""}, {Type: "g", V0: "1", V1: "agent", V2: "0"}} {
		if g, ok := l.Grant(); ok {
			t.Errorf("Grant() of %v = %v, want none", l, g)
		}
	}
}

func BenchmarkCan(b *testing.B) {
	e := enforcer(b, &source{policy: policy(nil, rbac.Grant{User: 1, Role: rbac.Agent, Shop: 3})})
	for b.Loop() {
		e.Can(user(1), rbac.ConversationReply, 3)
	}
}
