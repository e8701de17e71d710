package store_test

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/inbox/store/storetest"
	"github.com/deskbell/deskbell/rbac"
)

func inTx(t *testing.T, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.InTx(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, s *store.Store, want inbox.Code, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.InTx(t.Context(), fn); inbox.CodeOf(err) != want {
		t.Errorf("got %v, want code %s", err, want)
	}
}

func addUser(t *testing.T, s *store.Store, name string, grants ...rbac.Grant) rbac.UserID {
	t.Helper()
	var id rbac.UserID
	inTx(t, s, func(tx *store.Tx) error {
		u, err := tx.CreateUser(t.Context(), rbac.User{Email: name + "@people.example", Name: name, Status: rbac.UserActive}, "")
		if err != nil {
			return err
		}
		id = u.ID
		return tx.SetRoles(t.Context(), id, grants)
	})
	return id
}

func addShop(t *testing.T, s *store.Store, name string) inbox.ShopID {
	t.Helper()
	var id inbox.ShopID
	inTx(t, s, func(tx *store.Tx) (err error) {
		id, err = tx.CreateShop(t.Context(), inbox.Shop{Name: name, Zone: "UTC", State: inbox.ShopActive})
		return err
	})
	return id
}

func roles(t *testing.T, s *store.Store, user rbac.UserID) []rbac.Grant {
	t.Helper()
	grants, err := s.UserRoles(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	for i := range grants {
		grants[i].User = 0
	}
	return grants
}

func memberIDs(t *testing.T, s *store.Store, shop inbox.ShopID) []rbac.UserID {
	t.Helper()
	members, err := s.Members(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	var ids []rbac.UserID
	for _, m := range members {
		ids = append(ids, m.User)
	}
	return ids
}

var (
	owner = rbac.Grant{Role: rbac.Owner}
	admin = rbac.Grant{Role: rbac.Admin}
)

func agentOf(shop inbox.ShopID) rbac.Grant { return rbac.Grant{Role: rbac.Agent, Shop: shop} }

func TestUsers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if has, err := s.HasUsers(ctx); err != nil || has {
			t.Fatalf("HasUsers of a fresh database = %v, %v", has, err)
		}
		ann := addUser(t, s, "ann")
		refused(t, s, inbox.Conflict, func(tx *store.Tx) error {
			_, err := tx.CreateUser(ctx, rbac.User{Email: "ann@people.example", Name: "Other", Status: rbac.UserActive}, "")
			return err
		})
		inTx(t, s, func(tx *store.Tx) error {
			if err := tx.SetPassword(ctx, ann, "$hash"); err != nil {
				return err
			}
			_, err := tx.UpdateUser(ctx, ann, func(u *rbac.User) {
				u.Name, u.Zone, u.Settings = "Ann Example", "Europe/Riga", map[string]any{"theme": "dark"}
			})
			return err
		})
		u, err := s.UserByEmail(ctx, "ann@people.example")
		if err != nil || u.ID != ann || u.Name != "Ann Example" || u.Zone != "Europe/Riga" || u.Settings["theme"] != "dark" {
			t.Errorf("UserByEmail = %+v, %v", u, err)
		}
		if hash, err := s.PasswordHash(ctx, ann); err != nil || hash != "$hash" {
			t.Errorf("PasswordHash = %q, %v; UpdateUser must leave it alone", hash, err)
		}
		if _, err := s.User(ctx, 99); inbox.CodeOf(err) != inbox.NotFound {
			t.Errorf("User of an unknown id: %v", err)
		}
	})
}

func TestRolesAndMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		shop, other := addShop(t, s, "Lamps"), addShop(t, s, "Chairs")
		boss := addUser(t, s, "boss", owner)
		ann, bob := addUser(t, s, "ann", agentOf(shop)), addUser(t, s, "bob")
		if got := memberIDs(t, s, shop); !slices.Equal(got, []rbac.UserID{ann}) {
			t.Errorf("members after granting agent = %v, want ann", got)
		}
		inTx(t, s, func(tx *store.Tx) error {
			return tx.SetMembers(ctx, shop, []inbox.Member{{User: bob, MayTake: true, Sees: inbox.SeesAssigned}, {User: boss}, {User: ann}})
		})
		if got := memberIDs(t, s, shop); !slices.Equal(got, []rbac.UserID{bob, boss, ann}) {
			t.Errorf("members = %v, want bob, boss, ann", got)
		}
		if got := roles(t, s, bob); !slices.Equal(got, []rbac.Grant{agentOf(shop)}) {
			t.Errorf("bob's roles = %v, want agent of the shop", got)
		}
		e, err := rbac.NewEnforcer(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		if scope := e.Scope(rbac.Actor{User: bob}, rbac.ConversationRead); !slices.Equal(scope.AssignedOnly, []rbac.ShopID{shop}) || !slices.Equal(scope.MayTake, []rbac.ShopID{shop}) {
			t.Errorf("bob's scope = %+v", scope)
		}

		// An agent who becomes admin keeps his place; his agent's role elsewhere ends.
		inTx(t, s, func(tx *store.Tx) error { return tx.SetRoles(ctx, ann, []rbac.Grant{agentOf(shop), agentOf(other)}) })
		inTx(t, s, func(tx *store.Tx) error {
			return tx.SetRoles(ctx, ann, []rbac.Grant{{Role: rbac.Admin, Shop: shop}})
		})
		if got := roles(t, s, ann); len(got) != 2 || !slices.Contains(got, rbac.Grant{Role: rbac.Admin, Shop: shop}) || !slices.Contains(got, agentOf(shop)) {
			t.Errorf("ann's roles = %v, want admin and agent of the shop", got)
		}
		if got := memberIDs(t, s, other); len(got) != 0 {
			t.Errorf("members of the other shop = %v, want none", got)
		}

		inTx(t, s, func(tx *store.Tx) error { return tx.SetMembers(ctx, shop, []inbox.Member{{User: boss}}) })
		if got := roles(t, s, bob); len(got) != 0 {
			t.Errorf("bob's roles = %v after he left, want none", got)
		}
		if got := roles(t, s, boss); !slices.Contains(got, owner) || !slices.Contains(got, agentOf(shop)) {
			t.Errorf("boss's roles = %v, want owner and agent", got)
		}
		refused(t, s, inbox.Invalid, func(tx *store.Tx) error { return tx.SetMembers(ctx, shop, []inbox.Member{{User: ann}, {User: ann}}) })
		refused(t, s, inbox.Invalid, func(tx *store.Tx) error { return tx.SetMembers(ctx, shop, []inbox.Member{{User: 99}}) })
		refused(t, s, inbox.NotFound, func(tx *store.Tx) error { return tx.SetMembers(ctx, 99, []inbox.Member{{User: ann}}) })
		refused(t, s, inbox.Invalid, func(tx *store.Tx) error { return tx.SetRoles(ctx, ann, []rbac.Grant{agentOf(99)}) })
		refused(t, s, inbox.Invalid, func(tx *store.Tx) error { return tx.SetRoles(ctx, ann, []rbac.Grant{{Role: rbac.ShopOwner}}) })
	})
}

