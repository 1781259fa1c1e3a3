package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSlowReader has one client that stops reading. The others get everything as if it were not there; it is let go, and
// when it comes back it resumes without a hole.
func TestSlowReader(t *testing.T) {
	const messages = 400
	s := newServer(t, "PARLEY_LIMITS_MESSAGES_PER_10S=0", "PARLEY_LIMITS_REQUESTS_PER_MINUTE=0", "PARLEY_LIMITS_WS_QUEUE_FRAMES=50", "PARLEY_LIMITS_WS_QUEUE_BYTES=262144")
	writer, fast, slow := s.register("writer"), s.register("fast"), s.register("slow")
	room := s.room(writer, fast, slow)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	stuck := stopReading(t, s, slow, room)
	defer stuck.Close()
	var wg sync.WaitGroup
	watching := &watcher{messages: make(map[string]message)}
	ready, err := s.connect(ctx, fast)
	if err != nil {
		t.Fatal(err)
	}
	defer ready.CloseNow()
	if err := ready.write(ctx, map[string]any{"type": "join_room", "ref": "j", "room_id": room}); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := ready.read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if f.Ref == "j" {
			break
		}
	}
	wg.Go(func() {
		for !watching.finished(messages) {
			f, err := ready.read(ctx)
			if err != nil {
				return
			}
			if f.Type == "message_created" {
				watching.saw(f.message())
			}
		}
	})
	pen, err := s.connect(ctx, writer)
	if err != nil {
		t.Fatal(err)
	}
	defer pen.CloseNow()
	content := strings.Repeat("漢", 9_900) // 30 kB: what a kernel buffers is soon full
	for n := range messages {
		if err := pen.write(ctx, map[string]any{"type": "send_message", "ref": "s", "room_id": room, "content": fmt.Sprintf("%d %s", n, content)}); err != nil {
			t.Fatal(err)
		}
		for {
			f, err := pen.read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if f.Type == "error" {
				t.Fatalf("message %d: %s", n, f.Code)
			}
			if f.Ref == "s" {
				break
			}
		}
	}
	wg.Wait()
	if len(watching.messages) != messages || watching.double != "" {
		t.Fatalf("the fast reader saw %d messages of %d, double %q", len(watching.messages), messages, watching.double)
	}

	// The stuck one was let go: what is left in its buffers ends.
	stuck.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.Copy(io.Discard, stuck); err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Fatal("the slow reader was not let go")
		}
	}
	back := &watcher{messages: make(map[string]message)}
	for ctx.Err() == nil && !back.finished(messages) {
		back.watch(ctx, s, slow, room, messages)
	}
	if len(back.messages) != messages || back.double != "" {
		t.Fatalf("after coming back: %d messages of %d, double %q", len(back.messages), messages, back.double)
	}
}

// stopReading connects, subscribes, and reads no more.
func stopReading(t *testing.T, s *server, p person, room string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).SetReadBuffer(128 << 10)
	var key [16]byte
	rand.Read(key[:])
	fmt.Fprintf(conn, "GET /api/ws?token=%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		p.Token, s.addr, base64.StdEncoding.EncodeToString(key[:]))
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v %v", resp, err)
	}
	join := fmt.Sprintf(`{"type":"join_room","ref":"j","room_id":%q}`, room)
	conn.Write(append([]byte{0x81, 0x80 | byte(len(join)), 0, 0, 0, 0}, join...))
	for { // until the subscription stands
		line, err := in.ReadString('}')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, `"ref":"j"`) || strings.Contains(line, `"ok"`) {
			return conn
		}
	}
}
