package storetest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/deskbell/deskbell/inbox/store/storetest"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

func TestFreshDatabasesAreApart(t *testing.T) {
	one, other := connect(t, storetest.FreshDatabase(t)), connect(t, storetest.FreshDatabase(t))
	if _, err := one.Exec(t.Context(), "CREATE TABLE mark (id bigint)"); err != nil {
		t.Fatal(err)
	}
	var found bool
	if err := other.QueryRow(t.Context(), "SELECT to_regclass('mark') IS NOT NULL").Scan(&found); err != nil || found {
		t.Errorf("the other database has the table: %v, %v", found, err)
	}
}

func TestCopiedDatabase(t *testing.T) {
	prepared := 0
	prepare := func(dsn string) error {
		prepared++
		connection, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			return err
		}
		_, err = connection.Exec(t.Context(), "CREATE TABLE mark (id bigint); INSERT INTO mark VALUES (7)")
		return errors.Join(err, connection.Close(t.Context()))
	}
	for range 2 {
		copied := connect(t, storetest.CopyDatabase(t, "mark", prepare))
		var sum int
		if err := copied.QueryRow(t.Context(), "UPDATE mark SET id = id + 1 RETURNING id").Scan(&sum); err != nil || sum != 8 {
			t.Errorf("the copy holds %d, %v", sum, err)
		}
	}
	if prepared != 1 {
		t.Errorf("prepared %d times, want once", prepared)
	}
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	var dsn string
	t.Run("user", func(t *testing.T) {
		dsn = storetest.FreshDatabase(t)
		connect(t, dsn)
	})
	if connection, err := pgx.Connect(t.Context(), dsn); err == nil {
		_ = connection.Close(t.Context())
		t.Error("the database is still there")
	}
}

// The server of a killed process goes away with its folder.
func TestServerEndsWithAKilledProcess(t *testing.T) {
	const role = "DESKBELL_STORETEST_PRINTS_ITS_SERVER"
	if os.Getenv(role) != "" {
		fmt.Println("server " + storetest.StartPostgres(t))
		select {} // until killed
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), role+"=yes")
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill() }()
	line, err := bufio.NewReader(output).ReadString('\n')
	dsn, ok := strings.CutPrefix(strings.TrimSpace(line), "server ")
	if err != nil || !ok {
		t.Fatalf("the child said %q, %v", line, err)
	}
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	folder := address.Query().Get("host")
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // always "killed"
	// The keeper is no child of ours, so there is nothing to wait for but the folder's end.
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(20 * time.Millisecond) {
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", folder)
		}
	}
}
