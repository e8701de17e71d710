package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// The kinds of what needs a person that are no alarms of their own: they follow from the ledger and
// from the state of the connection.
const (
	needSetAside inbox.AlarmKind = "set_aside"
	needState    inbox.AlarmKind = "state"
)

type alarm struct {
	Connection inbox.ConnectionID `json:"connection"`
	Shop       inbox.ShopID       `json:"shop"`
	Kind       inbox.AlarmKind    `json:"kind" enum:"state,silence,not_checked,count_differs,set_aside"`
	Reason     *inbox.Reason      `json:"reason"`
	Since      instant            `json:"since" doc:"null where nobody keeps it"`
}

func (a *API) alarms() {
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodGet, Path: "/alarms",
		Summary: "What needs a person in the connections the caller manages: trouble, silence, counts that differ, what is set aside."}, a.listAlarms)
}

func (a *API) listAlarms(ctx context.Context, _ *struct{}) (*body[page[alarm]], error) {
	scope := a.Rights.Scope(a.actor(ctx), rbac.ConnectionLedger)
	connections, err := a.Store.Connections(ctx, scope)
	if err != nil {
		return nil, err
	}
	if err := a.addAlarms(ctx, scope, connections); err != nil {
		return nil, err
	}
	aside, err := a.Store.SetAsideCounts(ctx, scope)
	if err != nil {
		return nil, err
	}
	var found []alarm
	for _, c := range connections {
		if c.State == inbox.ConnectionExpired || c.State == inbox.ConnectionDegraded {
			found = append(found, alarm{c.ID, c.Shop, needState, c.Problem, instant{}})
		}
		for _, raised := range c.Alarms {
			found = append(found, showAlarm(c, raised))
		}
		if n := aside[c.ID]; n > 0 {
			found = append(found, alarm{c.ID, c.Shop, needSetAside, &inbox.Reason{Code: "set_aside_waits", Params: map[string]any{"count": n}}, instant{}})
		}
	}
	return reply(whole(found, func(one alarm) alarm { return one }), nil)
}

func showAlarm(c inbox.Connection, raised inbox.Alarm) alarm {
	return alarm{c.ID, c.Shop, raised.Kind, &raised.Reason, at(raised.Since)}
}

// addAlarms gives connections the alarms that are raised for them, those of a scope.
func (a *API) addAlarms(ctx context.Context, scope rbac.Scope, connections []inbox.Connection) error {
	raised, err := a.Store.Alarms(ctx, scope)
	if err != nil {
		return err
	}
	for _, one := range raised {
		i := slices.IndexFunc(connections, func(c inbox.Connection) bool { return c.ID == one.Connection })
		if i >= 0 {
			connections[i].Alarms = append(connections[i].Alarms, one)
		}
	}
	return nil
}

// addHealth is addAlarms for a caller who may see how connections are.
func (a *API) addHealth(ctx context.Context, connections []inbox.Connection) error {
	return a.addAlarms(ctx, a.Rights.Scope(a.actor(ctx), rbac.ConnectionHealth), connections)
}

func showAlarms(c inbox.Connection) []alarm {
	shown := make([]alarm, len(c.Alarms))
	for i, raised := range c.Alarms {
		shown[i] = showAlarm(c, raised)
	}
	return shown
}
