package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"

	webpush "github.com/SherClockHolmes/webpush-go"

	"parley/internal/chat"
)

// payload is what the service worker of a browser gets, in JSON. Ids are opaque strings, as everywhere in the native API.
type payload struct {
	Title          string                `json:"title"`
	Body           string                `json:"body"`
	RoomID         string                `json:"room_id,omitempty"`
	MessageID      string                `json:"message_id,omitempty"`
	Type           chat.NotificationType `json:"type"`
	NotificationID string                `json:"notification_id"`
	URL            string                `json:"url"`
}

const (
	maxTitle = 100 // characters; with maxBody, what a record of 4096 bytes holds whatever the characters are
	maxBody  = 300

	withoutContent = "New message"
	encryptedBody  = "New encrypted message"
)

// payload makes the text for a notification. ok is false if its room is gone, and with it what there is to say.
func (s *Service) payload(ctx context.Context, n chat.Notification) (text []byte, ok bool) {
	p := payload{Title: n.Title, Body: n.Content, Type: n.Type, NotificationID: strconv.FormatInt(n.ID, 10), URL: s.opts.URL(n)}
	if n.RoomID != 0 {
		p.RoomID = n.RoomID.String()
		switch room, err := s.opts.Store.Room(ctx, n.RoomID); {
		case chat.CodeOf(err) == chat.ErrRoomNotFound.Code:
			return nil, false
		case err != nil:
			p.Body = withoutContent // better too little than what was sealed
		case room.Encrypted && n.MessageID != 0:
			p.Body = encryptedBody
		}
	}
	if n.MessageID != 0 {
		p.MessageID = n.MessageID.String()
	}
	if n.Actor != nil && (n.Type == chat.NotifyMention || n.Type == chat.NotifyReply) {
		p.Title += " — " + n.Actor.DisplayName
	}
	p.Title, p.Body = truncate(p.Title, maxTitle), truncate(p.Body, maxBody)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil { // strings alone: it does not happen
		s.log.Error("a push notification could not be encoded", "error", err)
		return nil, false
	}
	return bytes.TrimRight(b.Bytes(), "\n"), true
}

// pathOf is where in the web client a notification leads.
func pathOf(n chat.Notification) string {
	switch {
	case n.InviteCode != "":
		return "/invite/" + url.PathEscape(n.InviteCode)
	case n.RoomID != 0 && n.MessageID != 0:
		return "/r/" + n.RoomID.String() + "/m/" + n.MessageID.String()
	case n.RoomID != 0:
		return "/r/" + n.RoomID.String()
	}
	return "/notifications"
}

// topic names what a later push of the same room replaces while the device is away (RFC 8030, 5.4). Push services see it, so
// it says nothing of the room.
func (s *Service) topic(n chat.Notification) string {
	if n.RoomID == 0 {
		return ""
	}
	h := hmac.New(sha256.New, []byte(s.keys.private))
	h.Write([]byte("topic of room " + n.RoomID.String()))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// urgency says whether a device should be woken at once (RFC 8030, 5.3).
func urgency(n chat.Notification) webpush.Urgency {
	switch n.Type {
	case chat.NotifyMention, chat.NotifyReply, chat.NotifyDirect:
		return webpush.UrgencyHigh
	}
	return webpush.UrgencyNormal
}

// truncate cuts a text to n characters and marks that it did.
func truncate(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
