package ui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/deskbell/deskbell/web/ui"
)

func screen(t *testing.T) *ui.Handler {
	t.Helper()
	h, err := ui.New(fstest.MapFS{
		".gitkeep":                {},
		"index.html":              {Data: []byte("<!doctype html>the screen")},
		"index.html.br":           {Data: []byte("compressed screen")},
		"sw.js":                   {Data: []byte("worker")},
		"manifest.webmanifest":    {Data: []byte("{}")},
		"assets/app-1234.js":      {Data: []byte("script")},
		"assets/app-1234.js.br":   {Data: []byte("compressed script")},
		"assets/inter-5678.woff2": {Data: []byte("font")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for key, value := range header {
		r.Header.Set(key, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestServesFilesAndRoutes(t *testing.T) {
	const page, check, forever = "<!doctype html>the screen", "no-cache", "public, max-age=31536000, immutable"
	h := screen(t)
	for path, want := range map[string]struct {
		status            int
		body, kind, cache string
	}{
		"/":                        {200, page, "text/html; charset=utf-8", check},
		"/index.html":              {200, page, "text/html; charset=utf-8", check},
		"/conversations/17":        {200, page, "text/html; charset=utf-8", check},
		"/invite/aB-9_x":           {200, page, "text/html; charset=utf-8", check},
		"/sw.js":                   {200, "worker", "text/javascript; charset=utf-8", check},
		"/manifest.webmanifest":    {200, "{}", "application/manifest+json", check},
		"/assets/app-1234.js":      {200, "script", "text/javascript; charset=utf-8", forever},
		"/assets/inter-5678.woff2": {200, "font", "font/woff2", forever},
		"/assets/app-old.js":       {404, "", "", "no-store"}, // of an older build: never a page
		"/assets/old":              {404, "", "", "no-store"},
		"/assets":                  {404, "", "", "no-store"},
		"/favicon.ico":             {404, "", "", "no-store"},
		"/api/v1/nothing":          {404, "", "", "no-store"},
		"/api":                     {404, "", "", "no-store"},
		"/.gitkeep":                {404, "", "", "no-store"},
		"/index.html.br":           {404, "", "", "no-store"},
		"/apiary":                  {200, page, "text/html; charset=utf-8", check},
	} {
		t.Run(path, func(t *testing.T) {
			got := ask(h, "GET", path, nil)
			if got.Code != want.status || got.Header().Get("Cache-Control") != want.cache {
				t.Errorf("status %d, cache %q; want %d, %q", got.Code, got.Header().Get("Cache-Control"), want.status, want.cache)
			}
			if want.status == 200 && (got.Body.String() != want.body || got.Header().Get("Content-Type") != want.kind) {
				t.Errorf("got %q as %q, want %q as %q", got.Body, got.Header().Get("Content-Type"), want.body, want.kind)
			}
		})
	}
}

func TestBrotliOnlyForThoseWhoAsk(t *testing.T) {
	h := screen(t)
	for accept, compressed := range map[string]bool{
		"":                      false,
		"gzip, deflate":         false,
		"gzip, deflate, br":     true,
		"BR;q=0.5":              true,
		"br; q = 1.0":           true,
		"br;q=0, gzip":          false,
		"br;q=0.0":              false,
		"brotli":                false,
		"*":                     false,
		"gzip;q=1.0,br;q=0.001": true,
	} {
		t.Run(accept, func(t *testing.T) {
			got := ask(h, "GET", "/assets/app-1234.js", map[string]string{"Accept-Encoding": accept})
			if is := got.Header().Get("Content-Encoding") == "br"; is != compressed || strings.HasPrefix(got.Body.String(), "compressed") != compressed {
				t.Errorf("compressed is %v with body %q, want %v", is, got.Body, compressed)
			}
			if got.Header().Get("Vary") != "Accept-Encoding" {
				t.Error("a cache between us and the browser must keep both forms apart")
			}
		})
	}
}

func TestETags(t *testing.T) {
	h := screen(t)
	brotli := map[string]string{"Accept-Encoding": "br"}
	plain, compressed := ask(h, "GET", "/", nil).Header().Get("ETag"), ask(h, "GET", "/", brotli).Header().Get("ETag")
	if plain == "" || plain == compressed {
		t.Fatalf("tags %q and %q must differ", plain, compressed)
	}
	for given, want := range map[string]int{
		plain:                    304,
		"W/" + plain:             304,
		`"other", ` + plain:      304,
		"*":                      304,
		`"other"`:                200,
		compressed:               200, // the browser asks for the plain form here
		strings.Trim(plain, `"`): 200,
	} {
		got := ask(h, "GET", "/conversations", map[string]string{"If-None-Match": given})
		if got.Code != want || (want == 304 && got.Body.Len() > 0) {
			t.Errorf("If-None-Match %s: %d with %d bytes, want %d", given, got.Code, got.Body.Len(), want)
		}
	}
}

func TestMethodsAndHead(t *testing.T) {
	h := screen(t)
	head := ask(h, "HEAD", "/", nil)
	if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != "25" {
		t.Errorf("HEAD: %d, %d bytes, length %s", head.Code, head.Body.Len(), head.Header().Get("Content-Length"))
	}
	post := ask(h, "POST", "/", nil)
	if post.Code != http.StatusMethodNotAllowed || post.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", post.Code, post.Header().Get("Allow"))
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := screen(t)
	for _, r := range [][2]string{{"GET", "/"}, {"GET", "/assets/app-1234.js"}, {"GET", "/none.js"}, {"POST", "/"}} {
		header := ask(h, r[0], r[1], nil).Header()
		policy := header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%v: policy %q lacks %s", r, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%v: policy %q is too wide", r, policy)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "same-origin" || header.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%v: headers %v", r, header)
		}
	}
}

func TestScreenThatWasNotBuilt(t *testing.T) {
	h, err := ui.New(fstest.MapFS{".gitkeep": {}})
	if err != nil {
		t.Fatal(err)
	}
	got := ask(h, "GET", "/conversations", nil)
	if h.Built() || got.Code != 200 || !strings.Contains(got.Body.String(), "make build") {
		t.Errorf("built %v, %d, %q", h.Built(), got.Code, got.Body)
	}
	if !screen(t).Built() {
		t.Error("a screen with index.html counts as not built")
	}
}

// Whatever this checkout holds, built or not, the embedded files serve.
func TestEmbeddedFiles(t *testing.T) {
	h, err := ui.New(ui.Files())
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(h, "GET", "/", nil); got.Code != 200 || !strings.Contains(got.Body.String(), "<!doctype html>") && !strings.Contains(got.Body.String(), "<!DOCTYPE html>") {
		t.Errorf("GET /: %d, %q", got.Code, got.Body)
	}
}
