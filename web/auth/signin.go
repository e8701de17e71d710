package auth

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// EnsureSetupCode makes, while nobody has an account, a new code that lets the first owner in, and
// returns it to be printed. Codes made before, on any node, are void.
func (s *Service) EnsureSetupCode(ctx context.Context) (code string, needed bool, err error) {
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		code, needed = "", false
		has, err := tx.HasUsers(ctx)
		if err != nil || has {
			return err
		}
		code, needed = newCode(), true
		return tx.SetSetting(ctx, store.SettingSetupCode, hex.EncodeToString(hashOf(plainCode(code))))
	})
	return code, needed, err
}

// NeedsSetUp tells whether nobody has an account yet.
func (s *Service) NeedsSetUp(ctx context.Context) (bool, error) {
	has, err := s.Store.HasUsers(ctx)
	return !has, err
}

// SetUp is what makes an installation somebody's.
type SetUp struct {
	Code           string
	Organisation   string
	Email, Name    string
	Password       string
	Language, Zone string // "" = en, UTC
}

// SetUp makes the first owner and signs him in. SetupDone if anybody has an account, Invalid with
// the field if the code is wrong or something is missing, Limited after too many tries.
func (s *Service) SetUp(ctx context.Context, by Identity, in SetUp) (Login, error) {
	owner := rbac.User{Email: in.Email, Name: in.Name, Language: in.Language, Zone: in.Zone, Status: rbac.UserActive}
	if needed, err := s.NeedsSetUp(ctx); err != nil || !needed {
		return Login{}, orSetupDone(err)
	}
	succeeded, err := s.prove(by, "set-up")
	if err != nil {
		return Login{}, err
	}
	if err := s.checkSetUp(ctx, s.Store, in.Code); err != nil {
		return Login{}, err
	}
	if err := checkUser(&owner); err != nil {
		return Login{}, err
	}
	organisation, err := line("body.organisation", in.Organisation, 200)
	if err != nil {
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
		if err := s.checkSetUp(ctx, tx, in.Code); err != nil {
			return err
		}
		login, err = s.firstOwner(ctx, tx, by, owner, hash, organisation)
		return err
	})
	if err != nil {
		return Login{}, err
	}
	succeeded()
	s.refresh(ctx)
	return login, nil
}

func (s *Service) firstOwner(ctx context.Context, tx *store.Tx, by Identity, owner rbac.User, hash, organisation string) (Login, error) {
	owner, err := tx.CreateUser(ctx, owner, hash)
	if err != nil {
		return Login{}, err
	}
	if err := tx.SetRoles(ctx, owner.ID, []rbac.Grant{{Role: rbac.Owner}}); err != nil {
		return Login{}, err
	}
	if err := tx.SetSetting(ctx, store.SettingOrganisation, organisation); err != nil {
		return Login{}, err
	}
	if err := tx.SetSetting(ctx, store.SettingSetupCode, ""); err != nil {
		return Login{}, err
	}
	login, err := s.newSession(ctx, tx, by, owner, false)
	if err != nil {
		return Login{}, err
	}
	by.Actor.User = owner.ID
	return login, tx.Audit(ctx, entry(by, inbox.AuditSetUp, userObject(owner.ID)))
}

// setUpState is read before the work and again in the transaction.
type setUpState interface {
	HasUsers(ctx context.Context) (bool, error)
	Setting(ctx context.Context, name string) (string, error)
}

func (s *Service) checkSetUp(ctx context.Context, q setUpState, code string) error {
	has, err := q.HasUsers(ctx)
	if err != nil || has {
		return orSetupDone(err)
	}
	stored, err := q.Setting(ctx, store.SettingSetupCode)
	if err != nil {
		return err
	}
	given := hex.EncodeToString(hashOf(plainCode(code)))
	if stored == "" || subtle.ConstantTimeCompare([]byte(stored), []byte(given)) != 1 {
		return inbox.InvalidField("body.code", "this is not the code the server printed when it started last")
	}
	return nil
}

func orSetupDone(err error) error {
	if err != nil {
		return err
	}
	return inbox.Errorf(inbox.SetupDone, "this installation has been set up; sign in")
}

// Credentials are what somebody signs in with.
type Credentials struct {
	Email, Password string
	Keep            bool // stay signed in
}

// SignIn begins a session. InvalidCredentials, after the same work, whether the address is unknown,
// the password wrong or the account not active; Limited after too many tries for the account, from
// the address or by everybody.
func (s *Service) SignIn(ctx context.Context, by Identity, in Credentials) (Login, error) {
	email := normalEmail(in.Email)
	succeeded, err := s.prove(by, email)
	if err != nil {
		return Login{}, err
	}
	user, hash, err := s.account(ctx, email)
	if err != nil {
		return Login{}, err
	}
	same, err := s.passwords.matches(ctx, hash, in.Password)
	if err != nil {
		return Login{}, err
	}
	var login Login
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		login = Login{}
		if !same {
			return s.denySignIn(ctx, tx, by, user)
		}
		current, now, err := accountIn(ctx, tx, user.ID)
		if err != nil {
			return err
		}
		if now != hash { // changed or disabled meanwhile
			return s.denySignIn(ctx, tx, by, user)
		}
		if login, err = s.newSession(ctx, tx, by, current, in.Keep); err != nil {
			return err
		}
		by.Actor.User = user.ID
		return tx.Audit(ctx, entry(by, inbox.AuditSignedIn, userObject(user.ID)))
	})
	if err != nil {
		return Login{}, err
	}
	if login.Cookie == nil {
		return Login{}, inbox.Errorf(inbox.InvalidCredentials, "the address or the password is wrong")
	}
	succeeded()
	return login, nil
}

