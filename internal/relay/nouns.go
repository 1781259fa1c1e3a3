package relay

import (
	"encoding/json"

	"parley/internal/chat"
)

// The nouns of package chat, field by field. What a version adds is appended to the end of an event, never put in between:
// see events.go. People are written by id where only their profile is meant, which the receiver knows better.

func (w *writer) message(m *chat.Message) {
	w.int(int64(m.ID))
	w.int(int64(m.Seq))
	w.int(m.Ordinal)
	w.text(string(m.Type))
	w.text(string(m.SenderID))
	w.text(m.Content)
	w.int(int64(m.ParentID))
	w.int(int64(m.ThreadID))
	w.int(int64(m.ReplyCount))
	w.time(m.LastReplyAt)
	w.time(m.CreatedAt)
	w.time(m.EditedAt)
	w.bool(m.Deleted)
	w.text(string(m.DeletedBy))
	w.bool(m.Pinned)
	w.time(m.PinnedAt)
	w.text(string(m.PinnedBy))
	w.users(m.Mentions)
	w.bool(m.Everyone)
	list(w, m.Reactions, func(x chat.Reaction) {
		w.text(x.Emoji)
		w.users(x.Users)
	})
	list(w, m.Attachments, w.attachment)
	list(w, m.Links, func(x chat.Link) {
		w.text(x.URL)
		w.text(x.Title)
		w.text(x.Description)
		w.text(x.Image)
		w.int(int64(x.Width))
		w.int(int64(x.Height))
	})
	w.text(m.Nonce)
	w.bool(m.Payload != nil)
	if m.Payload != nil {
		w.text(m.Payload.Kind)
		w.bytes(m.Payload.Data)
	}
	w.extras(m.Extras)
	w.poll(m.Poll)
	list(w, m.Links, func(x chat.Link) { w.bool(x.Picture) })
}

func (w *writer) poll(p *chat.Poll) {
	w.bool(p != nil)
	if p == nil {
		return
	}
	w.text(p.Question)
	w.bool(p.Multiple)
	w.text(string(p.CreatedBy))
	w.time(p.ExpiresAt)
	w.time(p.EndedAt)
	w.text(string(p.EndedBy))
	list(w, p.Options, func(o chat.PollOption) {
		w.text(o.ID)
		w.text(o.Text)
		w.text(o.Emoji)
		w.users(o.Voters)
	})
}

func (r *reader) poll() *chat.Poll {
	if !r.bool() {
		return nil
	}
	p := &chat.Poll{Question: r.text(), Multiple: r.bool(), CreatedBy: chat.UserID(r.text()), ExpiresAt: r.time(), EndedAt: r.time(), EndedBy: chat.UserID(r.text())}
	p.Options = items(r, func() chat.PollOption {
		return chat.PollOption{ID: r.text(), Text: r.text(), Emoji: r.text(), Voters: r.users()}
	})
	return p
}

func (w *writer) extras(x *chat.Extras) {
	var raw []byte
	if !x.Empty() {
		raw, _ = json.Marshal(x) // our own type: it always marshals
	}
	w.bytes(raw)
}

// extras reads nothing where an older version wrote nothing.
func (r *reader) extras() *chat.Extras {
	if len(r.b) == 0 {
		return nil
	}
	raw := r.bytes()
	if len(raw) == 0 {
		return nil
	}
	x := new(chat.Extras)
	if json.Unmarshal(raw, x) != nil {
		r.fault = true
		return nil
	}
	return x
}

