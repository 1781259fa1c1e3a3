package storetest

import (
	"fmt"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

func init() {
	tell("receipts",
		story{"a read marker moves forward only, and not past the last message", receiptsMarker},
		story{"reading up to a change counts the messages before it", receiptsBetween},
		story{"who read a message, and when they first did", receiptsList},
		story{"someone who answers has read", receiptsByAnswering},
		story{"a delivery marker moves forward only", receiptsDelivered},
		story{"someone who is not a member has no marker", receiptsStranger},
	)
	tell("rooms of a person",
		story{"rooms come with the newest message first, then the newest joined", roomsOfOrder},
		story{"each room comes with membership, counts and peer", roomsOfFilled},
	)
}

// read marks a room as read and reports whether the marker moved.
func (w *world) read(room chat.RoomID, user chat.UserID, seq chat.Seq, at time.Time) (m chat.Member, moved bool) {
	w.Helper()
	w.change(func(tx core.Tx) (err error) {
		m, moved, err = tx.MarkRead(w.ctx, room, user, seq, at)
		return err
	})
	same(w, "the member that is answered", m, must(w.Member(w.ctx, room, user)))
	return m, moved
}

func receiptsMarker(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	for range 5 {
		w.say(room, ada, "x")
	}
	for i, step := range []struct {
		seq, want chat.Seq
		moved     bool
		unread    int64
	}{{0, 0, false, 5}, {2, 2, true, 3}, {1, 2, false, 3}, {2, 2, false, 3}, {-1, 2, false, 3}, {99, 5, true, 0}, {99, 5, false, 0}} {
		at := Start.Add(time.Duration(i) * time.Second)
		m, moved := w.read(room, bob, step.seq, at)
		unread, _, err := w.Unread(w.ctx, room, bob)
		if err != nil || moved != step.moved || m.LastReadSeq != step.want || unread != step.unread {
			w.Errorf("step %d: moved %v to %d, %d unread, %v", i, moved, m.LastReadSeq, unread, err)
		}
		if moved && !m.LastReadAt.Equal(at) {
			w.Errorf("step %d: read at %v", i, m.LastReadAt)
		}
	}
}

func receiptsBetween(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	first := w.say(room, ada, "1")
	w.react(first.ID, ada, "👍", true) // 2
	w.react(first.ID, bob, "👍", true) // 3
	w.say(room, ada, "4")
	m, moved := w.read(room, bob, 3, Start)
	if !moved || m.LastReadSeq != 1 || m.LastReadOrdinal != 1 {
		w.Errorf("moved %v: %+v", moved, m)
	}
}

func (w *world) receipts(room chat.RoomID, seq chat.Seq, limit int) string {
	w.Helper()
	names := map[chat.UserID]string{}
	var out []string
	for _, r := range must(w.Receipts(w.ctx, room, seq, limit)) {
		if names[r.UserID] == "" {
			names[r.UserID] = must(w.User(w.ctx, r.UserID)).Username
		}
		out = append(out, fmt.Sprintf("%s@%d", names[r.UserID], int(r.ReadAt.Sub(Start).Seconds())))
	}
	return strings.Join(out, " ")
}

func receiptsList(w *world) {
	ada, bob, eve, ghost := w.addUser("ada"), w.addUser("bob"), w.addUser("eve"), w.addUser("ghost")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob, eve)
	w.putMember(chat.Member{RoomID: room, UserID: ghost, Role: chat.RoomMember, JoinedAt: Start, Hidden: true})
	for range 3 {
		w.say(room, ada, "x")
	}
	at := func(s int) time.Time { return Start.Add(time.Duration(s) * time.Second) }
	w.read(room, bob, 1, at(10))
	w.read(room, ghost, 3, at(11))
	w.read(room, eve, 3, at(20))
	w.read(room, bob, 3, at(30))
	same(w, "the first", w.receipts(room, 1, 10), "ada@0 bob@10 eve@20")
	same(w, "the second", w.receipts(room, 2, 10), "ada@0 eve@20 bob@30")
	same(w, "at most two", w.receipts(room, 3, 2), "ada@0 eve@20")
	same(w, "after the last", w.receipts(room, 4, 10), "")
	w.deleteMember(room, eve)
	same(w, "of those still there", w.receipts(room, 1, 10), "ada@0 bob@10")
}

