package sqlstore

import (
	"context"
	"math"
	"slices"
	"strings"

	"parley/internal/chat"
	"parley/internal/fold"
)

// maxEstimate is where counting hits stops.
const maxEstimate = 1000

// Search implements core.Reader. Words are looked for in content and file names, as package fold takes them apart: what is
// written without spaces (Chinese, Japanese, Thai) is found by any part of it when the term is a phrase of its characters, and
// an emoji is a word. TotalEstimate stops at 1,000 and does not look at the times of the query. A term without words matches
// everything.
func (r reader) Search(ctx context.Context, q chat.SearchQuery) (result chat.SearchResult, err error) {
	if err := r.waitIndexed(ctx); err != nil {
		return result, err
	}
	match, err := r.searchMatch(ctx, q)
	if err != nil || match == "" {
		return result, err
	}
	limit := min(max(q.Limit, 1), 100)
	before, until := int64(q.BeforeID), micros(q.Before)
	if before == 0 {
		before = math.MaxInt64
	}
	if until == 0 {
		until = math.MaxInt64
	}
	rows, err := r.messageRows(ctx, r.s.fl.searchHits, match, before, micros(q.After), until, q.Reader, limit+1)
	if err != nil {
		return result, err
	}
	if result.More = len(rows) > limit; result.More {
		rows = rows[:limit]
	}
	count, args := r.s.fl.searchCount, []any{match, maxEstimate}
	if !q.After.IsZero() || !q.Before.IsZero() {
		count, args = r.s.fl.searchCountWithin, []any{match, micros(q.After), until, maxEstimate}
	}
	if result.TotalEstimate, err = one(ctx, r.x, chat.ErrNotFound, scalar[int], count, args...); err != nil {
		return chat.SearchResult{}, err
	}
	result.Hits = make([]chat.SearchHit, len(rows))
	for i, m := range rows {
		result.Hits[i] = chat.SearchHit{Message: m.Message, Highlights: highlights(m.Content, q.Terms)}
	}
	return result, r.surroundings(ctx, result.Hits)
}

// searchMatch writes the condition of a search in the engine's own way; "" when nothing can be found.
func (r reader) searchMatch(ctx context.Context, q chat.SearchQuery) (string, error) {
	rooms, err := all(ctx, r.x, scalar[chat.RoomID], `SELECT room_id FROM members WHERE user_id = $1 AND (CAST($2 AS BIGINT) = 0 OR room_id = $3) ORDER BY room_id`,
		q.Reader, int64(q.RoomID), int64(q.RoomID))
	if err != nil || len(rooms) == 0 {
		return "", err
	}
	return r.s.fl.matcher(rooms, q), nil
}

// matchFTS5 writes the query for FTS5. Every text is quoted, so that it is only ever a text.
func matchFTS5(rooms []chat.RoomID, q chat.SearchQuery) string {
	var b strings.Builder
	b.WriteString(`meta : (`)
	for i, room := range rooms {
		if i > 0 {
			b.WriteString(" OR ")
		}
		b.WriteString("r" + room.String())
	}
	b.WriteString(")")
	if q.From != "" {
		b.WriteString(` AND meta : ` + quote("s"+strings.ReplaceAll(string(q.From), "-", "")))
	}
	if q.HasAttachments {
		b.WriteString(` AND meta : attachments`)
	}
	if q.HasLinks {
		b.WriteString(` AND meta : links`)
	}
	for _, not := range []bool{false, true} {
		for _, term := range q.Terms {
			phrase := fold.Fold(strings.Join(term.Words, " "))
			if term.Not != not || phrase == "" {
				continue
			}
			if not { // NOT binds tighter than AND, so all that stands before is put in brackets
				text := b.String()
				b.Reset()
				b.WriteString("(" + text + ") NOT ")
			} else {
				b.WriteString(" AND ")
			}
			b.WriteString("text : " + quote(phrase))
			if term.Prefix {
				b.WriteString("*")
			}
		}
	}
	return b.String()
}

// quote makes a string of FTS5, which ends at a zero byte.
func quote(s string) string { return `"` + quoter.Replace(s) + `"` }

var quoter = strings.NewReplacer(`"`, `""`, "\x00", " ")

// highlights finds where the terms stand in a text: in order, and one span where two meet or overlap.
func highlights(text string, terms []chat.SearchTerm) []chat.Span {
	var spans []chat.Span
	tokens := fold.Tokens(text)
	for _, term := range terms {
		words := fold.Words(strings.Join(term.Words, " "))
		if term.Not || len(words) == 0 {
			continue
		}
		for at := 0; at+len(words) <= len(tokens); at++ {
			if standsAt(tokens[at:], words, term.Prefix) {
				spans = append(spans, chat.Span{Start: tokens[at].Start, End: tokens[at+len(words)-1].End})
			}
		}
	}
	slices.SortFunc(spans, func(a, b chat.Span) int { return a.Start - b.Start })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && s.Start <= merged[n-1].End {
			merged[n-1].End = max(merged[n-1].End, s.End)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// standsAt reports whether the words are the first of the tokens; with prefix, the last may go on.
func standsAt(tokens []fold.Token, words []string, prefix bool) bool {
	for i, word := range words {
		if prefix && i == len(words)-1 {
			return strings.HasPrefix(tokens[i].Text, word)
		}
		if tokens[i].Text != word {
			return false
		}
	}
	return true
}

// surroundings puts the messages before and after each hit beside it.
func (r reader) surroundings(ctx context.Context, hits []chat.SearchHit) error {
	if len(hits) == 0 {
		return nil
	}
	ids := make([]chat.MessageID, len(hits))
	for i := range hits {
		ids[i] = hits[i].Message.ID
	}
	beside := make(map[chat.MessageID][2]chat.MessageID, len(hits))
	var near []chat.MessageID
	list, args := in(nil, ids)
	err := each(ctx, r.x, func(row scanner) error {
		var id chat.MessageID
		var ids [2]chat.MessageID
		err := row.Scan(&id, &ids[0], &ids[1])
		beside[id] = ids
		near = append(near, ids[:]...)
		return err
	}, `SELECT m.id, COALESCE((SELECT p.id FROM messages p WHERE p.room_id = m.room_id AND p.seq < m.seq ORDER BY p.seq DESC LIMIT 1), 0),
			COALESCE((SELECT n.id FROM messages n WHERE n.room_id = m.room_id AND n.seq > m.seq ORDER BY n.seq LIMIT 1), 0)
		FROM messages m WHERE m.id IN `+list, args...)
	if err != nil {
		return err
	}
	found, err := r.MessagesByID(ctx, near)
	if err != nil {
		return err
	}
	byID := make(map[chat.MessageID]*chat.Message, len(found))
	for _, m := range found {
		byID[m.ID] = m
	}
	for i := range hits {
		ids := beside[hits[i].Message.ID]
		hits[i].Previous, hits[i].Next = byID[ids[0]], byID[ids[1]]
	}
	return nil
}