// message reads what stands behind the room and the change_seq.
func (r *reader) message(room chat.RoomID, change chat.Seq) *chat.Message {
	m := &chat.Message{RoomID: room, ChangeSeq: change}
	m.ID = chat.MessageID(r.int())
	m.Seq = chat.Seq(r.int())
	m.Ordinal = r.int()
	m.Type = chat.MessageType(r.text())
	m.SenderID = chat.UserID(r.text())
	m.Content = r.text()
	m.ParentID = chat.MessageID(r.int())
	m.ThreadID = chat.MessageID(r.int())
	m.ReplyCount = int(r.int())
	m.LastReplyAt = r.time()
	m.CreatedAt = r.time()
	m.EditedAt = r.time()
	m.Deleted = r.bool()
	m.DeletedBy = chat.UserID(r.text())
	m.Pinned = r.bool()
	m.PinnedAt = r.time()
	m.PinnedBy = chat.UserID(r.text())
	m.Mentions = r.users()
	m.Everyone = r.bool()
	m.Reactions = items(r, func() chat.Reaction { return chat.Reaction{Emoji: r.text(), Users: r.users()} })
	m.Attachments = items(r, r.attachment)
	m.Links = items(r, func() chat.Link {
		return chat.Link{URL: r.text(), Title: r.text(), Description: r.text(), Image: r.text(), Width: int(r.int()), Height: int(r.int())}
	})
	m.Nonce = r.text()
	if r.bool() {
		m.Payload = &chat.Payload{Kind: r.text(), Data: r.bytes()}
	}
	m.Extras = r.extras()
	m.Poll = r.poll()
	for i, picture := range items(r, r.bool) {
		if i < len(m.Links) {
			m.Links[i].Picture = picture
		}
	}
	return m
}

// thread begins with the room, by which it is told who needs to know.
func (w *writer) thread(t *chat.Thread) {
	w.int(int64(t.RoomID))
	w.int(int64(t.ID))
	w.text(t.Name)
	w.text(string(t.CreatedBy))
	w.time(t.CreatedAt)
	w.bool(t.Locked)
	w.bool(t.Archived)
	w.int(int64(t.LastMessageID))
	w.time(t.LastMessageAt)
	w.int(t.MessageCount)
	w.int(t.Version)
	w.users(t.Participants)
}

func (r *reader) thread() *chat.Thread {
	return &chat.Thread{
		RoomID: r.room(), ID: chat.MessageID(r.int()), Name: r.text(), CreatedBy: r.who(), CreatedAt: r.time(), Locked: r.bool(), Archived: r.bool(),
		LastMessageID: chat.MessageID(r.int()), LastMessageAt: r.time(), MessageCount: r.int(), Version: r.int(), Participants: r.users(),
	}
}

func (w *writer) users(ids []chat.UserID) { list(w, ids, func(id chat.UserID) { w.text(string(id)) }) }

func (r *reader) users() []chat.UserID {
	return items(r, func() chat.UserID { return chat.UserID(r.text()) })
}

func (w *writer) attachment(a chat.Attachment) {
	w.int(int64(a.ID))
	w.text(a.Key)
	w.text(string(a.UploaderID))
	w.int(int64(a.RoomID))
	w.int(int64(a.MessageID))
	w.text(a.Filename)
	w.int(a.Size)
	w.text(a.MIMEType)
	w.int(int64(a.Width))
	w.int(int64(a.Height))
	w.text(a.Hash)
	w.text(a.ThumbHash)
	w.text(a.ThumbMIME)
	w.text(string(a.Scan))
	w.time(a.CreatedAt)
	w.time(a.ExpiresAt)
}

func (r *reader) attachment() (a chat.Attachment) {
	a.ID = chat.AttachmentID(r.int())
	a.Key = r.text()
	a.UploaderID = chat.UserID(r.text())
	a.RoomID = chat.RoomID(r.int())
	a.MessageID = chat.MessageID(r.int())
	a.Filename = r.text()
	a.Size = r.int()
	a.MIMEType = r.text()
	a.Width = int(r.int())
	a.Height = int(r.int())
	a.Hash = r.text()
	a.ThumbHash = r.text()
	a.ThumbMIME = r.text()
	a.Scan = chat.ScanState(r.text())
	a.CreatedAt = r.time()
	a.ExpiresAt = r.time()
	return a
}

// member writes all but the room.
func (w *writer) member(m chat.Member) {
	w.text(string(m.UserID))
	w.text(string(m.Role))
	w.time(m.JoinedAt)
	w.text(string(m.Notify))
	w.int(int64(m.LastReadSeq))
	w.time(m.LastReadAt)
	w.int(m.LastReadOrdinal)
	w.int(int64(m.LastDeliveredSeq))
	w.time(m.MutedUntil)
	w.bool(m.Muted)
	w.bool(m.Favourite)
	w.bool(m.Hidden)
}

