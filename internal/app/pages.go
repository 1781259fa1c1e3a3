package app

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"parley/internal/ops"
	"parley/web"
)

// The two pages that the program has without the web UI. They need nothing from elsewhere.
var (
	//go:embed pages/index.html
	indexHTML string
	//go:embed pages/setup.html
	setupHTML string
	//go:embed pages/style.css
	pageStyle string
	//go:embed pages/setup.js
	setupScript string

	indexTemplate = template.Must(template.New("index").Parse(indexHTML))
	setupTemplate = template.Must(template.New("setup").Parse(setupHTML))
)

// page is what the templates show.
type page struct {
	Product, Command  string
	Name, Description string
	Style             template.CSS
	Script            template.JS
}

// servePages adds the web UI, or the pages in its place, and the answer to paths that are nothing to mux.
func (a *App) servePages(mux *http.ServeMux) {
	if files, ok := web.Files(); ok {
		mux.Handle("/", newUI(files, http.HandlerFunc(nothingHere)))
		return
	}
	a.servePlainPages(mux)
}

// servePlainPages adds the pages of a program without the web UI.
func (a *App) servePlainPages(mux *http.ServeMux) {
	p := page{
		Product: a.opts.Product, Command: strings.ToLower(a.opts.Product), Name: a.cfg.Server.Name, Description: a.cfg.Server.Description,
		Style: template.CSS(pageStyle), Script: template.JS(setupScript),
	}
	mux.Handle("GET /{$}", servePage(indexTemplate, p, "style-src "+hashOf(pageStyle)))
	mux.Handle("GET /setup", servePage(setupTemplate, p, "style-src "+hashOf(pageStyle)+"; script-src "+hashOf(setupScript)+"; connect-src 'self'"))
	mux.HandleFunc("/", nothingHere)
}

// nothingHere answers for paths that are nothing.
func nothingHere(w http.ResponseWriter, _ *http.Request) {
	ops.WriteProblem(w, ops.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing at this address."})
}

// servePage renders a page once and serves it under a policy that allows what it holds and nothing else.
func servePage(t *template.Template, p page, allowed string) http.Handler {
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		panic(err) // the template and its data are fixed at compile time
	}
	policy := "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " + allowed
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(b.Bytes()) // the client is gone; nobody to tell
	})
}

// hashOf is the source expression that allows exactly this inline text (https://www.w3.org/TR/CSP3/#grammardef-hash-source).
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
