package origin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/jsontext"
)

// Web push is the server's own (packages core and notify); here are the commands, and what the clients' service worker reads
// (specs: originchats §14).

var pushCommands = map[string]command{
	"push_get_vapid":   pushGetVapid,
	"push_subscribe":   pushSubscribe,
	"push_unsubscribe": pushUnsubscribe,
}

const noPush = "VAPID keys not configured on this server"

type pushVapidPacket struct {
	Cmd string `json:"cmd"`
	Key string `json:"key"`
}

func pushGetVapid(_ context.Context, s *socket, q *request) (any, error) {
	if s.dialect.PushKey == "" {
		return nil, refuse(q.cmd, noPush)
	}
	return pushVapidPacket{"push_vapid", s.dialect.PushKey}, nil
}

type pushSubscribedPacket struct {
	Cmd         string `json:"cmd"`
	Success     bool   `json:"success"`
	Fingerprint string `json:"device_fingerprint"`
}

// pushSubscribe keeps where a device wants to be told.
func pushSubscribe(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	given, err := q.object("subscription")
	if err != nil || given == nil {
		return nil, refuse(q.cmd, "Missing subscription object")
	}
	var endpoint string
	var keys struct {
		P256dh string `json:"p256dh"`
		Auth   string `json:"auth"`
	}
	_ = json.Unmarshal(given["endpoint"], &endpoint) // what is something else is missing
	_ = json.Unmarshal(given["keys"], &keys)
	if endpoint == "" || keys.P256dh == "" || keys.Auth == "" {
		return nil, refuse(q.cmd, "subscription must include endpoint, keys.p256dh and keys.auth")
	}
	device := d.fingerprint(s)
	err = d.core.SubscribePush(ctx, s.actor, chat.PushSubscription{Endpoint: endpoint, P256dh: keys.P256dh, Auth: keys.Auth, Device: device})
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{"push_endpoint_invalid": "Failed to save subscription", "push_keys_invalid": "Failed to save subscription"})
	}
	return pushSubscribedPacket{"push_subscribed", true, device}, nil
}

// fingerprint tells the devices of a person apart.
func (d *Dialect) fingerprint(s *socket) string {
	h := hmac.New(sha256.New, d.devKey)
	h.Write([]byte(s.address + "|" + s.agent + "|"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

type pushUnsubscribedPacket struct {
	Cmd     string `json:"cmd"`
	Success bool   `json:"success"`
}

func pushUnsubscribe(ctx context.Context, s *socket, q *request) (any, error) {
	endpoint, err := q.text("endpoint")
	if err != nil {
		return nil, err
	}
	if endpoint == "" {
		return nil, refuse(q.cmd, "Missing endpoint")
	}
	if err := s.dialect.core.UnsubscribePush(ctx, s.actor, endpoint); err != nil {
		return nil, err
	}
	return pushUnsubscribedPacket{"push_unsubscribed", true}, nil
}

type pushText struct {
	Title   string `json:"title"`
	Body    string `json:"body"`
	Channel string `json:"channelName"`
}

// maxPushBody is how many characters of a message are pushed.
const maxPushBody = 120

// PushText makes what a device of this protocol is pushed of a notification; ok is false for those that its clients do not know,
// for people who have a connection of any protocol, and for what is said where they see no channel.
func (d *Dialect) PushText(ctx context.Context, n chat.Notification) (text []byte, ok bool) {
	if n.Type != chat.NotifyMention && n.Type != chat.NotifyReply || d.core.Present(n.UserID) {
		return nil, false
	}
	rooms, err := d.rooms(ctx, chat.Actor{UserID: n.UserID})
	at := slices.IndexFunc(rooms, func(r chat.Room) bool { return r.ID == n.RoomID })
	if err != nil || at < 0 {
		return nil, false
	}
	m, err := d.core.Message(ctx, chat.Operator, n.MessageID)
	u := d.user(ctx, n.UserID)
	if err != nil || m.Deleted || u == nil {
		return nil, false
	}
	channel := channelOf(rooms[at])
	title := "#" + channel + " — " + d.authorOf(ctx, m)
	if n.Type == chat.NotifyReply {
		title += " replied"
	} else if role := d.roleCalled(ctx, m.Content, u); role != "" {
		title += " mentioned @" + role
	}
	body := m.Content
	if utf8.RuneCountInString(body) > maxPushBody {
		body = string([]rune(body)[:maxPushBody])
	}
	return jsontext.AppendValue(nil, pushText{title, body, channel}), true
}

// roleCalled is the role by which a text mentions somebody whom it does not name; empty if it names them.
func (d *Dialect) roleCalled(ctx context.Context, content string, u *chat.User) string {
	for _, name := range found(userMention, content) {
		if strings.EqualFold(name, u.Username) || strings.EqualFold(name, nameOf(u)) {
			return ""
		}
	}
	mine := d.rolesOf(ctx, u)
	for _, role := range found(roleMention, content) {
		if slices.Contains(mine, role) {
			return role
		}
	}
	return ""
}
