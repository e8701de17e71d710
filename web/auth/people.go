package auth

import (
	"context"
	"slices"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// NewUser is somebody who gets an account.
type NewUser struct {
	Email, Name    string
	Role           rbac.Role     // "" = admin if an owner gives it, else agent
	Shops          []rbac.ShopID // empty = everywhere, or in all shops of a giver who is admin of some; an agent has no shop until he is made a member of one
	Language, Zone string        // "" = en, UTC
	Password       string        // of AddUser alone
}

// Invited is an invitation and the link to be handed over; the link cannot be shown again.
type Invited struct {
	Invitation inbox.Invitation
	User       rbac.User
	Link       string
}

// act runs fn in a transaction with the roles the actor holds now.
func (s *Service) act(ctx context.Context, by Identity, fn func(tx *store.Tx, may giver) error) error {
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		may, err := newGiver(ctx, tx, by)
		if err != nil {
			return err
		}
		return fn(tx, may)
	})
}

// change is act for what changes rights: nobody else does at the same time, so what fn reads of roles
// stays true, and the result counts at once.
func (s *Service) change(ctx context.Context, by Identity, fn func(tx *store.Tx, may giver) error) error {
	err := s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.LockPolicy(ctx); err != nil {
			return err
		}
		may, err := newGiver(ctx, tx, by)
		if err != nil {
			return err
		}
		return fn(tx, may)
	})
	if err == nil {
		s.refresh(ctx)
	}
	return err
}

// giver is somebody who changes what others may.
type giver struct {
	held   []rbac.Grant
	system bool
}

func newGiver(ctx context.Context, tx *store.Tx, by Identity) (giver, error) {
	if by.Actor.System {
		return giver{system: true, held: []rbac.Grant{{Role: rbac.Owner}}}, nil
	}
	user, err := tx.User(ctx, by.Actor.User)
	if err != nil || user.Status != rbac.UserActive {
		return giver{}, err // who was disabled a moment ago holds nothing
	}
	held, err := tx.UserRoles(ctx, by.Actor.User)
	return giver{held: held}, err
}

// turn refuses a change of roles above or wider than the giver's own.
func (g giver) turn(from, to []rbac.Grant) error {
	if rbac.MayChange(g.held, from, to) {
		return nil
	}
	return inbox.Errorf(inbox.Denied, "nobody gives or takes a role above or wider than his own")
}

// govern refuses to touch an account whose roles the giver could not take away.
func (g giver) govern(of []rbac.Grant) error {
	if rbac.Governs(g.held, of) {
		return nil
	}
	return inbox.Errorf(inbox.Denied, "this person's role is above or wider than yours")
}

// everywhere tells whether the giver's reach is every shop.
func (g giver) everywhere() bool {
	return slices.ContainsFunc(g.held, func(h rbac.Grant) bool { return h.Shop == 0 && h.Role != rbac.Agent })
}

// hidden are those grants in shops the giver has nothing to do with; what he says about a person's
// roles leaves them as they are.
func (g giver) hidden(grants []rbac.Grant) []rbac.Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(grant rbac.Grant) bool {
		return grant.Shop == 0 || slices.ContainsFunc(g.held, func(h rbac.Grant) bool { return h.Shop == 0 || h.Shop == grant.Shop })
	})
}

// grants are the roles a new user is to have.
func (g giver) grants(in NewUser) ([]rbac.Grant, error) {
	role := in.Role
	if role == "" {
		role = rbac.Agent
		if slices.Contains(roleNames(g.held), rbac.Owner) {
			role = rbac.Admin
		}
	}
	shops := in.Shops
	if len(shops) == 0 && !g.everywhere() {
		for _, h := range g.held {
			if h.Role == rbac.Admin {
				shops = append(shops, h.Shop)
			}
		}
	}
	if len(shops) == 0 && role != rbac.Agent {
		shops = []rbac.ShopID{0}
	}
	var grants []rbac.Grant
	for _, shop := range shops {
		grant := rbac.Grant{Role: role, Shop: shop}
		if !grant.Valid() {
			return nil, inbox.InvalidField("body.role", "there is no such role here")
		}
		grants = append(grants, grant)
	}
	return grants, g.turn(nil, grants)
}

func roleNames(grants []rbac.Grant) []rbac.Role {
	var names []rbac.Role
	for _, g := range grants {
		names = append(names, g.Role)
	}
	return names
}

