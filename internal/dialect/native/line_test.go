package native_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// line is a WebSocket of somebody's that loses nothing: frames that are not asked for yet wait.
type line struct {
	*testing.T
	conn    *websocket.Conn
	waiting []*answer
	asked   int
}

// dial connects, and has read the ready frame.
func (c *client) dial() *line {
	c.Helper()
	conn, _, err := websocket.Dial(c.Context(), strings.Replace(c.url, "http", "ws", 1)+"/api/ws?token="+c.token, nil)
	if err != nil {
		c.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	c.Cleanup(func() { _ = conn.CloseNow() })
	l := &line{T: c.T, conn: conn}
	l.await("ready")
	return l
}

func (l *line) hangUp() { _ = l.conn.Close(websocket.StatusNormalClosure, "") }

// next takes the first frame that fits, waiting for it.
func (l *line) next(what string, fits func(*answer) bool) *answer {
	l.Helper()
	for i, a := range l.waiting {
		if fits(a) {
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			return a
		}
	}
	ctx, cancel := context.WithTimeout(l.Context(), 20*time.Second)
	defer cancel()
	for {
		_, text, err := l.conn.Read(ctx)
		if err != nil {
			l.Fatalf("%s did not come: %v", what, err)
		}
		a := &answer{T: l.T, request: "a frame", body: text}
		if fits(a) {
			return a
		}
		l.waiting = append(l.waiting, a)
	}
}

// await takes the next frame of a type.
func (l *line) await(kind string) *answer {
	l.Helper()
	return l.next(kind, func(a *answer) bool { return a.text("type") == kind })
}

// answerTo sends a frame and takes the answer to it.
func (l *line) answerTo(frame object) *answer {
	l.Helper()
	l.asked++
	ref := fmt.Sprint("r", l.asked)
	frame["ref"] = ref
	text, err := json.Marshal(frame)
	if err == nil {
		err = l.conn.Write(l.Context(), websocket.MessageText, text)
	}
	if err != nil {
		l.Fatal(err)
	}
	return l.next("an answer", func(a *answer) bool {
		var f struct{ Ref string }
		return json.Unmarshal(a.body, &f) == nil && f.Ref == ref
	})
}

// ask is answerTo for what succeeds.
func (l *line) ask(frame object) *answer {
	l.Helper()
	return l.answerTo(frame).is("type", "ok")
}

// refused is answerTo for what fails with a code.
func (l *line) refused(frame object, code string) {
	l.Helper()
	l.answerTo(frame).is("type", "error").is("code", code)
}
