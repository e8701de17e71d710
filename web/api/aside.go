package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

// aside declares what can be done with what was set aside.
func (a *API) aside() {
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodGet, Path: "/set-aside",
		Summary: "What could not be read and is kept for people, of all connections the caller manages, newest first."}, a.listSetAside)
	register(a, rbac.ConnectionLedger, a.once(huma.Operation{Method: http.MethodPost, Path: "/set-aside/retry", DefaultStatus: http.StatusAccepted,
		Summary: "Read everything again that is set aside, or that of one connection: at most 10,000 entries at once."}), a.postRetryAll)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}/set-aside",
		Summary: "What could not be read of one connection."}, a.getSetAside)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodPost, Path: "/connections/{id}/set-aside/{entry}/retry",
		Summary: "Read it again, now, and say what became of it."}, a.postAsideRetry)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodPost, Path: "/connections/{id}/set-aside/{entry}/ignore",
		Summary: "Leave it out, for a reason; its bytes stay."}, a.postIgnore)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodDelete, Path: "/connections/{id}/set-aside/{entry}",
		DefaultStatus: http.StatusNoContent, Summary: "Delete its bytes. It does not come back."}, a.deleteSetAside)
}

func (a *API) listSetAside(ctx context.Context, in *struct {
	Q string `query:"q" maxLength:"200" doc:"part of a sender or subject, or a whole address or Message-ID"`
	Paging
}) (*body[page[ledgerEntry]], error) {
	f := store.LedgerFilter{Scope: a.Rights.Scope(a.actor(ctx), rbac.ConnectionLedger), Text: strings.TrimSpace(in.Q)}
	return reply(a.ledgerItems(ctx, f, in.Paging))
}

func (a *API) getSetAside(ctx context.Context, in *struct {
	ConnectionPath
	Paging
}) (*body[ledgerPage], error) {
	return a.ledgerPage(ctx, store.LedgerFilter{Connection: in.ID.ID, State: inbox.LedgerSetAside}, in.Paging)
}

type asked struct {
	Asked int `json:"asked" doc:"how many entries are read again"`
}

// postRetryAll asks for a job; each entry is then read once.
func (a *API) postRetryAll(ctx context.Context, in *struct {
	Body struct {
		Connection maybe[inbox.ConnectionID] `json:"connection" required:"false"`
	}
}) (*body[asked], error) {
	scope := a.Rights.Scope(a.actor(ctx), rbac.ConnectionLedger)
	if id := in.Body.Connection.id(); id != 0 {
		c, err := a.managedConnection(ctx, rbac.ConnectionLedger, id)
		if err != nil {
			return nil, err
		}
		scope = rbac.Scope{Shops: []inbox.ShopID{c.Shop}}
	}
	f := store.LedgerFilter{Connection: in.Body.Connection.id(), Scope: scope}
	var result asked
	err := a.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		counts, err := tx.SetAsideCounts(ctx, scope)
		if err != nil {
			return err
		}
		if result.Asked, err = a.Ledger.AskRetry(ctx, tx, f, a.actor(ctx).User); err != nil {
			return err
		}
		for id := range counts {
			if f.Connection != 0 && id != f.Connection {
				continue
			}
			c, err := tx.Connection(ctx, id)
			if err != nil {
				return err
			}
			if err := tx.Audit(ctx, a.entry(ctx, inbox.AuditSetAsideRetried, "all of connection "+id.String(), c.Shop)); err != nil {
				return err
			}
		}
		return nil
	})
	return reply(result, err)
}

// asideTimeout bounds a retry that somebody waits for: it may fetch from the source.
const asideTimeout = time.Minute

func (a *API) postAsideRetry(ctx context.Context, in *LedgerPath) (*body[ledgerEntry], error) {
	c, e, err := a.entryOf(ctx, rbac.ConnectionLedger, in)
	if err != nil {
		return nil, err
	}
	line := a.ledgerLine(ctx, inbox.AuditSetAsideRetried, c, e)
	if err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, line) }); err != nil {
		return nil, err
	}
	within, done := context.WithTimeout(ctx, asideTimeout)
	defer done()
	e, err = a.Ledger.Retry(within, e)
	return a.replyEntry(ctx, e, err)
}

func (a *API) postIgnore(ctx context.Context, in *struct {
	LedgerPath
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"in the person's own words"`
	}
}) (*body[ledgerEntry], error) {
	c, e, err := a.entryOf(ctx, rbac.ConnectionLedger, &in.LedgerPath)
	if err != nil {
		return nil, err
	}
	why := inbox.Reason{Code: inbox.ReasonIgnoredByHand, Params: map[string]any{"by": a.actor(ctx).User, "note": strings.TrimSpace(in.Body.Reason)}}
	err = a.leaveOut(ctx, a.ledgerLine(ctx, inbox.AuditSetAsideIgnored, c, e), c, func(tx *store.Tx) error { return tx.IgnoreSetAside(ctx, e.ID, why) })
	if err != nil {
		return nil, err
	}
	e, err = a.Store.LedgerEntry(ctx, c.ID, e.ID)
	return a.replyEntry(ctx, e, err)
}

func (a *API) deleteSetAside(ctx context.Context, in *LedgerPath) (*nothing, error) {
	c, e, err := a.entryOf(ctx, rbac.ConnectionLedger, in)
	if err != nil {
		return nil, err
	}
	why := inbox.Reason{Code: inbox.ReasonDeletedByHand, Params: map[string]any{"by": a.actor(ctx).User}}
	return nil, a.leaveOut(ctx, a.ledgerLine(ctx, inbox.AuditSetAsideDeleted, c, e), c, func(tx *store.Tx) error { return tx.DeleteSetAside(ctx, e, why) })
}

// leaveOut takes an entry from what is set aside, records who did it and tells those who look.
func (a *API) leaveOut(ctx context.Context, line inbox.AuditEntry, c inbox.Connection, act func(tx *store.Tx) error) error {
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := act(tx); err != nil {
			return err
		}
		tx.Append(inbox.Event{Kind: inbox.ConnectionChanged, Shop: c.Shop, Actor: line.Actor,
			Data: map[string]any{"connection": c.ID, "state": c.State, "set_aside": false}})
		return tx.Audit(ctx, line)
	})
}
