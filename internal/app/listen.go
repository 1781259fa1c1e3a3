package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Bounds of one HTTP connection. There is none on the whole of a request or an answer: uploads and downloads are as slow as
// the line, and WebSockets live long.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// listener is an address with what is served there.
type listener struct {
	name    string // for messages: the setting's key
	address string
	handler http.Handler
	tls     *tls.Config // nil: plain HTTP
	log     *slog.Logger

	bound  net.Listener
	server *http.Server
	done   chan struct{}
}

// Start binds the address and serves. It fails with words that say which setting is to be changed.
func (l *listener) Start(context.Context) error {
	bound, err := net.Listen("tcp", l.address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: %s is in use by another program: stop that, or choose another address", l.name, l.address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: no permission to listen on %s: ports below 1024 need CAP_NET_BIND_SERVICE, or choose a higher one", l.name, l.address)
	case err != nil:
		return fmt.Errorf("%s: %w", l.name, err)
	}
	l.bound, l.done = bound, make(chan struct{})
	l.server = &http.Server{
		Handler: l.handler, TLSConfig: l.tls,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(l.log.Handler(), slog.LevelDebug), // scanners that drop out of handshakes
	}
	go func() {
		defer close(l.done)
		var err error
		if l.tls != nil {
			err = l.server.ServeTLS(bound, "", "")
		} else {
			err = l.server.Serve(bound)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			l.log.Error("listener ended", slog.String("listener", l.name), slog.Any("error", err))
		}
	}()
	return nil
}

// Stop takes no more connections at once, gives requests that are being answered half of the time that is left, then cuts
// them: the rest belongs to the parts below.
func (l *listener) Stop(ctx context.Context) error {
	if l.server == nil {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	if l.server.Shutdown(ctx) != nil {
		l.log.Warn("requests were cut off by the shutdown", slog.String("listener", l.name))
		_ = l.server.Close() // closes what Shutdown waited for; its error is of no use any more
	}
	<-l.done
	return nil
}

// addr is where the listener is bound, nil if it is not.
func (l *listener) addr() net.Addr {
	if l == nil || l.bound == nil {
		return nil
	}
	return l.bound.Addr()
}
