package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/channels"
	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/inbox/seal"
	"github.com/deskbell/deskbell/inbox/store"
	"github.com/deskbell/deskbell/rbac"
)

type connection struct {
	ID         inbox.ConnectionID    `json:"id"`
	Shop       inbox.ShopID          `json:"shop"`
	Kind       string                `json:"kind"`
	Name       string                `json:"name"`
	Settings   map[string]any        `json:"settings"`
	SecretsSet []string              `json:"secrets_set" doc:"which secrets are stored; their values are never shown"`
	State      inbox.ConnectionState `json:"state" enum:"new,connected,degraded,expired,disabled"`
	Problem    *inbox.Reason         `json:"problem"`
	LiveFrom   instant               `json:"live_from" doc:"what the source received earlier is history"`
	LastInAt   instant               `json:"last_in_at"`
	LastOutAt  instant               `json:"last_out_at"`
	CheckedAt  instant               `json:"checked_at"`
	CreatedAt  instant               `json:"created_at"`
	// SilenceHours is when silence of the connection is told.
	SilenceHours int     `json:"silence_hours" doc:"alarm after so many hours without mail; 0 = by its usual rhythm, -1 = never"`
	Alarms       []alarm `json:"alarms" nullable:"false" doc:"what is wrong beyond its state"`
}

func showConnection(c inbox.Connection) connection {
	settings := c.Settings
	if settings == nil {
		settings = map[string]any{}
	}
	return connection{c.ID, c.Shop, c.Kind, c.Name, settings, notNil(c.SecretNames), c.State, c.Problem, at(c.LiveFrom), at(c.LastInAt),
		at(c.LastOutAt), at(c.CheckedAt), at(c.CreatedAt), c.SilenceHours, showAlarms(c)}
}

func (a *API) connections() {
	register(a, rbac.SignedIn, huma.Operation{Method: http.MethodGet, Path: "/connection-kinds",
		Summary: "List the kinds of connection with the JSON Schema of their settings."}, a.listKinds)
	register(a, rbac.ConnectionHealth, huma.Operation{Method: http.MethodGet, Path: "/connections", Summary: "List connections."}, a.listConnections)
	register(a, rbac.ConnectionManage, a.once(huma.Operation{Method: http.MethodPost, Path: "/connections", DefaultStatus: http.StatusCreated,
		Summary: "Connect a mailbox or seller account."}), a.postConnection)
	register(a, rbac.ConnectionHealth, huma.Operation{Method: http.MethodGet, Path: "/connections/{id}", Summary: "Read one connection."}, a.getConnection)
	register(a, rbac.ConnectionManage, huma.Operation{Method: http.MethodPatch, Path: "/connections/{id}",
		Summary: "Change settings, secret or state. Another server needs the secret again."}, a.patchConnection)
	register(a, rbac.ConnectionManage, huma.Operation{Method: http.MethodDelete, Path: "/connections/{id}", DefaultStatus: http.StatusNoContent,
		Summary: "Remove a connection that never carried a message."}, a.deleteConnection)
	register(a, rbac.ConnectionManage, huma.Operation{Method: http.MethodPost, Path: "/connections/test",
		Summary: "Try settings before they are kept."}, a.postTest)
	register(a, rbac.ConnectionManage, huma.Operation{Method: http.MethodPost, Path: "/connections/{id}/test", Summary: "Try a connection as it is."}, a.postConnectionTest)
}

type kind struct {
	Kind    string          `json:"kind"`
	Schema  json.RawMessage `json:"schema"`
	Secrets []string        `json:"secrets"`
}

func (a *API) listKinds(context.Context, *struct{}) (*body[page[kind]], error) {
	kinds := slices.SortedFunc(maps.Values(a.Kinds), func(x, y channels.Kind) int { return strings.Compare(x.Name, y.Name) })
	return reply(whole(kinds, func(k channels.Kind) kind { return kind{k.Name, k.Schema, notNil(k.Secrets)} }), nil)
}

