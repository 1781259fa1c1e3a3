package relay

import (
	"parley/internal/chat"
)

// A batch is what one node publishes on one lane at once: the version of the form, the node's id, the batch's number on that
// lane, then entries, each of a kind, a length and a body of that length. A kind that is not known is skipped by its length,
// and values that a newer version appended to a body are not looked at: so nodes of two versions understand each other.
// Numbers of kinds are never used again for something else.
const version = 1

type kind uint64

const (
	messageCreated kind = 1 + iota
	messageChanged
	messageDeleted
	reactionAdded
	reactionRemoved
	memberJoined
	memberLeft
	memberChanged
	roomChanged
	roomDeleted
	readMoved
	typing
	roomAdded
	roomRemoved
	unreadChanged
	notified
	sessionRevoked
	userChanged
	presenceChanged
	sanctionChanged
	rolesChanged
	blockChanged
	reportChanged
	usersSeen
	emojiAdded
	emojiUpdated
	emojiRemoved
	serverChanged
	pollVoted
	pollEnded
	commandsAdded
	commandsRemoved
	commandCalled
	voiceJoined
	voiceChanged
	voiceLeft
	voiceSignal
	pluginsChanged
	directoryChanged
	threadCreated
	threadChanged
	threadDeleted
	threadJoined
	threadLeft
	positionMoved
	userRolesChanged
	userJoined
	userLeft
	faceChanged
)

// What nodes tell each other of themselves.
const (
	beatKind kind = 100 + iota
	cameKind
	leftKind
	idleKind // is connected, and looks at none of the connections
)

// What stands first in the body of a kind, so that a receiver can tell whether it needs the rest.
type lead uint8

const (
	nothingFirst lead = iota
	roomFirst         // a room: only those who follow it need to know
	userFirst         // a person: only where they are connected it matters
)

// leads are the kinds that may be skipped; all others say something that caches must know, or are rare.
var leads = [...]lead{
	messageCreated: roomFirst, messageChanged: roomFirst, messageDeleted: roomFirst, reactionAdded: roomFirst, reactionRemoved: roomFirst,
	pollVoted: roomFirst, pollEnded: roomFirst,
	readMoved: roomFirst, typing: roomFirst,
	commandCalled: userFirst, voiceSignal: userFirst, voiceJoined: roomFirst, voiceChanged: roomFirst, voiceLeft: roomFirst,
	threadCreated: roomFirst, threadChanged: roomFirst, threadDeleted: roomFirst, threadJoined: roomFirst, threadLeft: roomFirst,
	positionMoved: userFirst, unreadChanged: userFirst, notified: userFirst, roomAdded: userFirst,
}

// event appends an entry. What the receiver reads from the store anyway goes by its id alone. It reports whether it knows the
// event.
func (w *writer) event(ev chat.Event) bool {
	var body writer
	k := body.body(ev)
	if k == 0 {
		return false
	}
	w.entry(k, body.b)
	return true
}

func (w *writer) entry(k kind, body []byte) {
	w.uint(uint64(k))
	w.bytes(body)
}

