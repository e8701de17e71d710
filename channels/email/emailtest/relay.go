package emailtest

import (
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
)

// Relay is a real mail server of a shop: a Postfix that takes any mail on this machine and hands it
// on to whoever it was told to, again and again until that one has it or refuses it.
type Relay struct {
	Port int

	dir  string
	path string
	t    TB
}

// StartRelay starts a Postfix that hands everything on to next, in Postfix's words: such as
// "lmtp:inet:127.0.0.1:24" or "smtp:[127.0.0.1]:25". It needs to be root and ends with the test.
func StartRelay(t TB, next string) *Relay {
	t.Helper()
	r := &Relay{t: t, dir: openDir(t), path: find(t, "postfix", "postfix"), Port: freePort(t)}
	if os.Geteuid() != 0 {
		t.Fatalf("postfix starts as root only: run this test as root, in a container")
	}
	for _, dir := range []string{"etc", "queue", "data"} {
		if err := os.Mkdir(filepath.Join(r.dir, dir), 0o755); err != nil {
			t.Fatalf("make %s: %v", dir, err)
		}
	}
	run(t, "chown", "postfix", filepath.Join(r.dir, "data"))
	values := map[string]any{"Dir": r.dir, "Port": r.Port, "Next": next}
	fillIn(t, filepath.Join(r.dir, "etc", "main.cf"), relayMain, values)
	fillIn(t, filepath.Join(r.dir, "etc", "master.cf"), relayMaster, values)
	run(t, r.path, "-c", filepath.Join(r.dir, "etc"), "start")
	t.Cleanup(func() {
		run(t, r.path, "-c", filepath.Join(r.dir, "etc"), "stop")
		tail(t, filepath.Join(r.dir, "log"))
	})
	reachable(t, r.Port, filepath.Join(r.dir, "log"))
	return r
}

// Submit gives the relay a mail to hand on.
func (r *Relay) Submit(from string, to []string, raw []byte) {
	r.t.Helper()
	if err := smtp.SendMail("127.0.0.1:"+strconv.Itoa(r.Port), nil, from, to, raw); err != nil {
		r.t.Fatalf("submit: %v", err)
	}
}

// Log is what the relay has written so far.
func (r *Relay) Log() string {
	text, err := os.ReadFile(filepath.Join(r.dir, "log"))
	if err != nil {
		r.t.Fatalf("read the log: %v", err)
	}
	return string(text)
}

// Waiting counts the mails that the relay has not got rid of.
func (r *Relay) Waiting() int {
	waiting := 0
	for _, queue := range []string{"maildrop", "incoming", "active", "deferred"} {
		err := filepath.WalkDir(filepath.Join(r.dir, "queue", queue), func(_ string, entry os.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				waiting++
			}
			return nil // files come and go
		})
		if err != nil {
			r.t.Fatalf("read the queue: %v", err)
		}
	}
	return waiting
}

var (
	relayMain = template.Must(template.New("main.cf").Parse(`
compatibility_level = 3.6
queue_directory = {{.Dir}}/queue
data_directory = {{.Dir}}/data
maillog_file = {{.Dir}}/log
maillog_file_prefixes = {{.Dir}}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.shop.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
relay_domains = static:any
relay_recipient_maps =
relay_transport = {{.Next}}
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = may
lmtp_tls_security_level = may
message_size_limit = 0
mailbox_size_limit = 0
fast_flush_domains =
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
default_destination_concurrency_failed_cohort_limit = 1000
smtp_connection_reuse_count_limit = 20
`))
	relayMaster = template.Must(template.New("master.cf").Parse(`
127.0.0.1:{{.Port}} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`))
)
