package statetest

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"parley/internal/state"
)

var historyTests = func() (tests []test) {
	for seed := range uint64(8) {
		tests = append(tests, test{
			name:  fmt.Sprintf("a random history reads like the model, seed %d", seed),
			exact: true,
			run:   func(k *kit) { playHistory(k, rand.New(rand.NewPCG(seed, 0)), 3000) },
		})
	}
	return tests
}()

// model is the store as one would explain it: every kind in its plainest form, searched from end to
// end, in milliseconds.
type model struct {
	now    int64
	things map[string]*thing
}

type thing struct {
	expires int64 // 0: never
	value   []byte
	charges []int64 // one moment for each unit charged
	scores  map[string]float64
}

func (m *model) at(key string) *thing {
	t := m.things[key]
	if t == nil || (t.expires != 0 && t.expires <= m.now) {
		return nil
	}
	return t
}

func (m *model) expiry(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	return m.now + ttl.Milliseconds()
}

func (m *model) allow(key string, limit state.Limit, cost int) state.Decision {
	per := limit.Per.Milliseconds()
	var inside []int64
	if t := m.at(key); t != nil {
		for _, at := range t.charges {
			if m.now-at < per {
				inside = append(inside, at)
			}
		}
	}
	free := limit.Count - len(inside)
	switch {
	case cost > limit.Count:
		return state.Decision{Remaining: free, RetryAfter: limit.Per}
	case cost > free:
		last := inside[cost-free-1] // the charge that has to leave before this attempt fits
		return state.Decision{Remaining: free, RetryAfter: time.Duration(last+per-m.now) * time.Millisecond}
	case cost > 0:
		for range cost {
			inside = append(inside, m.now)
		}
		m.things[key] = &thing{charges: inside, expires: m.now + per}
	}
	return state.Decision{Allowed: true, Remaining: free - cost}
}

func (m *model) between(key string, min, max float64, limit int) []state.Member {
	var found []state.Member
	if t := m.at(key); t != nil {
		for name, score := range t.scores {
			if score >= min && score <= max {
				found = append(found, state.Member{Name: name, Score: score})
			}
		}
	}
	slices.SortFunc(found, func(a, b state.Member) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), cmp.Compare(a.Name, b.Name))
	})
	if limit > 0 && len(found) > limit {
		found = found[:limit]
	}
	return found
}

// remove takes members out and returns how many were in; the last one takes the set with it.
func (m *model) remove(key string, members ...string) (n int) {
	t := m.at(key)
	if t == nil {
		return 0
	}
	for _, name := range members {
		if _, ok := t.scores[name]; ok {
			delete(t.scores, name)
			n++
		}
	}
	if len(t.scores) == 0 {
		delete(m.things, key)
	}
	return n
}

