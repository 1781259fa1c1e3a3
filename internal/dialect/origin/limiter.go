package origin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// How fast people write is the core's to count (core.ChargeSend); here are the protocol's words for it (specs: originchats §10).

// pace is how fast people of this protocol may write.
func (d *Dialect) pace() chat.Pace {
	return chat.Pace{PerMinute: max(d.MessagesPerMinute, 0), Cooldown: max(d.Cooldown, 0)}
}

type rateLimitPacket struct {
	Cmd    string `json:"cmd"`
	Reason string `json:"reason"`
	Length int64  `json:"length"` // milliseconds
}

// limited is the packet of whoever does too much, or is muted for a while; ok is false for other errors.
func (d *Dialect) limited(err error) (p rateLimitPacket, ok bool) {
	e := chat.AsError(err)
	if e.Code != "rate_limited" && (e.Code != "muted" || e.RetryAfter <= 0) {
		return p, false
	}
	text := e.Text
	var fast *core.TooFast
	switch {
	case e.Code == "muted":
		text = more("timeout", e.RetryAfter)
	case !errors.As(err, &fast):
	case fast.Bound == core.BoundCooldown:
		text = more("cooldown", fast.Wait)
	case fast.Bound == core.BoundMinute:
		text = fmt.Sprintf("Rate limit exceeded. Wait %.1f seconds", fast.Wait.Seconds())
	case fast.Bound == core.BoundBurst:
		text = fmt.Sprintf("Burst limit exceeded. You're in cooldown for %d seconds", int(fast.Wait.Round(time.Second).Seconds()))
	}
	return rateLimitPacket{"rate_limit", text, max(e.RetryAfter, time.Millisecond).Milliseconds()}, true
}

func more(what string, left time.Duration) string {
	return fmt.Sprintf("You are in %s for %.1f more seconds", what, left.Seconds())
}

var limiterCommands = map[string]command{
	"rate_limit_status": rateLimitStatus,
	"rate_limit_reset":  rateLimitReset,
}

// limiterWords are the refusals of what is asked of the limiter.
var limiterWords = map[string]string{"limits_off": "Rate limiter not available or disabled", "user_not_found": "User not found"}

type rateLimitStatusPacket struct {
	Cmd    string      `json:"cmd"`
	User   string      `json:"user"`
	Status limitStatus `json:"status"`
}

type limitStatus struct {
	Minute    int     `json:"messages_this_minute"`
	PerMinute int     `json:"messages_per_minute_limit"`
	Recent    int     `json:"recent_messages"`
	Burst     int     `json:"burst_limit"`
	Cooldown  float64 `json:"cooldown_remaining"` // seconds
}

// rateLimitStatus tells what somebody has used of their limits (specs: originchats-commands §8).
func rateLimitStatus(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	name, err := q.text("user")
	if err != nil {
		return nil, err
	}
	user := d.user(ctx, s.actor.UserID)
	if name != "" {
		if user, err = d.userNamed(ctx, name); err != nil && chat.AsError(err).Kind != chat.NotFound {
			return nil, err
		}
		if user == nil { // who may not ask does not hear whether there is such a person
			user = &chat.User{ID: chat.UserID(name)}
		}
	}
	if user == nil {
		return nil, chat.ErrTokenInvalid
	}
	status, err := d.core.PaceOf(ctx, s.actor, user.ID)
	if chat.CodeOf(err) == "permission_missing" {
		return nil, refuse(q.cmd, "Access denied: can only check your own rate limit status")
	}
	if err != nil {
		return nil, inWords(err, q.cmd, limiterWords)
	}
	return rateLimitStatusPacket{q.cmd, nameOf(user), limitStatus{status.Minute, status.PerMinute, status.Recent, status.Burst,
		float64(status.Cooldown.Milliseconds()) / 1000}}, nil
}

type rateLimitResetPacket struct {
	Cmd  string `json:"cmd"`
	User string `json:"user"`
	Val  string `json:"val"`
}

// rateLimitReset lets somebody write again who wrote too much (specs: originchats-commands §8).
func rateLimitReset(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	if err := s.require(ctx, q, chat.ManageServer); err != nil {
		return nil, err
	}
	user, err := s.named(ctx, q)
	if err != nil {
		return nil, err
	}
	if err := d.core.ResetPace(ctx, s.actor, user.ID); err != nil {
		return nil, inWords(err, q.cmd, limiterWords)
	}
	return rateLimitResetPacket{q.cmd, nameOf(user), "Rate limit reset for user " + nameOf(user)}, nil
}

// named is the person whom a command is about: its field user.
func (s *socket) named(ctx context.Context, q *request) (*chat.User, error) {
	name, err := q.text("user")
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, refuse(q.cmd, "User parameter is required")
	}
	user, err := s.dialect.userNamed(ctx, name)
	return user, inWords(err, q.cmd, map[string]string{"user_not_found": "User not found"})
}
