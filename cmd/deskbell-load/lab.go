package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/deskbell/deskbell/channels/email/emailtest"
	"github.com/deskbell/deskbell/cmd/internal/client"
)

// lab is where measurements are made: a folder, mail servers, and at most one server at a time.
type lab struct {
	bench
	folder string
	mail   *emailtest.Server
	server *client.Server // the one that is filled; nil before the backlog
	desk   *desk
	drop   []string // databases to be removed
}

func openLab(b bench) (*lab, error) {
	folder, err := os.MkdirTemp("", "deskbell-load-")
	if err != nil {
		return nil, err
	}
	mail, err := emailtest.Start(emailtest.Options{})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return &lab{bench: b, folder: folder, mail: mail}, nil
}

func (l *lab) close() error {
	var errs []error
	if l.server != nil {
		errs = append(errs, l.server.Stop())
	}
	errs = append(errs, l.mail.Close())
	for _, name := range l.drop {
		errs = append(errs, l.administer("DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"))
	}
	return errors.Join(append(errs, os.RemoveAll(l.folder))...)
}

// fresh prepares a server on empty data. It is not started.
func (l *lab) fresh(ctx context.Context) (*client.Server, error) {
	folder, err := os.MkdirTemp(l.folder, "server-")
	if err != nil {
		return nil, err
	}
	database := ""
	if l.Database != "" {
		if database, err = l.createDatabase(filepath.Base(folder)); err != nil {
			return nil, err
		}
	}
	return client.NewServer(ctx, l.Binary, folder, database)
}

// createDatabase makes an empty database and returns its address.
func (l *lab) createDatabase(name string) (string, error) {
	name = "deskbell_load_" + strconv.Itoa(os.Getpid()) + "_" + name[len("server-"):]
	if err := l.administer("CREATE DATABASE " + name); err != nil {
		return "", fmt.Errorf("create a database: %w", err)
	}
	l.drop = append(l.drop, name)
	address, err := url.Parse(l.Database)
	if err != nil {
		return "", err
	}
	address.Path = "/" + name
	return address.String(), nil
}

// administer runs one statement on the database server.
func (l *lab) administer(statement string) error {
	ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
	defer done()
	conn, err := pgx.Connect(ctx, l.Database)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// filled is the server with the wanted number of conversations; the first call fills it.
func (l *lab) filled(ctx context.Context) (*client.Server, error) {
	if err := l.connected(ctx); err != nil {
		return nil, err
	}
	missing := l.Conversations - l.desk.delivered
	if missing <= 0 {
		return l.server, nil
	}
	// A mailbox that is watched while it fills is looked into again and again.
	if err := l.desk.set(ctx, "disabled"); err != nil {
		return nil, err
	}
	l.desk.write(missing)
	if err := l.desk.set(ctx, "new"); err != nil {
		return nil, err
	}
	return l.server, l.desk.taken(ctx)
}

// connected makes sure that there is a server with a shop whose mailbox is connected.
func (l *lab) connected(ctx context.Context) (err error) {
	if l.server != nil {
		return nil
	}
	s, err := l.fresh(ctx)
	if err != nil {
		return err
	}
	if _, err := s.Start(ctx); err != nil {
		return err
	}
	l.server = s
	if l.desk, err = openDesk(ctx, s, l.mail); err != nil {
		return err
	}
	return l.desk.connect(ctx)
}
