package origin

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

// Webhooks of channels. What services send to them is in webhookposts.go.
var webhookCommands = map[string]command{
	"webhook_create": webhookCreate, "webhook_get": webhookGet, "webhook_list": webhookList, "webhook_update": webhookUpdate,
	"webhook_regenerate": webhookRegenerate, "webhook_delete": webhookDelete,
}

// webhookShown is a webhook (specs: originchats §6.9); its token is for those who may manage the server (DV-90).
type webhookShown struct {
	ID        string  `json:"id"`
	Channel   string  `json:"channel"`
	Name      string  `json:"name"`
	Token     string  `json:"token,omitempty"`
	CreatedBy string  `json:"created_by"`
	CreatedAt seconds `json:"created_at"`
	Avatar    *string `json:"avatar"`
}

func (d *Dialect) webhook(ctx context.Context, v core.WebhookView) webhookShown {
	shown := webhookShown{ID: v.ID, Channel: d.channelName(ctx, v.RoomID), Name: v.Name, Token: v.Token, CreatedAt: seconds(v.CreatedAt)}
	if v.AvatarURL != "" {
		shown.Avatar = &v.AvatarURL
	}
	if u := d.user(ctx, v.CreatedBy); u != nil {
		shown.CreatedBy = d.idOf(ctx, u)
	} else {
		shown.CreatedBy = string(v.CreatedBy)
	}
	return shown
}

type webhookPacket struct {
	Cmd     string       `json:"cmd"`
	Webhook webhookShown `json:"webhook"`
}

// managesServer refuses who may not manage the server.
func (s *socket) managesServer(ctx context.Context, q *request) error {
	return inWords(s.dialect.core.Permitted(ctx, s.actor, chat.ManageServer), q.cmd, map[string]string{"permission_missing": "Access denied: 'manage_server' permission required"})
}

func (s *socket) webhookReply(ctx context.Context, q *request, v core.WebhookView, err error, failed string) (any, error) {
	if err != nil {
		return nil, webhookFault(err, q, failed)
	}
	return webhookPacket{q.cmd, s.dialect.webhook(ctx, v)}, nil
}

// webhookFault puts the protocol's words in place of the core's.
func webhookFault(err error, q *request, failed string) error {
	switch e := chat.AsError(err); {
	case e.Code == "webhook_not_found":
		return refuse(q.cmd, "Webhook not found")
	case e.Code == "permission_missing":
		return needs(q.cmd, string(chat.ManageServer))
	case e.Code == "avatar_invalid":
		return q.wrongType("avatar")
	case e.Code == "name_invalid":
		return q.wrongType("name")
	case e.Kind == chat.Conflict || e.Kind == chat.Forbidden || e.Kind == chat.Invalid:
		return refuse(q.cmd, failed)
	}
	return err
}

// webhookCreate makes a webhook (specs: originchats-commands §16).
func webhookCreate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.managesServer(ctx, q); err != nil {
		return nil, err
	}
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	name, err := q.text("name")
	if err != nil {
		return nil, err
	}
	avatar, err := q.text("avatar")
	if err != nil {
		return nil, err
	}
	switch {
	case channel == "":
		return nil, refuse(q.cmd, "Channel is required")
	case name == "":
		return nil, refuse(q.cmd, "Webhook name is required")
	}
	room, err := s.dialect.channel(ctx, s.actor, channel)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{chat.ErrRoomNotFound.Code: "Channel not found"})
	}
	if room.Form != chat.Text {
		return nil, refuse(q.cmd, "Webhooks can only be created for text channels")
	}
	v, err := s.dialect.core.CreateWebhook(ctx, s.actor, core.NewWebhook{RoomID: room.ID, Name: name, AvatarURL: avatar})
	return s.webhookReply(ctx, q, v, err, "Failed to create webhook")
}

// webhookID reads the id that all but two commands need.
func (q *request) webhookID() (string, error) {
	id, err := q.text("id")
	if err == nil && id == "" {
		err = refuse(q.cmd, "Webhook ID is required")
	}
	return id, err
}

func webhookUpdate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.managesServer(ctx, q); err != nil {
		return nil, err
	}
	id, err := q.webhookID()
	if err != nil {
		return nil, err
	}
	if _, err := s.dialect.core.Webhook(ctx, s.actor, id); err != nil {
		return nil, webhookFault(err, q, "Webhook not found")
	}
	var change core.WebhookChange
	if _, named := q.fields["name"]; named {
		name, err := q.text("name")
		if err != nil || name == "" {
			return nil, refuse(q.cmd, "Webhook name must be a non-empty string")
		}
		change.Name = &name
	}
	if _, given := q.fields["avatar"]; given { // null takes it away
		avatar, err := q.text("avatar")
		if err != nil {
			return nil, err
		}
		change.AvatarURL = &avatar
	}
	if change == (core.WebhookChange{}) {
		return nil, refuse(q.cmd, "No updates provided")
	}
	v, err := s.dialect.core.UpdateWebhook(ctx, s.actor, id, change)
	return s.webhookReply(ctx, q, v, err, "Failed to update webhook")
}

func webhookRegenerate(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.managesServer(ctx, q); err != nil {
		return nil, err
	}
	id, err := q.webhookID()
	if err != nil {
		return nil, err
	}
	v, err := s.dialect.core.RegenerateWebhook(ctx, s.actor, id)
	return s.webhookReply(ctx, q, v, err, "Failed to regenerate webhook token")
}

type webhookDeletedPacket struct {
	Cmd     string `json:"cmd"`
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

func webhookDelete(ctx context.Context, s *socket, q *request) (any, error) {
	if err := s.managesServer(ctx, q); err != nil {
		return nil, err
	}
	id, err := q.webhookID()
	if err != nil {
		return nil, err
	}
	if err := s.dialect.core.DeleteWebhook(ctx, s.actor, id); err != nil {
		return nil, webhookFault(err, q, "Failed to delete webhook")
	}
	return webhookDeletedPacket{q.cmd, id, true}, nil
}

func webhookGet(ctx context.Context, s *socket, q *request) (any, error) {
	id, err := q.webhookID()
	if err != nil {
		return nil, err
	}
	v, err := s.dialect.core.Webhook(ctx, s.actor, id)
	v.Token = "" // whoever asks
	return s.webhookReply(ctx, q, v, err, "Webhook not found")
}

type webhooksPacket struct {
	Cmd      string         `json:"cmd"`
	Webhooks []webhookShown `json:"webhooks"`
}

// webhookList lists the webhooks of a channel, or of all that the person sees.
func webhookList(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	var room chat.RoomID
	if channel != "" {
		r, err := d.channel(ctx, s.actor, channel)
		if err != nil {
			return nil, inWords(err, q.cmd, map[string]string{chat.ErrRoomNotFound.Code: "Channel not found"})
		}
		room = r.ID
	}
	list, err := d.core.Webhooks(ctx, s.actor, room)
	if err != nil {
		return nil, err
	}
	shown := make([]webhookShown, 0, len(list))
	for _, v := range list {
		shown = append(shown, d.webhook(ctx, v))
	}
	return webhooksPacket{q.cmd, shown}, nil
}
