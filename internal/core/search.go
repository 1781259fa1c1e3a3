package core

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/fold"
)

// Bounds of a question.
const (
	maxSearchText  = 500 // characters
	maxSearchWords = 64
)

// Searching is a question in a person's words: terms, "phrases", prefix*, -not. Text may also hold filters as clients show
// them: from:name (or from:me), in:slug, has:link, has:attachment, before:date, after:date. They narrow what the fields say.
type Searching struct {
	Text           string // at most 500 characters; may be empty when a filter is set
	RoomID         chat.RoomID
	From           chat.UserID
	After, Before  string // RFC 3339 or a date (UTC): from its beginning, until its beginning
	HasAttachments bool
	HasLinks       bool
	Limit          int
	Cursor         string
}

// SearchPage is a page of hits, newest first.
type SearchPage struct {
	Hits          []chat.SearchHit
	Rooms         map[chat.RoomID]chat.RoomView // of the hits
	TotalEstimate int
	Next          string
}

// Search finds messages in the actor's rooms; never one they cannot read. A page may be shorter than asked for although
// there is a next one. Fails with query_empty, query_too_long, date_invalid, cursor_invalid, limit_invalid, room_not_found,
// not_a_member, rate_limited.
func (c *Core) Search(ctx context.Context, by chat.Actor, s Searching) (SearchPage, error) {
	if err := checkLimit(&s.Limit, 100); err != nil {
		return SearchPage{}, err
	}
	if _, err := c.person(ctx, by); err != nil {
		return SearchPage{}, err
	}
	query, named, err := parseSearch(s)
	if err != nil {
		return SearchPage{}, err
	}
	query.Reader = by.UserID
	if err := c.charge(ctx, "search:"+string(by.UserID), c.Limits.SearchPerMinute, time.Minute, "You are searching too often."); err != nil {
		return SearchPage{}, err
	}
	if possible, err := c.resolve(ctx, by, &query, named); err != nil || !possible {
		return SearchPage{}, err
	}
	if query.RoomID != 0 {
		seat, err := c.allow(ctx, by, chat.CanRead, query.RoomID)
		if err != nil {
			return SearchPage{}, err
		}
		if seat.member == nil {
			return SearchPage{}, chat.ErrNotAMember
		}
	}
	found, err := c.Store.Search(ctx, query)
	if err != nil {
		return SearchPage{}, err
	}
	page := SearchPage{TotalEstimate: found.TotalEstimate}
	if found.More {
		page.Next = found.Hits[len(found.Hits)-1].Message.ID.String()
	}
	return page, c.present(ctx, by, found.Hits, &page)
}

// SearchRoom finds messages of one room that contain the words of a text one after the other, the last one perhaps only its
// beginning; newest first, at most limit (1–100). In rooms of the server people become members by it. Fails like Search.
func (c *Core) SearchRoom(ctx context.Context, by chat.Actor, room chat.RoomID, text string, limit int) ([]chat.Message, error) {
	if utf8.RuneCountInString(text) > maxSearchText {
		return nil, chat.InvalidField("q", "query_too_long", "At most %d characters.", maxSearchText)
	}
	user, err := c.person(ctx, by)
	if err != nil {
		return nil, err
	}
	s, err := c.allow(ctx, by, chat.CanRead, room)
	if err != nil {
		return nil, err
	}
	if err := c.charge(ctx, "search:"+string(by.UserID), c.Limits.SearchPerMinute, time.Minute, "You are searching too often."); err != nil {
		return nil, err
	}
	words := fold.Words(text)
	if len(words) == 0 || len(words) > maxSearchWords {
		return nil, nil
	}
	if s.member == nil {
		err := c.change(ctx, func(tx Tx) ([]chat.Event, error) { return c.enterQuietly(ctx, tx, s, user) })
		if err != nil {
			return nil, err
		}
	}
	found, err := c.Store.Search(ctx, chat.SearchQuery{Reader: by.UserID, RoomID: room, Terms: []chat.SearchTerm{{Words: words, Prefix: true}}, Limit: limit})
	if err != nil {
		return nil, err
	}
	list := make([]chat.Message, len(found.Hits))
	for i, hit := range found.Hits {
		list[i] = hit.Message
	}
	return list, c.fillMessages(ctx, pointers(list)...)
}

