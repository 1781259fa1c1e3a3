package native

import (
	"context"
	"encoding/json"
	"strconv"

	"parley/internal/chat"
	"parley/internal/hub"
	"parley/internal/jsontext"
)

// The frames of the server (specs: native, WebSocket). The reference is api/websocket.md.
type (
	readyFrame struct {
		Type        string `json:"type"`
		SessionID   string `json:"session_id"`
		User        Self   `json:"user"`
		Rooms       []Room `json:"rooms"`
		HeartbeatMS int64  `json:"heartbeat_ms"`
		Limits      Limits `json:"limits"`
	}
	okFrame struct {
		Type    string `json:"type"`
		Ref     string `json:"ref"`
		Room    *Room  `json:"room,omitempty"`
		LastSeq int64  `json:"last_seq,omitempty"`
	}
	errorFrame struct {
		Type         string `json:"type"`
		Ref          string `json:"ref,omitempty"`
		Code         string `json:"code"`
		Message      string `json:"message"`
		Field        string `json:"field,omitempty"`
		RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
		Incident     string `json:"incident,omitempty"`
	}
	pongFrame struct {
		Type string `json:"type"`
		Ref  string `json:"ref,omitempty"`
	}
	deletedFrame struct {
		Type      string `json:"type"`
		RoomID    string `json:"room_id"`
		MessageID string `json:"message_id"`
		Seq       int64  `json:"seq"`
		ChangeSeq int64  `json:"change_seq"`
	}
	reactionFrame struct { // reaction_added, reaction_removed
		Type      string      `json:"type"`
		RoomID    string      `json:"room_id"`
		MessageID string      `json:"message_id"`
		User      UserSummary `json:"user"`
		Emoji     string      `json:"emoji"`
		Count     int         `json:"count"`
		ChangeSeq int64       `json:"change_seq"`
	}
	typingOutFrame struct {
		Type   string `json:"type"`
		RoomID string `json:"room_id"`
		UserID string `json:"user_id"`
		Typing bool   `json:"typing"`
	}
	joinedFrame struct {
		Type   string `json:"type"`
		RoomID string `json:"room_id"`
		User   User   `json:"user"`
		Role   string `json:"role"`
	}
	leftFrame struct {
		Type   string `json:"type"`
		RoomID string `json:"room_id"`
		UserID string `json:"user_id"`
		Reason string `json:"reason"`
	}
	memberFrame struct {
		Type       string  `json:"type"`
		RoomID     string  `json:"room_id"`
		UserID     string  `json:"user_id"`
		Role       string  `json:"role"`
		Muted      bool    `json:"muted"`
		MutedUntil *string `json:"muted_until"`
	}
	muteFrame struct {
		Type string `json:"type"`
		Mute *Mute  `json:"mute"`
	}
	readFrame struct { // message_read, message_delivered
		Type   string `json:"type"`
		RoomID string `json:"room_id"`
		UserID string `json:"user_id"`
		Seq    int64  `json:"seq"`
	}
	presenceFrame struct {
		Type          string `json:"type"`
		UserID        string `json:"user_id"`
		Status        string `json:"status"`
		StatusMessage string `json:"status_message"`
	}
	userFrame struct {
		Type string `json:"type"`
		User User   `json:"user"`
	}
	roomFrame struct { // room_updated, room_added
		Type string `json:"type"`
		Room Room   `json:"room"`
	}
	roomIDFrame struct { // room_deleted, room_removed
		Type   string `json:"type"`
		RoomID string `json:"room_id"`
	}
	unreadFrame struct {
		Type         string `json:"type"`
		RoomID       string `json:"room_id"`
		UnreadCount  int64  `json:"unread_count"`
		MentionCount int64  `json:"mention_count"`
		LastReadSeq  int64  `json:"last_read_seq"`
	}
	emojiFrame struct { // emoji_added, emoji_updated
		Type  string `json:"type"`
		Emoji Emoji  `json:"emoji"`
	}
	emojiRemovedFrame struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	serverFrame struct {
		Type   string `json:"type"`
		Server Server `json:"server"`
	}
	directoryFrame struct {
		Type   string  `json:"type"`
		RoomID *string `json:"room_id"`
	}
	plainFrame struct { // roles_changed
		Type string `json:"type"`
	}
	notificationFrame struct {
		Type         string       `json:"type"`
		Notification Notification `json:"notification"`
	}
	revokedFrame struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	}
)

