package ws

import (
	"fmt"
	"testing"
	"time"

	gobwas "github.com/gobwas/ws"
)

func TestTheFlusherKnowsWhetherItIsLoaded(t *testing.T) {
	const ms = int64(time.Millisecond)
	rows := []struct {
		name        string
		work, pause int64 // in turn
		turns       int
		loaded      bool
	}{
		{"a short burst is no load", ms, 0, 1, false},
		{"a long burst is load", 5 * ms, 0, 1, true},
		{"short bursts with long pauses are no load", ms, 5 * ms, 1000, false},
		{"half of the time is load", ms, ms, 1000, true},
		{"load ends with a pause", 5 * ms, 200 * ms, 2, true}, // the second burst is a long one again
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := &flusher{}
			now := int64(0)
			for range row.turns {
				now += row.pause
				f.noteLocked(now, now)
				if row.pause >= 200*ms && f.loaded.Load() {
					t.Error("still loaded after the pause")
				}
				f.noteLocked(now, now+row.work)
				now += row.work
			}
			if f.loaded.Load() != row.loaded {
				t.Errorf("loaded is %v with a debt of %v", f.loaded.Load(), time.Duration(f.debt))
			}
		})
	}
}

func TestUnderLoadABusyConnectionIsWrittenInRounds(t *testing.T) {
	each(t, func(t *testing.T, tr transport) {
		r := newRig(t, tr, Options{Linger: 50 * time.Millisecond})
		defer r.stop(t)
		p, h := r.open(t)
		for i := range 300 {
			r.flush.mu.Lock()
			r.flush.debt = maxDebt
			r.flush.loaded.Store(true)
			r.flush.mu.Unlock()
			h.conn.SendText(fmt.Append(nil, i))
		}
		for i := range 300 {
			p.wants(gobwas.OpText, fmt.Sprint(i))
		}
		h.conn.Close(CloseNormal, "")
		p.wantsClose(CloseNormal)
		p.Close()
		h.reason(t)
		if s := r.Stats(); s.Sent != 301 || s.Writes >= s.Sent {
			t.Errorf("%d frames in %d writes", s.Sent, s.Writes)
		}
	})
}

func TestFifoKeepsItsOrderAndItsSize(t *testing.T) {
	var f fifo
	conns := make([]*Conn, 100000)
	for i := range conns {
		conns[i] = &Conn{fd: i}
	}
	f.conns = append(f.conns, conns[:10]...)
	for i := range conns {
		if i+10 < len(conns) {
			f.conns = append(f.conns, conns[i+10])
		}
		if got := f.pop(); got != conns[i] {
			t.Fatalf("got %d, want %d", got.fd, i)
		}
		if cap(f.conns) > 10000 {
			t.Fatalf("%d places for %d connections", cap(f.conns), f.len())
		}
	}
	if f.len() != 0 {
		t.Errorf("%d left", f.len())
	}
}
