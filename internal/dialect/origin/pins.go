package origin

import (
	"context"
	"slices"
	"strings"

	"parley/internal/chat"
	"parley/internal/jsontext"
)

var pinCommands = map[string]command{
	"message_pin": pin("message_pin", true), "message_unpin": pin("message_unpin", false), "messages_pinned": messagesPinned,
}

// pin puts a message on its channel's board or takes it off (specs: originchats-commands §3.9). Clients take off with
// message_pin and pinned:false.
func pin(cmd string, pinning bool) command {
	return func(ctx context.Context, s *socket, q *request) (any, error) {
		d := s.dialect
		channel, err := q.text("channel")
		if err != nil {
			return nil, err
		}
		if channel == "" {
			return nil, refuse(q.cmd, "Channel name not provided")
		}
		pinned := pinning
		if pinning {
			if pinned, err = q.flag("pinned", true); err != nil {
				return nil, err
			}
		}
		id, err := q.text("id")
		if err != nil {
			return nil, err
		}
		denied := refuse(q.cmd, "You do not have permission to pin messages in this channel")
		room, err := d.channel(ctx, s.actor, channel)
		if err != nil {
			return nil, inWords(err, q.cmd, notViewable(denied.Error()))
		}
		if err := d.core.May(ctx, s.actor, chat.CanPin, room.ID); err != nil {
			if e := chat.AsError(err); e.Kind == chat.Forbidden {
				return nil, denied
			}
			return nil, err
		}
		if id == "" {
			return nil, refuse(q.cmd, "Message ID is required")
		}
		m, err := d.core.Message(ctx, s.actor, d.ids.readMessage(id))
		if chat.CodeOf(err) == chat.ErrMessageNotFound.Code || err == nil && (m.RoomID != room.ID || m.Deleted || !d.shown(ctx, m)) {
			return pinPacket{cmd, id, channel, false, true}, nil
		}
		if err != nil {
			return nil, err
		}
		answered, err := s.answering(ctx, q, room.ID, func(ctx context.Context) (string, error) {
			var err error
			if pinned {
				m, err = d.core.Pin(ctx, s.actor, m.ID)
			} else {
				m, err = d.core.Unpin(ctx, s.actor, m.ID)
			}
			if err != nil {
				return "", err
			}
			return m.Mark, nil
		})
		if err != nil {
			return nil, inWords(err, q.cmd, map[string]string{"pin_forbidden": denied.Error()})
		}
		if answered {
			return nil, nil
		}
		return pinPacket{cmd, id, channel, m.Pinned, true}, nil // it was so before
	}
}

// pinned is a pin or its end. What message_pin took off is told as message_pin, too.
func (d *Dialect) pinned(ctx context.Context, m *chat.Message) []byte {
	cmd := "message_pin"
	if !m.Pinned && !strings.HasPrefix(m.Mark, "message_pin#") {
		cmd = "message_unpin"
	}
	return packetText(pinPacket{cmd, d.ids.message(m.ID), d.channelName(ctx, m.RoomID), m.Pinned, true})
}

type pinPacket struct {
	Cmd     string `json:"cmd"`
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Pinned  bool   `json:"pinned"`
	Global  bool   `json:"global"`
}

// messagesPinned lists a channel's pinned messages, newest first.
func messagesPinned(ctx context.Context, s *socket, q *request) (any, error) {
	d := s.dialect
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	if channel == "" {
		return nil, refuse(q.cmd, "Channel name not provided")
	}
	room, err := s.textChannel(ctx, channel)
	if err != nil {
		return nil, err
	}
	pins, err := d.core.Pins(ctx, s.actor, room.ID)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(pins, func(a, b chat.Message) int { return int(b.ID - a.ID) })
	b := jsontext.AppendString([]byte(`{"cmd":"messages_pinned","channel":`), channel)
	return written(append(d.appendList(ctx, append(b, `,"messages":`...), pins), '}')), nil
}
