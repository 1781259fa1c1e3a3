package core

import (
	"context"

	"parley/internal/chat"
)

// Block makes the actor deaf to a person: no direct messages, invites or notifications from them. Blocking twice is fine.
// Fails with user_not_found, target_is_self.
func (c *Core) Block(ctx context.Context, by chat.Actor, user chat.UserID) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	if by.UserID == user {
		return chat.Errorf(chat.Invalid, "target_is_self", "You cannot block yourself.")
	}
	if _, err := c.user(ctx, user); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		made, err := tx.PutBlock(ctx, chat.Block{UserID: by.UserID, BlockedID: user, CreatedAt: c.now()})
		if err != nil || !made {
			return nil, err
		}
		return []chat.Event{chat.BlockChanged{UserID: by.UserID, BlockedID: user, Blocked: true}}, nil
	})
}

// Unblock: see Block. Unblocking someone who is not blocked is fine.
func (c *Core) Unblock(ctx context.Context, by chat.Actor, user chat.UserID) error {
	if _, err := c.person(ctx, by); err != nil {
		return err
	}
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		was, err := tx.DeleteBlock(ctx, by.UserID, user)
		if err != nil || !was {
			return nil, err
		}
		return []chat.Event{chat.BlockChanged{UserID: by.UserID, BlockedID: user}}, nil
	})
}

// Blocks lists whom the actor blocked.
func (c *Core) Blocks(ctx context.Context, by chat.Actor) ([]*chat.User, error) {
	blocks, err := c.Store.Blocks(ctx, by.UserID)
	if err != nil {
		return nil, err
	}
	ids := make([]chat.UserID, len(blocks))
	for i, b := range blocks {
		ids[i] = b.BlockedID
	}
	users, err := c.users.get(ctx, ids)
	if err != nil {
		return nil, err
	}
	list := make([]*chat.User, 0, len(blocks))
	for _, id := range ids {
		if u := users[id]; u != nil {
			list = append(list, c.profile(by, u))
		}
	}
	return list, nil
}
