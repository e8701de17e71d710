package emailtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// Dovecot is a real IMAP server with its own configuration and mail in a temporary folder.
type Dovecot struct {
	Port    int // IMAP, plain or STARTTLS
	PortTLS int
	Roots   *x509.CertPool

	dir     string
	owner   account
	path    string
	config  string
	auth    string // socket for Postfix's logins
	daemon  *daemon
	deliver int
	t       TB
}

// tokenKey signs the access tokens the server believes.
const tokenKey = "a key that only tests know, 32 bytes and more"

// StartDovecot starts Dovecot with accounts, addresses and their passwords. Each has the folders
// INBOX, Orders and Sent. It ends with the test.
func StartDovecot(t TB, accounts map[string]string) *Dovecot {
	t.Helper()
	d := &Dovecot{
		t: t, dir: openDir(t), owner: mailAccount(t), path: find(t, "dovecot", "dovecot-imapd"),
		Port: freePort(t), PortTLS: freePort(t),
	}
	d.config = filepath.Join(d.dir, "dovecot.conf")
	d.auth = filepath.Join(d.dir, "auth")
	certificate, key, err := selfSignedPEM()
	if err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	d.Roots = x509.NewCertPool()
	d.Roots.AppendCertsFromPEM(certificate)
	write(t, filepath.Join(d.dir, "cert.pem"), certificate, 0o644)
	write(t, filepath.Join(d.dir, "key.pem"), key, 0o600)
	d.accounts(accounts)
	d.tokens()
	d.configure()
	d.Start()
	t.Cleanup(func() {
		d.Stop()
		tail(t, filepath.Join(d.dir, "log"), filepath.Join(d.dir, "log.out"))
	})
	return d
}

func (d *Dovecot) accounts(accounts map[string]string) {
	var users strings.Builder
	for address, password := range accounts {
		fmt.Fprintf(&users, "%s:{PLAIN}%s\n", address, password)
		d.owner.mkdir(d.t, filepath.Join(d.dir, "mail"))
		d.owner.mkdir(d.t, filepath.Join(d.dir, "mail", address))
		for _, folder := range []string{"INBOX", "Orders", "Sent"} {
			d.owner.mkdir(d.t, d.folder(address, folder))
			for _, part := range []string{"cur", "new", "tmp"} {
				d.owner.mkdir(d.t, filepath.Join(d.folder(address, folder), part))
			}
		}
	}
	write(d.t, filepath.Join(d.dir, "users"), []byte(users.String()), 0o644)
}

// folder is the Maildir of a folder: INBOX is the account's own, others stand in it with a dot.
func (d *Dovecot) folder(address, folder string) string {
	root := filepath.Join(d.dir, "mail", address, "Maildir")
	if folder == "INBOX" {
		return root
	}
	return filepath.Join(root, "."+folder)
}

func (d *Dovecot) tokens() {
	keys := filepath.Join(d.dir, "keys", "default", "HS256")
	if err := os.MkdirAll(keys, 0o755); err != nil {
		d.t.Fatalf("make %s: %v", keys, err)
	}
	write(d.t, filepath.Join(keys, "default"), []byte(base64.StdEncoding.EncodeToString([]byte(tokenKey))), 0o644)
	write(d.t, filepath.Join(d.dir, "oauth2.conf"), fmt.Appendf(nil, `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=%s/keys/
username_attribute = sub
`, d.dir), 0o644)
}

