package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/deskbell/deskbell/inbox/bus"
	"github.com/deskbell/deskbell/inbox/bus/bustest"
	"github.com/deskbell/deskbell/inbox/store/storetest"
)

var silent = slog.New(slog.DiscardHandler)

func TestLocal(t *testing.T) {
	bustest.Run(t, func(*testing.T) bustest.Nodes {
		b := bus.NewLocal()
		return bustest.Nodes{One: b, Other: b, Commit: b.Announce}
	})
}

func TestPostgres(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Nodes {
		dsn := storetest.FreshDatabase(t)
		store, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close(context.Background()) })
		run := func(statement string, arguments ...any) {
			if _, err := store.Exec(t.Context(), statement, arguments...); err != nil {
				t.Error(err)
			}
		}
		var nodes [2]*bus.Postgres
		for i := range nodes {
			if nodes[i], err = bus.NewPostgres(dsn, "deskbell_log", silent); err != nil {
				t.Fatal(err)
			}
		}
		return bustest.Nodes{
			One: nodes[0], Other: nodes[1],
			Commit: func(seq int64) {
				run("SELECT pg_notify('deskbell_log', $1)", strconv.FormatInt(seq, 10))
				nodes[0].Announce(seq)
			},
			Break: func() {
				run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			},
		}
	})
}

func TestPostgresIgnoresStrangers(t *testing.T) {
	dsn := storetest.FreshDatabase(t)
	b, err := bus.NewPostgres(dsn, "deskbell_log", silent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	bustest.AwaitHealthy(t, b)
	s := b.Subscribe()
	stranger, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stranger.Close(context.Background()) }()
	if _, err := stranger.Exec(t.Context(), "NOTIFY deskbell_log, 'what'; NOTIFY deskbell_presence, 'short'; NOTIFY deskbell_log, '9'"); err != nil {
		t.Fatal(err)
	}
	for sign := range s.Log {
		if sign.Seq == 9 {
			break
		}
		if sign.Seq != 0 {
			t.Errorf("heard %+v", sign)
		}
	}
	if len(s.Presence) != 0 {
		t.Errorf("heard %s", <-s.Presence)
	}
}

func TestPostgresAway(t *testing.T) {
	if _, err := bus.NewPostgres("postgres://[", "deskbell_log", silent); err == nil {
		t.Error("an address that is none was accepted")
	}
	b, err := bus.NewPostgres("postgres://deskbell@/none?host="+t.TempDir(), "deskbell_log", silent)
	if err != nil {
		t.Fatal(err)
	}
	stays(t, b)
}

// stays holds a bus without the others to what it owes its own node.
func stays(t *testing.T, b bus.Bus) {
	t.Helper()
	s := b.Subscribe()
	<-s.Log
	if b.Health() == nil {
		t.Error("healthy, with nobody there")
	}
	b.Announce(4)
	if sign := <-s.Log; sign.Seq != 4 {
		t.Errorf("heard %+v", sign)
	}
	for range 1000 {
		if err := b.Share([]byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if message := <-s.Presence; string(message) != `{}` {
		t.Errorf("heard %s", message)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestNATS(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Nodes {
		port := freePort(t)
		stop := startNATS(t, port)
		var nodes [2]*bus.NATS
		for i := range nodes {
			var err error
			if nodes[i], err = bus.NewNATS(fmt.Sprintf("nats://127.0.0.1:%d", port), "test", silent); err != nil {
				t.Fatal(err)
			}
		}
		return bustest.Nodes{
			One: nodes[0], Other: nodes[1],
			Commit: nodes[0].Announce,
			Break:  func() { stop(); startNATS(t, port) },
		}
	})
}

// Two installations on one server do not hear each other.
func TestNATSInstallationsAreApart(t *testing.T) {
	port := freePort(t)
	startNATS(t, port)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	var nodes [3]*bus.NATS
	for i, name := range []string{"ours", "theirs", "ours"} {
		var err error
		if nodes[i], err = bus.NewNATS(url, name, silent); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nodes[i].Close() })
		bustest.AwaitHealthy(t, nodes[i])
	}
	s := nodes[0].Subscribe()
	nodes[1].Announce(99)
	if err := nodes[1].Share([]byte(`"theirs"`)); err != nil {
		t.Fatal(err)
	}
	nodes[2].Announce(5)
	for sign := range s.Log {
		if sign.Seq == 5 {
			break
		}
		if sign.Seq != 0 {
			t.Errorf("heard %+v", sign)
		}
	}
	if err := nodes[2].Share([]byte(`"ours"`)); err != nil {
		t.Fatal(err)
	}
	if message := <-s.Presence; string(message) != `"ours"` {
		t.Errorf("heard %s", message)
	}
	if _, err := bus.NewNATS(url, "", silent); err == nil {
		t.Error("an installation without a name was accepted")
	}
}

func TestNATSAway(t *testing.T) {
	b, err := bus.NewNATS(fmt.Sprintf("nats://127.0.0.1:%d", freePort(t)), "test", silent)
	if err != nil {
		t.Fatal(err)
	}
	stays(t, b)
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// startNATS runs a real server until the test or stop ends it, and returns once it takes connections.
func startNATS(t *testing.T, port int) (stop func()) {
	t.Helper()
	program, err := exec.LookPath("nats-server")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nats-server"); err != nil {
			t.Fatal("NATS is not installed: apt-get install nats-server")
		}
	}
	server := exec.Command(program, "--addr", "127.0.0.1", "--port", strconv.Itoa(port))
	output, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = server.Process.Kill()
		_ = server.Wait() // always "killed", the second time "already waited for"
	}
	t.Cleanup(stop)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if strings.Contains(lines.Text(), "Server is ready") {
			return stop
		}
	}
	t.Fatal("nats-server ended before it was ready")
	return nil
}
