package emailtest

import (
	"io"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// submission is one SMTP connection.
type submission struct {
	server *Server
	conn   *smtp.Conn
	box    *Mailbox // nil before login
	mail   Submission
}

func (s *Server) newSubmission(c *smtp.Conn) (smtp.Session, error) {
	return &submission{server: s, conn: c}, nil
}

func (s *submission) AuthMechanisms() []string {
	if only := s.server.fault().Mechanisms; only != nil {
		return only
	}
	return []string{sasl.Plain, sasl.Login, sasl.OAuthBearer, "XOAUTH2"}
}

func (s *submission) Auth(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error { return s.login(username, password) }), nil
	case sasl.Login:
		return &loginServer{login: s.login}, nil
	case sasl.OAuthBearer:
		return sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if s.login(o.Username, o.Token) != nil {
				return &sasl.OAuthBearerError{Status: "invalid_token"}
			}
			return nil
		}), nil
	case "XOAUTH2":
		return &xoauth2Server{login: s.login}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *submission) login(username, password string) error {
	box := s.server.login(username, password)
	if box == nil {
		return smtp.ErrAuthFailed
	}
	s.box = box
	return nil
}

func (s *submission) Mail(from string, _ *smtp.MailOptions) error {
	if s.box == nil {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	faults := s.server.fault()
	if faults.HangAtMail {
		s.server.hang()
	}
	s.mail = Submission{From: from}
	return faults.Mail.err()
}

func (s *submission) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.server.fault().Rcpt[strings.ToLower(to)].err(); err != nil {
		return err
	}
	s.mail.To = append(s.mail.To, to)
	return nil
}

func (s *submission) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	faults := s.server.fault()
	if err := faults.Data.err(); err != nil {
		return err
	}
	if faults.HangAtDot {
		s.server.hang()
		return &smtp.SMTPError{Code: 451, Message: "took too long"}
	}
	s.mail.Raw, s.mail.At = raw, time.Now()
	s.box.submit(s.mail)
	if faults.DropAtDot {
		return s.conn.Conn().Close()
	}
	return nil
}

func (s *submission) Reset()        { s.mail = Submission{} }
func (s *submission) Logout() error { return nil }

// loginServer is the server side of LOGIN: it asks for the name, then for the password.
type loginServer struct {
	login    func(username, password string) error
	username *string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return []byte("Username:"), false, nil
	}
	if l.username == nil {
		name := string(response)
		l.username = &name
		return []byte("Password:"), false, nil
	}
	return nil, true, l.login(*l.username, string(response))
}
