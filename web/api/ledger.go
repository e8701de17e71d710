package api

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

type ledgerEntry struct {
	ID           inbox.LedgerID              `json:"id"`
	SourceKey    string                      `json:"source_key" doc:"where it lies at the source"`
	State        inbox.LedgerState           `json:"state" enum:"message,same,automatic,ignored,set_aside,taking"`
	Message      maybe[inbox.MessageID]      `json:"message"`
	Conversation maybe[inbox.ConversationID] `json:"conversation"`
	Reason       *inbox.Reason               `json:"reason"`
	Size         int64                       `json:"size"`
	Attempts     int                         `json:"attempts"`
	ReceivedAt   instant                     `json:"received_at"`
	TakenAt      instant                     `json:"taken_at"`
}

type ledgerPage struct {
	page[ledgerEntry]
	Counts map[inbox.LedgerState]int `json:"counts" doc:"of the whole connection; they add up with the source"`
}

func (a *API) ledger() {
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}/ledger",
		Summary: "What a connection received and what became of it, newest first."}, a.getLedger)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}/set-aside",
		Summary: "What could not be read and is kept for people."}, a.getSetAside)
	register(a, rbac.MessageRaw, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}/set-aside/{entry}/raw",
		Summary: "Download what was set aside, byte by byte.", Responses: fileResponse("application/octet-stream")}, a.getSetAsideRaw)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodPost, Path: "/connections/{id}/set-aside/{entry}/retry",
		DefaultStatus: http.StatusAccepted, Summary: "Read it again."}, a.postSetAsideRetry)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodDelete, Path: "/connections/{id}/set-aside/{entry}",
		DefaultStatus: http.StatusNoContent, Summary: "Leave it out for good; its bytes stay until retention ends them."}, a.deleteSetAside)
}

func (a *API) getLedger(ctx context.Context, in *struct {
	ConnectionPath
	State inbox.LedgerState `query:"state" enum:"message,same,automatic,ignored,set_aside,taking"`
	Paging
}) (*body[ledgerPage], error) {
	return a.ledgerPage(ctx, in.ID.ID, in.State, in.Paging)
}

func (a *API) getSetAside(ctx context.Context, in *struct {
	ConnectionPath
	Paging
}) (*body[ledgerPage], error) {
	return a.ledgerPage(ctx, in.ID.ID, inbox.LedgerSetAside, in.Paging)
}

func (a *API) ledgerPage(ctx context.Context, id inbox.ConnectionID, state inbox.LedgerState, p Paging) (*body[ledgerPage], error) {
	if _, err := a.managedConnection(ctx, rbac.ConnectionLedger, id); err != nil {
		return nil, err
	}
	var before inbox.LedgerID
	if err := readCursor(p.Cursor, &before); err != nil {
		return nil, err
	}
	entries, err := a.Store.Ledger(ctx, id, state, before, p.Limit+1)
	if err != nil {
		return nil, err
	}
	counts, err := a.Store.LedgerCounts(ctx, id)
	if err != nil {
		return nil, err
	}
	messages := make([]inbox.MessageID, 0, len(entries))
	for _, e := range entries {
		if e.Message != 0 {
			messages = append(messages, e.Message)
		}
	}
	conversations, err := a.Store.ConversationsOf(ctx, messages)
	if err != nil {
		return nil, err
	}
	show := func(e inbox.LedgerEntry) ledgerEntry {
		return ledgerEntry{e.ID, e.SourceKey, e.State, some(e.Message), some(conversations[e.Message]), e.Reason, e.Size, e.Attempts, at(e.ReceivedAt), at(e.TakenAt)}
	}
	return &body[ledgerPage]{ledgerPage{list(entries, p.Limit, func(e inbox.LedgerEntry) any { return e.ID }, show), counts}}, nil
}

// SetAsidePath names one item that was set aside.
type SetAsidePath struct {
	ConnectionPath
	Entry ref[inbox.LedgerID] `path:"entry"`
}

// setAside returns an item that is set aside, with its connection, to whoever holds a permission in
// its shop.
func (a *API) setAside(ctx context.Context, permission rbac.Permission, in *SetAsidePath) (inbox.Connection, inbox.LedgerEntry, error) {
	c, err := a.managedConnection(ctx, permission, in.ID.ID)
	if err != nil {
		return c, inbox.LedgerEntry{}, err
	}
	e, err := a.Store.LedgerEntry(ctx, c.ID, in.Entry.ID)
	if err == nil && e.State != inbox.LedgerSetAside {
		err = inbox.Errorf(inbox.Conflict, "this is not set aside any more")
	}
	return c, e, err
}

func (a *API) getSetAsideRaw(ctx context.Context, in *SetAsidePath) (*huma.StreamResponse, error) {
	c, e, err := a.setAside(ctx, rbac.MessageRaw, in)
	if err != nil {
		return nil, err
	}
	if e.RawHash == "" {
		return nil, inbox.Errorf(inbox.NotFound, "its bytes could not be read")
	}
	line := a.entry(ctx, inbox.AuditRawViewed, fmt.Sprintf("ledger entry %s of connection %s", e.ID, c.ID), c.Shop)
	if err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, line) }); err != nil {
		return nil, err
	}
	return a.download(ctx, file{hash: e.RawHash, name: "set-aside-" + e.ID.String() + ".eml", contentType: "application/octet-stream"})
}

// postSetAsideRetry reads an item again: from its bytes as they are kept, or else from the source.
func (a *API) postSetAsideRetry(ctx context.Context, in *SetAsidePath) (*nothing, error) {
	c, e, err := a.setAside(ctx, rbac.ConnectionLedger, in)
	if err != nil {
		return nil, err
	}
	if a.Runner == nil || a.Ingest == nil {
		return nil, inbox.Errorf(inbox.Unavailable, "no connection runs on this node")
	}
	adapter, _, err := a.Runner.Adapter(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	reader, ok := adapter.(channels.Rereader)
	if !ok {
		return nil, inbox.Errorf(inbox.Conflict, "connections of this kind cannot read an item again")
	}
	raw, err := a.rawOf(ctx, e)
	if err != nil {
		return nil, err
	}
	item, err := reader.Reread(ctx, e.SourceKey, e.ReceivedAt, raw)
	if err != nil {
		return nil, err
	}
	if err := a.Ingest.Retry(ctx, c.ID, item); err != nil {
		return nil, err
	}
	line := a.entry(ctx, inbox.AuditSetAsideRetried, fmt.Sprintf("ledger entry %s of connection %s", e.ID, c.ID), c.Shop)
	return nil, a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, line) })
}

// rawOf returns the bytes kept of an item; nil if there are none.
func (a *API) rawOf(ctx context.Context, e inbox.LedgerEntry) ([]byte, error) {
	if e.RawHash == "" {
		return nil, nil
	}
	content, _, err := a.Store.OpenContent(ctx, a.Blobs, e.RawHash)
	if err != nil {
		return nil, fmt.Errorf("bytes of ledger entry %s: %w", e.ID, err)
	}
	defer content.Close()
	return io.ReadAll(content)
}

func (a *API) deleteSetAside(ctx context.Context, in *SetAsidePath) (*nothing, error) {
	c, e, err := a.setAside(ctx, rbac.ConnectionLedger, in)
	if err != nil {
		return nil, err
	}
	e.State = inbox.LedgerIgnored
	return nil, a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SaveLedger(ctx, []inbox.LedgerEntry{e}); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditSetAsideIgnored, fmt.Sprintf("ledger entry %s of connection %s", e.ID, c.ID), c.Shop))
	})
}
