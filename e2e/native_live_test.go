package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// live is an open WebSocket that keeps what it was sent.
type live struct {
	t    *testing.T
	api  *api
	conn *websocket.Conn

	mu     sync.Mutex
	news   chan struct{} // closed and renewed when something came
	frames []obj
	next   int // what await has not seen
	refs   int
	end    error
}

// dial connects, expects ready and reads from then on.
func (c *client) dial() *live {
	c.t.Helper()
	return c.dialWith("?token="+url.QueryEscape(c.Token), nil)
}

func (c *client) dialWith(query string, opts *websocket.DialOptions) *live {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+c.api.addr+"/api/ws"+query, opts)
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	l := &live{t: c.t, api: c.api, conn: conn, news: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			_, text, err := conn.Read(context.Background())
			var f obj
			if err == nil {
				err = json.Unmarshal(text, &f)
			}
			l.mu.Lock()
			if err != nil {
				l.end = err
			} else {
				l.frames = append(l.frames, f)
			}
			close(l.news)
			l.news = make(chan struct{})
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	c.t.Cleanup(func() {
		conn.CloseNow()
		<-done
		for _, f := range l.frames {
			for _, fault := range c.api.validateFrame(f) {
				c.t.Errorf("%s: %v", fault, show(f))
			}
		}
	})
	l.await("ready", nil)
	return l
}

// patience is how long a thing may take that must happen.
const patience = 30 * time.Second

func show(v any) string {
	text, _ := json.Marshal(v)
	return string(text[:min(len(text), 700)])
}

// wait looks at the frames from the given one on until one pleases.
func (l *live) wait(what string, from int, ok func(obj) bool) (obj, int) {
	l.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		l.mu.Lock()
		news, end, frames := l.news, l.end, l.frames
		l.mu.Unlock()
		for ; from < len(frames); from++ {
			if ok(frames[from]) {
				return frames[from], from
			}
		}
		if end != nil {
			l.t.Fatalf("the connection ended (%v) before %s; it had %s", end, what, show(frames))
		}
		select {
		case <-news:
		case <-timeout.C:
			l.t.Fatalf("waited in vain for %s; the connection had %s", what, show(frames))
		}
	}
}

// await expects a frame of the type with these values that no await has passed yet.
func (l *live) await(kind string, want obj) *answer {
	l.t.Helper()
	f, n := l.wait(fmt.Sprint(kind, " ", show(want)), l.next, func(f obj) bool { return f["type"] == kind && matches(f, want) })
	l.next = n + 1
	return &answer{t: l.t, what: kind, json: f, body: []byte(show(f))}
}

// eventually is await among all that ever came.
func (l *live) eventually(kind string, want obj) *answer {
	l.t.Helper()
	f, _ := l.wait(fmt.Sprint(kind, " ", show(want)), 0, func(f obj) bool { return f["type"] == kind && matches(f, want) })
	return &answer{t: l.t, what: kind, json: f, body: []byte(show(f))}
}

func matches(f obj, want obj) bool {
	for path, w := range want {
		if got, ok := at(f, path); !ok || !same(got, w) {
			return false
		}
	}
	return true
}

// count is how many frames of the kind came so far.
func (l *live) count(kind string, want obj) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.frames {
		if f["type"] == kind && matches(f, want) {
			n++
		}
	}
	return n
}

func (l *live) send(f obj) {
	l.t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		l.t.Fatal(err)
	}
	l.raw(text)
}

func (l *live) raw(text []byte) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.conn.Write(ctx, websocket.MessageText, text); err != nil {
		l.t.Fatal(err)
	}
}

// ask sends a frame with a ref and returns its answer, ok or error.
func (l *live) ask(f obj) *answer {
	l.t.Helper()
	l.refs++
	ref := "r" + strconv.Itoa(l.refs)
	f["ref"] = ref
	l.send(f)
	got, _ := l.wait("an answer to "+show(f), 0, func(f obj) bool { return f["ref"] == ref })
	return &answer{t: l.t, what: show(f), json: got, body: []byte(show(got))}
}

func (l *live) ok(f obj) *answer {
	l.t.Helper()
	a := l.ask(f)
	if a.str("type") != "ok" {
		l.t.Fatalf("want ok: %v", a)
	}
	return a
}

func (l *live) refused(f obj, codes ...string) *answer {
	l.t.Helper()
	a := l.ask(f)
	if a.str("type") != "error" || !slices.Contains(codes, a.str("code")) {
		l.t.Errorf("want error %v: %v", codes, a)
	}
	return a
}

// fence returns once everything that the server had for this connection before has come.
func (l *live) fence() {
	l.t.Helper()
	if a := l.ask(obj{"type": "ping"}); a.str("type") != "pong" {
		l.t.Fatalf("want pong: %v", a)
	}
}

// closed expects the end of the connection with the code.
func (l *live) closed(code websocket.StatusCode) {
	l.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		l.mu.Lock()
		news, end := l.news, l.end
		l.mu.Unlock()
		if end != nil {
			if got := websocket.CloseStatus(end); got != code {
				l.t.Errorf("closed with %d (%v), want %d", got, end, code)
			}
			return
		}
		select {
		case <-news:
		case <-timeout.C:
			l.t.Fatalf("the connection was not closed")
		}
	}
}