// Invite makes an account that cannot sign in yet and a link that lets its user choose a password.
// Conflict if somebody has the address, Denied if the roles are above or wider than the inviter's.
func (s *Service) Invite(ctx context.Context, by Identity, in NewUser) (Invited, error) {
	var invited Invited
	err := s.change(ctx, by, func(tx *store.Tx, may giver) error {
		user, err := s.create(ctx, tx, by, may, in, rbac.UserInvited, "")
		if err != nil {
			return err
		}
		if invited, err = s.newLink(ctx, tx, by, user, inbox.Invite); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditUserInvited, userObject(user.ID)))
	})
	return invited, err
}

// AddUser makes an account with a password, ready to sign in. Errors as Invite, and Invalid for the
// password.
func (s *Service) AddUser(ctx context.Context, by Identity, in NewUser) (rbac.User, error) {
	if err := checkPassword("body.password", in.Password); err != nil {
		return rbac.User{}, err
	}
	hash, err := s.passwords.hash(ctx, in.Password)
	if err != nil {
		return rbac.User{}, err
	}
	var user rbac.User
	err = s.change(ctx, by, func(tx *store.Tx, may giver) error {
		if user, err = s.create(ctx, tx, by, may, in, rbac.UserActive, hash); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditUserAdded, userObject(user.ID)))
	})
	return user, err
}

// create keeps a new user with his roles. An address whose invitation was revoked is used again.
func (s *Service) create(ctx context.Context, tx *store.Tx, by Identity, may giver, in NewUser, status rbac.UserStatus, hash string) (rbac.User, error) {
	user := rbac.User{Email: in.Email, Name: in.Name, Language: in.Language, Zone: in.Zone, Status: status}
	if err := checkUser(&user); err != nil {
		return rbac.User{}, err
	}
	grants, err := may.grants(in)
	if err != nil {
		return rbac.User{}, err
	}
	if user, err = createOrReuse(ctx, tx, may, user, hash); err != nil {
		return rbac.User{}, err
	}
	return user, s.setRoles(ctx, tx, by, user.ID, grants)
}

func createOrReuse(ctx context.Context, tx *store.Tx, may giver, user rbac.User, hash string) (rbac.User, error) {
	known, err := tx.UserByEmail(ctx, user.Email)
	if inbox.CodeOf(err) == inbox.NotFound {
		return tx.CreateUser(ctx, user, hash)
	}
	if err != nil {
		return rbac.User{}, err
	}
	old, err := tx.PasswordHash(ctx, known.ID)
	if err != nil {
		return rbac.User{}, err
	}
	if known.Status != rbac.UserDisabled || old != "" {
		return rbac.User{}, &inbox.Error{Code: inbox.Conflict, Field: "body.email", Msg: "somebody has this address already"}
	}
	roles, err := tx.UserRoles(ctx, known.ID)
	if err != nil {
		return rbac.User{}, err
	}
	if err := may.turn(roles, nil); err != nil {
		return rbac.User{}, err
	}
	if err := tx.SetPassword(ctx, known.ID, hash); err != nil {
		return rbac.User{}, err
	}
	if err := tx.SetUserStatus(ctx, known.ID, user.Status); err != nil {
		return rbac.User{}, err
	}
	status := user.Status
	user, err = tx.UpdateUser(ctx, known.ID, func(u *rbac.User) { u.Name, u.Language, u.Zone = user.Name, user.Language, user.Zone })
	user.Status = status
	return user, err
}

// newLink makes a link for a user. Those made for him before are void.
func (s *Service) newLink(ctx context.Context, tx *store.Tx, by Identity, user rbac.User, kind inbox.InvitationKind) (Invited, error) {
	secret := newSecret()
	lasts := s.Invitation
	if kind == inbox.Reset {
		lasts = s.Reset
	}
	invitation, err := tx.CreateInvitation(ctx, inbox.Invitation{User: user.ID, Kind: kind, Inviter: by.Actor.User, ExpiresAt: s.Store.Now().Add(lasts)}, hashOf(secret))
	return Invited{Invitation: invitation, User: user, Link: s.link(secret)}, err
}

