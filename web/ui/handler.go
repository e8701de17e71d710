package ui

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// policy lets a page load from our own origin alone, run no inline script or style, and be framed by
// nobody. Blobs are pictures and previews the page made itself; mail HTML sits in a frame of its own.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; " +
	"frame-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// SecurityHeaders sets what every answer of the server carries: the strict content policy, no
// guessing of types, no address to other sites, no window shared with them. An answer that needs
// another policy, such as the frame of a mail, sets its own afterwards.
func SecurityHeaders(header http.Header) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

const (
	// Vite puts a hash of the content into every name below assets, so those never change.
	assets         = "assets/"
	cacheForever   = "public, max-age=31536000, immutable"
	cacheCheck     = "no-cache" // keep it, but ask with its ETag before each use
	compressedTwin = ".br"
)

const placeholder = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Deskbell</title></head>` +
	`<body><p>This Deskbell was built without its screen. With Node.js present, "make build" makes both; ` +
	`the API works as it is, see <a href="/api/v1/docs">its description</a>.</p></body></html>`

// file is one file of the screen in both forms it may be sent in. Each form has its own ETag.
type file struct {
	kind       string // Content-Type
	plain      form
	compressed form // brotli; body is nil if there is none
}

type form struct {
	body []byte
	etag string
}

// Handler serves the screen. It answers GET and HEAD; names it does not know are routes of the
// screen and get index.html, except those that look like a file or belong to the API: these are
// 404, so that a browser which asks for a script of an older build is never given a page instead.
type Handler struct {
	files map[string]file // by slash-separated name without leading slash
}

// New reads all of files into memory. It fails only if one of them cannot be read.
func New(files fs.FS) (*Handler, error) {
	h := &Handler{files: map[string]file{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path.Base(name), ".") || path.Ext(name) == compressedTwin {
			return err
		}
		return h.read(files, name)
	})
	if err != nil {
		return nil, fmt.Errorf("read the screen: %w", err)
	}
	if !h.Built() {
		h.files["index.html"] = file{kind: contentType("index.html"), plain: newForm([]byte(placeholder))}
	}
	return h, nil
}

// Built tells whether the screen itself is there, and not only the page that says it is not.
func (h *Handler) Built() bool {
	index, ok := h.files["index.html"]
	return ok && string(index.plain.body) != placeholder
}

func (h *Handler) read(files fs.FS, name string) error {
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	f := file{kind: contentType(name), plain: newForm(plain)}
	if twin, err := fs.ReadFile(files, name+compressedTwin); err == nil {
		f.compressed = newForm(twin)
	}
	h.files[name] = f
	return nil
}

func newForm(body []byte) form {
	sum := sha256.Sum256(body)
	return form{body: body, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	SecurityHeaders(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	f, ok := h.files[name]
	if !ok {
		if !isRoute(name) {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "there is no such file", http.StatusNotFound)
			return
		}
		f = h.files["index.html"]
	}
	f.serve(w, r, strings.HasPrefix(name, assets))
}

// isRoute tells whether a name that is no file may be a place inside the screen.
func isRoute(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first != "api" && first != strings.TrimSuffix(assets, "/") && path.Ext(name) == ""
}

func (f file) serve(w http.ResponseWriter, r *http.Request, forever bool) {
	header := w.Header()
	sent := f.plain
	if f.compressed.body != nil {
		header.Set("Vary", "Accept-Encoding")
		if acceptsBrotli(r.Header.Values("Accept-Encoding")) {
			sent = f.compressed
			header.Set("Content-Encoding", "br")
		}
	}
	header.Set("Content-Type", f.kind)
	header.Set("ETag", sent.etag)
	header.Set("Cache-Control", cacheCheck)
	if forever {
		header.Set("Cache-Control", cacheForever)
	}
	if matches(r.Header.Values("If-None-Match"), sent.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(sent.body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(sent.body) // a client that left is not our error
	}
}

// acceptsBrotli reads Accept-Encoding: br is wanted if it is named with a weight above zero. The
// star is not taken as a wish for it.
func acceptsBrotli(fields []string) bool {
	for _, field := range fields {
		for coding := range strings.SplitSeq(field, ",") {
			name, parameter, _ := strings.Cut(coding, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "br") {
				continue
			}
			key, weight, found := strings.Cut(strings.ReplaceAll(parameter, " ", ""), "=")
			if !found || !strings.EqualFold(key, "q") {
				return true
			}
			q, err := strconv.ParseFloat(weight, 64)
			return err == nil && q > 0
		}
	}
	return false
}

// matches reads If-None-Match, where weak and strong tags count alike (RFC 9110, 13.1.2).
func matches(fields []string, etag string) bool {
	for _, field := range fields {
		for tag := range strings.SplitSeq(field, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}

// contentType knows the types itself, because the machine's own table may be absent.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".webp":
		return "image/webp"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".mp3":
		return "audio/mpeg"
	case ".ogg":
		return "audio/ogg"
	}
	return "application/octet-stream"
}