func (a *API) listConnections(ctx context.Context, in *struct {
	Shop ref[inbox.ShopID] `query:"shop"`
}) (*body[page[connection]], error) {
	scope := a.Rights.Scope(a.actor(ctx), rbac.ConnectionHealth)
	connections, err := a.Store.Connections(ctx, scope)
	if err == nil {
		err = a.addHealth(ctx, connections)
	}
	if in.Shop.ID != 0 {
		connections = slices.DeleteFunc(connections, func(c inbox.Connection) bool { return c.Shop != in.Shop.ID })
	}
	return reply(whole(connections, showConnection), err)
}

// ConnectionPath names one connection in a path.
type ConnectionPath struct {
	ID ref[inbox.ConnectionID] `path:"id"`
}

// managedConnection returns a connection in whose shop the caller holds a permission; NotFound or
// Denied else.
func (a *API) managedConnection(ctx context.Context, permission rbac.Permission, id inbox.ConnectionID) (inbox.Connection, error) {
	c, err := a.Store.Connection(ctx, id)
	if err != nil {
		return c, err
	}
	return c, a.mayIn(ctx, permission, c.Shop, "connection")
}

func (a *API) getConnection(ctx context.Context, in *ConnectionPath) (*body[connection], error) {
	c, err := a.managedConnection(ctx, rbac.ConnectionHealth, in.ID.ID)
	if err != nil {
		return nil, err
	}
	return a.replyConnection(ctx, c)
}

func (a *API) replyConnection(ctx context.Context, c inbox.Connection) (*body[connection], error) {
	one := []inbox.Connection{c}
	err := a.addHealth(ctx, one)
	return reply(showConnection(one[0]), err)
}

type wantedConnection struct {
	Shop     inbox.ShopID      `json:"shop"`
	Kind     string            `json:"kind" maxLength:"50"`
	Settings map[string]any    `json:"settings"`
	Secret   map[string]string `json:"secret" required:"false"`
	LiveFrom instant           `json:"live_from" required:"false" doc:"now if left out"`
}

// connection checks what somebody wants to connect and may connect there.
func (a *API) wanted(ctx context.Context, w wantedConnection) (inbox.Connection, error) {
	if err := a.mayIn(ctx, rbac.ConnectionManage, w.Shop, "shop"); err != nil {
		return inbox.Connection{}, err
	}
	if _, err := a.Store.Shop(ctx, w.Shop); err != nil {
		return inbox.Connection{}, err
	}
	c := inbox.Connection{Shop: w.Shop, Kind: w.Kind, Settings: w.Settings, LiveFrom: w.LiveFrom.Time, Inside: a.managesAll(ctx)}
	if err := a.checkConnection(&c, w.Secret); err != nil {
		return c, err
	}
	return c, a.checkForwarding(ctx, c)
}

// managesAll tells whether the sender manages the connections of all shops, so that he is trusted with
// the network the server stands in.
func (a *API) managesAll(ctx context.Context) bool {
	return a.Rights.Scope(a.actor(ctx), rbac.ConnectionManage).All
}

// dial is the way out of a connection.
func (a *API) dial(c inbox.Connection) func(ctx context.Context, network, address string) (net.Conn, error) {
	if c.Inside && a.DialInside != nil {
		return a.DialInside
	}
	return a.Dial
}

// checkForwarding makes sure that nobody else's mail would be handed over to a connection: of two that
// claim an address the older has it, and the other would wait for ever.
func (a *API) checkForwarding(ctx context.Context, c inbox.Connection) error {
	claimed := a.forwarded(c)
	if len(claimed) == 0 {
		return nil
	}
	others, err := a.Store.Connections(ctx, rbac.Scope{All: true})
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.ID != c.ID && slices.ContainsFunc(a.forwarded(other), func(address string) bool { return slices.Contains(claimed, address) }) {
			return inbox.InvalidField("body.settings.address", "mail for this address, or one of the further ones, is handed over to another connection already")
		}
	}
	return nil
}

