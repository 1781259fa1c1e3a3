package origin

import (
	"context"
	"strings"

	"parley/internal/chat"
	"parley/internal/core"
)

var threadCommands = map[string]command{
	"thread_create": threadCreate, "thread_get": threadGet, "thread_update": threadUpdate, "thread_delete": threadDelete,
	"thread_join": threadJoin, "thread_leave": threadLeave,
}

// maxThreadName is up to how many characters of a thread's name are taken (specs: originchats-commands §11).
const maxThreadName = 100

// threadView is a thread on the wire (specs: originchats §6.7).
type threadView struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	ParentChannel string   `json:"parent_channel"`
	CreatedBy     string   `json:"created_by"`
	CreatedAt     seconds  `json:"created_at"`
	Locked        bool     `json:"locked"`
	Archived      bool     `json:"archived"`
	Participants  []string `json:"participants"`
	LastMessage   seconds  `json:"last_message"` // null while there is none
	LastMessageID *string  `json:"last_message_id"`
}

type threadPacket struct {
	Cmd      string      `json:"cmd"`
	Thread   *threadView `json:"thread,omitempty"`
	ThreadID string      `json:"thread_id,omitempty"`
	User     string      `json:"user,omitempty"`
	Channel  string      `json:"channel,omitempty"`
	Global   bool        `json:"global,omitempty"`
}

// threadShown is a thread as packets and lists of channels have it.
func (d *Dialect) threadShown(ctx context.Context, th *chat.Thread) *threadView {
	name := func(id chat.UserID) string {
		if u := th.People[id]; u != nil {
			return nameOf(u)
		}
		return d.nameByID(ctx, id)
	}
	v := &threadView{
		ID: d.ids.thread(th.ID), Name: th.Name, ParentChannel: d.channelName(ctx, th.RoomID), CreatedBy: name(th.CreatedBy), CreatedAt: seconds(th.CreatedAt),
		Locked: th.Locked, Archived: th.Archived, Participants: make([]string, len(th.Participants)),
	}
	for i, id := range th.Participants {
		v.Participants[i] = name(id)
	}
	if th.LastMessageID != 0 {
		id := d.ids.message(th.LastMessageID)
		v.LastMessage, v.LastMessageID = seconds(th.LastMessageAt), &id
	}
	return v
}

// threadPacket is what an event of a thread is on the wire.
func (d *Dialect) threadPacket(ctx context.Context, ev chat.Event) any {
	room := ev.Scope().Room
	if d.factsOf(ctx, room).hidden {
		return nil
	}
	p := threadPacket{Channel: d.channelName(ctx, room), Global: true}
	switch e := ev.(type) {
	case chat.ThreadCreated:
		p.Cmd, p.Thread = "thread_create", d.threadShown(ctx, e.Thread)
	case chat.ThreadChanged:
		p.Cmd, p.Thread = "thread_update", d.threadShown(ctx, e.Thread)
	case chat.ThreadDeleted:
		p.Cmd, p.ThreadID = "thread_delete", d.ids.thread(e.ThreadID)
	case chat.ThreadJoined:
		p.Cmd, p.Thread, p.ThreadID, p.User = "thread_join", d.threadShown(ctx, e.Thread), d.ids.thread(e.Thread.ID), d.nameByID(ctx, e.UserID)
	case chat.ThreadLeft:
		p.Cmd, p.Thread, p.ThreadID, p.User = "thread_leave", d.threadShown(ctx, e.Thread), d.ids.thread(e.Thread.ID), d.nameByID(ctx, e.UserID)
	}
	return p
}

// caused runs a call of the core that always ends in an event which is the answer, see answering. Without that event the reply is
// what made returns.
func (s *socket) caused(ctx context.Context, q *request, room chat.RoomID, made func() chat.Event, do func(ctx context.Context) error) (any, error) {
	answered, err := s.answering(ctx, q, room, func(ctx context.Context) (string, error) { return core.MarkOf(ctx), do(ctx) })
	if err != nil || answered {
		return nil, err
	}
	return s.dialect.threadPacket(ctx, made()), nil
}

// threadNamed finds the thread that a command is about, whoever sees it.
func (s *socket) threadNamed(ctx context.Context, q *request) (chat.Thread, error) {
	id, err := q.text("thread_id")
	if err != nil {
		return chat.Thread{}, err
	}
	if id == "" {
		return chat.Thread{}, refuse(q.cmd, "Thread ID is required")
	}
	th, err := s.thread(ctx, id)
	return th, inWords(err, q.cmd, map[string]string{"thread_not_found": "Thread not found"})
}

// threadSeen is threadNamed for those who may read it.
func (s *socket) threadSeen(ctx context.Context, q *request) (chat.Thread, error) {
	th, err := s.threadNamed(ctx, q)
	if err == nil {
		_, err = s.dialect.core.Readable(ctx, s.actor, th.RoomID)
		err = inWords(err, q.cmd, notViewable("You do not have permission to view this thread"))
	}
	return th, err
}

