package core

import (
	"context"
	"strconv"
	"time"

	"parley/internal/chat"
	"parley/internal/state"
)

// How fast people write is counted once for each person, whatever protocol they speak and on all nodes. Some protocols bound
// more than the messages in ten seconds, see chat.Pace; what they ask for comes with the actor.

// Bound is what somebody who writes too much ran into.
type Bound string

// The bounds of a chat.Pace, in the order in which they are asked.
const (
	BoundCooldown Bound = "cooldown" // the wait after a burst is not over
	BoundMinute   Bound = "minute"
	BoundBurst    Bound = "burst" // the wait begins
)

// TooFast is the cause of a rate_limited error of somebody who writes at a chat.Pace, for protocols that say more of it.
type TooFast struct {
	Bound Bound
	Wait  time.Duration
}

// Error implements error.
func (e *TooFast) Error() string { return string(e.Bound) }

func tooFast(bound Bound, wait time.Duration) error {
	seconds := int((wait + time.Second - 1) / time.Second)
	e := chat.Errorf(chat.TooMany, "rate_limited", "You are writing too fast. Try again in %d s.", max(seconds, 1))
	e.RetryAfter, e.Cause = wait, &TooFast{bound, wait}
	return e
}

type paidKey struct{}

// ChargeSend charges one message to the actor now, for dialects that do so before anything else is looked at: calls with the
// context that it returns charge no other. The operator writes without a limit. Fails with rate_limited, and for those at a
// chat.Pace with muted: what the muted try is not counted.
func (c *Core) ChargeSend(ctx context.Context, by chat.Actor) (context.Context, error) {
	paid := context.WithValue(ctx, paidKey{}, by.UserID)
	if by.Operator {
		return paid, nil
	}
	burst, err := c.burstOf(ctx, by.UserID)
	if err != nil {
		return ctx, err
	}
	if by.Pace == (chat.Pace{}) {
		return paid, c.charge(ctx, sendKey(by.UserID), burst, burstWindow, "You are writing too fast.")
	}
	own, err := c.standing(ctx, by.UserID)
	if err != nil {
		return ctx, err
	}
	if mute := lasting(serverWide(own.sanctions), chat.Mute, c.now()); mute != nil {
		return ctx, mutedError(mute, c.now())
	}
	return paid, c.chargePaced(ctx, by, burst)
}

func serverWide(all []chat.Sanction) (wide []chat.Sanction) {
	for _, s := range all {
		if s.RoomID == 0 {
			wide = append(wide, s)
		}
	}
	return wide
}

// burstOf is how many messages somebody may send within burstWindow: the highest limit of their roles counts (specs: native,
// Limits). No more than 0 is no limit.
func (c *Core) burstOf(ctx context.Context, id chat.UserID) (int, error) {
	user, err := c.person(ctx, chat.Actor{UserID: id})
	if err != nil {
		return 0, err
	}
	roles, err := c.roleTable(ctx)
	return sendLimit(roles, user.Roles, c.Limits.MessagesPer10s), err
}

const (
	burstWindow = 10 * time.Second
	paceWindow  = time.Minute
)

func sendKey(user chat.UserID) string     { return "send:" + string(user) }
func minuteKey(user chat.UserID) string   { return "limit:send-minute:" + string(user) }
func cooldownKey(user chat.UserID) string { return "limit:send-cooldown:" + string(user) }

// chargePaced charges a message of somebody at a pace. A refused attempt is not counted.
func (c *Core) chargePaced(ctx context.Context, by chat.Actor, burst int) error {
	if left, err := c.cooldown(ctx, by.UserID); err != nil || left > 0 {
		if err == nil {
			err = tooFast(BoundCooldown, left)
		}
		return err
	}
	minute, counted := state.Limit{Count: max(by.Pace.PerMinute, 0), Per: paceWindow}, by.Pace.PerMinute <= 0
	if !counted {
		d, err := c.State.Allow(ctx, minuteKey(by.UserID), minute, 0) // looks
		if err == nil && d.Remaining <= 0 {
			if d, err = c.State.Allow(ctx, minuteKey(by.UserID), minute, 1); err == nil && !d.Allowed {
				return tooFast(BoundMinute, d.RetryAfter)
			}
			counted = true
		}
		if err != nil {
			return errUncounted(err)
		}
	}
	if burst > 0 {
		d, err := c.State.Allow(ctx, "limit:"+sendKey(by.UserID), state.Limit{Count: burst, Per: burstWindow}, 1)
		if err != nil {
			return errUncounted(err)
		}
		if !d.Allowed {
			return c.coolDown(ctx, by, d.RetryAfter)
		}
	}
	if counted {
		return nil
	}
	d, err := c.State.Allow(ctx, minuteKey(by.UserID), minute, 1)
	if err != nil {
		return errUncounted(err)
	}
	if !d.Allowed { // others came between
		return tooFast(BoundMinute, d.RetryAfter)
	}
	return nil
}