// forwarded lists the addresses, in lower case, whose mail may be handed over to a connection.
func (a *API) forwarded(c inbox.Connection) []string {
	settings, err := json.Marshal(c.Settings)
	if receives := a.Kinds[c.Kind].Receives; receives != nil && err == nil {
		list := receives(settings)
		for i := range list {
			list[i] = strings.ToLower(list[i])
		}
		return list
	}
	return nil
}

// checkConnection checks settings against the schema of the kind and its own words, and names the
// connection after them.
func (a *API) checkConnection(c *inbox.Connection, secret map[string]string) error {
	k, ok := a.Kinds[c.Kind]
	if !ok {
		return inbox.InvalidField("body.kind", "there is no such kind of connection")
	}
	for name, value := range secret {
		if !slices.Contains(k.Secrets, name) {
			return inbox.InvalidField("body.secret."+name, "this kind of connection has no such secret")
		}
		if len(value) > maxSecret {
			return inbox.InvalidField("body.secret."+name, "this is too long")
		}
	}
	if err := checkSettings(k.Schema, c.Settings); err != nil {
		return err
	}
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return err
	}
	adapter, err := k.Open(channels.Config{Connection: c.ID, Settings: settings, Secret: secret, LiveFrom: c.LiveFrom, Now: a.Now, Dial: a.dial(*c), Roots: a.Roots})
	if err != nil {
		return err
	}
	c.Name = k.SelfName(settings)
	return adapter.Close()
}

const maxSecret = 16 << 10 // bytes

// checkSettings compares settings with a JSON Schema; what is wrong is named by its field.
func checkSettings(schema json.RawMessage, settings map[string]any) error {
	if schema == nil {
		return inbox.InvalidField("body.kind", "there is no such kind of connection")
	}
	var s huma.Schema
	if err := json.Unmarshal(schema, &s); err != nil {
		return fmt.Errorf("schema of a kind: %w", err)
	}
	s.PrecomputeMessages()
	at, result := huma.NewPathBuffer([]byte("body.settings"), len("body.settings")), huma.ValidateResult{}
	huma.Validate(huma.NewMapRegistry("#/", huma.DefaultSchemaNamer), &s, at, huma.ModeWriteToServer, settings, &result)
	if len(result.Errors) == 0 {
		return nil
	}
	p := newProblem(http.StatusUnprocessableEntity, inbox.Invalid, "the settings are not valid")
	for _, err := range result.Errors {
		if detail, ok := err.(*huma.ErrorDetail); ok {
			p.Errors = append(p.Errors, fieldError(detail))
		}
	}
	return p
}

// sealed is a secret as the database keeps it, and the names of its fields.
func (a *API) sealed(c inbox.Connection, secret map[string]string) ([]byte, []string, error) {
	if len(secret) == 0 {
		return nil, nil, nil
	}
	text, err := json.Marshal(secret)
	if err != nil {
		return nil, nil, err
	}
	return a.Seal.Seal(text, binding(c)), slices.Sorted(maps.Keys(secret)), nil
}

// opened is the reverse.
func (a *API) opened(c inbox.Connection) (map[string]string, error) {
	secret := map[string]string{}
	if len(c.Secret) == 0 {
		return secret, nil
	}
	text, err := a.Seal.Open(c.Secret, binding(c))
	if err != nil {
		return nil, &inbox.Error{Code: inbox.Conflict, Msg: "the stored secret does not open: enter it again", Reason: &inbox.Reason{Code: "secret_needed"}, Err: err}
	}
	return secret, json.Unmarshal(text, &secret)
}

// binding says where a connection's secret belongs; it opens only there.
func binding(c inbox.Connection) seal.Binding {
	return seal.Binding{Table: "connections", Field: "secret", Row: int64(c.ID), Shop: int64(c.Shop)}
}

