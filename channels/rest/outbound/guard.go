// Package outbound is the way from the server to hosts that somebody else named: in a mail, in the
// settings of a shop, in an answer of a far side. A Guard connects to public addresses alone, and to
// those of the server's own network that its operator allows; a Client speaks HTTP through a Guard.
package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// OwnNetworkError says that a host is not reached because its address is one of the server's own
// network, or none that a host in the internet can have.
type OwnNetworkError struct {
	Host string // as it was asked for
}

func (e *OwnNetworkError) Error() string {
	return e.Host + " is on this server's own network"
}

// Guard connects to hosts. The address is judged when connecting, after its name was looked up, so
// that a name which changes its address between two looks gains nothing. The zero value allows
// public addresses alone. Safe for concurrent use.
type Guard struct {
	// Allow are networks that may be reached although they are the server's own.
	Allow []netip.Prefix
	// Inside lets the server's own network be reached as well: private addresses and this machine.
	Inside bool
	// Only keeps everything else out of reach, public addresses as well.
	Only bool
	// Resolver looks names up; nil: that of the system.
	Resolver *net.Resolver
}

const connectWithin = 30 * time.Second // for all addresses of a name

// DialContext connects to host:port over TCP. *OwnNetworkError if no address of the host may be
// reached.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return g.dial(ctx, network, address, nil)
}

// dial connects, to allowed networks on any port and elsewhere on ports alone; nil: on any.
func (g *Guard) dial(ctx context.Context, network, address string, ports []uint16) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: connectWithin, Resolver: g.Resolver, ControlContext: func(_ context.Context, _, found string, _ syscall.RawConn) error {
		return g.judge(host, found, ports)
	}}
	return dialer.DialContext(ctx, network, address)
}

// judge decides about one address as it is about to be connected to.
func (g *Guard) judge(host, found string, ports []uint16) error {
	to, err := netip.ParseAddrPort(found)
	if err != nil {
		return fmt.Errorf("address of %s: %w", host, err)
	}
	address := plain(to.Addr())
	switch {
	case holds(g.Allow, address):
		return nil
	case g.Inside && (inner(address) || public(address)):
	case g.Only || !public(address) || local(address):
		return &OwnNetworkError{Host: host}
	case ports != nil && !slices.Contains(ports, to.Port()):
		return fmt.Errorf("port %d of %s is not asked", to.Port(), host)
	}
	return nil
}

// plain is an address as the host behind it knows itself: without a zone, and as IPv4 where IPv6 only
// wraps it (RFC 4291, 2.5.5.2; RFC 6052, 2.1).
func plain(address netip.Addr) netip.Addr {
	address = address.WithZone("").Unmap()
	if translated.Contains(address) {
		wrapped := address.As16()
		return netip.AddrFrom4([4]byte(wrapped[12:]))
	}
	return address
}

var translated = netip.MustParsePrefix("64:ff9b::/96")

// notPublic is what the registries of special addresses (RFC 6890 and its successors at IANA) keep
// out of the internet, and the IPv6 forms that lead to an IPv4 address of the sender's choice:
// Teredo, 6to4. Multicast is here as well, and 168.63.129.16, at which a large provider's machines find
// what is meant for them alone.
var notPublic = prefixes("0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 " +
	"192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 2001::/23 2001:db8::/32 2002::/16 3fff::/20")

// global is the part of IPv6 that is given out to hosts; everything else has a meaning of its own.
var global = netip.MustParsePrefix("2000::/3")

// public tells whether hosts in the internet may have an address.
func public(address netip.Addr) bool {
	return (address.Is4() || global.Contains(address)) && !holds(notPublic, address)
}

// inner tells whether an address is one of private networks (RFC 1918, RFC 4193) or of this machine.
func inner(address netip.Addr) bool { return address.IsPrivate() || address.IsLoopback() }

// local tells whether a public address is this machine's or its neighbours'.
func local(address netip.Addr) bool {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(interfaces, func(a net.Addr) bool {
		own, err := netip.ParsePrefix(a.String())
		return err == nil && own.Contains(address)
	})
}

func holds(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

func prefixes(list string) (networks []netip.Prefix) {
	for text := range strings.FieldsSeq(list) {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	return networks
}

// standardPorts are where the web is.
var standardPorts = []uint16{80, 443}

// portOf is the port an address asks for.
func portOf(scheme, port string) uint16 {
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	number, _ := strconv.ParseUint(port, 10, 16) // 0, which nobody listens on, if it is none
	return uint16(number)
}
