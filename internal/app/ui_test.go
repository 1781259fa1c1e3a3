package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheUIIsServed(t *testing.T) {
	files := fstest.MapFS{
		"index.html":           {Data: []byte("<!doctype html>page")},
		"_ui/main-abc.js":      {Data: []byte("plain")},
		"_ui/main-abc.js.gz":   {Data: []byte("gzipped")},
		"_ui/main-abc.js.br":   {Data: []byte("brotli")},
		"manifest.webmanifest": {Data: []byte("{}")},
	}
	u := newUI(files, http.HandlerFunc(nothingHere))
	for _, row := range []struct {
		name, method, path, accept, encoding string
		status                               int
		body, header, value                  string
	}{
		{"the page is served at the root", "GET", "/", "text/html", "", 200, "page", "Content-Security-Policy", uiPolicy},
		{"the page is served at the root to whoever asks", "GET", "/", "", "", 200, "page", "Content-Type", "text/html; charset=utf-8"},
		{"the page is served at an address of the UI's own", "GET", "/r/12", "text/html,*/*", "", 200, "page", "Cache-Control", "no-cache"},
		{"a program that asks for nothing gets a problem", "GET", "/r/12", "*/*", "", 404, "not_found", "Content-Type", "application/problem+json"},
		{"an unknown path of the API never gets the page", "GET", "/api/nothing", "text/html", "", 404, "not_found", "", ""},
		{"a missing file never gets the page", "GET", "/_ui/old.js", "text/html", "", 404, "not_found", "", ""},
		{"a file with a hash in its name is kept for ever", "GET", "/_ui/main-abc.js", "*/*", "", 200, "plain", "Cache-Control", "public, max-age=31536000, immutable"},
		{"brotli is preferred", "GET", "/_ui/main-abc.js", "*/*", "gzip, deflate, br", 200, "brotli", "Content-Encoding", "br"},
		{"gzip is served to who knows no better", "GET", "/_ui/main-abc.js", "*/*", "gzip", 200, "gzipped", "Content-Encoding", "gzip"},
		{"a coding that is refused is not used", "GET", "/_ui/main-abc.js", "*/*", "br;q=0, gzip;q=0", 200, "plain", "Content-Encoding", ""},
		{"the compressed twins are no files of their own", "GET", "/_ui/main-abc.js.br", "*/*", "", 404, "not_found", "", ""},
		{"the manifest has its type", "GET", "/manifest.webmanifest", "*/*", "", 200, "{}", "Content-Type", "application/manifest+json"},
		{"a path cannot leave the folder", "GET", "/_ui/../../etc/passwd", "*/*", "", 404, "not_found", "", ""},
		{"the page takes nothing", "POST", "/", "text/html", "", 404, "not_found", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest(row.method, "http://chat.example"+row.path, nil)
			r.Header.Set("Accept", row.accept)
			r.Header.Set("Accept-Encoding", row.encoding)
			w := httptest.NewRecorder()
			u.ServeHTTP(w, r)
			if w.Code != row.status || !strings.Contains(w.Body.String(), row.body) {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			if row.header != "" && w.Header().Get(row.header) != row.value {
				t.Errorf("%s is %q", row.header, w.Header().Get(row.header))
			}
		})
	}
}

func TestTheUIIsNotSentTwice(t *testing.T) {
	u := newUI(fstest.MapFS{"index.html": {Data: []byte("page")}}, http.HandlerFunc(nothingHere))
	first := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "text/html")
	u.ServeHTTP(first, r)
	r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	second := httptest.NewRecorder()
	u.ServeHTTP(second, r)
	if second.Code != http.StatusNotModified {
		t.Errorf("%d, want 304", second.Code)
	}
}
