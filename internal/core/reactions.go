package core

import (
	"context"
	"slices"

	"parley/internal/chat"
)

// maxReactions is how many different emoji can stand under one message (specs: native, REST).
const maxReactions = 20

// React adds one emoji of the actor's to a message: one Unicode emoji, or :custom:. Once per person, emoji and message
// (repeating is fine, added is false); 20 different ones per message (too_many_reactions). Fails with emoji_invalid,
// emoji_unknown (a custom one that the server does not have), message_not_found, message_deleted, react_forbidden, muted, blocked, room_archived.
func (c *Core) React(ctx context.Context, by chat.Actor, id chat.MessageID, emoji string) (msg *chat.Message, added bool, err error) {
	emoji, err = c.reactable(ctx, by, id, emoji)
	if err == nil {
		emoji, err = c.existingEmoji(ctx, emoji)
	}
	if err != nil {
		return nil, false, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if msg, err = tx.Message(ctx, id); err != nil {
			return nil, err
		}
		if msg.Deleted {
			return nil, errMessageDeleted
		}
		there := slices.IndexFunc(msg.Reactions, func(r chat.Reaction) bool { return r.Emoji == emoji })
		if there < 0 && len(msg.Reactions) >= maxReactions {
			return nil, chat.Errorf(chat.Conflict, "too_many_reactions", "A message can have %d different reactions. Join one of those that are there.", maxReactions)
		}
		if msg, added, err = tx.AddReaction(ctx, id, by.UserID, emoji, c.now()); err != nil {
			return nil, err
		}
		if !added {
			return nil, c.fillMessages(ctx, msg)
		}
		return []chat.Event{chat.ReactionAdded{Message: msg, UserID: by.UserID, Emoji: emoji}}, nil
	})
	if err != nil {
		return nil, false, err
	}
	return msg, added, nil
}

// Unreact takes the actor's reaction back; without one nothing happens. Fails with emoji_invalid, message_not_found,
// react_forbidden, muted, blocked, room_archived.
func (c *Core) Unreact(ctx context.Context, by chat.Actor, id chat.MessageID, emoji string) (msg *chat.Message, removed bool, err error) {
	emoji, err = c.reactable(ctx, by, id, emoji)
	if err != nil {
		return nil, false, err
	}
	if as, err := c.existingEmoji(ctx, emoji); err == nil {
		emoji = as // one that is gone is taken back under the name it had
	} else if chat.CodeOf(err) != errEmojiUnknown.Code {
		return nil, false, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if msg, removed, err = tx.RemoveReaction(ctx, id, by.UserID, emoji); err != nil {
			return nil, err
		}
		if !removed {
			return nil, c.fillMessages(ctx, msg)
		}
		return []chat.Event{chat.ReactionRemoved{Message: msg, UserID: by.UserID, Emoji: emoji}}, nil
	})
	if err != nil {
		return nil, false, err
	}
	return msg, removed, nil
}

// ReactionView is one emoji under a message, and who gave it.
type ReactionView struct {
	Emoji string
	Count int
	Users []*chat.User // the first 100 of them in the order they reacted, without people whose account is gone
}

// maxReactors bounds the people named for one emoji.
const maxReactors = 100

// Reactions says who reacted to a message and with what, in the order of the first use of each emoji. Fails with
// message_not_found, not_a_member.
func (c *Core) Reactions(ctx context.Context, by chat.Actor, id chat.MessageID) ([]ReactionView, error) {
	msg, err := c.readable(ctx, by, id)
	if err != nil {
		return nil, err
	}
	var ids []chat.UserID
	for _, r := range msg.Reactions {
		ids = append(ids, r.Users[:min(len(r.Users), maxReactors)]...)
	}
	users, err := c.users.get(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make([]ReactionView, len(msg.Reactions))
	for i, r := range msg.Reactions {
		views[i] = ReactionView{Emoji: r.Emoji, Count: len(r.Users)}
		for _, id := range r.Users[:min(len(r.Users), maxReactors)] {
			if user := users[id]; user != nil {
				views[i].Users = append(views[i].Users, user)
			}
		}
	}
	return views, nil
}

// reactable checks that the actor may react to a message, and with this.
func (c *Core) reactable(ctx context.Context, by chat.Actor, id chat.MessageID, emoji string) (string, error) {
	if _, err := c.person(ctx, by); err != nil {
		return "", err
	}
	clean, ok := cleanEmoji(emoji)
	if !ok {
		return "", chat.InvalidField("emoji", "emoji_invalid", "Give one emoji, or the :name: of one.")
	}
	msg, err := c.readable(ctx, by, id)
	if err != nil {
		return "", err
	}
	s, err := c.allow(ctx, by, chat.CanReact, msg.RoomID)
	if err != nil {
		return "", err
	}
	return clean, c.openThread(ctx, s, msg)
}
