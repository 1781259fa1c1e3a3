package ws

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
)

type echo struct{ closed chan error }

func (e *echo) Opened(c *Conn)            { c.SendText([]byte("hello")) }
func (e *echo) Message(c *Conn, p []byte) { c.SendText(p) }
func (e *echo) Closed(c *Conn, err error) { e.closed <- err }

func TestSmoke(t *testing.T) {
	for _, portable := range []bool{false, true} {
		s := New(Options{Portable: portable})
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		e := &echo{closed: make(chan error, 1)}
		hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.Upgrade(w, r, UpgradeOptions{Handler: e})
		}))
		c, _, err := websocket.Dial(t.Context(), "ws"+hs.URL[4:], nil)
		if err != nil {
			t.Fatal(err)
		}
		_, p, err := c.Read(t.Context())
		t.Log(string(p), err)
		for range 10 {
			c.Write(t.Context(), websocket.MessageText, []byte("hi there"))
			_, p, err = c.Read(t.Context())
			t.Log(string(p), err)
		}
		c.Close(1000, "bye")
		t.Log(<-e.closed)
		if err := s.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Log(s.Stats())
		hs.Close()
	}
}
