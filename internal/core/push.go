package core

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/safedial"
)

const (
	maxPushSubscriptions = 20
	maxPushEndpoint      = 2048
	pushAuthLength       = 16 // RFC 8291, 3.2
)

// SubscribePush keeps a browser's push endpoint for the actor's session: https, not a private address unless it is in one of
// Options.PushNetworks, valid keys. At most
// 20 per person; the oldest goes for a new one. Fails with push_endpoint_invalid, push_keys_invalid.
func (c *Core) SubscribePush(ctx context.Context, by chat.Actor, p chat.PushSubscription) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	if !c.pushEndpoint(p.Endpoint) {
		return chat.InvalidField("endpoint", "push_endpoint_invalid", "A push endpoint is the https address of a push service on the internet.")
	}
	point, err1 := decodeKey(p.P256dh)
	auth, err2 := decodeKey(p.Auth)
	if err1 == nil {
		_, err1 = ecdh.P256().NewPublicKey(point) // uncompressed, on the curve (RFC 8291, 2.1)
	}
	if err1 != nil || err2 != nil || len(auth) != pushAuthLength {
		return chat.InvalidField("keys", "push_keys_invalid", "The keys of a push subscription are a point of P-256 and 16 bytes, in base64url.")
	}
	p.UserID, p.SessionID, p.CreatedAt = by.UserID, by.SessionID, c.now()
	p.P256dh, p.Auth = base64.RawURLEncoding.EncodeToString(point), base64.RawURLEncoding.EncodeToString(auth)
	if p.Device != "" {
		p.LastUsedAt = p.CreatedAt
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := c.replaceDevice(ctx, tx, p); err != nil {
			return nil, err
		}
		if err := tx.PutPushSubscription(ctx, p); err != nil {
			return nil, err
		}
		all, err := tx.PushSubscriptions(ctx, by.UserID)
		if err != nil {
			return nil, err
		}
		for over := len(all) - maxPushSubscriptions; over > 0; over-- {
			oldest := 0
			for i := range all {
				if all[i].Endpoint != p.Endpoint && (all[oldest].Endpoint == p.Endpoint || all[i].CreatedAt.Before(all[oldest].CreatedAt)) {
					oldest = i
				}
			}
			if _, err := tx.DeletePushSubscription(ctx, by.UserID, all[oldest].Endpoint); err != nil {
				return nil, err
			}
			all = append(all[:oldest], all[oldest+1:]...)
		}
		return nil, nil
	})
}

// replaceDevice forgets what a device subscribed with before.
func (c *Core) replaceDevice(ctx context.Context, tx Tx, p chat.PushSubscription) error {
	if p.Device == "" {
		return nil
	}
	all, err := tx.PushSubscriptions(ctx, p.UserID)
	for _, old := range all {
		if old.Device == p.Device && old.Endpoint != p.Endpoint {
			_, gone := tx.DeletePushSubscription(ctx, p.UserID, old.Endpoint)
			err = errors.Join(err, gone)
		}
	}
	return err
}

// PushUnused is after how long without its person a subscription of a device ends.
const PushUnused = 180 * 24 * time.Hour

// UsePush notes that somebody is here, so that their devices' subscriptions go on. Once a day is enough.
func (c *Core) UsePush(ctx context.Context, by chat.Actor) error {
	now := c.now()
	old := func(p chat.PushSubscription) bool { return p.Device != "" && now.Sub(p.LastUsedAt) > 24*time.Hour }
	all, err := c.Store.PushSubscriptions(ctx, by.UserID)
	if err != nil || !slices.ContainsFunc(all, old) {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		all, err := tx.PushSubscriptions(ctx, by.UserID)
		for _, p := range all {
			if err == nil && old(p) && now.Sub(p.LastUsedAt) < PushUnused {
				p.LastUsedAt = now
				err = tx.PutPushSubscription(ctx, p)
			}
		}
		return nil, err
	})
}

// decodeKey reads base64url with or without padding; browsers give both.
func decodeKey(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

// pushEndpoint tells whether an address may be that of a push service. Names are checked again, with what they resolve to,
// when something is sent there.
func (c *Core) pushEndpoint(s string) bool {
	if len(s) > maxPushEndpoint {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.User == nil && u.Fragment == "" && u.Opaque == "" && safedial.HostWithin(u.Hostname(), c.PushNetworks)
}

// PushSubscriptions lists the actor's push endpoints, oldest first.
func (c *Core) PushSubscriptions(ctx context.Context, by chat.Actor) ([]chat.PushSubscription, error) {
	if _, err := c.person(ctx, by); err != nil {
		return nil, err
	}
	return c.Store.PushSubscriptions(ctx, by.UserID)
}

// UnsubscribePush forgets an endpoint of the actor's. One that is not known is fine.
func (c *Core) UnsubscribePush(ctx context.Context, by chat.Actor, endpoint string) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		_, err := tx.DeletePushSubscription(ctx, by.UserID, endpoint)
		return nil, err
	})
}
