package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// StartPostgres returns the address of a PostgreSQL server that belongs to this test process alone:
// superuser deskbell, database postgres, reached by a socket in a temporary folder. The first call
// starts it (about a second), later calls share it. It ends with the process, however that ends.
// Nothing is synced to disk: what is committed survives a killed client, not a lost machine.
//
// Without PostgreSQL on the machine the test fails.
func StartPostgres(t testing.TB) (dsn string) {
	t.Helper()
	server, err := sharedPostgres()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	return server.dsn("postgres")
}

// FreshDatabase returns the address of a new, empty database, dropped when the test ends.
func FreshDatabase(t testing.TB) (dsn string) {
	t.Helper()
	StartPostgres(t)
	return create(t, "template0")
}

// CopyDatabase returns the address of a new database that holds what prepare made, dropped when
// the test ends. prepare runs once per process and kind, on an empty database, and must close its
// connections; every further call copies the outcome, which is many times faster than migrating.
func CopyDatabase(t testing.TB, kind string, prepare func(dsn string) error) (dsn string) {
	t.Helper()
	StartPostgres(t)
	once, _ := templates.LoadOrStore(kind, sync.OnceValues(func() (string, error) {
		server, err := sharedPostgres()
		if err != nil {
			return "", err
		}
		name := nextName("template")
		if err := server.exec("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
			return "", err
		}
		return name, prepare(server.dsn(name))
	}))
	template, err := once.(func() (string, error))()
	if err != nil {
		t.Fatalf("prepare database %s: %v", kind, err)
	}
	return create(t, template)
}

func create(t testing.TB, template string) (dsn string) {
	t.Helper()
	server, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	name := nextName("test")
	if err := server.exec("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatalf("create database: %v", err)
	}
	t.Cleanup(func() {
		if err := server.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return server.dsn(name)
}

// One server per process is the point of this file, so it is kept here.
var (
	sharedPostgres = sync.OnceValues(startPostgres)
	templates      sync.Map // kind → func() (name string, err error)
	names          atomic.Int64
)

func nextName(prefix string) string { return prefix + "_" + strconv.FormatInt(names.Add(1), 10) }

// postgres is the running server. Its leash is the write end of the keeper's standard input: held for
// as long as the process lives, closed by the system when it ends.
type postgres struct {
	folder string // holds data, log and the socket
	leash  io.WriteCloser
}

// keeper runs beside the tests with its standard input held open by them. When that closes,
// because the tests ended or were killed, it takes the server and the folder away. It is started
// before the server is, so there is no moment at which the server has no keeper.
const keeper = `
settings="-c listen_addresses='' -c unix_socket_directories='$2' -c max_connections=200 -c shared_buffers=64MB"
settings="$settings -c fsync=off -c full_page_writes=off"
"$1/initdb" --pgdata="$2/data" --username=deskbell --auth=trust --encoding=UTF8 --locale=C --no-sync >"$2/log" 2>&1 &&
"$1/pg_ctl" start --wait --timeout=120 --pgdata="$2/data" --log="$2/log" --options="$settings" >/dev/null 2>&1 &&
echo ready
exec >/dev/null
read -r _
"$1/pg_ctl" stop --mode=immediate --pgdata="$2/data" >/dev/null 2>&1
rm -rf "$2"
`

func startPostgres() (*postgres, error) {
	programs, err := findPostgres()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "deskbell-postgres-")
	if err != nil {
		return nil, err
	}
	command := exec.Command("/bin/sh", "-c", keeper, "sh", programs, folder)
	command.Dir = folder
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	// A session of its own: Ctrl-C in the terminal ends the tests, and only then the keeper's work begins.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		if command.SysProcAttr.Credential, err = giveAway(folder); err != nil {
			_ = os.RemoveAll(folder)
			return nil, err
		}
	}
	leash, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	if line, _ := bufio.NewReader(output).ReadString('\n'); line != "ready\n" {
		log, _ := os.ReadFile(filepath.Join(folder, "log"))
		_ = leash.Close()
		_ = command.Wait()
		return nil, fmt.Errorf("it did not come up; its log:\n%s", log)
	}
	return &postgres{folder: folder, leash: leash}, nil
}

// giveAway makes folder the property of the user postgres and returns who that is.
func giveAway(folder string) (*syscall.Credential, error) {
	owner, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("running as root needs the user postgres to run it as: %w", err)
	}
	uid, err := strconv.ParseUint(owner.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(owner.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(folder, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// findPostgres returns the folder of the server's programs: that of initdb on PATH, else the newest
// version where Debian keeps them.
func findPostgres() (folder string, err error) {
	if found, err := exec.LookPath("initdb"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil && executable(filepath.Join(filepath.Dir(found), "pg_ctl")) {
			return filepath.Dir(found), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return debianVersion(b) - debianVersion(a) })
	for _, folder := range found {
		if executable(filepath.Join(folder, "initdb")) && executable(filepath.Join(folder, "pg_ctl")) {
			return folder, nil
		}
	}
	return "", errors.New("it is not installed: apt-get install postgresql")
}

func debianVersion(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder))) // a name that is no number sorts last
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func (p *postgres) dsn(database string) string {
	return "postgres://deskbell@/" + database + "?host=" + url.QueryEscape(p.folder)
}

func (p *postgres) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := pgx.Connect(ctx, p.dsn("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	if _, err = connection.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", strings.ToLower(statement), err)
	}
	return nil
}
