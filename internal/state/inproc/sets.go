package inproc

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"time"

	"parley/internal/state"
)

// SetAdd implements state.Store.
func (s *Store) SetAdd(_ context.Context, key, member string, score float64, ttl time.Duration) error {
	if err := state.CheckTTL(ttl); err != nil {
		return err
	}
	if err := state.CheckScores(score); err != nil {
		return err
	}
	sh, now, err := s.lock(key)
	if err != nil {
		return err
	}
	defer sh.mu.Unlock()
	e := s.live(sh, key, now)
	if e == nil {
		e = &entry{set: &orderedSet{scores: make(map[string]float64)}}
		if err := s.put(sh, key, e); err != nil {
			return err
		}
	}
	if e.set == nil {
		return state.ErrWrongKind
	}
	e.set.add(member, score)
	e.expires = expiry(now, ttl)
	return nil
}

// SetRemove implements state.Store.
func (s *Store) SetRemove(_ context.Context, key string, members ...string) (removed int, err error) {
	err = s.withSet(key, func(set *orderedSet) {
		for _, m := range members {
			if set.remove(m) {
				removed++
			}
		}
	})
	return removed, err
}

// SetTrim implements state.Store.
func (s *Store) SetTrim(_ context.Context, key string, min, max float64) (removed int, err error) {
	if err := state.CheckScores(min, max); err != nil {
		return 0, err
	}
	err = s.withSet(key, func(set *orderedSet) {
		for _, m := range set.between(min, max, 0) {
			set.remove(m.Name)
			removed++
		}
	})
	return removed, err
}

// SetRange implements state.Store.
func (s *Store) SetRange(_ context.Context, key string, min, max float64, limit int) (members []state.Member, err error) {
	if err := state.CheckScores(min, max); err != nil {
		return nil, err
	}
	err = s.withSet(key, func(set *orderedSet) { members = set.between(min, max, limit) })
	return members, err
}

// SetCount implements state.Store.
func (s *Store) SetCount(_ context.Context, key string) (n int, err error) {
	err = s.withSet(key, func(set *orderedSet) { n = len(set.scores) })
	return n, err
}

// SetScore implements state.Store.
func (s *Store) SetScore(_ context.Context, key, member string) (score float64, ok bool, err error) {
	err = s.withSet(key, func(set *orderedSet) { score, ok = set.scores[member] })
	return score, ok, err
}

// withSet calls fn with the set under key, if there is one, and drops the key if fn leaves it empty.
func (s *Store) withSet(key string, fn func(*orderedSet)) error {
	sh, now, err := s.lock(key)
	if err != nil {
		return err
	}
	defer sh.mu.Unlock()
	e := s.live(sh, key, now)
	if e == nil {
		return nil
	}
	if e.set == nil {
		return state.ErrWrongKind
	}
	fn(e.set)
	if len(e.set.scores) == 0 {
		s.drop(sh, key)
	}
	return nil
}

const maxChunk = 256 // members a chunk has at most; what an insertion moves at worst

// orderedSet keeps members sorted by score, then name. The order is cut into chunks so that adding
// to a set of 100,000 moves a few hundred members and not half of them.
type orderedSet struct {
	scores map[string]float64
	chunks [][]state.Member // none empty
}

func compareMembers(a, b state.Member) int {
	if c := cmp.Compare(a.Score, b.Score); c != 0 {
		return c
	}
	return cmp.Compare(a.Name, b.Name)
}

func (o *orderedSet) add(name string, score float64) {
	if old, ok := o.scores[name]; ok {
		if old == score {
			return
		}
		o.remove(name)
	}
	o.scores[name] = score
	m := state.Member{Name: name, Score: score}
	if len(o.chunks) == 0 {
		o.chunks = append(o.chunks, []state.Member{m})
		return
	}
	c := o.chunkOf(m)
	i, _ := slices.BinarySearchFunc(o.chunks[c], m, compareMembers)
	chunk := slices.Insert(o.chunks[c], i, m)
	o.chunks[c] = chunk
	if len(chunk) > maxChunk {
		half := len(chunk) / 2
		upper := slices.Clone(chunk[half:])
		clear(chunk[half:])
		o.chunks[c] = chunk[:half]
		o.chunks = slices.Insert(o.chunks, c+1, upper)
	}
}

func (o *orderedSet) remove(name string) bool {
	score, ok := o.scores[name]
	if !ok {
		return false
	}
	delete(o.scores, name)
	m := state.Member{Name: name, Score: score}
	c := o.chunkOf(m)
	i, _ := slices.BinarySearchFunc(o.chunks[c], m, compareMembers)
	o.chunks[c] = slices.Delete(o.chunks[c], i, i+1)
	if c > 0 && len(o.chunks[c-1])+len(o.chunks[c]) <= maxChunk/2 {
		c-- // joins the two below, so that removals leave no trail of tiny chunks
	}
	switch {
	case c+1 < len(o.chunks) && len(o.chunks[c])+len(o.chunks[c+1]) <= maxChunk/2:
		o.chunks[c] = append(o.chunks[c], o.chunks[c+1]...)
		o.chunks = slices.Delete(o.chunks, c+1, c+2)
	case len(o.chunks[c]) == 0:
		o.chunks = slices.Delete(o.chunks, c, c+1)
	}
	return true
}

// chunkOf returns the index of the chunk that m is in or belongs into.
func (o *orderedSet) chunkOf(m state.Member) int {
	after := sort.Search(len(o.chunks), func(i int) bool { return compareMembers(o.chunks[i][0], m) > 0 })
	return max(0, after-1)
}

// between returns the members with min <= score <= max in order, all of them if limit is 0 or less.
func (o *orderedSet) between(min, max float64, limit int) []state.Member {
	var found []state.Member
	first := sort.Search(len(o.chunks), func(i int) bool {
		chunk := o.chunks[i]
		return chunk[len(chunk)-1].Score >= min
	})
	for _, chunk := range o.chunks[first:] {
		for _, m := range chunk {
			if m.Score > max || (limit > 0 && len(found) == limit) {
				return found
			}
			if m.Score >= min {
				found = append(found, m)
			}
		}
	}
	return found
}
