package core_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// subscription makes a good one.
func subscription(t *testing.T, endpoint string) chat.PushSubscription {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return chat.PushSubscription{Endpoint: endpoint, P256dh: base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), Auth: base64.URLEncoding.EncodeToString(make([]byte, 16))}
}

func TestPushEndpoints(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	for _, tc := range []struct {
		name, endpoint string
		fine           bool
	}{
		{"a push service", "https://updates.push.services.org/wpush/v2/gAAAA?x=y", true},
		{"another port is fine", "https://push.org:8443/x", true},
		{"a public address is fine", "https://93.184.216.34/x", true},
		{"plain http is not", "http://push.org/x", false},
		{"nor is a file", "file:///etc/passwd", false},
		{"nor is nothing", "", false},
		{"nor is a name without a dot", "https://redis/x", false},
		{"nor is the host itself", "https://localhost/x", false},
		{"nor is the host itself with a dot", "https://localhost./x", false},
		{"nor is a name below it", "https://a.localhost/x", false},
		{"nor is a local name", "https://printer.local/x", false},
		{"nor is a cloud's own name", "https://metadata.google.internal/x", false},
		{"nor is loopback", "https://127.0.0.1/x", false},
		{"nor is loopback in short", "https://127.1/x", false},
		{"nor is loopback as a number", "https://2130706433/x", false},
		{"nor is loopback in hexadecimal", "https://0x7f.0.0.1/x", false},
		{"nor is loopback of the new kind", "https://[::1]/x", false},
		{"nor is the old within the new", "https://[::ffff:10.0.0.1]/x", false},
		{"nor is one behind a translator", "https://[64:ff9b::a00:1]/x", false},
		{"nor is a private network", "https://192.168.1.1/x", false},
		{"nor is a carrier's", "https://100.64.0.1/x", false},
		{"nor is a cloud's metadata", "https://169.254.169.254/x", false},
		{"nor is a unique local one", "https://[fd00::1]/x", false},
		{"nor is a zone", "https://[fe80::1%25eth0]/x", false},
		{"nor is a name and password", "https://user:pass@push.org/x", false},
		{"nor is one without a host", "https:///x", false},
		{"nor is a huge one", "https://push.org/" + strings.Repeat("x", 2048), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := w.SubscribePush(w.ctx, ada, subscription(t, tc.endpoint))
			if want := map[bool]string{true: "", false: "push_endpoint_invalid"}[tc.fine]; chat.CodeOf(err) != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestPushServicesOfTheOperator(t *testing.T) {
	w := newWorld(t, func(o *core.Options) {
		o.PushNetworks = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32"), netip.MustParsePrefix("fd00::/64")}
	})
	ada := w.user("ada")
	for endpoint, fine := range map[string]bool{
		"https://10.1.2.3:8443/x": true, "https://[fd00::7]/x": true, "https://push.internal/x": true, "https://push/x": true, "https://push.org/x": true,
		"https://10.1.2.4/x": false, "https://127.0.0.1/x": false, "https://[::1]/x": false, "http://10.1.2.3/x": false, "https://me@10.1.2.3/x": false,
	} {
		if err := w.SubscribePush(w.ctx, ada, subscription(t, endpoint)); chat.CodeOf(err) != map[bool]string{true: "", false: "push_endpoint_invalid"}[fine] {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

func TestPushKeys(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	good := subscription(t, "https://push.org/x")
	point, err := base64.RawURLEncoding.DecodeString(good.P256dh)
	w.must(err)
	off := append([]byte(nil), point...)
	off[40] ^= 1
	for _, tc := range []struct {
		name, key, auth, code string
	}{
		{"good keys", good.P256dh, good.Auth, ""},
		{"good keys with padding", base64.URLEncoding.EncodeToString(point), good.Auth, ""},
		{"no keys", "", "", "push_keys_invalid"},
		{"a secret that is too short", good.P256dh, "AAAA", "push_keys_invalid"},
		{"a point that is cut", good.P256dh[:40], good.Auth, "push_keys_invalid"},
		{"a point beside the curve", base64.RawURLEncoding.EncodeToString(off), good.Auth, "push_keys_invalid"},
		{"another alphabet", "+/" + good.P256dh[2:], good.Auth, "push_keys_invalid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := chat.PushSubscription{Endpoint: good.Endpoint, P256dh: tc.key, Auth: tc.auth}
			if err := w.SubscribePush(w.ctx, ada, p); chat.CodeOf(err) != tc.code {
				t.Errorf("got %v, want %q", err, tc.code)
			}
		})
	}
}

func TestPushSubscriptions(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	for i := range 22 {
		w.must(w.SubscribePush(w.ctx, ada, subscription(t, fmt.Sprintf("https://push.org/%02d", i))))
		w.wait(time.Second)
	}
	list, err := w.PushSubscriptions(w.ctx, ada)
	if err != nil || len(list) != 20 || list[0].Endpoint != "https://push.org/02" || list[0].SessionID != ada.SessionID {
		t.Fatalf("%d are kept from %+v on, %v", len(list), list[0], err)
	}
	w.must(w.SubscribePush(w.ctx, ada, subscription(t, "https://push.org/02"))) // again, after the browser renewed its keys
	w.must(w.UnsubscribePush(w.ctx, bob, "https://push.org/03"))
	if list, err = w.PushSubscriptions(w.ctx, ada); err != nil || len(list) != 20 {
		t.Errorf("%d are kept, %v", len(list), err)
	}
	w.must(w.UnsubscribePush(w.ctx, ada, "https://push.org/03"))
	w.must(w.UnsubscribePush(w.ctx, ada, "https://push.org/03"))
	w.must(w.SubscribePush(w.ctx, bob, subscription(t, "https://push.org/04"))) // the same browser, another account
	if list, err = w.PushSubscriptions(w.ctx, ada); err != nil || len(list) != 18 {
		t.Errorf("%d are kept, %v", len(list), err)
	}
	w.want(w.SubscribePush(w.ctx, chat.Operator, subscription(t, "https://push.org/x")), "person_needed")
}

func TestPushOfDevices(t *testing.T) {
	w := newWorld(t)
	ada := w.user("ada")
	first := subscription(t, "https://push.org/1")
	first.Device = "desk"
	w.must(w.SubscribePush(w.ctx, ada, first))
	second := subscription(t, "https://push.org/2")
	second.Device = "desk"
	w.must(w.SubscribePush(w.ctx, ada, second))
	w.must(w.SubscribePush(w.ctx, ada, subscription(t, "https://push.org/3")))
	kept := func() chat.PushSubscription {
		t.Helper()
		list, err := w.PushSubscriptions(w.ctx, ada)
		if err != nil || len(list) != 2 || list[0].Endpoint != "https://push.org/2" {
			t.Fatalf("kept %+v, %v", list, err)
		}
		return list[0]
	}
	began := kept().LastUsedAt
	w.wait(time.Hour)
	w.must(w.UsePush(w.ctx, ada))
	if at := kept().LastUsedAt; !at.Equal(began) {
		t.Errorf("used again within a day: %v", at)
	}
	w.wait(48 * time.Hour)
	w.must(w.UsePush(w.ctx, ada))
	if at := kept().LastUsedAt; !at.Equal(w.clock()) {
		t.Errorf("used after two days: %v", at)
	}
}
