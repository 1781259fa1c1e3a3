package sqlstore

import (
	"context"
	"slices"
	"time"

	"parley/internal/chat"
)

// fillPolls loads the polls of messages with their options and votes: three queries.
func (r reader) fillPolls(ctx context.Context, ids []chat.MessageID, byID map[chat.MessageID]*messageRow) error {
	list, args := in(nil, ids)
	err := each(ctx, r.x, func(row scanner) error {
		var id chat.MessageID
		p := new(chat.Poll)
		var expires, ended int64
		if err := row.Scan(&id, &p.Question, &p.Multiple, &p.CreatedBy, &expires, &ended, &p.EndedBy); err != nil {
			return err
		}
		p.ExpiresAt, p.EndedAt = fromMicros(expires), fromMicros(ended)
		byID[id].Poll = p
		return nil
	}, `SELECT message_id, question, multiple, created_by, expires_at, ended_at, ended_by FROM polls WHERE message_id IN `+list, args...)
	if err != nil {
		return err
	}
	err = each(ctx, r.x, func(row scanner) error {
		var id chat.MessageID
		var o chat.PollOption
		if err := row.Scan(&id, &o.ID, &o.Text, &o.Emoji); err != nil {
			return err
		}
		p := byID[id].Poll
		p.Options = append(p.Options, o)
		return nil
	}, `SELECT message_id, id, text, emoji FROM poll_options WHERE message_id IN `+list+` ORDER BY message_id, position`, args...)
	if err != nil {
		return err
	}
	return each(ctx, r.x, func(row scanner) error {
		var id chat.MessageID
		var position int
		var user chat.UserID
		if err := row.Scan(&id, &position, &user); err != nil {
			return err
		}
		o := &byID[id].Poll.Options[position]
		o.Voters = append(o.Voters, user)
		return nil
	}, `SELECT message_id, position, user_id FROM poll_votes WHERE message_id IN `+list+` ORDER BY message_id, position, at, user_id`, args...)
}

// putPoll stores the poll of a message that was just stored.
func (t *tx) putPoll(ctx context.Context, id chat.MessageID, p *chat.Poll) error {
	if p == nil {
		return nil
	}
	if _, err := t.x.exec(ctx, `INSERT INTO polls (message_id, question, multiple, created_by, expires_at, ended_at, ended_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		int64(id), p.Question, p.Multiple, string(p.CreatedBy), micros(p.ExpiresAt), micros(p.EndedAt), string(p.EndedBy)); err != nil {
		return err
	}
	for i, o := range p.Options {
		if _, err := t.x.exec(ctx, `INSERT INTO poll_options (message_id, position, id, text, emoji) VALUES ($1, $2, $3, $4, $5)`, int64(id), i, o.ID, o.Text, o.Emoji); err != nil {
			return err
		}
	}
	_, err := t.x.exec(ctx, `UPDATE messages SET polls = 1 WHERE id = $1`, int64(id))
	return err
}

// SetVotes implements core.Tx. A message without a poll is left as it is.
func (t *tx) SetVotes(ctx context.Context, id chat.MessageID, user chat.UserID, options []string, at time.Time) (msg *chat.Message, changed bool, err error) {
	msg, err = t.Message(ctx, id)
	if err != nil || msg.Poll == nil {
		return msg, false, err
	}
	for i, o := range msg.Poll.Options {
		had, wants := slices.Contains(o.Voters, user), slices.Contains(options, o.ID)
		switch {
		case had && !wants:
			_, err = t.x.exec(ctx, `DELETE FROM poll_votes WHERE message_id = $1 AND position = $2 AND user_id = $3`, int64(id), i, string(user))
		case wants && !had:
			_, err = t.x.exec(ctx, `INSERT INTO poll_votes (message_id, position, user_id, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, int64(id), i, string(user), micros(at))
		default:
			continue
		}
		if err != nil {
			return nil, false, err
		}
		changed = true
	}
	if !changed {
		return msg, false, nil
	}
	msg, err = t.touch(ctx, id, func(seq chat.Seq) error {
		_, err := t.x.exec(ctx, `UPDATE messages SET change_seq = $1 WHERE id = $2`, int64(seq), int64(id))
		return err
	})
	return msg, err == nil, err
}

// EndPoll implements core.Tx. A poll that was ended stays as it is.
func (t *tx) EndPoll(ctx context.Context, id chat.MessageID, by chat.UserID, at time.Time) (*chat.Message, error) {
	n, err := t.x.exec(ctx, `UPDATE polls SET ended_at = $1, ended_by = $2 WHERE message_id = $3 AND ended_at = 0`, micros(at), string(by), int64(id))
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return t.Message(ctx, id)
	}
	return t.touch(ctx, id, func(seq chat.Seq) error {
		_, err := t.x.exec(ctx, `UPDATE messages SET change_seq = $1 WHERE id = $2`, int64(seq), int64(id))
		return err
	})
}
