package email

import (
	"bytes"
	"encoding/json"
	netmail "net/mail"
	"slices"
	"strings"

	"github.com/deskbell/deskbell/inbox"
)

// The ways to reach a server and to prove who we are, as in the settings.
const (
	securityTLS      = "tls"
	securityStartTLS = "starttls"
	securityNone     = "none"

	authPassword    = "password"
	authXOAUTH2     = "xoauth2"
	authOAuthBearer = "oauthbearer"
)

// settings of a mail connection; schema describes the same for the form.
type settings struct {
	Address    string   `json:"address"`
	IMAP       incoming `json:"imap"`
	SMTP       outgoing `json:"smtp"`
	Auth       string   `json:"auth"`
	SentFolder string   `json:"sent_folder"`
	ImportDays *int     `json:"import_days"` // nil: 30
	Aliases    []string `json:"aliases"`
	BccTo      string   `json:"bcc_to"`
	Receiver   string   `json:"receiver"`
	Verify     string   `json:"verify"`
	Forwarding bool     `json:"forwarding"`
	// Subaddresses is read by the outbox, which makes the references behind the plus.
	Subaddresses bool `json:"subaddresses"`
}

// pulled tells whether there is a mailbox to read by IMAP.
func (s *settings) pulled() bool { return s.IMAP.Host != "" }

type server struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	Security string `json:"security"`
	Username string `json:"username"`
}

type incoming struct {
	server
	Folders []string `json:"folders"`
}

type outgoing struct{ server }

const schema = `{
  "type": "object",
  "additionalProperties": false,
  "required": ["address", "smtp"],
  "properties": {
    "address": {"type": "string", "format": "email", "maxLength": 254, "title": "Address", "description": "Mail to this address comes in; replies leave from it."},
    "forwarding": {"type": "boolean", "default": false, "title": "Mail is forwarded to Deskbell", "description": "The shop's mail server hands mail for this address over by SMTP or LMTP. With it, incoming mail (IMAP) may be left out."},
    "imap": {
      "type": "object", "additionalProperties": false, "title": "Incoming mail (IMAP)",
      "properties": {
        "host": {"type": "string", "maxLength": 253, "title": "Server"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 993, "title": "Port"},
        "security": {"type": "string", "enum": ["tls", "starttls", "none"], "default": "tls", "title": "Encryption"},
        "username": {"type": "string", "maxLength": 254, "title": "User name", "description": "The address if empty."},
        "folders": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 200}, "minItems": 1, "maxItems": 20, "uniqueItems": true, "default": ["INBOX"], "title": "Folders"}
      }
    },
    "smtp": {
      "type": "object", "additionalProperties": false, "required": ["host"], "title": "Outgoing mail (SMTP)",
      "properties": {
        "host": {"type": "string", "minLength": 1, "maxLength": 253, "title": "Server"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 465, "title": "Port"},
        "security": {"type": "string", "enum": ["tls", "starttls", "none"], "default": "tls", "title": "Encryption"},
        "username": {"type": "string", "maxLength": 254, "title": "User name", "description": "That of incoming mail if empty."}
      }
    },
    "auth": {"type": "string", "enum": ["password", "xoauth2", "oauthbearer"], "default": "password", "title": "Sign-in"},
    "sent_folder": {"type": "string", "maxLength": 200, "default": "", "title": "Sent folder", "description": "A copy of each reply is put here. Empty if the provider does that by itself."},
    "import_days": {"type": "integer", "minimum": 0, "maximum": 3650, "default": 30, "title": "Days to import", "description": "How far back earlier mail is read; 0 reads new mail only."},
    "aliases": {"type": "array", "items": {"type": "string", "format": "email", "maxLength": 254}, "maxItems": 50, "default": [], "title": "Further own addresses"},
    "bcc_to": {"type": "string", "maxLength": 254, "default": "", "title": "Blind copy of every reply to"},
    "subaddresses": {"type": "boolean", "default": false, "title": "Takes subaddresses", "description": "Mail to name+anything@ arrives in this mailbox too. Answers then find their conversation even through mail programs that drop the thread."},
    "receiver": {"type": "string", "maxLength": 253, "default": "", "title": "Name of the receiving server", "description": "Whose verdicts on senders count, as it stands first in Authentication-Results. Empty: a server of the incoming mail's domain."},
    "verify": {"type": "string", "enum": ["receiver", "signature"], "default": "receiver", "title": "Senders are verified by", "description": "signature: where the receiving server says nothing, a new mail counts as verified if its sender's domain has signed it (DKIM), and as not verified if not."}
  }
}`

