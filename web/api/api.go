// Package api is the JSON interface: one file per resource, declared with huma, so that the OpenAPI
// document, the checking of input and the screen's types come from the same structs. Every operation
// names the permission it needs; one without does not start.
package api

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/blob"
	"github.com/deskbell/deskbell/inbox/ledger"
	"github.com/deskbell/deskbell/inbox/outbox"
	"github.com/deskbell/deskbell/inbox/seal"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
	"github.com/deskbell/deskbell/routing"
	"github.com/deskbell/deskbell/web/auth"
	"github.com/deskbell/deskbell/web/pictures"
)

// Prefix is where the interface lies.
const Prefix = "/api/v1"

// Options are what the handlers work with.
type Options struct {
	Store   *store.Store
	Rights  *rbac.Enforcer
	People  *auth.Service
	Routing *routing.Service // gives conversations to people and knows the roster
	Outbox  *outbox.Service
	Blobs   blob.Store // content too large for the database
	Seal    *seal.Ring
	Kinds   channels.Registry
	Runner  *channels.Runner // nil if no connection runs in this program
	Ledger  *ledger.Service
	// Pictures fetches those that mails show from elsewhere.
	Pictures *pictures.Fetcher
	// Dial and Roots are for testing connections: the way out, and whom to trust.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialInside is the way of connections that may lead into the server's own network; nil: Dial.
	DialInside func(ctx context.Context, network, address string) (net.Conn, error)
	Roots      *x509.CertPool
	// Caller tells who sent a request; the zero Caller is nobody. It must not read the database:
	// whoever stands in front of the handlers has done so. By default it is whom auth.Middleware found.
	Caller  func(ctx context.Context) Caller
	Version string
	Now     func() time.Time
	Log     *slog.Logger
}

// Caller is who sent a request.
type Caller struct {
	Actor   rbac.Actor
	Address string // of the client, for the record
}

// API is the handlers of every resource.
type API struct {
	Options
	huma       huma.API
	operations []string // method and path of each, to find doubles
	acts       *Acts
	channels   sync.Map // inbox.ConnectionID → string: the kind, which never changes
}

// New declares every operation on mux. It panics if one of them is declared wrongly, so that no
// server starts with it.
func New(mux *http.ServeMux, o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Caller == nil {
		o.Caller = func(ctx context.Context) Caller {
			id := auth.From(ctx)
			return Caller{Actor: id.Actor, Address: id.Address}
		}
	}
	a := &API{Options: o, acts: &Acts{store: o.Store, rights: o.Rights, routing: o.Routing, outbox: o.Outbox, now: o.Now}}
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: "Deskbell", Version: o.Version, Description: description},
			Components: &huma.Components{Schemas: newRegistry(), SecuritySchemes: securitySchemes},
			Servers:    []*huma.Server{{URL: Prefix}},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.transform},
	}
	a.huma = humago.NewWithPrefix(mux, Prefix, config)
	a.resources()
	a.describe(mux)
	return a
}

// resources declares all operations: one function per resource, in the file of its name.
func (a *API) resources() {
	for _, declare := range []func(){
		a.setup, a.session, a.me, a.tokens, a.users, a.invitations, a.teams, a.audit, a.settings,
		a.shops, a.connections, a.ledger, a.conversations, a.merging, a.messages, a.attachments, a.frames, a.bulk, a.tags, a.contacts, a.searches, a.events,
		a.shifts, a.exceptions, a.roster, a.routing,
	} {
		declare()
	}
}

const description = "Ids are decimal strings, times RFC 3339 in UTC, none is null. Lists are pages by key: " +
	"pass `next` as `cursor` until it is null. Operations that create or send take an `Idempotency-Key`; those that " +
	"change a conversation an `If-Match` with its version. x-permission names the right an operation needs."

var securitySchemes = map[string]*huma.SecurityScheme{
	"session": {Type: "apiKey", In: "cookie", Name: "deskbell_session", Description: "set by POST /session"},
	"token":   {Type: "http", Scheme: "bearer", Description: "made by POST /tokens"},
}

// register declares one operation. The permission is checked before the handler runs where that can
// be decided without an object: nobody signed in is Unauthenticated, and who holds the permission in
// no shop is Denied. With an object in the path the handler decides, because whether the object is
// unknown or forbidden depends on its shop. Reading lists is decided row by row.
func register[I, O any](a *API, permission rbac.Permission, operation huma.Operation, handler func(context.Context, *I) (*O, error)) {
	a.check(permission, operation)
	operation.OperationID = operationID(operation)
	operation.Extensions = map[string]any{"x-permission": permission}
	if operation.Tags == nil {
		operation.Tags = []string{strings.Split(operation.Path, "/")[1]}
	}
	if permission != rbac.Public {
		operation.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	}
	if operation.Responses == nil {
		operation.Responses = map[string]*huma.Response{}
	}
	operation.Responses["default"] = problemResponse(a.huma.OpenAPI().Components.Schemas)
	gate := !strings.Contains(operation.Path, "{") && permission != rbac.ConversationRead && permission != rbac.ContactRead
	operation.Middlewares = append(huma.Middlewares{a.guard(permission, gate)}, operation.Middlewares...)
	huma.Register(a.huma, operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			a.recordDenial(ctx, permission, err)
			return nil, a.problem(ctx, operation.Method+" "+operation.Path, err)
		}
		return out, nil
	})
}

