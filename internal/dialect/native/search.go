package native

import (
	"context"
	"strings"
	"unicode/utf16"

	"parley/internal/chat"
	"parley/internal/core"
)

type (
	searchAnswer struct {
		Hits          []Hit   `json:"hits" doc:"Newest first."`
		TotalEstimate int     `json:"total_estimate" example:"1"`
		NextCursor    *string `json:"next_cursor" doc:"Null at the end."`
	}
	// Hit is a message found, with the ones around it.
	Hit struct {
		Message    Message     `json:"message"`
		Highlights []Highlight `json:"highlights" doc:"Where the terms stand in the content."`
		Previous   *Message    `json:"previous" doc:"The message before it in the room."`
		Next       *Message    `json:"next" doc:"The message after it."`
		Room       Room        `json:"room"`
	}
	// Highlight is a range of the content in UTF-16 code units, as JavaScript counts: [start, end).
	Highlight struct {
		Start int `json:"start" example:"8"`
		End   int `json:"end" example:"13"`
	}
)

func (d *Dialect) registerSearch() {
	handle(d, "GET /search", endpoint{
		id: "search", tag: "Search", summary: "Search messages",
		description: "In the caller's rooms only. q has terms, \"phrases\", prefix* and -not; it may be empty when a filter is given.",
		codes:       "query_empty query_too_long date_invalid cursor_invalid limit_invalid has_invalid room_not_found not_a_member rate_limited",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		Q      string `query:"q" maxLength:"500" example:"world"`
		RoomID string `query:"room_id" doc:"In this room only."`
		From   string `query:"from" doc:"By this sender, by id."`
		After  string `query:"after" doc:"A date or RFC 3339 time." example:"2026-03-01"`
		Before string `query:"before" doc:"A date or RFC 3339 time."`
		Has    string `query:"has" doc:"attachments, links, or both separated by a comma." example:"links"`
		PageQuery
		RenderQuery
	}) (*reply[searchAnswer], error) {
		q := core.Searching{Text: in.Q, From: chat.UserID(in.From), After: in.After, Before: in.Before, Limit: in.Limit, Cursor: in.Cursor}
		var err error
		if in.RoomID != "" {
			if q.RoomID, err = roomID(in.RoomID); err != nil {
				return nil, err
			}
		}
		for what := range strings.SplitSeq(in.Has, ",") {
			switch what {
			case "attachments":
				q.HasAttachments = true
			case "links":
				q.HasLinks = true
			case "":
			default:
				return nil, chat.InvalidField("has", "has_invalid", "has is attachments, links, or both.")
			}
		}
		page, err := d.core.Search(ctx, by, q)
		if err != nil {
			return nil, err
		}
		return ok(searchAnswer{
			Hits: convert(page.Hits, func(h chat.SearchHit) Hit { return d.hit(h, page.Rooms, by, in.Render) }), TotalEstimate: page.TotalEstimate,
			NextCursor: next(page.Next),
		}), nil
	})
}

func (d *Dialect) hit(h chat.SearchHit, rooms map[chat.RoomID]chat.RoomView, by chat.Actor, render string) Hit {
	out := Hit{
		Message: d.shown([]chat.Message{h.Message}, by, render)[0], Room: d.room(rooms[h.Message.RoomID]), Highlights: highlights(h.Message.Content, h.Highlights),
	}
	for _, side := range []struct {
		from *chat.Message
		to   **Message
	}{{h.Previous, &out.Previous}, {h.Next, &out.Next}} {
		if side.from != nil {
			m := d.shown([]chat.Message{*side.from}, by, render)[0]
			*side.to = &m
		}
	}
	return out
}

// highlights turns ranges of bytes into ranges of UTF-16 code units.
func highlights(text string, spans []chat.Span) []Highlight {
	units := func(byteAt int) (n int) {
		for _, r := range text[:max(0, min(byteAt, len(text)))] {
			n += utf16.RuneLen(r)
		}
		return n
	}
	return convert(spans, func(s chat.Span) Highlight { return Highlight{units(s.Start), units(s.End)} })
}
