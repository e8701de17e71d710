// Package app wires the product: it reads the settings, builds every part, starts them and stops
// them in reverse. It knows everybody and is known by the commands alone.
package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Config is how the server is run. Each field is a flag, an environment variable and a key of the
// configuration file, in this order of precedence.
type Config struct {
	Listen         string   `help:"Address to serve on." default:"127.0.0.1:8080" env:"DESKBELL_LISTEN"`
	Data           string   `help:"Folder for the database, files and key." default:"data" env:"DESKBELL_DATA" type:"path"`
	Database       string   `help:"PostgreSQL address, postgres://…; SQLite in the data folder if empty." env:"DESKBELL_DATABASE"`
	NATS           string   `name:"nats" help:"NATS address, nats://…, to carry live events between nodes." env:"DESKBELL_NATS"`
	PublicURL      string   `name:"public-url" help:"Address people open, such as https://desk.example. Links and origin checks use it." env:"DESKBELL_PUBLIC_URL"`
	Blobs          string   `help:"Where large files are kept: a folder, or s3://bucket/prefix?endpoint=…; the data folder if empty." env:"DESKBELL_BLOBS"`
	BlobsShared    bool     `name:"blobs-shared" help:"The folder of --blobs is the same on every node." env:"DESKBELL_BLOBS_SHARED"`
	KeyFile        string   `name:"key-file" help:"The sealing key; DATA/key if empty. Keep it apart from backups." env:"DESKBELL_KEY_FILE" type:"path"`
	Node           string   `help:"Name of this node, unique among those that share the database; the host's name if empty." env:"DESKBELL_NODE"`
	Metrics        string   `help:"Address to serve /metrics on; not served if empty." env:"DESKBELL_METRICS"`
	TrustedProxies []string `name:"trusted-proxies" help:"Networks whose X-Forwarded-For is believed." env:"DESKBELL_TRUSTED_PROXIES"`
	AllowNetworks  []string `name:"allow-networks" help:"Networks of the server's own that mailboxes, pictures in mails and other outside addresses may lead to, such as 192.168.1.0/24. None if empty." env:"DESKBELL_ALLOW_NETWORKS"`
	SMTPListen     string   `name:"smtp-listen" help:"Address to take forwarded mail on by SMTP; closed if empty." env:"DESKBELL_SMTP_LISTEN"`
	LMTPListen     string   `name:"lmtp-listen" help:"The same by LMTP: host:port or unix:PATH." env:"DESKBELL_LMTP_LISTEN"`
	SMTPAllow      []string `name:"smtp-allow" help:"Networks that may hand mail over; this machine alone if empty." env:"DESKBELL_SMTP_ALLOW"`
	SMTPTLSCert    string   `name:"smtp-tls-cert" help:"Certificate to offer encryption with to who hands mail over (STARTTLS)." env:"DESKBELL_SMTP_TLS_CERT" type:"path"`
	SMTPTLSKey     string   `name:"smtp-tls-key" help:"Its key." env:"DESKBELL_SMTP_TLS_KEY" type:"path"`
	Poll           int      `help:"Seconds between looks at a source that does not call by itself." default:"60" env:"DESKBELL_POLL"`
	LogFormat      string   `name:"log-format" help:"text or json." enum:"text,json" default:"text" env:"DESKBELL_LOG_FORMAT"`
	LogLevel       string   `name:"log-level" help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info" env:"DESKBELL_LOG_LEVEL"`
}

// KeyPath is where the sealing key lies.
func (c Config) KeyPath() string {
	if c.KeyFile != "" {
		return c.KeyFile
	}
	return filepath.Join(c.Data, "key")
}

// BlobsAddress is where large files are kept.
func (c Config) BlobsAddress() string {
	if c.Blobs != "" {
		return c.Blobs
	}
	return filepath.Join(c.Data, "blobs")
}

// Public is the address people open; without one, it is the address served on.
func (c Config) Public(listening net.Addr) (*url.URL, error) {
	if c.PublicURL == "" {
		return &url.URL{Scheme: "http", Host: listening.String()}, nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("--public-url %q: wants an address such as https://desk.example", c.PublicURL)
	}
	u.Path, u.RawQuery, u.Fragment = strings.TrimSuffix(u.Path, "/"), "", ""
	return u, nil
}

// Proxies are the networks whose forwarding headers are believed.
func (c Config) Proxies() ([]netip.Prefix, error) {
	return networks("--trusted-proxies", c.TrustedProxies)
}

// Allowed are the networks of the server's own that others may make it connect to.
func (c Config) Allowed() ([]netip.Prefix, error) {
	return networks("--allow-networks", c.AllowNetworks)
}

// networks reads networks and single addresses.
func networks(flag string, texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, second := netip.ParseAddr(text)
			if second != nil {
				return nil, fmt.Errorf("%s %q: wants a network such as 10.0.0.0/8", flag, text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		list = append(list, prefix)
	}
	return list, nil
}

// Check says what is wrong with the settings before anything is opened.
func (c Config) Check() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("--listen %q: wants host:port", c.Listen)
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		return errors.New("--database wants postgres://…; leave it empty for SQLite")
	}
	if c.NATS != "" && c.Database == "" {
		return errors.New("--nats connects several nodes, which need --database postgres://…")
	}
	if c.Poll < 1 {
		return errors.New("--poll wants at least 1 second")
	}
	_, proxies := c.Proxies()
	_, allowed := c.Allowed()
	return errors.Join(proxies, allowed, c.checkDoors())
}

// LockData makes the data folder and, on SQLite, keeps a second server out of it.
func LockData(c Config) (release func() error, err error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if c.Database != "" {
		return func() error { return nil }, nil
	}
	return lockFile(filepath.Join(c.Data, "lock"))
}