func (r *reader) member(room chat.RoomID) (m chat.Member) {
	m.RoomID = room
	m.UserID = chat.UserID(r.text())
	m.Role = chat.RoomRole(r.text())
	m.JoinedAt = r.time()
	m.Notify = chat.NotifyLevel(r.text())
	m.LastReadSeq = chat.Seq(r.int())
	m.LastReadAt = r.time()
	m.LastReadOrdinal = r.int()
	m.LastDeliveredSeq = chat.Seq(r.int())
	m.MutedUntil = r.time()
	m.Muted = r.bool()
	m.Favourite = r.bool()
	m.Hidden = r.bool()
	return m
}

// user writes an account without what is shown to its owner alone: address and settings.
func (w *writer) user(u *chat.User) {
	w.text(string(u.ID))
	w.int(u.Number)
	w.text(u.Username)
	w.text(u.DisplayName)
	w.text(string(u.Kind))
	w.text(u.AvatarURL)
	w.text(u.Bio)
	w.text(string(u.Status))
	w.text(u.StatusMessage)
	w.uint(uint64(u.Rank))
	list(w, u.Roles, func(id chat.RoleID) { w.text(string(id)) })
	w.time(u.CreatedAt)
	w.time(u.LastSeenAt)
	w.time(u.DisabledAt)
	w.text(u.ExternalName)
}

func (r *reader) user() *chat.User {
	u := &chat.User{}
	u.ID = chat.UserID(r.text())
	u.Number = r.int()
	u.Username = r.text()
	u.DisplayName = r.text()
	u.Kind = chat.UserKind(r.text())
	u.AvatarURL = r.text()
	u.Bio = r.text()
	u.Status = chat.Status(r.text())
	u.StatusMessage = r.text()
	if rank := r.uint(); rank <= uint64(chat.RankOwner) {
		u.Rank = chat.Rank(rank)
	} else {
		r.fail()
	}
	u.Roles = items(r, func() chat.RoleID { return chat.RoleID(r.text()) })
	u.CreatedAt = r.time()
	u.LastSeenAt = r.time()
	u.DisabledAt = r.time()
	u.ExternalName = r.text()
	return u
}

func (w *writer) sanction(s chat.Sanction) {
	w.int(s.ID)
	w.text(string(s.Kind))
	w.int(int64(s.RoomID))
	w.text(string(s.UserID))
	w.text(s.Reason)
	w.text(string(s.IssuedBy))
	w.time(s.CreatedAt)
	w.time(s.Until)
	w.time(s.LiftedAt)
	w.text(string(s.LiftedBy))
	w.text(s.LiftReason)
}

func (r *reader) sanction() (s chat.Sanction) {
	s.ID = r.int()
	s.Kind = chat.SanctionKind(r.text())
	s.RoomID = chat.RoomID(r.int())
	s.UserID = chat.UserID(r.text())
	s.Reason = r.text()
	s.IssuedBy = chat.UserID(r.text())
	s.CreatedAt = r.time()
	s.Until = r.time()
	s.LiftedAt = r.time()
	s.LiftedBy = chat.UserID(r.text())
	s.LiftReason = r.text()
	return s
}

// notification writes all but the person it is for.
func (w *writer) notification(n chat.Notification) {
	w.int(n.ID)
	w.text(string(n.Type))
	w.text(n.Title)
	w.text(n.Content)
	w.int(int64(n.RoomID))
	w.int(int64(n.MessageID))
	w.text(string(n.ActorID))
	w.text(n.InviteCode)
	w.text(string(n.Severity))
	w.time(n.CreatedAt)
	w.time(n.ReadAt)
	w.time(n.ExpiresAt)
}

func (r *reader) notification(user chat.UserID) (n chat.Notification) {
	n.UserID = user
	n.ID = r.int()
	n.Type = chat.NotificationType(r.text())
	n.Title = r.text()
	n.Content = r.text()
	n.RoomID = chat.RoomID(r.int())
	n.MessageID = chat.MessageID(r.int())
	n.ActorID = chat.UserID(r.text())
	n.InviteCode = r.text()
	n.Severity = chat.Severity(r.text())
	n.CreatedAt = r.time()
	n.ReadAt = r.time()
	n.ExpiresAt = r.time()
	return n
}
