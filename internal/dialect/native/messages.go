package native

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	messagePage struct {
		Messages  []Message `json:"messages" doc:"Oldest first."`
		HasBefore bool      `json:"has_before"`
		HasAfter  bool      `json:"has_after"`
		text      []byte    // the whole, where it was written by hand
	}
	messageList struct {
		Messages []Message `json:"messages"`
	}
	changeList struct {
		Messages  []Message `json:"messages" doc:"Ascending by change_seq, one row for each message."`
		LastSeq   int64     `json:"last_seq" doc:"The room's counter." example:"41"`
		Truncated bool      `json:"truncated" doc:"There is more: ask again since the last message's change_seq."`
		text      []byte    // as in messagePage
	}
	receiptList struct {
		Receipts []Receipt `json:"receipts" doc:"Earliest first, without the sender."`
	}
	// Reactors is who gave one emoji to a message.
	Reactors struct {
		Emoji string        `json:"emoji" example:"👍"`
		Count int           `json:"count" doc:"Of all who gave it." example:"2"`
		Users []UserSummary `json:"users" doc:"The first 100 of them, in the order they reacted."`
	}
	reactorList struct {
		Reactions []Reactors `json:"reactions" doc:"In the order of the first use of each emoji."`
	}
	sendRequest struct {
		Content     string   `json:"content" required:"false" doc:"Markdown, 1 to 10,000 characters after trimming; may be empty when there are attachments." maxLength:"10000" example:"Hello **world**"`
		ParentID    string   `json:"parent_id" required:"false" doc:"The message it replies to; in a forum also the thread it goes into." example:"1040"`
		Attachments []string `json:"attachments" required:"false" doc:"Ids of the caller's own uploads, at most 10."`
		Nonce       string   `json:"nonce" required:"false" doc:"Made by the client: the send happens exactly once for each nonce, sender and room within 24 hours." maxLength:"64" example:"c-7f3a"`
		Embeds      []opaque `json:"embeds" required:"false" doc:"At most 10, as bots send them: title, description, url, color, timestamp, author {name, url, icon_url}, footer {text, icon_url}, image and thumbnail {url}, fields [{name, value, inline}]."`

		Poll *newPollRequest `json:"poll" required:"false" doc:"A question to the room; the content may be empty then."`
	}
	editRequest struct {
		Content string `json:"content" maxLength:"10000" example:"Hello, world"`
	}
	reactionRequest struct {
		Emoji string `json:"emoji" doc:"One Unicode emoji, or the :name: of one of GET /emoji." example:"👍"`
	}
	reportRequest struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" example:"Insults"`
	}
	// RenderQuery asks for messages with their HTML.
	RenderQuery struct {
		Render string `query:"render" enum:"html" doc:"html: each message also carries its content rendered and sanitised."`
	}
	// MessagesQuery asks for a part of a history.
	MessagesQuery struct {
		Before string `query:"before" doc:"Messages before this one, by id."`
		After  string `query:"after" doc:"Messages after this one."`
		Around string `query:"around" doc:"This message and those around it."`
		Seq    string `query:"around_seq" doc:"The first message at this place (seq) or after it, and those around: last_read_seq + 1 opens at the first unread." example:"42"`
		At     string `query:"at" format:"date-time" doc:"The first message at this time or after it, and those around." example:"2026-03-01T00:00:00Z"`
		Limit  int    `query:"limit" doc:"How many, 1 to 100; 50 if it is not given." minimum:"1" maximum:"100"`
		RenderQuery
	}
)

const (
	contentFaults = "content_empty content_too_long content_invalid"
	sendFaults    = contentFaults + " send_forbidden muted banned timed_out blocked room_archived room_not_text rate_limited slow_mode thread_needed thread_not_found thread_locked"
)

