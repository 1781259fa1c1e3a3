package ws

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
)

// echo sends every message back.
type echo struct{ *recorder }

func (e echo) Message(c *Conn, p []byte) { c.SendText(p) }

// binaryEcho takes binary messages too.
type binaryEcho struct{ echo }

func (e binaryEcho) Binary(c *Conn, p []byte) { c.Send(NewBinaryFrame(p)) }

func TestAnotherClientsMessagesComeBackWhole(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		r.handler = func(*http.Request) Handler { return binaryEcho{echo{newRecorder(r)}} }
		c, _, err := websocket.Dial(t.Context(), r.http.URL, &websocket.DialOptions{HTTPClient: r.http.Client()})
		if err != nil {
			t.Fatal(err)
		}
		c.SetReadLimit(2 << 20)
		h := take(t, r.opened)
		for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			for _, n := range []int{0, 1, 125, 126, 4090, 4096, 5000, 65535, 65536, 1 << 20} {
				want := bytes.Repeat([]byte("x"), n)
				if err := c.Write(t.Context(), typ, want); err != nil {
					t.Fatal(err)
				}
				gotType, got, err := c.Read(t.Context())
				if err != nil || gotType != typ || !bytes.Equal(got, want) {
					t.Fatalf("%d bytes came back as %d of %v, %v", n, len(got), gotType, err)
				}
			}
		}
		if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil {
			t.Fatal(err)
		}
		wantsReason(t, h.reason(t), &CloseError{Code: 1000, Reason: "bye", Peer: true})
	})
}

func TestManyMessagesInOneSegmentKeepTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		p, h := r.open(t)
		var all strings.Builder
		for i := range 5000 {
			all.WriteString(text(fmt.Sprint("message ", i)))
		}
		p.write(all.String())
		for i := range 5000 {
			if got, want := h.message(t), fmt.Sprint("message ", i); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	})
}

func TestFramesBehindTheHandshakeAreRead(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		last := text("third")
		p := r.connect(t, text("first")+text("second")+last[:4])
		h := take(t, r.opened)
		p.write(last[4:])
		for _, want := range []string{"first", "second", "third"} {
			if got := h.message(t); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	})
}

func TestByteByByte(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		p, h := r.open(t)
		long := strings.Repeat("äöü", 100)
		for _, b := range []byte(text(long) + masked(0x89, "p") + text("short")) {
			p.write(string([]byte{b}))
		}
		if got := h.message(t); got != long {
			t.Fatalf("got %q", got)
		}
		if got := h.message(t); got != "short" {
			t.Fatalf("got %q", got)
		}
		p.wants(gobwas.OpPong, "p")
	})
}

func TestFragmentsWithPingsBetween(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		r.handler = func(*http.Request) Handler { return echo{newRecorder(r)} }
		p := r.connect(t, "")
		p.write(masked(0x01, "gr\xc3") + masked(0x89, "one") + masked(0x00, "\xbc") + masked(0x8a, "unasked") +
			masked(0x89, "") + masked(0x80, "n"))
		p.wants(gobwas.OpPong, "one")
		p.wants(gobwas.OpPong, "")
		p.wants(gobwas.OpText, "grün")
	})
}

