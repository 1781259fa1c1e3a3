package origin

import "net/http"

// routes are the protocol's HTTP routes by pattern (specs: originchats §9).
func (d *Dialect) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{}
}
