package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/safedial"
)

const (
	ttl          = 86400 // seconds that a push service keeps what it cannot deliver
	maxWait      = 10 * time.Minute
	maxReply     = 512 // bytes of a refusal that are read
	maxHosts     = 1024
	downAfter    = 5 // failures in a row
	downAtFirst  = 30 * time.Second
	downAtMost   = 10 * time.Minute
	storeTimeout = 10 * time.Second
)

var (
	errGone = errors.New("the subscription is over")
	errDown = errors.New("the push service did not answer lately")
)

// retryable is a failure that may pass.
type retryable struct {
	error
	after time.Duration // at the earliest; 0: as usual
}

func (e retryable) Unwrap() error { return e.error }

// do does one job on a worker's goroutine.
func (s *Service) do(ctx context.Context, j job) {
	if ctx.Err() != nil {
		s.dropped.Add(1)
		return
	}
	if j.attempt > 0 {
		s.deliver(ctx, j)
		return
	}
	user := j.note.UserID
	if j.purge != "" {
		user = j.purge
	}
	subs, err := s.subscriptions(ctx, user)
	if err != nil {
		s.log.Error("push subscriptions could not be read", "user", user, "error", err)
		s.dropped.Add(1)
		return
	}
	if j.purge != "" || len(subs) == 0 || !s.wanted(ctx, j.note) {
		return
	}
	forms := [2]func(context.Context, chat.Notification) ([]byte, bool){s.payload, s.opts.Other}
	for i, form := range forms { // each is made once
		mine := slices.DeleteFunc(slices.Clone(subs), func(sub chat.PushSubscription) bool { return (sub.Device != "") != (i == 1) })
		if len(mine) == 0 || form == nil {
			continue
		}
		text, ok := form(ctx, j.note)
		if !ok {
			continue
		}
		for _, sub := range mine {
			s.deliver(ctx, job{note: j.note, sub: sub, text: text})
		}
	}
}

// wanted asks the person's preferences. Where they cannot be read, they want it.
func (s *Service) wanted(ctx context.Context, n chat.Notification) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	user, err := s.opts.Store.User(ctx, n.UserID)
	if err != nil {
		return chat.AsError(err).Kind != chat.NotFound
	}
	p, err := chat.Preferences(user.Settings)
	return err != nil || p.Push.Pushes(n.Type) && !p.DND.Quiet(s.opts.Clock())
}

// subscriptions returns where a person can be reached. Those of sessions that were revoked are removed: who logged out, or
// was banned, must not be told of anything. A session that merely ended by age still counts: the person is only away.
func (s *Service) subscriptions(ctx context.Context, user chat.UserID) ([]chat.PushSubscription, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	subs, err := s.opts.Store.PushSubscriptions(ctx, user)
	if err != nil {
		return nil, err
	}
	live := subs[:0:0]
	for _, sub := range subs {
		if sub.Device != "" && s.opts.Clock().Sub(sub.LastUsedAt) > core.PushUnused {
			s.remove(ctx, sub)
			continue
		}
		session, err := s.opts.Store.Session(ctx, sub.SessionID)
		switch {
		case err == nil && !session.RevokedAt.IsZero():
			s.remove(ctx, sub)
		case err == nil || chat.AsError(err).Kind == chat.NotFound:
			live = append(live, sub)
		default:
			return nil, err
		}
	}
	return live, nil
}

// remove forgets a subscription that is over.
func (s *Service) remove(ctx context.Context, sub chat.PushSubscription) {
	err := s.opts.Store.Change(ctx, func(tx core.Tx) ([]chat.Event, error) {
		_, err := tx.DeletePushSubscription(ctx, sub.UserID, sub.Endpoint)
		return nil, err
	})
	if err != nil {
		s.log.Error("a push subscription could not be removed", "user", sub.UserID, "error", err)
		return
	}
	s.gone.Add(1)
}

// deliver sends one push and sees to what comes of it.
func (s *Service) deliver(ctx context.Context, j job) {
	host := hostOf(j.sub.Endpoint)
	err := s.hosts.refused(host)
	if err == nil {
		err = s.send(ctx, j)
	}
	var again retryable
	switch {
	case err == nil:
		s.sent.Add(1)
	case ctx.Err() != nil:
		s.dropped.Add(1)
		return
	case errors.Is(err, errGone):
		s.remove(ctx, j.sub)
	case errors.As(err, &again) && j.attempt < len(s.opts.Backoff):
		s.log.Debug("a push is tried again later", "host", host, "user", j.sub.UserID, "attempt", j.attempt+1, "error", err)
		wait := max(s.opts.Backoff[j.attempt], min(again.after, maxWait))
		j.attempt++
		s.later(j, wait)
		return
	default:
		s.failed.Add(1)
		s.log.Warn("a push was given up", "host", host, "user", j.sub.UserID, "error", err)
	}
	s.opts.Observe(err)
}

// send hands one push to its service. The error is errGone, retryable, or for good. It never holds the endpoint, whose path
// is a secret of the subscriber.
func (s *Service) send(ctx context.Context, j job) error {
	host := hostOf(j.sub.Endpoint)
	resp, err := webpush.SendNotificationWithContext(ctx, j.text,
		&webpush.Subscription{Endpoint: j.sub.Endpoint, Keys: webpush.Keys{Auth: j.sub.Auth, P256dh: j.sub.P256dh}},
		&webpush.Options{
			HTTPClient: s.client, Subscriber: s.opts.Subject, TTL: ttl, Topic: s.topic(j.note), Urgency: urgency(j.note),
			VAPIDPublicKey: s.keys.public, VAPIDPrivateKey: s.keys.private,
		})
	var transport *url.Error
	switch {
	case err == nil:
	case !errors.As(err, &transport):
		return err // the keys are not usable
	case errors.Is(err, safedial.ErrRefused) || errors.Is(err, safedial.ErrRedirects):
		return transport.Err
	default:
		if ctx.Err() == nil {
			s.hosts.failed(host)
		}
		return retryable{error: transport.Err}
	}
	defer resp.Body.Close()
	s.hosts.answered(host)
	reply, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	return judge(resp, reply, s.opts.Clock())
}

// judge reads the answer of a push service (RFC 8030, 5 and 8.4).
func judge(resp *http.Response, reply []byte, now time.Time) error {
	err := fmt.Errorf("the push service answered %d %.200q", resp.StatusCode, reply)
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusNotFound || code == http.StatusGone:
		return errGone
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		return retryable{err, retryAfter(resp.Header.Get("Retry-After"), now)}
	}
	return err
}

// retryAfter reads the header of that name (RFC 9110, 10.2.3); 0 if it says nothing.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

func hostOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil {
		return u.Host
	}
	return ""
}

// hosts remembers which push services did not answer, so that one that is away does not hold up the others: each attempt
// would keep a worker until its timeout.
type hosts struct {
	clock chat.Clock
	mu    sync.Mutex
	bad   map[string]badHost
}

type badHost struct {
	failures int
	until    time.Time
}

// refused says not to ask a host now.
func (h *hosts) refused(host string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if left := h.bad[host].until.Sub(h.clock()); left > 0 {
		return retryable{errDown, left}
	}
	return nil
}

func (h *hosts) answered(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.bad, host)
}

func (h *hosts) failed(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.bad == nil || len(h.bad) >= maxHosts {
		h.bad = make(map[string]badHost) // someone makes hosts up; the real ones will be back here soon
	}
	b := h.bad[host]
	if b.failures++; b.failures >= downAfter {
		b.until = h.clock().Add(min(downAtMost, downAtFirst<<min(b.failures-downAfter, 10)))
	}
	h.bad[host] = b
}