// Token is an access token for an account, good for an hour.
func (d *Dovecot) Token(address string) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		must(err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	now := time.Now()
	token := part(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." +
		part(map[string]any{"sub": address, "iat": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix()})
	mac := hmac.New(sha256.New, []byte(tokenKey))
	mac.Write([]byte(token))
	return token + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var dovecotConfig = template.Must(template.New("dovecot.conf").Parse(`
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
instance_name = {{.Dir}}
log_path = {{.Dir}}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {{.Internal}}
default_internal_group = {{.InternalGroup}}
default_login_user = {{.Login}}
ssl = yes
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_uid = {{.Owner}}
mail_gid = {{.OwnerGroup}}
first_valid_uid = 1
first_valid_gid = 1
mailbox_idle_check_interval = 1s
mail_max_userip_connections = 100
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {{.Dir}}/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {{.Dir}}/users
}
userdb {
  driver = static
  args = uid={{.Owner}} gid={{.OwnerGroup}} home={{.Dir}}/mail/%u
}
namespace inbox {
  inbox = yes
  separator = /
}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = {{.Port}}
  }
  inet_listener imaps {
    port = {{.PortTLS}}
    ssl = yes
  }
}
service auth {
  unix_listener {{.Auth}} {
    mode = 0666
  }
}
service stats {
  chroot =
}
`))

func (d *Dovecot) configure() {
	values := map[string]any{
		"Dir": d.dir, "Port": d.Port, "PortTLS": d.PortTLS, "Auth": d.auth,
		"Owner": d.owner.name, "OwnerGroup": d.owner.group,
		"Internal": "dovecot", "InternalGroup": "dovecot", "Login": "dovenull",
	}
	if os.Geteuid() != 0 {
		values["Internal"], values["InternalGroup"], values["Login"] = d.owner.name, d.owner.group, d.owner.name
	}
	var text strings.Builder
	if err := dovecotConfig.Execute(&text, values); err != nil {
		d.t.Fatalf("write the configuration: %v", err)
	}
	write(d.t, d.config, []byte(text.String()), 0o644)
}

// Start starts the server again after Stop, on the same ports.
func (d *Dovecot) Start() {
	d.t.Helper()
	log := filepath.Join(d.dir, "log")
	d.daemon = startDaemon(d.t, log, d.path, "-F", "-c", d.config)
	reachable(d.t, d.Port, log)
}

// Stop ends the server and every connection to it.
func (d *Dovecot) Stop() {
	if d.daemon != nil {
		d.daemon.stop()
		d.daemon = nil
	}
}

// Deliver puts a mail into a folder as received at that time (whole seconds).
func (d *Dovecot) Deliver(address, folder string, raw []byte, at time.Time) {
	d.t.Helper()
	d.deliver++
	if err := d.owner.maildir(d.folder(address, folder), d.deliver, raw, at); err != nil {
		d.t.Fatalf("deliver: %v", err)
	}
}

// Fill puts n mails into a folder that nobody has looked into yet, the first received at that time
// and each a second after the one before. mail makes number 1 to n.
func (d *Dovecot) Fill(address, folder string, n int, from time.Time, mail func(n int) []byte) {
	d.t.Helper()
	for i := range n {
		d.deliver++
		name := fmt.Sprintf("%010d.M%06dP%d.test", from.Unix()+int64(i), d.deliver, os.Getpid())
		path := filepath.Join(d.folder(address, folder), "new", name)
		at := from.Add(time.Duration(i) * time.Second)
		if err := errors.Join(os.WriteFile(path, mail(i+1), 0o644), os.Chown(path, d.owner.uid, d.owner.gid), os.Chtimes(path, at, at)); err != nil {
			d.t.Fatalf("fill a folder: %v", err)
		}
	}
}

// Renumber makes the server forget its numbers for a folder: it gets a new UIDVALIDITY, and its
// mails new UIDs.
func (d *Dovecot) Renumber(address, folder string) {
	d.t.Helper()
	dir := d.folder(address, folder)
	files, err := filepath.Glob(filepath.Join(dir, "dovecot*"))
	if err != nil {
		d.t.Fatalf("renumber: %v", err)
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "dovecot-uidvalidity") || strings.HasSuffix(file, ".lock") {
			continue // the first keeps the next number from being the old one
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) { // the server writes, too
			d.t.Fatalf("renumber: %v", err)
		}
	}
}

// Files lists the mail files of a folder: new ones were never looked into, the names of the others
// end in their marks.
func (d *Dovecot) Files(address, folder string) []string {
	d.t.Helper()
	var names []string
	for _, part := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(d.folder(address, folder), part))
		if err != nil {
			d.t.Fatalf("list files: %v", err)
		}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
	}
	return names
}

// Expunge deletes the first mail of a folder that holds a text, as another mail program does, and
// returns its bytes.
func (d *Dovecot) Expunge(address, folder, text string) []byte {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.folder(address, folder), "[cn]*[rw]", "*"))
	if err != nil {
		d.t.Fatalf("expunge: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			d.t.Fatalf("expunge: %v", err)
		}
		if strings.Contains(string(raw), text) {
			if err := os.Remove(file); err != nil {
				d.t.Fatalf("expunge: %v", err)
			}
			return raw
		}
	}
	d.t.Fatalf("expunge: no mail with %q in %s", text, folder)
	return nil
}
