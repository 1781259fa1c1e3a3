package origin

import "net/http"

// routes are the protocol's HTTP routes by pattern (specs: originchats §9).
func (d *Dialect) routes() map[string]http.HandlerFunc {
	posts := forAll((&webhookPosts{core: d.core, content: d.PostContent, incident: d.incident}).ServeHTTP)
	return map[string]http.HandlerFunc{
		"GET /info":                 forAll(d.serveInfo),
		"GET /emojis/{name}":        forAll(d.serveEmoji),
		"GET /server-assets/{name}": forAll(d.serveAsset),
		"GET /attachments/{id}":     forAll(d.serveAttachment),
		"POST /attachments/upload":  forAll(d.serveUpload),
		"OPTIONS /info":             forAll(nil),
		"OPTIONS /emojis/":          forAll(nil),
		"OPTIONS /server-assets/":   forAll(nil),
		"OPTIONS /attachments/":     forAll(nil),
		"GET /emojis/":              forAll(notFound),
		"GET /server-assets/":       forAll(notFound),
		"GET /attachments/":         forAll(notFound),

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
