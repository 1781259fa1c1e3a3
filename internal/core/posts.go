package core

import (
	"context"
	"encoding/json"

	"parley/internal/chat"
)

// Post is a message that no user sends: of a webhook, a plugin, or an answer of the server.
type Post struct {
	RoomID   chat.RoomID
	Author   chat.Author
	Content  string // as of a message; may be empty when there are embeds
	Embeds   []json.RawMessage
	ParentID chat.MessageID
	ThreadID chat.MessageID // in forums, see NewMessage
	Command  *chat.CommandUse
}

// PostMessage stores a message under the name of its author. Whether the author may write there has been decided: by the
// token of a webhook, or by the operator who installed a plugin. Names in it mention the room's members as those in a person's
// message do. Fails with the content errors of SendMessage, embeds_invalid, room_not_found, room_archived, room_not_text,
// message_not_found, parent_deleted, and in forums what SendMessage does. An address of a picture that is none of the web is left out.
func (c *Core) PostMessage(ctx context.Context, p Post) (*chat.Message, error) {
	content, err := cleanContent(p.Content, len(p.Embeds) > 0)
	if err != nil {
		return nil, err
	}
	embeds, err := parseEmbeds(p.Embeds)
	if err != nil {
		return nil, err
	}
	if p.Author.Name, err = cleanName("name", "name", p.Author.Name, 1, maxRoomName); err != nil {
		return nil, err
	}
	if len(p.Author.AvatarURL) > maxEmbedURL || !WebAddress(p.Author.AvatarURL) {
		p.Author.AvatarURL = ""
	}
	room, err := c.Store.Room(ctx, p.RoomID)
	if err != nil {
		return nil, err
	}
	if room.Form == chat.Separator || room.Encrypted || room.Type == chat.Direct {
		return nil, chat.Errorf(chat.Forbidden, "room_not_text", "Nothing can be posted in this room.")
	}
	d := chat.Draft{RoomID: room.ID, Type: chat.TextMessage, Content: content, At: c.now(), Mark: markOf(ctx),
		Extras: &chat.Extras{Embeds: p.Embeds, Author: &p.Author, Command: p.Command}}
	var parent *chat.Message
	if p.ParentID != 0 {
		if parent, err = c.messageIn(ctx, room.ID, p.ParentID); err != nil {
			return nil, err
		}
		if parent.Deleted {
			return nil, chat.InvalidField("parent_id", "parent_deleted", "The message you reply to was deleted.")
		}
		d.ParentID, d.ThreadID = parent.ID, parent.ID
		if parent.ThreadID != 0 {
			d.ThreadID = parent.ThreadID
		}
	}
	if err := c.intoThread(ctx, room, p.ThreadID, parent, &d); err != nil {
		return nil, err
	}
	s := &seat{room: room}
	if d.Mentions, d.Everyone, err = c.mentions(ctx, s, content); err != nil {
		return nil, err
	}
	d.Links = linksOf(content, embeds, &p.Author)
	d.Search = searchable([]string{content, p.Author.Name}, embeds, nil)
	if d.Notify, err = c.notify(ctx, s, &d, parent); err != nil {
		return nil, err
	}
	msg, _, err := c.Store.Append(ctx, d)
	return msg, err
}
