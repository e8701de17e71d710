package auth

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// CookieName is the cookie of a session.
const CookieName = "deskbell_session"

// Identify tells who sent a request, by bearer token or else by cookie. Without either, or if what was
// sent is void, the identity has no user and the error is nil; an error means that it could not be
// found out, and nothing may be allowed.
func (s *Service) Identify(r *http.Request) (Identity, error) {
	id := Identity{Address: s.ClientAddress(r), Agent: cut(r.UserAgent(), 200)}
	signed, err := s.credential(r)
	if err != nil {
		if inbox.CodeOf(err) == inbox.Unauthenticated {
			return id, nil
		}
		return id, err
	}
	if err := s.Rights.Fresh(r.Context(), signed.Policy); err != nil {
		return id, err
	}
	s.touch(r.Context(), signed, id)
	id.sign(signed)
	return id, nil
}

func (id *Identity) sign(signed store.Signed) {
	id.Actor, id.User = rbac.Actor{User: signed.User.ID}, signed.User
	id.Session, id.Token = signed.Session.ID, signed.Token.ID
}

// credential looks up what a request carries.
func (s *Service) credential(r *http.Request) (store.Signed, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" {
			return s.Store.TokenByHash(r.Context(), hashOf(token))
		}
		return store.Signed{}, errUnauthenticated
	}
	if cookie, err := r.Cookie(CookieName); err == nil && cookie.Value != "" {
		return s.Store.SessionByHash(r.Context(), hashOf(cookie.Value))
	}
	return store.Signed{}, errUnauthenticated
}

var errUnauthenticated = inbox.Errorf(inbox.Unauthenticated, "you are not signed in")

// Recheck tells whether an identity found earlier, such as that of an open socket, still holds, and
// brings its user and rights up to date. Unauthenticated once its session or token is over. It does
// not count as use of the session.
func (s *Service) Recheck(ctx context.Context, id Identity) (Identity, error) {
	var signed store.Signed
	var err error
	switch {
	case id.Session != 0:
		signed, err = s.Store.SessionByID(ctx, id.Session)
	case id.Token != 0:
		signed, err = s.Store.TokenByID(ctx, id.Token)
	default:
		err = errUnauthenticated
	}
	if err != nil {
		return Identity{}, err
	}
	if err := s.Rights.Fresh(ctx, signed.Policy); err != nil {
		return Identity{}, err
	}
	id.sign(signed)
	return id, nil
}

// touch notes, to the minute, that a session or token was used. A database that cannot be written is
// no reason to refuse reading.
func (s *Service) touch(ctx context.Context, signed store.Signed, id Identity) {
	now := s.Store.Now()
	var note func(tx *store.Tx) error
	switch session := signed.Session; {
	case session.ID != 0 && store.Stale(session.SeenAt, now):
		session.SeenAt, session.Address, session.IdleUntil = now, id.Address, s.idleUntil(session, now)
		note = func(tx *store.Tx) error { return tx.TouchSession(ctx, session) }
	case signed.Token.ID != 0 && store.Stale(signed.Token.UsedAt, now):
		token := signed.Token
		token.UsedAt = now
		note = func(tx *store.Tx) error { return tx.TouchToken(ctx, token) }
	default:
		return
	}
	if err := s.Store.InTx(ctx, note); err != nil {
		s.Log.WarnContext(ctx, "use of a session could not be noted", "error", err)
	}
}

func (s *Service) idleUntil(session inbox.Session, now time.Time) time.Time {
	idle := now.Add(s.Idle)
	if session.Keep {
		idle = now.Add(s.KeepIdle)
	}
	if idle.After(session.EndsAt) {
		return session.EndsAt
	}
	return idle
}

// Login is a new session, to be given to the browser.
type Login struct {
	User   rbac.User
	Cookie *http.Cookie
}

// newSession begins a session of a user in the browser of an identity. The session that browser had
// before, if any, ends.
func (s *Service) newSession(ctx context.Context, tx *store.Tx, by Identity, user rbac.User, keep bool) (Login, error) {
	if by.Session != 0 {
		if err := tx.EndSession(ctx, by.User.ID, by.Session); err != nil && inbox.CodeOf(err) != inbox.NotFound {
			return Login{}, err
		}
	}
	now := s.Store.Now()
	session := inbox.Session{User: user.ID, Address: by.Address, Agent: by.Agent, Keep: keep, CreatedAt: now, SeenAt: now, EndsAt: now.Add(s.Absolute)}
	if keep {
		session.EndsAt = now.Add(s.KeepAbsolute)
	}
	session.IdleUntil = s.idleUntil(session, now)
	secret := newSecret()
	if _, err := tx.CreateSession(ctx, session, hashOf(secret)); err != nil {
		return Login{}, err
	}
	cookie := s.cookie(secret)
	if keep {
		cookie.MaxAge = int(s.KeepAbsolute / time.Second)
	}
	return Login{User: user, Cookie: cookie}, nil
}

func (s *Service) cookie(value string) *http.Cookie {
	return &http.Cookie{Name: CookieName, Value: value, Path: "/", HttpOnly: true, Secure: s.public.Scheme == "https", SameSite: http.SameSiteLaxMode}
}

// NoCookie makes a browser forget its session.
func (s *Service) NoCookie() *http.Cookie {
	cookie := s.cookie("")
	cookie.MaxAge = -1
	return cookie
}

// cut shortens text to at most n bytes of whole characters.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
