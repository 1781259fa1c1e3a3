package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"parley/internal/chat"
	"parley/internal/plugin/pipe"
)

// Hear receives the server's events, on the goroutine that commits: those of this node alone, so that one plugin in the cluster
// hears of each. It never waits: what nobody wants to hear of, and what there is no room for, is let go.
func (s *Service) Hear(events []chat.Event) {
	hearing := *s.hearing.Load()
	if len(hearing) == 0 {
		return
	}
	for _, ev := range events {
		for _, name := range namesOf(ev) {
			if hearing[name] {
				s.post(happened{event: ev})
				break
			}
		}
	}
}

// HearPresence receives who came and went, which every node is told; one of them tells the plugins.
func (s *Service) HearPresence(events []chat.Event) {
	hearing := *s.hearing.Load()
	if !hearing[UserConnect] && !hearing[UserDisconnect] {
		return
	}
	for _, ev := range events {
		if _, ok := ev.(chat.PresenceChanged); ok {
			s.post(happened{event: ev})
		}
	}
}

// tell is Hear for what is no event of the core.
func (s *Service) tell(name string, data json.RawMessage) {
	if (*s.hearing.Load())[name] {
		s.post(happened{name: name, data: data})
	}
}

// CommandCalled tells plugins that somebody used a slash command, whoever answered it.
func (s *Service) CommandCalled(name string, room chat.RoomID, caller chat.UserID, args json.RawMessage) {
	if (*s.hearing.Load())[SlashCall] {
		s.post(happened{use: &Use{Command: name, Room: room, Caller: caller, Args: args}})
	}
}

func (s *Service) post(h happened) {
	select {
	case s.inbox <- h:
	default:
		if s.lost.Add(1)%1000 == 1 {
			s.log.Warn("plugins cannot keep up and do not hear of everything", "lost", s.lost.Load())
		}
	}
}

// namesOf are the events that one of the core's may become.
func namesOf(ev chat.Event) []string {
	switch ev.(type) {
	case chat.MessageCreated:
		return []string{NewMessage}
	case chat.MessageChanged:
		return []string{MessageEdit, MessagePin, MessageUnpin}
	case chat.MessageDeleted:
		return []string{MessageDelete}
	case chat.ReactionAdded:
		return []string{ReactionAdd}
	case chat.ReactionRemoved:
		return []string{ReactionRemove}
	case chat.Typing:
		return []string{TypingEvent}
	case chat.UserChanged:
		return []string{UserJoin, UserLeave, UserUpdate}
	case chat.SanctionChanged:
		return []string{UserBan, UserUnban, UserTimeout, UserUntimeout, UserWarn}
	case chat.MemberJoined:
		return []string{RoomJoin}
	case chat.MemberLeft:
		return []string{RoomLeave}
	case chat.RoomChanged:
		return []string{RoomUpdate}
	case chat.RoomDeleted:
		return []string{RoomDelete}
	case chat.RolesChanged:
		return []string{RolesUpdate}
	}
	return nil
}

// translate makes what plugins hear of out of events, until ctx ends.
func (s *Service) translate(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-s.changed:
			if err := s.Refresh(ctx, name); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNotFound) {
				s.log.Error("plugins could not be read again", "error", err)
			}
		case h := <-s.inbox:
			if h.use != nil {
				if data, err := s.useData(ctx, *h.use); err == nil {
					s.encode(SlashCall, data, about{})
				}
				continue
			}
			if h.event == nil {
				s.spread(h.name, h.data, about{})
				continue
			}
			name, data, a := s.describe(ctx, h.event)
			if name == "" || !(*s.hearing.Load())[name] {
				continue
			}
			s.encode(name, data, a)
		}
	}
}

// about says what an event is about, for who may hear of it and act upon it.
type about struct {
	direct bool        // of a direct room
	person chat.UserID // who caused it, if plugins may act for them
}

type object = map[string]any

// encode makes JSON of an event; what is too large loses what is not needed to act upon it.
func (s *Service) encode(name string, data object, a about) {
	raw, err := json.Marshal(data)
	if err == nil && len(raw) > maxEvent {
		delete(data, "message")
		delete(data, "old")
		data["truncated"] = true
		raw, err = json.Marshal(data)
	}
	if err != nil || len(raw) > maxEvent {
		s.log.Warn("event cannot be given to plugins", "event", name, "bytes", len(raw), "error", err)
		return
	}
	s.spread(name, raw, a)
}

// spread queues an event for everyone who hears of it.
func (s *Service) spread(name string, data json.RawMessage, a about) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.plugins {
		m := &p.src.manifest
		if p.state != Starting && p.state != Running || !m.hears(name) || a.direct && !m.may(ReadDirect) {
			continue
		}
		in := pipe.Input{Kind: pipe.Event, Name: name, Data: data}
		if word := p.token(a.person, s.opts.Clock()); word != "" {
			in.Data = withToken(data, word)
		}
		if !p.hear(in) && p.drops%1000 == 1 {
			s.log.Warn("plugin cannot keep up and does not hear of everything", "plugin", p.id, "dropped", p.drops)
		}
	}
	s.rouse()
}