func threadCreate(ctx context.Context, s *socket, q *request) (any, error) {
	channel, err := q.text("channel")
	if err != nil {
		return nil, err
	}
	name, err := q.text("name")
	if err != nil {
		return nil, err
	}
	if channel == "" || name == "" {
		return nil, refuse(q.cmd, "Channel and thread name are required")
	}
	room, err := s.anyChannel(ctx, channel)
	if err != nil {
		return nil, inWords(err, q.cmd, map[string]string{chat.ErrRoomNotFound.Code: "Channel not found"})
	}
	if room.Form != chat.Forum {
		return nil, refuse(q.cmd, "Threads can only be created in forum channels")
	}
	blank := strings.TrimSpace(name) == ""
	if r := []rune(strings.TrimSpace(name)); len(r) > maxThreadName {
		name = string(r[:maxThreadName])
	}
	var th chat.Thread
	reply, err := s.caused(ctx, q, room.ID, func() chat.Event { return chat.ThreadCreated{Thread: &th} }, func(ctx context.Context) (err error) {
		th, err = s.dialect.core.CreateThread(ctx, s.actor, room.ID, name)
		return err
	})
	words := notViewable("You do not have permission to create threads in this channel")
	words["create_thread_forbidden"] = "You do not have permission to create threads in this channel"
	if blank {
		words["thread_name_invalid"] = "Thread name cannot be empty"
	}
	return reply, inWords(err, q.cmd, words)
}

func threadGet(ctx context.Context, s *socket, q *request) (any, error) {
	th, err := s.threadSeen(ctx, q)
	if err != nil {
		return nil, err
	}
	return threadPacket{Cmd: "thread_get", Thread: s.dialect.threadShown(ctx, &th)}, nil
}

// threadUpdate changes a thread. That somebody wants to lock it who must not is left out of what they ask for.
func threadUpdate(ctx context.Context, s *socket, q *request) (any, error) {
	th, err := s.threadSeen(ctx, q)
	if err != nil {
		return nil, err
	}
	var change core.ThreadChange
	if q.given("name") {
		name, err := q.text("name")
		if err != nil {
			return nil, err
		}
		if r := []rune(strings.TrimSpace(name)); len(r) > maxThreadName {
			name = string(r[:maxThreadName])
		}
		change.Name = &name
	}
	for _, f := range []struct {
		name string
		to   **bool
	}{{"locked", &change.Locked}, {"archived", &change.Archived}} {
		if q.given(f.name) {
			value, err := q.flag(f.name, false)
			if err != nil {
				return nil, err
			}
			*f.to = &value
		}
	}
	reply, err := s.caused(ctx, q, th.RoomID, func() chat.Event { return chat.ThreadChanged{Thread: &th} }, func(ctx context.Context) error {
		now, err := s.dialect.core.UpdateThread(ctx, s.actor, th.ID, change)
		if chat.CodeOf(err) == "thread_lock_forbidden" {
			change.Locked = nil
			now, err = s.dialect.core.UpdateThread(ctx, s.actor, th.ID, change)
		}
		if err == nil {
			th = now
		}
		return err
	})
	words := map[string]string{"thread_forbidden": "You do not have permission to modify this thread", "thread_not_found": "Thread not found"}
	if change.Name != nil && strings.TrimSpace(*change.Name) == "" {
		words["thread_name_invalid"] = "Thread name cannot be empty"
	}
	return reply, inWords(err, q.cmd, words)
}

func threadDelete(ctx context.Context, s *socket, q *request) (any, error) {
	th, err := s.threadSeen(ctx, q)
	if err != nil {
		return nil, err
	}
	gone := func() chat.Event { return chat.ThreadDeleted{RoomID: th.RoomID, ThreadID: th.ID} }
	reply, err := s.caused(ctx, q, th.RoomID, gone, func(ctx context.Context) error {
		_, err := s.dialect.core.DeleteThread(ctx, s.actor, th.ID)
		return err
	})
	return reply, inWords(err, q.cmd, map[string]string{"thread_forbidden": "You do not have permission to modify this thread", "thread_not_found": "Thread not found"})
}

func threadJoin(ctx context.Context, s *socket, q *request) (any, error) {
	th, err := s.threadSeen(ctx, q)
	if err != nil {
		return nil, err
	}
	joined := func() chat.Event { return chat.ThreadJoined{Thread: &th, UserID: s.actor.UserID} }
	reply, err := s.caused(ctx, q, th.RoomID, joined, func(ctx context.Context) (err error) {
		now, err := s.dialect.core.JoinThread(ctx, s.actor, th.ID)
		if err == nil {
			th = now
		}
		return err
	})
	return reply, inWords(err, q.cmd, map[string]string{"thread_locked": "This thread is locked", "thread_not_found": "Thread not found"})
}

// threadLeave needs no view of the thread.
func threadLeave(ctx context.Context, s *socket, q *request) (any, error) {
	th, err := s.threadNamed(ctx, q)
	if err != nil {
		return nil, err
	}
	left := func() chat.Event { return chat.ThreadLeft{Thread: &th, UserID: s.actor.UserID} }
	reply, err := s.caused(ctx, q, th.RoomID, left, func(ctx context.Context) (err error) {
		now, err := s.dialect.core.LeaveThread(ctx, s.actor, th.ID)
		if err == nil {
			th = now
		}
		return err
	})
	return reply, inWords(err, q.cmd, notViewable("You do not have permission to view this thread"))
}
