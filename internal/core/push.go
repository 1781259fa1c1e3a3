package core

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"

	"parley/internal/chat"
)

const (
	maxPushSubscriptions = 20
	maxPushEndpoint      = 2048
	pushAuthLength       = 16 // RFC 8291, 3.2
)

// SubscribePush keeps a browser's push endpoint for the actor's session: https, not a private address, valid keys. At most
// 20 per person; the oldest goes for a new one. Fails with push_endpoint_invalid, push_keys_invalid.
func (c *Core) SubscribePush(ctx context.Context, by chat.Actor, p chat.PushSubscription) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	if !pushEndpoint(p.Endpoint) {
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
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
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

// decodeKey reads base64url with or without padding; browsers give both.
func decodeKey(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

// pushEndpoint tells whether an address may be that of a push service. Names are checked again, with what they resolve to,
// when something is sent there.
func pushEndpoint(s string) bool {
	if len(s) > maxPushEndpoint {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.User == nil && u.Fragment == "" && u.Opaque == "" && publicHost(u.Hostname())
}

// publicHost tells whether a host may be on the internet: a name with a dot and none of the private endings, or an address
// that is not of a private range.
func publicHost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		return publicAddr(addr)
	}
	if len(host) > 253 || !strings.Contains(host, ".") || strings.ContainsAny(host, ":%[]@ ") {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	for _, private := range []string{".localhost", ".local", ".internal", ".intranet", ".lan", ".home", ".home.arpa", ".corp", ".onion", ".test", ".invalid", ".example"} {
		if strings.HasSuffix(host, private) {
			return false
		}
	}
	// Resolvers take "127.1" and "0x7f.0.0.1" for addresses, but no top level domain begins with a digit.
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last[0] < '0' || last[0] > '9'
}

// special are address ranges that are global in form only (RFC 6890 and its updates).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
}

func publicAddr(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Zone() != "" || !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	return true
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
