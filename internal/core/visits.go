package core

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/internal/chat"
)

// visits collects who was here and which sessions were used, so that a request costs no write: the chores store it in
// batches. What a crash loses of it is a minute of last-seen times.
type visits struct {
	mu       sync.Mutex
	users    map[chat.UserID]time.Time
	sessions map[chat.SessionID]visit
	noted    map[chat.SessionID]time.Time // the last use that was noted of each session, so that it is at most one a minute
}

type visit struct {
	at      time.Time
	address string
}

// touchEvery is how often at most the use of one session is stored.
const touchEvery = time.Minute

// used notes the use of a session, at most once a minute.
func (v *visits) used(s chat.Session, at time.Time, address string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	last, known := v.noted[s.ID]
	if !known {
		last = s.LastUsedAt
	}
	if at.Sub(last) < touchEvery {
		return
	}
	v.make()
	v.noted[s.ID] = at
	v.sessions[s.ID] = visit{at: at, address: address}
	v.users[s.UserID] = at
}

// saw notes that a person was here.
func (v *visits) saw(user chat.UserID, at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.make()
	v.users[user] = at
}

func (v *visits) make() {
	if v.users == nil {
		v.users = make(map[chat.UserID]time.Time)
	}
	if v.sessions == nil {
		v.sessions = make(map[chat.SessionID]visit)
	}
	if v.noted == nil {
		v.noted = make(map[chat.SessionID]time.Time)
	}
}

// take hands over what was collected, and forgets the notes that no longer matter.
func (v *visits) take(at time.Time) (users map[chat.UserID]time.Time, sessions map[chat.SessionID]visit) {
	v.mu.Lock()
	defer v.mu.Unlock()
	users, sessions = v.users, v.sessions
	v.users, v.sessions = nil, nil
	maps.DeleteFunc(v.noted, func(_ chat.SessionID, last time.Time) bool { return at.Sub(last) >= touchEvery })
	return users, sessions
}

// seen notes, cheaply and soon rather than at once, that a person was here.
func (c *Core) seen(user chat.UserID) { c.visits.saw(user, c.now()) }

// flushBatch is how many last-seen times one transaction stores: others wait for it.
const flushBatch = 100

// flushVisits stores what was collected since the last time. What fails is lost, and said in the log.
func (c *Core) flushVisits(ctx context.Context) error {
	users, sessions := c.visits.take(c.now())
	for len(users) > 0 || len(sessions) > 0 {
		var seen []chat.UserID
		some, used := cut(users, flushBatch), cut(sessions, flushBatch)
		err := c.change(ctx, func(tx Tx) ([]chat.Event, error) {
			seen = seen[:0]
			for id, v := range used {
				if err := tx.TouchSession(ctx, id, v.at, v.address); err != nil && chat.AsError(err).Kind != chat.NotFound {
					return nil, err
				}
			}
			for id, at := range some {
				user, err := tx.User(ctx, id)
				if err != nil {
					if chat.AsError(err).Kind == chat.NotFound {
						continue
					}
					return nil, err
				}
				if !at.After(user.LastSeenAt) {
					continue
				}
				now := *user
				now.LastSeenAt = at
				if err := tx.UpdateUser(ctx, &now); err != nil {
					return nil, err
				}
				seen = append(seen, id)
			}
			if len(seen) == 0 {
				return nil, nil
			}
			return []chat.Event{chat.UsersSeen{Users: slices.Clone(seen)}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// cut takes up to n entries out of a map.
func cut[K comparable, V any](m map[K]V, n int) map[K]V {
	part := make(map[K]V, min(n, len(m)))
	for k, v := range m {
		if len(part) == n {
			break
		}
		part[k] = v
		delete(m, k)
	}
	return part
}
