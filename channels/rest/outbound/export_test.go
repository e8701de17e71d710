package outbound

import "net/netip"

// Judge tells what is decided about one address, without connecting to it.
func (g *Guard) Judge(address string, webOnly bool) error {
	var ports []uint16
	if webOnly {
		ports = standardPorts
	}
	return g.judge("host.example", address, ports)
}

// Own tells whether this machine has an address, so that a test does not take it for a stranger's.
func Own(address string) bool { return local(netip.MustParseAddrPort(address).Addr()) }