func (w *writer) body(ev chat.Event) kind {
	state := func(m *chat.Message) {
		w.int(int64(m.RoomID))
		w.int(int64(m.ChangeSeq))
		w.message(m)
	}
	switch e := ev.(type) {
	case chat.MessageCreated:
		state(e.Message)
		return messageCreated
	case chat.MessageChanged:
		state(e.Message)
		w.text(string(e.What))
		return messageChanged
	case chat.MessageDeleted:
		state(e.Message)
		w.bool(e.Thread)
		return messageDeleted
	case chat.ReactionAdded:
		w.reaction(e.Message, e.UserID, e.Emoji)
		return reactionAdded
	case chat.ReactionRemoved:
		w.reaction(e.Message, e.UserID, e.Emoji)
		return reactionRemoved
	case chat.PollVoted:
		w.int(int64(e.Message.RoomID))
		w.int(int64(e.Message.ChangeSeq))
		w.text(string(e.UserID))
		list(w, e.Options, w.text)
		w.message(e.Message)
		return pollVoted
	case chat.PollEnded:
		w.int(int64(e.Message.RoomID))
		w.int(int64(e.Message.ChangeSeq))
		w.text(string(e.UserID))
		w.message(e.Message)
		return pollEnded
	case chat.MemberJoined:
		w.int(int64(e.Member.RoomID))
		w.member(e.Member)
		return memberJoined
	case chat.MemberLeft:
		w.int(int64(e.RoomID))
		w.text(string(e.UserID))
		w.text(string(e.Reason))
		return memberLeft
	case chat.MemberChanged:
		w.int(int64(e.Member.RoomID))
		w.text(string(e.Member.UserID))
		return memberChanged
	case chat.RoomChanged:
		w.int(int64(e.Room.ID))
		return roomChanged
	case chat.RoomDeleted:
		w.int(int64(e.RoomID))
		w.users(e.Members)
		return roomDeleted
	case chat.ReadMoved:
		w.int(int64(e.RoomID))
		w.text(string(e.UserID))
		w.int(int64(e.Seq))
		w.bool(e.Delivered)
		return readMoved
	case chat.Typing:
		w.int(int64(e.RoomID))
		w.text(string(e.UserID))
		w.int(int64(e.ThreadID))
		w.bool(e.Typing)
		return typing
	case chat.ThreadCreated:
		w.thread(e.Thread)
		return threadCreated
	case chat.ThreadChanged:
		w.thread(e.Thread)
		return threadChanged
	case chat.ThreadDeleted:
		w.int(int64(e.RoomID))
		w.int(int64(e.ThreadID))
		return threadDeleted
	case chat.ThreadJoined:
		w.thread(e.Thread)
		w.text(string(e.UserID))
		return threadJoined
	case chat.ThreadLeft:
		w.thread(e.Thread)
		w.text(string(e.UserID))
		return threadLeft
	}
	return w.personal(ev)
}

