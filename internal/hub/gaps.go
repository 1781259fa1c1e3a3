package hub

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// Events of other nodes may be late, lost or overtaken. A feed gives its subscribers every change in order all the same: what
// is early waits a moment, and what does not come is read from the store.

const (
	maxEarly = 256                    // events that may wait in one feed
	tryAgain = 500 * time.Millisecond // after the store could not be read
)

// hold keeps an event that overtook others.
func (s *shard) hold(f *feed, ev chat.Sequenced) {
	seq := ev.State().ChangeSeq
	i, twice := slices.BinarySearchFunc(f.early, seq, func(x chat.Sequenced, seq chat.Seq) int { return int(x.State().ChangeSeq - seq) })
	if !twice {
		f.early = slices.Insert(f.early, i, ev)
	}
}

// wait has a feed look into the store after a time, unless it is to do so earlier.
func (s *shard) wait(f *feed, d time.Duration) {
	if _, waits := s.late[f]; !waits {
		s.late[f] = time.Now().Add(d)
		if len(s.late) == 1 {
			s.timer.Reset(d)
		}
	}
}

// settleLate settles the feeds whose time has come.
func (s *shard) settleLate(ctx context.Context) {
	now := time.Now()
	var due []*feed
	for f, at := range s.late {
		if !now.Before(at) {
			due = append(due, f)
		}
	}
	for _, f := range due {
		delete(s.late, f)
		s.settle(ctx, f)
	}
	var first time.Time
	for _, at := range s.late {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if !first.IsZero() {
		s.timer.Reset(max(time.Until(first), time.Millisecond))
	}
}

// settle delivers what waits in a feed, and what the store has of what did not come.
func (s *shard) settle(ctx context.Context, f *feed) {
	delete(s.late, f)
	for len(f.early) > 0 || f.known > f.last {
		to := f.known
		if len(f.early) > 0 {
			to = f.early[0].State().ChangeSeq - 1
		}
		if to > f.last {
			s.hub.stats.gaps.Add(1)
			if !s.fill(ctx, f, to) {
				return
			}
		}
		for len(f.early) > 0 && f.early[0].State().ChangeSeq <= f.last+1 {
			ev := f.early[0]
			f.early = f.early[1:]
			if ev.State().ChangeSeq > f.last {
				s.next(ctx, f, ev)
			}
		}
	}
	f.early = nil
}

// fill delivers what the store has after the feed's last change, at least up to one. false: not now.
func (s *shard) fill(ctx context.Context, f *feed, to chat.Seq) bool {
	if f.base == nothing {
		f.base = f.last
	}
	f.filling = true
	reached, err := s.changes(ctx, f, f.last, to, f.base, func(ev chat.Sequenced) {
		f.last = ev.State().ChangeSeq
		s.fanOut(ctx, f, ev, f.last)
	})
	f.filling = false
	f.last = max(f.last, reached)
	if err != nil && chat.AsError(err).Kind == chat.NotFound { // the room is gone, and its event on the way
		f.early, f.known = nil, 0
		return false
	}
	if err != nil || f.last < to {
		if err != nil && ctx.Err() == nil {
			s.hub.Logger.Warn("filling a gap failed", "room", f.room, "since", f.last, "error", err)
		}
		if len(f.early) > maxEarly { // the store has them too
			f.known = max(f.known, f.early[len(f.early)-1].State().ChangeSeq)
			f.early = nil
		}
		s.wait(f, tryAgain)
		return false
	}
	f.base = nothing
	return true
}

// changes reads what the store has after a change, at least up to another one, and returns up to where that is complete. What
// was created after base is news to those who are given it.
func (s *shard) changes(ctx context.Context, f *feed, since, to, base chat.Seq, give func(chat.Sequenced)) (chat.Seq, error) {
	for since < to {
		ch, err := s.hub.core.ChangesTo(ctx, chat.Operator, f.room, since, to, 0)
		if err != nil {
			return since, err
		}
		for i := range ch.Messages {
			since = ch.Messages[i].ChangeSeq
			give(eventOf(&ch.Messages[i], base))
		}
		if !ch.Truncated {
			return max(since, ch.LastSeq), nil
		}
	}
	return since, nil
}