// Resend gives an invitation a new link and a new end; the old link is void.
func (s *Service) Resend(ctx context.Context, by Identity, id inbox.InvitationID) (Invited, error) {
	secret := newSecret()
	var invited Invited
	err := s.act(ctx, by, func(tx *store.Tx, may giver) error {
		user, err := invitedUser(ctx, tx, may, id)
		if err != nil {
			return err
		}
		invitation, err := tx.RenewInvitation(ctx, id, hashOf(secret), s.Store.Now().Add(s.Invitation))
		if err != nil {
			return err
		}
		invited = Invited{Invitation: invitation, User: user, Link: s.link(secret)}
		return tx.Audit(ctx, entry(by, inbox.AuditInvitationSent, userObject(user.ID)))
	})
	return invited, err
}

// Revoke ends an invitation and removes the account it was for. If something names the account
// already, it stays disabled and without roles.
func (s *Service) Revoke(ctx context.Context, by Identity, id inbox.InvitationID) error {
	err := s.revoke(ctx, by, id, func(tx *store.Tx, user rbac.UserID) error { return tx.DeleteUser(ctx, user) })
	if inbox.CodeOf(err) != inbox.Conflict {
		return err
	}
	return s.revoke(ctx, by, id, func(tx *store.Tx, user rbac.UserID) error {
		if err := tx.SetRoles(ctx, user, nil); err != nil {
			return err
		}
		return tx.SetUserStatus(ctx, user, rbac.UserDisabled)
	})
}

func (s *Service) revoke(ctx context.Context, by Identity, id inbox.InvitationID, remove func(*store.Tx, rbac.UserID) error) error {
	return s.change(ctx, by, func(tx *store.Tx, may giver) error {
		user, err := invitedUser(ctx, tx, may, id)
		if err != nil {
			return err
		}
		if err := remove(tx, user.ID); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditInvitationEnded, userObject(user.ID)))
	})
}

// invitedUser returns whom an invitation is for, if the giver may decide about him. Who may not is
// told that there is no such invitation.
func invitedUser(ctx context.Context, tx *store.Tx, may giver, id inbox.InvitationID) (rbac.User, error) {
	invitation, err := tx.Invitation(ctx, id)
	if err != nil {
		return rbac.User{}, err
	}
	roles, err := tx.UserRoles(ctx, invitation.User)
	if err != nil {
		return rbac.User{}, err
	}
	if may.govern(roles) != nil {
		return rbac.User{}, inbox.Errorf(inbox.NotFound, "there is no such invitation")
	}
	return tx.User(ctx, invitation.User)
}

// ResetLink makes a link that lets an active user choose a new password. Who makes it could sign in
// as him, so it takes the right to take away his roles.
func (s *Service) ResetLink(ctx context.Context, by Identity, user rbac.UserID) (Invited, error) {
	var invited Invited
	err := s.act(ctx, by, func(tx *store.Tx, may giver) error {
		u, _, err := governed(ctx, tx, may, user)
		if err != nil {
			return err
		}
		if u.Status != rbac.UserActive {
			return inbox.Errorf(inbox.Conflict, "this account is not active")
		}
		if invited, err = s.newLink(ctx, tx, by, u, inbox.Reset); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditResetIssued, userObject(user)))
	})
	return invited, err
}

// governed returns a user and his roles, if the giver may decide about his account.
func governed(ctx context.Context, tx *store.Tx, may giver, user rbac.UserID) (rbac.User, []rbac.Grant, error) {
	u, err := tx.User(ctx, user)
	if err != nil {
		return rbac.User{}, nil, err
	}
	roles, err := tx.UserRoles(ctx, user)
	if err != nil {
		return rbac.User{}, nil, err
	}
	return u, roles, may.govern(roles)
}

// FindLink returns what a link is for and for whom, for the page it opens. TokenInvalid if it is
// unknown, was used or has expired.
func (s *Service) FindLink(ctx context.Context, token string) (inbox.Invitation, rbac.User, error) {
	invitation, err := s.Store.InvitationByHash(ctx, hashOf(token))
	if err != nil {
		return inbox.Invitation{}, rbac.User{}, err
	}
	user, err := s.Store.User(ctx, invitation.User)
	return invitation, user, err
}

// Acceptance is what somebody who follows a link says; all but the password may be empty and then
// stays as it is.
type Acceptance struct {
	Name, Password, Language, Zone string
}

