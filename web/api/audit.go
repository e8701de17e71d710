package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// audit declares the record of who did what.
func (a *API) audit() {
	register(a, rbac.AuditRead, huma.Operation{Method: "GET", Path: "/audit",
		Summary: "List who did what, newest first: lines of one's shops; those that concern no shop are for admins of all."}, a.getAudit)
}

// AuditEntry is one line of the record.
type AuditEntry struct {
	ID      inbox.AuditID       `json:"id"`
	At      instant             `json:"at"`
	Actor   maybe[rbac.UserID]  `json:"actor" doc:"null: the program, or nobody signed in"`
	Address string              `json:"address" doc:"of the client"`
	Action  inbox.AuditAction   `json:"action"`
	Object  string              `json:"object" doc:"kind and id"`
	Shop    maybe[inbox.ShopID] `json:"shop"`
	Before  string              `json:"before"`
	After   string              `json:"after"`
}

func showAudit(e inbox.AuditEntry) AuditEntry {
	return AuditEntry{ID: e.ID, At: at(e.At), Actor: some(e.Actor), Address: e.Address, Action: e.Action, Object: e.Object,
		Shop: some(e.Shop), Before: e.Before, After: e.After}
}

func (a *API) getAudit(ctx context.Context, in *Paging) (*body[page[AuditEntry]], error) {
	var before inbox.AuditID
	if err := readCursor(in.Cursor, &before); err != nil {
		return nil, err
	}
	entries, err := a.Store.AuditEntries(ctx, a.Rights.Scope(a.actor(ctx), rbac.AuditRead), before, in.Limit+1)
	return reply(list(entries, in.Limit, func(e inbox.AuditEntry) any { return e.ID }, showAudit), err)
}
