package native

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	// Webhook lets a service outside post in a room.
	Webhook struct {
		ID        string       `json:"id" format:"uuid" example:"0b8f7c44-2f0e-4a53-9d54-0a3c1f1e7a10"`
		RoomID    string       `json:"room_id" example:"12"`
		Name      string       `json:"name" example:"CI"`
		AvatarURL *string      `json:"avatar_url" doc:"Where the picture is, on another site." example:"https://ci.example/logo.png"`
		Path      *string      `json:"path" doc:"Path and query to send posts to, with the secret token; null for those who may not manage webhooks." example:"/webhooks?token=0b8f7c44-2f0e-4a53-9d54-0a3c1f1e7a109f86d081884c7d659a2feaa0c55ad015"`
		CreatedBy *UserSummary `json:"created_by" doc:"Null if the operator made it, or the account is gone."`
		CreatedAt string       `json:"created_at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
	}
	webhookList struct {
		Webhooks []Webhook `json:"webhooks" doc:"Oldest first."`
	}
	// WebhookPath names a webhook.
	WebhookPath struct {
		ID string `path:"id" doc:"The webhook's id." example:"0b8f7c44-2f0e-4a53-9d54-0a3c1f1e7a10"`
	}
	newWebhookRequest struct {
		RoomID    string `json:"room_id" example:"12"`
		Name      string `json:"name" minLength:"1" maxLength:"80" example:"CI"`
		AvatarURL string `json:"avatar_url" required:"false" doc:"http or https; empty for none." maxLength:"2048" example:"https://ci.example/logo.png"`
	}
	webhookRequest struct {
		Name      *string `json:"name" required:"false" minLength:"1" maxLength:"80" example:"Build"`
		AvatarURL *string `json:"avatar_url" required:"false" doc:"Empty: none." maxLength:"2048" example:""`
	}
)

// TransformSchema implements huma.SchemaTransformer.
func (*Webhook) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "created_by")
}

const needsManageServer = "Needs manage_server."

func (d *Dialect) registerWebhooks() {
	const tag = "Webhooks"
	handle(d, "GET /webhooks", endpoint{
		id: "list-webhooks", tag: tag, summary: "List webhooks, with their addresses for those who manage the server", description: "Others see those of rooms that they see.",
		codes: "room_not_found",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomID string `query:"room_id" doc:"Only this room's." example:"12"`
	}) (*reply[webhookList], error) {
		room, err := optionalRoom(in.RoomID)
		if err != nil {
			return nil, err
		}
		list, err := d.core.Webhooks(ctx, by, room)
		if err != nil {
			return nil, err
		}
		shown, err := d.webhooks(ctx, by, list...)
		return ok(webhookList{shown}), err
	})
	handle(d, "POST /webhooks", endpoint{
		id: "create-webhook", tag: tag, status: 201, summary: "Make a webhook", description: needsManageServer + " At most 15 a room. What services send to its address is shown in the room.",
		codes: "permission_missing room_not_found room_not_text name_invalid avatar_invalid too_many_webhooks",
	}, func(ctx context.Context, by chat.Actor, in *struct{ Body newWebhookRequest }) (*created[Webhook], error) {
		room, err := roomID(in.Body.RoomID)
		if err != nil {
			return nil, err
		}
		v, err := d.core.CreateWebhook(ctx, by, core.NewWebhook{RoomID: room, Name: in.Body.Name, AvatarURL: in.Body.AvatarURL})
		if err != nil {
			return nil, err
		}
		shown, err := d.webhooks(ctx, by, v)
		if err != nil {
			return nil, err
		}
		return made("/webhooks/"+v.ID, shown[0]), nil
	})
	handle(d, "GET /webhooks/{id}", endpoint{id: "get-webhook", tag: tag, summary: "See a webhook", codes: "webhook_not_found"},
		func(ctx context.Context, by chat.Actor, in *WebhookPath) (*reply[Webhook], error) {
			v, err := d.core.Webhook(ctx, by, in.ID)
			return d.webhookReply(ctx, by, v, err)
		})
	handle(d, "PATCH /webhooks/{id}", endpoint{
		id: "update-webhook", tag: tag, summary: "Rename a webhook or give it another picture", description: needsManageServer, codes: "permission_missing webhook_not_found name_invalid avatar_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		WebhookPath
		Body webhookRequest
	}) (*reply[Webhook], error) {
		v, err := d.core.UpdateWebhook(ctx, by, in.ID, core.WebhookChange{Name: in.Body.Name, AvatarURL: in.Body.AvatarURL})
		return d.webhookReply(ctx, by, v, err)
	})
	handle(d, "POST /webhooks/{id}/token", endpoint{
		id: "regenerate-webhook", tag: tag, summary: "Give a webhook another address", description: needsManageServer + " The old one stops working at once.", codes: "permission_missing webhook_not_found",
	}, func(ctx context.Context, by chat.Actor, in *WebhookPath) (*reply[Webhook], error) {
		v, err := d.core.RegenerateWebhook(ctx, by, in.ID)
		return d.webhookReply(ctx, by, v, err)
	})
	handle(d, "DELETE /webhooks/{id}", endpoint{
		id: "delete-webhook", tag: tag, summary: "Delete a webhook", description: needsManageServer + " What it posted stays.", codes: "permission_missing webhook_not_found",
	}, func(ctx context.Context, by chat.Actor, in *WebhookPath) (*nothing, error) {
		return nil, d.core.DeleteWebhook(ctx, by, in.ID)
	})
}

// webhooks converts webhooks with the people who made them.
func (d *Dialect) webhooks(ctx context.Context, by chat.Actor, list ...core.WebhookView) ([]Webhook, error) {
	p, err := d.people(ctx, by, convert(list, func(v core.WebhookView) chat.UserID { return v.CreatedBy })...)
	return convert(list, func(v core.WebhookView) Webhook {
		w := Webhook{ID: v.ID, RoomID: v.RoomID.String(), Name: v.Name, AvatarURL: orNil(v.AvatarURL), CreatedBy: p.get(v.CreatedBy), CreatedAt: stamp(v.CreatedAt)}
		if v.Token != "" {
			w.Path = orNil("/webhooks?token=" + v.Token)
		}
		return w
	}), err
}

func (d *Dialect) webhookReply(ctx context.Context, by chat.Actor, v core.WebhookView, err error) (*reply[Webhook], error) {
	if err != nil {
		return nil, err
	}
	shown, err := d.webhooks(ctx, by, v)
	if err != nil {
		return nil, err
	}
	return ok(shown[0]), nil
}
