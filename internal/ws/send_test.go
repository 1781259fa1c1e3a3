package ws

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	gobwas "github.com/gobwas/ws"
)

func TestFramesArriveInOrderFromSendAndSendAll(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		a, ha := r.open(t)
		b, hb := r.open(t)
		for i := range 300 {
			f := NewFrame(fmt.Append(nil, "room ", i))
			if refused := r.SendAll([]*Conn{ha.conn, hb.conn}, f); refused != nil {
				t.Fatalf("%d refused", len(refused))
			}
			if !ha.conn.SendText(fmt.Append(nil, "alone ", i)) {
				t.Fatal("refused")
			}
		}
		for i := range 300 {
			a.wants(gobwas.OpText, fmt.Sprint("room ", i))
			a.wants(gobwas.OpText, fmt.Sprint("alone ", i))
			b.wants(gobwas.OpText, fmt.Sprint("room ", i))
		}
	})
}

func TestFramesQueuedTogetherAreWrittenTogether(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		p, h := r.open(t)
		frames := make([]*Frame, 100)
		for i := range frames {
			frames[i] = NewFrame([]byte("x"))
		}
		r.SendAll([]*Conn{h.conn}, frames...)
		for range frames {
			p.wants(gobwas.OpText, "x")
		}
		p.write(masked(0x88, ""))
		p.wantsClose(CloseNoStatus)
		h.reason(t) // the counts are complete
		if s := r.Stats(); s.Writes != 2 || s.Sent != 101 || s.Bytes != 302 {
			t.Errorf("%d frames of %d bytes in %d writes, want 101 of 302 in 2", s.Sent, s.Bytes, s.Writes)
		}
	})
}

func TestLargeAndSmallFramesMixed(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{QueueBytes: 64 << 20})
		defer r.stop(t)
		p, h := r.open(t)
		var want []string
		for i := range 200 {
			s := strings.Repeat(fmt.Sprint(i%10), i*i%97*1000+i)
			want = append(want, s)
			if !h.conn.SendText([]byte(s)) {
				t.Fatal("refused")
			}
		}
		for _, s := range want {
			p.wants(gobwas.OpText, s)
		}
	})
}

// fill sends to a peer that does not read until its queue is full, and returns how many frames were taken.
func fill(c *Conn, f func(i int) *Frame) int {
	for i := 0; ; i++ {
		if !c.Send(f(i)) {
			return i
		}
	}
}

func TestASlowReaderIsRefusedAndHindersNobody(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{QueueFrames: 50})
		defer r.stop(t)
		slow, hs := r.open(t)
		quick, hq := r.open(t)
		pad := strings.Repeat("x", 20<<10)
		taken := fill(hs.conn, func(i int) *Frame { return NewFrame([]byte(fmt.Sprint(i, pad))) })
		if n := hs.conn.Queued(); n > 50 || taken < 50 {
			t.Errorf("%d of %d frames are queued, the bound is 50", n, taken)
		}
		if refused := r.SendAll([]*Conn{hs.conn, hq.conn}, pingFrame, NewFrame([]byte("both"))); len(refused) > 1 || refused != nil && refused[0] != hs.conn {
			t.Errorf("SendAll was refused by %d", len(refused))
		} else if refused == nil {
			taken += 2 // there was room again
		}
		quick.wants(gobwas.OpPing, "")
		quick.wants(gobwas.OpText, "both")
		for i := range taken {
			op, got, err := slow.frame()
			if err != nil {
				t.Fatal(err)
			}
			if op == gobwas.OpText && got != "both" && got != fmt.Sprint(i, pad) {
				t.Fatalf("frame %d is %.10q", i, got)
			}
		}
		for hs.conn.Queued() > 0 {
			runtime.Gosched() // the last write has yet to be noted
		}
		if !hs.conn.SendText([]byte("again")) {
			t.Error("refused after the peer had read")
		}
		slow.wants(gobwas.OpText, "again")
	})
}

func TestTheQueueIsBoundedInBytesToo(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{QueueBytes: 1 << 20})
		defer r.stop(t)
		_, h := r.open(t)
		if !h.conn.Send(tooMuch()) {
			t.Fatal("a frame larger than the bound was refused by an empty queue")
		}
		if h.conn.Send(pingFrame) {
			t.Error("more than the bound was queued")
		}
	})
}

