package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/seal"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// Check is one line of doctor: what was looked at, what is there, and what is wrong.
type Check struct{ Name, Detail, Problem string }

// Examine looks at everything the program needs, changes nothing, and goes on after each problem.
func Examine(ctx context.Context, c Config) []Check {
	var list []Check
	add := func(name, detail string, err error) {
		check := Check{Name: name, Detail: detail}
		if err != nil {
			check.Problem = err.Error()
		}
		list = append(list, check)
	}
	add("settings", "", c.Check())
	add("disk", c.Data, writable(c.Data))
	s, err := store.Open(ctx, store.Options{Database: c.Database, Folder: c.Data})
	if err != nil {
		add("database", "", err)
		return list
	}
	defer s.Close()
	states, err := s.MigrationStates(ctx)
	add("database", fmt.Sprintf("schema step %d", applied(states)), err)
	if err != nil || applied(states) == 0 {
		return list
	}
	add("key", c.KeyPath(), keyFits(ctx, s, c.KeyPath()))
	_, err = blob.Open(c.BlobsAddress())
	add("files", c.BlobsAddress(), err)
	connections, err := s.Connections(ctx, rbac.Scope{All: true})
	if err != nil {
		add("connections", "", err)
	}
	for _, connection := range connections {
		add("connection", connection.Name+" ", healthy(connection))
	}
	add("clock", "", clockRuns(ctx, s))
	for protocol, address := range c.wantedDoors() {
		add(protocol, address, doorOpen(ctx, address, protocol))
	}
	add("server", c.Listen, reachable(ctx, c))
	return list
}

func applied(states []store.MigrationState) int {
	n := 0
	for _, state := range states {
		if state.Applied {
			n++
		}
	}
	return n
}

func writable(folder string) error {
	file, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return fmt.Errorf("the data folder cannot be written: %w", err)
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString("ok"); err != nil {
		return fmt.Errorf("the data folder cannot be written: %w", err)
	}
	return file.Close()
}

func keyFits(ctx context.Context, s *store.Store, path string) error {
	known, err := s.Setting(ctx, keySetting)
	if err != nil || known == "" {
		return err
	}
	if _, err := os.Stat(filepath.Clean(path)); err != nil {
		return seal.ErrMissing
	}
	_, _, err = seal.LoadOrCreate(path, known)
	return err
}

func healthy(c inbox.Connection) error {
	if c.Problem == nil {
		return nil
	}
	return fmt.Errorf("is %s: %s", c.State, c.Problem.Code)
}

// clockRuns finds a clock that was set back: the log would hold events of the future.
func clockRuns(ctx context.Context, s *store.Store) error {
	last, err := s.LastSeq(ctx)
	if err != nil || last == 0 {
		return err
	}
	events, err := s.EventsAfter(ctx, last-1, 1)
	if err != nil || len(events) == 0 {
		return err
	}
	if ahead := time.Until(events[0].At); ahead > time.Minute {
		return fmt.Errorf("the newest event is %s in the future: this machine's clock is wrong, or was", ahead.Round(time.Second))
	}
	return nil
}

func reachable(ctx context.Context, c Config) error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return nil // said above
	}
	ctx, done := context.WithTimeout(ctx, 3*time.Second)
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Listen+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s", response.Status)
	}
	return nil
}

// doorOpen asks a door for its greeting.
func doorOpen(ctx context.Context, address, protocol string) error {
	network := "tcp"
	if path, unix := strings.CutPrefix(address, unixPrefix); unix {
		network, address = "unix", path
	}
	ctx, done := context.WithTimeout(ctx, 3*time.Second)
	defer done()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("nobody takes mail here by %s: %w", protocol, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 1000)).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "220") {
		return fmt.Errorf("the door does not open: %s", strings.TrimSpace(line))
	}
	return nil
}
