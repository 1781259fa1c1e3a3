package origin

import "net/http"

// routes are the protocol's HTTP routes by pattern (specs: originchats §9).
func (d *Dialect) routes() map[string]http.HandlerFunc {
	posts := forAll((&webhookPosts{core: d.core, incident: d.incident}).ServeHTTP)
	return map[string]http.HandlerFunc{
		"POST /webhooks":     posts,
		"POST /webhooks/":    posts,
		"OPTIONS /webhooks":  forAll(nil),
		"OPTIONS /webhooks/": forAll(nil),
	}
}

// forAll lets pages of every site ask (specs: originchats §9). Without a handler it answers only what such a page may.
func forAll(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, Range")
		h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Type, Cache-Control")
		if handle == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		handle(w, r)
	}
}
