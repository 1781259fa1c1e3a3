package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/internal/chat"
	"parley/internal/fold"
)

// What PostgreSQL keeps for a search is written here word by word: its own parser takes texts apart by other rules than package
// fold (it drops every emoji, for one). Words of texts have letters and digits only, so a slash sets apart what else is known
// of a message: /r7 its room, /sID its sender, /attachments and /links.

// What a tsvector can hold. Places further on are one place, and of one word it keeps 255 at most: so a phrase is not found by
// what it only has there, which FTS5 would find. A longer word is kept by its beginning and a hash.
const (
	maxLexeme   = 2000 // bytes; with the hash less than the 2046 that there may be
	maxPosition = 16383
)

// searchable is what a message is found by.
type searchable struct {
	room        chat.RoomID
	sender      chat.UserID
	text        string // folded
	attachments bool
	links       bool
}

// vector writes a searchable as a tsvector.
func (s searchable) vector() string {
	var b strings.Builder
	b.Grow(len(s.text) + len(s.text)/2 + 64)
	b.WriteString("/r" + s.room.String())
	if s.sender != "" {
		b.WriteByte(' ')
		writeLexeme(&b, lexeme("/s"+string(s.sender), false))
	}
	if s.attachments {
		b.WriteString(" /attachments")
	}
	if s.links {
		b.WriteString(" /links")
	}
	at := 0
	for word := range strings.SplitSeq(s.text, " ") {
		if word == "" {
			continue
		}
		at++
		b.WriteByte(' ')
		writeLexeme(&b, lexeme(word, false))
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(min(at, maxPosition)))
	}
	return b.String()
}

// lexeme is how a word is kept; with begins, what all words begin with that begin with it.
func lexeme(word string, begins bool) string {
	if len(word) <= maxLexeme {
		return word
	}
	cut := maxLexeme
	for !utf8.RuneStart(word[cut]) {
		cut--
	}
	if begins {
		return word[:cut]
	}
	sum := sha256.Sum256([]byte(word))
	return word[:cut] + "/" + hex.EncodeToString(sum[:16])
}

// writeLexeme quotes a word, so that it is only ever a word.
func writeLexeme(b *strings.Builder, word string) {
	b.WriteByte('\'')
	for i := range len(word) {
		switch c := word[i]; c {
		case 0: // no text holds one
		case '\'', '\\':
			b.WriteByte(c)
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
}

// matchTSQuery writes the condition of a search as a tsquery.
func matchTSQuery(rooms []chat.RoomID, q chat.SearchQuery) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, room := range rooms {
		if i > 0 {
			b.WriteString(" | ")
		}
		b.WriteString("/r" + room.String())
	}
	b.WriteByte(')')
	if q.From != "" {
		b.WriteString(" & ")
		writeLexeme(&b, lexeme("/s"+string(q.From), false))
	}
	if q.HasAttachments {
		b.WriteString(" & /attachments")
	}
	if q.HasLinks {
		b.WriteString(" & /links")
	}
	for _, term := range q.Terms {
		words := fold.Words(strings.Join(term.Words, " "))
		if len(words) == 0 {
			continue
		}
		b.WriteString(" & ")
		if term.Not {
			b.WriteByte('!')
		}
		b.WriteByte('(')
		for i, word := range words {
			if i > 0 {
				b.WriteString(" <-> ")
			}
			writeLexeme(&b, lexeme(word, term.Prefix && i == len(words)-1))
		}
		if term.Prefix {
			b.WriteString(":*")
		}
		b.WriteByte(')')
	}
	return b.String()
}

// putSearch makes what a message is found by follow its row.
func (t *tx) putSearch(ctx context.Context, id chat.MessageID) error {
	type row struct {
		searchable
		found bool
	}
	r, err := one(ctx, t.x, chat.ErrMessageNotFound, func(in scanner) (r row, err error) {
		var content string
		var search *string
		err = in.Scan(&r.room, &r.sender, &content, &search, &r.attachments, &r.links)
		if r.found = search != nil; r.found {
			r.text = indexedText(*search, content)
		}
		return r, err
	}, `SELECT room_id, sender_id, content, search, attachments > 0, `+withLinks+` FROM messages WHERE id = $1`, id)
	if err != nil {
		return err
	}
	if !r.found {
		_, err = t.x.exec(ctx, `DELETE FROM search WHERE message_id = $1`, id)
		return err
	}
	_, err = t.x.exec(ctx, `INSERT INTO search (message_id, words) VALUES ($1, CAST(CAST($2 AS TEXT) AS TSVECTOR))
		ON CONFLICT (message_id) DO UPDATE SET words = excluded.words`, id, r.vector())
	return err
}

// indexedText is the text that the column search stands for.
func indexedText(search, content string) string {
	if search == "" {
		return fold.Fold(content)
	}
	return search
}

// rebuildBulk is how many messages one transaction of rebuildSearch makes anew.
const rebuildBulk = 1000

// rebuildSearch makes the words of all messages anew when they were made by other rules of folding. The caller is alone.
func (s *Store) rebuildSearch(ctx context.Context) error {
	var version string
	if err := s.writing.QueryRowContext(ctx, `SELECT version FROM search_state`).Scan(&version); err != nil || version == fold.Version {
		return err
	}
	for last, n := int64(0), int64(1); n > 0; {
		var err error
		if last, n, err = s.rebuildSome(ctx, last); err != nil {
			return err
		}
	}
	_, err := s.writing.ExecContext(ctx, `UPDATE search_state SET version = $1`, fold.Version)
	return err
}

// rebuildSome makes the words of the messages after one anew, and returns the last and how many there were; 0: all are done. They
// are locked meanwhile: a node that serves could delete one.
func (s *Store) rebuildSome(ctx context.Context, after int64) (last, n int64, err error) {
	tx, err := s.writing.BeginTx(ctx, nil)
	if err != nil {
		return after, 0, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	rows, err := tx.QueryContext(ctx, `SELECT id, room_id, sender_id, content, search, attachments > 0, `+withLinks+` FROM messages
		WHERE id > $1 AND search IS NOT NULL ORDER BY id LIMIT $2 FOR SHARE`, after, rebuildBulk)
	if err != nil {
		return after, 0, err
	}
	defer rows.Close()
	var ids []int64
	var vectors []string
	for rows.Next() {
		var r searchable
		var content, search string
		if err := rows.Scan(&last, &r.room, &r.sender, &content, &search, &r.attachments, &r.links); err != nil {
			return after, 0, err
		}
		r.text = indexedText(search, content)
		ids, vectors = append(ids, last), append(vectors, r.vector())
	}
	if err := rows.Err(); err != nil || len(ids) == 0 {
		return after, 0, err
	}
	if _, err := tx.ExecContext(ctx, insertSearch+` ON CONFLICT (message_id) DO UPDATE SET words = excluded.words`, ids, vectors); err != nil {
		return after, 0, err
	}
	return last, int64(len(ids)), tx.Commit()
}

// insertSearch stores the words of many messages.
const insertSearch = `INSERT INTO search (message_id, words)
	SELECT x.id, CAST(x.words AS TSVECTOR) FROM unnest(CAST($1 AS BIGINT[]), CAST($2 AS TEXT[])) AS x (id, words)`