// reload tells the runner of this node that a connection is new or was changed; those of others find
// out by themselves.
func (a *API) reload(id inbox.ConnectionID) {
	if a.Runner != nil {
		a.Runner.Reload(id)
	}
}

func (a *API) postConnection(ctx context.Context, in *struct{ Body wantedConnection }) (*created[connection], error) {
	c, err := a.wanted(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		if c.ID, err = tx.CreateConnection(ctx, c); err != nil {
			return err
		}
		kept, err := tx.Connection(ctx, c.ID)
		if err != nil {
			return err
		}
		if kept.Secret, kept.SecretNames, err = a.sealed(kept, in.Body.Secret); err != nil {
			return err
		}
		if err := tx.SaveConnection(ctx, kept); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditConnectionCreated, "connection "+c.ID.String(), c.Shop))
	})
	if err != nil {
		return nil, err
	}
	a.reload(c.ID)
	c, err = a.Store.Connection(ctx, c.ID)
	return &created[connection]{Prefix + "/connections/" + c.ID.String(), showConnection(c)}, err
}

func (a *API) patchConnection(ctx context.Context, in *struct {
	ConnectionPath
	Body struct {
		Settings map[string]any         `json:"settings,omitempty"`
		Secret   map[string]string      `json:"secret,omitempty"`
		State    *inbox.ConnectionState `json:"state,omitempty" enum:"disabled,new"`
		LiveFrom instant                `json:"live_from" required:"false"`
		Silence  *int                   `json:"silence_hours,omitempty" minimum:"-1" maximum:"8760"`
	}
}) (*body[connection], error) {
	c, err := a.managedConnection(ctx, rbac.ConnectionManage, in.ID.ID)
	if err != nil {
		return nil, err
	}
	set(&c.SilenceHours, in.Body.Silence)
	if in.Body.Settings == nil && len(in.Body.Secret) == 0 && in.Body.State == nil && in.Body.LiveFrom.IsZero() {
		return a.saveConnection(ctx, c) // nothing the connection works with: it goes on
	}
	before := c.Settings
	if in.Body.Settings != nil {
		c.Settings = in.Body.Settings
		if err := checkSettings(a.Kinds[c.Kind].Schema, c.Settings); err != nil {
			return nil, err
		}
		if !reflect.DeepEqual(destinations(before), destinations(c.Settings)) {
			c.Inside = a.managesAll(ctx)
		}
	}
	secret, err := a.newSecret(c, before, in.Body.Secret)
	if err != nil {
		return nil, err
	}
	if err := a.checkConnection(&c, secret); err != nil {
		return nil, err
	}
	if err := a.checkForwarding(ctx, c); err != nil {
		return nil, err
	}
	if !in.Body.LiveFrom.IsZero() {
		c.LiveFrom = in.Body.LiveFrom.Time
	}
	if in.Body.State != nil {
		c.State = *in.Body.State
	} else if c.State != inbox.ConnectionDisabled {
		c.State = inbox.ConnectionNew // the runner finds out how it is now
	}
	c.Problem = nil
	line := a.entry(ctx, inbox.AuditConnectionChanged, "connection "+c.ID.String(), c.Shop)
	if len(in.Body.Secret) > 0 {
		line.After = "secret"
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if c.Secret, c.SecretNames, err = a.sealed(c, secret); err != nil {
			return err
		}
		if err := tx.SaveConnection(ctx, c); err != nil {
			return err
		}
		return tx.Audit(ctx, line)
	})
	if err != nil {
		return nil, err
	}
	a.reload(c.ID)
	return a.replyConnection(ctx, c)
}

// saveConnection keeps a change that needs no other hold on the source.
func (a *API) saveConnection(ctx context.Context, c inbox.Connection) (*body[connection], error) {
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SaveConnection(ctx, c); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditConnectionChanged, "connection "+c.ID.String(), c.Shop))
	})
	if err != nil {
		return nil, err
	}
	return a.replyConnection(ctx, c)
}

