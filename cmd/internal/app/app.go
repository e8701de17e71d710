package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/channels/email"
	"github.com/deskbell/deskbell/channels/rest/outbound"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/bus"
	"github.com/deskbell/deskbell/inbox/ingest"
	"github.com/deskbell/deskbell/inbox/jobs"
	"github.com/deskbell/deskbell/inbox/ledger"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/reference"
	"github.com/deskbell/deskbell/inbox/remind"
	"github.com/deskbell/deskbell/inbox/retain"
	"github.com/deskbell/deskbell/inbox/seal"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing"
	"github.com/deskbell/deskbell/web"
	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/auth"
	"github.com/deskbell/deskbell/web/live"
	"github.com/deskbell/deskbell/web/pictures"
	"github.com/deskbell/deskbell/web/ui"
)

// Far is how connections reach the outside; the zero value is the network as it is, as far as the
// settings let it be reached. The demo, whose mail servers have names and certificates of their own
// making, gives another, and then nothing else leads out either, but to the networks that are allowed.
type Far struct {
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Roots *x509.CertPool

	inside func(ctx context.Context, network, address string) (net.Conn, error) // nil: as Dial
}

// App is the product, built and not started.
type App struct {
	Store   *store.Store
	Auth    *auth.Service
	Rights  *rbac.Enforcer
	Routing *routing.Service
	Ring    *seal.Ring

	config Config
	public *url.URL
	log    *slog.Logger
	bus    bus.Bus
	blobs  blob.Store
	jobs   *jobs.Client
	guard  *outbound.Guard // the way to hosts that somebody else named
	outbox *outbox.Service
	ingest *ingest.Service
	ledger *ledger.Service
	runner *channels.Runner
	web    *web.Server
	doors  []*door // for mail that is handed over

	stop func() // ends what runs until it is told to
	wait sync.WaitGroup
	undo []func() error // closes what was opened, last first
}

// Kinds are the kinds of connection this program was built with.
func Kinds() channels.Registry {
	mail := email.Kind()
	return channels.Registry{mail.Name: mail}
}

// New opens the data and builds every part. public is the address people open.
func New(ctx context.Context, c Config, public *url.URL, far Far, log *slog.Logger) (*App, error) {
	a := &App{config: c, public: public, log: log}
	if err := a.build(ctx, far); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *App) build(ctx context.Context, far Far) error {
	allowed, err := a.config.Allowed()
	if err != nil {
		return err
	}
	a.guard = &outbound.Guard{Allow: allowed, Only: far.Dial != nil}
	if far.Dial == nil {
		far.Dial = connectionDialer(a.guard)
		far.inside = connectionDialer(&outbound.Guard{Allow: allowed, Inside: true})
	}
	for _, part := range []func(context.Context) error{a.openData, a.openBus, a.openRights} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	node, err := a.node()
	if err != nil {
		return err
	}
	if a.jobs, err = jobs.New(a.Store, jobs.Options{Node: node, Log: a.log}); err != nil {
		return err
	}
	keys, err := a.Ring.Derive(reference.Purpose)
	if err != nil {
		return err
	}
	references := reference.New(keys...)
	a.Routing = routing.New(routing.Options{Store: a.Store, Rights: a.Rights, Log: a.log})
	a.ingest = ingest.New(ingest.Options{Store: a.Store, Blobs: a.blobs, Route: a.Routing.Route, References: references, Log: a.log})
	a.runner = channels.NewRunner(channels.Options{Registry: Kinds(), Directory: directory{a.Store, a.Ring, far.inside}, Sink: sink{a.ingest},
		Leases: leases{a.Store.Leases(node)}, Poll: time.Duration(a.config.Poll) * time.Second, Log: a.log, Dial: far.Dial, Roots: far.Roots})
	a.ledger = ledger.New(ledger.Options{Store: a.Store, Jobs: a.jobs, Blobs: a.blobs, Ingest: a.ingest, Rights: a.Rights, Log: a.log,
		Reread: reread(a.runner), Audit: audit(a.runner), Poll: time.Duration(a.config.Poll) * time.Second})
	a.outbox = outbox.New(outbox.Options{Store: a.Store, Jobs: a.jobs, Blobs: a.blobs, Sender: sender{a.runner}, References: references, Log: a.log})
	if err := a.buildDoors(); err != nil {
		return err
	}
	remind.New(remind.Options{Store: a.Store, Jobs: a.jobs, Log: a.log})
	retain.New(retain.Options{Store: a.Store, Jobs: a.jobs, Blobs: a.blobs, Log: a.log})
	return a.buildWeb(far)
}

// openData opens database, key and files, and brings the schema to this program's.
func (a *App) openData(ctx context.Context) error {
	var err error
	if a.Store, err = store.Open(ctx, store.Options{Database: a.config.Database, Folder: a.config.Data, Log: a.log}); err != nil {
		return err
	}
	a.undo = append(a.undo, a.Store.Close)
	if err := Migrate(ctx, a.Store); err != nil {
		return err
	}
	if a.Ring, err = openKey(ctx, a.Store, a.config.KeyPath(), a.log); err != nil {
		return err
	}
	if err := claimFolder(ctx, a.Store, a.config); err != nil {
		return err
	}
	a.blobs, err = blob.Open(a.config.BlobsAddress())
	return err
}

// keySetting is where the database keeps the fingerprint of the key its secrets are sealed with.
const keySetting = "key_fingerprint"

