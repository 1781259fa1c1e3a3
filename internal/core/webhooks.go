package core

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"time"

	"parley/internal/chat"
)

// Bounds of webhooks.
const (
	maxWebhookName = 80
	maxWebhooks    = 15 // of a room
	webhookIDSize  = 36 // a UUID
	// WebhookTokenSize is how long a token is: the id, and half of a MAC in hexadecimal.
	WebhookTokenSize = webhookIDSize + sha256.Size
)

var errWebhookToken = chat.Errorf(chat.Unauthenticated, "webhook_token_invalid", "This webhook does not exist, or its address was replaced by another one.")

// WebhookView is a webhook as somebody sees it.
type WebhookView struct {
	chat.Webhook
	Token string // empty for those who may not manage webhooks
}

// NewWebhook is what a webhook is made of.
type NewWebhook struct {
	RoomID    chat.RoomID
	Name      string // 1–80 characters
	AvatarURL string // http or https; empty for none
}

// WebhookChange names what is to be changed; nil fields stay.
type WebhookChange struct{ Name, AvatarURL *string }

// webhookToken derives the secret of a webhook's address from the key of the server's tokens, which all nodes have. Another
// version is another secret.
func (c *Core) webhookToken(id string, version int64) string {
	mac := hmac.New(sha256.New, c.TokenKey)
	_, _ = mac.Write([]byte("webhook " + id + " " + strconv.FormatInt(version, 10))) // never fails
	return id + hex.EncodeToString(mac.Sum(nil)[:sha256.Size/2])
}

// WebhookByToken returns the webhook whose address holds the token. Fails with webhook_token_invalid.
func (c *Core) WebhookByToken(ctx context.Context, token string) (chat.Webhook, error) {
	if len(token) != WebhookTokenSize {
		return chat.Webhook{}, errWebhookToken
	}
	w, err := c.Store.Webhook(ctx, token[:webhookIDSize])
	if chat.CodeOf(err) == errWebhookNotFound.Code {
		err = errWebhookToken
	}
	if err != nil {
		return chat.Webhook{}, err
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(c.webhookToken(w.ID, w.Version))) != 1 {
		return chat.Webhook{}, errWebhookToken
	}
	return w, nil
}

// PostWebhook posts what came to a webhook's address. Name and picture of the author are the webhook's where the post has none.
// Fails with rate_limited and like PostMessage.
func (c *Core) PostWebhook(ctx context.Context, w chat.Webhook, p Post) (*chat.Message, error) {
	if err := c.charge(ctx, "webhook:"+w.ID, c.Limits.WebhookPerMinute, time.Minute, "Too many posts to this webhook."); err != nil {
		return nil, err
	}
	p.RoomID, p.Author.Kind = w.RoomID, chat.WebhookAuthor
	if p.Author.ID == "" {
		p.Author.ID = w.ID
	}
	if p.Author.Name == "" {
		p.Author.Name = w.Name
	}
	if p.Author.AvatarURL == "" {
		p.Author.AvatarURL = w.AvatarURL
	}
	return c.PostMessage(ctx, p)
}

// Webhooks lists the webhooks of a room, or of all rooms (0), oldest first: with their tokens for those who may manage them
// (manage_server), without for everybody else, and then only of the rooms that ServerRooms lists. Fails with room_not_found.
func (c *Core) Webhooks(ctx context.Context, by chat.Actor, room chat.RoomID) ([]WebhookView, error) {
	_, err := c.permit(ctx, by, chat.ManageServer)
	manages := err == nil
	if err != nil && chat.CodeOf(err) != "permission_missing" {
		return nil, err
	}
	if room != 0 && !manages {
		if _, err := c.allow(ctx, by, chat.CanSee, room); err != nil {
			return nil, err
		}
	} else if room != 0 {
		if _, err := c.Store.Room(ctx, room); err != nil {
			return nil, err
		}
	}
	list, err := c.Store.Webhooks(ctx, room)
	if err != nil {
		return nil, err
	}
	seen := map[chat.RoomID]bool{room: room != 0}
	if !manages && room == 0 {
		rooms, err := c.ServerRooms(ctx, by)
		if err != nil {
			return nil, err
		}
		for _, r := range rooms {
			seen[r.ID] = true
		}
	}
	views := make([]WebhookView, 0, len(list))
	for _, w := range list {
		if manages || seen[w.RoomID] {
			views = append(views, c.webhookView(w, manages))
		}
	}
	return views, nil
}

func (c *Core) webhookView(w chat.Webhook, token bool) WebhookView {
	v := WebhookView{Webhook: w}
	if token {
		v.Token = c.webhookToken(w.ID, w.Version)
	}
	return v
}

// Webhook returns one webhook, like Webhooks. Fails with webhook_not_found.
func (c *Core) Webhook(ctx context.Context, by chat.Actor, id string) (v WebhookView, err error) {
	_, err = c.permit(ctx, by, chat.ManageServer)
	manages := err == nil
	if err != nil && chat.CodeOf(err) != "permission_missing" {
		return v, err
	}
	w, err := c.Store.Webhook(ctx, id)
	if err != nil {
		return v, err
	}
	if !manages {
		if _, err := c.allow(ctx, by, chat.CanSee, w.RoomID); chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			return v, errWebhookNotFound
		} else if err != nil {
			return v, err
		}
	}
	return c.webhookView(w, manages), nil
}

