package main

import (
	"context"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"parley/internal/ws"
)

// bare is a broadcaster with nothing but the WebSocket package: every frame that comes in goes to every connection. It is
// the yardstick: what remains of the server's cost beyond it is ours.
type bare struct {
	server *ws.Server
	mu     sync.Mutex
	conns  []*ws.Conn
}

func runBare(addr string) error {
	b := &bare{server: ws.New(ws.Options{QueueFrames: 4096, QueueBytes: 16 << 20})}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := b.server.Start(ctx); err != nil {
		return err
	}
	srv := &http.Server{Addr: addr, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		b.server.Upgrade(w, r, ws.UpgradeOptions{Handler: b})
	})}
	go srv.ListenAndServe()
	<-ctx.Done()
	srv.Close()
	return b.server.Stop(context.Background())
}

// Opened implements ws.Handler.
func (b *bare) Opened(c *ws.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns = append(slices.Clone(b.conns), c)
}

// Message implements ws.Handler.
func (b *bare) Message(_ *ws.Conn, payload []byte) {
	b.mu.Lock()
	conns := b.conns
	b.mu.Unlock()
	b.server.SendAll(conns, ws.NewFrame(payload))
}

// Closed implements ws.Handler.
func (b *bare) Closed(c *ws.Conn, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns = slices.DeleteFunc(slices.Clone(b.conns), func(x *ws.Conn) bool { return x == c })
}
