package emailtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// TB is what the starters of real servers need of testing.TB.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Cleanup(func())
	TempDir() string
	Failed() bool
}

const (
	startLimit = 20 * time.Second
	pollEvery  = 20 * time.Millisecond
)

// find returns the path of a program of a Debian package.
func find(t TB, program, debianPackage string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: install the Debian package %s", program, debianPackage)
	return ""
}

// freePort returns a loopback port nobody listens on.
func freePort(t TB) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// reachable waits until somebody listens on a loopback port.
func reachable(t TB, port int, logFile string) {
	t.Helper()
	deadline := time.Now().Add(startLimit)
	for {
		conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(logFile)
			t.Fatalf("nobody listens on port %d: %v\n%s", port, err, log)
		}
		time.Sleep(pollEvery)
	}
}

// account is the system user that owns mail files: an unprivileged one if the test runs as root.
type account struct {
	name, group string
	uid, gid    int
}

func mailAccount(t TB) account {
	t.Helper()
	name := "nobody"
	if os.Geteuid() != 0 {
		name = strconv.Itoa(os.Geteuid())
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatalf("look up the user for mail files: %v", err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatalf("look up the group for mail files: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return account{name: u.Username, group: g.Name, uid: uid, gid: gid}
}

// openDir makes a folder that other system users can pass through.
func openDir(t TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mail") // sockets lie in it, whose paths must be short
	if err != nil {
		t.Fatalf("make a folder: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("open %s: %v", dir, err)
	}
	return dir
}

func (a account) mkdir(t TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("make %s: %v", dir, err)
	}
	if err := os.Chown(dir, a.uid, a.gid); err != nil {
		t.Fatalf("give %s away: %v", dir, err)
	}
}

func write(t TB, path string, content []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatalf("write %s: %v", path, err)
	}
}

// daemon is a server in the foreground of a child process.
type daemon struct {
	command *exec.Cmd
	ended   chan error
}

func startDaemon(t TB, logFile, path string, args ...string) *daemon {
	t.Helper()
	d := &daemon{command: exec.Command(path, args...), ended: make(chan error, 1)}
	output, err := os.OpenFile(logFile+".out", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	d.command.Stdout, d.command.Stderr = output, output
	d.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.command.Start(); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	go func() {
		d.ended <- d.command.Wait()
		output.Close()
	}()
	return d
}

// stop asks the server to end and, if it does not, kills it. Its children, which serve on for a
// while, end with it.
func (d *daemon) stop() {
	defer func() { _ = syscall.Kill(-d.command.Process.Pid, syscall.SIGKILL) }()
	_ = d.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(startLimit):
		_ = d.command.Process.Kill()
		<-d.ended
	}
}

// run runs a helper program to its end.
func run(t TB, path string, args ...string) {
	t.Helper()
	var output bytes.Buffer
	command := exec.Command(path, args...)
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", path, args, err, output.Bytes())
	}
}

// tail logs the end of a server's log if the test failed.
func tail(t TB, files ...string) {
	if !t.Failed() {
		return
	}
	for _, file := range files {
		log, err := os.ReadFile(file)
		if err == nil && len(log) > 0 {
			t.Logf("%s:\n%s", filepath.Base(file), log[max(0, len(log)-4000):])
		}
	}
}

// maildir writes a mail as delivered at that time into a Maildir.
func (a account) maildir(dir string, n int, raw []byte, at time.Time) error {
	name := fmt.Sprintf("%010d.M%06dP%d.test", at.Unix(), n, os.Getpid())
	temporary := filepath.Join(dir, "tmp", name)
	if err := os.WriteFile(temporary, raw, 0o644); err != nil {
		return err
	}
	if err := os.Chown(temporary, a.uid, a.gid); err != nil {
		return err
	}
	if err := os.Chtimes(temporary, at, at); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(dir, "new", name))
}
