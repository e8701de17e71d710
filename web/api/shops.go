package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

type shop struct {
	ID         inbox.ShopID    `json:"id"`
	Name       string          `json:"name"`
	Zone       string          `json:"zone"`
	State      inbox.ShopState `json:"state" enum:"draft,authorizing,active,degraded,expired,stopped,closed" doc:"degraded and expired follow the worst of its connections"`
	Language   string          `json:"language"`
	SenderName string          `json:"sender_name"`
	Signature  string          `json:"signature"`
	// ReplyMinutes is the company target of the shop.
	ReplyMinutes int              `json:"reply_minutes" doc:"minutes after a customer's oldest unanswered message when an answer is due; 0 = no target"`
	Connections  []shopConnection `json:"connections"`
	CreatedAt    instant          `json:"created_at"`
}

type shopConnection struct {
	ID      inbox.ConnectionID    `json:"id"`
	Kind    string                `json:"kind"`
	Name    string                `json:"name"`
	State   inbox.ConnectionState `json:"state" enum:"new,connected,degraded,expired,disabled"`
	Problem *inbox.Reason         `json:"problem"`
	Alarms  []alarm               `json:"alarms" nullable:"false" doc:"what is wrong beyond its state, for those who may see its health"`
	// SetAside is what waits for a person.
	SetAside int `json:"set_aside" doc:"how much is set aside, for those who may see its ledger"`
}

func (a *API) shops() {
	register(a, rbac.SignedIn, huma.Operation{Method: http.MethodGet, Path: "/shops", Summary: "List the shops the caller works in."}, a.listShops)
	register(a, rbac.ShopManage, a.once(huma.Operation{Method: http.MethodPost, Path: "/shops", DefaultStatus: http.StatusCreated,
		Summary: "Create a shop. This takes shop.manage in all shops."}), a.postShop)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/shops/{id}", Summary: "Read one shop."}, a.getShop)
	register(a, rbac.ShopManage, huma.Operation{Method: http.MethodPatch, Path: "/shops/{id}", Summary: "Change a shop."}, a.patchShop)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/shops/{id}/members", Summary: "List its members, the primary first."}, a.listMembers)
	register(a, rbac.RoutingManage, huma.Operation{Method: http.MethodPatch, Path: "/shops/{id}/members/{user}",
		Summary: "Change what a member sees and takes."}, a.patchMember)
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/shops/{id}/assignment", Summary: "Who gets its conversations."}, a.getAssignment)
	register(a, rbac.RoutingManage, huma.Operation{Method: http.MethodPut, Path: "/shops/{id}/assignment",
		Summary: "Say who gets its conversations. These people become its members."}, a.putAssignment)
}

// ShopPath names one shop in a path.
type ShopPath struct {
	ID ref[inbox.ShopID] `path:"id"`
}

// showShop is a shop with those of the connections that are its own.
func showShop(s inbox.Shop, connections []inbox.Connection) shop {
	shown := shop{s.ID, s.Name, s.Zone, s.State, s.Language, s.SenderName, s.Signature, s.ReplyMinutes, []shopConnection{}, at(s.CreatedAt)}
	for _, c := range connections {
		if c.Shop != s.ID {
			continue
		}
		shown.Connections = append(shown.Connections, shopConnection{c.ID, c.Kind, c.Name, c.State, c.Problem, showAlarms(c), c.SetAside})
		switch {
		case s.State != inbox.ShopActive:
		case c.State == inbox.ConnectionExpired:
			shown.State = inbox.ShopExpired
		case c.State == inbox.ConnectionDegraded && shown.State == inbox.ShopActive:
			shown.State = inbox.ShopDegraded
		}
	}
	return shown
}

func (a *API) listShops(ctx context.Context, _ *struct{}) (*body[page[shop]], error) {
	scope := a.scope(ctx)
	shops, err := a.Store.Shops(ctx, scope)
	if err != nil {
		return nil, err
	}
	connections, err := a.Store.Connections(ctx, rbac.Scope{All: scope.All, Shops: scope.AllShops()})
	if err == nil {
		err = a.addHealth(ctx, connections)
	}
	return reply(whole(shops, func(s inbox.Shop) shop { return showShop(s, connections) }), err)
}

