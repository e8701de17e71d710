package auth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/web/auth"
)

func grant(role rbac.Role, shop rbac.ShopID) rbac.Grant { return rbac.Grant{Role: role, Shop: shop} }

func newUser(name string, role rbac.Role, shops ...rbac.ShopID) auth.NewUser {
	return auth.NewUser{Email: name + "@people.example", Name: name, Role: role, Shops: shops}
}

func TestInviteRoles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		lamps, chairs := n.shop("Lamps"), n.shop("Chairs")
		owner, admin, agent := n.add("owner", rbac.Owner), n.add("admin", rbac.Admin), n.add("agent", rbac.Agent)
		lampsAdmin := n.add("lamps", rbac.Admin, lamps)
		for name, tt := range map[string]struct {
			by   rbac.UserID
			in   auth.NewUser
			code inbox.Code
			want []rbac.Grant
		}{
			"owner, preset":               {owner, newUser("a1", ""), "", []rbac.Grant{grant(rbac.Admin, 0)}},
			"owner invites an owner":      {owner, newUser("a2", rbac.Owner), "", []rbac.Grant{grant(rbac.Owner, 0)}},
			"owner, agent of two shops":   {owner, newUser("a3", rbac.Agent, lamps, chairs), "", []rbac.Grant{grant(rbac.Agent, lamps), grant(rbac.Agent, chairs)}},
			"owner of one shop":           {owner, newUser("a4", rbac.Owner, lamps), inbox.Invalid, nil},
			"a shop that is not there":    {owner, newUser("a5", rbac.Agent, 99), inbox.Invalid, nil},
			"a role of links":             {owner, newUser("a6", rbac.ShopOwner, lamps), inbox.Invalid, nil},
			"admin, preset":               {admin, newUser("b1", ""), "", nil}, // an agent waits for his shops
			"admin invites an owner":      {admin, newUser("b2", rbac.Owner), inbox.Denied, nil},
			"admin of a shop, preset":     {lampsAdmin, newUser("c1", ""), "", []rbac.Grant{grant(rbac.Agent, lamps)}},
			"admin of a shop, its admin":  {lampsAdmin, newUser("c2", rbac.Admin, lamps), "", []rbac.Grant{grant(rbac.Admin, lamps)}},
			"admin of a shop, another":    {lampsAdmin, newUser("c3", rbac.Agent, chairs), inbox.Denied, nil},
			"admin of a shop, everywhere": {lampsAdmin, newUser("c4", rbac.Agent, lamps, 0), inbox.Denied, nil},
			"agent":                       {agent, newUser("d1", rbac.Agent, lamps), inbox.Denied, nil},
			"an address that is taken":    {owner, newUser("agent", ""), inbox.Conflict, nil},
		} {
			t.Run(name, func(t *testing.T) {
				invited, err := n.Invite(ctx, n.as(tt.by), tt.in)
				want(t, err, tt.code)
				if err != nil {
					if _, err := s.UserByEmail(ctx, tt.in.Email); tt.code != inbox.Conflict && inbox.CodeOf(err) != inbox.NotFound {
						t.Error("the account was made all the same")
					}
					return
				}
				if got := n.roles(invited.User.ID); !slices.Equal(got, tt.want) {
					t.Errorf("roles %v, want %v", got, tt.want)
				}
				if !strings.HasPrefix(invited.Link, "https://desk.example/invite/") || len(token(invited.Link)) != 43 {
					t.Errorf("link %q", invited.Link)
				}
			})
		}
	})
}

func TestInvitationIsFollowedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		owner := n.as(n.add("owner", rbac.Owner))
		invited, err := n.Invite(ctx, owner, newUser("ann", ""))
		want(t, err, "")
		_, err = n.SignIn(ctx, auth.Identity{}, auth.Credentials{Email: "ann@people.example", Password: ""})
		want(t, err, inbox.InvalidCredentials)
		renewed, err := n.Resend(ctx, owner, invited.Invitation.ID)
		want(t, err, "")
		_, _, err = n.FindLink(ctx, token(invited.Link))
		want(t, err, inbox.TokenInvalid)
		in := auth.Acceptance{Name: "Ann Example", Password: password, Language: "it", Zone: "Europe/Rome"}
		for _, bad := range []string{"", "x", token(invited.Link)} {
			_, err = n.Accept(ctx, auth.Identity{}, bad, in)
			want(t, err, inbox.TokenInvalid)
		}
		_, err = n.Accept(ctx, auth.Identity{}, token(renewed.Link), auth.Acceptance{Password: "short"})
		want(t, err, inbox.Invalid)

		errs := make(chan error)
		logins := make(chan auth.Login, 2)
		for range 2 {
			go func() {
				login, err := n.Accept(ctx, auth.Identity{}, token(renewed.Link), in)
				if err == nil {
					logins <- login
				}
				errs <- err
			}()
		}
		a, b := <-errs, <-errs
		if (a == nil) == (b == nil) || inbox.CodeOf(errors.Join(a, b)) != inbox.TokenInvalid {
			t.Fatalf("followed twice at once: %v, %v; want one success and token_invalid", a, b)
		}
		id := n.identify((<-logins).Cookie)
		if id.User.Name != "Ann Example" || id.User.Language != "it" || id.User.Status != rbac.UserActive || !n.Rights.Can(id.Actor, rbac.ShopManage, 0) {
			t.Errorf("who joined is %+v", id.User)
		}
		want(t, n.Revoke(ctx, owner, invited.Invitation.ID), inbox.NotFound) // it was followed
		if n.audited(inbox.AuditUserInvited) != 1 || n.audited(inbox.AuditUserJoined) != 1 {
			t.Error("the record lacks the invitation or the joining")
		}
	})
}

func TestRevokeAndInviteAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		lamps := n.shop("Lamps")
		owner, lampsAdmin := n.as(n.add("owner", rbac.Owner)), n.as(n.add("lamps", rbac.Admin, lamps))
		invited, err := n.Invite(ctx, owner, newUser("ann", ""))
		want(t, err, "")
		_, err = n.Resend(ctx, lampsAdmin, invited.Invitation.ID)
		want(t, err, inbox.NotFound)
		want(t, n.Revoke(ctx, lampsAdmin, invited.Invitation.ID), inbox.NotFound)
		want(t, n.Revoke(ctx, owner, invited.Invitation.ID), "")
		_, err = n.Accept(ctx, auth.Identity{}, token(invited.Link), auth.Acceptance{Password: password})
		want(t, err, inbox.TokenInvalid)
		if _, err := s.UserByEmail(ctx, "ann@people.example"); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("the account is still there: %v", err)
		}

		// An account that something names stays, disabled, and is used again.
		invited, err = n.Invite(ctx, owner, newUser("ann", rbac.Admin, lamps))
		want(t, err, "")
		want(t, s.InTx(ctx, func(tx *store.Tx) error {
			shop, err := tx.Shop(ctx, lamps)
			if err != nil {
				return err
			}
			shop.Fallback = inbox.Fallback{Kind: inbox.FallbackUser, User: invited.User.ID}
			return tx.SaveShop(ctx, shop)
		}), "")
		want(t, n.Revoke(ctx, owner, invited.Invitation.ID), "")
		u, err := s.User(ctx, invited.User.ID)
		if err != nil || u.Status != rbac.UserDisabled || len(n.roles(u.ID)) != 0 {
			t.Errorf("after revoking: %+v with %v, %v", u, n.roles(u.ID), err)
		}
		again, err := n.Invite(ctx, lampsAdmin, newUser("ann", ""))
		want(t, err, "")
		if again.User.ID != u.ID || !slices.Equal(n.roles(u.ID), []rbac.Grant{grant(rbac.Agent, lamps)}) {
			t.Errorf("invited again: %+v with %v", again.User, n.roles(u.ID))
		}
		_, err = n.Accept(ctx, auth.Identity{}, token(again.Link), auth.Acceptance{Password: password})
		want(t, err, "")
	})
}

func TestReset(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		lamps := n.shop("Lamps")
		owner, admin, lampsAdmin := n.add("owner", rbac.Owner), n.add("admin", rbac.Admin), n.add("lamps", rbac.Admin, lamps)
		ann := n.add("ann", rbac.Agent, lamps)
		for name, tt := range map[string]struct {
			by, of rbac.UserID
			code   inbox.Code
		}{
			"owner of admin":               {owner, admin, ""},
			"admin of owner":               {admin, owner, inbox.Denied},
			"admin of a shop of its agent": {lampsAdmin, ann, ""},
			"admin of a shop of admin":     {lampsAdmin, admin, inbox.Denied},
			"agent of agent":               {ann, ann, inbox.Denied},
			"unknown":                      {owner, 99, inbox.NotFound},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := n.ResetLink(ctx, n.as(tt.by), tt.of)
				want(t, err, tt.code)
			})
		}
		old := n.signIn("ann")
		first, err := n.ResetLink(ctx, n.as(lampsAdmin), ann)
		want(t, err, "")
		second, err := n.ResetLink(ctx, n.as(lampsAdmin), ann)
		want(t, err, "")
		_, err = n.Accept(ctx, auth.Identity{}, token(first.Link), auth.Acceptance{Password: "another pass"})
		want(t, err, inbox.TokenInvalid)
		login, err := n.Accept(ctx, auth.Identity{}, token(second.Link), auth.Acceptance{Password: "another pass"})
		want(t, err, "")
		if n.identify(old).SignedIn() || n.identify(login.Cookie).User.Name != "ann" {
			t.Error("old sessions must end, the name stay")
		}

		// A link made for an agent does not open the account of the owner he has become.
		third, err := n.ResetLink(ctx, n.as(lampsAdmin), ann)
		want(t, err, "")
		want(t, n.SetRoles(ctx, n.as(owner), ann, []rbac.Grant{grant(rbac.Owner, 0)}), "")
		_, _, err = n.FindLink(ctx, token(third.Link))
		want(t, err, inbox.TokenInvalid)
	})
}