// openKey opens the sealing key. A database that has sealed something never gets another one.
func openKey(ctx context.Context, s *store.Store, path string, log *slog.Logger) (*seal.Ring, error) {
	known, err := s.Setting(ctx, keySetting)
	if err != nil {
		return nil, err
	}
	ring, created, err := seal.LoadOrCreate(path, known)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	if created {
		log.Warn("made a new sealing key: keep a copy apart from backups of the data", "path", path)
	}
	if known == "" {
		err = s.InTx(ctx, func(tx *store.Tx) error {
			known, err = tx.ClaimSetting(ctx, keySetting, ring.Fingerprint())
			return err
		})
	}
	if err == nil && !ring.Has(known) { // another node was faster, with a key of its own
		err = fmt.Errorf("%w: %s holds key %s, the database needs key %s", seal.ErrOther, path, ring.Fingerprint(), known)
	}
	return ring, err
}

// openBus connects the nodes: in the process alone on SQLite, else by the database or NATS.
func (a *App) openBus(context.Context) error {
	var err error
	switch {
	case a.config.NATS != "":
		a.bus, err = bus.NewNATS(a.config.NATS, "deskbell", a.log)
	case a.config.Database != "":
		a.bus, err = bus.NewPostgres(a.config.Database, store.LogChannel, a.log)
	default:
		a.bus = bus.NewLocal()
	}
	if err != nil {
		return fmt.Errorf("connect the nodes: %w", err)
	}
	a.undo = append(a.undo, a.bus.Close)
	a.Store.OnCommit(a.bus.Announce)
	return nil
}

func (a *App) openRights(ctx context.Context) error {
	var err error
	if a.Rights, err = rbac.NewEnforcer(ctx, a.Store); err != nil {
		return err
	}
	proxies, err := a.config.Proxies()
	if err != nil {
		return err
	}
	a.Auth, err = auth.New(auth.Options{Store: a.Store, Rights: a.Rights, PublicURL: a.public.String(), TrustedProxies: proxies, Log: a.log})
	return err
}

// node is the name by which this program holds connections and works jobs.
func (a *App) node() (string, error) {
	if a.config.Database == "" {
		return "single", nil
	}
	if a.config.Node != "" {
		return a.config.Node, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name of this node: %w; give --node", err)
	}
	_, port, _ := net.SplitHostPort(a.config.Listen)
	return host + ":" + port, nil
}

// Start begins to work: connections first, so that the jobs find them open, then jobs, which clear up
// what an earlier run left before they do anything else. They stop in the reverse order, so that a
// reply under way keeps its connection.
func (a *App) Start(ctx context.Context) error {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	if err := a.jobs.Join(ctx); err != nil {
		return err
	}
	if err := a.runner.Start(ctx); err != nil {
		return fmt.Errorf("start connections: %w", err)
	}
	a.undo = append(a.undo, func() error { a.runner.Stop(); return nil })
	if err := a.jobs.Start(ctx); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	a.undo = append(a.undo, func() error { return a.jobs.Stop(context.WithoutCancel(ctx)) })
	for _, d := range a.doors {
		if err := d.open(ctx, a.log); err != nil {
			return err
		}
		a.wait.Go(func() { a.follow(life, d.protocol, d.serve) })
	}
	a.wait.Go(func() { a.follow(life, "routing", a.Routing.Run) })
	a.wait.Go(func() { a.follow(life, "live", a.web.Live) })
	return nil
}

// follow runs a part until the program stops and says if it ended by itself.
func (a *App) follow(ctx context.Context, part string, run func(context.Context) error) {
	if err := run(ctx); err != nil && ctx.Err() == nil {
		a.log.Error("a part ended by itself", "part", part, "error", err)
	}
}

// Stop ends all work and closes the data: nothing is lost, what was cut off is taken up at the next
// start.
func (a *App) Stop() error {
	if a.stop != nil {
		a.stop()
	}
	a.wait.Wait()
	return a.close()
}

func (a *App) close() error {
	var errs []error
	for i := len(a.undo) - 1; i >= 0; i-- {
		errs = append(errs, a.undo[i]())
	}
	a.undo = nil
	return errors.Join(errs...)
}

// Handler is everything the program serves.
func (a *App) Handler() http.Handler { return a.web }

// buildWeb builds what people and programs talk to.
func (a *App) buildWeb(far Far) error {
	screen, err := ui.New(ui.Files())
	if err != nil {
		return fmt.Errorf("the embedded screen: %w", err)
	}
	a.web, err = web.New(web.Options{Auth: a.Auth, Screen: screen, Log: a.log, Ready: a.ready, Collectors: a.doorFigures(),
		API: api.Options{Store: a.Store, Rights: a.Rights, People: a.Auth, Routing: a.Routing, Outbox: a.outbox, Blobs: a.blobs,
			Seal: a.Ring, Kinds: Kinds(), Pictures: pictures.New(a.guard), Dial: far.Dial, DialInside: far.inside, Roots: far.Roots, Runner: a.runner, Ledger: a.ledger, Version: Version, Log: a.log},
		Live: live.Options{Store: a.Store, Bus: a.bus, Rights: a.Rights, Auth: a.Auth, Version: Version, Log: a.log}})
	return err
}

// ready tells whether this node can do its work.
func (a *App) ready(ctx context.Context) error {
	return errors.Join(a.Store.Ping(ctx), a.bus.Health())
}
