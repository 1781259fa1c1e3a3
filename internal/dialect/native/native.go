// Package native is the server's own dialect: REST and WebSocket under /api (specs: native). It turns requests into calls
// of the core and the core's answers into JSON. It has no rules: what a person may do, and every limit, is the core's.
package native

import "parley/internal/core"

// Dialect speaks the native API.
type Dialect struct {
	core *core.Core
}