// Encode implements hub.Dialect.
func (d *Dialect) Encode(ctx context.Context, ev chat.Event, viewer chat.UserID) []byte {
	switch e := ev.(type) { // the frequent ones are written by hand
	case chat.MessageCreated:
		return d.appendMessageFrame("message_created", e.Message, viewer)
	case chat.MessageChanged:
		return d.appendMessageFrame("message_updated", e.Message, viewer)
	}
	frame := d.frame(ctx, ev, viewer)
	if frame == nil {
		return nil
	}
	text, err := json.Marshal(frame)
	if err != nil {
		d.log.Error("encoding an event failed", "error", err)
		return nil
	}
	return text
}

func (d *Dialect) frame(ctx context.Context, ev chat.Event, viewer chat.UserID) any {
	switch e := ev.(type) {
	case chat.MessageDeleted:
		m := e.Message
		return deletedFrame{"message_deleted", m.RoomID.String(), m.ID.String(), int64(m.Seq), int64(m.ChangeSeq)}
	case chat.ReactionAdded:
		return d.reaction(ctx, "reaction_added", e.Message, e.UserID, e.Emoji)
	case chat.ReactionRemoved:
		return d.reaction(ctx, "reaction_removed", e.Message, e.UserID, e.Emoji)
	case chat.PollVoted:
		whose := e.UserID
		if viewer != whose {
			whose = ""
		}
		return tallyOf("poll_voted", e.Message, whose)
	case chat.PollEnded:
		return tallyOf("poll_ended", e.Message, "")
	case chat.ThreadCreated, chat.ThreadChanged, chat.ThreadDeleted, chat.ThreadJoined, chat.ThreadLeft, chat.PositionMoved:
		return d.threadFrame(ev)
	case chat.Typing:
		if viewer == e.UserID {
			return nil
		}
		return typingOutFrame{"user_typing", e.RoomID.String(), string(e.UserID), e.Typing}
	case chat.MemberJoined:
		return joinedFrame{"user_joined", e.Member.RoomID.String(), d.user(d.core.Effective(e.User)), string(e.Member.Role)}
	case chat.MemberLeft:
		return leftFrame{"user_left", e.RoomID.String(), string(e.UserID), string(e.Reason)}
	case chat.MemberChanged:
		m := e.Member
		return memberFrame{"member_updated", m.RoomID.String(), string(m.UserID), string(m.Role), m.Muted, timeOrNil(m.MutedUntil)}
	case chat.SanctionChanged:
		if e.Sanction.RoomID != 0 || e.Sanction.Kind != chat.Mute {
			return nil // member_updated says it of a room, session_revoked of the server
		}
		mute, err := d.core.ServerMute(ctx, e.Sanction.UserID)
		if err != nil {
			d.log.Error("who is muted could not be read", "error", err)
			return nil
		}
		return muteFrame{"mute_updated", muteOf(mute)}
	case chat.ReadMoved:
		kind := "message_read"
		if e.Delivered {
			kind = "message_delivered"
		}
		return readFrame{kind, e.RoomID.String(), string(e.UserID), int64(e.Seq)}
	case chat.PresenceChanged:
		p := e.Presence
		return presenceFrame{"presence_updated", string(p.UserID), string(p.Status), p.StatusMessage}
	case chat.UserChanged:
		return userFrame{"user_updated", d.user(d.core.Effective(e.User))}
	case chat.RoomChanged:
		return roomFrame{"room_updated", d.roomFor(ctx, e.Room, viewer)}
	case chat.RoomAdded:
		return roomFrame{"room_added", d.roomFor(ctx, e.Room, e.UserID)}
	case chat.RoomRemoved:
		return roomIDFrame{"room_removed", e.RoomID.String()}
	case chat.RoomDeleted:
		return roomIDFrame{"room_deleted", e.RoomID.String()}
	case chat.UnreadChanged:
		return unreadFrame{"unread_updated", e.RoomID.String(), e.UnreadCount, e.MentionCount, int64(e.LastReadSeq)}
	case chat.Notified:
		return notificationFrame{"notification", d.notification(e.Notification)}
	case chat.ServerChanged:
		s, err := d.core.Server(ctx)
		if err != nil {
			d.log.Error("the server's settings could not be read", "error", err)
			return nil
		}
		return serverFrame{"server_updated", d.server(s)}
	case chat.EmojiAdded:
		return d.emojiChange(ctx, "emoji_added", e.Emoji)
	case chat.EmojiUpdated:
		return d.emojiChange(ctx, "emoji_updated", e.Emoji)
	case chat.EmojiRemoved:
		return emojiRemovedFrame{"emoji_removed", e.ID.String(), e.Name}
	case chat.DirectoryChanged:
		return directoryFrame{"directory_changed", roomIDOrNil(e.RoomID)}
	case chat.RolesChanged:
		if e.RoomID == 0 {
			return plainFrame{"roles_changed"}
		}
	case chat.SessionRevoked:
		return revokedFrame{"session_revoked", e.Reason}
	case chat.CommandsAdded:
		return commandsFrame{"commands_added", d.commands(ctx, e.Commands)}
	case chat.CommandsRemoved:
		return commandNamesFrame{"commands_removed", e.Names}
	case chat.CommandCalled:
		return d.calledFrame(ctx, e)
	case chat.VoiceJoined:
		return d.voiceEvent("voice_joined", e.Participant, viewer)
	case chat.VoiceChanged:
		return d.voiceEvent("voice_updated", e.Participant, viewer)
	case chat.VoiceLeft:
		return voiceLeftFrame{"voice_left", e.RoomID.String(), string(e.UserID)}
	case chat.VoiceSignal:
		return voiceSignalFrame{"voice_signal", e.RoomID.String(), string(e.From), e.PeerID, opaque(e.Data)}
	}
	return nil // the protocol does not carry it
}