// seenShop returns a shop that the caller works in, else NotFound.
func (a *API) seenShop(ctx context.Context, id inbox.ShopID) (inbox.Shop, error) {
	if !a.scope(ctx).SeesShop(id) {
		return inbox.Shop{}, inbox.Errorf(inbox.NotFound, "there is no such shop")
	}
	return a.Store.Shop(ctx, id)
}

// managedShop returns a shop in which the caller holds a permission; NotFound or Denied else.
func (a *API) managedShop(ctx context.Context, permission rbac.Permission, id inbox.ShopID) (inbox.Shop, error) {
	if err := a.mayIn(ctx, permission, id, "shop"); err != nil {
		return inbox.Shop{}, err
	}
	return a.Store.Shop(ctx, id)
}

func (a *API) showShop(ctx context.Context, s inbox.Shop, err error) (*body[shop], error) {
	if err != nil {
		return nil, err
	}
	connections, err := a.Store.Connections(ctx, rbac.Scope{Shops: []inbox.ShopID{s.ID}})
	if err == nil {
		err = a.addHealth(ctx, connections)
	}
	return reply(showShop(s, connections), err)
}

func (a *API) getShop(ctx context.Context, in *ShopPath) (*body[shop], error) {
	s, err := a.seenShop(ctx, in.ID.ID)
	return a.showShop(ctx, s, err)
}