// personal is body for what is not about a room.
func (w *writer) personal(ev chat.Event) kind {
	switch e := ev.(type) {
	case chat.RoomAdded:
		w.text(string(e.UserID))
		w.int(int64(e.Room.ID))
		return roomAdded
	case chat.RoomRemoved:
		w.text(string(e.UserID))
		w.int(int64(e.RoomID))
		return roomRemoved
	case chat.UnreadChanged:
		w.text(string(e.UserID))
		w.int(int64(e.RoomID))
		w.int(e.UnreadCount)
		w.int(e.MentionCount)
		w.int(int64(e.LastReadSeq))
		return unreadChanged
	case chat.PositionMoved:
		w.text(string(e.UserID))
		w.int(int64(e.RoomID))
		w.int(int64(e.ThreadID))
		w.int(int64(e.MessageID))
		return positionMoved
	case chat.Notified:
		w.text(string(e.Notification.UserID))
		w.notification(e.Notification)
		return notified
	case chat.SessionRevoked:
		w.text(string(e.UserID))
		w.text(string(e.SessionID))
		w.text(string(e.Except))
		w.text(e.Reason)
		return sessionRevoked
	case chat.UserChanged:
		w.user(e.User)
		return userChanged
	case chat.UserJoined:
		w.user(e.User)
		return userJoined
	case chat.UserLeft:
		w.user(e.User)
		return userLeft
	case chat.FaceChanged:
		w.user(e.User)
		w.text(e.Before.Username)
		w.text(e.Before.ExternalName)
		w.text(e.Before.DisplayName)
		w.text(e.Before.AvatarURL)
		w.bool(e.Managed)
		return faceChanged
	case chat.PresenceChanged:
		w.text(string(e.Presence.UserID))
		return presenceChanged
	case chat.SanctionChanged:
		w.sanction(e.Sanction)
		return sanctionChanged
	case chat.RolesChanged:
		w.int(int64(e.RoomID))
		w.text(string(e.UserID))
		return rolesChanged
	case chat.BlockChanged:
		w.text(string(e.UserID))
		w.text(string(e.BlockedID))
		w.bool(e.Blocked)
		return blockChanged
	case chat.ReportChanged:
		w.int(e.Report.ID)
		return reportChanged
	case chat.UsersSeen:
		w.users(e.Users)
		return usersSeen
	case chat.EmojiAdded:
		w.int(int64(e.Emoji.ID))
		return emojiAdded
	case chat.EmojiUpdated:
		w.int(int64(e.Emoji.ID))
		return emojiUpdated
	case chat.EmojiRemoved:
		w.int(int64(e.ID))
		w.text(e.Name)
		return emojiRemoved
	case chat.UserRolesChanged:
		w.text(string(e.UserID))
		w.bool(e.Whole)
		return userRolesChanged
	case chat.DirectoryChanged:
		w.int(int64(e.RoomID))
		return directoryChanged
	case chat.ServerChanged:
		return serverChanged
	case chat.CommandsAdded:
		w.commands(e.Commands)
		return commandsAdded
	case chat.CommandsRemoved:
		list(w, e.Names, w.text)
		return commandsRemoved
	case chat.CommandCalled:
		w.text(string(e.Registrant))
		w.text(e.Connection)
		w.int(int64(e.RoomID))
		w.text(string(e.Caller))
		w.text(e.Name)
		w.bytes(e.Args)
		return commandCalled
	case chat.VoiceJoined:
		w.participant(e.Participant)
		w.users(e.Insiders)
		return voiceJoined
	case chat.VoiceChanged:
		w.participant(e.Participant)
		w.users(e.Insiders)
		return voiceChanged
	case chat.VoiceLeft:
		w.int(int64(e.RoomID))
		w.text(string(e.UserID))
		return voiceLeft
	case chat.VoiceSignal:
		w.text(string(e.Recipient))
		w.text(e.Connection)
		w.int(int64(e.RoomID))
		w.text(string(e.From))
		w.text(e.PeerID)
		w.bytes(e.Data)
		return voiceSignal
	case chat.PluginsChanged:
		w.text(e.Name)
		w.text(e.Node)
		return pluginsChanged
	}
	return 0
}

func (w *writer) reaction(m *chat.Message, user chat.UserID, emoji string) {
	w.int(int64(m.RoomID))
	w.int(int64(m.ChangeSeq))
	w.text(string(user))
	w.text(emoji)
	w.message(m)
}

