package outbound_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/deskbell/deskbell/channels/rest/outbound"
)

func dialTo(dialer *net.Dialer, address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "udp", address)
	}
}

// newClient is a client that may reach the servers of tests.
func newClient(o outbound.Options) *outbound.Client {
	o.Guard = &outbound.Guard{Allow: loopback}
	return outbound.New(o)
}

func ask(t *testing.T, c *outbound.Client, method, url string, header http.Header, body string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	response, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return response, string(data), err
}

// serve serves fn until the test ends.
func serve(t *testing.T, fn http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(fn)
	t.Cleanup(server.Close)
	return server.URL
}

func TestClientSaysLittle(t *testing.T) {
	var seen http.Header
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		http.SetCookie(w, &http.Cookie{Name: "known", Value: "yes"})
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/next", http.StatusFound)
		}
	})
	c := newClient(outbound.Options{Redirects: 1})
	if _, _, err := ask(t, c, http.MethodGet, url, nil, ""); err != nil {
		t.Fatal(err)
	}
	for name := range seen {
		if name != "User-Agent" && name != "Accept-Encoding" {
			t.Errorf("a request says %s: %q", name, seen[name])
		}
	}
	if !strings.Contains(seen.Get("User-Agent"), "Deskbell") {
		t.Errorf("user agent %q", seen.Get("User-Agent"))
	}
}

func TestClientRefuses(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/ftp":
			http.Redirect(w, r, "ftp://127.0.0.1/x", http.StatusFound)
		case "/person":
			http.Redirect(w, r, "http://ann:secret@"+r.Host+"/", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	c := newClient(outbound.Options{Redirects: 5})
	for _, address := range []string{url + "/inside", "http://169.254.169.254/", "http://[::ffff:10.0.0.1]/", "http://0x0a000001/"} {
		if _, _, err := ask(t, c, http.MethodGet, address, nil, ""); err == nil {
			t.Errorf("%s is answered", address)
		}
	}
	if _, _, err := ask(t, c, http.MethodGet, url+"/inside", nil, ""); !isOwnNetwork(err) {
		t.Errorf("redirect to the inside: %v", err)
	}
	host := strings.TrimPrefix(url, "http://")
	for _, address := range []string{url + "/file", url + "/ftp", url + "/person", url + "/round", "ftp://" + host, "http://ann:secret@" + host, "http:///x", "//" + host} {
		if _, _, err := ask(t, c, http.MethodGet, address, nil, ""); err == nil {
			t.Errorf("%s is answered", address)
		}
	}
	if response, _, err := ask(t, newClient(outbound.Options{}), http.MethodPost, url+"/inside", nil, "x"); err != nil || response.StatusCode != http.StatusFound {
		t.Errorf("a redirect that is not followed: %v, %v", response, err)
	}
}

// What proves who we are goes to the host it was meant for, not to where that host points.
func TestClientKeepsCredentials(t *testing.T) {
	type got struct {
		header http.Header
		body   string
	}
	seen := make(chan got, 10)
	note := func(r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing is seen
		seen <- got{r.Header.Clone(), string(body)}
	}
	other := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		if back := r.URL.Query().Get("back"); back != "" {
			http.Redirect(w, r, back, http.StatusFound)
		}
	})
	own := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other+"/", http.StatusFound)
		case "/back":
			http.Redirect(w, r, other+"/?back=http://"+r.Host+"/end", http.StatusFound)
		case "/within":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/keep":
			http.Redirect(w, r, other+"/", http.StatusTemporaryRedirect)
		}
	})
	c := newClient(outbound.Options{Redirects: 5})
	secret := func() http.Header {
		return http.Header{"Authorization": {"Bearer s3cret"}, "X-Api-Key": {"s3cret"}, "Cookie": {"a=s3cret"}, "Accept": {"text/plain"}}
	}
	for path, hops := range map[string][]bool{"/away": {true, false}, "/back": {true, false, false}, "/within": {true, true}} {
		if _, _, err := ask(t, c, http.MethodGet, own+path, secret(), ""); err != nil {
			t.Fatal(err)
		}
		for i, told := range hops {
			h := (<-seen).header
			if (h.Get("X-Api-Key") != "") != told || (h.Get("Authorization") != "") != told || (h.Get("Cookie") != "") != told || h.Get("Accept") != "text/plain" {
				t.Errorf("%s, hop %d: %v", path, i, h)
			}
		}
	}
	if _, _, err := ask(t, c, http.MethodPost, own+"/keep", secret(), "token=s3cret"); err == nil {
		t.Error("a body was sent on to another host")
	}
	if first := <-seen; first.body != "token=s3cret" || len(seen) != 0 {
		t.Errorf("first %+v, and %d more", first, len(seen))
	}
}

func TestClientLimits(t *testing.T) {
	stop := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/told":
			_, _ = w.Write(make([]byte, 2000)) // the client hangs up
		case "/untold":
			for range 100 {
				_, _ = w.Write(make([]byte, 100))
				_ = http.NewResponseController(w).Flush()
			}
		case "/exact":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
		case "/slow":
			<-stop
		case "/drip":
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			<-stop
		case "/head":
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		}
	})
	t.Cleanup(func() { close(stop) })
	c := newClient(outbound.Options{MaxBytes: 1000, Timeout: 200 * time.Millisecond})
	for path, tooLarge := range map[string]bool{"/told": true, "/untold": true, "/slow": false, "/drip": false, "/head": false} {
		began := time.Now()
		_, data, err := ask(t, c, http.MethodGet, url+path, nil, "")
		if err == nil || errors.Is(err, outbound.ErrTooLarge) != tooLarge || len(data) > 1000 || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %d bytes, %v after %v", path, len(data), err, time.Since(began))
		}
	}
	if _, data, err := ask(t, c, http.MethodGet, url+"/exact", nil, ""); err != nil || len(data) != 1000 {
		t.Errorf("as much as is taken: %d bytes, %v", len(data), err)
	}
}