func (a *API) postShop(ctx context.Context, in *struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"100"`
		Zone string `json:"zone" minLength:"1" maxLength:"64" doc:"IANA name"`
	}
}) (*created[shop], error) {
	if err := a.mayIn(ctx, rbac.ShopManage, 0, "shop"); err != nil {
		return nil, err
	}
	s := inbox.Shop{Name: in.Body.Name, Zone: in.Body.Zone, State: inbox.ShopActive, ReplyMinutes: inbox.DefaultReplyMinutes}
	if err := checkShop(&s); err != nil {
		return nil, err
	}
	err := a.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		if s.ID, err = tx.CreateShop(ctx, s); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditShopCreated, "shop "+s.ID.String(), s.ID))
	})
	if err != nil {
		return nil, err
	}
	if s, err = a.Store.Shop(ctx, s.ID); err != nil {
		return nil, err
	}
	return &created[shop]{Prefix + "/shops/" + s.ID.String(), showShop(s, nil)}, nil
}

// entry begins a line of the record about what the caller did.
func (a *API) entry(ctx context.Context, action inbox.AuditAction, object string, shop inbox.ShopID) inbox.AuditEntry {
	by := a.Caller(ctx)
	return inbox.AuditEntry{Actor: by.Actor.User, Address: by.Address, Action: action, Object: object, Shop: shop}
}

// checkShop checks what people wrote for a shop.
func checkShop(s *inbox.Shop) error {
	s.Name = strings.Join(strings.Fields(s.Name), " ")
	if s.Name == "" {
		return inbox.InvalidField("body.name", "the name is empty")
	}
	if strings.ContainsAny(s.SenderName, "\r\n") {
		return inbox.InvalidField("body.sender_name", "the name of a sender has one line")
	}
	return auth.CheckZone("body.zone", s.Zone)
}

func (a *API) patchShop(ctx context.Context, in *struct {
	ShopPath
	Body struct {
		Name       *string          `json:"name,omitempty" maxLength:"100"`
		Zone       *string          `json:"zone,omitempty" maxLength:"64"`
		State      *inbox.ShopState `json:"state,omitempty" enum:"draft,authorizing,active,stopped,closed"`
		Language   *string          `json:"language,omitempty" maxLength:"16"`
		SenderName *string          `json:"sender_name,omitempty" maxLength:"100"`
		Signature  *string          `json:"signature,omitempty" maxLength:"5000"`
		// ReplyMinutes counts for messages from now on.
		ReplyMinutes *int `json:"reply_minutes,omitempty" minimum:"0" maximum:"43200"`
	}
}) (*body[shop], error) {
	s, err := a.managedShop(ctx, rbac.ShopManage, in.ID.ID)
	if err != nil {
		return nil, err
	}
	var before inbox.ShopState
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if s, err = tx.LockShop(ctx, in.ID.ID); err != nil {
			return err
		}
		before = s.State
		set(&s.Name, in.Body.Name)
		set(&s.Zone, in.Body.Zone)
		set(&s.State, in.Body.State)
		set(&s.Language, in.Body.Language)
		set(&s.SenderName, in.Body.SenderName)
		set(&s.Signature, in.Body.Signature)
		set(&s.ReplyMinutes, in.Body.ReplyMinutes)
		if err := checkShop(&s); err != nil {
			return err
		}
		if err := tx.SaveShop(ctx, s); err != nil {
			return err
		}
		line := a.entry(ctx, inbox.AuditShopChanged, "shop "+s.ID.String(), s.ID)
		line.Before, line.After = string(before), string(s.State)
		return tx.Audit(ctx, line)
	})
	if err == nil && before != s.State {
		err = a.reloadShop(ctx, s.ID)
	}
	return a.showShop(ctx, s, err)
}

// reloadShop has the runner look again at a shop's connections.
func (a *API) reloadShop(ctx context.Context, id inbox.ShopID) error {
	connections, err := a.Store.Connections(ctx, rbac.Scope{Shops: []inbox.ShopID{id}})
	for _, c := range connections {
		a.reload(c.ID)
	}
	return err
}

type member struct {
	User     inbox.UserID `json:"user"`
	Position int          `json:"position" doc:"0 = primary, then backups"`
	Sees     string       `json:"sees" enum:"shop,assigned"`
	MayTake  bool         `json:"may_take"`
	Receives bool         `json:"receives"`
}

func showMember(m inbox.Member) member {
	return member{m.User, m.Position, m.Sees, m.MayTake, m.Receives}
}

func (a *API) listMembers(ctx context.Context, in *ShopPath) (*body[page[member]], error) {
	if _, err := a.seenShop(ctx, in.ID.ID); err != nil {
		return nil, err
	}
	members, err := a.Store.Members(ctx, in.ID.ID)
	return reply(whole(members, showMember), err)
}

func (a *API) patchMember(ctx context.Context, in *struct {
	ShopPath
	User ref[inbox.UserID] `path:"user"`
	Body struct {
		Sees     *string `json:"sees,omitempty" enum:"shop,assigned"`
		MayTake  *bool   `json:"may_take,omitempty"`
		Receives *bool   `json:"receives,omitempty"`
	}
}) (*body[member], error) {
	if _, err := a.managedShop(ctx, rbac.RoutingManage, in.ID.ID); err != nil {
		return nil, err
	}
	var m inbox.Member
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		members, err := tx.Members(ctx, in.ID.ID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(members, func(m inbox.Member) bool { return m.User == in.User.ID })
		if i < 0 {
			return inbox.Errorf(inbox.NotFound, "this person is no member of the shop")
		}
		m = members[i]
		set(&m.Sees, in.Body.Sees)
		set(&m.MayTake, in.Body.MayTake)
		set(&m.Receives, in.Body.Receives)
		if err := tx.SaveMember(ctx, m); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditMembersChanged, "user "+m.User.String(), m.Shop))
	})
	return reply(showMember(m), a.freshRights(ctx, err))
}

// freshRights makes a change of rights count on this node before its answer leaves.
func (a *API) freshRights(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return a.Rights.Reload(ctx)
}

type assignment struct {
	Primary  maybe[inbox.UserID] `json:"primary"`
	Backups  []inbox.UserID      `json:"backups" maxItems:"200"`
	Fallback fallback            `json:"fallback"`
	Limit    int                 `json:"limit" minimum:"1" maximum:"10000" doc:"open conversations one agent may hold by automatic assignment"`
}

type fallback struct {
	Kind string              `json:"kind" enum:"queue,user,team"`
	User maybe[inbox.UserID] `json:"user" required:"false"`
	Team maybe[inbox.TeamID] `json:"team" required:"false"`
}

func showAssignment(s inbox.Shop, members []inbox.Member) assignment {
	shown := assignment{Backups: []inbox.UserID{}, Limit: s.AgentLimit,
		Fallback: fallback{s.Fallback.Kind, some(s.Fallback.User), some(s.Fallback.Team)}}
	for _, m := range members {
		if m.Position == 0 {
			shown.Primary = some(m.User)
		} else {
			shown.Backups = append(shown.Backups, m.User)
		}
	}
	return shown
}

func (a *API) getAssignment(ctx context.Context, in *ShopPath) (*body[assignment], error) {
	s, err := a.seenShop(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	members, err := a.Store.Members(ctx, s.ID)
	return reply(showAssignment(s, members), err)
}

func (a *API) putAssignment(ctx context.Context, in *struct {
	ShopPath
	Body struct {
		Primary  maybe[inbox.UserID] `json:"primary"`
		Backups  []inbox.UserID      `json:"backups" required:"false" maxItems:"200"`
		Fallback *fallback           `json:"fallback,omitempty"`
		Limit    *int                `json:"limit,omitempty" minimum:"1" maximum:"10000"`
	}
}) (*body[assignment], error) {
	s, err := a.managedShop(ctx, rbac.RoutingManage, in.ID.ID)
	if err != nil {
		return nil, err
	}
	users := in.Body.Backups
	switch {
	case in.Body.Primary != 0:
		users = append([]inbox.UserID{in.Body.Primary.id()}, users...)
	case len(users) > 0:
		return nil, inbox.InvalidField("body.primary", "choose the primary before the backups")
	}
	if !rbac.MayGrant(a.Rights.Roles(a.actor(ctx).User), rbac.Grant{Role: rbac.Agent, Shop: s.ID}) {
		return nil, errDenied
	}
	if in.Body.Fallback != nil {
		s.Fallback = inbox.Fallback{Kind: in.Body.Fallback.Kind, User: in.Body.Fallback.User.id(), Team: in.Body.Fallback.Team.id()}
		if err := a.checkFallback(ctx, &s, users); err != nil {
			return nil, err
		}
	}
	set(&s.AgentLimit, in.Body.Limit)
	if err := a.freshRights(ctx, a.saveAssignment(ctx, s, users)); err != nil {
		return nil, err
	}
	return a.getAssignment(ctx, &in.ShopPath)
}

// checkFallback refuses a fallback in which somebody could not answer. New members can.
func (a *API) checkFallback(ctx context.Context, s *inbox.Shop, members []inbox.UserID) error {
	switch s.Fallback.Kind {
	case inbox.FallbackQueue:
		s.Fallback.User, s.Fallback.Team = 0, 0
	case inbox.FallbackUser:
		s.Fallback.Team = 0
		if s.Fallback.User == 0 {
			return inbox.InvalidField("body.fallback.user", "who?")
		}
		if slices.Contains(members, s.Fallback.User) {
			return nil
		}
	case inbox.FallbackTeam:
		s.Fallback.User = 0
		if s.Fallback.Team == 0 {
			return inbox.InvalidField("body.fallback.team", "which team?")
		}
	}
	return a.Routing.CheckFallback(ctx, s.ID, s.Fallback)
}

// saveAssignment replaces the members of a shop; those who stay keep what they see and take.
func (a *API) saveAssignment(ctx context.Context, s inbox.Shop, users []inbox.UserID) error {
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		before, err := tx.Members(ctx, s.ID)
		if err != nil {
			return err
		}
		members := make([]inbox.Member, len(users))
		for i, user := range users {
			members[i] = inbox.Member{Shop: s.ID, User: user, Sees: inbox.SeesShop, MayTake: true, Receives: true}
			if was := slices.IndexFunc(before, func(m inbox.Member) bool { return m.User == user }); was >= 0 {
				members[i] = before[was]
			}
		}
		if err := tx.SaveShop(ctx, s); err != nil {
			return err
		}
		if err := tx.SetMembers(ctx, s.ID, members); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditMembersChanged, "shop "+s.ID.String(), s.ID))
	})
}