// check refuses an operation that was declared wrongly.
func (a *API) check(permission rbac.Permission, operation huma.Operation) {
	name := operation.Method + " " + operation.Path
	switch {
	case permission == "":
		panic(fmt.Sprintf("api: %s declares no permission", name))
	case !known(permission):
		panic(fmt.Sprintf("api: %s declares %q, which is no permission", name, permission))
	case operation.Summary == "":
		panic(fmt.Sprintf("api: %s does not say what it does", name))
	case slices.Contains(a.operations, name):
		panic(fmt.Sprintf("api: %s is declared twice", name))
	}
	a.operations = append(a.operations, name)
}

// known tells whether a permission exists: it is for everybody, or some role gives it.
func known(permission rbac.Permission) bool {
	if permission == rbac.Public || permission == rbac.SignedIn {
		return true
	}
	return slices.ContainsFunc(rbac.DefaultLines(), func(l rbac.Line) bool { return l.V1 == string(permission) })
}

// operationID names an operation for generated clients: the method and the words of its path.
func operationID(operation huma.Operation) string {
	if operation.OperationID != "" {
		return operation.OperationID
	}
	words := strings.FieldsFunc(operation.Path, func(r rune) bool { return strings.ContainsRune("/{}", r) })
	return strings.ToLower(operation.Method) + "-" + strings.Join(words, "-")
}

// guard lets pass whoever may call an operation at all.
func (a *API) guard(permission rbac.Permission, gate bool) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		actor := a.actor(ctx.Context())
		if err := checkQuery(ctx.URL()); err != nil {
			a.refuse(ctx, err)
			return
		}
		switch {
		case permission == rbac.Public:
		case actor.User == 0 && !actor.System && ctx.Query(ticketQuery) != "" && ctx.Operation().Metadata[ticketed] != nil: // the handler asks for whom it is
		case actor.User == 0 && !actor.System:
			a.refuse(ctx, inbox.Errorf(inbox.Unauthenticated, "sign in first"))
			return
		case gate && !a.Rights.CanAnywhere(actor, permission):
			a.recordDenial(ctx.Context(), permission, errDenied)
			a.refuse(ctx, errDenied)
			return
		}
		next(ctx)
	}
}

// recordDenial puts it on record if somebody signed in tried what he may not.
func (a *API) recordDenial(ctx context.Context, permission rbac.Permission, err error) {
	if by := auth.From(ctx); by.SignedIn() && inbox.CodeOf(err) == inbox.Denied {
		a.People.Denied(ctx, by, permission, 0)
	}
}

// refuse answers before a handler runs.
func (a *API) refuse(ctx huma.Context, err error) {
	p := a.problem(ctx.Context(), ctx.Operation().Method+" "+ctx.Operation().Path, err)
	var status huma.StatusError
	if !errors.As(p, &status) {
		panic("api: a problem without a status") // problem always has one
	}
	var headers huma.HeadersError
	if errors.As(p, &headers) {
		for name, values := range headers.GetHeaders() {
			ctx.SetHeader(name, values[0])
		}
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(status.GetStatus())
	if err := jsonFormat.Marshal(ctx.BodyWriter(), status); err != nil {
		a.Log.Debug("an answer could not be written", "error", err)
	}
}

// Acts is what people do to conversations, for other ways in than this one.
func (a *API) Acts() *Acts { return a.acts }

// actor returns who sent the request.
func (a *API) actor(ctx context.Context) rbac.Actor { return a.Caller(ctx).Actor }

// scope returns what the sender of the request may read.
func (a *API) scope(ctx context.Context) rbac.Scope {
	return a.Rights.Scope(a.actor(ctx), rbac.ConversationRead)
}

// mayIn returns nil if the sender holds a permission in a shop (0: everywhere), NotFound if the shop
// is outside everything he sees, else Denied.
func (a *API) mayIn(ctx context.Context, permission rbac.Permission, shop inbox.ShopID, what string) error {
	actor := a.actor(ctx)
	switch {
	case a.Rights.Can(actor, permission, shop):
		return nil
	case shop != 0 && !a.scope(ctx).SeesShop(shop):
		return inbox.Errorf(inbox.NotFound, "there is no such %s", what)
	}
	return errDenied
}
