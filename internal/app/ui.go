package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// The UI's page may load from this server alone, and runs no script or style that stands in the page.
const uiPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; " +
	"worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// ui serves the web UI: its files, and its page at every other address, where it finds out itself what to show.
type ui struct {
	files fs.FS
	none  http.Handler // answers where there is nothing

	mu    sync.Mutex
	cache map[string]*uiFile
}

// uiFile is one file with its compressed twins.
type uiFile struct {
	kind, sum string
	variants  map[string][]byte // by content coding; "" is the file itself
}

func newUI(files fs.FS, none http.Handler) *ui {
	return &ui{files: files, none: none, cache: make(map[string]*uiFile)}
}

// ServeHTTP implements http.Handler.
func (u *ui) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		u.none.ServeHTTP(w, r)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	file, err := u.file(name)
	if err != nil {
		if name != "" && (reserved(name) || !strings.Contains(r.Header.Get("Accept"), "text/html")) {
			u.none.ServeHTTP(w, r)
			return
		}
		name = "index.html"
		if file, err = u.file(name); err != nil {
			u.none.ServeHTTP(w, r)
			return
		}
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case strings.HasPrefix(name, "_ui/"): // the name changes with the content
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	if name == "index.html" || name == "sw.js" {
		h.Set("Content-Security-Policy", uiPolicy)
		h.Set("Referrer-Policy", "no-referrer")
	}
	coding := file.choose(r.Header.Get("Accept-Encoding"))
	if coding != "" {
		h.Set("Content-Encoding", coding)
	}
	h.Set("ETag", `"`+file.sum+coding+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.variants[coding]))
}

// reserved reports whether a path belongs to files or to a protocol, so that the UI's page must not answer there.
func reserved(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains([]string{"_ui", "api", "v1", "socket.io", "attachments", "emojis", "server-assets", "info", "webhooks"}, first)
}

func (u *ui) file(name string) (*uiFile, error) {
	if name == "" || !fs.ValidPath(name) || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
		return nil, fs.ErrNotExist
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if f := u.cache[name]; f != nil {
		return f, nil
	}
	body, err := fs.ReadFile(u.files, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	f := &uiFile{kind: mime.TypeByExtension(path.Ext(name)), sum: base64.RawURLEncoding.EncodeToString(sum[:12]), variants: map[string][]byte{"": body}}
	switch path.Ext(name) { // the machine's own table may lack these
	case ".webmanifest":
		f.kind = "application/manifest+json"
	case ".js":
		f.kind = "text/javascript; charset=utf-8"
	case "":
		f.kind = "application/octet-stream"
	}
	for coding, ending := range map[string]string{"br": ".br", "gzip": ".gz"} {
		packed, err := fs.ReadFile(u.files, name+ending)
		if err == nil {
			f.variants[coding] = packed
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	u.cache[name] = f
	return f, nil
}

// choose returns the best coding of those that a client takes. A coding that it lists with weight 0 is not among them.
func (f *uiFile) choose(accepted string) string {
	for _, coding := range []string{"br", "gzip"} {
		if f.variants[coding] == nil {
			continue
		}
		for part := range strings.SplitSeq(accepted, ",") {
			name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
			if strings.TrimSpace(name) == coding && !slices.Contains([]string{"q=0", "q=0.0", "q=0.00", "q=0.000"}, strings.TrimSpace(weight)) {
				return coding
			}
		}
	}
	return ""
}
