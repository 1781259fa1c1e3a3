package transfer

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/internal/blob"
	"parley/internal/chat"
	"parley/internal/core"
)

// Exporter writes exports from a server, which may be serving: each line is as things were when it was read.
type Exporter struct {
	Store  core.Reader
	Blobs  blob.Store // nil: the bytes of files are left out
	Server string     // its name, for the record
	Now    func() time.Time
}

// Exported says what was written.
type Exported struct {
	Records, Messages, Files int64
	// MissingFiles are attachments whose bytes should have been there and were not.
	MissingFiles []string
}

// Room writes a room: settings, people, messages with everything on them, members. Fails with room_not_found.
func (e Exporter) Room(ctx context.Context, w io.Writer, id chat.RoomID) (Exported, error) {
	room, err := e.Store.Room(ctx, id)
	if err != nil {
		return Exported{}, err
	}
	x := e.begin(ctx, w)
	if err := x.header(KindRoom, id.String()); err != nil {
		return x.done, err
	}
	if err := x.room(room, ""); err != nil {
		return x.done, err
	}
	return x.finish()
}

// User writes what is known of a person: profile, ways to log in, rooms with the person's own messages and places,
// reactions to messages of others, notifications, sanctions and the audit log. Other people appear by name only. Fails
// with user_not_found.
func (e Exporter) User(ctx context.Context, w io.Writer, id chat.UserID) (Exported, error) {
	user, err := e.Store.User(ctx, id)
	if err != nil {
		return Exported{}, err
	}
	x := e.begin(ctx, w)
	for _, part := range []func() error{
		func() error { return x.header(KindUser, string(id)) },
		func() error { return x.profile(user) },
		func() error { return x.personRooms(id) },
		func() error { return x.reactions(id) },
		func() error { return x.notifications(id) },
		func() error { return x.sanctions(id) },
		func() error { return x.audit(id) },
	} {
		if err := part(); err != nil {
			return x.done, err
		}
	}
	return x.finish()
}

// export is one under way.
type export struct {
	Exporter
	only    chat.UserID // whose messages alone are written; empty: everybody's
	ctx     context.Context
	w       *writer
	written map[chat.UserID]bool // people who have a line
	rooms   []chat.RoomID        // of a person's export
	done    Exported
}

func (e Exporter) begin(ctx context.Context, w io.Writer) *export {
	return &export{Exporter: e, ctx: ctx, w: newWriter(w), written: map[chat.UserID]bool{}}
}

func (x *export) finish() (Exported, error) {
	err := x.w.end()
	x.done.Records = x.w.records
	return x.done, err
}

func (x *export) header(kind, subject string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return x.w.write(Record{Header: &Header{Format: FormatName, Version: FormatVersion, Kind: kind, ID: id.String(), Subject: subject,
		Server: x.Server, MadeAt: x.Now().UTC(), Files: x.Blobs != nil}})
}

// profile writes a person's account whole, and what only they may see.
func (x *export) profile(u *chat.User) error {
	line := brief(u)
	line.Bio, line.Email, line.AvatarURL = u.Bio, u.Email, u.AvatarURL
	line.Status, line.StatusMessage = string(u.Status), u.StatusMessage
	line.Settings, line.LastSeenAt, line.DisabledAt = u.Settings, u.LastSeenAt, u.DisabledAt
	for _, r := range u.Roles {
		line.Roles = append(line.Roles, string(r))
	}
	x.written[u.ID] = true
	if err := x.w.write(Record{User: line}); err != nil {
		return err
	}
	if name, ours := cutAvatar(u.AvatarURL); ours {
		if err := x.file(File{Avatar: true, User: string(u.ID), SHA256: name}); err != nil {
			return err
		}
	}
	identities, err := x.Store.IdentitiesOf(x.ctx, u.ID)
	if err != nil {
		return err
	}
	for _, id := range identities {
		if err := x.w.write(Record{Identity: &Identity{User: string(u.ID), Provider: id.Provider, Subject: id.Subject}}); err != nil {
			return err
		}
	}
	sessions, err := x.Store.SessionsOf(x.ctx, u.ID, x.Now())
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if err := x.w.write(Record{Session: &Session{User: string(u.ID), Device: s.Device, Address: s.Address, CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsedAt, ExpiresAt: s.ExpiresAt}}); err != nil {
			return err
		}
	}
	blocks, err := x.Store.Blocks(x.ctx, u.ID)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if err := x.people(b.BlockedID); err != nil {
			return err
		}
		if err := x.w.write(Record{Block: &Block{User: string(b.UserID), Blocked: string(b.BlockedID), CreatedAt: b.CreatedAt}}); err != nil {
			return err
		}
	}
	return nil
}

