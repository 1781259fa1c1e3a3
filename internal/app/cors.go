package app

import (
	"net/http"
	"slices"
)

// What another site's page may send to the API and read from its answers.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, If-None-Match, If-Range, Range"
	corsExposed = "Content-Range, ETag, Location, Retry-After, X-Request-Id"
	corsMaxAge  = "600" // seconds that a browser may remember a preflight
)

// cors lets pages of the given origins call next (https://fetch.spec.whatwg.org/#http-cors-protocol). "*" alone allows every
// origin, without cookies. Requests of other origins pass unchanged: the browser keeps their answers from the page, and
// cross-site requests with cookies are the API's own to refuse.
func cors(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	anyone := slices.Contains(origins, "*")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" || !anyone && !slices.Contains(origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		if anyone {
			h.Set("Access-Control-Allow-Origin", "*")
		} else {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", corsExposed)
		next.ServeHTTP(w, r)
	})
}