func (q MessagesQuery) query() (out chat.MessagesQuery, err error) {
	out.Limit = q.Limit
	for _, f := range []struct {
		name, value string
		to          *chat.MessageID
	}{{"before", q.Before, &out.Before}, {"after", q.After, &out.After}, {"around", q.Around, &out.Around}} {
		if *f.to, err = optionalMessage(f.value); err != nil {
			return out, err
		}
	}
	if q.Seq != "" {
		seq, err := number("around_seq", q.Seq, 0)
		if err != nil {
			return out, err
		}
		if seq < 1 {
			return out, chat.InvalidField("around_seq", "seq_invalid", "A place in a room is a number from 1.")
		}
		out.AroundSeq = chat.Seq(seq)
	}
	out.At, err = parseTime("at", &q.At)
	return out, err
}

func (d *Dialect) registerMessages() {
	const tag = "Messages"
	handle(d, "GET /rooms/{id}/messages", endpoint{
		id: "list-messages", tag: tag, summary: "Read a part of a room's history",
		description: "Without before, after, around, around_seq and at: the newest. Give one of them at most.",
		codes:       "room_not_found not_a_member message_not_found cursor_invalid seq_invalid time_invalid parameter_invalid limit_invalid banned timed_out read_forbidden",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		MessagesQuery
	}) (*reply[messagePage], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		page, err := d.core.Messages(ctx, by, id, q)
		return ok(d.page(page, by, in.Render)), err
	})
	handle(d, "POST /rooms/{id}/messages", endpoint{
		id: "send-message", tag: tag, status: 201, orStatus: 200, summary: "Send a message",
		description: "Answered once the message is durable. A repeated nonce returns the message first stored, with 200, and tells nobody.",
		codes:       "room_not_found not_a_member nonce_invalid message_not_found parent_deleted attach_forbidden attachment_invalid attachment_pending infected too_many_attachments embeds_invalid poll_invalid poll_encrypted time_invalid " + sendFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body sendRequest
	}) (*created[Message], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		parent, err := optionalMessage(in.Body.ParentID)
		if err != nil {
			return nil, err
		}
		poll, err := in.Body.Poll.poll()
		if err != nil {
			return nil, err
		}
		m, isNew, err := d.core.SendMessage(ctx, by, core.NewMessage{
			RoomID: id, Content: in.Body.Content, ParentID: parent, Attachments: in.Body.Attachments, Nonce: in.Body.Nonce,
			Embeds: convert(in.Body.Embeds, func(o opaque) json.RawMessage { return json.RawMessage(o) }), Poll: poll,
		})
		if err != nil {
			return nil, err
		}
		out := made("/messages/"+m.ID.String(), d.message(m, by.UserID))
		if !isNew {
			out.Status = http.StatusOK
		}
		return out, nil
	})
	handle(d, "GET /rooms/{id}/changes", endpoint{
		id: "list-changes", tag: tag, summary: "Catch up with a room",
		description: "The messages whose change_seq is greater than since: what is new, edited, deleted, pinned or reacted to.",
		codes:       "room_not_found not_a_member since_invalid limit_invalid banned timed_out",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Since string `query:"since" doc:"A change_seq; 0 for all." example:"38"`
		Limit int    `query:"limit" doc:"How many, 1 to 500; 500 if it is not given." minimum:"1" maximum:"500"`
		RenderQuery
	}) (*reply[changeList], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		since, err := number("since", in.Since, 0)
		if err != nil {
			return nil, err
		}
		ch, err := d.core.Changes(ctx, by, id, chat.Seq(since), in.Limit)
		if err != nil {
			return nil, err
		}
		return ok(d.changes(ch, by, in.Render)), nil
	})
	handle(d, "GET /rooms/{id}/pins", endpoint{id: "list-pins", tag: tag, summary: "List pinned messages, newest pin first", codes: "room_not_found not_a_member"},
		func(ctx context.Context, by chat.Actor, in *struct {
			RoomPath
			RenderQuery
		}) (*reply[messageList], error) {
			id, err := in.room()
			if err != nil {
				return nil, err
			}
			list, err := d.core.Pins(ctx, by, id)
			return ok(messageList{d.shown(list, by, in.Render)}), err
		})
	handle(d, "GET /messages/{id}", endpoint{id: "get-message", tag: tag, summary: "Read a message", codes: "message_not_found not_a_member"},
		func(ctx context.Context, by chat.Actor, in *struct {
			MessagePath
			RenderQuery
		}) (*reply[Message], error) {
			id, err := in.message()
			if err != nil {
				return nil, err
			}
			m, err := d.core.Message(ctx, by, id)
			if err != nil {
				return nil, err
			}
			return ok(d.shown([]chat.Message{*m}, by, in.Render)[0]), nil
		})
	handle(d, "GET /messages/{id}/thread", endpoint{
		id: "list-thread", tag: tag, summary: "Read the replies under a message", codes: "message_not_found not_a_member cursor_invalid seq_invalid time_invalid parameter_invalid limit_invalid",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		MessagePath
		MessagesQuery
	}) (*reply[messagePage], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		page, err := d.core.Replies(ctx, by, id, q)
		return ok(d.page(page, by, in.Render)), err
	})
	handle(d, "PUT /messages/{id}", endpoint{
		id: "edit-message", tag: tag, summary: "Edit a message", description: "For its sender, within 15 minutes.",
		codes: "message_not_found not_a_member edit_forbidden edit_window_passed message_deleted muted banned timed_out room_archived rate_limited thread_locked thread_archived thread_head " + contentFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		MessagePath
		Body editRequest
	}) (*reply[Message], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		m, err := d.core.EditMessage(ctx, by, id, in.Body.Content, nil)
		return d.messageReply(m, by, err)
	})
	handle(d, "DELETE /messages/{id}", endpoint{
		id: "delete-message", tag: tag, summary: "Delete a message", description: "For its sender and the room's admins. A tombstone stays in its place.",
		codes: "message_not_found not_a_member delete_forbidden thread_locked thread_archived thread_head",
	}, func(ctx context.Context, by chat.Actor, in *MessagePath) (*nothing, error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		_, err = d.core.DeleteMessage(ctx, by, id)
		return nil, err
	})
	handle(d, "PUT /messages/{id}/pin", endpoint{
		id: "pin-message", tag: tag, summary: "Pin a message", description: "For the room's admins.",
		codes: "message_not_found not_a_member pin_forbidden message_deleted too_many_pins room_archived muted thread_locked thread_archived thread_head",
	}, func(ctx context.Context, by chat.Actor, in *MessagePath) (*reply[Message], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		m, err := d.core.Pin(ctx, by, id)
		return d.messageReply(m, by, err)
	})
	handle(d, "DELETE /messages/{id}/pin", endpoint{
		id: "unpin-message", tag: tag, summary: "Take a pin off", codes: "message_not_found not_a_member pin_forbidden room_archived muted",
	}, func(ctx context.Context, by chat.Actor, in *MessagePath) (*nothing, error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		_, err = d.core.Unpin(ctx, by, id)
		return nil, err
	})
	handle(d, "POST /messages/{id}/reactions", endpoint{
		id: "add-reaction", tag: tag, status: 201, orStatus: 200, summary: "React to a message",
		description: "Once for each person, emoji and message: repeating is fine (200). 20 different emoji at most.",
		codes:       "message_not_found not_a_member emoji_invalid emoji_unknown message_deleted too_many_reactions react_forbidden muted banned timed_out room_archived blocked thread_locked thread_archived thread_head",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		MessagePath
		Body reactionRequest
	}) (*created[Message], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		m, added, err := d.core.React(ctx, by, id, in.Body.Emoji)
		if err != nil {
			return nil, err
		}
		out := made("/messages/"+m.ID.String(), d.message(m, by.UserID))
		if !added {
			out.Status = http.StatusOK
		}
		return out, nil
	})
	handle(d, "GET /messages/{id}/reactions", endpoint{
		id: "list-reactions", tag: tag, summary: "See who reacted to a message, and with what", codes: "message_not_found not_a_member",
	}, func(ctx context.Context, by chat.Actor, in *MessagePath) (*reply[reactorList], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		list, err := d.core.Reactions(ctx, by, id)
		return ok(reactorList{convert(list, func(v core.ReactionView) Reactors {
			return Reactors{Emoji: v.Emoji, Count: v.Count, Users: convert(v.Users, d.summary)}
		})}), err
	})
	handle(d, "DELETE /messages/{id}/reactions/{emoji}", endpoint{
		id: "remove-reaction", tag: tag, summary: "Take the own reaction back", codes: "message_not_found not_a_member emoji_invalid message_deleted thread_locked thread_archived thread_head",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		MessagePath
		Emoji string `path:"emoji" example:"👍"`
	}) (*nothing, error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		_, _, err = d.core.Unreact(ctx, by, id, in.Emoji)
		return nil, err
	})
	handle(d, "GET /messages/{id}/receipts", endpoint{
		id: "list-receipts", tag: tag, summary: "See who read a message, and when", codes: "message_not_found not_a_member",
	}, func(ctx context.Context, by chat.Actor, in *MessagePath) (*reply[receiptList], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		list, err := d.core.Receipts(ctx, by, id)
		return ok(receiptList{convert(list, func(v core.ReceiptView) Receipt {
			return Receipt{User: d.summary(v.User), ReadAt: stamp(v.Receipt.ReadAt)}
		})}), err
	})
	handle(d, "POST /messages/{id}/report", endpoint{
		id: "report-message", tag: tag, status: 201, summary: "Report a message to the moderators",
		codes: "message_not_found not_a_member reason_invalid already_reported report_own message_deleted",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		MessagePath
		Body reportRequest
	}) (*created[Report], error) {
		id, err := in.message()
		if err != nil {
			return nil, err
		}
		r, err := d.core.Report(ctx, by, id, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		shown, err := d.reports(ctx, by, r)
		if err != nil {
			return nil, err
		}
		return made("/admin/reports/"+shown[0].ID, shown[0]), nil
	})
}

