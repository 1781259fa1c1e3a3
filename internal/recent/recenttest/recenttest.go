// Package recenttest holds the promises of recent.Recent as tests, for every implementation to run.
//
// What only one implementation promises (bounds, expiry, faults of an engine) is tested beside it, not here.
package recenttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"parley/internal/chat"
	"parley/internal/recent"
)

// Run runs the whole suite. The function open is called once for each test and returns an empty cache that can be used; it
// registers its own clean-up with t.
func Run(t *testing.T, open func(t *testing.T) recent.Recent) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(&kit{T: t, Recent: open(t), ctx: t.Context()})
		})
	}
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("whatever is complete is true, seed %d", seed), func(t *testing.T) {
			t.Parallel()
			playHistory(&kit{T: t, Recent: open(t), ctx: t.Context()}, rand.New(rand.NewPCG(seed, 0)), 3000)
		})
	}
}

// kit is what a test works with: calls that fail the test instead of returning an error.
type kit struct {
	*testing.T
	recent.Recent
	ctx context.Context
}

const room = chat.RoomID(7)

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatalf("unexpected error: %v", err)
	}
}

// change is the state of the message at a place since a change, encoded so that it says both.
func change(place, number chat.Seq) recent.Change {
	return recent.Change{Seq: place, ChangeSeq: number, Encoded: fmt.Appendf(nil, "%d@%d", place, number)}
}

// written is the newest messages of a room whose first n changes were n new messages.
func written(n chat.Seq) (all []recent.Change) {
	for i := max(1, n-recent.Size+1); i <= n; i++ {
		all = append(all, change(i, i))
	}
	return all
}

func (k *kit) push(changes ...recent.Change) {
	k.Helper()
	k.must(k.Push(k.ctx, room, changes...))
}

func (k *kit) fill(asOf chat.Seq, newest []recent.Change) {
	k.Helper()
	k.must(k.Fill(k.ctx, room, asOf, newest))
}

// complete checks that the room is complete as of a change, with these messages.
func (k *kit) complete(asOf chat.Seq, want []recent.Change) {
	k.Helper()
	got, last, ok, err := k.Newest(k.ctx, room)
	k.must(err)
	if !ok || last != asOf {
		k.Fatalf("complete is %v as of %d, want it as of %d", ok, last, asOf)
	}
	if g, w := texts(got), encoded(want); !slices.Equal(g, w) {
		k.Fatalf("as of %d there is %q, want %q", asOf, g, w)
	}
}

// incomplete checks that the room is not complete and hands out nothing.
func (k *kit) incomplete(last chat.Seq) {
	k.Helper()
	got, l, ok, err := k.Newest(k.ctx, room)
	k.must(err)
	if ok || len(got) != 0 || l != last {
		k.Fatalf("%d messages as of %d, complete is %v; want none as of %d", len(got), l, ok, last)
	}
}

func texts(list [][]byte) (all []string) {
	for _, b := range list {
		all = append(all, string(b))
	}
	return all
}

func encoded(list []recent.Change) (all []string) {
	for _, c := range list {
		all = append(all, string(c.Encoded))
	}
	return all
}

