package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// loggedEvent is one line of the event log as its readers see it.
type loggedEvent struct {
	Seq          int64                       `json:"seq"`
	Kind         inbox.EventKind             `json:"kind"`
	At           instant                     `json:"at"`
	Shop         maybe[inbox.ShopID]         `json:"shop"`
	Conversation maybe[inbox.ConversationID] `json:"conversation"`
	Actor        maybe[inbox.UserID]         `json:"actor"`
	Data         map[string]any              `json:"data"`
}

func showEvent(e inbox.Event) loggedEvent {
	return loggedEvent{e.Seq, e.Kind, at(e.At), some(e.Shop), some(e.Conversation), some(e.ShownActor()), e.Data}
}

// eventPage is a part of the log. Next is the number to go on after, also when nothing was shown.
type eventPage struct {
	Items []loggedEvent `json:"items"`
	Next  int64         `json:"next"`
}

func (a *API) events() {
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/events",
		Summary: "Read the event log after a number, as the caller may see it."}, a.listEvents)
}

// lookThrough bounds how many events are read for one answer; what the caller may not see counts too.
const lookThrough = 2000

func (a *API) listEvents(ctx context.Context, in *struct {
	After int64 `query:"after" minimum:"0"`
	Limit int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
}) (*body[eventPage], error) {
	found, err := a.Store.EventsAfter(ctx, in.After, lookThrough)
	if err != nil {
		return nil, err
	}
	roles, err := a.Store.Roles(ctx)
	if err != nil {
		return nil, err
	}
	scope := a.scope(ctx)
	answer := eventPage{Items: []loggedEvent{}, Next: in.After}
	for _, e := range found {
		if len(answer.Items) == in.Limit {
			break
		}
		answer.Next = e.Seq
		if e.SeenBy(scope, roles) {
			answer.Items = append(answer.Items, showEvent(e))
		}
	}
	return &body[eventPage]{answer}, nil
}
