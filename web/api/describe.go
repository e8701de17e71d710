package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// describe serves the OpenAPI document and a page made from it. Both are for everybody: they say
// nothing about what is stored here.
func (a *API) describe(mux *http.ServeMux) {
	settle(a.huma.OpenAPI())
	document, err := a.Document()
	if err != nil {
		panic(fmt.Sprintf("api: the OpenAPI document: %v", err)) // a schema that does not marshal
	}
	page := docsPage(a.huma.OpenAPI())
	mux.HandleFunc("GET "+Prefix+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document) // a client that left is not our error
	})
	mux.HandleFunc("GET "+Prefix+"/docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, r *http.Request) { a.unknown(mux, w, r) })
}

// unknown answers for addresses below the prefix that no operation has.
func (a *API) unknown(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	p := newProblem(http.StatusNotFound, "not_found", "there is no such operation")
	if allowed := methods(mux, r); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		p = newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "there is no such operation here")
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = jsonFormat.Marshal(w, p) // a client that left is not our error
}

// methods lists those an address has operations for.
func methods(mux *http.ServeMux, r *http.Request) []string {
	var list []string
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := mux.Handler(probe); pattern != "" && pattern != Prefix+"/" && pattern != "/" {
			list = append(list, method)
		}
	}
	return list
}

// Document returns the OpenAPI document as it is served and as the screen's types are made from it.
func (a *API) Document() ([]byte, error) {
	text, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return nil, err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "\t"); err != nil {
		return nil, err
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

// settle corrects what huma says of lists: none of ours is ever null.
func settle(document *huma.OpenAPI) {
	seen := map[*huma.Schema]bool{}
	var walk func(s *huma.Schema)
	walk = func(s *huma.Schema) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		if s.Type == huma.TypeArray {
			s.Nullable = false
		}
		walk(s.Items)
		for _, property := range s.Properties {
			walk(property)
		}
		if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
			walk(more)
		}
	}
	for _, s := range document.Components.Schemas.Map() {
		walk(s)
	}
	for _, item := range document.Paths {
		for _, operation := range operations(item) {
			for _, p := range operation.Parameters {
				walk(p.Schema)
			}
			if operation.RequestBody != nil {
				for _, media := range operation.RequestBody.Content {
					walk(media.Schema)
				}
			}
		}
	}
}

func operations(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete}
	return slices.DeleteFunc(all, func(o *huma.Operation) bool { return o == nil })
}

// docsPage is a plain page without script: one line per operation.
func docsPage(document *huma.OpenAPI) []byte {
	paths := make([]string, 0, len(document.Paths))
	for path := range document.Paths {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	var page strings.Builder
	page.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Deskbell API</title>` +
		`<meta name="viewport" content="width=device-width"></head><body><h1>Deskbell API</h1><p>` +
		html.EscapeString(document.Info.Description) + `</p><p>The whole description, for programs: ` +
		`<a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p><table><thead><tr><th>Operation</th><th>Does</th><th>Needs</th></tr></thead><tbody>`)
	for _, path := range paths {
		for _, o := range operations(document.Paths[path]) {
			fmt.Fprintf(&page, "<tr><td><code>%s %s%s</code></td><td>%s</td><td>%s</td></tr>\n", html.EscapeString(o.Method), Prefix,
				html.EscapeString(path), html.EscapeString(o.Summary), html.EscapeString(fmt.Sprint(o.Extensions["x-permission"])))
		}
	}
	page.WriteString("</tbody></table></body></html>\n")
	return []byte(page.String())
}