func (s *Service) denySignIn(ctx context.Context, tx *store.Tx, by Identity, user rbac.User) error {
	by.Actor = rbac.Actor{}
	object := ""
	if user.ID != 0 {
		object = userObject(user.ID)
	}
	return tx.Audit(ctx, entry(by, inbox.AuditSignInDenied, object))
}

// account returns the user of an address and his password's hash, "" if he cannot sign in by it. An
// unknown address gives the zero User, with as many questions to the database.
func (s *Service) account(ctx context.Context, email string) (rbac.User, string, error) {
	user, err := s.Store.UserByEmail(ctx, email)
	if err != nil && inbox.CodeOf(err) != inbox.NotFound {
		return rbac.User{}, "", err
	}
	hash, err := s.Store.PasswordHash(ctx, user.ID)
	if err != nil && inbox.CodeOf(err) != inbox.NotFound {
		return rbac.User{}, "", err
	}
	if user.Status != rbac.UserActive {
		hash = ""
	}
	return user, hash, nil
}

func accountIn(ctx context.Context, tx *store.Tx, id rbac.UserID) (rbac.User, string, error) {
	user, err := tx.User(ctx, id)
	if err != nil {
		return rbac.User{}, "", err
	}
	hash, err := tx.PasswordHash(ctx, id)
	if user.Status != rbac.UserActive {
		hash = ""
	}
	return user, hash, err
}

// SignOut ends the session of the browser.
func (s *Service) SignOut(ctx context.Context, by Identity) error {
	if by.Session == 0 {
		return nil
	}
	return s.EndSession(ctx, by, by.Session)
}

// EndSession ends one of one's own sessions. NotFound if there is none.
func (s *Service) EndSession(ctx context.Context, by Identity, id inbox.SessionID) error {
	return s.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.EndSession(ctx, by.Actor.User, id); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditSignedOut, "session "+id.String()))
	})
}

// ChangePassword replaces one's own password; all other sessions end. Invalid if the current one is
// wrong or the new one too short or long, Limited after too many tries.
func (s *Service) ChangePassword(ctx context.Context, by Identity, current, changed string) error {
	if err := checkPassword("body.new", changed); err != nil {
		return err
	}
	succeeded, err := s.prove(by, by.User.Email)
	if err != nil {
		return err
	}
	hash, err := s.Store.PasswordHash(ctx, by.Actor.User)
	if err != nil {
		return err
	}
	same, err := s.passwords.matches(ctx, hash, current)
	if err != nil {
		return err
	}
	if !same {
		return inbox.InvalidField("body.current", "this is not your current password")
	}
	fresh, err := s.passwords.hash(ctx, changed)
	if err != nil {
		return err
	}
	err = s.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, now, err := accountIn(ctx, tx, by.Actor.User); err != nil || now != hash {
			return changedMeanwhile(err)
		}
		if err := tx.SetPassword(ctx, by.Actor.User, fresh); err != nil {
			return err
		}
		if err := tx.EndSessions(ctx, by.Actor.User, by.Session); err != nil {
			return err
		}
		return tx.Audit(ctx, entry(by, inbox.AuditPasswordChanged, userObject(by.Actor.User)))
	})
	if err == nil {
		succeeded()
	}
	return err
}

func changedMeanwhile(err error) error {
	if err != nil {
		return err
	}
	return inbox.Errorf(inbox.Conflict, "the password was changed elsewhere meanwhile")
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// languages are those the screen speaks.
var languages = map[string]bool{"en": true, "ru": true, "it": true, "zh": true}

// checkUser puts a new user's fields into their stored form, or says which is wrong.
func checkUser(u *rbac.User) (err error) {
	u.Email = normalEmail(u.Email)
	address, err := mail.ParseAddress(u.Email)
	if err != nil || address.Address != u.Email || len(u.Email) > 254 {
		return inbox.InvalidField("body.email", "this is not a mail address")
	}
	if u.Name, err = line("body.name", u.Name, 200); err != nil {
		return err
	}
	if u.Language == "" {
		u.Language = "en"
	}
	if u.Zone == "" {
		u.Zone = "UTC"
	}
	if err := CheckLanguage("body.language", u.Language); err != nil {
		return err
	}
	return CheckZone("body.zone", u.Zone)
}

// CheckLanguage refuses a language the screen does not speak.
func CheckLanguage(field, language string) error {
	if !languages[language] {
		return inbox.InvalidField(field, "the languages are en, ru, it and zh")
	}
	return nil
}

// CheckZone refuses what is no IANA time zone.
func CheckZone(field, zone string) error {
	if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return inbox.InvalidField(field, "this is not a time zone such as Europe/Riga")
	}
	return nil
}

// line is one line of text between 1 and most characters, without spaces around it.
func line(field, text string, most int) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", inbox.InvalidField(field, "this is missing")
	case utf8.RuneCountInString(text) > most:
		return "", inbox.InvalidField(field, "this is longer than %d characters", most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return "", inbox.InvalidField(field, "this is not one line of text")
	}
	return text, nil
}