// readers make the event of each kind from its body.
var readers = map[kind]func(*reader) chat.Event{
	messageCreated: func(r *reader) chat.Event { return chat.MessageCreated{Message: r.state()} },
	messageChanged: func(r *reader) chat.Event {
		return chat.MessageChanged{Message: r.state(), What: chat.MessageChange(r.text())}
	},
	messageDeleted: func(r *reader) chat.Event { return chat.MessageDeleted{Message: r.state(), Thread: r.bool()} },
	reactionAdded: func(r *reader) chat.Event {
		m, user, emoji := r.reaction()
		return chat.ReactionAdded{Message: m, UserID: user, Emoji: emoji}
	},
	reactionRemoved: func(r *reader) chat.Event {
		m, user, emoji := r.reaction()
		return chat.ReactionRemoved{Message: m, UserID: user, Emoji: emoji}
	},
	pollVoted: func(r *reader) chat.Event {
		room, change := r.room(), chat.Seq(r.int())
		user, options := r.who(), items(r, r.text)
		return chat.PollVoted{Message: r.message(room, change), UserID: user, Options: options}
	},
	pollEnded: func(r *reader) chat.Event {
		room, change := r.room(), chat.Seq(r.int())
		user := r.who()
		return chat.PollEnded{Message: r.message(room, change), UserID: user}
	},
	memberJoined: func(r *reader) chat.Event { return chat.MemberJoined{Member: r.member(r.room())} },
	memberLeft: func(r *reader) chat.Event {
		return chat.MemberLeft{RoomID: r.room(), UserID: r.who(), Reason: chat.LeaveReason(r.text())}
	},
	memberChanged: func(r *reader) chat.Event {
		return chat.MemberChanged{Member: chat.Member{RoomID: r.room(), UserID: r.who()}}
	},
	roomChanged: func(r *reader) chat.Event { return chat.RoomChanged{Room: chat.Room{ID: r.room()}} },
	roomDeleted: func(r *reader) chat.Event { return chat.RoomDeleted{RoomID: r.room(), Members: r.users()} },
	readMoved: func(r *reader) chat.Event {
		return chat.ReadMoved{RoomID: r.room(), UserID: r.who(), Seq: chat.Seq(r.int()), Delivered: r.bool()}
	},
	typing: func(r *reader) chat.Event {
		return chat.Typing{RoomID: r.room(), UserID: r.who(), ThreadID: chat.MessageID(r.int()), Typing: r.bool()}
	},
	roomAdded:   func(r *reader) chat.Event { return chat.RoomAdded{UserID: r.who(), Room: chat.Room{ID: r.room()}} },
	roomRemoved: func(r *reader) chat.Event { return chat.RoomRemoved{UserID: r.who(), RoomID: r.room()} },
	unreadChanged: func(r *reader) chat.Event {
		return chat.UnreadChanged{UserID: r.who(), RoomID: r.room(), UnreadCount: r.int(), MentionCount: r.int(), LastReadSeq: chat.Seq(r.int())}
	},
	notified: func(r *reader) chat.Event { return chat.Notified{Notification: r.notification(r.who())} },
	sessionRevoked: func(r *reader) chat.Event {
		return chat.SessionRevoked{UserID: r.who(), SessionID: chat.SessionID(r.text()), Except: chat.SessionID(r.text()), Reason: r.text()}
	},
	userChanged: func(r *reader) chat.Event { return chat.UserChanged{User: r.user()} },
	userJoined:  func(r *reader) chat.Event { return chat.UserJoined{User: r.user()} },
	userLeft:    func(r *reader) chat.Event { return chat.UserLeft{User: r.user()} },
	faceChanged: func(r *reader) chat.Event {
		return chat.FaceChanged{User: r.user(), Before: chat.Face{Username: r.text(), ExternalName: r.text(), DisplayName: r.text(), AvatarURL: r.text()}, Managed: r.bool()}
	},
	presenceChanged: func(r *reader) chat.Event { return chat.PresenceChanged{Presence: chat.Presence{UserID: r.who()}} },
	sanctionChanged: func(r *reader) chat.Event { return chat.SanctionChanged{Sanction: r.sanction()} },
	rolesChanged: func(r *reader) chat.Event {
		e := chat.RolesChanged{RoomID: r.room()}
		if len(r.b) > 0 { // else written by an older version
			e.UserID = r.who()
		}
		return e
	},
	blockChanged: func(r *reader) chat.Event {
		return chat.BlockChanged{UserID: r.who(), BlockedID: r.who(), Blocked: r.bool()}
	},
	reportChanged: func(r *reader) chat.Event { return chat.ReportChanged{Report: chat.Report{ID: r.int()}} },
	usersSeen:     func(r *reader) chat.Event { return chat.UsersSeen{Users: r.users()} },
	emojiAdded:    func(r *reader) chat.Event { return chat.EmojiAdded{Emoji: chat.Emoji{ID: chat.EmojiID(r.int())}} },
	emojiUpdated:  func(r *reader) chat.Event { return chat.EmojiUpdated{Emoji: chat.Emoji{ID: chat.EmojiID(r.int())}} },
	emojiRemoved:  func(r *reader) chat.Event { return chat.EmojiRemoved{ID: chat.EmojiID(r.int()), Name: r.text()} },
	serverChanged: func(*reader) chat.Event { return chat.ServerChanged{} },

	commandsAdded:   func(r *reader) chat.Event { return chat.CommandsAdded{Commands: r.commands()} },
	commandsRemoved: func(r *reader) chat.Event { return chat.CommandsRemoved{Names: items(r, r.text)} },
	commandCalled: func(r *reader) chat.Event {
		return chat.CommandCalled{Registrant: r.who(), Connection: r.text(), RoomID: r.room(), Caller: r.who(), Name: r.text(), Args: r.bytes()}
	},
	voiceJoined: func(r *reader) chat.Event { return chat.VoiceJoined{Participant: r.participant(), Insiders: r.users()} },
	voiceChanged: func(r *reader) chat.Event {
		return chat.VoiceChanged{Participant: r.participant(), Insiders: r.users()}
	},
	voiceLeft: func(r *reader) chat.Event { return chat.VoiceLeft{RoomID: r.room(), UserID: r.who()} },
	voiceSignal: func(r *reader) chat.Event {
		return chat.VoiceSignal{Recipient: r.who(), Connection: r.text(), RoomID: r.room(), From: r.who(), PeerID: r.text(), Data: r.bytes()}
	},
	pluginsChanged:   func(r *reader) chat.Event { return chat.PluginsChanged{Name: r.text(), Node: r.text()} },
	userRolesChanged: func(r *reader) chat.Event { return chat.UserRolesChanged{UserID: r.who(), Whole: r.bool()} },
	directoryChanged: func(r *reader) chat.Event { return chat.DirectoryChanged{RoomID: r.room()} },
	threadCreated:    func(r *reader) chat.Event { return chat.ThreadCreated{Thread: r.thread()} },
	threadChanged:    func(r *reader) chat.Event { return chat.ThreadChanged{Thread: r.thread()} },
	threadDeleted: func(r *reader) chat.Event {
		return chat.ThreadDeleted{RoomID: r.room(), ThreadID: chat.MessageID(r.int())}
	},
	threadJoined: func(r *reader) chat.Event { return chat.ThreadJoined{Thread: r.thread(), UserID: r.who()} },
	threadLeft:   func(r *reader) chat.Event { return chat.ThreadLeft{Thread: r.thread(), UserID: r.who()} },
	positionMoved: func(r *reader) chat.Event {
		return chat.PositionMoved{UserID: r.who(), RoomID: r.room(), ThreadID: chat.MessageID(r.int()), MessageID: chat.MessageID(r.int())}
	},
}