// Accept uses a link up: the user has the password, is active, and signed in here; other sessions of
// his end. TokenInvalid as FindLink, Invalid with the field, Limited after too many tries.
func (s *Service) Accept(ctx context.Context, by Identity, token string, in Acceptance) (Login, error) {
	if wait := s.attempts.take(addressLimit(by.Address)); wait > 0 {
		return Login{}, s.limited(wait)
	}
	_, user, err := s.FindLink(ctx, token)
	if err != nil {
		return Login{}, err
	}
	if err := in.apply(&user); err != nil {
		return Login{}, err
	}
	if err := checkPassword("body.password", in.Password); err != nil {
		return Login{}, err
	}
	hash, err := s.passwords.hash(ctx, in.Password)
	if err != nil {
		return Login{}, err
	}
	var login Login
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.LockPolicy(ctx); err != nil {
			return err
		}
		invitation, err := tx.UseInvitation(ctx, hashOf(token))
		if err != nil {
			return err
		}
		login, err = s.join(ctx, tx, by, invitation, user, hash)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	s.refresh(ctx)
	return login, nil
}

// apply puts what was said into a user.
func (in Acceptance) apply(u *rbac.User) error {
	if in.Name != "" {
		u.Name = in.Name
	}
	if in.Language != "" {
		u.Language = in.Language
	}
	if in.Zone != "" {
		u.Zone = in.Zone
	}
	return checkUser(u)
}

// join makes the user of a used link what he says he is, and signs him in.
func (s *Service) join(ctx context.Context, tx *store.Tx, by Identity, invitation inbox.Invitation, said rbac.User, hash string) (Login, error) {
	user, err := tx.UpdateUser(ctx, invitation.User, func(u *rbac.User) { u.Name, u.Language, u.Zone = said.Name, said.Language, said.Zone })
	if err != nil {
		return Login{}, err
	}
	action := inbox.AuditPasswordChanged
	if invitation.Kind == inbox.Invite {
		action = inbox.AuditUserJoined
		if err := tx.SetUserStatus(ctx, user.ID, rbac.UserActive); err != nil {
			return Login{}, err
		}
		user.Status = rbac.UserActive
	}
	if err := tx.SetPassword(ctx, user.ID, hash); err != nil {
		return Login{}, err
	}
	if err := tx.EndSessions(ctx, user.ID, 0); err != nil {
		return Login{}, err
	}
	login, err := s.newSession(ctx, tx, by, user, false)
	if err != nil {
		return Login{}, err
	}
	by.Actor.User = user.ID
	return login, tx.Audit(ctx, entry(by, action, userObject(user.ID)))
}

// SetRoles replaces the roles of a user. Those in shops the giver has nothing to do with stay. Denied
// if what is added or taken away is above or wider than the giver's own, LastAdmin if nobody would be
// left who can administrate.
func (s *Service) SetRoles(ctx context.Context, by Identity, user rbac.UserID, grants []rbac.Grant) error {
	return s.change(ctx, by, func(tx *store.Tx, may giver) error {
		if _, err := tx.User(ctx, user); err != nil {
			return err
		}
		old, err := tx.UserRoles(ctx, user)
		if err != nil {
			return err
		}
		wanted := append(slices.Clone(grants), may.hidden(old)...)
		if err := may.turn(old, wanted); err != nil {
			return err
		}
		return s.setRoles(ctx, tx, by, user, wanted)
	})
}

// setRoles writes roles and records each that came or went.
func (s *Service) setRoles(ctx context.Context, tx *store.Tx, by Identity, user rbac.UserID, grants []rbac.Grant) error {
	old, err := tx.UserRoles(ctx, user)
	if err != nil {
		return err
	}
	if err := tx.SetRoles(ctx, user, grants); err != nil {
		return err
	}
	now, err := tx.UserRoles(ctx, user)
	if err != nil {
		return err
	}
	for _, g := range rbac.Difference(old, now) {
		e := entry(by, inbox.AuditRoleGranted, userObject(user))
		e.Shop = g.Shop
		if slices.Contains(now, g) {
			e.After = string(g.Role)
		} else {
			e.Action, e.Before = inbox.AuditRoleWithdrawn, string(g.Role)
		}
		if err := tx.Audit(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// SetStatus disables an account, which ends its sessions, tokens and links at once, or makes it
// active again. Denied if its roles are above or wider than the giver's, LastAdmin if nobody would be
// left who can administrate.
func (s *Service) SetStatus(ctx context.Context, by Identity, user rbac.UserID, status rbac.UserStatus) error {
	if status != rbac.UserActive && status != rbac.UserDisabled {
		return inbox.InvalidField("body.status", "an account is made active or disabled")
	}
	return s.change(ctx, by, func(tx *store.Tx, may giver) error {
		u, _, err := governed(ctx, tx, may, user)
		if err != nil || u.Status == status {
			return err
		}
		action := inbox.AuditUserDisabled
		if status == rbac.UserActive {
			action = inbox.AuditUserEnabled
			if hash, err := tx.PasswordHash(ctx, user); err != nil || hash == "" {
				return needsInvitation(err)
			}
		}
		if err := tx.SetUserStatus(ctx, user, status); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, action, userObject(user)))
	})
}

func needsInvitation(err error) error {
	if err != nil {
		return err
	}
	return inbox.Errorf(inbox.Conflict, "this person never chose a password; send a new invitation")
}

// Rename changes the name of somebody whose account the giver may decide about.
func (s *Service) Rename(ctx context.Context, by Identity, user rbac.UserID, name string) error {
	name, err := line("body.name", name, 200)
	if err != nil {
		return err
	}
	return s.act(ctx, by, func(tx *store.Tx, may giver) error {
		if _, _, err := governed(ctx, tx, may, user); err != nil {
			return err
		}
		if _, err := tx.UpdateUser(ctx, user, func(u *rbac.User) { u.Name = name }); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditUserRenamed, userObject(user)))
	})
}