// The operator's way back in works for everybody, and leaves no other way open.
func TestOperatorSetsPassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		owner := n.add("owner", rbac.Owner)
		old := n.signIn("owner")
		reset, err := n.ResetLink(ctx, n.as(owner), owner)
		want(t, err, "")
		want(t, n.SetPassword(ctx, auth.System(), owner, "short"), inbox.Invalid)
		want(t, n.SetPassword(ctx, auth.System(), 99, "another pass"), inbox.NotFound)
		want(t, n.SetPassword(ctx, auth.System(), owner, "another pass"), "")
		_, _, err = n.FindLink(ctx, token(reset.Link))
		want(t, err, inbox.TokenInvalid)
		if n.identify(old).SignedIn() {
			t.Error("the old session lives")
		}
		_, err = n.SignIn(ctx, auth.Identity{}, auth.Credentials{Email: "owner@people.example", Password: "another pass"})
		want(t, err, "")

		invited, err := n.Invite(ctx, n.as(owner), newUser("ann", ""))
		want(t, err, "")
		want(t, n.SetPassword(ctx, auth.System(), invited.User.ID, password), "")
		_, _, err = n.FindLink(ctx, token(invited.Link))
		want(t, err, inbox.TokenInvalid)
		if id := n.identify(n.signIn("ann")); !n.Rights.Can(id.Actor, rbac.ShopManage, 0) {
			t.Errorf("who was made active is %+v", id.User)
		}
	})
}

func TestLinksExpire(t *testing.T) {
	n, pass := clocked(t)
	ctx := t.Context()
	owner := n.as(n.add("owner", rbac.Owner))
	ann := n.add("ann", rbac.Agent)
	invited, err := n.Invite(ctx, owner, newUser("bob", ""))
	want(t, err, "")
	reset, err := n.ResetLink(ctx, owner, ann)
	want(t, err, "")
	pass(59 * time.Minute)
	_, _, err = n.FindLink(ctx, token(reset.Link))
	want(t, err, "")
	pass(time.Minute)
	_, err = n.Accept(ctx, auth.Identity{}, token(reset.Link), auth.Acceptance{Password: password})
	want(t, err, inbox.TokenInvalid)
	pass(6 * 24 * time.Hour)
	_, _, err = n.FindLink(ctx, token(invited.Link))
	want(t, err, "")
	pass(24 * time.Hour)
	_, err = n.Accept(ctx, auth.Identity{}, token(invited.Link), auth.Acceptance{Password: password})
	want(t, err, inbox.TokenInvalid)
	_, err = n.Resend(ctx, owner, invited.Invitation.ID)
	want(t, err, "")
}

func TestSetRoles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		lamps, chairs := n.shop("Lamps"), n.shop("Chairs")
		owner, admin, lampsAdmin := n.add("owner", rbac.Owner), n.add("admin", rbac.Admin), n.add("lamps", rbac.Admin, lamps)
		ann := n.add("ann", rbac.Agent, lamps, chairs)
		for _, tt := range []struct {
			name   string
			by, of rbac.UserID
			to     []rbac.Grant
			code   inbox.Code
		}{
			{"agent of himself", ann, ann, []rbac.Grant{grant(rbac.Admin, lamps)}, inbox.Denied},
			{"admin makes himself owner", admin, admin, []rbac.Grant{grant(rbac.Owner, 0)}, inbox.Denied},
			{"admin demotes the owner", admin, owner, nil, inbox.Denied},
			{"admin of a shop demotes an admin", lampsAdmin, admin, nil, inbox.Denied},
			{"admin of a shop widens", lampsAdmin, ann, []rbac.Grant{grant(rbac.Agent, 0)}, inbox.Denied},
			{"admin of a shop, another shop", lampsAdmin, ann, []rbac.Grant{grant(rbac.Admin, chairs)}, inbox.Denied},
			{"unknown", owner, 99, nil, inbox.NotFound},
			{"last owner", owner, owner, []rbac.Grant{grant(rbac.Admin, 0)}, inbox.LastAdmin},
			{"admin of a shop promotes in it", lampsAdmin, ann, []rbac.Grant{grant(rbac.Admin, lamps)}, ""},
		} {
			t.Run(tt.name, func(t *testing.T) { want(t, n.SetRoles(ctx, n.as(tt.by), tt.of, tt.to), tt.code) })
		}
		got := n.roles(ann)
		for _, g := range []rbac.Grant{grant(rbac.Admin, lamps), grant(rbac.Agent, chairs)} {
			if !slices.Contains(got, g) {
				t.Errorf("roles %v lack %v: what the giver does not see must stay", got, g)
			}
		}
		entries, err := s.AuditEntries(ctx, rbac.Scope{Shops: []rbac.ShopID{lamps}}, 0, 1)
		if err != nil || len(entries) != 1 || entries[0].Action != inbox.AuditRoleGranted || entries[0].Object != "user "+ann.String() || entries[0].After != "admin" || entries[0].Actor != lampsAdmin {
			t.Errorf("record of the shop = %+v, %v", entries, err)
		}
	})
}

