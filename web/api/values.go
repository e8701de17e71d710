package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/deskbell/deskbell/inbox"
	"github.com/deskbell/deskbell/rbac"
)

// idPattern takes what fits into an id; the database never draws larger ones.
const idPattern = "^[1-9][0-9]{0,17}$"

// ref is an id in a path or a query, such as ref[inbox.ShopID]; 0 if it was left out.
type ref[I ~int64] struct{ ID I }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *ref[I]) UnmarshalText(text []byte) error {
	id, err := parseID(text)
	r.ID = I(id)
	return err
}

// Schema implements huma.SchemaProvider.
func (ref[I]) Schema(huma.Registry) *huma.Schema { return idSchema(false) }

func parseID(text []byte) (rbac.ID[any], error) {
	var id rbac.ID[any]
	err := id.UnmarshalText(text)
	return id, err
}

// maybe is an id in a body that may be none: 0 here, null in JSON.
type maybe[I ~int64] int64

func some[I ~int64](id I) maybe[I] { return maybe[I](id) }

// id returns the id, 0 for none.
func (m maybe[I]) id() I { return I(m) }

// MarshalJSON implements json.Marshaler.
func (m maybe[I]) MarshalJSON() ([]byte, error) {
	if m == 0 {
		return []byte("null"), nil
	}
	return append(strconv.AppendInt([]byte{'"'}, int64(m), 10), '"'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *maybe[I]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*m = 0
		return nil
	}
	var id rbac.ID[any]
	if err := json.Unmarshal(data, &id); err != nil {
		return err
	}
	*m = maybe[I](id)
	return nil
}

// Schema implements huma.SchemaProvider.
func (maybe[I]) Schema(huma.Registry) *huma.Schema { return idSchema(true) }

// instant is a time that may be none: zero here, null in JSON.
type instant struct{ time.Time }

func at(t time.Time) instant { return instant{t} }

// MarshalJSON implements json.Marshaler.
func (i instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return append(i.UTC().AppendFormat([]byte{'"'}, time.RFC3339Nano), '"'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *instant) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		i.Time = time.Time{}
		return nil
	}
	return json.Unmarshal(data, &i.Time)
}

// Schema implements huma.SchemaProvider.
func (instant) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// page is the answer of every list.
type page[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next" doc:"pass it as cursor; null at the end"`
}

// Paging are the query parameters of every list. Exported because huma reads only exported parts.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// body is an answer that has nothing but a body.
type body[T any] struct{ Body T }

// reply makes an answer of a value, or passes the error on.
func reply[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

// created is the answer to what made something: 201 with its address.
type created[T any] struct {
	Location string `header:"Location"`
	Body     T
}

// nothing is the answer without a body: 204.
type nothing struct{}

// notNil is a list that JSON writes as [] when it is empty.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// list makes a page of rows: up to limit of them, read with one more to know whether there is a
// next page, which begins after the position of the last.
func list[R, T any](rows []R, limit int, position func(R) any, show func(R) T) page[T] {
	p := page[T]{Items: make([]T, 0, min(len(rows), limit))}
	for i, r := range rows {
		if i == limit {
			next := cursor(position(rows[i-1]))
			p.Next = &next
			break
		}
		p.Items = append(p.Items, show(r))
	}
	return p
}

// cursor hides a position of a list, so that nobody builds on how it looks.
func cursor(position any) string {
	text, err := json.Marshal(position)
	if err != nil {
		panic("api: a position does not marshal: " + err.Error()) // positions are numbers and strings
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// readCursor fills position from a cursor; "" leaves it as it is.
func readCursor(cursor string, position any) error {
	if cursor == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(position)
	}
	if err != nil {
		return &inbox.Error{Code: inbox.Invalid, Field: "query.cursor", Msg: "this is not a cursor of this list", Err: err}
	}
	return nil
}

// ifMatch reads a version of an If-Match header; 0 if there is none or any will do.
func ifMatch(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	version, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(header, "W/"), `"`), 10, 64)
	if err != nil || version < 1 {
		return 0, inbox.InvalidField("header.If-Match", "this is not a version")
	}
	return version, nil
}

// some types of package inbox show themselves as text; their schema says which text.
type idText struct{}

func (idText) Schema(huma.Registry) *huma.Schema { return idSchema(false) }

func idSchema(nullable bool) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: nullable, Pattern: idPattern, PatternDescription: "an id"}
}

// newRegistry returns an empty list of schemas that knows the ids.
func newRegistry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", schemaName)
	for _, t := range []reflect.Type{
		reflect.TypeFor[inbox.UserID](), reflect.TypeFor[inbox.ShopID](), reflect.TypeFor[inbox.ConnectionID](),
		reflect.TypeFor[inbox.ContactID](), reflect.TypeFor[inbox.ConversationID](), reflect.TypeFor[inbox.MessageID](),
		reflect.TypeFor[inbox.AttachmentID](), reflect.TypeFor[inbox.TagID](), reflect.TypeFor[inbox.LedgerID](),
		reflect.TypeFor[inbox.ShiftID](), reflect.TypeFor[inbox.TeamID](), reflect.TypeFor[inbox.StatusID](),
		reflect.TypeFor[inbox.SessionID](), reflect.TypeFor[inbox.TokenID](), reflect.TypeFor[inbox.InvitationID](), reflect.TypeFor[inbox.AuditID](),
	} {
		r.RegisterTypeAlias(t, reflect.TypeFor[idText]())
	}
	return r
}

// schemaName names a schema after its type, and a body without a name after its operation.
func schemaName(t reflect.Type, hint string) string { return huma.DefaultSchemaNamer(t, hint) }

// jsonFormat reads and writes JSON.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		if hasNUL(data) {
			return errNUL
		}
		return json.Unmarshal(data, v)
	},
}

var errNUL = errors.New("texts cannot hold the character NUL")

// hasNUL tells whether a JSON text spells the character that no database keeps. A backslash that is
// itself escaped spells nothing.
func hasNUL(data []byte) bool {
	for rest := data; ; {
		i := bytes.Index(rest, []byte(`\u0000`))
		if i < 0 {
			return false
		}
		slashes := 1
		for i-slashes >= 0 && rest[i-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 1 {
			return true
		}
		rest = rest[i+1:]
	}
}

// checkQuery refuses what is no text.
func checkQuery(address url.URL) error {
	if !strings.Contains(address.RawQuery, "%") {
		return nil
	}
	for name, values := range address.Query() {
		for _, value := range values {
			if !utf8.ValidString(value) || strings.Contains(value, "\x00") {
				return inbox.InvalidField("query."+strings.ToValidUTF8(name, "?"), "this is not text")
			}
		}
	}
	return nil
}