// brief is what anyone may know of an account.
func brief(u *chat.User) *User {
	return &User{ID: string(u.ID), Username: u.Username, DisplayName: u.DisplayName, Kind: string(u.Kind), CreatedAt: u.CreatedAt}
}

// people writes lines for those who have none yet. Accounts that are gone have none.
func (x *export) people(ids ...chat.UserID) error {
	var fresh []chat.UserID
	for _, id := range ids {
		if id != "" && !x.written[id] {
			x.written[id] = true
			fresh = append(fresh, id)
		}
	}
	for chunk := range slices.Chunk(fresh, 100) {
		users, err := x.Store.Users(x.ctx, chunk)
		if err != nil {
			return err
		}
		slices.SortFunc(users, func(a, b *chat.User) int { return int(a.Number - b.Number) })
		for _, u := range users {
			if err := x.w.write(Record{User: brief(u)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// personRooms writes the rooms a person is in or said something in, with their part in each.
func (x *export) personRooms(id chat.UserID) error {
	views, err := x.Store.RoomsOf(x.ctx, id)
	if err != nil {
		return err
	}
	for _, v := range views {
		x.rooms = append(x.rooms, v.Room.ID)
	}
	err = x.Store.EachMessage(x.ctx, 0, id, func(m *chat.Message) error {
		if !slices.Contains(x.rooms, m.RoomID) {
			x.rooms = append(x.rooms, m.RoomID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(x.rooms)
	for _, r := range x.rooms {
		room, err := x.Store.Room(x.ctx, r)
		if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if err := x.room(room, id); err != nil {
			return err
		}
	}
	return nil
}

// room writes a room with all its messages and members, or only with those of one person.
func (x *export) room(r chat.Room, only chat.UserID) error {
	x.only = only
	members, err := x.Store.MemberIDs(x.ctx, r.ID)
	if err != nil {
		return err
	}
	if only != "" {
		members = slices.DeleteFunc(members, func(id chat.UserID) bool { return id != only && r.Type != chat.Direct })
	}
	if err := x.people(append([]chat.UserID{r.OwnerID, r.CreatedBy}, members...)...); err != nil {
		return err
	}
	line := &Room{ID: int64(r.ID), Slug: r.Slug, Name: r.Name, Description: r.Description, Topic: r.Topic, Type: string(r.Type), Form: string(r.Form),
		Encrypted: r.Encrypted, Official: r.Official, AvatarURL: r.AvatarURL, Position: r.Position, Owner: string(r.OwnerID), CreatedBy: string(r.CreatedBy),
		CreatedAt: r.CreatedAt, Archived: r.Archived, SlowMode: int64(r.SlowMode / time.Second), Extra: r.Extra}
	if r.Type == chat.Direct {
		line.People = []string{string(r.DirectPair[0]), string(r.DirectPair[1])}
		if err := x.people(r.DirectPair[:]...); err != nil {
			return err
		}
	}
	if err := x.w.write(Record{Room: line}); err != nil {
		return err
	}
	if err := x.Store.EachMessage(x.ctx, r.ID, only, x.message); err != nil {
		return err
	}
	for chunk := range slices.Chunk(members, 100) {
		list, err := x.Store.MembersAmong(x.ctx, r.ID, chunk)
		if err != nil {
			return err
		}
		slices.SortStableFunc(list, func(a, b chat.Member) int { return a.JoinedAt.Compare(b.JoinedAt) })
		for _, m := range list {
			if err := x.w.write(Record{Member: &Member{Room: int64(m.RoomID), User: string(m.UserID), Role: string(m.Role), JoinedAt: m.JoinedAt,
				Notify: string(m.Notify), Favourite: m.Favourite, Hidden: m.Hidden, LastReadAt: m.LastReadAt}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// poll is a poll as it is written, and the people in it. What others voted for is not in the export of a person.
func (x *export) poll(p *chat.Poll) (*Poll, []chat.UserID) {
	out := &Poll{Question: p.Question, Multiple: p.Multiple, CreatedBy: string(p.CreatedBy), ExpiresAt: p.ExpiresAt, EndedAt: p.EndedAt, EndedBy: string(p.EndedBy)}
	people := []chat.UserID{p.CreatedBy, p.EndedBy}
	for _, o := range p.Options {
		option := PollOption{ID: o.ID, Text: o.Text, Emoji: o.Emoji}
		for _, user := range o.Voters {
			if x.only == "" || x.only == user {
				option.Voters = append(option.Voters, string(user))
				people = append(people, user)
			}
		}
		out.Options = append(out.Options, option)
	}
	return out, people
}

// message writes one message, before it those who occur in it and its files.
func (x *export) message(m *chat.Message) error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	people := append([]chat.UserID{m.SenderID, m.DeletedBy, m.PinnedBy}, m.Mentions...)
	line := &Message{ID: int64(m.ID), Room: int64(m.RoomID), Type: string(m.Type), Sender: string(m.SenderID), Content: m.Content, Parent: int64(m.ParentID),
		Thread: int64(m.ThreadID), CreatedAt: m.CreatedAt, EditedAt: m.EditedAt, Deleted: m.Deleted, DeletedBy: string(m.DeletedBy), PinnedAt: m.PinnedAt,
		PinnedBy: string(m.PinnedBy), Everyone: m.Everyone}
	if m.Deleted {
		line.Content = ""
	}
	for _, id := range m.Mentions {
		line.Mentions = append(line.Mentions, string(id))
	}
	for _, r := range m.Reactions {
		list := ReactionList{Emoji: r.Emoji}
		for _, id := range r.Users {
			list.Users = append(list.Users, string(id))
		}
		people = append(people, r.Users...)
		line.Reactions = append(line.Reactions, list)
	}
	if e := m.Extras; e != nil {
		line.Embeds = e.Embeds
		if e.Author != nil {
			line.Author = &Author{Kind: string(e.Author.Kind), ID: e.Author.ID, Name: e.Author.Name, AvatarURL: e.Author.AvatarURL}
		}
	}
	if m.Poll != nil {
		var voters []chat.UserID
		line.Poll, voters = x.poll(m.Poll)
		people = append(people, voters...)
	}
	for _, l := range m.Links {
		if l.Picture {
			continue // made from the embeds again
		}
		line.Links = append(line.Links, Link{URL: l.URL, Title: l.Title, Description: l.Description})
	}
	if m.Payload != nil && m.Payload.Kind != "" {
		line.Payload = &Payload{Kind: m.Payload.Kind, Data: m.Payload.Data}
	}
	if err := x.people(people...); err != nil {
		return err
	}
	for _, a := range m.Attachments {
		line.Attachments = append(line.Attachments, Attachment{Key: a.Key, Filename: a.Filename, Size: a.Size, MIMEType: a.MIMEType, Width: a.Width,
			Height: a.Height, SHA256: a.Hash, CreatedAt: a.CreatedAt})
		if err := x.file(File{Attachment: a.Key, Name: a.Filename, User: string(m.SenderID), SHA256: a.Hash}); err != nil {
			return err
		}
	}
	x.done.Messages++
	return x.w.write(Record{Message: line})
}

// file writes the bytes of a file, if they were asked for.
func (x *export) file(f File) error {
	if x.Blobs == nil {
		return nil
	}
	body, info, err := x.Blobs.Open(x.ctx, f.SHA256)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrInvalidHash) {
		x.done.MissingFiles = append(x.done.MissingFiles, f.SHA256)
		return nil
	}
	if err != nil {
		return err
	}
	defer body.Close()
	f.Size = info.Size
	if err := x.w.write(Record{File: &f}); err != nil {
		return err
	}
	buf := make([]byte, chunkBytes)
	for left := info.Size; left > 0; {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(body, buf[:min(left, chunkBytes)])
		if err != nil {
			return err
		}
		left -= int64(n)
		if err := x.w.write(Record{Chunk: buf[:n]}); err != nil {
			return err
		}
	}
	x.done.Files++
	return nil
}

// reactions writes what a person gave to messages of others in their rooms. No index leads there: the rooms are read
// through.
func (x *export) reactions(id chat.UserID) error {
	for _, room := range x.rooms {
		err := x.Store.EachMessage(x.ctx, room, "", func(m *chat.Message) error {
			if err := x.ctx.Err(); err != nil || m.SenderID == id {
				return err
			}
			for _, r := range m.Reactions {
				if !r.By(id) {
					continue
				}
				if err := x.w.write(Record{Reaction: &Reaction{User: string(id), Room: int64(room), Message: int64(m.ID), Emoji: r.Emoji}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pages calls read with one cursor after the other until there is none.
func pages(read func(page chat.Page) (next string, err error)) error {
	for page := (chat.Page{Limit: 100}); ; {
		next, err := read(page)
		if err != nil || next == "" {
			return err
		}
		page.Cursor = next
	}
}

func (x *export) notifications(id chat.UserID) error {
	at := x.Now()
	return pages(func(page chat.Page) (string, error) {
		list, next, err := x.Store.Notifications(x.ctx, id, false, at, page)
		for _, n := range list {
			if err == nil {
				err = x.w.write(Record{Notification: &Notification{User: string(id), Type: string(n.Type), Title: n.Title, Content: n.Content, Room: int64(n.RoomID),
					Message: int64(n.MessageID), Actor: string(n.ActorID), Severity: string(n.Severity), CreatedAt: n.CreatedAt, ReadAt: n.ReadAt}})
			}
		}
		return next, err
	})
}

// sanctions writes the measures against a person, without who took them.
func (x *export) sanctions(id chat.UserID) error {
	return pages(func(page chat.Page) (string, error) {
		list, next, err := x.Store.Sanctions(x.ctx, chat.SanctionFilter{UserID: id}, page)
		for _, s := range list {
			if err == nil {
				err = x.w.write(Record{Sanction: &Sanction{User: string(id), Kind: string(s.Kind), Room: int64(s.RoomID), Reason: s.Reason, CreatedAt: s.CreatedAt,
					Until: s.Until, LiftedAt: s.LiftedAt, LiftReason: s.LiftReason}})
			}
		}
		return next, err
	})
}

// audit writes the entries about a person, without who made them, and those of what they did.
func (x *export) audit(id chat.UserID) error {
	for _, f := range []chat.AuditFilter{{TargetID: string(id)}, {ActorID: id}} {
		err := pages(func(page chat.Page) (string, error) {
			list, next, err := x.Store.Audit(x.ctx, f, page)
			for _, a := range list {
				if err != nil || f.ActorID != "" && a.TargetID == string(id) { // told already
					continue
				}
				if a.ActorID != id {
					a.ActorID = ""
				}
				err = x.w.write(Record{Audit: &Audit{At: a.At, Actor: string(a.ActorID), Action: a.Action, TargetType: a.TargetType, Target: a.TargetID,
					Room: int64(a.RoomID), Details: a.Details}})
			}
			return next, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
