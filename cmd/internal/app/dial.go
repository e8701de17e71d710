package app

import (
	"context"
	"errors"
	"net"

	"github.com/deskbell/deskbell/channels/rest/outbound"
	"github.com/deskbell/deskbell/inbox"
)

// reasonOwnNetwork is the reason of a connection whose host lies in the server's own network.
const reasonOwnNetwork = "own_network"

// connectionDialer is the way out of connections. The admins of single shops, who name the hosts of
// theirs, are not trusted with the network the server stands in; who manages all connections is.
func connectionDialer(guard *outbound.Guard) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := guard.DialContext(ctx, network, address)
		if own, ok := errors.AsType[*outbound.OwnNetworkError](err); ok {
			return nil, &inbox.Error{Code: inbox.Unavailable, Msg: own.Error() + "; its operator can allow it with --allow-networks",
				Reason: &inbox.Reason{Code: reasonOwnNetwork, Params: map[string]any{"host": own.Host}}, Err: err}
		}
		return conn, err
	}
}
