package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/search"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

type contact struct {
	ID            inbox.ContactID `json:"id"`
	Name          string          `json:"name"`
	Identities    []identity      `json:"identities"`
	CreatedAt     instant         `json:"created_at"`
	Conversations int             `json:"conversations"`
	LastAt        instant         `json:"last_at"`
}

type identity struct {
	Kind     string `json:"kind"`
	Realm    string `json:"realm"`
	RemoteID string `json:"remote_id"`
	Name     string `json:"name"`
}

func showContact(c store.ContactSummary) contact {
	shown := contact{c.ID, c.Name, make([]identity, len(c.Identities)), at(c.CreatedAt), c.Conversations, at(c.LastAt)}
	for i, id := range c.Identities {
		shown.Identities[i] = identity{id.Kind, id.Realm, id.RemoteID, id.Name}
	}
	return shown
}

func (a *API) contacts() {
	register(a, rbac.ContactRead, huma.Operation{Method: http.MethodGet, Path: "/contacts", Summary: "List customers, the newest first."}, a.listContacts)
	register(a, rbac.ContactRead, huma.Operation{Method: http.MethodGet, Path: "/contacts/{id}", Summary: "Read one customer."}, a.getContact)
	register(a, rbac.ContactRead, huma.Operation{Method: http.MethodGet, Path: "/contacts/{id}/conversations",
		Summary: "List the conversations with a customer, the newest first."}, a.listContactConversations)
}

// contactScope is what the caller may see of customers.
func (a *API) contactScope(ctx context.Context) rbac.Scope {
	return a.Rights.Scope(a.actor(ctx), rbac.ContactRead)
}

func (a *API) listContacts(ctx context.Context, in *struct {
	Q string `query:"q" maxLength:"200" doc:"a part of the name or address"`
	Paging
}) (*body[page[contact]], error) {
	var before inbox.ContactID
	if err := readCursor(in.Cursor, &before); err != nil {
		return nil, err
	}
	found, err := a.findContacts(ctx, in.Q, before, in.Limit)
	return reply(list(found, in.Limit, func(c store.ContactSummary) any { return c.ID }, showContact), err)
}

// findContacts reads a page of contacts and one more. A search that takes too long is given up.
func (a *API) findContacts(ctx context.Context, part string, before inbox.ContactID, limit int) ([]store.ContactSummary, error) {
	if part != "" {
		limited, cancel := context.WithTimeoutCause(ctx, searchTimeout, errSearchTooLong)
		defer cancel()
		ctx = limited
	}
	found, err := a.Store.ListContacts(ctx, a.contactScope(ctx), part, before, limit)
	if err != nil && context.Cause(ctx) == errSearchTooLong {
		return nil, errSearchTooLong
	}
	return found, err
}

// ContactPath names one contact in a path.
type ContactPath struct {
	ID ref[inbox.ContactID] `path:"id"`
}

func (a *API) getContact(ctx context.Context, in *ContactPath) (*body[contact], error) {
	c, err := a.Store.Contact(ctx, a.contactScope(ctx), in.ID.ID)
	return reply(showContact(c), err)
}

func (a *API) listContactConversations(ctx context.Context, in *struct {
	ContactPath
	Paging
}) (*body[page[conversation]], error) {
	if _, err := a.Store.Contact(ctx, a.contactScope(ctx), in.ID.ID); err != nil {
		return nil, err
	}
	f := store.ConversationFilter{Contact: in.ID.ID, AnyState: true}
	return reply(a.listed(ctx, a.scope(ctx), f, store.SortNewest, in.Paging))
}

// found is the answer of a search over everything.
type found struct {
	Conversations []conversation `json:"conversations"`
	Contacts      []contact      `json:"contacts"`
}

func (a *API) searches() {
	register(a, rbac.ConversationRead, huma.Operation{Method: http.MethodGet, Path: "/search", Summary: "Search conversations and customers at once."}, a.getSearch)
}

const (
	foundConversations = 50
	foundContacts      = 20
)

func (a *API) getSearch(ctx context.Context, in *struct {
	Q string `query:"q" required:"true" minLength:"1" maxLength:"500" doc:"a search line, such as from:ann is:open \"late parcel\""`
}) (*body[found], error) {
	answer := found{[]conversation{}, []contact{}}
	scope := a.scope(ctx)
	f, matches, err := a.filter(ctx, scope, &conversationQuery{Q: in.Q})
	if err != nil {
		return nil, err
	}
	if line := search.Parse(in.Q); matches && !line.Empty() {
		page, err := a.listed(ctx, scope, f, store.SortNewest, Paging{Limit: foundConversations})
		if err != nil {
			return nil, err
		}
		answer.Conversations = page.Items
	}
	part := search.Parse(in.Q).Text
	if part == "" {
		part = search.Parse(in.Q).From
	}
	if part != "" {
		contacts, err := a.findContacts(ctx, part, 0, foundContacts)
		if err != nil {
			return nil, err
		}
		answer.Contacts = list(contacts, foundContacts, func(c store.ContactSummary) any { return c.ID }, showContact).Items
	}
	return &body[found]{answer}, nil
}