// Every change of rights raises the policy's version, reaches the sockets, and counts at once.
func TestRightsChangeAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		shop := addShop(t, s, "Lamps")
		addUser(t, s, "boss", owner)
		ann := addUser(t, s, "ann", agentOf(shop))
		e, err := rbac.NewEnforcer(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		actor := rbac.Actor{User: ann}
		for _, step := range []struct {
			name   string
			change func(tx *store.Tx) error
			want   bool
		}{
			{"disabled", func(tx *store.Tx) error { return tx.SetUserStatus(ctx, ann, rbac.UserDisabled) }, false},
			{"active again", func(tx *store.Tx) error { return tx.SetUserStatus(ctx, ann, rbac.UserActive) }, true},
			{"no roles", func(tx *store.Tx) error { return tx.SetRoles(ctx, ann, nil) }, false},
			{"member", func(tx *store.Tx) error { return tx.SetMembers(ctx, shop, []inbox.Member{{User: ann}}) }, true},
			{"left", func(tx *store.Tx) error { return tx.SetMembers(ctx, shop, nil) }, false},
		} {
			before, err := s.LastSeq(ctx)
			if err != nil {
				t.Fatal(err)
			}
			inTx(t, s, step.change)
			p, err := s.Policy(ctx)
			if err != nil || p.Version <= e.Version() {
				t.Fatalf("%s: version %d after %d, %v", step.name, p.Version, e.Version(), err)
			}
			if err := e.Fresh(ctx, p.Version); err != nil {
				t.Fatal(err)
			}
			if got := e.Can(actor, rbac.ConversationRead, shop); got != step.want {
				t.Errorf("%s: may read = %v, want %v", step.name, got, step.want)
			}
			events, err := s.EventsAfter(ctx, before, 100)
			if err != nil || !slices.ContainsFunc(events, func(ev inbox.Event) bool { return ev.Kind == inbox.AccessChanged && ev.To == ann }) {
				t.Errorf("%s: no access.changed for ann in %+v, %v", step.name, events, err)
			}
		}
	})
}

func TestLastOwnerAndAdmin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		first := addUser(t, s, "first", admin)
		for name, change := range map[string]func(tx *store.Tx) error{
			"demote":  func(tx *store.Tx) error { return tx.SetRoles(ctx, first, nil) },
			"disable": func(tx *store.Tx) error { return tx.SetUserStatus(ctx, first, rbac.UserDisabled) },
			"delete":  func(tx *store.Tx) error { return tx.DeleteUser(ctx, first) },
		} {
			t.Run("last admin, "+name, func(t *testing.T) { refused(t, s, inbox.LastAdmin, change) })
		}
		boss := addUser(t, s, "boss", owner)
		inTx(t, s, func(tx *store.Tx) error { return tx.SetUserStatus(ctx, first, rbac.UserDisabled) })
		refused(t, s, inbox.LastAdmin, func(tx *store.Tx) error { return tx.SetRoles(ctx, boss, []rbac.Grant{admin}) })
		// Somebody disabled does not count as the one who is left.
		inTx(t, s, func(tx *store.Tx) error { return tx.SetRoles(ctx, first, []rbac.Grant{owner}) })
		refused(t, s, inbox.LastAdmin, func(tx *store.Tx) error { return tx.SetUserStatus(ctx, boss, rbac.UserDisabled) })
		inTx(t, s, func(tx *store.Tx) error { return tx.SetUserStatus(ctx, first, rbac.UserActive) })
		inTx(t, s, func(tx *store.Tx) error { return tx.SetRoles(ctx, boss, nil) })
	})
}

// Two owners who demote each other at once: one wins, one stays owner.
func TestOwnersDemoteEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := addUser(t, s, "a", owner), addUser(t, s, "b", owner)
		err := storetest.Overlap(t, s,
			func(tx *store.Tx) error { return tx.SetRoles(t.Context(), a, nil) },
			func() error {
				return s.InTx(t.Context(), func(tx *store.Tx) error { return tx.SetUserStatus(t.Context(), b, rbac.UserDisabled) })
			})
		if inbox.CodeOf(err) != inbox.LastAdmin {
			t.Errorf("the second demotion: %v, want last_admin", err)
		}
	})
}

func atOnce(fns ...func() error) []error {
	type result struct {
		i   int
		err error
	}
	results := make(chan result)
	for i, fn := range fns {
		go func() { results <- result{i, fn()} }()
	}
	errs := make([]error, len(fns))
	for range fns {
		r := <-results
		errs[r.i] = r.err
	}
	return errs
}