func TestCloseSendsWhatIsQueuedFirst(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		p, h := r.open(t)
		for i := range 100 {
			h.conn.SendText(fmt.Append(nil, i))
		}
		h.conn.Close(CloseGoingAway, "restart")
		h.conn.Close(CloseNormal, "too late")
		if h.conn.SendText([]byte("too late")) {
			t.Error("a closing connection took a frame")
		}
		for i := range 100 {
			p.wants(gobwas.OpText, fmt.Sprint(i))
		}
		p.wants(gobwas.OpClose, closeBody(1001, "restart"))
		p.write(text("not delivered") + masked(0x88, closeBody(1001, "")))
		p.wantsEnd()
		wantsReason(t, h.reason(t), &CloseError{Code: 1001, Reason: "restart"})
		if len(h.messages) > 0 {
			t.Error("a message came after Close")
		}
		h.conn.Close(CloseNormal, "much too late")
	})
}

// closer closes its connection when told anything.
type closer struct{ *recorder }

func (h closer) Message(c *Conn, p []byte) {
	h.recorder.Message(c, p)
	c.SendText([]byte("going"))
	c.Close(CloseNormal, string(p))
}

func TestAHandlerClosesItsOwnConnection(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		r.handler = func(*http.Request) Handler { return closer{newRecorder(r)} }
		p, h := r.open(t)
		p.write(text("enough") + text("more"))
		p.wants(gobwas.OpText, "going")
		p.wants(gobwas.OpClose, closeBody(1000, "enough"))
		p.write(masked(0x88, closeBody(1000, "")))
		p.wantsEnd()
		wantsReason(t, h.reason(t), &CloseError{Code: 1000})
		if n := len(h.messages); n != 1 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestManySendersAndConnectionsThatComeAndGo(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{QueueFrames: 64})
		defer r.stop(t)
		const conns, senders = 30, 4
		var all []*Conn
		var peers []*peer
		var handlers []*recorder
		for range conns {
			p, h := r.open(t)
			all, peers, handlers = append(all, h.conn), append(peers, p), append(handlers, h)
		}
		var wg sync.WaitGroup
		for i, p := range peers {
			wg.Go(func() { // a third reads on, a third leaves, a third is closed by the server
				for n := 0; ; n++ {
					if _, _, err := p.frame(); err != nil {
						return
					}
					if n == 20+i && i%3 == 1 {
						p.Close()
					}
				}
			})
		}
		for s := range senders {
			wg.Go(func() {
				for i := range 500 {
					r.SendAll(all, NewFrame(fmt.Append(nil, s, " ", i)))
					if c := i % conns; c%3 == 2 {
						all[c].Close(CloseGoingAway, "")
					}
				}
			})
		}
		for i, h := range handlers {
			switch i % 3 {
			case 1:
				h.reason(t)
			case 2:
				peers[i].Close()
				h.reason(t)
			}
		}
		for i := 0; i < conns; i += 3 {
			handlers[i].conn.Close(CloseNormal, "")
			peers[i].Close()
			h := handlers[i]
			h.reason(t)
		}
		wg.Wait()
		r.stop(t)
		if s := r.Stats(); s.Open != 0 || s.Opened != conns {
			t.Errorf("%d of %d open", s.Open, s.Opened)
		}
		for _, h := range handlers {
			select {
			case err := <-h.closed:
				t.Errorf("closed twice: %v", err)
			default:
			}
		}
	})
}

func TestAPanicEndsItsConnectionOnly(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{})
		defer r.stop(t)
		other, ho := r.open(t)
		r.handler = func(*http.Request) Handler { return panicker{newRecorder(r)} }
		p, h := r.open(t)
		p.write(text("boom"))
		p.wantsClose(CloseInternalError)
		p.write(masked(0x88, closeBody(CloseInternalError, "")))
		p.wantsEnd()
		var e *CloseError
		if err := h.reason(t); !errors.As(err, &e) {
			t.Errorf("closed because of %v", err)
		}
		other.write(text("still here"))
		if got := ho.message(t); got != "still here" {
			t.Errorf("got %q", got)
		}
	})
}

type panicker struct{ *recorder }

func (panicker) Message(*Conn, []byte) { panic("a fault in a handler") }