func (r *reader) room() chat.RoomID { return chat.RoomID(r.int()) }
func (r *reader) who() chat.UserID  { return chat.UserID(r.text()) }

func (r *reader) state() *chat.Message {
	room := r.room()
	return r.message(room, chat.Seq(r.int()))
}

func (r *reader) reaction() (m *chat.Message, user chat.UserID, emoji string) {
	room, change := r.room(), chat.Seq(r.int())
	user, emoji = r.who(), r.text()
	return r.message(room, change), user, emoji
}

// batch is one that arrived, with its entries still to be read.
type batch struct {
	node    string
	number  uint64
	entries reader
}

// begin starts a batch.
func (w *writer) begin(node string, number uint64) {
	w.b = append(w.b, version)
	w.text(node)
	w.uint(number)
}

// open reads the head of a batch. It fails for another version, too.
func open(payload []byte) (b batch, err error) {
	if len(payload) == 0 || payload[0] != version {
		return b, errWire
	}
	b.entries.b = payload[1:]
	b.node, b.number = b.entries.text(), b.entries.uint()
	if b.entries.fault || b.node == "" || b.number == 0 {
		return b, errWire
	}
	return b, nil
}

// next takes the next entry apart; ok is false at the end and after a fault.
func (b *batch) next() (k kind, body reader, ok bool) {
	r := &b.entries
	if len(r.b) == 0 {
		return 0, reader{}, false
	}
	k = kind(r.uint())
	body.b = r.part()
	return k, body, !r.fault
}
