// Command deskbell-demo is the product beside a mail provider of its own, both in one process: a
// made-up company with three shops, whose customers keep writing and answer when they are answered.
// Nothing leaves the machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/deskbell/deskbell/cmd/internal/app"
	"github.com/deskbell/deskbell/cmd/internal/client"
)

// options are the flags.
type options struct {
	Listen string        `help:"Address to serve on." default:"127.0.0.1:8080"`
	Data   string        `help:"Folder of the demo's data. A new one begins anew." default:"data/demo" type:"path"`
	Pace   float64       `help:"Mails a minute that customers begin; 0 for none." default:"6"`
	Answer time.Duration `help:"About how long customers take to answer." default:"45s"`
	Seed   uint64        `help:"Decides what customers write." default:"1"`
	JSON   bool          `name:"json" help:"Print where and how to sign in as one JSON line, for programs."`
	Log    string        `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"warn"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	kong.Parse(&o, kong.Name("deskbell-demo"), kong.Description("Deskbell with a made-up company whose customers keep writing."))
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "deskbell-demo:", err)
		stop()
		os.Exit(1)
	}
}

// demo is everything that runs.
type demo struct {
	options
	config  app.Config
	company *company
	post    *post
	crowd   *crowd
	app     *app.App
	base    string
	log     *slog.Logger
}

// run runs the demo until ctx ends.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	config := app.Config{Listen: o.Listen, Data: o.Data, AllowNetworks: []string{"127.0.0.0/8"}, Poll: 60, LogFormat: "text", LogLevel: o.Log}
	if err := config.Check(); err != nil {
		return err
	}
	release, err := app.LockData(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	d := &demo{options: o, config: config, log: app.NewLogger(config, os.Stderr)}
	if err := d.openPost(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.post.close()) }()
	return d.serve(ctx, out)
}

// openPost starts the mail servers and, at the first start, fills the mailboxes.
func (d *demo) openPost() (err error) {
	if d.company, err = openCompany(d.Data); err != nil {
		return err
	}
	if d.post, err = openPost(filepath.Join(d.Data, "mailboxes")); err != nil {
		return err
	}
	for address, password := range d.company.Boxes {
		if err := d.post.add(address, password); err != nil {
			return errors.Join(err, d.post.close())
		}
	}
	seed := d.Seed
	if d.company.Ready {
		seed ^= uint64(time.Now().UnixNano()) // or every start would tell the same stories again
	}
	d.crowd = newCrowd(d.post, shops, seed, d.Answer, d.log)
	if !d.company.Ready {
		if err := d.crowd.past(time.Now().Truncate(time.Second)); err != nil {
			return errors.Join(err, d.post.close())
		}
	}
	return nil
}

// serve runs the product and its customers until ctx ends.
func (d *demo) serve(ctx context.Context, out io.Writer) (err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", d.Listen, err)
	}
	public, err := d.config.Public(listener.Addr())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	d.base = public.String()
	if d.app, err = app.New(ctx, d.config, public, app.Far{Dial: d.post.dial, Roots: d.post.server.Roots()}, d.log); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := d.app.Start(ctx); err != nil {
		return errors.Join(err, d.app.Stop(), listener.Close())
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.app.Listen(running, listener) }()
	if err = d.begin(running, out); err == nil {
		err = <-ended
	} else {
		stop()
		err = errors.Join(err, <-ended)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // told to stop during the set-up
	}
	err = errors.Join(err, d.app.Stop()) // before the customers: nothing is sent any more
	d.crowd.stop()
	return err
}

// begin founds the company at the first start, lets the customers write and says how to sign in.
func (d *demo) begin(ctx context.Context, out io.Writer) error {
	d.crowd.listen()
	if !d.company.Ready {
		if err := d.found(ctx); err != nil {
			return err
		}
	}
	d.crowd.write(d.Pace)
	return d.greet(ctx, out)
}

func (d *demo) found(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, 2*time.Minute)
	defer done()
	code, _, err := d.app.Auth.EnsureSetupCode(ctx)
	if err != nil {
		return err
	}
	f, err := found(ctx, d.base, code, d.company, time.Now().Add(-recent))
	if err != nil {
		return err
	}
	want := map[string]int{}
	for address, box := range d.post.boxes {
		want[address] = box.kept["INBOX"] + box.kept["Sent"]
	}
	if err := f.arrived(ctx, want); err != nil {
		return err
	}
	if err := f.work(ctx, rand.New(rand.NewPCG(d.Seed, 2))); err != nil {
		return err
	}
	if err := f.leave(ctx); err != nil {
		return err
	}
	d.company.Ready = true
	return d.company.save()
}

// greeting is what programs read.
type greeting struct {
	URL       string            `json:"url"`
	Logins    []login           `json:"logins"`
	Mailboxes map[string]string `json:"mailboxes"`
	IMAP      string            `json:"imap"` // host and port for connections; leads to this process
	SMTP      string            `json:"smtp"`
	Loopback  loopback          `json:"loopback"`
}

// loopback is where programs outside this process reach its mail servers, with TLS.
type loopback struct {
	IMAP string `json:"imap"`
	SMTP string `json:"smtp"`
}

// loopback tells where the mail servers listen.
func (p *post) loopback() loopback {
	at := func(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	return loopback{IMAP: at(p.server.IMAP()), SMTP: at(p.server.SMTP())}
}

func (d *demo) greet(ctx context.Context, out io.Writer) error {
	if d.JSON {
		return json.NewEncoder(out).Encode(greeting{d.base, d.company.Logins, d.company.Boxes,
			net.JoinHostPort(provider, portIMAP), net.JoinHostPort(provider, portSMTP), d.post.loopback()})
	}
	agent, err := d.onDuty(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n  Deskbell, with a made-up company whose customers keep writing\n\n  open   %s\n\n", d.base)
	for _, l := range []login{d.company.login("owner"), d.company.login("admin"), agent} {
		fmt.Fprintf(out, "  %-6s %-30s %s\n", l.Role, l.Email, l.Password)
	}
	fmt.Fprintf(out, "\n  A mailbox to connect yourself: %s, password %s,\n  server %s for IMAP (993, tls) and SMTP (465, tls).\n", spare, d.company.Boxes[spare], provider)
	_, err = fmt.Fprint(out, "  Nothing leaves this machine. Ctrl-C stops; the data stays.\n\n")
	return err
}

// onDuty is an agent whose shift it is.
func (d *demo) onDuty(ctx context.Context) (login, error) {
	owner := client.New(d.base)
	boss := d.company.login("owner")
	if _, err := owner.SignIn(ctx, boss.Email, boss.Password); err != nil {
		return login{}, err
	}
	users, err := client.List[client.User](ctx, owner, "/users")
	if err := errors.Join(err, owner.Do(ctx, http.MethodDelete, "/session", "", nil, nil)); err != nil {
		return login{}, err
	}
	for _, u := range users {
		for _, l := range d.company.Logins {
			if l.Email == u.Email && l.Role == "agent" && u.OnShift {
				return l, nil
			}
		}
	}
	return d.company.login("agent"), nil
}
