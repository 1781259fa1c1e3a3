package native

import (
	"context"
	"time"

	"parley/internal/chat"
)

// The objects of the API (specs: native, Objects). Lists are never null; what may be missing is null, unless the field says omitempty.

// User is a person as others see them.
type User struct {
	ID            string   `json:"id" format:"uuid" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	Username      string   `json:"username" example:"ada"`
	DisplayName   string   `json:"display_name" example:"Ada Lovelace"`
	AvatarURL     *string  `json:"avatar_url" doc:"Path or URL of the picture; null for none." example:"/api/avatars/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Bio           string   `json:"bio" example:"Counts things."`
	Status        string   `json:"status" enum:"online,away,busy,offline" example:"online"`
	StatusMessage string   `json:"status_message" example:"In the engine room"`
	Rank          string   `json:"rank" enum:"member,moderator,admin,owner" doc:"Standing on the server." example:"member"`
	Roles         []string `json:"roles" doc:"Ids of the server roles, in the person's own order: the first that a room's list names decides."`
	Bot           bool     `json:"bot"`
	CreatedAt     string   `json:"created_at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
	LastSeenAt    *string  `json:"last_seen_at" format:"date-time" doc:"Null if the person never connected." example:"2026-03-01T10:00:00.000Z"`
}

// Self is the caller's own account: a User with what only they see.
type Self struct {
	User
	Email    string `json:"email" doc:"Empty if none is known." example:"ada@example.org"`
	Settings opaque `json:"settings" doc:"Preferences of the person's clients, as they were stored."`
	Mute     *Mute  `json:"mute" doc:"What keeps the caller from writing anywhere on the server; null: nothing. For rooms see their me."`
}

// Mute is a mute of the whole server, as the muted person sees it.
type Mute struct {
	Until  *string `json:"until" format:"date-time" doc:"Null: until it is lifted." example:"2026-03-02T00:00:00.000Z"`
	Reason string  `json:"reason" example:"Shouting"`
}

// UserSummary is a person beside something they did.
type UserSummary struct {
	ID          string  `json:"id" format:"uuid" example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	Username    string  `json:"username" example:"ada"`
	DisplayName string  `json:"display_name" example:"Ada Lovelace"`
	AvatarURL   *string `json:"avatar_url" example:"/api/avatars/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Bot         bool    `json:"bot"`
	Rank        string  `json:"rank" enum:"member,moderator,admin,owner" example:"member"`
}

// Room is a room as the caller sees it.
type Room struct {
	ID            string  `json:"id" example:"12"`
	Slug          *string `json:"slug" doc:"Unique without regard to case; null for rooms without one." example:"engines"`
	Name          string  `json:"name" doc:"For a direct room the other person's display name." example:"Engines"`
	Description   string  `json:"description" example:"All about engines"`
	Type          string  `json:"type" enum:"public,private,direct" example:"public"`
	Form          string  `json:"form" enum:"text,voice,forum,separator" example:"text"`
	Official      bool    `json:"official" doc:"A room of the server rather than of a person: everybody who sees it may use it, members or not."`
	Encrypted     bool    `json:"encrypted" doc:"Content is ciphertext: not searched, no mentions, no links."`
	Topic         string  `json:"topic" example:"Today: cams"`
	AvatarURL     *string `json:"avatar_url" example:"/api/avatars/2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"`
	Position      int     `json:"position" doc:"Place in lists that an operator arranges."`
	CreatedAt     string  `json:"created_at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
	CreatedBy     *string `json:"created_by" format:"uuid" doc:"Null for rooms of the server." example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	OwnerID       *string `json:"owner_id" format:"uuid" doc:"Null for direct rooms and rooms of the server." example:"0199f0a4-7c1e-7a60-9d6b-2f6f0a9e3b11"`
	LastMessageAt *string `json:"last_message_at" format:"date-time" doc:"Null while the room is empty." example:"2026-03-01T10:15:00.000Z"`
	LastSeq       int64   `json:"last_seq" doc:"The room's counter: ask for changes since this." example:"41"`
	MemberCount   int     `json:"member_count" example:"7"`
	Archived      bool    `json:"archived" doc:"Can be read but not changed."`
	SlowMode      int64   `json:"slow_mode_seconds" doc:"How long people wait between two messages, but the room's admins and the server's moderators; 0: no slow mode."`
	Me            *Me     `json:"me" doc:"The caller's membership; null for a non-member."`
	Peer          *User   `json:"peer" doc:"The other person of a direct room; null elsewhere, and when their account is gone."`
}

// Me is the caller's membership of a room.
type Me struct {
	Role         string  `json:"role" enum:"owner,admin,member" example:"member"`
	JoinedAt     string  `json:"joined_at" format:"date-time" example:"2026-03-01T09:31:00.000Z"`
	LastReadSeq  int64   `json:"last_read_seq" example:"40"`
	UnreadCount  int64   `json:"unread_count" example:"1"`
	MentionCount int64   `json:"mention_count" example:"0"`
	Notify       string  `json:"notify" enum:"all,mentions,muted" example:"all"`
	Muted        bool    `json:"muted" doc:"A moderator muted the caller here."`
	MutedUntil   *string `json:"muted_until" format:"date-time" doc:"End of the mute; null without one, or if it has no end." example:"2026-03-02T00:00:00.000Z"`
	Favourite    bool    `json:"favourite"`
	SlowUntil    *string `json:"slow_mode_until" format:"date-time" doc:"When the caller may write again in slow mode; null: now." example:"2026-03-01T10:15:30.000Z"`
}

// RoomSummary is what an invite tells of its room.
type RoomSummary struct {
	ID          string  `json:"id" example:"12"`
	Slug        *string `json:"slug" example:"engines"`
	Name        string  `json:"name" example:"Engines"`
	Description string  `json:"description" example:"All about engines"`
	Type        string  `json:"type" enum:"public,private,direct" example:"private"`
	Form        string  `json:"form" enum:"text,voice,forum,separator" example:"text"`
	Encrypted   bool    `json:"encrypted"`
	AvatarURL   *string `json:"avatar_url" example:"/api/avatars/2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"`
	MemberCount int     `json:"member_count" example:"7"`
}

// Message is one thing said in a room.
type Message struct {
	ID          string       `json:"id" example:"1041"`
	RoomID      string       `json:"room_id" example:"12"`
	Seq         int64        `json:"seq" doc:"Its place in the room, for ever." example:"41"`
	ChangeSeq   int64        `json:"change_seq" doc:"The latest change to it." example:"41"`
	Type        string       `json:"type" enum:"text,image,file,system,thread" doc:"thread: the first message of a forum's thread, its content is the name." example:"text"`
	Sender      *UserSummary `json:"sender" doc:"Null for system messages and for accounts that are gone."`
	Content     string       `json:"content" doc:"Raw markdown as typed." example:"Hello **world**"`
	HTML        *string      `json:"html,omitempty" doc:"Rendered and sanitised; only with render=html." example:"<p>Hello <strong>world</strong></p>"`
	ParentID    *string      `json:"parent_id" doc:"The message it replies to." example:"1040"`
	Thread      *Thread      `json:"thread" doc:"Null for a message without replies."`
	CreatedAt   string       `json:"created_at" format:"date-time" example:"2026-03-01T10:15:00.000Z"`
	EditedAt    *string      `json:"edited_at" format:"date-time" example:"2026-03-01T10:16:00.000Z"`
	Deleted     bool         `json:"deleted"`
	Pinned      bool         `json:"pinned"`
	Mentions    []string     `json:"mentions" doc:"Ids of the people mentioned."`
	Reactions   []Reaction   `json:"reactions" doc:"In the order of the first use of each emoji."`
	Attachments []Attachment `json:"attachments"`
	Links       []Link       `json:"links"`
	Author      *Author      `json:"author,omitempty"`
	Embeds      []Embed      `json:"embeds,omitempty" doc:"At most 10."`
	Command     *CommandUse  `json:"command,omitempty"`
	Poll        *Poll        `json:"poll,omitempty"`
	Nonce       string       `json:"nonce,omitempty" doc:"What the sending client gave; only in the answer to it and in message_created." example:"c-7f3a"`
}

// Thread sums up the replies under a message.
type Thread struct {
	ReplyCount  int     `json:"reply_count" example:"2"`
	LastReplyAt *string `json:"last_reply_at" format:"date-time" example:"2026-03-01T10:20:00.000Z"`
}

// Reaction groups the people who gave one emoji to a message.
type Reaction struct {
	Emoji string `json:"emoji" example:"👍"`
	Count int    `json:"count" example:"3"`
	Me    bool   `json:"me" doc:"The caller is among them."`
}

// Attachment is an uploaded file.
type Attachment struct {
	ID           string  `json:"id" format:"uuid" example:"0199f0a4-9b20-7bb5-8a11-3c6d1f7a2e90"`
	Filename     string  `json:"filename" example:"engine.png"`
	Size         int64   `json:"size" doc:"Bytes." example:"48213"`
	MIMEType     string  `json:"mime_type" doc:"By content." example:"image/png"`
	Width        *int    `json:"width" doc:"Pixels; null if it is not an image." example:"800"`
	Height       *int    `json:"height" example:"600"`
	URL          string  `json:"url" example:"/api/attachments/0199f0a4-9b20-7bb5-8a11-3c6d1f7a2e90"`
	ThumbnailURL *string `json:"thumbnail_url" example:"/api/attachments/0199f0a4-9b20-7bb5-8a11-3c6d1f7a2e90/thumbnail"`
	CreatedAt    string  `json:"created_at" format:"date-time" example:"2026-03-01T10:14:00.000Z"`
	Scan         string  `json:"scan" enum:"clean,pending,infected" doc:"What the malware scanner said." example:"clean"`
}

// Link is an address in a message and what is known of the page behind it.
type Link struct {
	URL         string  `json:"url" example:"https://example.org/engines"`
	Title       *string `json:"title" example:"Engines"`
	Description *string `json:"description" example:"A page about engines"`
	Image       *string `json:"image" doc:"Path of the page's picture as this server keeps it; null for none." example:"/api/previews/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	ImageWidth  *int    `json:"image_width" doc:"In pixels." example:"480"`
	ImageHeight *int    `json:"image_height" example:"270"`
}