var errWebhookNotFound = chat.Errorf(chat.NotFound, "webhook_not_found", "There is no such webhook.")

func cleanWebhook(name, avatar string) (string, error) {
	name, err := cleanName("name", "name", name, 1, maxWebhookName)
	if err != nil {
		return "", err
	}
	if avatar != "" && (len(avatar) > maxEmbedURL || !WebAddress(avatar)) {
		return "", chat.InvalidField("avatar_url", "avatar_invalid", "Give the address of a picture that begins with http:// or https://.")
	}
	return name, nil
}

// CreateWebhook makes a webhook for a room and returns it with its token. At most 15 a room. Fails with permission_missing
// (manage_server), name_invalid, avatar_invalid, room_not_found, room_not_text (only rooms of text that are not encrypted have webhooks),
// too_many_webhooks.
func (c *Core) CreateWebhook(ctx context.Context, by chat.Actor, n NewWebhook) (v WebhookView, err error) {
	if _, err = c.permit(ctx, by, chat.ManageServer); err != nil {
		return v, err
	}
	if n.Name, err = cleanWebhook(n.Name, n.AvatarURL); err != nil {
		return v, err
	}
	s, err := c.allow(ctx, by, chat.CanSee, n.RoomID)
	if err != nil {
		return v, err
	}
	if s.room.Form != chat.Text && s.room.Form != "" || s.room.Encrypted || s.room.Type == chat.Direct {
		return v, chat.Errorf(chat.Forbidden, "room_not_text", "Only rooms for text that are not encrypted can have webhooks.")
	}
	w := chat.Webhook{ID: c.newKey(), RoomID: n.RoomID, Name: n.Name, AvatarURL: n.AvatarURL, CreatedBy: by.UserID, CreatedAt: c.now(), Version: 1}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		have, err := tx.Webhooks(ctx, w.RoomID)
		if err != nil {
			return nil, err
		}
		if len(have) >= maxWebhooks {
			return nil, chat.Errorf(chat.Conflict, "too_many_webhooks", "A room has at most %d webhooks.", maxWebhooks)
		}
		if err := tx.CreateWebhook(ctx, w); err != nil {
			return nil, err
		}
		return nil, tx.AddAudit(ctx, c.audit(by, "webhook.create", "webhook", w.ID, w.RoomID, map[string]any{"name": w.Name}))
	})
	return c.webhookView(w, true), err
}

// UpdateWebhook gives a webhook another name or picture. Fails with permission_missing, webhook_not_found, name_invalid,
// avatar_invalid.
func (c *Core) UpdateWebhook(ctx context.Context, by chat.Actor, id string, ch WebhookChange) (WebhookView, error) {
	return c.changeWebhook(ctx, by, id, "webhook.update", func(w *chat.Webhook) (err error) {
		if ch.Name != nil {
			w.Name = *ch.Name
		}
		if ch.AvatarURL != nil {
			w.AvatarURL = *ch.AvatarURL
		}
		w.Name, err = cleanWebhook(w.Name, w.AvatarURL)
		return err
	})
}

// RegenerateWebhook replaces the token; the old one is worth nothing from then on. Fails with permission_missing,
// webhook_not_found.
func (c *Core) RegenerateWebhook(ctx context.Context, by chat.Actor, id string) (WebhookView, error) {
	return c.changeWebhook(ctx, by, id, "webhook.regenerate", func(w *chat.Webhook) error {
		w.Version++
		return nil
	})
}

func (c *Core) changeWebhook(ctx context.Context, by chat.Actor, id, action string, do func(*chat.Webhook) error) (v WebhookView, err error) {
	if _, err := c.permit(ctx, by, chat.ManageServer); err != nil {
		return v, err
	}
	var w chat.Webhook
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		var err error
		if w, err = tx.Webhook(ctx, id); err != nil {
			return nil, err
		}
		if err := do(&w); err != nil {
			return nil, err
		}
		if err := tx.UpdateWebhook(ctx, w); err != nil {
			return nil, err
		}
		return nil, tx.AddAudit(ctx, c.audit(by, action, "webhook", id, w.RoomID, map[string]any{"name": w.Name}))
	})
	if err != nil {
		return v, err
	}
	return c.webhookView(w, true), nil
}

// DeleteWebhook ends a webhook; what it posted stays. Fails with permission_missing, webhook_not_found.
func (c *Core) DeleteWebhook(ctx context.Context, by chat.Actor, id string) error {
	if _, err := c.permit(ctx, by, chat.ManageServer); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		w, err := tx.Webhook(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := tx.DeleteWebhook(ctx, id); err != nil {
			return nil, err
		}
		return nil, tx.AddAudit(ctx, c.audit(by, "webhook.delete", "webhook", id, w.RoomID, map[string]any{"name": w.Name}))
	})
}
