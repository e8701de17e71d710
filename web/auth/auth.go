// Package auth knows who sends a request: passwords, sessions, tokens, invitations and the rules
// about who may change whose rights. Records are in inbox/store; what a cookie, a token or a link
// holds is random, shown once and stored as its SHA-256.
//
// Sessions are our own rather than a library's: one statement has to read the session, its user and
// the version of the policy together, so that a role withdrawn on another node or by the command line
// counts with the very next request.
package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Options says how people sign in. Zero durations take the defaults named beside them.
type Options struct {
	Store  *store.Store
	Rights *rbac.Enforcer
	// PublicURL is the address people open, such as https://desk.example. Links are made from it
	// alone; with https cookies are sent over TLS only.
	PublicURL string
	// TrustedProxies are the addresses whose X-Forwarded-For is believed; none by default.
	TrustedProxies []netip.Prefix

	Idle         time.Duration // 12 h: a session ends when unused for so long
	Absolute     time.Duration // 24 h: a session ends after so long in any case
	KeepIdle     time.Duration // 14 days: the same with "keep me signed in"
	KeepAbsolute time.Duration // 30 days
	Invitation   time.Duration // 7 days
	Reset        time.Duration // 1 h

	Log *slog.Logger
}

// Service signs people in and changes what they may. It is safe for concurrent use. Its clock is the
// store's.
type Service struct {
	Options
	public    *url.URL
	origin    *http.CrossOriginProtection
	passwords *passwords
	attempts  *attempts
}

// New checks the options. The policy must have been read already.
func New(o Options) (*Service, error) {
	public, err := url.Parse(o.PublicURL)
	if err != nil || public.Host == "" || (public.Scheme != "http" && public.Scheme != "https") {
		return nil, fmt.Errorf("the public address %q is not of the form https://desk.example", o.PublicURL)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	defaults := []struct {
		value    *time.Duration
		standard time.Duration
	}{{&o.Idle, 12 * time.Hour}, {&o.Absolute, 24 * time.Hour}, {&o.KeepIdle, 14 * 24 * time.Hour},
		{&o.KeepAbsolute, 30 * 24 * time.Hour}, {&o.Invitation, 7 * 24 * time.Hour}, {&o.Reset, time.Hour}}
	for _, d := range defaults {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	s := &Service{Options: o, public: public, passwords: newPasswords(o.Store.Now), attempts: newAttempts(o.Store.Now), origin: http.NewCrossOriginProtection()}
	if err := s.origin.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, fmt.Errorf("the public address %q: %w", o.PublicURL, err)
	}
	s.origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, "denied", "this request came from a page of another site")
	}))
	return s, nil
}

// Identity is who sends a request, and from where.
type Identity struct {
	Actor   rbac.Actor
	User    rbac.User       // zero: nobody is signed in
	Session inbox.SessionID // 0 with a token
	Token   inbox.TokenID   // 0 with a session
	Address string          // of the client; from X-Forwarded-For only behind a trusted proxy
	Agent   string          // what the client calls itself, cut
}

// SignedIn tells whether somebody is signed in.
func (id Identity) SignedIn() bool { return id.Actor.User != 0 }

// System is the identity of the command line and of the program itself: it may do all.
func System() Identity { return Identity{Actor: rbac.Actor{System: true}} }

type contextKey struct{}

// With puts an identity into a context.
func With(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// From returns the identity of a request; the zero Identity if nobody is signed in.
func From(ctx context.Context) Identity {
	id, _ := ctx.Value(contextKey{}).(Identity)
	return id
}

// refresh makes a change of rights count on this node before its answer leaves. If that fails the
// next request finds the raised version and reads again.
func (s *Service) refresh(ctx context.Context) {
	if err := s.Rights.Reload(ctx); err != nil {
		s.Log.WarnContext(ctx, "rights could not be read again", "error", err)
	}
}

// link is an address people follow to set a password.
func (s *Service) link(token string) string {
	return strings.TrimSuffix(s.public.String(), "/") + "/invite/" + token
}

// entry begins a line of the record about what somebody did.
func entry(by Identity, action inbox.AuditAction, object string) inbox.AuditEntry {
	return inbox.AuditEntry{Actor: by.Actor.User, Address: by.Address, Action: action, Object: object}
}

func userObject(id rbac.UserID) string { return "user " + id.String() }

// Denied records that somebody tried what he may not; shop 0 is "no shop". Repetitions within a
// minute are recorded up to a limit.
func (s *Service) Denied(ctx context.Context, by Identity, p rbac.Permission, shop inbox.ShopID) {
	if s.attempts.take(limit{"denied " + by.Actor.User.String(), 30, time.Minute}) != 0 {
		return
	}
	e := entry(by, inbox.AuditDenied, string(p))
	e.Shop = shop
	if err := s.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, e) }); err != nil {
		s.Log.ErrorContext(ctx, "a denial could not be recorded", "error", err)
	}
}
