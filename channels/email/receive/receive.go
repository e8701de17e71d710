// Package receive is the second way in for mail: a mail server of the shop hands it over by SMTP or
// LMTP. A mail is confirmed only after it is stored, for a recipient that belongs to a connection
// and for nobody else; nothing is ever passed on.
package receive

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
)

// Post knows where mail belongs.
type Post interface {
	// Box finds the mailbox of an address. Code NotFound if nobody here has it, Unavailable if whoever
	// has it takes no mail just now.
	Box(ctx context.Context, address string) (Box, error)
}

// Box is where mail for an address goes.
type Box struct {
	Connection inbox.ConnectionID
	Reader     channels.Receiver
}

// Options are what a door needs. Limits that are left zero get a default.
type Options struct {
	LMTP    bool   // LMTP, with an answer for each recipient; else SMTP
	Name    string // what the door calls itself, such as desk.example
	Post    Post
	Sink    channels.Sink
	Memory  *channels.Memory
	TLS     *tls.Config    // for STARTTLS; nil: not offered
	Allow   []netip.Prefix // who may connect; empty: this machine alone
	Limits  Limits
	Metrics Metrics // nil: nobody counts
	Now     func() time.Time
	Log     *slog.Logger
}

// Limits bound what peers can take of us.
type Limits struct {
	Size            int64         // bytes of a mail; 50 MiB
	Recipients      int           // of a mail; 100
	Connections     int           // at once; 200
	PeerConnections int           // at once from one address; 50
	PeerRate        int           // mails a minute from one address, after as many at once; 6,000
	Idle            time.Duration // for a command; 5 min (RFC 5321, section 4.5.3.2.7)
	Transfer        time.Duration // for a whole mail; 15 min
	Store           time.Duration // for storing a mail; 2 min, less than peers wait for the answer
	Stop            time.Duration // for mails under way when the door closes; 8 s
}

func (l Limits) withDefaults() Limits {
	fill(&l.Size, 50<<20)
	fill(&l.Recipients, 100)
	fill(&l.Connections, 200)
	fill(&l.PeerConnections, 50)
	fill(&l.PeerRate, 6000)
	fill(&l.Idle, 5*time.Minute)
	fill(&l.Transfer, 15*time.Minute)
	fill(&l.Store, 2*time.Minute)
	fill(&l.Stop, 8*time.Second)
	return l
}

func fill[T comparable](value *T, standard T) {
	var zero T
	if *value == zero {
		*value = standard
	}
}

// Metrics counts what a door did.
type Metrics interface {
	// Received counts an answer to a mail for one recipient: stored, repeated, set_aside, later or
	// refused.
	Received(outcome string)
}

// The longest line of a command or mail. RFC 5321 allows 1,000 bytes; mails of careless programs have
// more, and to refuse them would lose them.
const longestLine = 64 << 10

// Door is one listener.
type Door struct {
	options Options
	limits  Limits
	log     *slog.Logger
	server  *smtp.Server
	gate    *gate

	suspects sync.Mutex // held while a mail is read over which the program may have died
}

// New makes a door that is still closed.
func New(o Options) *Door {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = uncounted{}
	}
	if o.Name == "" {
		o.Name = "localhost"
	}
	d := &Door{options: o, limits: o.Limits.withDefaults(), log: o.Log}
	d.gate = newGate(o.Allow, d.limits, d.log)
	s := smtp.NewServer(smtp.BackendFunc(d.session))
	s.LMTP, s.Domain, s.TLSConfig = o.LMTP, o.Name, o.TLS
	s.MaxRecipients, s.MaxMessageBytes, s.MaxLineLength = d.limits.Recipients, d.limits.Size, longestLine
	s.ReadTimeout, s.WriteTimeout = d.limits.Idle, d.limits.Idle
	s.EnableSMTPUTF8 = true
	s.ErrorLog = libraryLog{d.log}
	d.server = s
	return d
}

// Serve takes mail from a listener until ctx ends. Then it lets nobody in, finishes the mails that
// are under way, within a limit, and tells everybody else to come back later.
func (d *Door) Serve(ctx context.Context, listener net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- d.server.Serve(d.gate.listen(listener)) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	d.gate.close()
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), d.limits.Stop)
	defer done()
	if err := d.server.Shutdown(grace); err != nil {
		d.gate.cut()
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("close the door for mail: %w", err)
		}
		d.log.Warn("mails under way were cut off; their senders will repeat them")
	}
	return <-ended
}

type uncounted struct{}

func (uncounted) Received(string) {}

// libraryLog takes the library's own lines, which name peers and panics.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	level := slog.LevelDebug // peers that go away
	if strings.HasPrefix(text, "panic") {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "mail door", "line", text)
}

func (l libraryLog) Println(v ...any) { l.Printf("%s", fmt.Sprint(v...)) }
