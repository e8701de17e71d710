package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/deskbell/deskbell/cmd/internal/client"
)

const (
	readyWithin = 30 * time.Second
	stopWithin  = 20 * time.Second
)

// owner is who measures.
const owner = "owner@load.example"

// server is the program under measurement, with its data.
type server struct {
	binary   string
	folder   string
	database string // PostgreSQL; "" = SQLite in the folder
	address  string
	token    string
	process  *exec.Cmd // nil while it is stopped
	ended    chan error
}

// newServer prepares data with an owner and his token.
func newServer(ctx context.Context, binary, folder, database string) (*server, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	s := &server{binary: binary, folder: folder, database: database}
	if s.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if _, err := s.tool(ctx, "a password of the owner", "user", "add", owner, "--name", "Load", "--role", "owner", "--password-stdin"); err != nil {
		return nil, err
	}
	s.token, err = s.tool(ctx, "", "token", "create", owner, "--name", "load")
	return s, err
}

// freeAddress is one nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// command prepares a call of the program that sees none of our own settings.
func (s *server) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, s.binary, args...)
	c.Dir = s.folder
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "DESKBELL_DATA=" + filepath.Join(s.folder, "data")}
	if s.database != "" {
		c.Env = append(c.Env, "DESKBELL_DATABASE="+s.database)
	}
	return c
}

// tool runs one of the operator's tools and returns what it printed.
func (s *server) tool(ctx context.Context, input string, args ...string) (string, error) {
	c := s.command(ctx, args...)
	c.Stdin = strings.NewReader(input + "\n")
	var out, problem bytes.Buffer
	c.Stdout, c.Stderr = &out, &problem
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(s.binary), args[0], err, strings.TrimSpace(problem.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// start starts the server and returns how long it took to answer.
func (s *server) start(ctx context.Context) (time.Duration, error) {
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	c := s.command(context.WithoutCancel(ctx), "serve", "--listen", s.address, "--log-level", "warn")
	c.Stdout, c.Stderr = log, log
	begun := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	s.process, s.ended = c, make(chan error, 1)
	go func() { s.ended <- c.Wait() }()
	ready, done := context.WithTimeout(ctx, readyWithin)
	defer done()
	if _, err := s.client().Ready(ready); err != nil {
		return 0, errors.Join(err, s.stop(), fmt.Errorf("the server's log ends with: %s", s.tail()))
	}
	return time.Since(begun), nil
}

// stop tells the server to stop and waits for its end.
func (s *server) stop() error {
	if s.process == nil {
		return nil
	}
	c := s.process
	s.process = nil
	if err := c.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.ended:
		if err != nil {
			return fmt.Errorf("the server ended badly: %w: %s", err, s.tail())
		}
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("the server did not stop within %s", stopWithin), c.Process.Kill(), <-s.ended)
	}
}

// tail is the end of the server's log.
func (s *server) tail() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// client is a new caller with the owner's token.
func (s *server) client() *client.Client {
	c := client.New("http://" + s.address)
	c.Token = s.token
	return c
}

// cpu is the processor time the server has used.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("the system does not tell processor times")
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime (proc(5)), in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// resident is the memory the server holds, in bytes.
func (s *server) resident() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the system does not tell resident memory")
}
