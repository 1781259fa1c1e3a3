// Package state is the port for volatile state: typing, presence, voice state, match queues, login
// codes and rate limits. Everything in it may vanish at any moment (a restart, a flushed server)
// without breaking anything that was promised to last.
//
// What must survive a restart does not belong here; that is the store's. Nor do keys: each user of
// the port picks a prefix of its own ("typing:", "login:") and keeps to one kind of thing per key.
package state

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Errors of every implementation, to be tested with errors.Is. Any other error is the engine's own.
var (
	// ErrInvalid: an argument that is wrong whatever is stored, such as a negative TTL or a NaN score.
	ErrInvalid = errors.New("state: invalid argument")
	// ErrWrongKind: the key holds another kind of thing than the call is about.
	ErrWrongKind = errors.New("state: key holds another kind of thing")
	// ErrNotNumber: Add met a value that is no decimal 64-bit integer, or the sum would not be one.
	ErrNotNumber = errors.New("state: not a 64-bit integer")
	// ErrFull: the engine takes no further keys until others have expired or been deleted.
	ErrFull = errors.New("state: full")
	// ErrUnavailable: the engine cannot be reached. The caller decides whether that means yes or no. With an engine elsewhere,
	// what a changing call asked for may have been done all the same, and may still be.
	ErrUnavailable = errors.New("state: engine unavailable")
	// ErrNotRunning: the store was not started yet, or has been stopped.
	ErrNotRunning = errors.New("state: not running")
)

// Store keeps small things by key, each for a limited time.
//
// A key holds one of three kinds: a value (a counter is a value that reads as a decimal number), a
// limiter made by Allow, or an ordered set made by SetAdd. A call for another kind than the key
// holds fails with ErrWrongKind and changes nothing, except that Set replaces and Delete deletes
// any kind.
//
// A TTL runs from the call that gives it; 0 means no expiry and a negative one is ErrInvalid. A
// thing is gone for every call at or after its moment. Engines may round a TTL up to the next whole
// millisecond, and keep time no finer than that.
//
// Every call on a single key is atomic, also between nodes. Calls on several keys are not. Nothing
// passed in is kept and nothing handed out is shared: callers may reuse and change their slices.
//
// The context bounds waiting for a remote engine. When a changing call fails with ErrUnavailable or anything but the errors
// above, the change may or may not have been made.
//
// All methods are safe for concurrent use.
type Store interface {
	// Start returns when the store can be used; a store is started once. Before it, every other
	// call but Stop fails with ErrNotRunning.
	Start(ctx context.Context) error
	// Stop returns when nothing of the store is running. Later calls fail with ErrNotRunning, except
	// Stop itself, which does nothing.
	Stop(ctx context.Context) error

	// Set stores value under key, replacing whatever was there, its TTL included.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// SetIfAbsent stores value if the key holds nothing of any kind, and says whether it did. Of any
	// number of simultaneous callers one is told true.
	SetIfAbsent(ctx context.Context, key string, value []byte, ttl time.Duration) (stored bool, err error)
	// Get returns the value under key. A present empty value is empty but not nil.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// GetMany returns the values of keys in their order, with nil for each key that holds no value.
	GetMany(ctx context.Context, keys []string) (values [][]byte, err error)
	// Take returns the value under key and deletes it. Of any number of simultaneous callers one gets
	// it, which makes it the way to redeem something that is good for one use.
	Take(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Add adds delta to the number under key, 0 if absent, and returns the sum. The TTL is given to a
	// number that this call creates; one that was there keeps its own. Get reads the number as
	// decimal digits. Fails with ErrNotNumber.
	Add(ctx context.Context, key string, delta int64, ttl time.Duration) (sum int64, err error)

	// Touch gives the value or set under key a new TTL and says whether there was one. A limiter
	// keeps its own time: touching it fails with ErrWrongKind.
	Touch(ctx context.Context, key string, ttl time.Duration) (ok bool, err error)
	// Delete deletes what the keys hold, of any kind. Absent keys are fine. Deleting a limiter
	// forgives all that was charged to it.
	Delete(ctx context.Context, keys ...string) error

	// Allow asks whether an action of this cost may happen under key now, and charges it if so.
	//
	// The window slides and is exact: in no span of limit.Per is more than limit.Count charged, a
	// charge counting from its moment until just before limit.Per later. A refused attempt is not
	// charged. Cost 0 looks without charging and is always allowed. A limiter takes memory for the
	// charges in its window, and none once they have all left it.
	//
	// A key is meant to keep one limit. When its limit changes, charges already forgotten under a
	// shorter window stay forgotten. Fails with ErrInvalid where Limit.Check does.
	Allow(ctx context.Context, key string, limit Limit, cost int) (Decision, error)

	// SetAdd puts member into the ordered set under key, or moves it to the new score if it is in
	// already. The TTL is that of the whole set, counted from this call. Infinite scores are fine;
	// NaN is ErrInvalid.
	SetAdd(ctx context.Context, key, member string, score float64, ttl time.Duration) error
	// SetRemove takes members out of the set and returns how many of them were in it. Of any number
	// of simultaneous callers that remove a member one has it counted, which makes it the way to
	// claim one. A set without members does not exist.
	SetRemove(ctx context.Context, key string, members ...string) (removed int, err error)
	// SetTrim takes every member out whose score is within [min, max], and returns how many.
	SetTrim(ctx context.Context, key string, min, max float64) (removed int, err error)
	// SetRange returns the members whose score is within [min, max], lowest first and those of equal
	// score in the byte order of their names; at most limit of them if limit is above 0. Bounds may
	// be infinite; NaN is ErrInvalid.
	SetRange(ctx context.Context, key string, min, max float64, limit int) ([]Member, error)
	// SetCount returns the number of members, 0 if there is no set.
	SetCount(ctx context.Context, key string) (int, error)
	// SetScore returns the score of one member.
	SetScore(ctx context.Context, key, member string) (score float64, ok bool, err error)
}

// Limit is a number of actions per span of time. Count 0 means no limit, as in the settings.
type Limit struct {
	Count int
	Per   time.Duration
}

// Unlimited reports whether the limit allows everything.
func (l Limit) Unlimited() bool { return l.Count == 0 }

// Check fails with ErrInvalid for a negative count or cost, and for a count without a span of at
// least a millisecond.
func (l Limit) Check(cost int) error {
	if l.Count < 0 || cost < 0 || (l.Count > 0 && l.Per < time.Millisecond) {
		return fmt.Errorf("%w: limit of %d per %v at cost %d", ErrInvalid, l.Count, l.Per, cost)
	}
	return nil
}

// Decision is the answer to Allow.
type Decision struct {
	Allowed bool
	// Remaining is what could still be charged now, after this call; math.MaxInt without a limit.
	Remaining int
	// RetryAfter is 0 if allowed. If refused, it is how long until the same attempt would be allowed
	// if nothing else is charged meanwhile, or limit.Per for a cost above limit.Count, which never is.
	RetryAfter time.Duration
}

// Member is one entry of an ordered set.
type Member struct {
	Name  string
	Score float64
}

// CheckTTL fails with ErrInvalid for a negative TTL.
func CheckTTL(ttl time.Duration) error {
	if ttl < 0 {
		return fmt.Errorf("%w: TTL of %v", ErrInvalid, ttl)
	}
	return nil
}

// CheckScores fails with ErrInvalid if one of the scores or bounds is NaN.
func CheckScores(scores ...float64) error {
	for _, s := range scores {
		if math.IsNaN(s) {
			return fmt.Errorf("%w: score is not a number", ErrInvalid)
		}
	}
	return nil
}
