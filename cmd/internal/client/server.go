package client

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
)

const (
	readyWithin = 30 * time.Second
	stopWithin  = 20 * time.Second
)

// The owner of a Server.
const (
	ownerEmail    = "owner@server.example"
	ownerPassword = "a password of the owner"
)

// Server is the product as a process of its own, with its data, on a loopback port. One goroutine
// starts and ends it.
type Server struct {
	Address string // host and port
	Token   string // of the owner

	binary   string
	folder   string
	database string    // PostgreSQL; "" = SQLite in the folder
	settings []string  // further ones, as environment
	process  *exec.Cmd // nil while it is stopped
	ended    chan error
}

// NewServer prepares data with an owner and his token, in a folder and, if database is not "", on
// PostgreSQL; settings are further ones, NAME=value. The server is not started.
func NewServer(ctx context.Context, binary, folder, database string, settings ...string) (*Server, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	s := &Server{binary: binary, folder: folder, database: database, settings: settings}
	if s.Address, err = freeAddress(); err != nil {
		return nil, err
	}
	if err := s.AddUser(ctx, ownerEmail, "owner"); err != nil {
		return nil, err
	}
	s.Token, err = s.tool(ctx, "", "token", "create", ownerEmail, "--name", "program")
	return s, err
}

// Beside prepares another node on the same database, with a folder of its own; settings are further
// ones for it, NAME=value.
func (s *Server) Beside(folder string, settings ...string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return &Server{Address: address, Token: s.Token, binary: s.binary, folder: folder, database: s.database, settings: settings}, nil
}

// Data is the folder of the server's data.
func (s *Server) Data() string { return filepath.Join(s.folder, "data") }

// AddUser adds somebody who can sign in.
func (s *Server) AddUser(ctx context.Context, email, role string) error {
	_, err := s.tool(ctx, ownerPassword, "user", "add", email, "--name", "Somebody", "--role", role, "--password-stdin")
	return err
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
func (s *Server) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, s.binary, args...)
	c.Dir = s.folder
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "DESKBELL_DATA=" + s.Data(),
		"DESKBELL_ALLOW_NETWORKS=127.0.0.0/8"} // where the mail servers of tests and measurements are
	if s.database != "" {
		c.Env = append(c.Env, "DESKBELL_DATABASE="+s.database)
	}
	c.Env = append(c.Env, s.settings...)
	return c
}

// tool runs one of the operator's tools and returns what it printed.
func (s *Server) tool(ctx context.Context, input string, args ...string) (string, error) {
	c := s.command(ctx, args...)
	c.Stdin = strings.NewReader(input + "\n")
	var out, problem bytes.Buffer
	c.Stdout, c.Stderr = &out, &problem
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(s.binary), args[0], err, strings.TrimSpace(problem.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// Start starts the server and returns how long it took to answer.
func (s *Server) Start(ctx context.Context) (time.Duration, error) {
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	c := s.command(context.WithoutCancel(ctx), "serve", "--listen", s.Address, "--log-level", "warn")
	c.Stdout, c.Stderr = log, log
	begun := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	s.process, s.ended = c, make(chan error, 1)
	go func() { s.ended <- c.Wait() }()
	ready, done := context.WithTimeout(ctx, readyWithin)
	defer done()
	if _, err := s.Client().Ready(ready); err != nil {
		return 0, errors.Join(err, s.Stop(), fmt.Errorf("the server's log ends with: %s", s.tail()))
	}
	return time.Since(begun), nil
}

// Stop tells the server to stop and waits for its end.
func (s *Server) Stop() error {
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

// Kill ends the server as a crash does: it gets no chance to do anything more.
func (s *Server) Kill() error {
	c := s.process
	s.process = nil
	if err := c.Process.Kill(); err != nil {
		return err
	}
	<-s.ended // that it was killed
	return nil
}

// tail is the end of the server's log.
func (s *Server) tail() string {
	text, err := os.ReadFile(filepath.Join(s.folder, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// Client is a new caller with the owner's token.
func (s *Server) Client() *Client {
	c := New("http://" + s.Address)
	c.Token = s.Token
	return c
}

// CPU is the processor time the server has used.
func (s *Server) CPU() (time.Duration, error) {
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

// Resident is the memory the server holds, in bytes.
func (s *Server) Resident() (int64, error) { return s.memory("VmRSS:") }

// ResidentPeak is the most memory the server has held since its start, in bytes.
func (s *Server) ResidentPeak() (int64, error) { return s.memory("VmHWM:") }

// memory reads a line of proc(5)'s status.
func (s *Server) memory(line string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for text := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(text, line); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the system does not tell resident memory")
}