// withToken adds a word to an object; it is one of letters and digits.
func withToken(data json.RawMessage, word string) json.RawMessage {
	out := append([]byte(`{"token":"`+word+`"`), ',')
	return append(out, data[1:]...) // an event always has something in it
}

// describe turns an event into what plugins see of it. Without a name there is nothing for them.
func (s *Service) describe(ctx context.Context, ev chat.Event) (name string, data object, a about) {
	switch e := ev.(type) {
	case chat.MessageCreated:
		if data, a = s.aboutMessage(ctx, e.Message); data != nil && !byPlugin(e.Message) {
			a.person = e.Message.SenderID
			return NewMessage, data, a
		}
	case chat.MessageChanged:
		if data, a = s.aboutMessage(ctx, e.Message); data == nil {
			break
		}
		data["pinned"] = e.Message.Pinned
		return changeOf(e.Message), data, a
	case chat.MessageDeleted:
		if data, a = s.aboutMessage(ctx, e.Message); data != nil {
			delete(data, "message")
			delete(data, "content")
			data["deleted_by"] = e.Message.DeletedBy
			return MessageDelete, data, a
		}
	case chat.ReactionAdded:
		return s.reaction(ctx, ReactionAdd, e.Message, e.UserID, e.Emoji)
	case chat.ReactionRemoved:
		return s.reaction(ctx, ReactionRemove, e.Message, e.UserID, e.Emoji)
	case chat.Typing:
		return s.inRoom(ctx, TypingEvent, e.RoomID, e.UserID, object{"typing": e.Typing})
	case chat.MemberJoined:
		return s.inRoom(ctx, RoomJoin, e.Member.RoomID, e.Member.UserID, object{})
	case chat.MemberLeft:
		return s.inRoom(ctx, RoomLeave, e.RoomID, e.UserID, object{"reason": e.Reason})
	case chat.RoomChanged:
		return RoomUpdate, object{"room": roomObject(e.Room), "channel": e.Room.Slug}, about{direct: e.Room.Type == chat.Direct}
	case chat.RoomDeleted:
		return RoomDelete, object{"room_id": e.RoomID.String()}, about{}
	case chat.RolesChanged:
		if e.RoomID == 0 {
			return RolesUpdate, object{}, about{}
		}
	case chat.SanctionChanged:
		return s.sanction(ctx, e.Sanction)
	case chat.UserChanged:
		return s.account(ctx, e.User)
	case chat.PresenceChanged:
		return s.presence(ctx, e.Presence)
	}
	return "", nil, a
}

// changeOf tells an edit from a pin by what happened last.
func changeOf(m *chat.Message) string {
	switch {
	case m.Pinned && m.PinnedAt.After(m.EditedAt):
		return MessagePin
	case !m.Pinned && m.EditedAt.IsZero():
		return MessageUnpin
	}
	return MessageEdit
}

func byPlugin(m *chat.Message) bool {
	return m.Extras != nil && m.Extras.Author != nil && m.Extras.Author.Kind == chat.PluginAuthor
}

// aboutMessage is a message of a room that plugins may know of; nil for those of encrypted rooms, and what the server says itself.
func (s *Service) aboutMessage(ctx context.Context, m *chat.Message) (object, about) {
	room, err := s.opts.Host.Room(ctx, m.RoomID)
	if err != nil || room.Encrypted || m.Type == chat.SystemMessage {
		return nil, about{}
	}
	data := object{
		"id": m.ID.String(), "content": m.Content, "room": roomObject(room), "channel": room.Slug, "user_id": m.SenderID, "username": nil,
		"thread_id": nil, "message": messageObject(m, room),
	}
	if m.ThreadID != 0 {
		data["thread_id"] = m.ThreadID.String()
	}
	if m.Sender != nil {
		data["username"], data["user"] = m.Sender.Username, userObject(m.Sender)
	}
	return data, about{direct: room.Type == chat.Direct}
}

func (s *Service) reaction(ctx context.Context, name string, m *chat.Message, user chat.UserID, emoji string) (string, object, about) {
	data, a := s.aboutMessage(ctx, m)
	if data == nil {
		return "", nil, a
	}
	data["emoji"], data["user_id"] = emoji, user
	data["username"], data["user"] = s.person(ctx, user)
	return name, data, a
}

// person is the name and the object of a user; null for one who is gone.
func (s *Service) person(ctx context.Context, id chat.UserID) (name, user any) {
	if id == "" {
		return nil, nil
	}
	u, err := s.opts.Host.User(ctx, id)
	if err != nil {
		return nil, nil
	}
	return u.Username, userObject(u)
}

func (s *Service) inRoom(ctx context.Context, name string, id chat.RoomID, user chat.UserID, data object) (string, object, about) {
	room, err := s.opts.Host.Room(ctx, id)
	if err != nil {
		return "", nil, about{}
	}
	data["room"], data["channel"], data["user_id"] = roomObject(room), room.Slug, user
	data["username"], data["user"] = s.person(ctx, user)
	return name, data, about{direct: room.Type == chat.Direct}
}

