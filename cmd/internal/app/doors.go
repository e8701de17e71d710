package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskbell/deskbell/channels/email/receive"
)

// door is a listener for mail that is handed over.
type door struct {
	*receive.Door
	protocol string // smtp or lmtp
	address  string // host:port or unix:PATH
	config   Config
	listener net.Listener
	counts   *prometheus.CounterVec
}

const unixPrefix = "unix:"

// wantedDoors are the doors the settings ask for, by protocol.
func (c Config) wantedDoors() map[string]string {
	doors := map[string]string{}
	if c.SMTPListen != "" {
		doors["smtp"] = c.SMTPListen
	}
	if c.LMTPListen != "" {
		doors["lmtp"] = c.LMTPListen
	}
	return doors
}

func (c Config) checkDoors() error {
	for protocol, address := range c.wantedDoors() {
		if path, unix := strings.CutPrefix(address, unixPrefix); unix && protocol == "lmtp" && path != "" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("--%s-listen %q: wants host:port, or unix:PATH for LMTP", protocol, address)
		}
	}
	if (c.SMTPTLSCert == "") != (c.SMTPTLSKey == "") {
		return errors.New("--smtp-tls-cert and --smtp-tls-key belong together")
	}
	if c.SMTPTLSCert != "" {
		if _, err := tls.LoadX509KeyPair(c.SMTPTLSCert, c.SMTPTLSKey); err != nil {
			return fmt.Errorf("--smtp-tls-cert: %w", err)
		}
	}
	_, err := networks("--smtp-allow", c.SMTPAllow)
	return err
}

// buildDoors builds what the settings ask for.
func (a *App) buildDoors() error {
	allow, err := networks("--smtp-allow", a.config.SMTPAllow)
	if err != nil {
		return err
	}
	var encryption *tls.Config
	if a.config.SMTPTLSCert != "" {
		certificate, err := receive.NewCertificate(a.config.SMTPTLSCert, a.config.SMTPTLSKey, a.log)
		if err != nil {
			return err
		}
		encryption = certificate.Config()
	}
	for protocol, address := range a.config.wantedDoors() {
		d := &door{protocol: protocol, address: address, config: a.config, counts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "deskbell_mail_received", Help: "Answers to mails that were handed over.", ConstLabels: prometheus.Labels{"door": protocol}}, []string{"outcome"})}
		d.Door = receive.New(receive.Options{LMTP: protocol == "lmtp", Name: a.public.Hostname(), Post: post{a.Store, Kinds(), a.log},
			Sink: sink{a.ingest}, Memory: a.runner.Memory(), TLS: encryption, Allow: allow, Metrics: d, Log: a.log.With("door", protocol)})
		a.doors = append(a.doors, d)
	}
	return nil
}

// Received counts an answer.
func (d *door) Received(outcome string) { d.counts.WithLabelValues(outcome).Inc() }

func (a *App) doorFigures() []prometheus.Collector {
	var list []prometheus.Collector
	for _, d := range a.doors {
		list = append(list, d.counts)
	}
	return list
}

// open begins to listen.
func (d *door) open(ctx context.Context, log *slog.Logger) error {
	network, address := "tcp", d.address
	path, unix := strings.CutPrefix(d.address, unixPrefix)
	if unix {
		network, address = "unix", path
		if err := clearSocket(path); err != nil {
			return err
		}
	}
	var err error
	if d.listener, err = (&net.ListenConfig{}).Listen(ctx, network, address); err != nil {
		return fmt.Errorf("take mail on %s: %w", d.address, err)
	}
	if unix { // the folder decides who may reach it: the mail server runs as somebody else
		if err := os.Chmod(path, 0o666); err != nil {
			return errors.Join(err, d.listener.Close())
		}
	}
	for _, warning := range d.config.openDoors() {
		log.Warn(warning, "door", d.protocol)
	}
	log.Info("taking forwarded mail", "door", d.protocol, "address", d.listener.Addr().String())
	return nil
}

func (d *door) serve(ctx context.Context) error { return d.Serve(ctx, d.listener) }

// clearSocket removes the socket that a program which was killed has left.
func clearSocket(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("take mail on %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("take mail on %s: something else lies there", path)
	}
	return os.Remove(path)
}

// openDoors says what an operator should know of who can hand mail over.
func (c Config) openDoors() []string {
	var warnings []string
	outside := func(p netip.Prefix) bool { return !p.Addr().IsLoopback() }
	networks, err := networks("--smtp-allow", c.SMTPAllow)
	if err != nil || !slices.ContainsFunc(networks, outside) {
		return nil
	}
	if slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		warnings = append(warnings, "ANYBODY who reaches this port may hand mail over, with any sender: name the mail servers in --smtp-allow")
	} else {
		warnings = append(warnings, "other machines may hand mail over, with any sender: "+strings.Join(c.SMTPAllow, ", "))
	}
	if c.SMTPTLSCert == "" {
		warnings = append(warnings, "mail is handed over unencrypted: give --smtp-tls-cert and --smtp-tls-key")
	}
	return warnings
}
