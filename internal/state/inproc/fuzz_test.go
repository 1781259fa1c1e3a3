package inproc

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"parley/internal/state"
)

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"", "0", "-0", "1", "+1", "01", "-7", " 1", "9223372036854775807", "-9223372036854775808",
		"9223372036854775808", "1e3", "0x1", "1_000", "٣"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := parseNumber(b)
		if canonical := strconv.FormatInt(n, 10) == string(b); ok != canonical && (ok || n != 0) {
			t.Errorf("parseNumber(%q) is %d, %v", b, n, ok)
		}
	})
}

// FuzzWindow plays attempts, two bytes each (time passed, cost), against a log that forgets nothing.
func FuzzWindow(f *testing.F) {
	f.Add(uint8(3), uint8(10), []byte{0, 1, 0, 1, 0, 1, 0, 1, 10, 1, 5, 3})
	f.Add(uint8(200), uint8(255), slices.Repeat([]byte{1, 1}, 400))
	f.Add(uint8(50), uint8(40), slices.Concat(slices.Repeat([]byte{1, 3}, 60), []byte{200, 1}, slices.Repeat([]byte{0, 2}, 60)))
	f.Fuzz(func(t *testing.T, count, per uint8, attempts []byte) {
		limit := state.Limit{Count: int(count) + 1, Per: time.Duration(per) + 1}
		w := window{ring: make([]charge, smallRing)}
		var log []int64 // the moment of every unit charged
		used := func(now int64) (n int) {
			for _, at := range log {
				if now-at < int64(limit.Per) {
					n++
				}
			}
			return n
		}
		now := int64(0)
		for ; len(attempts) >= 2; attempts = attempts[2:] {
			now += int64(attempts[0])
			cost := int(attempts[1])
			before := used(now)
			d := w.allow(now, limit, cost)
			if want := cost == 0 || before+cost <= limit.Count; d.Allowed != want {
				t.Fatalf("cost %d with %d of %d used: allowed is %v", cost, before, limit.Count, d.Allowed)
			}
			if d.Allowed {
				for range cost {
					log = append(log, now)
				}
			} else if cost <= limit.Count {
				at := now + int64(d.RetryAfter)
				if used(at)+cost > limit.Count || used(at-1)+cost <= limit.Count {
					t.Fatalf("cost %d is told to retry after %d, which is not the first moment", cost, d.RetryAfter)
				}
			}
			if want := limit.Count - used(now); d.Remaining != want {
				t.Fatalf("remaining is %d, want %d", d.Remaining, want)
			}
			if w.n > len(w.ring) || len(w.ring)&(len(w.ring)-1) != 0 {
				t.Fatalf("%d charges in a ring of %d", w.n, len(w.ring))
			}
		}
	})
}

// FuzzOrderedSet plays changes, two bytes each (member, score), against a plain map.
func FuzzOrderedSet(f *testing.F) {
	f.Add([]byte{1, 1, 2, 1, 1, 2, 1, 255, 2, 255})
	var long []byte
	for i := range 2000 {
		long = append(long, byte(i*7), byte(i*13%256))
	}
	f.Add(long)
	f.Fuzz(func(t *testing.T, changes []byte) {
		set := orderedSet{scores: map[string]float64{}}
		want := map[string]float64{}
		for i := 0; i+1 < len(changes); i += 2 {
			name := strconv.Itoa(int(changes[i]) + 256*(i/2%8))
			if score := changes[i+1]; score < 200 {
				set.add(name, float64(score))
				want[name] = float64(score)
			} else {
				_, in := want[name]
				if set.remove(name) != in {
					t.Fatalf("removing %s: want %v", name, in)
				}
				delete(want, name)
			}
		}
		got := set.between(math.Inf(-1), math.Inf(1), 0)
		if len(got) != len(want) || len(set.scores) != len(want) || !slices.IsSortedFunc(got, compareMembers) {
			t.Fatalf("%d members and %d scores, want %d in order", len(got), len(set.scores), len(want))
		}
		for _, m := range got {
			if score, ok := want[m.Name]; !ok || score != m.Score {
				t.Errorf("%s has score %v, want %v, %v", m.Name, m.Score, score, ok)
			}
		}
		for i, chunk := range set.chunks {
			if len(chunk) == 0 || len(chunk) > maxChunk {
				t.Errorf("chunk %d has %d members", i, len(chunk))
			}
		}
	})
}