// playHistory gives the same random calls to the store and the model and compares every answer.
func playHistory(k *kit, r *rand.Rand, steps int) {
	m := &model{now: 1, things: map[string]*thing{}}
	ttl := func() time.Duration { return time.Duration(r.IntN(6)) * 10 * time.Millisecond } // 0 among them
	key := func(kind string) string { return kind + strconv.Itoa(r.IntN(4)) }
	score := func() float64 { return float64(r.IntN(12)) }
	limits := map[string]state.Limit{} // a key keeps to one limit
	for i := range 4 {
		limits["l"+strconv.Itoa(i)] = state.Limit{Count: 1 + 4*i, Per: time.Duration(20+30*i) * time.Millisecond}
	}
	same := func(step int, what string, got, want any) {
		k.Helper()
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			k.Fatalf("step %d: %s is %s, the model says %s", step, what, g, w)
		}
	}
	for i := range steps {
		switch op := r.IntN(16); op {
		case 0, 1, 2:
			d := time.Duration(r.IntN(15)) * time.Millisecond
			k.advance(d)
			m.now += d.Milliseconds()
		case 3:
			key, ttl, v := key("v"), ttl(), []byte(strconv.Itoa(r.IntN(100)))
			k.must(k.Set(k.ctx, key, v, ttl))
			m.things[key] = &thing{value: v, expires: m.expiry(ttl)}
		case 4:
			key, ttl, v := key("v"), ttl(), []byte("7")
			got, err := k.SetIfAbsent(k.ctx, key, v, ttl)
			k.must(err)
			same(i, "SetIfAbsent "+key, got, m.at(key) == nil)
			if got {
				m.things[key] = &thing{value: v, expires: m.expiry(ttl)}
			}
		case 5:
			keys := []string{"v0", "v1", "v2", "v3"}
			got, err := k.GetMany(k.ctx, keys)
			k.must(err)
			for j, key := range keys {
				var want []byte
				if t := m.at(key); t != nil {
					want = t.value
				}
				if !bytes.Equal(got[j], want) || (got[j] == nil) != (want == nil) {
					k.Fatalf("step %d: %s is %q, the model says %q", i, key, got[j], want)
				}
			}
		case 6:
			key := key("v")
			got, ok, err := k.Take(k.ctx, key)
			k.must(err)
			t := m.at(key)
			same(i, "Take "+key, ok, t != nil)
			if t != nil {
				same(i, "value taken", string(got), string(t.value))
			}
			delete(m.things, key)
		case 7:
			key, ttl, delta := key("v"), ttl(), r.Int64N(20)-10
			got, err := k.Add(k.ctx, key, delta, ttl)
			k.must(err)
			t := m.at(key)
			if t == nil {
				t = &thing{value: []byte("0"), expires: m.expiry(ttl)}
				m.things[key] = t
			}
			old, err := strconv.ParseInt(string(t.value), 10, 64)
			k.must(err)
			same(i, "Add "+key, got, old+delta)
			t.value = strconv.AppendInt(nil, old+delta, 10)
		case 8:
			key, ttl := key([]string{"v", "s"}[r.IntN(2)]), ttl()
			got, err := k.Touch(k.ctx, key, ttl)
			k.must(err)
			t := m.at(key)
			same(i, "Touch "+key, got, t != nil)
			if t != nil {
				t.expires = m.expiry(ttl)
			}
		case 9:
			if r.IntN(4) > 0 {
				continue // rarely, or nothing grows old
			}
			keys := []string{key("v"), key("l"), key("s")}
			k.must(k.Delete(k.ctx, keys...))
			for _, key := range keys {
				delete(m.things, key)
			}
		case 10, 11, 12:
			key := key("l")
			cost := r.IntN(4)
			got, err := k.Allow(k.ctx, key, limits[key], cost)
			k.must(err)
			same(i, fmt.Sprintf("Allow %s at cost %d", key, cost), got, m.allow(key, limits[key], cost))
		case 13:
			key, ttl, name, score := key("s"), ttl(), strconv.Itoa(r.IntN(20)), score()
			k.must(k.SetAdd(k.ctx, key, name, score, ttl))
			t := m.at(key)
			if t == nil {
				t = &thing{scores: map[string]float64{}}
				m.things[key] = t
			}
			t.scores[name], t.expires = score, m.expiry(ttl)
		case 14:
			key, a, b := key("s"), strconv.Itoa(r.IntN(20)), strconv.Itoa(r.IntN(20))
			if r.IntN(2) == 0 {
				got, err := k.SetRemove(k.ctx, key, a, b)
				k.must(err)
				same(i, "SetRemove "+key, got, m.remove(key, a, b))
				continue
			}
			min := score()
			got, err := k.SetTrim(k.ctx, key, min, min+1)
			k.must(err)
			same(i, "SetTrim "+key, got, m.remove(key, names(m.between(key, min, min+1, 0))...))
		case 15:
			key, min, limit := key("s"), score(), r.IntN(4)
			got, err := k.SetRange(k.ctx, key, min, min+6, limit)
			k.must(err)
			same(i, "SetRange "+key, got, m.between(key, min, min+6, limit))
			n, err := k.SetCount(k.ctx, key)
			k.must(err)
			same(i, "SetCount "+key, n, len(m.between(key, math.Inf(-1), math.Inf(1), 0)))
		}
	}
}
