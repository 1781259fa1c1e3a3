package e2e

import (
	"net/http"
	"testing"

	"parley/internal/pgtest"
)

// TestNativeWebSocketOverNodes plays the tables of the WebSocket with every request and every connection on another node than
// the one before: what one person does on one node is what the others hear on theirs.
func TestNativeWebSocketOverNodes(t *testing.T) {
	c := newCluster(t, 3, pgtest.Options{}, free...)
	transport := http.DefaultTransport.(*http.Transport)
	transport.CloseIdleConnections()
	transport.DisableKeepAlives = true // a new connection for every request, so that the balancer has the choice
	defer func() { transport.DisableKeepAlives = false }()
	a := &api{server: &server{t: t, addr: c.front.addr, log: c.nodes[0].log}, owner: c.owner, seen: make(map[string]bool)}
	if status := a.do("", "GET", "/api/openapi.json", nil, &a.doc); status != 200 {
		t.Fatalf("the document: status %d", status)
	}
	for _, part := range []struct {
		name string
		play func(*testing.T, *api)
	}{
		{"the first frame", firstFrame},
		{"joining and leaving the events of a room", subscribing},
		{"sending, editing, deleting and reacting", framesOfMessages},
		{"a nonce is fanned out once", nonceOnce},
		{"catching up leaves no hole and doubles nothing", catchingUp},
		{"events come in the order of their numbers", ordering},
		{"typing is told and ends by itself", typing},
		{"read marks and unread counts", readFrames},
		{"delivered and read in direct rooms", deliveredAndRead},
		{"presence reaches people who share a room", presence},
		{"members come, change and go", memberFrames},
		{"rooms change, come and go", roomFrames},
		{"notifications", notificationFrames},
		{"the end of a login closes the connection", endOfLogin},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(t, a) })
	}
}
