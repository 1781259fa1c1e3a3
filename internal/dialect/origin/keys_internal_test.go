package origin

import (
	"strings"
	"testing"
	"time"

	"parley/internal/ws"
)

func TestOwnKeys(t *testing.T) {
	here := &Dialect{keyKey: []byte("a key of 32 bytes, more or less.")}
	there := &Dialect{keyKey: []byte("another key of 32 bytes, or less")}
	key := here.newValidatorKey()
	for name, row := range map[string]struct {
		key  string
		want bool
	}{
		"one that was made here":      {key, true},
		"one of another server":       {there.newValidatorKey(), false},
		"one that was changed":        {key[:len(key)-2] + "AA", false},
		"one with more behind it":     {key + "A", false},
		"one without the prefix":      {strings.TrimPrefix(key, keyPrefix), false},
		"an empty one":                {"", false},
		"one that anybody could make": {keyPrefix + strings.Repeat("A", 32), false},
	} {
		if got := here.ownKey(row.key); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	set := &Dialect{Options: Options{ValidateKey: "k"}}
	if !set.ownKey("originChats-k") || set.ownKey(key) {
		t.Error("the configured key is not the only one")
	}
}

func TestConnectionsWithoutALoginDoNotStay(t *testing.T) {
	var w wheel
	w.init()
	begin := time.Unix(0, 0)
	in, out := &socket{since: begin}, &socket{since: begin}
	in.entered.Store(true)
	a, b := new(ws.Conn), new(ws.Conn)
	w.add(a, in)
	w.add(b, out)
	turn := func(at time.Time) (due, idle []*ws.Conn) {
		for range beatSeconds {
			d, i := w.next(at)
			due, idle = append(due, d...), append(idle, i...)
		}
		return due, idle
	}
	if due, idle := turn(begin.Add(entryTime - time.Second)); len(due) != 2 || len(idle) != 0 {
		t.Errorf("before ten minutes: %d, %d", len(due), len(idle))
	}
	if due, idle := turn(begin.Add(entryTime)); len(due) != 1 || due[0] != a || len(idle) != 1 || idle[0] != b {
		t.Errorf("after ten minutes: %d, %d", len(due), len(idle))
	}
}
