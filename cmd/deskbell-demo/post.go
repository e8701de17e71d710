package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/deskbell/deskbell/channels/email/emailtest"
)

// provider is the name under which the shops' connections know their mail servers. It leads
// nowhere but to the servers in this process.
const provider = "mail.provider.example"

// The ports in the connections' settings.
const (
	portIMAP = "993"
	portSMTP = "465"
)

// folders are kept in this order, which gives each the same UIDVALIDITY at every start.
var folders = []string{"INBOX", "Sent"}

// post is the mail provider of the made-up company. What lies in its mailboxes is kept in files, so
// that after a restart each mail has the number it had.
type post struct {
	server *emailtest.Server
	folder string

	mu    sync.Mutex
	boxes map[string]*mailbox
}

type mailbox struct {
	*emailtest.Mailbox
	kept map[string]int // by folder: mails that are in files
}

// openPost starts the servers and fills the mailboxes with what the folder holds.
func openPost(folder string) (*post, error) {
	server, err := emailtest.Start(emailtest.Options{Security: emailtest.TLS, Names: []string{provider}})
	if err != nil {
		return nil, err
	}
	return &post{server: server, folder: folder, boxes: map[string]*mailbox{}}, nil
}

// add opens the mailbox of an address with what was kept of it.
func (p *post) add(address, password string) error {
	box := &mailbox{p.server.AddMailbox(address, password), map[string]int{}}
	for _, folder := range folders {
		n, err := box.fill(folder, filepath.Join(p.folder, address, folder))
		if err != nil {
			return fmt.Errorf("mailbox %s: %w", address, err)
		}
		box.kept[folder] = n
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boxes[address] = box
	return nil
}

// fill puts the files of a folder back, 1.eml first; the time of a file is when its mail came in.
func (b *mailbox) fill(folder, files string) (int, error) {
	for n := 1; ; n++ {
		name := filepath.Join(files, strconv.Itoa(n)+".eml")
		about, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return n - 1, os.MkdirAll(files, 0o700)
		}
		if err != nil {
			return 0, err
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return 0, err
		}
		b.DeliverTo(folder, raw, about.ModTime())
	}
}

// deliver puts a mail into a folder of a mailbox and keeps it.
func (p *post) deliver(address, folder string, raw []byte, at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	box := p.boxes[address]
	if box == nil {
		return fmt.Errorf("there is no mailbox %s", address)
	}
	box.DeliverTo(folder, raw, at)
	return p.keep(address, box)
}

// save keeps what the product itself put into the mailboxes.
func (p *post) save() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for address, box := range p.boxes {
		errs = append(errs, p.keep(address, box))
	}
	return errors.Join(errs...)
}

func (p *post) keep(address string, box *mailbox) error {
	for _, folder := range folders {
		mails := box.Folder(folder)
		for _, m := range mails[box.kept[folder]:] {
			name := filepath.Join(p.folder, address, folder, strconv.Itoa(box.kept[folder]+1)+".eml")
			if err := write(name, m.Raw, m.At); err != nil {
				return fmt.Errorf("keep a mail: %w", err)
			}
			box.kept[folder]++
		}
	}
	return nil
}

// write makes a file that is there whole or not at all.
func write(name string, raw []byte, at time.Time) error {
	if at.IsZero() {
		at = time.Now()
	}
	if err := os.WriteFile(name+".new", raw, 0o600); err != nil {
		return err
	}
	if err := os.Chtimes(name+".new", at, at); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// dial leads to the mail servers of this process and nowhere else.
func (p *post) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	serves := p.server.IMAP
	switch {
	case host != provider:
		return nil, fmt.Errorf("the demo reaches %s alone", provider)
	case port == portSMTP:
		serves = p.server.SMTP
	case port != portIMAP:
		return nil, fmt.Errorf("%s serves IMAP on %s and SMTP on %s", provider, portIMAP, portSMTP)
	}
	loopback, at := serves()
	return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(loopback, strconv.Itoa(at)))
}

// close keeps what is not kept yet and ends the servers.
func (p *post) close() error { return errors.Join(p.save(), p.server.Close()) }
