package outbound_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/deskbell/deskbell/channels/rest/outbound"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func isOwnNetwork(err error) bool {
	_, ok := errors.AsType[*outbound.OwnNetworkError](err)
	return ok
}

func TestGuardJudgesAddresses(t *testing.T) {
	var guard outbound.Guard
	for _, address := range strings.Fields(`0.0.0.0:80 0.1.2.3:80 10.1.2.3:443 100.64.0.1:80 127.0.0.1:80 127.9.9.9:993 169.254.169.254:80 100.100.100.200:80 168.63.129.16:80
		172.16.0.1:80 172.31.255.255:80 192.0.0.1:80 192.0.2.1:80 192.88.99.1:80 192.168.1.1:80 198.18.0.1:80 198.51.100.1:80 203.0.113.1:80
		224.0.0.1:80 239.255.255.250:80 240.0.0.1:80 255.255.255.255:80
		[::]:80 [::1]:80 [fe80::1]:80 [fe80::1%lo]:80 [fc00::1]:80 [fd00:ec2::254]:80 [fd12:3456::1]:80 [fec0::1]:80 [ff02::1]:80 [2001:db8::1]:80 [3fff::1]:80
		[::ffff:127.0.0.1]:80 [::ffff:169.254.169.254]:80 [::127.0.0.1]:80 [64:ff9b::7f00:1]:80 [64:ff9b::a9fe:a9fe]:80 [64:ff9b:1::a00:1]:80
		[2002:7f00:1::]:80 [2002:a9fe:a9fe::1]:80 [2001:0:1::1]:80 [100::1]:80`) {
		if err := guard.Judge(address, false); !isOwnNetwork(err) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range strings.Fields(`1.1.1.1:80 93.184.215.14:443 172.32.0.1:80 100.128.0.1:993 [2606:4700:4700::1111]:443 [2a00:1450:4001:829::200e]:25
		[::ffff:93.184.215.14]:443 [64:ff9b::5db8:d70e]:443`) {
		if err := guard.Judge(address, false); err != nil && !outbound.Own(address) {
			t.Errorf("%s: %v", address, err)
		}
	}
	allowing := outbound.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")}}
	for address, allowed := range map[string]bool{"10.1.2.3:993": true, "10.2.2.3:993": false, "[fd00::1]:25": true, "[::ffff:10.1.2.3]:25": true,
		"[64:ff9b::a01:203]:25": true, "169.254.169.254:80": false} {
		if err := allowing.Judge(address, true); (err == nil) != allowed {
			t.Errorf("%s with allowed networks: %v", address, err)
		}
	}
	inside := outbound.Guard{Inside: true}
	for address, allowed := range map[string]bool{"10.2.2.3:993": true, "127.0.0.1:25": true, "[::1]:25": true, "1.1.1.1:993": true,
		"169.254.169.254:80": false, "100.100.100.200:80": false, "0.0.0.0:25": false, "224.0.0.1:25": false, "[fe80::1]:25": false} {
		if err := inside.Judge(address, false); (err == nil) != allowed {
			t.Errorf("%s with the server's own network: %v", address, err)
		}
	}
	allowing.Only = true
	for address, allowed := range map[string]bool{"10.1.2.3:80": true, "1.1.1.1:80": false} {
		if err := allowing.Judge(address, true); (err == nil) != allowed {
			t.Errorf("%s with allowed networks alone: %v", address, err)
		}
	}
	for address, asked := range map[string]bool{"1.1.1.1:80": true, "1.1.1.1:443": true, "1.1.1.1:22": false, "[2606:4700:4700::1111]:8080": false} {
		if err := guard.Judge(address, true); (err == nil) != asked {
			t.Errorf("%s of the web: %v", address, err)
		}
	}
}

// This machine is reached by none of its addresses, public ones included.
func TestGuardKnowsItsMachine(t *testing.T) {
	own, err := net.InterfaceAddrs()
	if err != nil || len(own) == 0 {
		t.Fatal(err)
	}
	for _, a := range own {
		prefix := netip.MustParsePrefix(a.String())
		if err := new(outbound.Guard).Judge(netip.AddrPortFrom(prefix.Addr(), 80).String(), false); !isOwnNetwork(err) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

func TestGuardConnects(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if _, err := new(outbound.Guard).DialContext(t.Context(), "tcp", net.JoinHostPort(host, port)); !isOwnNetwork(err) {
			t.Errorf("%s: %v", host, err)
		}
	}
	conn, err := (&outbound.Guard{Allow: loopback}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// A name that is public at the first look and inside at the second is not reached at the second.
func TestGuardJudgesWhatItConnectsTo(t *testing.T) {
	var looks atomic.Int32
	resolver := namesServed(t, func() [4]byte {
		if looks.Add(1) == 1 {
			return [4]byte{127, 0, 0, 1}
		}
		return [4]byte{169, 254, 169, 254}
	})
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	guard := outbound.Guard{Allow: loopback, Resolver: resolver}
	conn, err := guard.DialContext(t.Context(), "tcp", net.JoinHostPort("rebinding.example", port))
	if err != nil {
		t.Fatalf("first look: %v", err)
	}
	conn.Close()
	if _, err = guard.DialContext(t.Context(), "tcp", net.JoinHostPort("rebinding.example", port)); !isOwnNetwork(err) {
		t.Errorf("second look: %v", err)
	}
}

// namesServed is a resolver whose name server answers every question for an IPv4 address with what
// address gives.
func namesServed(t *testing.T, address func() [4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			for _, q := range m.Questions {
				if q.Type == dnsmessage.TypeA {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: address()}})
				}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from) // a lost answer fails the test
			}
		}
	}()
	var dialer net.Dialer
	return &net.Resolver{PreferGo: true, Dial: dialTo(&dialer, conn.LocalAddr().String())}
}