// Notification tells one person of one event.
type Notification struct {
	ID         string       `json:"id" example:"77"`
	Type       string       `json:"type" enum:"mention,reply,room_invite,direct_message,system" example:"mention"`
	Title      string       `json:"title" doc:"Set for system notifications." example:""`
	Content    string       `json:"content" doc:"A short plain text." example:"Hello @ada"`
	RoomID     *string      `json:"room_id" example:"12"`
	MessageID  *string      `json:"message_id" example:"1041"`
	Actor      *UserSummary `json:"actor" doc:"Whose doing it is; null for the server's own."`
	InviteCode *string      `json:"invite_code" doc:"room_invite: the code to accept." example:"H7KQ2MWX4R"`
	Severity   string       `json:"severity" enum:"info,success,warning,danger,system" example:"info"`
	CreatedAt  string       `json:"created_at" format:"date-time" example:"2026-03-01T10:15:00.000Z"`
	ReadAt     *string      `json:"read_at" format:"date-time" example:"2026-03-01T10:15:30.000Z"`
	ExpiresAt  *string      `json:"expires_at" format:"date-time" example:"2026-03-31T10:15:00.000Z"`
}

// Invite lets people into a room or onto the server.
type Invite struct {
	Code      string       `json:"code" example:"H7KQ2MWX4R"`
	Room      *RoomSummary `json:"room" doc:"Null for an invite to register."`
	CreatedBy *UserSummary `json:"created_by"`
	CreatedAt string       `json:"created_at" format:"date-time" example:"2026-03-01T09:30:00.000Z"`
	ExpiresAt *string      `json:"expires_at" format:"date-time" doc:"Null: never." example:"2026-03-08T09:30:00.000Z"`
	MaxUses   *int         `json:"max_uses" doc:"Null: no limit." example:"5"`
	Uses      int          `json:"uses" example:"1"`
	Revoked   bool         `json:"revoked"`
}

