package emailtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// session is one IMAP connection. Before login its UserSession is nil.
type session struct {
	*imapmemserver.UserSession
	server *Server
	conn   *imapserver.Conn
	box    *Mailbox
}

func (s *Server) newSession(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	return &session{server: s, conn: c}, &imapserver.GreetingData{}, nil
}

func (s *session) Close() error {
	if s.UserSession == nil {
		return nil
	}
	return s.UserSession.Close()
}

// Login checks a password or, for the mechanisms that carry one, a token.
func (s *session) Login(username, password string) error {
	if refusal := s.server.fault().Login; refusal != "" {
		return refusedLogin(refusal)
	}
	box := s.server.login(username, password)
	if box == nil {
		return imapserver.ErrAuthFailed
	}
	s.box = box
	s.UserSession = imapmemserver.NewUserSession(box.user)
	return nil
}

// refusedLogin makes "[CODE] text" a NO.
func refusedLogin(refusal string) error {
	e := &imap.Error{Type: imap.StatusResponseTypeNo, Text: refusal}
	if code, text, ok := strings.Cut(strings.TrimPrefix(refusal, "["), "] "); ok {
		e.Code, e.Text = imap.ResponseCode(code), text
	}
	return e
}

func (s *session) AuthenticateMechanisms() []string {
	return []string{sasl.Plain, sasl.OAuthBearer, "XOAUTH2"}
}

func (s *session) Authenticate(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error { return s.Login(username, password) }), nil
	case sasl.OAuthBearer:
		return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if s.Login(o.Username, o.Token) != nil {
				return &sasl.OAuthBearerError{Status: "invalid_token"}
			}
			return nil
		}), nil
	case "XOAUTH2":
		return &xoauth2Server{login: s.Login}, nil
	}
	return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "unknown mechanism"}
}

// Select is also how a client examines; a folder is never written to by it.
func (s *session) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	return s.UserSession.Select(canonical(name), o)
}

func canonical(folder string) string {
	if strings.EqualFold(folder, "INBOX") {
		return "INBOX"
	}
	return folder
}

func (s *session) Append(folder string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return s.box.note(canonical(folder), raw, o)
}

// Idle tells of changes as they come. The library's own loses one that falls between two steps.
func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	if s.server.fault().NoIdle {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Text: "IDLE is not offered"}
	}
	for {
		changed := s.box.changes() // taken before looking, so that nothing falls in between
		if err := s.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-changed:
		}
	}
}

// Fetch answers, with the faults that are set.
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	faults := s.server.fault()
	if faults.HangAtFetch {
		s.server.hang()
		return errors.New("emailtest: the fetch hung")
	}
	uids, ok := set.(imap.UIDSet)
	if !ok {
		return s.UserSession.Fetch(w, set, o)
	}
	if len(o.BodySection) > 0 {
		for _, uid := range faults.RefuseFetch {
			if uid == 0 || uids.Contains(imap.UID(uid)) {
				return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeServerBug, Text: "Internal error occurred"}
			}
		}
		for _, uid := range faults.BreakFetch {
			if uids.Contains(imap.UID(uid)) {
				_, err := fmt.Fprintf(s.conn.NetConn(), "* 1 FETCH (UID %d BODY[] {broken\r\n", uid)
				return err
			}
		}
	}
	if asked, static := uids.Nums(); static && len(asked) > 1 {
		var kept imap.UIDSet
		for _, uid := range asked {
			if !slices.Contains(faults.OmitFetch, uint32(uid)) {
				kept.AddNum(uid)
			}
		}
		uids = kept
	}
	return s.UserSession.Fetch(w, uids, o)
}

// xoauth2Server is the server side of XOAUTH2: on a bad token it sends a problem as a challenge and
// fails after the client's empty answer.
type xoauth2Server struct {
	login  func(username, token string) error
	failed error
}

func (x *xoauth2Server) Next(response []byte) (challenge []byte, done bool, err error) {
	if x.failed != nil {
		return nil, true, x.failed
	}
	if response == nil {
		return []byte{}, false, nil
	}
	var user, token string
	for field := range strings.SplitSeq(string(response), "\x01") {
		if v, ok := strings.CutPrefix(field, "user="); ok {
			user = v
		}
		if v, ok := strings.CutPrefix(field, "auth=Bearer "); ok {
			token = v
		}
	}
	if x.failed = x.login(user, token); x.failed == nil {
		return nil, true, nil
	}
	problem, err := json.Marshal(map[string]string{"status": "400", "schemes": "Bearer", "scope": "mail"})
	return problem, false, err
}