// Two admins who demote each other at once: the one who comes second is no admin any more.
func TestAdminsDemoteEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		n.add("owner", rbac.Owner)
		a, b := n.add("a", rbac.Admin), n.add("b", rbac.Admin)
		asB := n.as(b)
		err := storetest.Overlap(t, s,
			func(tx *store.Tx) error { return tx.SetRoles(ctx, b, []rbac.Grant{grant(rbac.Agent, 0)}) },
			func() error { return n.SetStatus(ctx, asB, a, rbac.UserDisabled) })
		want(t, err, inbox.Denied)
		if u, err := s.User(ctx, a); err != nil || u.Status != rbac.UserActive {
			t.Errorf("a is %s, %v", u.Status, err)
		}
	})
}

func TestStatusNameAndProfile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, n := t.Context(), newNode(t, s)
		owner, admin, ann := n.add("owner", rbac.Owner), n.add("admin", rbac.Admin), n.add("ann", rbac.Agent)
		want(t, n.SetStatus(ctx, n.as(admin), owner, rbac.UserDisabled), inbox.Denied)
		want(t, n.SetStatus(ctx, n.as(owner), owner, rbac.UserDisabled), inbox.LastAdmin)
		want(t, n.SetStatus(ctx, n.as(owner), ann, rbac.UserInvited), inbox.Invalid)
		want(t, n.Rename(ctx, n.as(admin), owner, "Nobody"), inbox.Denied)
		want(t, n.Rename(ctx, n.as(admin), ann, "a\nb"), inbox.Invalid)
		want(t, n.Rename(ctx, n.as(admin), ann, " Ann Example "), "")
		zone, dark := "Europe/Riga", map[string]any{"theme": "dark", "density": "compact"}
		u, err := n.SaveProfile(ctx, n.as(ann), auth.Profile{Zone: &zone, Settings: dark})
		if err != nil || u.Name != "Ann Example" || u.Zone != zone || u.Settings["theme"] != "dark" {
			t.Errorf("SaveProfile = %+v, %v", u, err)
		}
		u, err = n.SaveProfile(ctx, n.as(ann), auth.Profile{Settings: map[string]any{"theme": nil, "undo_seconds": 20}})
		if _, still := u.Settings["theme"]; err != nil || still || u.Settings["density"] != "compact" {
			t.Errorf("settings = %v, %v", u.Settings, err)
		}
		bad := "Mars/Base"
		_, err = n.SaveProfile(ctx, n.as(ann), auth.Profile{Zone: &bad})
		want(t, err, inbox.Invalid)

		_, _, err = n.CreateToken(ctx, n.as(admin), ann, "as ann", time.Time{})
		want(t, err, inbox.Denied)
		_, _, err = n.CreateToken(ctx, n.as(ann), ann, "late", s.Now().Add(-time.Second))
		want(t, err, inbox.Invalid)
		made, text, err := n.CreateToken(ctx, n.as(ann), ann, "script", time.Time{})
		if err != nil || !strings.HasPrefix(text, "deskbell_") {
			t.Errorf("CreateToken = %q, %v", text, err)
		}
		want(t, n.DeleteToken(ctx, n.as(admin), made.ID), inbox.NotFound)
		want(t, n.DeleteToken(ctx, n.as(ann), made.ID), "")
	})
}

func TestDenialsAreRecorded(t *testing.T) {
	n, pass := clocked(t)
	ann := n.as(n.add("ann", rbac.Agent))
	for range 40 {
		n.Denied(t.Context(), ann, rbac.TagManage, 0)
	}
	if got := n.audited(inbox.AuditDenied); got != 30 {
		t.Errorf("%d denials on record, want 30 in a minute", got)
	}
	pass(2 * time.Second)
	n.Denied(t.Context(), ann, rbac.TagManage, 0)
	if got := n.audited(inbox.AuditDenied); got != 31 {
		t.Errorf("%d denials on record, want 31", got)
	}
}