func (d *Dialect) messageReply(m *chat.Message, by chat.Actor, err error) (*reply[Message], error) {
	if err != nil {
		return nil, err
	}
	return ok(d.message(m, by.UserID)), nil
}

func (d *Dialect) page(p chat.MessagesPage, by chat.Actor, render string) messagePage {
	if render != "" {
		return messagePage{Messages: d.shown(p.Messages, by, render), HasBefore: p.HasBefore, HasAfter: p.HasAfter}
	}
	b := d.appendMessages(append(make([]byte, 0, sizeOf(p.Messages)), `{"messages":`...), p.Messages, by.UserID)
	b = strconv.AppendBool(append(b, `,"has_before":`...), p.HasBefore)
	b = strconv.AppendBool(append(b, `,"has_after":`...), p.HasAfter)
	return messagePage{text: append(b, "}\n"...)}
}

func (p messagePage) wire() []byte { return p.text }

func (d *Dialect) changes(ch chat.Changes, by chat.Actor, render string) changeList {
	if render != "" {
		return changeList{Messages: d.shown(ch.Messages, by, render), LastSeq: int64(ch.LastSeq), Truncated: ch.Truncated}
	}
	b := d.appendMessages(append(make([]byte, 0, sizeOf(ch.Messages)), `{"messages":`...), ch.Messages, by.UserID)
	b = strconv.AppendInt(append(b, `,"last_seq":`...), int64(ch.LastSeq), 10)
	b = strconv.AppendBool(append(b, `,"truncated":`...), ch.Truncated)
	return changeList{text: append(b, "}\n"...)}
}

func (c changeList) wire() []byte { return c.text }

// shown converts messages for the caller, with HTML if that was asked for.
func (d *Dialect) shown(list []chat.Message, by chat.Actor, render string) []Message {
	out := d.messages(list, by.UserID)
	if render == "html" {
		for i := range out {
			html := renderHTML(out[i].Content)
			out[i].HTML = &html
		}
	}
	return out
}