// reaction makes the frame of a reaction given or taken back.
func (d *Dialect) reaction(ctx context.Context, kind string, m *chat.Message, user chat.UserID, emoji string) any {
	f := reactionFrame{Type: kind, RoomID: m.RoomID.String(), MessageID: m.ID.String(), User: UserSummary{ID: string(user)}, Emoji: emoji, ChangeSeq: int64(m.ChangeSeq)}
	if u, err := d.core.User(ctx, chat.Operator, user); err == nil {
		f.User = d.summary(u)
	}
	for _, r := range m.Reactions {
		if r.Emoji == emoji {
			f.Count = len(r.Users)
		}
	}
	return f
}

// emojiChange makes the frame of an emoji that is new or changed; if its maker cannot be read, it has none.
func (d *Dialect) emojiChange(ctx context.Context, kind string, e chat.Emoji) any {
	shown, err := d.emoji(ctx, e)
	if err != nil {
		shown = emojiOf(e, nil)
	}
	return emojiFrame{kind, shown}
}

// roomFor shows a room as one person sees it; for everyone (viewer empty) without their own part.
func (d *Dialect) roomFor(ctx context.Context, room chat.Room, viewer chat.UserID) Room {
	if viewer != "" {
		if v, err := d.core.Room(ctx, chat.Actor{UserID: viewer}, room.ID); err == nil {
			return d.room(v)
		}
	}
	return d.room(chat.RoomView{Room: room})
}

// Personal implements hub.Dialect: a message shows each person which reactions and votes are theirs, and nobody is told that they type
// themselves.
func (d *Dialect) Personal(ev chat.Event) []chat.UserID {
	switch e := ev.(type) {
	case chat.MessageChanged:
		var users []chat.UserID
		for _, r := range e.Message.Reactions {
			users = append(users, r.Users...)
		}
		if e.Message.Poll != nil {
			users = append(users, e.Message.Poll.Voters()...)
		}
		return users
	case chat.PollVoted:
		return []chat.UserID{e.UserID}
	case chat.Typing:
		return []chat.UserID{e.UserID}
	case chat.VoiceJoined:
		return e.Insiders
	case chat.VoiceChanged:
		return e.Insiders
	}
	return nil
}

// EncodeChanges implements hub.Dialect.
func (d *Dialect) EncodeChanges(_ context.Context, room chat.RoomID, ch chat.Changes, viewer chat.UserID) []byte {
	b := append(make([]byte, 0, sizeOf(ch.Messages)), `{"type":"room_changes","room_id":"`...)
	b = strconv.AppendInt(b, int64(room), 10)
	b = d.appendMessages(append(b, `","messages":`...), ch.Messages, viewer)
	b = strconv.AppendInt(append(b, `,"last_seq":`...), int64(ch.LastSeq), 10)
	b = strconv.AppendBool(append(b, `,"truncated":`...), ch.Truncated)
	return append(b, '}')
}

// appendMessageFrame writes message_created and message_updated.
func (d *Dialect) appendMessageFrame(kind string, m *chat.Message, viewer chat.UserID) []byte {
	b := append(make([]byte, 0, 600+len(m.Content)+len(m.Content)/8), `{"type":"`...)
	b = append(append(b, kind...), `","room_id":"`...)
	b = strconv.AppendInt(b, int64(m.RoomID), 10)
	b = d.appendMessage(append(b, `","message":`...), m, viewer)
	return append(b, '}')
}

// EncodeResync implements hub.Dialect.
func (d *Dialect) EncodeResync(room chat.RoomID) []byte {
	if room == 0 {
		return []byte(`{"type":"resync"}`)
	}
	return jsontext.AppendValue(nil, roomIDFrame{"resync", room.String()})
}

// CloseCode implements hub.Dialect.
func (d *Dialect) CloseCode(end hub.End) int {
	if end == hub.EndRevoked {
		return closeRevoked
	}
	return closeSlow
}