var tests = []struct {
	name string
	run  func(k *kit)
}{
	{"a room that nobody filled is not complete", func(k *kit) {
		k.incomplete(0)
		k.push(change(1, 1))
		k.push(change(2, 2))
		k.incomplete(2)
	}},
	{"a filled room is complete, whatever the order it was filled in", func(k *kit) {
		all := written(5)
		shuffled := []recent.Change{all[3], all[0], all[4], all[1], all[2]}
		k.fill(5, shuffled)
		k.complete(5, all)
	}},
	{"a room whose messages are all gone is complete and empty", func(k *kit) {
		k.fill(9, nil)
		k.complete(9, nil)
		k.push(change(10, 10))
		k.complete(10, []recent.Change{change(10, 10)})
	}},
	{"what is pushed after the fill is there, one by one or several at once", func(k *kit) {
		k.fill(3, written(3))
		k.push(change(4, 4))
		k.complete(4, written(4))
		k.push(change(5, 5), change(6, 6), change(7, 7))
		k.complete(7, written(7))
		k.push()
		k.complete(7, written(7))
	}},
	{"a missing change makes it incomplete until it comes", func(k *kit) {
		k.fill(3, written(3))
		k.push(change(5, 5))
		k.incomplete(5)
		k.push(change(7, 7))
		k.push(change(4, 4))
		k.incomplete(7)
		k.push(change(6, 6))
		k.complete(7, written(7))
	}},
	{"a missing change makes it incomplete until it is filled again", func(k *kit) {
		k.fill(3, written(3))
		k.push(change(5, 5))
		k.fill(4, written(4))
		k.complete(5, written(5))
		k.push(change(8, 8))
		k.fill(9, written(9))
		k.complete(9, written(9))
	}},
	{"a change takes the place of the message it is about", func(k *kit) {
		k.fill(3, written(3))
		k.push(change(2, 4))
		k.complete(4, []recent.Change{change(1, 1), change(2, 4), change(3, 3)})
		k.push(change(2, 5), change(1, 6))
		k.complete(6, []recent.Change{change(1, 6), change(2, 5), change(3, 3)})
	}},
	{"a change that is about no message counts", func(k *kit) {
		k.fill(3, written(3))
		k.push(recent.Change{ChangeSeq: 4})
		k.complete(4, written(3))
	}},
	{"what comes late or twice brings no older state back", func(k *kit) {
		k.fill(3, written(3))
		k.push(change(2, 5))
		k.push(change(2, 4))
		want := []recent.Change{change(1, 1), change(2, 5), change(3, 3)}
		k.complete(5, want)
		for _, c := range []recent.Change{change(2, 4), change(2, 2), change(2, 5), change(1, 1)} {
			k.push(c)
			k.complete(5, want)
		}
		k.fill(4, []recent.Change{change(1, 1), change(2, 4), change(3, 3)})
		k.complete(5, want)
	}},
	{"the same change keeps what it came with first", func(k *kit) {
		k.fill(1, written(1))
		k.push(change(2, 2))
		k.push(recent.Change{Seq: 2, ChangeSeq: 2, Encoded: []byte("something else")})
		k.complete(2, written(2))
	}},
	{"the newest are kept and no more", func(k *kit) {
		k.fill(recent.Size-2, written(recent.Size-2))
		for i := chat.Seq(recent.Size - 1); i <= recent.Size+5; i++ {
			k.push(change(i, i))
			k.complete(i, written(i))
		}
		k.fill(3*recent.Size, append(written(3*recent.Size), change(1, 1), change(2, 2)))
		k.complete(3*recent.Size, written(3*recent.Size))
	}},
	{"a change of a message older than those does not bring it back", func(k *kit) {
		const n = 2 * recent.Size
		k.fill(n, written(n))
		k.push(change(5, n+1))
		k.complete(n+1, written(n))
		k.push(change(n+2, n+2))
		k.complete(n+2, append(written(n)[1:], change(n+2, n+2)))
	}},
	{"a fill keeps what was pushed about later changes, and that only", func(k *kit) {
		k.push(change(2, 4))                  // since then changed again, and that was not pushed
		k.push(change(6, 6), change(3, 7))    // later than the fill
		k.push(recent.Change{ChangeSeq: 100}) // far ahead
		k.incomplete(100)
		k.fill(5, []recent.Change{change(1, 1), change(2, 5), change(3, 3)})
		k.incomplete(100)
		var between []recent.Change
		for i := chat.Seq(8); i < 100; i++ {
			between = append(between, recent.Change{ChangeSeq: i})
		}
		k.push(between...)
		k.complete(100, []recent.Change{change(1, 1), change(2, 5), change(3, 7), change(6, 6)})
	}},
	{"a fill takes away what the database does not have any more", func(k *kit) {
		k.push(change(2, 2), change(3, 3))
		k.fill(4, []recent.Change{change(1, 1), change(3, 3)})
		k.complete(4, []recent.Change{change(1, 1), change(3, 3)})
	}},
	{"a dropped room stays incomplete until it is filled as of what was known", func(k *kit) {
		k.must(k.Drop(k.ctx, room))
		k.incomplete(0)
		k.fill(5, written(5))
		k.must(k.Drop(k.ctx, room))
		k.incomplete(5)
		k.push(change(3, 3)) // late
		k.incomplete(5)
		k.fill(4, written(4)) // read before the drop
		k.incomplete(5)
		k.push(change(6, 6))
		k.fill(7, written(7))
		k.complete(7, written(7))
	}},
	{"with too many changes waiting for one it is forgotten, and can be filled", func(k *kit) {
		k.fill(1, written(1))
		last := chat.Seq(1)
		for range recent.Pending + 50 {
			last += 2
			k.push(change(last, last))
		}
		k.incomplete(last)
		k.fill(last, written(last))
		k.complete(last, written(last))
	}},
	{"rooms are apart", func(k *kit) {
		k.fill(3, written(3))
		k.must(k.Fill(k.ctx, room+1, 1, written(1)))
		k.must(k.Push(k.ctx, -room, change(1, 1)))
		k.must(k.Drop(k.ctx, room+1))
		k.complete(3, written(3))
	}},
	{"messages may be empty, binary and large", func(k *kit) {
		var all []recent.Change
		for i, text := range []string{"", "\x00\xff\r\n:1:", "7:x", string(make([]byte, 200_000))} {
			all = append(all, recent.Change{Seq: chat.Seq(i + 1), ChangeSeq: chat.Seq(i + 1), Encoded: []byte(text)})
		}
		k.fill(2, all[:2])
		k.push(all[2:]...)
		k.complete(4, all)
		k.push(change(9, 9))
		k.fill(8, all)
		k.complete(9, append(all, change(9, 9)))
	}},
	{"numbers are exact as far as they go", func(k *kit) {
		const n = 1<<53 - 3
		k.fill(n, written(n))
		k.push(change(n+2, n+2))
		k.incomplete(n + 2)
		k.push(change(n+1, n+1))
		k.complete(n+2, written(n+2))
	}},
	{"what is passed in and handed out is not shared", func(k *kit) {
		mine := change(1, 1)
		k.fill(1, []recent.Change{mine})
		pushed := change(2, 2)
		k.push(pushed)
		mine.Encoded[0], pushed.Encoded[0] = 'X', 'X'
		got, _, _, err := k.Newest(k.ctx, room)
		k.must(err)
		got[0][0] = 'Y'
		k.complete(2, written(2))
	}},
	{"changes that no room can have are invalid and do nothing", func(k *kit) {
		k.fill(1, written(1))
		for _, c := range []recent.Change{{}, {Seq: -1, ChangeSeq: 2}, {Seq: 3, ChangeSeq: 2}, {Seq: 1, ChangeSeq: -2}, {Seq: 1, ChangeSeq: 1 << 53}} {
			if err := k.Push(k.ctx, room, change(2, 2), c); !errors.Is(err, recent.ErrInvalid) {
				k.Errorf("Push of %+v: %v", c, err)
			}
			if err := k.Fill(k.ctx, room, 1<<52, []recent.Change{c}); !errors.Is(err, recent.ErrInvalid) {
				k.Errorf("Fill with %+v: %v", c, err)
			}
		}
		for _, err := range []error{
			k.Fill(k.ctx, room, 0, nil), k.Fill(k.ctx, room, -1, nil), k.Fill(k.ctx, room, 1<<53, nil),
			k.Fill(k.ctx, room, 4, []recent.Change{change(5, 5)}), k.Fill(k.ctx, room, 4, []recent.Change{{ChangeSeq: 4}}),
		} {
			if !errors.Is(err, recent.ErrInvalid) {
				k.Errorf("Fill: %v", err)
			}
		}
		k.complete(1, written(1))
	}},
	{"many may push, fill and read at once", func(k *kit) {
		const n = 200
		var wg sync.WaitGroup
		next := make(chan chat.Seq, n)
		for i := chat.Seq(1); i <= n; i++ {
			next <- i
		}
		close(next)
		for range 8 {
			wg.Go(func() {
				for i := range next {
					if err := k.Push(k.ctx, room, change(i, i)); err != nil {
						k.Errorf("Push: %v", err)
					}
					if i == 50 {
						if err := k.Fill(k.ctx, room, i, written(i)); err != nil {
							k.Errorf("Fill: %v", err)
						}
					}
					got, last, ok, err := k.Newest(k.ctx, room)
					if err != nil {
						k.Errorf("Newest: %v", err)
					}
					if ok && !slices.Equal(texts(got), encoded(written(last))) {
						k.Errorf("as of %d there is %q", last, texts(got))
					}
				}
			})
		}
		wg.Wait()
		k.complete(n, written(n))
	}},
}

