package emailtest

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// Postfix is a real submission server. It lets in the accounts of a Dovecot, shows the same
// certificate, and keeps every mail it accepts in one Maildir.
//
// What it refuses: the sender stranger@… with 553; the recipients nobody@… with 550 and later@…
// with 450; a subject that begins with "refuse" with 550 after the final dot.
type Postfix struct {
	Port    int // plain or STARTTLS
	PortTLS int
	Roots   *x509.CertPool

	dir   string
	owner account
	path  string
	t     TB
}

// StartPostfix starts Postfix. It needs to be root, as Postfix does, and ends with the test.
func StartPostfix(t TB, logins *Dovecot) *Postfix {
	t.Helper()
	p := &Postfix{
		t: t, dir: openDir(t), owner: mailAccount(t), path: find(t, "postfix", "postfix"),
		Port: freePort(t), PortTLS: freePort(t), Roots: logins.Roots,
	}
	if os.Geteuid() != 0 {
		t.Fatalf("postfix starts as root only: run this test as root, in a container")
	}
	for _, dir := range []string{"etc", "queue", "data"} {
		if err := os.Mkdir(filepath.Join(p.dir, dir), 0o755); err != nil {
			t.Fatalf("make %s: %v", dir, err)
		}
	}
	p.owner.mkdir(t, filepath.Join(p.dir, "mail"))
	run(t, "chown", "postfix", filepath.Join(p.dir, "data"))
	write(t, filepath.Join(p.dir, "etc", "senders"), []byte("/^stranger@/ 553 5.7.1 not your address\n"), 0o644)
	write(t, filepath.Join(p.dir, "etc", "recipients"), []byte("/^nobody@/ 550 5.1.1 no such person\n/^later@/ 450 4.2.0 try later\n"), 0o644)
	write(t, filepath.Join(p.dir, "etc", "headers"), []byte("/^Subject: refuse/ REJECT not this one\n"), 0o644)
	p.configure("main.cf", postfixMain, logins)
	p.configure("master.cf", postfixMaster, logins)
	run(t, p.path, "-c", filepath.Join(p.dir, "etc"), "start")
	t.Cleanup(func() {
		run(t, p.path, "-c", filepath.Join(p.dir, "etc"), "stop")
		tail(t, filepath.Join(p.dir, "log"))
	})
	reachable(t, p.Port, filepath.Join(p.dir, "log"))
	return p
}

var (
	postfixMain = template.Must(template.New("main.cf").Parse(`
compatibility_level = 3.6
queue_directory = {{.Dir}}/queue
data_directory = {{.Dir}}/data
maillog_file = {{.Dir}}/log
maillog_file_prefixes = {{.Dir}}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.shop.test
mydestination =
mynetworks =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = static:any
virtual_mailbox_base = {{.Dir}}/mail
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 1
virtual_uid_maps = static:{{.UID}}
virtual_gid_maps = static:{{.GID}}
header_checks = regexp:{{.Dir}}/etc/headers
message_size_limit = 1000000
smtpd_tls_chain_files = {{.Logins}}/key.pem, {{.Logins}}/cert.pem
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {{.Auth}}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sender_restrictions = check_sender_access regexp:{{.Dir}}/etc/senders
smtpd_recipient_restrictions = check_recipient_access regexp:{{.Dir}}/etc/recipients
smtpd_error_sleep_time = 0
smtpd_delay_reject = no
`))
	postfixMaster = template.Must(template.New("master.cf").Parse(`
127.0.0.1:{{.Port}} inet n - n - - smtpd
127.0.0.1:{{.PortTLS}} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`))
)

func (p *Postfix) configure(name string, tmpl *template.Template, logins *Dovecot) {
	p.t.Helper()
	fillIn(p.t, filepath.Join(p.dir, "etc", name), tmpl, map[string]any{
		"Dir": p.dir, "Port": p.Port, "PortTLS": p.PortTLS, "Auth": logins.auth, "Logins": logins.dir, "UID": p.owner.uid, "GID": p.owner.gid,
	})
}

func fillIn(t TB, path string, tmpl *template.Template, values map[string]any) {
	t.Helper()
	var text strings.Builder
	if err := tmpl.Execute(&text, values); err != nil {
		t.Fatalf("write %s: %v", path, err)
	}
	write(t, path, []byte(text.String()), 0o644)
}

// Accepted returns the mails delivered to an address so far, as Postfix wrote them.
func (p *Postfix) Accepted(address string) [][]byte {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "mail", "all", "new", "*"))
	if err != nil {
		p.t.Fatalf("list mail: %v", err)
	}
	var mails [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			p.t.Fatalf("read mail: %v", err)
		}
		if bytes.Contains(raw, []byte("Delivered-To: "+address+"\n")) {
			mails = append(mails, raw)
		}
	}
	return mails
}
