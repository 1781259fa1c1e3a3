package statetest

import (
	"math"
	"strconv"
	"strings"
	"time"

	"parley/internal/state"
)

var valueTests = []test{
	{name: "a value is there until it is deleted", run: func(k *kit) {
		k.set("key", "value", 0)
		k.advance(Life)
		k.holds("key", "value")
		k.must(k.Delete(k.ctx, "key"))
		k.gone("key")
		k.must(k.Delete(k.ctx, "key"))
	}},
	{name: "values may be empty, nil, binary and large, and keys of any text", run: func(k *kit) {
		for key, value := range map[string]string{
			"empty":            "",
			"binary":           "\x00\xff\r\n\x80",
			"large":            strings.Repeat("x", 1<<20),
			"key with: spaces": "1",
			"ключ/🔑":           "2",
			"{tag}\r\n\x00":    "3",
		} {
			k.set(key, value, 0)
			k.holds(key, value)
		}
		k.must(k.Set(k.ctx, "nil", nil, 0))
		v, ok, err := k.Get(k.ctx, "nil")
		k.must(err)
		if !ok || v == nil || len(v) != 0 {
			k.Errorf("a nil value reads as %#v, %v; want empty, not nil", v, ok)
		}
	}},
	{name: "a value with a TTL is gone at its moment", run: func(k *kit) {
		k.set("key", "value", Life)
		k.advance(Life / 4)
		k.holds("key", "value")
		k.advance(Life * 3 / 4)
		k.gone("key")
	}},
	{name: "a value lives to the last millisecond and not one more", exact: true, run: func(k *kit) {
		k.set("key", "value", Life)
		k.advance(Life - time.Millisecond)
		k.holds("key", "value")
		k.advance(time.Millisecond)
		k.gone("key")
	}},
	{name: "setting again replaces the TTL as well", run: func(k *kit) {
		k.set("longer", "1", Life)
		k.set("longer", "2", 10*Life)
		k.set("forever", "1", Life)
		k.set("forever", "2", 0)
		k.set("shorter", "1", 0)
		k.set("shorter", "2", Life)
		k.advance(Life)
		k.holds("longer", "2")
		k.holds("forever", "2")
		k.gone("shorter")
	}},
	{name: "a TTL may be longer than any clock", run: func(k *kit) {
		k.set("key", "value", 100*365*24*time.Hour)
		k.advance(Life)
		k.holds("key", "value")
	}},
	{name: "a TTL below a millisecond is still one", run: func(k *kit) {
		k.set("key", "value", time.Nanosecond)
		k.advance(Life)
		k.gone("key")
	}},
	{name: "what is passed in and handed out is not shared", run: func(k *kit) {
		in := []byte("value")
		k.must(k.Set(k.ctx, "key", in, 0))
		in[0] = 'X'
		k.holds("key", "value")
		out, _, err := k.Get(k.ctx, "key")
		k.must(err)
		out[0] = 'Y'
		many, err := k.GetMany(k.ctx, []string{"key"})
		k.must(err)
		many[0][0] = 'Z'
		k.holds("key", "value")
	}},
	{name: "only the first SetIfAbsent stores", run: func(k *kit) {
		ok, err := k.SetIfAbsent(k.ctx, "key", []byte("first"), Life)
		k.must(err)
		equal(k, "the first", ok, true)
		ok, err = k.SetIfAbsent(k.ctx, "key", []byte("second"), 0)
		k.must(err)
		equal(k, "the second", ok, false)
		k.holds("key", "first")
		k.advance(Life) // the refused one must not have touched the TTL
		ok, err = k.SetIfAbsent(k.ctx, "key", []byte("third"), 0)
		k.must(err)
		equal(k, "the one after expiry", ok, true)
		k.holds("key", "third")
	}},
	{name: "one of many simultaneous SetIfAbsent wins", run: func(k *kit) {
		equal(k, "number of winners", k.together(16, func(i int) (bool, error) {
			return k.SetIfAbsent(k.ctx, "key", []byte(strconv.Itoa(i)), 0)
		}), 1)
	}},
	{name: "many values come in the order asked for, with nil where there is none", run: func(k *kit) {
		k.set("a", "1", 0)
		k.set("b", "", 0)
		k.set("c", "3", Life)
		values, err := k.GetMany(k.ctx, []string{"b", "absent", "a", "c", "a"})
		k.must(err)
		want := []string{"", "nil", "1", "3", "1"}
		if len(values) != len(want) {
			k.Fatalf("%d values, want %d", len(values), len(want))
		}
		for i, v := range values {
			if (v == nil) != (want[i] == "nil") || (v != nil && string(v) != want[i]) {
				k.Errorf("value %d is %q, want %q", i, v, want[i])
			}
		}
		values, err = k.GetMany(k.ctx, nil)
		k.must(err)
		equal(k, "number of values for no keys", len(values), 0)
	}},
	{name: "what was taken is gone", run: func(k *kit) {
		k.set("key", "value", 0)
		v, ok, err := k.Take(k.ctx, "key")
		k.must(err)
		if !ok || string(v) != "value" {
			k.Errorf("Take is %q, %v", v, ok)
		}
		k.gone("key")
	}},
	{name: "one of many simultaneous takers gets it", run: func(k *kit) {
		k.set("key", "value", 0)
		equal(k, "number of takers that got it", k.together(16, func(int) (bool, error) {
			_, ok, err := k.Take(k.ctx, "key")
			return ok, err
		}), 1)
	}},
	{name: "touching gives a new TTL", run: func(k *kit) {
		for _, key := range []string{"longer", "forever", "untouched"} {
			k.set(key, "value", Life)
		}
		k.set("shorter", "value", 0)
		for key, ttl := range map[string]time.Duration{"longer": 10 * Life, "forever": 0, "shorter": Life} {
			ok, err := k.Touch(k.ctx, key, ttl)
			k.must(err)
			equal(k, "Touch of "+key, ok, true)
		}
		ok, err := k.Touch(k.ctx, "forever", 0)
		k.must(err)
		equal(k, "Touch of what has no expiry already", ok, true)
		k.advance(Life)
		k.holds("longer", "value")
		k.holds("forever", "value")
		k.gone("shorter")
		k.gone("untouched")
	}},
	{name: "several keys are deleted at once", run: func(k *kit) {
		k.set("a", "1", 0)
		k.set("b", "2", 0)
		k.set("c", "3", 0)
		k.must(k.Delete(k.ctx, "a", "absent", "c"))
		k.must(k.Delete(k.ctx))
		k.gone("a")
		k.holds("b", "2")
		k.gone("c")
	}},
	{name: "a negative TTL is invalid and changes nothing", run: func(k *kit) {
		k.set("key", "value", 0)
		k.fails(k.Set(k.ctx, "key", []byte("new"), -1), state.ErrInvalid)
		_, err := k.SetIfAbsent(k.ctx, "absent", nil, -1)
		k.fails(err, state.ErrInvalid)
		_, err = k.Touch(k.ctx, "key", -1)
		k.fails(err, state.ErrInvalid)
		_, err = k.Add(k.ctx, "absent", 1, -1)
		k.fails(err, state.ErrInvalid)
		k.fails(k.SetAdd(k.ctx, "absent", "member", 1, -1), state.ErrInvalid)
		k.holds("key", "value")
		k.gone("absent")
	}},
	{name: "a counter counts up and down", run: func(k *kit) {
		for _, step := range []struct{ delta, want int64 }{{5, 5}, {-7, -2}, {0, -2}, {3, 1}} {
			sum, err := k.Add(k.ctx, "counter", step.delta, 0)
			k.must(err)
			equal(k, "the sum", sum, step.want)
		}
		k.holds("counter", "1")
		k.set("counter", "41", 0)
		sum, err := k.Add(k.ctx, "counter", 1, 0)
		k.must(err)
		equal(k, "the sum on a value that was set", sum, 42)
	}},
	{name: "adding nothing creates a counter", run: func(k *kit) {
		sum, err := k.Add(k.ctx, "counter", 0, 0)
		k.must(err)
		equal(k, "the sum", sum, 0)
		k.holds("counter", "0")
	}},
	{name: "a counter keeps the TTL it was created with", run: func(k *kit) {
		for range 3 {
			_, err := k.Add(k.ctx, "counter", 1, Life)
			k.must(err)
			k.advance(Life / 4)
		}
		k.holds("counter", "3")
		k.advance(Life / 4)
		k.gone("counter")
		sum, err := k.Add(k.ctx, "counter", 1, 0)
		k.must(err)
		equal(k, "the sum after expiry", sum, 1)
	}},
	{name: "a counter never wraps around", run: func(k *kit) {
		for _, row := range []struct{ start, delta int64 }{
			{math.MaxInt64, 1}, {math.MinInt64, -1}, {-2, math.MinInt64}, {1, math.MaxInt64},
		} {
			k.set("counter", strconv.FormatInt(row.start, 10), 0)
			_, err := k.Add(k.ctx, "counter", row.delta, 0)
			k.fails(err, state.ErrNotNumber)
			k.holds("counter", strconv.FormatInt(row.start, 10))
		}
		k.set("counter", strconv.FormatInt(math.MaxInt64, 10), 0)
		sum, err := k.Add(k.ctx, "counter", -math.MaxInt64, 0)
		k.must(err)
		equal(k, "the sum of the extremes", sum, 0)
	}},
	{name: "adding to what is no number fails and leaves it", run: func(k *kit) {
		for _, value := range []string{"", "x", "1.5", " 1", "1 ", "+1", "01", "-", "-0", "9223372036854775808", "1\x00"} {
			k.set("key", value, 0)
			_, err := k.Add(k.ctx, "key", 1, 0)
			k.fails(err, state.ErrNotNumber)
			k.holds("key", value)
		}
	}},
	{name: "no simultaneous addition is lost", run: func(k *kit) {
		k.together(8, func(int) (bool, error) {
			for range 25 {
				if _, err := k.Add(k.ctx, "counter", 1, 0); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		k.holds("counter", "200")
	}},
}

var kindTests = []test{
	{name: "a call about another kind fails and leaves what is there", run: func(k *kit) {
		limit := state.Limit{Count: 5, Per: time.Hour}
		k.set("value", "text", 0)
		k.allow("limiter", limit, 2)
		k.must(k.SetAdd(k.ctx, "set", "member", 1, 0))

		for _, key := range []string{"limiter", "set"} {
			_, _, err := k.Get(k.ctx, key)
			k.fails(err, state.ErrWrongKind)
			_, _, err = k.Take(k.ctx, key)
			k.fails(err, state.ErrWrongKind)
			_, err = k.Add(k.ctx, key, 1, 0)
			k.fails(err, state.ErrWrongKind)
			values, err := k.GetMany(k.ctx, []string{key, "value"})
			k.must(err)
			if values[0] != nil || string(values[1]) != "text" {
				k.Errorf("GetMany is %q, want nil and the value", values)
			}
			ok, err := k.SetIfAbsent(k.ctx, key, nil, 0)
			k.must(err)
			equal(k, "SetIfAbsent over another kind", ok, false)
		}
		for _, key := range []string{"value", "set"} {
			_, err := k.Allow(k.ctx, key, limit, 1)
			k.fails(err, state.ErrWrongKind)
		}
		for _, key := range []string{"value", "limiter"} {
			k.fails(k.SetAdd(k.ctx, key, "member", 1, 0), state.ErrWrongKind)
			_, err := k.SetRemove(k.ctx, key, "member")
			k.fails(err, state.ErrWrongKind)
			_, err = k.SetTrim(k.ctx, key, 0, 1)
			k.fails(err, state.ErrWrongKind)
			_, err = k.SetRange(k.ctx, key, 0, 1, 0)
			k.fails(err, state.ErrWrongKind)
			_, err = k.SetCount(k.ctx, key)
			k.fails(err, state.ErrWrongKind)
			_, _, err = k.SetScore(k.ctx, key, "member")
			k.fails(err, state.ErrWrongKind)
		}
		_, err := k.Touch(k.ctx, "limiter", time.Millisecond)
		k.fails(err, state.ErrWrongKind)

		k.holds("value", "text")
		equal(k, "what remains of the limit", k.allow("limiter", limit, 0).Remaining, 3)
		k.inSet("set", "member")
	}},
	{name: "Set and Delete take any kind", run: func(k *kit) {
		limit := state.Limit{Count: 1, Per: time.Hour}
		for _, key := range []string{"limiter 1", "limiter 2"} {
			k.allow(key, limit, 1)
		}
		for _, key := range []string{"set 1", "set 2"} {
			k.must(k.SetAdd(k.ctx, key, "member", 1, 0))
		}
		k.set("limiter 1", "value", 0)
		k.set("set 1", "value", 0)
		k.must(k.Delete(k.ctx, "limiter 2", "set 2"))
		k.holds("limiter 1", "value")
		k.holds("set 1", "value")
		equal(k, "an attempt at the deleted limiter", k.allow("limiter 2", limit, 1).Allowed, true)
		k.inSet("set 2")
	}},
	{name: "an expired thing is no obstacle to another kind", run: func(k *kit) {
		limit := state.Limit{Count: 1, Per: Life}
		k.set("a", "value", Life)
		k.allow("b", limit, 1)
		k.must(k.SetAdd(k.ctx, "c", "member", 1, Life))
		k.set("d", "value", Life)
		k.advance(Life)
		equal(k, "an attempt where a value was", k.allow("a", limit, 1).Allowed, true)
		k.must(k.SetAdd(k.ctx, "b", "member", 1, 0))
		sum, err := k.Add(k.ctx, "c", 1, 0)
		k.must(err)
		equal(k, "the sum where a set was", sum, 1)
		k.must(k.SetAdd(k.ctx, "d", "member", 1, 0))
	}},
}
