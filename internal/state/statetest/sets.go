package statetest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"parley/internal/state"
)

var everything = math.Inf(1)

// inSet checks the names of the members of a set, in order, by all ways of asking.
func (k *kit) inSet(key string, want ...string) {
	k.Helper()
	members, err := k.SetRange(k.ctx, key, -everything, everything, 0)
	k.must(err)
	if !slices.Equal(names(members), want) {
		k.Errorf("set %q is %q, want %q", key, names(members), want)
	}
	n, err := k.SetCount(k.ctx, key)
	k.must(err)
	equal(k, "number of members of "+key, n, len(want))
	for _, m := range members {
		score, ok, err := k.SetScore(k.ctx, key, m.Name)
		k.must(err)
		if !ok || score != m.Score {
			k.Errorf("score of %q is %v, %v; want %v", m.Name, score, ok, m.Score)
		}
	}
}

func names(members []state.Member) []string {
	var names []string
	for _, m := range members {
		names = append(names, m.Name)
	}
	return names
}

func (k *kit) setAdd(key, member string, score float64) {
	k.Helper()
	k.must(k.SetAdd(k.ctx, key, member, score, 0))
}

var setTests = []test{
	{name: "an absent set is empty", run: func(k *kit) {
		k.inSet("set")
		_, ok, err := k.SetScore(k.ctx, "set", "member")
		k.must(err)
		equal(k, "a score in it", ok, false)
		n, err := k.SetRemove(k.ctx, "set", "member")
		k.must(err)
		equal(k, "number removed", n, 0)
		n, err = k.SetTrim(k.ctx, "set", -everything, everything)
		k.must(err)
		equal(k, "number trimmed", n, 0)
	}},
	{name: "members are in the order of score, then name in bytes", run: func(k *kit) {
		for name, score := range map[string]float64{
			"d": 1, "b": 2, "é": 2, "B": 2, "": 2, "10": 2, "9": 2, "top": math.Inf(1), "bottom": math.Inf(-1), "neg": -1.5,
		} {
			k.setAdd("set", name, score)
		}
		k.inSet("set", "bottom", "neg", "d", "", "10", "9", "B", "b", "é", "top")
	}},
	{name: "adding again moves a member", run: func(k *kit) {
		k.setAdd("set", "a", 1)
		k.setAdd("set", "b", 2)
		k.setAdd("set", "a", 3)
		k.setAdd("set", "b", 2)
		k.inSet("set", "b", "a")
	}},
	{name: "scores are kept exactly", run: func(k *kit) {
		for i, score := range []float64{1 << 53, -1<<53 + 1, 1764000000123.0625, 0.1, math.SmallestNonzeroFloat64, math.MaxFloat64} {
			name := strconv.Itoa(i)
			k.setAdd("set", name, score)
			got, ok, err := k.SetScore(k.ctx, "set", name)
			k.must(err)
			equal(k, "member is there", ok, true)
			equal(k, "score", got, score)
		}
	}},
	{name: "a range has both its bounds in it, and no more members than asked for", run: func(k *kit) {
		for i := range 10 {
			k.setAdd("set", strconv.Itoa(i), float64(i))
		}
		for _, row := range []struct {
			name     string
			min, max float64
			limit    int
			want     []string
		}{
			{"bounds count", 3, 5, 0, []string{"3", "4", "5"}},
			{"bounds between scores", 2.5, 4.5, 0, []string{"3", "4"}},
			{"one score", 7, 7, 0, []string{"7"}},
			{"from below", -everything, 1, 0, []string{"0", "1"}},
			{"to above", 8, everything, 0, []string{"8", "9"}},
			{"the lowest of them", 3, 9, 2, []string{"3", "4"}},
			{"a limit above their number", 8, 9, 5, []string{"8", "9"}},
			{"a negative limit is none", 8, 9, -1, []string{"8", "9"}},
			{"outside", 10, 20, 0, nil},
			{"bounds the wrong way round", 5, 3, 0, nil},
		} {
			got, err := k.SetRange(k.ctx, "set", row.min, row.max, row.limit)
			k.must(err)
			if !slices.Equal(names(got), row.want) {
				k.Errorf("%s: %q, want %q", row.name, names(got), row.want)
			}
		}
	}},
	{name: "removing counts those that were in", run: func(k *kit) {
		for _, name := range []string{"a", "b", "c", "d"} {
			k.setAdd("set", name, 1)
		}
		for _, row := range []struct {
			remove []string
			want   int
		}{{[]string{"b", "absent", "d", "b"}, 2}, {[]string{"b"}, 0}, {nil, 0}} {
			n, err := k.SetRemove(k.ctx, "set", row.remove...)
			k.must(err)
			equal(k, fmt.Sprintf("number removed of %q", row.remove), n, row.want)
		}
		k.inSet("set", "a", "c")
		_, ok, err := k.SetScore(k.ctx, "set", "b")
		k.must(err)
		equal(k, "score of a removed member", ok, false)
	}},
	{name: "one of many simultaneous removers is counted", run: func(k *kit) {
		k.setAdd("set", "member", 1)
		equal(k, "number of removers that removed", k.together(16, func(int) (bool, error) {
			n, err := k.SetRemove(k.ctx, "set", "member")
			return n == 1, err
		}), 1)
	}},
	{name: "trimming removes by score, bounds included", run: func(k *kit) {
		for i := range 6 {
			k.setAdd("set", strconv.Itoa(i), float64(i))
		}
		n, err := k.SetTrim(k.ctx, "set", -everything, 2)
		k.must(err)
		equal(k, "number trimmed", n, 3)
		n, err = k.SetTrim(k.ctx, "set", 4, 4)
		k.must(err)
		equal(k, "number trimmed", n, 1)
		k.inSet("set", "3", "5")
	}},
	{name: "a set without members does not exist", run: func(k *kit) {
		k.setAdd("removed", "member", 1)
		_, err := k.SetRemove(k.ctx, "removed", "member")
		k.must(err)
		k.setAdd("trimmed", "member", 1)
		_, err = k.SetTrim(k.ctx, "trimmed", 0, 2)
		k.must(err)
		k.gone("removed")
		k.gone("trimmed")
	}},
	{name: "a set lives for the TTL of the latest addition, all of it", run: func(k *kit) {
		for _, key := range []string{"kept", "forever", "left"} {
			k.must(k.SetAdd(k.ctx, key, "a", 1, Life))
		}
		k.setAdd("shortened", "a", 1)
		k.must(k.SetAdd(k.ctx, "kept", "b", 2, 10*Life))
		k.must(k.SetAdd(k.ctx, "forever", "b", 2, 0))
		k.must(k.SetAdd(k.ctx, "shortened", "b", 2, Life))
		k.advance(Life / 4)
		k.inSet("left", "a")
		n, err := k.SetRemove(k.ctx, "left", "absent") // must not prolong it
		k.must(err)
		equal(k, "number removed", n, 0)
		k.advance(Life * 3 / 4)
		k.inSet("kept", "a", "b")
		k.inSet("forever", "a", "b")
		k.inSet("left")
		k.inSet("shortened")
	}},
	{name: "an expired set comes back without its old members", run: func(k *kit) {
		k.must(k.SetAdd(k.ctx, "set", "old", 1, Life))
		k.advance(Life)
		k.must(k.SetAdd(k.ctx, "set", "new", 2, Life))
		k.inSet("set", "new")
	}},
	{name: "adding a member with its old score still renews the set", run: func(k *kit) {
		k.must(k.SetAdd(k.ctx, "set", "a", 1, Life))
		k.must(k.SetAdd(k.ctx, "set", "a", 1, 10*Life))
		k.advance(Life)
		k.inSet("set", "a")
	}},
	{name: "touching a set gives it a new TTL", run: func(k *kit) {
		k.setAdd("set", "a", 1)
		ok, err := k.Touch(k.ctx, "set", Life)
		k.must(err)
		equal(k, "Touch", ok, true)
		k.advance(Life)
		k.inSet("set")
	}},
	{name: "NaN is no score and no bound", run: func(k *kit) {
		nan := math.NaN()
		k.setAdd("set", "a", 1)
		k.fails(k.SetAdd(k.ctx, "set", "b", nan, 0), state.ErrInvalid)
		_, err := k.SetRange(k.ctx, "set", nan, 1, 0)
		k.fails(err, state.ErrInvalid)
		_, err = k.SetRange(k.ctx, "set", 1, nan, 0)
		k.fails(err, state.ErrInvalid)
		_, err = k.SetTrim(k.ctx, "set", nan, nan)
		k.fails(err, state.ErrInvalid)
		k.inSet("set", "a")
	}},
	{name: "a large set stays in order through many changes", run: func(k *kit) {
		// n is prime, so the steps of 1,009 visit every place once, in a scattered order.
		const n = 2003
		want := make([]string, 0, n)
		for i := range n {
			at := i * 1009 % n
			k.setAdd("set", fmt.Sprintf("%04d", at), float64(at/3))
		}
		for i := range n {
			name := fmt.Sprintf("%04d", i)
			if i%5 != 0 || i > 1500 {
				want = append(want, name)
				continue
			}
			removed, err := k.SetRemove(k.ctx, "set", name)
			k.must(err)
			equal(k, "number removed", removed, 1)
		}
		members, err := k.SetRange(k.ctx, "set", -everything, everything, 0)
		k.must(err)
		if !slices.Equal(names(members), want) {
			k.Errorf("%d members out of order or wrong, want %d", len(members), len(want))
		}
		removed, err := k.SetTrim(k.ctx, "set", 0, 400)
		k.must(err)
		left, err := k.SetCount(k.ctx, "set")
		k.must(err)
		equal(k, "trimmed and left", removed+left, len(want))
		_, err = k.Touch(k.ctx, "set", time.Hour)
		k.must(err)
	}},
}
