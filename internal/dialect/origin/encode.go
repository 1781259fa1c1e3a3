package origin

import (
	"context"

	"parley/internal/chat"
	"parley/internal/hub"
	"parley/internal/ws"
)

// Encode implements hub.Dialect: the packet of an event, nil where the protocol has none. Each noun encodes its own events in
// its file.
func (d *Dialect) Encode(ctx context.Context, ev chat.Event, viewer chat.UserID) []byte {
	switch e := ev.(type) {
	case chat.MessageCreated:
		return d.messageCreated(ctx, e.Message)
	case chat.MessageChanged:
		return d.messageChanged(ctx, e)
	case chat.MessageDeleted:
		if e.Thread {
			return nil // thread_delete told all of it
		}
		return d.messageDeleted(ctx, e.Message)
	case chat.ReactionAdded:
		return d.reaction(ctx, "message_react_add", e.Message, e.UserID, e.Emoji)
	case chat.ReactionRemoved:
		return d.reaction(ctx, "message_react_remove", e.Message, e.UserID, e.Emoji)
	}
	packet := d.packet(ctx, ev, viewer)
	if packet == nil {
		return nil
	}
	return packetText(packet)
}

// packet is Encode for what is not about one message.
func (d *Dialect) packet(ctx context.Context, ev chat.Event, viewer chat.UserID) any {
	switch e := ev.(type) {
	case chat.SessionRevoked:
		return disconnected(e)
	case chat.SanctionChanged:
		return sanctioned(e.Sanction)
	case chat.CommandsAdded:
		return d.slashPacket(ctx, "slash_add", e.Commands)
	case chat.CommandsRemoved:
		return slashRemovePacket{"slash_remove", e.Names}
	case chat.CommandCalled:
		return d.called(ctx, e)
	case chat.EmojiAdded:
		return emojiAdded(e.Emoji)
	case chat.EmojiUpdated:
		return emojiUpdated(e.Emoji)
	case chat.EmojiRemoved:
		return emojiDeletePacket{"emoji_delete", e.ID, true}
	case chat.PollVoted:
		return d.pollVoted(ctx, e)
	case chat.PollEnded:
		return d.pollEnded(ctx, e.Message)
	case chat.Typing:
		return d.typing(ctx, e)
	case chat.RolesChanged:
		return d.rolesChanged(ctx, e)
	case chat.UserRolesChanged:
		return d.userRolesChanged(ctx, e)
	case chat.ServerChanged:
		return d.serverChanged(ctx)
	case chat.VoiceJoined:
		return d.voiceEvent(ctx, "voice_user_joined", e.Participant, viewer)
	case chat.VoiceChanged:
		return d.voiceEvent(ctx, "voice_user_updated", e.Participant, viewer)
	case chat.VoiceLeft:
		return voiceLeftPacket{"voice_user_left", d.channelName(ctx, e.RoomID), d.nameByID(ctx, e.UserID)}
	case chat.PositionMoved:
		return d.positionMoved(ctx, e)
	case chat.ThreadCreated, chat.ThreadChanged, chat.ThreadDeleted, chat.ThreadJoined, chat.ThreadLeft:
		return d.threadPacket(ctx, ev)
	}
	return nil
}

// Personal implements hub.Dialect.
func (d *Dialect) Personal(ev chat.Event) []chat.UserID {
	switch e := ev.(type) {
	case chat.VoiceJoined:
		return e.Insiders
	case chat.VoiceChanged:
		return e.Insiders
	}
	return nil
}

// EncodeChanges implements hub.Dialect. Clients of this protocol do not resume: they load anew.
func (d *Dialect) EncodeChanges(context.Context, chat.RoomID, chat.Changes, chat.UserID) []byte {
	return nil
}

// EncodeResync implements hub.Dialect. There is no packet for it: what is lost is pushed as lists.
func (d *Dialect) EncodeResync(room chat.RoomID) []byte {
	if room == 0 {
		d.lists.note("") // called once for all connections
	}
	return nil
}

// CloseCode implements hub.Dialect (specs: originchats §2.5).
func (d *Dialect) CloseCode(end hub.End) int {
	if end == hub.EndSlow {
		return ws.ClosePolicyViolation
	}
	return ws.CloseNormal
}
