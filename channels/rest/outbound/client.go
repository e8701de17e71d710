package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// ErrTooLarge says that an answer has more bytes than the client takes.
var ErrTooLarge = errors.New("the answer is larger than is taken")

// Options are what a Client may do; the zero value of a limit is its default.
type Options struct {
	Guard     *Guard         // nil: public addresses alone
	Redirects int            // how many are followed; 0: none, the redirect itself is the answer
	MaxBytes  int64          // of an answer's body. Default 4 MiB
	Timeout   time.Duration  // from the first byte sent to the last one read. Default 30 s
	WebOnly   bool           // ports 80 and 443 alone, except in networks the operator allows
	Roots     *x509.CertPool // whom to trust; nil: whom the system trusts
}

const (
	defaultBytes    = 4 << 20
	defaultTimeout  = 30 * time.Second
	answerHead      = 64 << 10
	greetingTimeout = 10 * time.Second
	userAgent       = "Mozilla/5.0 (compatible; Deskbell)"
)

// Client sends requests to hosts that somebody else named. It goes through its guard for each
// connection, redirects included; it keeps no cookies, uses no proxy of the environment, says nothing
// of where a request comes from, and sends what proves who we are to the host it was meant for alone.
// Safe for concurrent use.
type Client struct {
	http     http.Client
	maxBytes int64
}

// New makes a client.
func New(o Options) *Client {
	if o.Guard == nil {
		o.Guard = &Guard{}
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultBytes
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	var ports []uint16
	if o.WebOnly {
		ports = standardPorts
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return o.Guard.dial(ctx, network, address, ports)
		},
		TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    greetingTimeout,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: answerHead,
		MaxIdleConns:           32,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
	}
	follow := func(next *http.Request, before []*http.Request) error { return redirect(next, before, o.Redirects) }
	return &Client{http: http.Client{Transport: transport, CheckRedirect: follow, Timeout: o.Timeout}, maxBytes: o.MaxBytes}
}

// Do sends a request and returns the answer, whatever its status. The caller closes its body, which
// gives ErrTooLarge once it has given the most bytes the client takes. *OwnNetworkError if the host is
// on the server's own network. What else went wrong is for the log and not for whoever named the
// host, because it tells open ports from closed ones.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	if err := check(r.URL); err != nil {
		return nil, err
	}
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", userAgent)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	if response.ContentLength > c.maxBytes {
		response.Body.Close()
		return nil, ErrTooLarge
	}
	response.Body = &bounded{response.Body, c.maxBytes}
	return response, nil
}

// CloseIdle closes connections that nobody uses.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// check refuses addresses that are not of the web or carry a name and password.
func check(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("addresses of %q are not asked", u.Scheme)
	case u.Hostname() == "":
		return errors.New("the address names no host")
	case u.User != nil:
		return errors.New("the address carries a name and password")
	}
	return nil
}

// redirect looks at the next hop as if somebody had asked for it. Nothing but a plain question goes to
// a host that was not asked at first.
func redirect(next *http.Request, before []*http.Request, most int) error {
	if most == 0 {
		return http.ErrUseLastResponse
	}
	if len(before) > most {
		return errors.New("one redirect after another")
	}
	if err := check(next.URL); err != nil {
		return err
	}
	first := before[0]
	next.Header.Del("Referer")
	elsewhere := func(hop *http.Request) bool { return !sameHost(first.URL, hop.URL) }
	if !elsewhere(next) && !slices.ContainsFunc(before, elsewhere) {
		return nil
	}
	if next.Method != http.MethodGet && next.Method != http.MethodHead {
		return errors.New("a redirect asks to send to another host")
	}
	next.Header = http.Header{"User-Agent": {first.Header.Get("User-Agent")}, "Accept": first.Header.Values("Accept")}
	return nil
}

// sameHost tells whether two addresses are asked of the same server over the same kind of line.
func sameHost(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && portOf(a.Scheme, a.Port()) == portOf(b.Scheme, b.Port())
}

// bounded is a body that ends with ErrTooLarge where it should have ended before.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