// Profile is what somebody changes of himself; nil leaves it as it is.
type Profile struct {
	Name, Language, Zone *string
	Settings             map[string]any // merged; a nil value removes its key
}

// settingsMost bounds what one person's screen may keep here.
const settingsMost = 200

// SaveProfile changes what a person says of himself.
func (s *Service) SaveProfile(ctx context.Context, by Identity, in Profile) (rbac.User, error) {
	if err := in.check(); err != nil {
		return rbac.User{}, err
	}
	var user rbac.User
	err := s.Store.InTx(ctx, func(tx *store.Tx) error {
		tooMany := false
		u, err := tx.UpdateUser(ctx, by.Actor.User, func(u *rbac.User) {
			in.apply(u)
			tooMany = len(u.Settings) > settingsMost
		})
		if err == nil && tooMany {
			err = inbox.InvalidField("body.settings", "there are more than %d settings", settingsMost)
		}
		user = u
		return err
	})
	return user, err
}

func (in *Profile) check() (err error) {
	if in.Name != nil {
		if *in.Name, err = line("body.name", *in.Name, 200); err != nil {
			return err
		}
	}
	if in.Language != nil {
		if err := CheckLanguage("body.language", *in.Language); err != nil {
			return err
		}
	}
	if in.Zone != nil {
		return CheckZone("body.zone", *in.Zone)
	}
	return nil
}

func (in Profile) apply(u *rbac.User) {
	if in.Name != nil {
		u.Name = *in.Name
	}
	if in.Language != nil {
		u.Language = *in.Language
	}
	if in.Zone != nil {
		u.Zone = *in.Zone
	}
	for key, value := range in.Settings {
		if value == nil {
			delete(u.Settings, key)
		} else {
			u.Settings[key] = value
		}
	}
}

// CreateToken makes a token that acts as a user, and returns its text, which cannot be shown again.
// People make tokens for themselves alone. A zero expires is "never".
func (s *Service) CreateToken(ctx context.Context, by Identity, user rbac.UserID, name string, expires time.Time) (inbox.Token, string, error) {
	name, err := line("body.name", name, 100)
	if err != nil {
		return inbox.Token{}, "", err
	}
	if !expires.IsZero() && !expires.After(s.Store.Now()) {
		return inbox.Token{}, "", inbox.InvalidField("body.expires_at", "this has passed")
	}
	if !by.Actor.System && user != by.Actor.User {
		return inbox.Token{}, "", inbox.Errorf(inbox.Denied, "a token is made by the person it acts as")
	}
	secret := tokenPrefix + newSecret()
	var token inbox.Token
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		token, err = tx.CreateToken(ctx, inbox.Token{User: user, Name: name, ExpiresAt: expires}, hashOf(secret))
		if err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditTokenCreated, "token "+token.ID.String()))
	})
	return token, secret, err
}

// DeleteToken ends one of one's own tokens. NotFound if there is none.
func (s *Service) DeleteToken(ctx context.Context, by Identity, id inbox.TokenID) error {
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteToken(ctx, by.Actor.User, id); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditTokenDeleted, "token "+id.String()))
	})
}
