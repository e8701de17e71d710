package rbac

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/casbin/casbin/v2/persist"
)

// modelText is RBAC with domains: a role counts in its shop, or in every shop if it is held in "*".
// The permission is compared first because it is the cheapest to refuse.
const modelText = `
[request_definition]
r = sub, dom, act

[policy_definition]
p = sub, act

[role_definition]
g = _, _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.act == p.act && (g(r.sub, p.sub, r.dom) || g(r.sub, p.sub, "*"))
`

// Enforcer decides. It holds the policy in memory and reads it again when its version has changed.
// It is safe for concurrent use: each reading makes a new state that replaces the old one whole.
type Enforcer struct {
	source  Source
	reading sync.Mutex
	state   atomic.Pointer[state]
}

// state is one reading of the policy, in casbin's form and as an index; nothing changes it.
type state struct {
	version int64
	casbin  *casbin.Enforcer
	index   map[UserID]*holdings
}

// NewEnforcer reads the policy from source.
func NewEnforcer(ctx context.Context, source Source) (*Enforcer, error) {
	e := &Enforcer{source: source}
	return e, e.Reload(ctx)
}

// Reload reads the policy again, whatever its version.
func (e *Enforcer) Reload(ctx context.Context) error {
	e.reading.Lock()
	defer e.reading.Unlock()
	return e.read(ctx)
}

// Fresh makes sure that decisions follow at least the given version of the policy, which the caller
// has read together with the session or token. On an error nothing may be decided.
func (e *Enforcer) Fresh(ctx context.Context, version int64) error {
	if e.state.Load().version >= version {
		return nil
	}
	e.reading.Lock()
	defer e.reading.Unlock()
	if e.state.Load().version >= version { // somebody else was faster
		return nil
	}
	return e.read(ctx)
}

func (e *Enforcer) read(ctx context.Context) error {
	policy, err := e.source.Policy(ctx)
	if err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	m, err := model.NewModelFromString(modelText)
	if err != nil {
		return fmt.Errorf("casbin model: %w", err)
	}
	decider, err := casbin.NewEnforcer(m, lines(policy.Lines))
	if err != nil {
		return fmt.Errorf("casbin: %w", err)
	}
	e.state.Store(&state{version: policy.Version, casbin: decider, index: newIndex(policy)})
	return nil
}

// Version is the version of the policy that decides now.
func (e *Enforcer) Version() int64 { return e.state.Load().version }

// Can tells whether the actor has permission p in a shop; with shop 0 whether he has it everywhere.
// Public is everybody's, SignedIn every user's. The system may do all.
func (e *Enforcer) Can(actor Actor, p Permission, shop ShopID) bool {
	switch {
	case actor.System, p == Public:
		return true
	case actor.User == 0:
		return false
	case p == SignedIn:
		return true
	}
	allowed, err := e.state.Load().casbin.Enforce(actor.User.String(), domain(shop), string(p))
	return err == nil && allowed
}

// CanAnywhere tells whether the actor has permission p in at least one shop.
func (e *Enforcer) CanAnywhere(actor Actor, p Permission) bool {
	if actor.System || p == Public || p == SignedIn {
		return e.Can(actor, p, 0)
	}
	may := e.state.Load().index[actor.User].may(p)
	return may.everywhere || len(may.shops) > 0
}

// Scope says in which shops the actor has permission p, and which conversations of them he sees.
// The lists are in order and must not be changed.
func (e *Enforcer) Scope(actor Actor, p Permission) Scope {
	if actor.System {
		return Scope{All: true}
	}
	h := e.state.Load().index[actor.User]
	may := h.may(p)
	scope := Scope{User: actor.User, All: may.everywhere}
	if scope.All {
		return scope
	}
	for _, shop := range may.shops {
		mayTake, limited := h.limits[shop]
		switch {
		case !limited:
			scope.Shops = append(scope.Shops, shop)
		default:
			scope.AssignedOnly = append(scope.AssignedOnly, shop)
			if mayTake {
				scope.MayTake = append(scope.MayTake, shop)
			}
		}
	}
	return scope
}

// Permissions returns what a user may, and where: shop ids in decimal, or "*" alone.
func (e *Enforcer) Permissions(user UserID) map[Permission][]string {
	all := map[Permission][]string{}
	h := e.state.Load().index[user]
	if h == nil {
		return all
	}
	for p, may := range h.permissions {
		if may.everywhere {
			all[p] = []string{Everywhere}
			continue
		}
		for _, shop := range may.shops {
			all[p] = append(all[p], shop.String())
		}
	}
	return all
}

// Roles returns the grants of a user, widest first; none if he is disabled.
func (e *Enforcer) Roles(user UserID) []Grant {
	h := e.state.Load().index[user]
	if h == nil {
		return nil
	}
	return slices.Clone(h.grants)
}

// lines is casbin's adapter for a policy that was already read. casbin never writes: grants change
// in the store, in one transaction with what they follow from.
type lines []Line

func (l lines) LoadPolicy(m model.Model) error {
	for _, line := range l {
		rule := []string{line.Type, line.V0, line.V1}
		if line.V2 != "" {
			rule = append(rule, line.V2)
		}
		if err := persist.LoadPolicyArray(rule, m); err != nil {
			return fmt.Errorf("line %v: %w", line, err)
		}
	}
	return nil
}

var errReadOnly = errors.New("rbac: casbin does not write the policy")

func (lines) SavePolicy(model.Model) error                              { return errReadOnly }
func (lines) AddPolicy(string, string, []string) error                  { return errReadOnly }
func (lines) RemovePolicy(string, string, []string) error               { return errReadOnly }
func (lines) RemoveFilteredPolicy(string, string, int, ...string) error { return errReadOnly }