// present keeps the hits that the actor may read right now (a member may be timed out, or a role list may exclude them) and
// completes them.
func (c *Core) present(ctx context.Context, by chat.Actor, hits []chat.SearchHit, page *SearchPage) error {
	readable := map[chat.RoomID]bool{}
	var messages []*chat.Message
	for _, hit := range hits {
		room := hit.Message.RoomID
		if _, asked := readable[room]; !asked {
			_, err := c.allow(ctx, by, chat.CanRead, room)
			if err != nil && chat.AsError(err).Kind != chat.Forbidden && chat.AsError(err).Kind != chat.NotFound {
				return err
			}
			readable[room] = err == nil
		}
		if readable[room] {
			page.Hits = append(page.Hits, hit)
		}
	}
	if len(page.Hits) == 0 {
		return nil
	}
	for i := range page.Hits {
		hit := &page.Hits[i]
		for _, m := range []*chat.Message{&hit.Message, hit.Previous, hit.Next} {
			if m != nil && m.Sender == nil {
				messages = append(messages, m)
			}
		}
	}
	if err := c.fillMessages(ctx, messages...); err != nil {
		return err
	}
	rooms, err := c.Rooms(ctx, by)
	if err != nil {
		return err
	}
	page.Rooms = make(map[chat.RoomID]chat.RoomView)
	for _, view := range rooms {
		if readable[view.Room.ID] {
			page.Rooms[view.Room.ID] = view
		}
	}
	return nil
}

// names are the filters of a question that must be looked up.
type names struct{ from, room string }

// resolve looks names up. It reports false when nothing can be found: nobody has the name, or two filters contradict each other.
func (c *Core) resolve(ctx context.Context, by chat.Actor, q *chat.SearchQuery, named names) (bool, error) {
	if named.from != "" {
		id := by.UserID
		if !strings.EqualFold(named.from, "me") {
			user, err := c.Store.UserByName(ctx, strings.TrimPrefix(named.from, "@"))
			if err != nil {
				if chat.AsError(err).Kind == chat.NotFound {
					err = nil
				}
				return false, err
			}
			id = user.ID
		}
		if q.From != "" && q.From != id {
			return false, nil
		}
		q.From = id
	}
	if named.room != "" {
		room, err := c.Store.RoomBySlug(ctx, strings.TrimPrefix(named.room, "#"))
		if err != nil {
			return false, err
		}
		if q.RoomID != 0 && q.RoomID != room.ID {
			return false, nil
		}
		q.RoomID = room.ID
	}
	return true, nil
}

// parseSearch reads a question.
func parseSearch(s Searching) (q chat.SearchQuery, named names, err error) {
	if len(s.Text) > 4*maxSearchText || utf8.RuneCountInString(s.Text) > maxSearchText {
		return q, named, errQueryTooLong
	}
	q = chat.SearchQuery{RoomID: s.RoomID, From: s.From, HasAttachments: s.HasAttachments, HasLinks: s.HasLinks, Limit: s.Limit}
	if s.Cursor != "" {
		var ok bool
		if q.BeforeID, ok = chat.ParseMessageID(s.Cursor); !ok {
			return q, named, chat.InvalidField("cursor", "cursor_invalid", "This is not a cursor of a search.")
		}
	}
	if err := narrow(&q, "after", s.After); err != nil {
		return q, named, err
	}
	if err := narrow(&q, "before", s.Before); err != nil {
		return q, named, err
	}
	words, positive := 0, false
	for piece := range pieces(s.Text) {
		if piece.filter(&q, &named, &err) {
			if err != nil {
				return q, named, err
			}
			continue
		}
		term := chat.SearchTerm{Words: fold.Words(piece.text), Not: piece.not, Prefix: piece.prefix}
		if len(term.Words) == 0 {
			continue
		}
		if words += len(term.Words); words > maxSearchWords {
			return q, named, errQueryTooLong
		}
		positive = positive || !term.Not
		q.Terms = append(q.Terms, term)
	}
	filtered := q.RoomID != 0 || q.From != "" || q.HasAttachments || q.HasLinks || !q.After.IsZero() || !q.Before.IsZero() || named != (names{})
	if !positive && !filtered {
		return q, named, chat.InvalidField("q", "query_empty", "Say what to look for: a word, a \"phrase\", or a filter.")
	}
	return q, named, nil
}

