package web

import (
	"context"

	"github.com/deskbell/deskbell/web/api"
	"github.com/deskbell/deskbell/web/auth"
)

// act lets the socket do what the JSON interface does.
func act(operations *api.API) func(context.Context, auth.Identity, string, []byte) (any, error) {
	return func(ctx context.Context, by auth.Identity, op string, message []byte) (any, error) {
		return operations.Act(ctx, by.Actor, op, message)
	}
}
