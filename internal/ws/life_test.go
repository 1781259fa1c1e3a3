package ws

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"
)

// clocked is options under which the clock only moves by tick: four ticks are a ping interval, eight a write
// timeout, twelve a close timeout.
var clocked = Options{Ping: 4 * time.Hour, WriteTimeout: 8 * time.Hour, CloseTimeout: 12 * time.Hour}

func (r *rig) tick(n int) {
	for range n {
		r.sweep()
	}
}

// settled takes a message and waits until its reader has noted when it came.
func (h *recorder) settled(t *testing.T) {
	t.Helper()
	h.message(t)
	for h.conn.busy.Load() {
		runtime.Gosched()
	}
}

// tooMuch is more than any socket takes from a peer that does not read.
func tooMuch() *Frame { return NewFrame(make([]byte, 32<<20)) }

func TestASilentPeerIsPingedThenDropped(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, clocked)
		defer r.stop(t)
		p, h := r.open(t)
		for range 3 { // it answers: it may stay
			r.tick(4)
			p.wants(gobwas.OpPing, "")
			p.write(masked(0x8a, "") + text("pong sent"))
			h.settled(t)
		}
		for range 3 { // it talks: there is no need to ask
			r.tick(3)
			p.write(text("alive"))
			h.settled(t)
		}
		p.write(masked(0x89, "no ping came before") + text("last"))
		p.wants(gobwas.OpPong, "no ping came before")
		h.settled(t)
		r.tick(4) // it says nothing
		p.wants(gobwas.OpPing, "")
		r.tick(5)
		if err := h.reason(t); !errors.Is(err, ErrSilent) {
			t.Errorf("closed because of %v", err)
		}
		if _, _, err := p.frame(); err == nil {
			t.Error("the connection is open")
		}
	})
}

func TestAPeerThatTakesNothingIsDropped(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		o := clocked
		o.Ping = 100 * time.Hour
		if tr.portable || tr.tls {
			o.WriteTimeout = 50 * time.Millisecond // there the socket's own deadline counts
		}
		r := newRig(t, tr, o)
		defer r.stop(t)
		_, h := r.open(t)
		h.conn.Send(tooMuch())
		if !tr.portable && !tr.tls {
			for h.conn.stuck() == stuckNever {
				time.Sleep(time.Millisecond) // between looks, until the socket is full
			}
			r.tick(10)
		}
		if err := h.reason(t); !errors.Is(err, ErrWriteTimeout) {
			t.Errorf("closed because of %v", err)
		}
	})
}

func (c *Conn) stuck() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stuckAt
}

func TestAnUnansweredCloseFrameIsNotWaitedForForever(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, clocked)
		defer r.stop(t)
		p, h := r.open(t)
		h.conn.Close(ClosePolicyViolation, "banned")
		p.wants(gobwas.OpClose, closeBody(1008, "banned"))
		r.tick(14)
		wantsReason(t, h.reason(t), &CloseError{Code: 1008, Reason: "banned"})
	})
}

// blocker blocks in Message until it is let go.
type blocker struct {
	*recorder
	let chan struct{}
}

func (h blocker) Message(c *Conn, p []byte) {
	h.recorder.Message(c, p)
	<-h.let
}

func TestABusyHandlerHoldsUpItsOwnConnectionOnly(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, clocked)
		defer r.stop(t)
		other, ho := r.open(t)
		let := make(chan struct{})
		r.handler = func(*http.Request) Handler { return blocker{newRecorder(r), let} }
		var busy []*peer
		var handlers []*recorder
		for range 50 {
			p, h := r.open(t)
			p.write(text("one") + text("two"))
			h.message(t)
			busy, handlers = append(busy, p), append(handlers, h)
		}
		other.write(text("meanwhile"))
		if got := ho.message(t); got != "meanwhile" {
			t.Errorf("got %q", got)
		}
		for range 5 { // its silence is ours
			r.tick(4)
			other.write(text("here"))
			ho.settled(t)
		}
		for i, h := range handlers {
			if len(h.messages) > 0 {
				t.Fatal("a second message came during the first")
			}
			h.conn.SendText([]byte("sent"))
			for {
				op, _, err := busy[i].frame()
				if err != nil {
					t.Fatal(err)
				}
				if op == gobwas.OpText {
					break
				}
			}
		}
		close(let)
		for _, h := range handlers {
			if got := h.message(t); got != "two" {
				t.Errorf("got %q", got)
			}
		}
	})
}

func TestClosedComesAfterTheLastMessage(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		let := make(chan struct{})
		r.handler = func(*http.Request) Handler { return blocker{newRecorder(r), let} }
		p, h := r.open(t)
		p.write(text("last"))
		h.message(t)
		h.conn.kill(io.ErrUnexpectedEOF)
		p.Close()
		if len(h.closed) > 0 {
			t.Fatal("closed during a message")
		}
		close(let)
		if err := h.reason(t); err != io.ErrUnexpectedEOF {
			t.Errorf("closed because of %v", err)
		}
	})
}

func TestStopSaysGoodbyeAndWaits(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{CloseTimeout: time.Hour, WriteTimeout: time.Hour, Ping: time.Hour})
		var handlers []*recorder
		ended := make(chan error, 20)
		for range 20 {
			p, h := r.open(t)
			handlers = append(handlers, h)
			go func() {
				op, payload, err := p.frame()
				if err == nil && (op != gobwas.OpClose || payload[:2] != closeBody(1001, "")) {
					err = errors.New("not a close frame with 1001")
				}
				io.WriteString(p.Conn, masked(0x88, closeBody(1001, "")))
				ended <- err
			}()
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, h := range handlers {
			if len(h.closed) != 1 {
				t.Error("Stop returned before Closed did")
			}
		}
		for range handlers {
			if err := take(t, ended); err != nil {
				t.Error(err)
			}
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Errorf("second Stop: %v", err)
		}
		resp, err := r.http.Client().Get(r.http.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("an upgrade after Stop is answered with %s", resp.Status)
		}
	})
}

func TestStopCutsPeersThatDoNotAnswer(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{CloseTimeout: time.Millisecond})
		_, polite := r.open(t)
		_, full := r.open(t)
		full.conn.Send(tooMuch())
		if err := r.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		polite.reason(t)
		full.reason(t)
	})
}

func TestStopDoesNotOutliveItsContext(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{CloseTimeout: time.Millisecond})
		let := make(chan struct{})
		r.handler = func(*http.Request) Handler { return blocker{newRecorder(r), let} }
		p, h := r.open(t)
		p.write(text("block"))
		h.message(t)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := r.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop returned %v with a handler still at work", err)
		}
		close(let)
		h.reason(t)
	})
}
