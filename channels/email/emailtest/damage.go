package emailtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// This file is what befalls a mailbox on a real server: what its owner does to it, and what goes wrong
// with it.

// Keys names the mails a folder holds as an adapter names them, "INBOX|validity|uid", oldest first.
// It returns false while the server has not numbered all of them.
func (d *Dovecot) Keys(address, folder string) (keys []string, complete bool) {
	d.t.Helper()
	list, err := os.Open(filepath.Join(d.folder(address, folder), "dovecot-uidlist"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, len(d.Files(address, folder)) == 0
	}
	if err != nil {
		d.t.Fatalf("read the numbers of a folder: %v", err)
	}
	defer list.Close()
	there := map[string]bool{}
	for _, file := range d.Files(address, folder) {
		name, _, _ := strings.Cut(file, ":")
		there[name] = true
	}
	lines := bufio.NewScanner(list)
	lines.Scan()
	validity := strings.TrimPrefix(strings.Fields(lines.Text())[1], "V") // "3 V1795432100 N8 G…"
	seen := map[string]bool{}
	for lines.Scan() {
		number, file, _ := strings.Cut(lines.Text(), " ") // "7 W480 :1795432100.M1P2.test"
		_, file, _ = strings.Cut(file, ":")
		file, _, _ = strings.Cut(file, ":")
		if there[file] && !seen[file] {
			seen[file] = true
			keys = append(keys, folder+"|"+validity+"|"+number)
		}
	}
	return keys, len(seen) == len(there)
}

// files are the paths of a folder's mails.
func (d *Dovecot) files(address, folder string) []string {
	var paths []string
	for _, part := range []string{"new", "cur"} {
		found, err := filepath.Glob(filepath.Join(d.folder(address, folder), part, "*"))
		if err != nil {
			d.t.Fatalf("list files: %v", err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// Move moves all mails of a folder to another.
func (d *Dovecot) Move(address, from, to string) {
	d.t.Helper()
	for _, path := range d.files(address, from) {
		d.deliver++
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		name = fmt.Sprintf("%s.M%06dP%d.test:2,", name, d.deliver, os.Getpid()) // a copy gets a name of its own
		if err := os.Rename(path, filepath.Join(d.folder(address, to), "cur", name)); err != nil {
			d.t.Fatalf("move: %v", err)
		}
	}
}

// Empty deletes all mails of a folder.
func (d *Dovecot) Empty(address, folder string) {
	d.t.Helper()
	for _, path := range d.files(address, folder) {
		if err := os.Remove(path); err != nil {
			d.t.Fatalf("delete: %v", err)
		}
	}
}

// Mark sets marks, such as "FS" (flagged, seen), on all mails of a folder.
func (d *Dovecot) Mark(address, folder, marks string) {
	d.t.Helper()
	for _, path := range d.files(address, folder) {
		name, _, _ := strings.Cut(filepath.Base(path), ":")
		if err := os.Rename(path, filepath.Join(d.folder(address, folder), "cur", name+":2,"+marks)); err != nil {
			d.t.Fatalf("mark: %v", err)
		}
	}
}

// Lie makes the server believe that every mail of a folder has that size.
func (d *Dovecot) Lie(address, folder string, size int) {
	d.t.Helper()
	for _, path := range d.files(address, folder) {
		if err := os.Rename(path, fmt.Sprintf("%s,S=%d,W=%d", path, size, size)); err != nil {
			d.t.Fatalf("lie: %v", err)
		}
	}
}

// Lock keeps the server from reading the mails of a folder; Unlock lets it again.
func (d *Dovecot) Lock(address, folder string)   { d.mode(address, folder, 0) }
func (d *Dovecot) Unlock(address, folder string) { d.mode(address, folder, 0o644) }

func (d *Dovecot) mode(address, folder string, mode fs.FileMode) {
	d.t.Helper()
	for _, path := range d.files(address, folder) {
		if err := os.Chmod(path, mode); err != nil {
			d.t.Fatalf("change the mode: %v", err)
		}
	}
}

// Rename gives a folder another name.
func (d *Dovecot) Rename(address, from, to string) {
	d.t.Helper()
	if err := os.Rename(d.folder(address, from), d.folder(address, to)); err != nil {
		d.t.Fatalf("rename a folder: %v", err)
	}
}

// Backup copies everything an account has; the function it returns puts the copy back, as an operator
// does after a disk broke. The server stands still meanwhile, both times.
func (d *Dovecot) Backup(address string) (restore func()) {
	d.t.Helper()
	home, copied := filepath.Join(d.dir, "mail", address), filepath.Join(d.t.TempDir(), "copy")
	d.Stop()
	d.copy(home, copied)
	d.Start()
	return func() {
		d.Stop()
		if err := os.RemoveAll(home); err != nil {
			d.t.Fatalf("restore: %v", err)
		}
		d.copy(copied, home)
		d.Start()
	}
}

func (d *Dovecot) copy(from, to string) {
	if output, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		d.t.Fatalf("copy %s: %v: %s", from, err, output)
	}
}

// SetPassword changes the password of an account.
func (d *Dovecot) SetPassword(address, password string) {
	d.t.Helper()
	path := filepath.Join(d.dir, "users")
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatalf("read accounts: %v", err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, address+":") {
			lines[i] = address + ":{PLAIN}" + password
		}
	}
	write(d.t, path, []byte(strings.Join(lines, "\n")), 0o644)
}

// Brittle is a line to a server on a loopback port that can be cut and can break.
type Brittle struct {
	Port int

	server string
	mu     sync.Mutex
	down   bool
	after  int64 // bytes of answers after which a line breaks; 0: it holds
	open   map[net.Conn]bool
}

// StartBrittle starts a line that holds, to a server on port.
func StartBrittle(t TB, port int) *Brittle {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	b := &Brittle{Port: l.Addr().(*net.TCPAddr).Port, server: "127.0.0.1:" + strconv.Itoa(port), open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for near, err := l.Accept(); err == nil; near, err = l.Accept() {
			go b.join(near)
		}
	}()
	return b
}

// Break has lines break after so many bytes from now on, also those that are open; 0: they hold.
func (b *Brittle) Break(after int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.after = after
}

// Down cuts every line and lets none come about, until Up.
func (b *Brittle) Down() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = true
	for conn := range b.open {
		_ = conn.Close() // its goroutine ends
	}
}

// Up ends Down.
func (b *Brittle) Up() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}

// joined keeps a line, unless there are none now.
func (b *Brittle) joined(near net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.down {
		b.open[near] = true
	}
	return !b.down
}

func (b *Brittle) broken(carried int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.after > 0 && carried >= b.after
}

func (b *Brittle) join(near net.Conn) {
	defer near.Close()
	if !b.joined(near) {
		return
	}
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.open, near)
	}()
	far, err := net.Dial("tcp4", b.server)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		defer near.Close()
		defer far.Close()
		_, _ = io.Copy(far, near) // ends with either
	}()
	buffer := make([]byte, 4096)
	for carried := int64(0); !b.broken(carried); {
		n, err := far.Read(buffer)
		if _, second := near.Write(buffer[:n]); err != nil || second != nil {
			return
		}
		carried += int64(n)
	}
}
