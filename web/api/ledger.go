package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

type ledgerEntry struct {
	ID           inbox.LedgerID              `json:"id"`
	Connection   inbox.ConnectionID          `json:"connection"`
	SourceKey    string                      `json:"source_key" doc:"where it lies at the source"`
	Folder       string                      `json:"folder"`
	State        inbox.LedgerState           `json:"state" enum:"message,automatic,same,ignored,set_aside,waiting,taking"`
	Reason       *inbox.Reason               `json:"reason" doc:"why, where the state alone does not say it"`
	Message      maybe[inbox.MessageID]      `json:"message" doc:"what it became, or the message it is the same as; null if that is in a shop the caller does not see"`
	Conversation maybe[inbox.ConversationID] `json:"conversation"`
	Siblings     []sibling                   `json:"siblings" nullable:"false" doc:"further copies in other shops the caller sees"`
	Sender       string                      `json:"sender"`
	Subject      string                      `json:"subject"`
	HeaderID     string                      `json:"header_id" doc:"Message-ID without <>"`
	Size         int64                       `json:"size"`
	Attempts     int                         `json:"attempts"`
	Raw          bool                        `json:"raw" doc:"its bytes are kept"`
	Retrying     bool                        `json:"retrying" doc:"it waits to be read again"`
	ReceivedAt   instant                     `json:"received_at"`
	TakenAt      instant                     `json:"taken_at"`
}

type sibling struct {
	Shop         inbox.ShopID         `json:"shop"`
	Message      inbox.MessageID      `json:"message"`
	Conversation inbox.ConversationID `json:"conversation"`
}

type ledgerPage struct {
	page[ledgerEntry]
	Counts  map[inbox.LedgerState]int `json:"counts" nullable:"false" doc:"of the whole connection; states without entries are left out"`
	Total   int                       `json:"total" doc:"the sum of the counts"`
	Folders []folderCount             `json:"folders" nullable:"false" doc:"as last counted: held = recorded - gone + outside + waiting + missing"`
}

type folderCount struct {
	Folder    string   `json:"folder"`
	Epoch     int64    `json:"epoch" doc:"the numbering of the folder"`
	Held      int      `json:"held" doc:"lay there"`
	Recorded  int      `json:"recorded" doc:"lines of the ledger"`
	Gone      int      `json:"gone" doc:"of these, no longer there"`
	Outside   int      `json:"outside" doc:"lay there and is not taken: older than the import"`
	Waiting   int      `json:"waiting" doc:"lay there and was not read yet"`
	Missing   int      `json:"missing" doc:"lay there, should have been read and is unknown"`
	MissingOf []uint32 `json:"missing_of" nullable:"false" doc:"the numbers of the first of them: UIDs"`
	CountedAt instant  `json:"counted_at"`
}

func (a *API) ledger() {
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}/ledger",
		Summary: "What a connection received and what became of it, newest first."}, a.getLedger)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodPost, Path: "/connections/{id}/ledger/count",
		DefaultStatus: http.StatusAccepted, Summary: "Count what the source holds and read what the ledger lacks of it."}, a.postLedgerCount)
	register(a, rbac.ConnectionLedger, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}/ledger/{entry}",
		Summary: "Read one entry."}, a.getLedgerEntry)
	register(a, rbac.MessageRaw, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}/ledger/{entry}/raw",
		Summary:   "Download what was received, byte by byte; a part of it by Range. Each time is on record.",
		Responses: fileResponse("message/rfc822")}, a.getLedgerRaw)
	a.aside()
	a.alarms()
}

// LedgerQuery narrows a list of entries.
type LedgerQuery struct {
	State  inbox.LedgerState `query:"state" enum:"message,automatic,same,ignored,set_aside,waiting,taking"`
	Folder string            `query:"folder" maxLength:"200"`
	Since  time.Time         `query:"since" doc:"received from this moment on"`
	Until  time.Time         `query:"until" doc:"received before this moment"`
	Q      string            `query:"q" maxLength:"200" doc:"part of a sender or subject, or a whole address or Message-ID"`
}

func (q LedgerQuery) filter(connection inbox.ConnectionID) store.LedgerFilter {
	f := store.LedgerFilter{Connection: connection, State: q.State, Since: q.Since, Until: q.Until, Text: strings.TrimSpace(q.Q)}
	if q.Folder != "" {
		f.Folder = &q.Folder
	}
	return f
}

func (a *API) getLedger(ctx context.Context, in *struct {
	ConnectionPath
	LedgerQuery
	Paging
}) (*body[ledgerPage], error) {
	return a.ledgerPage(ctx, in.filter(in.ID.ID), in.Paging)
}

// ledgerPage is a page of one connection with its counts.
func (a *API) ledgerPage(ctx context.Context, f store.LedgerFilter, p Paging) (*body[ledgerPage], error) {
	if _, err := a.managedConnection(ctx, rbac.ConnectionLedger, f.Connection); err != nil {
		return nil, err
	}
	items, err := a.ledgerItems(ctx, f, p)
	if err != nil {
		return nil, err
	}
	counts, err := a.Store.LedgerCounts(ctx, f.Connection)
	if err != nil {
		return nil, err
	}
	found := ledgerPage{page: items, Counts: counts, Folders: []folderCount{}}
	for _, n := range counts {
		found.Total += n
	}
	folders, err := a.Store.FolderCounts(ctx, f.Connection)
	for _, f := range folders {
		found.Folders = append(found.Folders, folderCount{f.Folder, f.Epoch, f.Held, f.Recorded, f.Gone, f.Outside, f.Waiting, f.Missing,
			notNil(f.MissingOf), at(f.CountedAt)})
	}
	return reply(found, err)
}