func oneOf(errs []error, lost inbox.Code) bool {
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case inbox.CodeOf(err) != lost:
			return false
		}
	}
	return won == 1
}

func hash(text string) []byte { h := sha256.Sum256([]byte(text)); return h[:] }

func TestSessionsAndTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		addUser(t, s, "boss", owner)
		ann := addUser(t, s, "ann")
		now := time.Now()
		keep := func(cookie string, idle, ends time.Duration) inbox.Session {
			var session inbox.Session
			inTx(t, s, func(tx *store.Tx) (err error) {
				session, err = tx.CreateSession(ctx, inbox.Session{User: ann, Address: "192.0.2.1", Agent: "Test", CreatedAt: now, SeenAt: now,
					IdleUntil: now.Add(idle), EndsAt: now.Add(ends)}, hash(cookie))
				return err
			})
			return session
		}
		one, two := keep("one", time.Hour, 2*time.Hour), keep("two", time.Hour, 2*time.Hour)
		keep("idle", -time.Second, time.Hour)
		keep("over", time.Hour, -time.Second)
		signed, err := s.SessionByHash(ctx, hash("one"))
		if err != nil || signed.User.ID != ann || signed.User.Name != "ann" || signed.Session.ID != one.ID || signed.Session.Address != "192.0.2.1" {
			t.Fatalf("SessionByHash = %+v, %v", signed, err)
		}
		if p, err := s.Policy(ctx); err != nil || signed.Policy != p.Version {
			t.Errorf("policy version %d with the session, want %d, %v", signed.Policy, p.Version, err)
		}
		for _, cookie := range []string{"idle", "over", "unknown", ""} {
			if _, err := s.SessionByHash(ctx, hash(cookie)); inbox.CodeOf(err) != inbox.Unauthenticated {
				t.Errorf("session %q: %v, want unauthenticated", cookie, err)
			}
		}
		if list, err := s.Sessions(ctx, ann); err != nil || len(list) != 2 {
			t.Errorf("Sessions = %+v, %v; want two", list, err)
		}
		refused(t, s, inbox.NotFound, func(tx *store.Tx) error { return tx.EndSession(ctx, ann+1, one.ID) })
		inTx(t, s, func(tx *store.Tx) error { return tx.EndSessions(ctx, ann, two.ID) })
		if _, err := s.SessionByID(ctx, one.ID); inbox.CodeOf(err) != inbox.Unauthenticated {
			t.Errorf("an ended session: %v", err)
		}
		// A session that has ended is not brought back by a request that was under way.
		inTx(t, s, func(tx *store.Tx) error { return tx.TouchSession(ctx, one) })
		if list, err := s.Sessions(ctx, ann); err != nil || len(list) != 1 || list[0].ID != two.ID {
			t.Errorf("Sessions = %+v, %v; want the second", list, err)
		}

		inTx(t, s, func(tx *store.Tx) error {
			if _, err := tx.CreateToken(ctx, inbox.Token{User: ann, Name: "script"}, hash("t1")); err != nil {
				return err
			}
			_, err := tx.CreateToken(ctx, inbox.Token{User: ann, Name: "old", ExpiresAt: now.Add(-time.Hour)}, hash("t2"))
			return err
		})
		signed, err = s.TokenByHash(ctx, hash("t1"))
		if err != nil || signed.User.ID != ann || signed.Token.Name != "script" || signed.Session.ID != 0 || signed.Policy == 0 {
			t.Errorf("TokenByHash = %+v, %v", signed, err)
		}
		if _, err := s.TokenByHash(ctx, hash("t2")); inbox.CodeOf(err) != inbox.Unauthenticated {
			t.Errorf("an expired token: %v", err)
		}
		inTx(t, s, func(tx *store.Tx) error { return tx.SetUserStatus(ctx, ann, rbac.UserDisabled) })
		inTx(t, s, func(tx *store.Tx) error { return tx.SetUserStatus(ctx, ann, rbac.UserActive) })
		_, bySession := s.SessionByHash(ctx, hash("two"))
		_, byToken := s.TokenByHash(ctx, hash("t1"))
		if inbox.CodeOf(bySession) != inbox.Unauthenticated || inbox.CodeOf(byToken) != inbox.Unauthenticated {
			t.Errorf("after disabling and enabling: session %v, token %v; want both gone", bySession, byToken)
		}
	})
}

func TestInvitationIsUsedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ann := addUser(t, s, "ann")
		invite := func(token string, expires time.Time) inbox.Invitation {
			var i inbox.Invitation
			inTx(t, s, func(tx *store.Tx) (err error) {
				i, err = tx.CreateInvitation(ctx, inbox.Invitation{User: ann, Kind: inbox.Invite, ExpiresAt: expires}, hash(token))
				return err
			})
			return i
		}
		use := func(token string) error {
			return s.InTx(ctx, func(tx *store.Tx) error {
				i, err := tx.UseInvitation(ctx, hash(token))
				if err == nil && i.User != ann {
					t.Errorf("used the link of user %s", i.User)
				}
				return err
			})
		}
		invite("old", time.Now().Add(-time.Second))
		if err := use("old"); inbox.CodeOf(err) != inbox.TokenInvalid {
			t.Errorf("an expired link: %v", err)
		}
		invite("first", time.Now().Add(time.Hour))
		second := invite("second", time.Now().Add(time.Hour))
		if err := use("first"); inbox.CodeOf(err) != inbox.TokenInvalid {
			t.Errorf("a replaced link: %v", err)
		}
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.RenewInvitation(ctx, second.ID, hash("third"), time.Now().Add(time.Hour))
			return err
		})
		if err := use("second"); inbox.CodeOf(err) != inbox.TokenInvalid {
			t.Errorf("a renewed link: %v", err)
		}
		fourth := invite("fourth", time.Now().Add(time.Hour))
		lost := storetest.Overlap(t, s, func(tx *store.Tx) error { _, err := tx.UseInvitation(ctx, hash("fourth")); return err }, func() error { return use("fourth") })
		if inbox.CodeOf(lost) != inbox.TokenInvalid {
			t.Errorf("link %s followed while it was followed: %v", fourth.ID, lost)
		}
		second = invite("third", time.Now().Add(time.Hour))
		if errs := atOnce(func() error { return use("third") }, func() error { return use("third") }, func() error { return use("third") }); !oneOf(errs, inbox.TokenInvalid) {
			t.Errorf("three at once: %v, want one success", errs)
		}
		if open, err := s.Invitations(ctx); err != nil || len(open) != 0 {
			t.Errorf("open invitations = %+v, %v", open, err)
		}
		refused(t, s, inbox.NotFound, func(tx *store.Tx) error {
			_, err := tx.RenewInvitation(ctx, second.ID, hash("fourth"), time.Now().Add(time.Hour))
			return err
		})
	})
}