// newSecret is the stored secret with what was entered now; an empty value removes one. Where another
// server would get it, nothing stored is taken over: it has to be entered again.
func (a *API) newSecret(c inbox.Connection, before map[string]any, entered map[string]string) (map[string]string, error) {
	secret := map[string]string{}
	if reflect.DeepEqual(destinations(before), destinations(c.Settings)) {
		var err error
		if secret, err = a.opened(c); err != nil && len(entered) == 0 {
			return nil, err
		}
	} else if len(c.SecretNames) > 0 && len(entered) == 0 {
		return nil, &inbox.Error{Code: inbox.Invalid, Field: "body.secret", Msg: "another server needs the secret again",
			Reason: &inbox.Reason{Code: "secret_needed"}}
	}
	if secret == nil {
		secret = map[string]string{}
	}
	for name, value := range entered {
		secret[name] = value
		if value == "" {
			delete(secret, name)
		}
	}
	return secret, nil
}

// destinations are the parts of settings that decide who gets a secret, and how well protected.
func destinations(settings map[string]any) map[string]any {
	found := map[string]any{}
	for name, value := range settings {
		switch value := value.(type) {
		case map[string]any:
			for inner, v := range destinations(value) {
				found[name+"."+inner] = v
			}
		default:
			if slices.Contains([]string{"host", "port", "security", "url", "auth"}, name) {
				found[name] = fmt.Sprint(value)
			}
		}
	}
	return found
}

func (a *API) deleteConnection(ctx context.Context, in *ConnectionPath) (*nothing, error) {
	c, err := a.managedConnection(ctx, rbac.ConnectionManage, in.ID.ID)
	if err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteConnection(ctx, c); err != nil {
			return err
		}
		return tx.Audit(ctx, a.entry(ctx, inbox.AuditConnectionDeleted, "connection "+c.ID.String(), c.Shop))
	})
	if err == nil {
		a.reload(c.ID)
	}
	return nil, err
}

// testTimeout bounds a test of all a connection needs.
const testTimeout = 30 * time.Second

type tested struct {
	OK     bool    `json:"ok"`
	Checks []check `json:"checks"`
}

type check struct {
	Name    string        `json:"name" doc:"imap_connect, imap_login, imap_folder, smtp_connect, smtp_login, …"`
	OK      bool          `json:"ok"`
	Problem *inbox.Reason `json:"problem"`
	Detail  string        `json:"detail" doc:"the far side's own words"`
}

func (a *API) postTest(ctx context.Context, in *struct{ Body wantedConnection }) (*body[tested], error) {
	c, err := a.wanted(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return a.test(ctx, c, in.Body.Secret)
}

func (a *API) postConnectionTest(ctx context.Context, in *ConnectionPath) (*body[tested], error) {
	c, err := a.managedConnection(ctx, rbac.ConnectionManage, in.ID.ID)
	if err != nil {
		return nil, err
	}
	secret, err := a.opened(c)
	if err != nil {
		return nil, err
	}
	return a.test(ctx, c, secret)
}

func (a *API) test(ctx context.Context, c inbox.Connection, secret map[string]string) (*body[tested], error) {
	k, ok := a.Kinds[c.Kind]
	if !ok {
		return nil, inbox.Errorf(inbox.Conflict, "this program has no connections of this kind")
	}
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return nil, err
	}
	adapter, err := k.Open(channels.Config{Connection: c.ID, Settings: settings, Secret: secret, LiveFrom: c.LiveFrom, Now: a.Now, Dial: a.dial(c), Roots: a.Roots})
	if err != nil {
		return nil, err
	}
	defer adapter.Close()
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	result := tested{OK: true, Checks: []check{}}
	if tester, ok := adapter.(channels.Tester); ok {
		for _, c := range tester.Test(ctx) {
			result.OK = result.OK && c.OK
			result.Checks = append(result.Checks, check(c))
		}
	}
	return &body[tested]{result}, nil
}