func TestRefusals(t *testing.T) {
	unmasked := string(gobwas.MustCompileFrame(gobwas.NewTextFrame([]byte("hi"))))
	rows := []struct {
		name string
		send string
		code int
	}{
		{"an unmasked frame is a protocol error", unmasked, 1002},
		{"a reserved bit is a protocol error", masked(0xc1, "hi"), 1002},
		{"a reserved data opcode is a protocol error", masked(0x83, "hi"), 1002},
		{"a reserved control opcode is a protocol error", masked(0x8b, "hi"), 1002},
		{"a fragmented ping is a protocol error", masked(0x09, "hi"), 1002},
		{"a ping of 126 bytes is a protocol error", masked(0x89, strings.Repeat("x", 126)), 1002},
		{"a continuation of nothing is a protocol error", masked(0x80, "hi"), 1002},
		{"a new message inside a fragmented one is a protocol error", masked(0x01, "hi") + text("ho"), 1002},
		{"text that is not UTF-8 is invalid", text("\xff"), 1007},
		{"text cut inside a character is invalid", masked(0x01, "a") + masked(0x80, "\xc3"), 1007},
		{"a binary message is not taken", masked(0x82, "hi"), 1003},
		{"a long message is too big by its header alone", "\x81\xfe\x03\xe9\x00\x00\x00\x00", 1009},
		{"a length beyond 63 bits is too big", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009},
		{"fragments are too big together", masked(0x01, strings.Repeat("x", 999)) + masked(0x80, "xx"), 1009},
		{"a close frame of one byte is a protocol error", masked(0x88, "x"), 1002},
		{"a close frame with code 999 is a protocol error", masked(0x88, closeBody(999, "")), 1002},
		{"a close frame with code 1005 is a protocol error", masked(0x88, closeBody(1005, "")), 1002},
		{"a close frame with code 2999 is a protocol error", masked(0x88, closeBody(2999, "")), 1002},
		{"a close frame with code 5000 is a protocol error", masked(0x88, closeBody(5000, "")), 1002},
		{"a close reason that is not UTF-8 is invalid", masked(0x88, closeBody(1000, "\xff")), 1007},
	}
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{MaxMessage: 1000})
		defer r.stop(t)
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				p, h := r.open(t)
				p.write(text("before") + row.send + text("behind"))
				p.wantsClose(row.code)
				p.wantsEnd()
				p.Close()
				wantsReason(t, h.reason(t), &CloseError{Code: row.code})
				if got := h.message(t); got != "before" {
					t.Errorf("message %q", got)
				}
				if n := len(h.messages); n > 0 {
					t.Errorf("%d messages behind the fault were delivered", n)
				}
			})
		}
	})
}

func TestThePeerCloses(t *testing.T) {
	rows := []struct {
		name   string
		send   string
		answer int
		reason *CloseError
	}{
		{"with 1000", masked(0x88, closeBody(1000, "bye")), 1000, &CloseError{1000, "bye", true}},
		{"with 1001", masked(0x88, closeBody(1001, "")), 1001, &CloseError{1001, "", true}},
		{"with a code of its own", masked(0x88, closeBody(4321, "")), 4321, &CloseError{4321, "", true}},
		{"without a code", masked(0x88, ""), CloseNoStatus, &CloseError{CloseNoStatus, "", true}},
	}
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				p, h := r.open(t)
				p.write(row.send)
				p.wantsClose(row.answer)
				p.wantsEnd()
				wantsReason(t, h.reason(t), row.reason)
				if h.conn.SendText(nil) {
					t.Error("a closed connection took a frame")
				}
			})
		}
		t.Run("without a close frame", func(t *testing.T) {
			p, h := r.open(t)
			p.write(text("one") + text("two")[:3])
			p.Close()
			if err := h.reason(t); !errors.Is(err, ErrAborted) {
				t.Errorf("closed because of %v", err)
			}
			if got := h.message(t); got != "one" {
				t.Errorf("message %q", got)
			}
		})
	})
}

func TestHandshake(t *testing.T) {
	rows := []struct {
		name   string
		change func(r *http.Request)
		status int
	}{
		{"a good one is answered", func(*http.Request) {}, http.StatusSwitchingProtocols},
		{"POST is refused", func(r *http.Request) { r.Method = "POST" }, http.StatusMethodNotAllowed},
		{"a plain request is refused", func(r *http.Request) { r.Header.Del("Upgrade") }, http.StatusBadRequest},
		{"another version is refused", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, http.StatusUpgradeRequired},
		{"a short key is refused", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "abc") }, http.StatusBadRequest},
	}
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		r.upgrade = UpgradeOptions{Subprotocol: "bearer", Header: http.Header{"X-Node": {"seven"}}}
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				req, _ := http.NewRequestWithContext(t.Context(), "GET", r.http.URL, nil)
				for k, v := range map[string]string{
					"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
					"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "bearer, secret",
					"Sec-WebSocket-Extensions": "permessage-deflate",
				} {
					req.Header.Set(k, v)
				}
				row.change(req)
				resp, err := r.http.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != row.status {
					t.Fatalf("answered with %s", resp.Status)
				}
				if row.status != http.StatusSwitchingProtocols {
					return
				}
				for k, want := range map[string]string{
					"Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-WebSocket-Protocol": "bearer",
					"Sec-WebSocket-Extensions": "", "X-Node": "seven",
				} {
					if got := resp.Header.Get(k); got != want {
						t.Errorf("%s: %q, want %q", k, got, want)
					}
				}
			})
		}
	})
}