// coolDown begins the wait after a burst.
func (c *Core) coolDown(ctx context.Context, by chat.Actor, otherwise time.Duration) error {
	wait := by.Pace.Cooldown
	if wait <= 0 {
		return tooFast(BoundBurst, otherwise)
	}
	until := strconv.FormatInt(c.now().Add(wait).UnixMilli(), 10)
	if err := c.State.Set(ctx, cooldownKey(by.UserID), []byte(until), wait); err != nil {
		return errUncounted(err)
	}
	return tooFast(BoundBurst, wait)
}

// cooldown returns how long somebody still has to wait after a burst.
func (c *Core) cooldown(ctx context.Context, user chat.UserID) (time.Duration, error) {
	text, there, err := c.State.Get(ctx, cooldownKey(user))
	if err != nil {
		return 0, errUncounted(err)
	}
	if !there {
		return 0, nil
	}
	until, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, nil // nobody else writes there
	}
	return max(0, time.UnixMilli(until).Sub(c.now())), nil
}

// PaceStatus is what somebody has used of their limits.
type PaceStatus struct {
	Minute, PerMinute int // messages in the last minute; 0 of 0 without a limit
	Recent, Burst     int // messages in the last ten seconds; 0 of 0 without a limit
	Cooldown          time.Duration
}

var errNoPace = chat.Errorf(chat.Unavailable, "limits_off", "Nobody's messages are counted on this server.")

// PaceOf tells what a person has used of their limits at the actor's pace: their own for everybody, others' for owners of the
// server. Fails with permission_missing, limits_off, user_not_found.
func (c *Core) PaceOf(ctx context.Context, by chat.Actor, user chat.UserID) (p PaceStatus, err error) {
	if by.Operator || by.UserID != user {
		if _, err := c.permitRank(ctx, by, chat.RankOwner); err != nil {
			return p, err
		}
	}
	if _, err := c.user(ctx, user); err != nil {
		return p, err
	}
	burst, err := c.burstOf(ctx, user)
	if err != nil {
		return p, err
	}
	p.PerMinute, p.Burst = max(by.Pace.PerMinute, 0), max(burst, 0)
	if p.PerMinute == 0 && p.Burst == 0 {
		return p, errNoPace
	}
	used := func(key string, limit int, per time.Duration) int {
		if limit == 0 || err != nil {
			return 0
		}
		var d state.Decision
		d, err = c.State.Allow(ctx, key, state.Limit{Count: limit, Per: per}, 0)
		return limit - d.Remaining
	}
	p.Minute, p.Recent = used(minuteKey(user), p.PerMinute, paceWindow), used("limit:"+sendKey(user), p.Burst, burstWindow)
	if err != nil {
		return PaceStatus{}, errUncounted(err)
	}
	p.Cooldown, err = c.cooldown(ctx, user)
	return p, err
}

// ResetPace forgets what was charged to a person, and their wait (manage_server); a mute stays. Fails with permission_missing,
// limits_off, user_not_found.
func (c *Core) ResetPace(ctx context.Context, by chat.Actor, user chat.UserID) error {
	if _, err := c.permit(ctx, by, chat.ManageServer); err != nil {
		return err
	}
	burst, err := c.burstOf(ctx, user)
	if chat.CodeOf(err) == chat.ErrTokenInvalid.Code {
		err = chat.ErrUserNotFound
	}
	if err != nil {
		return err
	}
	if burst <= 0 && by.Pace.PerMinute <= 0 {
		return errNoPace
	}
	if err := c.State.Delete(ctx, "limit:"+sendKey(user), minuteKey(user), cooldownKey(user)); err != nil {
		return errUncounted(err)
	}
	return nil
}

// forgivePace is ResetPace for what the server does by itself. If it fails, the charges are forgotten with their windows.
func (c *Core) forgivePace(ctx context.Context, user chat.UserID) {
	if err := c.State.Delete(ctx, "limit:"+sendKey(user), minuteKey(user), cooldownKey(user)); err != nil {
		c.log.Warn("what somebody wrote is still counted", "error", err)
	}
}
