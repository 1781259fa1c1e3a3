package core

import (
	"context"
	"time"

	"parley/internal/chat"
	"parley/internal/state"
)

// allowSend charges one message to the sender, unless ChargeSend has done so for the call.
func (c *Core) allowSend(ctx context.Context, by chat.Actor) error {
	if by.Operator || ctx.Value(paidKey{}) == by.UserID {
		return nil
	}
	_, err := c.ChargeSend(ctx, by)
	return err
}

// charge counts one thing against a limit per window; limit <= 0 means no limit. Fails with rate_limited or unavailable.
func (c *Core) charge(ctx context.Context, key string, limit int, per time.Duration, text string) error {
	if limit <= 0 {
		return nil
	}
	d, err := c.State.Allow(ctx, "limit:"+key, state.Limit{Count: limit, Per: per}, 1)
	if err != nil { // what cannot be counted is not allowed
		return errUncounted(err)
	}
	if d.Allowed {
		return nil
	}
	seconds := int((d.RetryAfter + time.Second - 1) / time.Second)
	e := chat.Errorf(chat.TooMany, "rate_limited", "%s Try again in %d s.", text, max(seconds, 1))
	e.RetryAfter = d.RetryAfter
	return e
}

// errUncounted refuses what could not be counted.
func errUncounted(cause error) error {
	return &chat.Error{Kind: chat.Unavailable, Code: "unavailable", Text: "The server is not complete at the moment. Try again soon.", Cause: cause}
}

// forgive forgets what was charged to a key. If that fails, it is forgotten with the window.
func (c *Core) forgive(ctx context.Context, key string) {
	if err := c.State.Delete(ctx, "limit:"+key); err != nil {
		c.log.Warn("a rate limit could not be reset", "error", err)
	}
}

// ChargeRequest counts one request of the actor against the general limit.
func (c *Core) ChargeRequest(ctx context.Context, by chat.Actor) error {
	return c.charge(ctx, "request:"+string(by.UserID), c.Limits.RequestsPerMinute, time.Minute, "Too many requests.")
}