func receiptsByAnswering(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Public}, ada, bob)
	first := w.say(room, ada, "question")
	w.post(chat.Draft{RoomID: room, SenderID: bob, Content: "answer", At: Start.Add(40 * time.Second)})
	w.post(chat.Draft{RoomID: room, SenderID: bob, Content: "more", At: Start.Add(50 * time.Second)})
	same(w, "receipts", w.receipts(room, first.Seq, 10), "ada@0 bob@40")
}

func receiptsDelivered(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	room := w.addRoom(chat.Room{Type: chat.Direct, DirectPair: [2]chat.UserID{ada, bob}}, ada, bob)
	w.say(room, ada, "1")
	w.say(room, ada, "2")
	for i, step := range []struct {
		seq, want chat.Seq
		moved     bool
	}{{1, 1, true}, {1, 1, false}, {0, 1, false}, {9, 2, true}, {9, 2, false}} {
		var moved bool
		w.change(func(tx core.Tx) (err error) { moved, err = tx.MarkDelivered(w.ctx, room, bob, step.seq); return err })
		if got := must(w.Member(w.ctx, room, bob)).LastDeliveredSeq; moved != step.moved || got != step.want {
			w.Errorf("step %d: moved %v to %d", i, moved, got)
		}
	}
}

func receiptsStranger(w *world) {
	room, _, _ := w.fillRoom(1)
	w.refused("member_not_found", func(tx core.Tx) error { _, _, err := tx.MarkRead(w.ctx, room, "nobody", 1, Start); return err })
	w.refused("member_not_found", func(tx core.Tx) error { _, err := tx.MarkDelivered(w.ctx, room, "nobody", 1); return err })
}

func roomsOfOrder(w *world) {
	ada := w.addUser("ada")
	var rooms []chat.RoomID
	for i := range 5 {
		room := w.addRoom(chat.Room{Type: chat.Public, Name: fmt.Sprint(i)})
		w.putMember(chat.Member{RoomID: room, UserID: ada, Role: chat.RoomMember, JoinedAt: Start.Add(time.Duration(i) * time.Hour)})
		rooms = append(rooms, room)
	}
	w.addRoom(chat.Room{Type: chat.Public, Name: "not hers"})
	w.post(chat.Draft{RoomID: rooms[2], SenderID: ada, At: Start.Add(time.Minute)})
	w.post(chat.Draft{RoomID: rooms[0], SenderID: ada, At: Start.Add(time.Second)})
	names := pick(must(w.RoomsOf(w.ctx, ada)), func(v chat.RoomView) string { return v.Room.Name })
	same(w, "rooms", names, []string{"2", "0", "4", "3", "1"})
	same(w, "of nobody", len(must(w.RoomsOf(w.ctx, "nobody"))), 0)
}

func roomsOfFilled(w *world) {
	ada, bob := w.addUser("ada"), w.addUser("bob")
	open := w.addRoom(chat.Room{Type: chat.Public, Name: "open"}, bob, ada)
	direct := w.addRoom(chat.Room{Type: chat.Direct, DirectPair: [2]chat.UserID{min(ada, bob), max(ada, bob)}}, ada, bob)
	w.sanction(chat.Sanction{Kind: chat.Mute, RoomID: open, UserID: ada, CreatedAt: Start, Until: Start.Add(time.Hour)})
	for i := range 3 {
		d := chat.Draft{RoomID: open, SenderID: bob, Content: "x"}
		if i > 0 {
			d.Mentions = []chat.UserID{ada}
		}
		w.post(d)
	}
	w.say(direct, bob, "psst")
	views := must(w.RoomsOf(w.ctx, ada))
	if len(views) != 2 {
		w.Fatalf("%d rooms", len(views))
	}
	for _, v := range views {
		same(w, "room", v.Room, must(w.Room(w.ctx, v.Room.ID)))
		same(w, "me", *v.Me, must(w.Member(w.ctx, v.Room.ID, ada)))
		switch v.Room.ID {
		case open:
			if v.UnreadCount != 3 || v.MentionCount != 2 || v.Peer != nil || !v.Me.Muted {
				w.Errorf("open: %d unread, %d mentions, peer %v, me %+v", v.UnreadCount, v.MentionCount, v.Peer, v.Me)
			}
		case direct:
			if v.UnreadCount != 1 || v.MentionCount != 0 || v.Peer == nil || v.Peer.ID != bob {
				w.Errorf("direct: %d unread, %d mentions, peer %v", v.UnreadCount, v.MentionCount, v.Peer)
			}
		}
	}
}
