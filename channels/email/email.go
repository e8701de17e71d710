// Package email is the adapter for mailboxes: in by IMAP or handed over by the shop's mail server,
// out by SMTP.
package email

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

const kindName = "email"

// Kind is the entry of the registry: "email".
func Kind() channels.Kind {
	return channels.Kind{
		Name:     kindName,
		Schema:   json.RawMessage(schema),
		Secrets:  []string{"password", "smtp_password", "access_token"},
		Open:     New,
		SelfName: selfName,
		Receives: receives,
	}
}

// Limits of what is held in memory.
const (
	mailLimit   = 50 << 20 // a larger mail is set aside by its size
	pageLimit   = 16 << 20 // bytes of a page, unless one mail alone is larger
	pageItems   = 100
	dialTimeout = 30 * time.Second
	stallLimit  = 60 * time.Second // a command in which nothing arrives
	idleLimit   = 5 * time.Minute  // IDLE is ended and begun again, so a dead line is noticed
	idleFolders = 4                // each watched folder is a connection; providers allow about ten
)

// Adapter speaks for one mailbox. Each of its connections is opened when it is needed.
type Adapter struct {
	connection string
	settings   settings
	secret     map[string]string
	liveFrom   time.Time
	now        func() time.Time
	dial       func(ctx context.Context, network, address string) (net.Conn, error)
	tls        *tls.Config
	log        *slog.Logger
	memory     *channels.Memory
	keys       *keyring // of the domains that sign their mail
	stall      time.Duration

	pulling  chan struct{} // holds one token: who has it may use fetching
	fetching *session      // kept between pulls, so that a look costs no login
	refused  atomic.Bool   // a login was refused since: fetching is not to be relied on
	stalls   map[string]int
	grown    chan struct{} // a watched folder grew; heard by a pull that works off a backlog

	copies  sync.WaitGroup
	life    context.Context // ends with Close
	end     context.CancelFunc
	ending  sync.Mutex // no copy begins once life has ended
	closing sync.Once
}

// New opens a mailbox without any input or output. Code Invalid, with the field, for settings that
// cannot work.
func New(c channels.Config) (channels.Adapter, error) {
	s, err := parseSettings(c.Settings)
	if err != nil {
		return nil, err
	}
	a := &Adapter{
		connection: c.Connection.String(),
		settings:   s,
		secret:     c.Secret,
		liveFrom:   c.LiveFrom,
		now:        c.Now,
		dial:       c.Dial,
		tls:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
		log:        c.Log,
		memory:     c.Memory,
		stall:      stallLimit,
		pulling:    make(chan struct{}, 1),
		stalls:     map[string]int{},
		grown:      make(chan struct{}, 1),
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.dial == nil {
		a.dial = (&net.Dialer{}).DialContext
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.keys = &keyring{ask: c.LookupTXT, now: a.now, known: map[string]keyAnswer{}}
	if a.keys.ask == nil {
		a.keys.ask = net.DefaultResolver.LookupTXT
	}
	a.life, a.end = context.WithCancel(context.Background())
	return a, nil
}

// Close ends every connection and waits for copies to the Sent folder under way to notice.
func (a *Adapter) Close() error {
	a.closing.Do(func() {
		a.ending.Lock()
		a.end()
		a.ending.Unlock()
		a.pulling <- struct{}{} // Pull ends with life; nobody takes the token afterwards
		a.drop()
		a.copies.Wait()
	})
	return nil
}

// living joins ctx with the adapter's own life.
func (a *Adapter) living(ctx context.Context) (context.Context, func()) {
	under, end := context.WithCancel(ctx)
	stop := context.AfterFunc(a.life, end)
	return under, func() { stop(); end() }
}

// own tells whether an address is the mailbox's own or one of its aliases, or a subaddress of one: a
// reply of ours that comes back, with such a Reply-To, is no contact form.
func (a *Adapter) own(address string) bool {
	base := inbox.BaseAddress(address)
	for _, own := range append([]string{a.settings.Address}, a.settings.Aliases...) {
		if strings.EqualFold(address, own) || strings.EqualFold(base, own) {
			return true
		}
	}
	return false
}
