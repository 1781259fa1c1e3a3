package origin

import (
	"context"
)

var reactionCommands = map[string]command{
	"message_react_add": react(true), "message_react_remove": react(false),
}

// react gives a reaction or takes it back (specs: originchats-commands §3.8).
func react(add bool) command {
	verb, cmd := "add", "message_react_add"
	if !add {
		verb, cmd = "remove", "message_react_remove"
	}
	return func(ctx context.Context, s *socket, q *request) (any, error) {
		d := s.dialect
		id, err := q.text("id")
		if err != nil {
			return nil, err
		}
		emoji, err := q.text("emoji")
		if err != nil {
			return nil, err
		}
		if id == "" || emoji == "" {
			return nil, refuse(q.cmd, "Message ID and emoji are required")
		}
		if len([]rune(emoji)) > 200 {
			return nil, refuse(q.cmd, "Invalid emoji")
		}
		p, err := s.placeOf(ctx, q)
		if err != nil {
			return nil, err
		}
		failed := "Failed to " + verb + " reaction"
		missing := failed
		if p.thread != nil {
			missing = "Message not found"
		}
		denied := "You do not have permission to " + verb + " reactions to this message"
		if !add {
			denied = "You do not have permission to remove reactions from this message"
		}
		m, err := s.messageOf(ctx, q, p, missing)
		if err != nil {
			return nil, err
		}
		done := false
		answered, err := s.answering(ctx, q, p.room.ID, func(ctx context.Context) (string, error) {
			var err error
			if add {
				m, done, err = d.core.React(ctx, s.actor, m.ID, d.emojiOffWire(ctx, emoji))
			} else {
				m, done, err = d.core.Unreact(ctx, s.actor, m.ID, d.emojiOffWire(ctx, emoji))
			}
			if err != nil {
				return "", err
			}
			return m.Mark, nil
		})
		switch {
		case err != nil:
			return nil, inWords(err, q.cmd, map[string]string{"react_forbidden": denied, "room_archived": denied, "emoji_invalid": "Invalid emoji",
				"emoji_unknown": failed, "message_deleted": missing, "too_many_reactions": failed, "thread_locked": "This thread is locked"})
		case answered:
			return nil, nil
		case !done:
			return nil, refuse(q.cmd, failed)
		}
		return written(d.reaction(ctx, cmd, m, s.actor.UserID, d.emojiOffWire(ctx, emoji))), nil
	}
}
