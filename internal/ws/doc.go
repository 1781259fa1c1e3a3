// Package ws is the server side of WebSocket (RFC 6455): it takes over an HTTP connection, delivers whole
// messages to a handler, and sends prepared frames to many connections for little.
//
// An idle connection owns no goroutine, no timer and no buffer where the operating system has a poller we
// know (epoll, plain TCP); over TLS and elsewhere it owns one reading goroutine. What is queued on a
// connection is joined into one write, and a busy connection is written at most once per Linger.
//
// Not here: what messages mean, who may connect (origins, tokens, limits per address), who is in which room,
// resuming after a lost connection, and compression, which is never negotiated.
package ws