// ledgerItems is a page of entries with the messages they became.
func (a *API) ledgerItems(ctx context.Context, f store.LedgerFilter, p Paging) (page[ledgerEntry], error) {
	var before store.Place
	if err := readCursor(p.Cursor, &before); err != nil {
		return page[ledgerEntry]{}, err
	}
	entries, err := a.Store.Ledger(ctx, f, before, p.Limit+1)
	if err != nil {
		return page[ledgerEntry]{}, err
	}
	show, err := a.showLedger(ctx, entries)
	return list(entries, p.Limit, func(e inbox.LedgerEntry) any { return store.LedgerPlace(e) }, show), err
}

// showLedger looks up the messages of entries, those in shops the caller sees, and returns how to show
// each entry.
func (a *API) showLedger(ctx context.Context, entries []inbox.LedgerEntry) (func(inbox.LedgerEntry) ledgerEntry, error) {
	messages := map[inbox.ConnectionID][]inbox.MessageID{}
	for _, e := range entries {
		if e.Message != 0 {
			messages[e.Connection] = append(messages[e.Connection], e.Message)
		}
	}
	copies := map[inbox.MessageID][]inbox.MessageCopy{}
	for connection, ids := range messages {
		found, err := a.Store.Siblings(ctx, connection, ids)
		if err != nil {
			return nil, err
		}
		for id, list := range found {
			copies[id] = list
		}
	}
	scope := a.scope(ctx)
	return func(e inbox.LedgerEntry) ledgerEntry {
		shown := ledgerEntry{ID: e.ID, Connection: e.Connection, SourceKey: e.SourceKey, Folder: e.Place.Folder, State: e.State, Reason: e.Reason,
			Siblings: []sibling{}, Sender: e.Sender, Subject: e.Subject, HeaderID: e.HeaderID, Size: e.Size, Attempts: e.Attempts,
			Raw: e.RawHash != "", Retrying: e.RetryBy != 0, ReceivedAt: at(e.ReceivedAt), TakenAt: at(e.TakenAt)}
		for _, s := range copies[e.Message] {
			switch {
			case !scope.SeesShop(s.Shop):
			case s.Message == e.Message:
				shown.Message, shown.Conversation = some(s.Message), some(s.Conversation)
			default:
				shown.Siblings = append(shown.Siblings, sibling(s))
			}
		}
		return shown
	}, nil
}

// postLedgerCount answers at once; the counts follow, and an event says when.
func (a *API) postLedgerCount(ctx context.Context, in *ConnectionPath) (*nothing, error) {
	c, err := a.managedConnection(ctx, rbac.ConnectionLedger, in.ID.ID)
	if err != nil {
		return nil, err
	}
	if c.State == inbox.ConnectionDisabled {
		return nil, inbox.Errorf(inbox.Conflict, "this connection is disabled")
	}
	return nil, a.Store.InTx(ctx, func(tx *store.Tx) error { return a.Ledger.AskCount(ctx, tx, c.ID) })
}

// LedgerPath names one entry of a connection in a path.
type LedgerPath struct {
	ConnectionPath
	Entry ref[inbox.LedgerID] `path:"entry"`
}

// entryOf returns an entry, with its connection, to whoever holds a permission in its shop.
func (a *API) entryOf(ctx context.Context, permission rbac.Permission, in *LedgerPath) (inbox.Connection, inbox.LedgerEntry, error) {
	c, err := a.managedConnection(ctx, permission, in.ID.ID)
	if err != nil {
		return c, inbox.LedgerEntry{}, err
	}
	e, err := a.Store.LedgerEntry(ctx, c.ID, in.Entry.ID)
	return c, e, err
}

func (a *API) getLedgerEntry(ctx context.Context, in *LedgerPath) (*body[ledgerEntry], error) {
	_, e, err := a.entryOf(ctx, rbac.ConnectionLedger, in)
	return a.replyEntry(ctx, e, err)
}

func (a *API) replyEntry(ctx context.Context, e inbox.LedgerEntry, err error) (*body[ledgerEntry], error) {
	if err != nil {
		return nil, err
	}
	show, err := a.showLedger(ctx, []inbox.LedgerEntry{e})
	if err != nil {
		return nil, err
	}
	return reply(show(e), nil)
}

func (a *API) getLedgerRaw(ctx context.Context, in *LedgerPath) (*huma.StreamResponse, error) {
	c, e, err := a.entryOf(ctx, rbac.MessageRaw, in)
	if err != nil {
		return nil, err
	}
	if e.RawHash == "" {
		return nil, inbox.Errorf(inbox.NotFound, "its bytes are not kept")
	}
	line := a.ledgerLine(ctx, inbox.AuditRawViewed, c, e)
	if err := a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Audit(ctx, line) }); err != nil {
		return nil, err
	}
	return a.download(ctx, file{hash: e.RawHash, name: "received-" + e.ID.String() + ".eml", contentType: "message/rfc822"})
}

// ledgerLine is the record of what somebody did to an entry.
func (a *API) ledgerLine(ctx context.Context, action inbox.AuditAction, c inbox.Connection, e inbox.LedgerEntry) inbox.AuditEntry {
	return a.entry(ctx, action, fmt.Sprintf("ledger entry %s of connection %s", e.ID, c.ID), c.Shop)
}