func (s *Service) sanction(ctx context.Context, x chat.Sanction) (string, object, about) {
	name := map[chat.SanctionKind][2]string{
		chat.Ban: {UserBan, UserUnban}, chat.Mute: {UserTimeout, UserUntimeout}, chat.Timeout: {UserTimeout, UserUntimeout}, chat.Warning: {UserWarn, ""},
	}[x.Kind]
	data := object{"user_id": x.UserID, "by": x.IssuedBy, "reason": x.Reason, "kind": x.Kind, "room_id": nil, "timeout": nil}
	if x.RoomID != 0 {
		data["room_id"] = x.RoomID.String()
	}
	if !x.Until.IsZero() {
		data["timeout"] = x.Until.Sub(x.CreatedAt).Milliseconds()
	}
	data["username"], data["user"] = s.person(ctx, x.UserID)
	if !x.LiftedAt.IsZero() {
		data["by"] = x.LiftedBy
		if x.LiftReason == "replaced" {
			return "", nil, about{} // by a new one, which is told
		}
		return name[1], data, about{}
	}
	return name[0], data, about{}
}

// newcomer is how old an account is at most whose first event tells of a newcomer.
const newcomer = time.Minute

func (s *Service) account(ctx context.Context, u *chat.User) (string, object, about) {
	data := object{"user_id": u.ID, "username": u.Username, "user": userObject(u), "roles": u.Roles}
	switch {
	case u.Kind == chat.Bot:
		return "", nil, about{}
	case u.Username == "":
		return UserLeave, object{"user_id": u.ID, "username": nil}, about{}
	case s.opts.Clock().Sub(u.CreatedAt) < newcomer:
		if first, err := s.opts.Host.Claim(ctx, "plugin:join:"+string(u.ID), 2*newcomer); err == nil && first {
			return UserJoin, data, about{}
		}
	}
	return UserUpdate, data, about{}
}

// sameMoment is within what nodes tell the same of a person.
const sameMoment = 2 * time.Second

func (s *Service) presence(ctx context.Context, p chat.Presence) (string, object, about) {
	here := p.Status != chat.Offline
	if s.online[p.UserID] == here {
		return "", nil, about{}
	}
	name := UserDisconnect
	if here {
		s.online[p.UserID], name = true, UserConnect
	} else {
		delete(s.online, p.UserID)
	}
	if first, err := s.opts.Host.Claim(ctx, "plugin:"+name+":"+string(p.UserID), sameMoment); err != nil || !first {
		return "", nil, about{}
	}
	data := object{"user_id": p.UserID, "status": p.Status}
	data["username"], data["user"] = s.person(ctx, p.UserID)
	return name, data, about{}
}

// useData is what a command's handler is given.
func (s *Service) useData(ctx context.Context, u Use) (object, error) {
	room, err := s.opts.Host.Room(ctx, u.Room)
	if err != nil {
		return nil, err
	}
	args := u.Args
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	data := object{"command": u.Command, "args": args, "room": roomObject(room), "channel": room.Slug, "user_id": u.Caller}
	data["username"], data["user"] = s.person(ctx, u.Caller)
	return data, nil
}

func userObject(u *chat.User) object {
	return object{
		"id": u.ID, "username": u.Username, "display_name": u.DisplayName, "kind": u.Kind, "rank": u.Rank.String(), "roles": u.Roles, "created_at": stamp(u.CreatedAt),
	}
}

func roomObject(r chat.Room) object {
	return object{
		"id": r.ID.String(), "slug": r.Slug, "name": r.Name, "type": r.Type, "form": r.Form, "topic": r.Topic, "description": r.Description, "archived": r.Archived,
	}
}

func messageObject(m *chat.Message, r chat.Room) object {
	o := object{
		"id": m.ID.String(), "room_id": r.ID.String(), "content": m.Content, "type": m.Type, "user_id": m.SenderID, "username": nil, "reply_to": nil, "thread_id": nil,
		"timestamp": stamp(m.CreatedAt), "edited": !m.EditedAt.IsZero(), "pinned": m.Pinned, "deleted": m.Deleted, "mentions": m.Mentions, "everyone": m.Everyone,
		"author": nil,
	}
	if m.Sender != nil {
		o["username"] = m.Sender.Username
	}
	if m.ParentID != 0 {
		o["reply_to"] = m.ParentID.String()
	}
	if m.ThreadID != 0 {
		o["thread_id"] = m.ThreadID.String()
	}
	if m.Extras != nil && m.Extras.Author != nil {
		o["author"] = object{"kind": m.Extras.Author.Kind, "name": m.Extras.Author.Name}
	}
	files := make([]object, 0, len(m.Attachments))
	for _, f := range m.Attachments {
		files = append(files, object{"name": f.Filename, "mime_type": f.MIMEType, "size": f.Size})
	}
	links := make([]string, 0, len(m.Links))
	for _, l := range m.Links {
		links = append(links, l.URL)
	}
	o["attachments"], o["links"] = files, links
	return o
}

// stamp is a time as milliseconds since 1970, which JavaScript's Date takes; null for none.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}