// playHistory lets a room live while its changes come late, twice, out of order or not at all, fills come late, and somebody
// drops it. Whatever the cache calls complete must be what the room was after the change it names.
func playHistory(k *kit, r *rand.Rand, steps int) {
	history := []map[chat.Seq]chat.Seq{{}} // for each change, the latest change of each message by then
	snapshot := func(asOf chat.Seq) (newest []recent.Change) {
		for place, number := range history[asOf] {
			newest = append(newest, change(place, number))
		}
		slices.SortFunc(newest, func(a, b recent.Change) int { return int(a.Seq - b.Seq) })
		return newest[max(0, len(newest)-recent.Size):]
	}
	var onTheWay []recent.Change
	now, hits := chat.Seq(0), 0
	for range steps {
		switch r.IntN(10) {
		case 0, 1, 2:
			now++
			state := make(map[chat.Seq]chat.Seq, len(history[now-1])+1)
			for place, number := range history[now-1] {
				state[place] = number
			}
			c := change(now, now)
			if places := snapshot(now - 1); len(places) > 0 && r.IntN(2) == 0 {
				c = change(places[r.IntN(len(places))].Seq, now)
			}
			if r.IntN(20) == 0 { // one of any age
				c = change(1+chat.Seq(r.Int64N(int64(now))), now)
				if _, ok := state[c.Seq]; !ok {
					c = change(now, now)
				}
			}
			state[c.Seq] = now
			history = append(history, state)
			if r.IntN(100) > 0 { // or it is lost
				onTheWay = append(onTheWay, c)
			}
		case 3, 4, 5, 6, 7:
			if len(onTheWay) == 0 {
				continue
			}
			i := 0
			if r.IntN(4) == 0 {
				i = r.IntN(min(len(onTheWay), 5))
			}
			k.push(onTheWay[i])
			if r.IntN(20) > 0 { // or it comes again
				onTheWay = slices.Delete(onTheWay, i, i+1)
			}
		case 8:
			switch r.IntN(30) {
			case 0:
				k.must(k.Drop(k.ctx, room))
			case 1, 2, 3:
				if asOf := now - chat.Seq(r.IntN(10)); asOf > 0 {
					k.fill(asOf, snapshot(asOf))
				}
			}
		case 9:
			got, last, ok, err := k.Newest(k.ctx, room)
			k.must(err)
			if !ok {
				continue
			}
			hits++
			if last > now || !slices.Equal(texts(got), encoded(snapshot(last))) {
				k.Fatalf("as of %d of %d there is %q, want %q", last, now, texts(got), encoded(snapshot(last)))
			}
		}
	}
	if hits < 10 {
		k.Errorf("complete %d times only: the test shows nothing", hits)
	}
	k.fill(now, snapshot(now))
	k.complete(now, snapshot(now))
}