var errQueryTooLong = chat.InvalidField("q", "query_too_long", "A search has at most %d characters and %d words.", maxSearchText, maxSearchWords)

// piece is one part of a question: a word, a phrase or a filter.
type piece struct {
	text   string
	key    string // of a filter: what stands before the colon, lower case
	not    bool
	prefix bool
}

// pieces takes a question apart. Quotes keep words together; one that is not closed reaches to the end.
func pieces(text string) func(yield func(piece) bool) {
	return func(yield func(piece) bool) {
		for {
			text = strings.TrimLeftFunc(text, isBlank)
			if text == "" {
				return
			}
			var p piece
			if len(text) > 1 && text[0] == '-' {
				p.not, text = true, text[1:]
			}
			if key, rest, ok := strings.Cut(text, ":"); ok && isFilter(strings.ToLower(key)) && !p.not {
				p.key, text = strings.ToLower(key), rest
			}
			var end int
			if strings.HasPrefix(text, `"`) {
				text = text[1:]
				if end = strings.IndexByte(text, '"'); end < 0 {
					end = len(text)
				}
				p.text, text = text[:end], strings.TrimPrefix(text[end:], `"`)
				if strings.HasPrefix(text, "*") {
					p.prefix, text = true, text[1:]
				}
			} else {
				if end = strings.IndexFunc(text, func(r rune) bool { return isBlank(r) || r == '"' }); end < 0 {
					end = len(text)
				}
				p.text, text = text[:end], text[end:]
				p.prefix = strings.HasSuffix(p.text, "*")
			}
			if !yield(p) {
				return
			}
		}
	}
}

func isFilter(key string) bool {
	switch key {
	case "from", "in", "has", "before", "after":
		return true
	}
	return false
}

// filter applies a piece that is a filter and reports whether it was one. A filter without a value, or of an unknown kind,
// is just words.
func (p *piece) filter(q *chat.SearchQuery, named *names, err *error) bool {
	if p.key == "" {
		return false
	}
	if p.text == "" {
		p.text = p.key
		return false
	}
	switch p.key {
	case "from":
		named.from = p.text
	case "in":
		named.room = p.text
	case "before", "after":
		*err = narrow(q, p.key, p.text)
	case "has":
		switch strings.TrimSuffix(strings.ToLower(p.text), "s") {
		case "link":
			q.HasLinks = true
		case "attachment", "file":
			q.HasAttachments = true
		default:
			p.text = p.key + " " + p.text
			return false
		}
	}
	return true
}

// narrow moves one end of the time that is searched, never outwards. Fails with date_invalid.
func narrow(q *chat.SearchQuery, end, s string) error {
	if s == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		if at, err = time.Parse(time.DateOnly, s); err != nil {
			return chat.InvalidField(end, "date_invalid", "Write a date as 2006-01-02 or a time as 2006-01-02T15:04:05Z.")
		}
	}
	if at.Year() < 1970 {
		at = time.Unix(1, 0) // nothing is older, and the zero time means no bound
	}
	switch {
	case end == "after" && at.After(q.After):
		q.After = at
	case end == "before" && (q.Before.IsZero() || at.Before(q.Before)):
		q.Before = at
	}
	return nil
}
