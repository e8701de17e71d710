package api

import (
	"context"
	"net/http"

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
	if err := a.addHealth(ctx, connections); err != nil {
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
		if c.SetAside > 0 {
			why := &inbox.Reason{Code: "set_aside_waits", Params: map[string]any{"count": c.SetAside}}
			found = append(found, alarm{c.ID, c.Shop, needSetAside, why, instant{}})
		}
	}
	return reply(whole(found, func(one alarm) alarm { return one }), nil)
}

func showAlarm(c inbox.Connection, raised inbox.Alarm) alarm {
	return alarm{c.ID, c.Shop, raised.Kind, &raised.Reason, at(raised.Since)}
}

// addHealth gives connections what is wrong with them beyond their state: their alarms, if the caller
// may see how they are, and how much is set aside, if he may see their ledger.
func (a *API) addHealth(ctx context.Context, connections []inbox.Connection) error {
	actor := a.actor(ctx)
	raised, err := a.Store.Alarms(ctx, a.Rights.Scope(actor, rbac.ConnectionHealth))
	if err != nil {
		return err
	}
	aside, err := a.Store.SetAsideCounts(ctx, a.Rights.Scope(actor, rbac.ConnectionLedger))
	if err != nil {
		return err
	}
	at := make(map[inbox.ConnectionID]*inbox.Connection, len(connections))
	for i := range connections {
		at[connections[i].ID] = &connections[i]
		connections[i].SetAside = aside[connections[i].ID]
	}
	for _, one := range raised {
		if c := at[one.Connection]; c != nil {
			c.Alarms = append(c.Alarms, one)
		}
	}
	return nil
}

func showAlarms(c inbox.Connection) []alarm {
	shown := make([]alarm, len(c.Alarms))
	for i, raised := range c.Alarms {
		shown[i] = showAlarm(c, raised)
	}
	return shown
}
