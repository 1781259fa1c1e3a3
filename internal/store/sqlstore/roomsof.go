package sqlstore

import (
	"context"

	"parley/internal/chat"
)

// RoomsOf implements core.Reader.
func (r reader) RoomsOf(ctx context.Context, user chat.UserID) ([]chat.RoomView, error) {
	var peers []chat.UserID
	var forums []chat.RoomID
	views, err := all(ctx, r.x, func(row scanner) (v chat.RoomView, err error) {
		v.Me = new(chat.Member)
		err = row.Scan(append(append(roomFields(&v.Room), memberFields(v.Me)...), &v.MentionCount)...)
		v.UnreadCount = max(v.Room.MessageCount-v.Me.LastReadOrdinal, 0)
		if v.Room.Type == chat.Direct {
			peers = append(peers, peerOf(v.Room, user))
		}
		if v.Room.Form == chat.Forum {
			forums = append(forums, v.Room.ID)
		}
		return v, err
	}, `SELECT `+roomColumns+`, `+memberColumns+`,
			(SELECT COUNT(*) FROM mentions x WHERE x.user_id = m.user_id AND x.room_id = m.room_id AND x.seq > m.last_read_seq)
		FROM members m JOIN rooms r ON r.id = m.room_id JOIN room_heads h ON h.room_id = m.room_id
		WHERE m.user_id = $2 ORDER BY h.last_message_at DESC, m.joined_at DESC, m.room_id DESC`, r.now(), user)
	if err != nil {
		return nil, err
	}
	if len(forums) > 0 {
		counts, err := r.forumUnread(ctx, user, forums)
		if err != nil {
			return nil, err
		}
		for i := range views {
			if v := &views[i]; v.Room.Form == chat.Forum {
				v.UnreadCount, v.MentionCount = counts[v.Room.ID][0], counts[v.Room.ID][1]
			}
		}
	}
	if len(peers) == 0 {
		return views, nil
	}
	users, err := r.Users(ctx, peers)
	if err != nil {
		return nil, err
	}
	byID := make(map[chat.UserID]*chat.User, len(users))
	for _, u := range users {
		byID[u.ID] = u
	}
	for i := range views {
		if v := &views[i]; v.Room.Type == chat.Direct {
			v.Peer = byID[peerOf(v.Room, user)]
		}
	}
	return views, nil
}

// peerOf returns the other person of a direct room.
func peerOf(room chat.Room, user chat.UserID) chat.UserID {
	if room.DirectPair[0] == user {
		return room.DirectPair[1]
	}
	return room.DirectPair[0]
}
