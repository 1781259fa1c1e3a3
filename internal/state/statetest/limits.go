package statetest

import (
	"math"
	"time"

	"parley/internal/state"
)

var limitTests = []test{
	{name: "no more than the count is allowed, and the rest once the window has passed", run: func(k *kit) {
		limit := state.Limit{Count: 3, Per: Life}
		for want := 2; want >= 0; want-- {
			equal(k, "decision", k.allow("key", limit, 1), state.Decision{Allowed: true, Remaining: want})
		}
		d := k.allow("key", limit, 1)
		equal(k, "the fourth", d.Allowed, false)
		equal(k, "remaining", d.Remaining, 0)
		if d.RetryAfter <= 0 || d.RetryAfter > Life {
			k.Errorf("retry after %v, want within (0, %v]", d.RetryAfter, Life)
		}
		k.advance(Life)
		equal(k, "decision after the window", k.allow("key", limit, 1), state.Decision{Allowed: true, Remaining: 2})
	}},
	{name: "waiting as long as told is enough", run: func(k *kit) {
		limit := state.Limit{Count: 4, Per: Life}
		k.allow("key", limit, 1)
		k.advance(Life / 4)
		k.allow("key", limit, 3)
		for _, cost := range []int{1, 2, 4} {
			d := k.allow("key", limit, cost)
			if d.Allowed {
				continue // a real clock may have gone on
			}
			k.advance(d.RetryAfter)
			equal(k, "the attempt after waiting", k.allow("key", limit, cost).Allowed, true)
		}
	}},
	{name: "waiting a millisecond less than told is not", exact: true, run: func(k *kit) {
		limit := state.Limit{Count: 4, Per: Life}
		k.allow("key", limit, 1)
		k.advance(Life / 4)
		k.allow("key", limit, 3)
		equal(k, "wait for the first", k.allow("key", limit, 1).RetryAfter, Life*3/4)
		equal(k, "wait for the second", k.allow("key", limit, 2).RetryAfter, Life)
		d := k.allow("key", limit, 1)
		k.advance(d.RetryAfter - time.Millisecond)
		equal(k, "the early attempt", k.allow("key", limit, 1), state.Decision{RetryAfter: time.Millisecond})
		k.advance(time.Millisecond)
		equal(k, "the timely attempt", k.allow("key", limit, 1).Allowed, true)
	}},
	{name: "the window slides instead of starting over", run: func(k *kit) {
		// A counter per fixed window would allow four within a moment here.
		limit := state.Limit{Count: 2, Per: Life}
		k.allow("key", limit, 1)
		k.advance(Life / 2)
		k.allow("key", limit, 1)
		k.advance(Life / 2)
		equal(k, "the one for the first charge", k.allow("key", limit, 1).Allowed, true)
		equal(k, "the one too many", k.allow("key", limit, 1).Allowed, false)
	}},
	{name: "refused attempts are not charged", run: func(k *kit) {
		limit := state.Limit{Count: 1, Per: Life}
		k.allow("key", limit, 1)
		for range 4 {
			equal(k, "a hasty attempt", k.allow("key", limit, 1).Allowed, false)
		}
		k.advance(Life)
		equal(k, "an attempt in time", k.allow("key", limit, 1).Allowed, true)
	}},
	{name: "a cost is charged whole or not at all", run: func(k *kit) {
		limit := state.Limit{Count: 5, Per: time.Hour}
		equal(k, "3 of 5", k.allow("key", limit, 3), state.Decision{Allowed: true, Remaining: 2})
		d := k.allow("key", limit, 3)
		equal(k, "3 more", d.Allowed, false)
		equal(k, "remaining", d.Remaining, 2)
		equal(k, "2 more", k.allow("key", limit, 2), state.Decision{Allowed: true, Remaining: 0})
	}},
	{name: "a cost above the count is never allowed", run: func(k *kit) {
		limit := state.Limit{Count: 5, Per: Life}
		for range 2 {
			equal(k, "decision", k.allow("key", limit, 6), state.Decision{Remaining: 5, RetryAfter: Life})
		}
		equal(k, "decision", k.allow("key", limit, math.MaxInt32), state.Decision{Remaining: 5, RetryAfter: Life})
		equal(k, "decision", k.allow("key", limit, 5), state.Decision{Allowed: true})
	}},
	{name: "cost 0 looks without charging", run: func(k *kit) {
		limit := state.Limit{Count: 2, Per: time.Hour}
		equal(k, "before", k.allow("key", limit, 0), state.Decision{Allowed: true, Remaining: 2})
		k.allow("key", limit, 1)
		for range 3 {
			equal(k, "between", k.allow("key", limit, 0), state.Decision{Allowed: true, Remaining: 1})
		}
		k.allow("key", limit, 1)
		equal(k, "when used up", k.allow("key", limit, 0), state.Decision{Allowed: true, Remaining: 0})
	}},
	{name: "a count of 0 is no limit", run: func(k *kit) {
		for range 3 {
			equal(k, "decision", k.allow("key", state.Limit{}, 1000), state.Decision{Allowed: true, Remaining: math.MaxInt})
		}
	}},
	{name: "keys have limits of their own", run: func(k *kit) {
		limit := state.Limit{Count: 1, Per: time.Hour}
		for _, key := range []string{"a", "b"} {
			equal(k, "the first of "+key, k.allow(key, limit, 1).Allowed, true)
			equal(k, "the second of "+key, k.allow(key, limit, 1).Allowed, false)
		}
	}},
	{name: "deleting forgives", run: func(k *kit) {
		limit := state.Limit{Count: 1, Per: time.Hour}
		k.allow("key", limit, 1)
		k.must(k.Delete(k.ctx, "key"))
		equal(k, "the next", k.allow("key", limit, 1).Allowed, true)
	}},
	{name: "a changed limit counts what was charged before", run: func(k *kit) {
		k.allow("key", state.Limit{Count: 10, Per: time.Hour}, 4)
		d := k.allow("key", state.Limit{Count: 3, Per: time.Hour}, 1)
		equal(k, "allowed under a lower limit", d.Allowed, false)
		equal(k, "remaining under a lower limit", d.Remaining, 0)
		equal(k, "under a higher limit", k.allow("key", state.Limit{Count: 5, Per: time.Hour}, 1), state.Decision{Allowed: true})
	}},
	{name: "senseless limits are invalid", run: func(k *kit) {
		for _, row := range []struct {
			limit state.Limit
			cost  int
		}{
			{state.Limit{Count: -1, Per: time.Hour}, 1},
			{state.Limit{Count: 1}, 1},
			{state.Limit{Count: 1, Per: -time.Hour}, 1},
			{state.Limit{Count: 1, Per: time.Microsecond}, 1},
			{state.Limit{Count: 1, Per: time.Hour}, -1},
			{state.Limit{}, -1},
		} {
			_, err := k.Allow(k.ctx, "key", row.limit, row.cost)
			k.fails(err, state.ErrInvalid)
		}
	}},
	{name: "simultaneous attempts share one count", run: func(k *kit) {
		limit := state.Limit{Count: 10, Per: time.Hour}
		equal(k, "number allowed", k.together(32, func(int) (bool, error) {
			d, err := k.Allow(k.ctx, "key", limit, 1)
			return d.Allowed, err
		}), 10)
	}},
	{name: "a busy limiter keeps to its count through bursts and lulls", exact: true, run: func(k *kit) {
		limit := state.Limit{Count: 100, Per: Life}
		for range 3 {
			allowed := 0
			for range 150 {
				if k.allow("key", limit, 1).Allowed {
					allowed++
				}
				k.advance(time.Millisecond)
			}
			equal(k, "number allowed", allowed, 100)
			k.advance(Life)
			equal(k, "remaining after the lull", k.allow("key", limit, 0).Remaining, 100)
		}
	}},
}
