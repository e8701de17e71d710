package email

import (
	"encoding/json"

	"github.com/emersion/go-sasl"
)

const mechanismXOAUTH2 = "XOAUTH2"

// xoauth2 is the client side of XOAUTH2, which Gmail and Outlook speak beside or instead of
// OAUTHBEARER. Source: Google's and Microsoft's pages on OAuth for IMAP and SMTP.
type xoauth2 struct{ username, token string }

func (x *xoauth2) Start() (mechanism string, initial []byte, err error) {
	return mechanismXOAUTH2, []byte("user=" + x.username + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

// Next is called with a description of what is wrong with the token.
func (x *xoauth2) Next(challenge []byte) ([]byte, error) {
	var problem struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(challenge, &problem) != nil {
		problem.Status = "unknown"
	}
	return nil, &xoauth2Error{status: clean(problem.Status)}
}

// xoauth2Error says that the token was refused.
type xoauth2Error struct{ status string }

func (e *xoauth2Error) Error() string { return "access token refused, status " + e.status }

// mechanism picks the way to sign in that the settings ask for and the server offers; offers tells
// which. It returns nil if the server offers none that fits.
func (a *Adapter) mechanism(at *server, secret string, offers func(mechanism string) bool) sasl.Client {
	switch a.settings.Auth {
	case authXOAUTH2:
		return &xoauth2{username: at.Username, token: secret}
	case authOAuthBearer:
		return sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: at.Username, Token: secret, Host: at.Host, Port: at.Port})
	}
	if offers(sasl.Plain) {
		return sasl.NewPlainClient("", at.Username, secret)
	}
	if offers(sasl.Login) {
		return &login{username: at.Username, password: secret}
	}
	return nil
}

// login is the client side of LOGIN, for servers that word their questions in their own way.
type login struct {
	username, password string
	asked              int
}

func (l *login) Start() (mechanism string, initial []byte, err error) { return sasl.Login, nil, nil }

// Next answers the first question with the name and the second with the password.
func (l *login) Next([]byte) ([]byte, error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte(l.username), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, sasl.ErrUnexpectedServerChallenge
}

// credential returns the secret that goes with the settings: a token, or a password.
func (a *Adapter) credential(password string) string {
	if a.settings.Auth != authPassword {
		return a.secret["access_token"]
	}
	if s := a.secret[password]; s != "" {
		return s
	}
	return a.secret["password"]
}