func TestAuditByScope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		inTx(t, s, func(tx *store.Tx) error {
			for _, e := range []inbox.AuditEntry{{Action: inbox.AuditSignedIn, Actor: 1, Address: "192.0.2.1"},
				{Action: inbox.AuditRoleGranted, Shop: 3, Object: "user 7", After: "agent"}, {Action: inbox.AuditRoleGranted, Shop: 4}} {
				if err := tx.Audit(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		list := func(scope rbac.Scope, before inbox.AuditID) []inbox.AuditEntry {
			entries, err := s.AuditEntries(ctx, scope, before, 2)
			if err != nil {
				t.Fatal(err)
			}
			return entries
		}
		all := list(rbac.Scope{All: true}, 0)
		if len(all) != 2 || all[0].Shop != 4 || all[1].After != "agent" || all[1].At.IsZero() {
			t.Errorf("first page = %+v", all)
		}
		if rest := list(rbac.Scope{All: true}, all[1].ID); len(rest) != 1 || rest[0].Actor != 1 || rest[0].Address != "192.0.2.1" {
			t.Errorf("second page = %+v", rest)
		}
		if own := list(rbac.Scope{Shops: []rbac.ShopID{3}}, 0); len(own) != 1 || own[0].Shop != 3 {
			t.Errorf("of shop 3 = %+v", own)
		}
		if none := list(rbac.Scope{}, 0); len(none) != 0 {
			t.Errorf("of the empty scope = %+v", none)
		}
	})
}

func TestTeamsPresenceSettings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
		var team inbox.TeamID
		inTx(t, s, func(tx *store.Tx) (err error) {
			team, err = tx.CreateTeam(ctx, inbox.Team{Name: "Night", Users: []inbox.UserID{bob, ann, bob}})
			return err
		})
		if got, err := s.Team(ctx, team); err != nil || got.Name != "Night" || !slices.Equal(got.Users, []inbox.UserID{ann, bob}) {
			t.Errorf("Team = %+v, %v", got, err)
		}
		refused(t, s, inbox.Conflict, func(tx *store.Tx) error { _, err := tx.CreateTeam(ctx, inbox.Team{Name: "Night"}); return err })
		refused(t, s, inbox.Invalid, func(tx *store.Tx) error {
			_, err := tx.CreateTeam(ctx, inbox.Team{Name: "Day", Users: []inbox.UserID{99}})
			return err
		})
		inTx(t, s, func(tx *store.Tx) error {
			return tx.SaveTeam(ctx, inbox.Team{ID: team, Name: "Late", Users: []inbox.UserID{ann}})
		})
		if list, err := s.Teams(ctx); err != nil || len(list) != 1 || list[0].Name != "Late" || !slices.Equal(list[0].Users, []inbox.UserID{ann}) {
			t.Errorf("Teams = %+v, %v", list, err)
		}
		shop := addShop(t, s, "Lamps")
		inTx(t, s, func(tx *store.Tx) error {
			sh, err := tx.Shop(ctx, shop)
			if err != nil {
				return err
			}
			sh.Fallback = inbox.Fallback{Kind: inbox.FallbackTeam, Team: team}
			return tx.SaveShop(ctx, sh)
		})
		refused(t, s, inbox.Conflict, func(tx *store.Tx) error { return tx.DeleteTeam(ctx, team) })
		refused(t, s, inbox.NotFound, func(tx *store.Tx) error { return tx.DeleteTeam(ctx, 99) })

		if p, err := s.Presence(ctx, ann); err != nil || p.State != inbox.Available {
			t.Errorf("presence of somebody who said nothing = %+v, %v", p, err)
		}
		until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.SetPresence(ctx, ann, inbox.Presence{User: ann, State: inbox.Break, Until: until})
			return err
		})
		if p, err := s.Presence(ctx, ann); err != nil || p.State != inbox.Break || !p.Until.Equal(until) {
			t.Errorf("presence = %+v, %v", p, err)
		}
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.SetPresence(ctx, bob, inbox.Presence{User: ann, State: inbox.Leave, Until: time.Now().Add(-time.Second)})
			return err
		})
		if all, err := s.Presences(ctx); err != nil || len(all) != 1 || all[ann].State != inbox.Available {
			t.Errorf("presences = %+v, %v; a leave that is over is over", all, err)
		}

		for _, value := range []string{"Example Ltd", "Other Ltd", ""} {
			inTx(t, s, func(tx *store.Tx) error { return tx.SetSetting(ctx, store.SettingOrganisation, value) })
			if got, err := s.Setting(ctx, store.SettingOrganisation); err != nil || got != value {
				t.Errorf("Setting = %q, %v; want %q", got, err, value)
			}
		}
	})
}
