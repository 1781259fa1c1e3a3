package core

import (
	"context"

	"parley/internal/chat"
)

// Searching is a question in a person's words: terms, "phrases", prefix*, -not.
type Searching struct {
	Text           string // at most 500 characters; may be empty when a filter is set
	RoomID         chat.RoomID
	From           chat.UserID
	After, Before  string // RFC 3339 or a date
	HasAttachments bool
	HasLinks       bool
	Limit          int
	Cursor         string
}

// SearchPage is a page of hits, newest first.
type SearchPage struct {
	Hits          []chat.SearchHit
	Rooms         map[chat.RoomID]chat.RoomView
	TotalEstimate int
	Next          string
}

// Search finds messages in the actor's rooms; never one they cannot read. Fails with query_empty, query_too_long, date_invalid,
// cursor_invalid, room_not_found, not_a_member, rate_limited.
func (c *Core) Search(ctx context.Context, by chat.Actor, q Searching) (SearchPage, error) {
	return SearchPage{}, errUnbuilt
}