const (
	maxFolders = 20
	maxDays    = 3650
	portIMAPS  = 993
	portIMAP   = 143
	portSMTPS  = 465
	portSMTP   = 587
)

// parseSettings reads, completes and checks the settings. Code Invalid with the field, in the form
// "settings.imap.host".
func parseSettings(raw json.RawMessage) (settings, error) {
	var s settings
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return settings{}, &inbox.Error{Code: inbox.Invalid, Field: "settings", Msg: "these are not the settings of a mailbox", Err: err}
	}
	s.Address = strings.TrimSpace(s.Address)
	s.complete()
	return s, s.check()
}

func (s *settings) complete() {
	if s.Auth == "" {
		s.Auth = authPassword
	}
	if s.IMAP.Username == "" {
		s.IMAP.Username = s.Address
	}
	if s.SMTP.Username == "" {
		s.SMTP.Username = s.IMAP.Username
	}
	if len(s.IMAP.Folders) == 0 {
		s.IMAP.Folders = []string{"INBOX"}
	}
	for i, folder := range s.IMAP.Folders {
		if strings.EqualFold(folder, "INBOX") { // the one name IMAP reads in any case
			s.IMAP.Folders[i] = "INBOX"
		}
	}
	s.IMAP.complete(portIMAPS, portIMAP)
	s.SMTP.complete(portSMTPS, portSMTP)
}

func (s *server) complete(portTLS, portPlain int) {
	if s.Security == "" {
		s.Security = securityTLS
	}
	if s.Port == 0 {
		s.Port = portTLS
		if s.Security != securityTLS {
			s.Port = portPlain
		}
	}
}

func (s *settings) check() error {
	if !isAddress(s.Address) {
		return inbox.InvalidField("settings.address", "this is not a mail address")
	}
	for _, alias := range s.Aliases {
		if !isAddress(alias) {
			return inbox.InvalidField("settings.aliases", "one of these is not a mail address")
		}
	}
	if !slices.Contains([]string{"", verifyReceiver, verifySignature}, s.Verify) {
		return inbox.InvalidField("settings.verify", "must be receiver or signature")
	}
	if s.BccTo != "" && !isAddress(s.BccTo) {
		return inbox.InvalidField("settings.bcc_to", "this is not a mail address")
	}
	if !slices.Contains([]string{authPassword, authXOAUTH2, authOAuthBearer}, s.Auth) {
		return inbox.InvalidField("settings.auth", "this way to sign in is not known")
	}
	if s.ImportDays != nil && (*s.ImportDays < 0 || *s.ImportDays > maxDays) {
		return inbox.InvalidField("settings.import_days", "must be between 0 and %d", maxDays)
	}
	if len(s.IMAP.Folders) > maxFolders {
		return inbox.InvalidField("settings.imap.folders", "at most %d folders", maxFolders)
	}
	for i, folder := range s.IMAP.Folders {
		if folder == "" || slices.Contains(s.IMAP.Folders[:i], folder) {
			return inbox.InvalidField("settings.imap.folders", "folders have names and are named once")
		}
	}
	if s.pulled() || !s.Forwarding {
		if err := s.IMAP.check("settings.imap"); err != nil {
			return err
		}
	}
	return s.SMTP.check("settings.smtp")
}

func (s *server) check(field string) error {
	switch {
	case s.Host == "" || strings.ContainsAny(s.Host, " \t\r\n/"):
		return inbox.InvalidField(field+".host", "this is not the name of a server")
	case s.Port < 1 || s.Port > 65535:
		return inbox.InvalidField(field+".port", "must be between 1 and 65535")
	case !slices.Contains([]string{securityTLS, securityStartTLS, securityNone}, s.Security):
		return inbox.InvalidField(field+".security", "must be tls, starttls or none")
	case strings.ContainsAny(s.Username, "\r\n\x00\x01"):
		return inbox.InvalidField(field+".username", "holds characters that no user name has")
	}
	return nil
}

func isAddress(s string) bool {
	parsed, err := netmail.ParseAddress(s)
	return err == nil && parsed.Name == "" && parsed.Address == s
}

func selfName(raw json.RawMessage) string {
	var s struct {
		Address string `json:"address"`
	}
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s.Address
}

// receives lists the addresses whose mail may be handed over to us.
func receives(raw json.RawMessage) []string {
	var s struct {
		Address    string   `json:"address"`
		Aliases    []string `json:"aliases"`
		Forwarding bool     `json:"forwarding"`
	}
	if json.Unmarshal(raw, &s) != nil || !s.Forwarding {
		return nil
	}
	return append([]string{strings.TrimSpace(s.Address)}, s.Aliases...)
}
