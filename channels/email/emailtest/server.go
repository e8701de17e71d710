// Package emailtest is a mail provider in memory: IMAP and SMTP on loopback ports, with mailboxes
// that tests and the demo fill and read, and faults that tests switch on. It also starts a real
// Dovecot and Postfix for tests.
package emailtest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"
)

// The ways a client reaches a server, as in the settings of a mail connection.
const (
	Plain    = "none"
	StartTLS = "starttls"
	TLS      = "tls"
)

// Options say what kind of provider it is. The zero value is one without encryption.
type Options struct {
	Security string    // Plain, StartTLS or TLS; "" is Plain
	Names    []string  // of the servers in their certificate, beside localhost and 127.0.0.1
	Log      io.Writer // protocol errors and traffic, for debugging; nil: nowhere
}

// Server is a mail provider. Safe for concurrent use.
type Server struct {
	options Options
	tls     *tls.Config
	roots   *x509.CertPool
	imapAt  *net.TCPAddr
	smtpAt  *net.TCPAddr
	closing chan struct{} // closed by Close: hanging faults let go
	hanging atomic.Int32

	mu     sync.Mutex
	boxes  map[string]*Mailbox
	faults Faults
	imap   *imapserver.Server // nil while interrupted
	smtp   *smtp.Server
	ports  []net.Listener
}

// Start opens both servers on free loopback ports.
func Start(o Options) (*Server, error) {
	if o.Security == "" {
		o.Security = Plain
	}
	certificate, roots, err := selfSigned(o.Names...)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o,
		tls:     &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		roots:   roots,
		closing: make(chan struct{}),
		boxes:   map[string]*Mailbox{},
	}
	free := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	s.imapAt, s.smtpAt = free, free
	if err := s.Resume(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends both servers and every connection to them.
func (s *Server) Close() error {
	close(s.closing)
	return s.Interrupt()
}

// Interrupt closes the ports and every connection, as a crash of the provider does; the mailboxes
// stay.
func (s *Server) Interrupt() error {
	s.mu.Lock()
	i, m, ports := s.imap, s.smtp, s.ports
	s.imap, s.smtp, s.ports = nil, nil, nil
	s.mu.Unlock()
	if i == nil {
		return nil
	}
	for _, port := range ports {
		_ = port.Close() // the servers close it too, but only once they have begun to serve
	}
	return withoutClosed(errors.Join(i.Close(), m.Close()))
}

func withoutClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Resume opens the ports again, the same ones as before.
func (s *Server) Resume() error {
	imapListener, err := net.ListenTCP("tcp4", s.imapAt)
	if err != nil {
		return fmt.Errorf("listen for IMAP: %w", err)
	}
	smtpListener, err := net.ListenTCP("tcp4", s.smtpAt)
	if err != nil {
		return errors.Join(fmt.Errorf("listen for SMTP: %w", err), imapListener.Close())
	}
	s.imapAt, s.smtpAt = imapListener.Addr().(*net.TCPAddr), smtpListener.Addr().(*net.TCPAddr)
	i, m := s.newIMAP(), s.newSMTP()
	s.mu.Lock()
	s.imap, s.smtp, s.ports = i, m, []net.Listener{imapListener, smtpListener}
	s.mu.Unlock()
	go s.serve(i.Serve, imapListener)
	go s.serve(m.Serve, smtpListener)
	return nil
}

func (s *Server) serve(accept func(net.Listener) error, l net.Listener) {
	if s.options.Security == TLS {
		l = tls.NewListener(l, s.tls)
	}
	if err := accept(l); err != nil && s.options.Log != nil {
		fmt.Fprintln(s.options.Log, "emailtest:", err)
	}
}

func (s *Server) newIMAP() *imapserver.Server {
	o := &imapserver.Options{
		NewSession:   s.newSession,
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}, imap.CapESearch: {}, imap.CapNamespace: {}, imap.CapMove: {}},
		InsecureAuth: s.options.Security != StartTLS,
		Logger:       s.logger(),
		DebugWriter:  s.options.Log,
	}
	if s.options.Security == StartTLS {
		o.TLSConfig = s.tls
	}
	return imapserver.New(o)
}

func (s *Server) newSMTP() *smtp.Server {
	m := smtp.NewServer(smtp.BackendFunc(s.newSubmission))
	m.Domain = "localhost"
	m.AllowInsecureAuth = s.options.Security != StartTLS
	m.EnableSMTPUTF8 = true
	m.MaxMessageBytes = 100 << 20
	m.ErrorLog = s.logger()
	m.Debug = s.options.Log
	if s.options.Security == StartTLS {
		m.TLSConfig = s.tls
	}
	return m
}

func (s *Server) logger() *log.Logger {
	if s.options.Log == nil {
		return log.New(io.Discard, "", 0)
	}
	return log.New(s.options.Log, "emailtest: ", log.Lmicroseconds)
}

// IMAP and SMTP tell where the servers listen.
func (s *Server) IMAP() (host string, port int) { return "127.0.0.1", s.imapAt.Port }

// SMTP tells where mail is submitted.
func (s *Server) SMTP() (host string, port int) { return "127.0.0.1", s.smtpAt.Port }

// Security is Plain, StartTLS or TLS.
func (s *Server) Security() string { return s.options.Security }

// Roots holds the authority of the servers' certificate.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// AddMailbox opens an account with the folders INBOX and Sent. The password serves as an access
// token too.
func (s *Server) AddMailbox(address, password string) *Mailbox {
	box := newMailbox(address, password)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes[strings.ToLower(address)] = box
	return box
}

// login finds the account of a user name, its address, if the password is right.
func (s *Server) login(username, password string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.boxes[strings.ToLower(username)]
	if box == nil || box.password != password {
		return nil
	}
	return box
}

// Hanging tells how many commands hang because of a fault.
func (s *Server) Hanging() int { return int(s.hanging.Load()) }

// hang waits until the server closes or the fault is lifted.
func (s *Server) hang() {
	s.hanging.Add(1)
	defer s.hanging.Add(-1)
	s.mu.Lock()
	lifted := s.faults.lifted
	s.mu.Unlock()
	select {
	case <-s.closing:
	case <-lifted:
	}
}
