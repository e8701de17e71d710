package auth

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
)

// Middleware refuses state changes that a page of another site started (403), finds out who sends a
// request and puts the Identity into its context. A request whose sender cannot be found out is
// answered with 503.
func (s *Service) Middleware(next http.Handler) http.Handler {
	return s.origin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := s.Identify(r)
		if err != nil {
			level := slog.LevelError
			if r.Context().Err() != nil {
				level = slog.LevelDebug // he left before he was known
			}
			s.Log.Log(r.Context(), level, "who sent a request could not be found out", "error", err)
			w.Header().Set("Retry-After", "2")
			writeProblem(w, http.StatusServiceUnavailable, "unavailable", "the database does not answer; try again in a moment")
			return
		}
		next.ServeHTTP(w, r.WithContext(With(r.Context(), id)))
	}))
}

// SameOrigin tells whether a websocket handshake was started by a page of ours: the guard of
// Middleware lets every GET pass. Programs send no Origin.
func (s *Service) SameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	return strings.EqualFold(origin, s.public.Scheme+"://"+s.public.Host) || strings.EqualFold(origin, scheme(r)+"://"+r.Host)
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// ClientAddress is where a request comes from: the peer, or what the trusted proxies in front of us
// say, counted from the nearest; "" if the peer has no address, such as on a local socket.
func (s *Service) ClientAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	address := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(address); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = hop.Unmap().WithZone("")
	}
	return address.String()
}

func (s *Service) trusted(address netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// writeProblem answers before any handler ran, in the form of all our errors.
func writeProblem(w http.ResponseWriter, status int, code, detail string) {
	body, err := json.Marshal(map[string]any{"status": status, "title": http.StatusText(status), "code": code, "detail": detail})
	if err != nil {
		panic("auth: a problem does not marshal: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body) // the client may be gone; nothing is left to tell it
}
