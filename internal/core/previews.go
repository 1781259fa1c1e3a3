package core

import (
	"context"
	"slices"

	"parley/internal/chat"
)

// SetLinks stores what was found out about the pages that a message links to, and tells the room. links name the message's
// addresses in their order; one without a title keeps what was known of its page. If the message was deleted, no longer has
// these links, or nothing is new, nothing happens. Fails with message_not_found.
func (c *Core) SetLinks(ctx context.Context, id chat.MessageID, links []chat.Link) error {
	return c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		now, err := tx.Message(ctx, id)
		if err != nil || now.Deleted {
			return nil, err
		}
		merged, ok := mergeLinks(now.Links, links)
		if !ok || slices.Equal(merged, now.Links) {
			return nil, nil
		}
		msg, err := tx.SetLinks(ctx, id, merged)
		if err != nil {
			return nil, err
		}
		return []chat.Event{chat.MessageChanged{Message: msg}}, nil
	})
}

// mergeLinks puts found over known; ok is false if they are not of the same addresses.
func mergeLinks(known, found []chat.Link) (merged []chat.Link, ok bool) {
	if len(known) != len(found) {
		return nil, false
	}
	merged = slices.Clone(known)
	for i, l := range found {
		if l.URL != known[i].URL {
			return nil, false
		}
		if l.Title != "" {
			merged[i] = l
		}
	}
	return merged, true
}