// Receipt says that a person read a message, and when.
type Receipt struct {
	User   UserSummary `json:"user"`
	ReadAt string      `json:"read_at" format:"date-time" example:"2026-03-01T10:15:30.000Z"`
}

// Member is a person's place in a room.
type Member struct {
	User       User    `json:"user"`
	Role       string  `json:"role" enum:"owner,admin,member" example:"member"`
	JoinedAt   string  `json:"joined_at" format:"date-time" example:"2026-03-01T09:31:00.000Z"`
	Muted      bool    `json:"muted"`
	MutedUntil *string `json:"muted_until" format:"date-time" doc:"End of the mute; null without one, or if it has no end." example:"2026-03-02T00:00:00.000Z"`
}

// timeLayout is RFC 3339 with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// stamp writes a time as every answer and frame does.
func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

// timeOrNil is stamp, with null for the zero time.
func timeOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// orNil turns the empty value into null.
func orNil[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// user converts a person with the status that others see now.
func (d *Dialect) user(u *chat.User) User {
	u = d.core.Effective(u)
	return userOf(u)
}

func userOf(u *chat.User) User {
	return User{
		ID: string(u.ID), Username: u.Username, DisplayName: u.DisplayName, AvatarURL: orNil(u.AvatarURL), Bio: u.Bio,
		Status: string(u.Status), StatusMessage: u.StatusMessage, Rank: u.Rank.String(), Roles: convert(u.Roles, func(r chat.RoleID) string { return string(r) }), Bot: u.Kind == chat.Bot,
		CreatedAt: stamp(u.CreatedAt), LastSeenAt: timeOrNil(u.LastSeenAt),
	}
}

// self converts the caller's own account.
func (d *Dialect) self(ctx context.Context, u *chat.User) (Self, error) {
	s := Self{User: userOf(u), Email: u.Email, Settings: opaque(u.Settings)}
	for i, r := range u.Roles {
		s.Roles[i] = string(r)
	}
	mute, err := d.core.ServerMute(ctx, u.ID)
	s.Mute = muteOf(mute)
	return s, err
}

// muteOf converts a mute of the whole server; nil stays nil.
func muteOf(s *chat.Sanction) *Mute {
	if s == nil {
		return nil
	}
	return &Mute{Until: timeOrNil(s.Until), Reason: s.Reason}
}

// summary converts a person beside something they did.
func (d *Dialect) summary(u *chat.User) UserSummary {
	return UserSummary{
		ID: string(u.ID), Username: u.Username, DisplayName: u.DisplayName, AvatarURL: orNil(u.AvatarURL),
		Bot: u.Kind == chat.Bot, Rank: u.Rank.String(),
	}
}

// summaryOrNil is summary where there may be nobody.
func (d *Dialect) summaryOrNil(u *chat.User) *UserSummary {
	if u == nil {
		return nil
	}
	s := d.summary(u)
	return &s
}

// room converts a room as one person sees it. A direct room bears the name and picture of the other person.
func (d *Dialect) room(v chat.RoomView) Room {
	r := v.Room
	out := Room{
		ID: r.ID.String(), Slug: orNil(r.Slug), Name: r.Name, Description: r.Description, Type: string(r.Type), Form: string(r.Form), Official: r.Official,
		Encrypted: r.Encrypted, Topic: r.Topic, AvatarURL: orNil(r.AvatarURL), Position: r.Position, CreatedAt: stamp(r.CreatedAt),
		CreatedBy: orNil(string(r.CreatedBy)), OwnerID: orNil(string(r.OwnerID)), LastMessageAt: timeOrNil(r.LastMessageAt),
		LastSeq: int64(r.LastSeq), MemberCount: r.MemberCount, Archived: r.Archived, SlowMode: int64(r.SlowMode / time.Second),
	}
	if m := v.Me; m != nil {
		out.Me = &Me{
			Role: string(m.Role), JoinedAt: stamp(m.JoinedAt), LastReadSeq: int64(m.LastReadSeq), UnreadCount: v.UnreadCount,
			MentionCount: v.MentionCount, Notify: string(m.Notify), Muted: m.Muted, MutedUntil: timeOrNil(m.MutedUntil), Favourite: m.Favourite,
			SlowUntil: timeOrNil(v.SlowUntil),
		}
	}
	if v.Peer != nil {
		peer := d.user(v.Peer)
		out.Peer, out.Name, out.AvatarURL = &peer, peer.DisplayName, peer.AvatarURL
	}
	return out
}

func (d *Dialect) rooms(views []chat.RoomView) []Room { return convert(views, d.room) }

// roomSummary converts what an invite's holder may know of the room; nil stays nil.
func roomSummary(r *chat.Room) *RoomSummary {
	if r == nil {
		return nil
	}
	return &RoomSummary{
		ID: r.ID.String(), Slug: orNil(r.Slug), Name: r.Name, Description: r.Description, Type: string(r.Type), Form: string(r.Form),
		Encrypted: r.Encrypted, AvatarURL: orNil(r.AvatarURL), MemberCount: r.MemberCount,
	}
}

// message converts a message for one viewer, who decides reactions' `me` and sees the nonce of what they sent; with viewer
// "" it is the same for everyone.
func (d *Dialect) message(m *chat.Message, viewer chat.UserID) Message {
	out := Message{
		ID: m.ID.String(), RoomID: m.RoomID.String(), Seq: int64(m.Seq), ChangeSeq: int64(m.ChangeSeq), Type: string(m.Type),
		Sender: d.summaryOrNil(m.Sender), Content: m.Content, CreatedAt: stamp(m.CreatedAt), EditedAt: timeOrNil(m.EditedAt),
		Deleted: m.Deleted, Pinned: m.Pinned,
		Mentions: []string{}, Reactions: []Reaction{}, Attachments: []Attachment{}, Links: []Link{},
	}
	if m.ParentID != 0 {
		out.ParentID = orNil(m.ParentID.String())
	}
	if m.ReplyCount > 0 {
		out.Thread = &Thread{ReplyCount: m.ReplyCount, LastReplyAt: timeOrNil(m.LastReplyAt)}
	}
	if m.Deleted {
		out.Content, out.Pinned = chat.DeletedContent, false
		return out
	}
	if viewer == "" || m.SenderID == viewer {
		out.Nonce = m.Nonce
	}
	for _, id := range m.Mentions {
		out.Mentions = append(out.Mentions, string(id))
	}
	for _, r := range m.Reactions {
		out.Reactions = append(out.Reactions, Reaction{Emoji: r.Emoji, Count: len(r.Users), Me: viewer != "" && r.By(viewer)})
	}
	for i := range m.Attachments {
		out.Attachments = append(out.Attachments, d.attachment(&m.Attachments[i]))
	}
	for _, l := range m.Links {
		if l.Picture {
			continue
		}
		out.Links = append(out.Links, Link{URL: l.URL, Title: orNil(l.Title), Description: orNil(l.Description), Image: orNil(l.Image), ImageWidth: orNil(l.Width), ImageHeight: orNil(l.Height)})
	}
	d.carried(&out, m, viewer)
	return out
}

// messages converts a list of messages for one viewer.
func (d *Dialect) messages(list []chat.Message, viewer chat.UserID) []Message {
	out := make([]Message, len(list))
	for i := range list {
		out[i] = d.message(&list[i], viewer)
	}
	return out
}

// attachment converts a file; its id and address are the unguessable key.
func (d *Dialect) attachment(a *chat.Attachment) Attachment {
	out := Attachment{
		ID: a.Key, Filename: a.Filename, Size: a.Size, MIMEType: a.MIMEType, Width: orNil(a.Width), Height: orNil(a.Height),
		URL: "/api/attachments/" + a.Key, CreatedAt: stamp(a.CreatedAt), Scan: string(a.Scan),
	}
	if a.ThumbHash != "" {
		out.ThumbnailURL = orNil(out.URL + "/thumbnail")
	}
	return out
}

// notification converts a notification with its actor.
func (d *Dialect) notification(n chat.Notification) Notification {
	out := Notification{
		ID: formatID(n.ID), Type: string(n.Type), Title: n.Title, Content: n.Content, Actor: d.summaryOrNil(n.Actor), InviteCode: orNil(n.InviteCode),
		Severity: string(n.Severity), CreatedAt: stamp(n.CreatedAt), ReadAt: timeOrNil(n.ReadAt), ExpiresAt: timeOrNil(n.ExpiresAt),
	}
	if n.RoomID != 0 {
		out.RoomID = orNil(n.RoomID.String())
	}
	if n.MessageID != 0 {
		out.MessageID = orNil(n.MessageID.String())
	}
	return out
}

// invite converts an invite with what is known around it.
func (d *Dialect) invite(i chat.Invite, room *chat.Room, by *chat.User) Invite {
	return Invite{
		Code: i.Code, Room: roomSummary(room), CreatedBy: d.summaryOrNil(by), CreatedAt: stamp(i.CreatedAt), ExpiresAt: timeOrNil(i.ExpiresAt),
		MaxUses: orNil(i.MaxUses), Uses: i.Uses, Revoked: !i.RevokedAt.IsZero(),
	}
}

// member converts a person's place in a room.
func (d *Dialect) member(m *chat.Member, u *chat.User) Member {
	return Member{User: d.user(u), Role: string(m.Role), JoinedAt: stamp(m.JoinedAt), Muted: m.Muted, MutedUntil: timeOrNil(m.MutedUntil)}
}

// convert maps a list; nil becomes the empty list.
func convert[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}
