package core_test

import (
	"context"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/state"
)

// lostState is volatile state whose engine is away.
type lostState struct{ state.Store }

func (lostState) Allow(context.Context, string, state.Limit, int) (state.Decision, error) {
	return state.Decision{}, state.ErrUnavailable
}

func TestWhatCannotBeCountedIsNotAllowed(t *testing.T) {
	w := newAccounts(t, func(o *core.Options) {
		o.State = lostState{o.State}
		o.Limits.LoginPerMinute = 5
	})
	_, err := w.LogIn(w.ctx, "192.0.2.1", "ada", password, "")
	if e := chat.AsError(err); e == nil || e.Kind != chat.Unavailable {
		t.Errorf("logging in without a count: %v", err)
	}
}

func TestRequestsAreLimited(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.RequestsPerMinute = 2 })
	ada, bob := w.user("ada"), w.user("bob")
	for range 2 {
		w.want(w.ChargeRequest(w.ctx, ada), "")
	}
	err := w.ChargeRequest(w.ctx, ada)
	w.want(err, "rate_limited")
	if e := chat.AsError(err); e.Kind != chat.TooMany || e.RetryAfter != time.Minute {
		t.Errorf("error %+v", e)
	}
	w.want(w.ChargeRequest(w.ctx, bob), "")
	w.wait(time.Minute)
	w.want(w.ChargeRequest(w.ctx, ada), "")
}

func TestSendingIsLimitedToTenInTenSeconds(t *testing.T) {
	w := newWorld(t, func(o *core.Options) { o.Limits.MessagesPer10s = 0 }) // the default
	ada := w.user("ada")
	one, two := w.room("One", chat.Private, ada), w.room("Two", chat.Private, ada)
	for i := range 10 {
		w.say(ada, []chat.RoomID{one, two}[i%2], "hi")
		w.wait(time.Millisecond)
	}
	_, _, err := w.SendMessage(w.ctx, ada, core.NewMessage{RoomID: one, Content: "hi"})
	w.want(err, "rate_limited")
	w.wait(10 * time.Second)
	w.say(ada, one, "hi")
}
