package native

import (
	"context"

	"parley/internal/chat"
	"parley/internal/core"
)

// maxThreadPeople is how many of a thread's participants are named.
const maxThreadPeople = 20

type (
	// ForumThread is a conversation of its own in a forum.
	ForumThread struct {
		ID               string        `json:"id" doc:"Of its first message. Replies name it as parent_id, or a reply in it." example:"1040"`
		RoomID           string        `json:"room_id" example:"12"`
		Name             string        `json:"name" example:"Where do we meet?"`
		CreatedBy        *UserSummary  `json:"created_by" doc:"Null for an account that is gone."`
		CreatedAt        string        `json:"created_at" format:"date-time" example:"2026-03-01T10:15:00.000Z"`
		Locked           bool          `json:"locked" doc:"It can be read, but nothing in it changes."`
		Archived         bool          `json:"archived" doc:"Put away; a message brings it back."`
		MessageCount     int64         `json:"message_count" doc:"Replies that are not deleted." example:"7"`
		LastMessageID    *string       `json:"last_message_id" doc:"Null while there is none." example:"1047"`
		LastMessageAt    string        `json:"last_message_at" format:"date-time" doc:"Of the newest reply, else of the thread itself." example:"2026-03-01T11:15:00.000Z"`
		Participants     []UserSummary `json:"participants" doc:"The first 20, in the order they came; whoever opened it is the first."`
		ParticipantCount int           `json:"participant_count" example:"3"`
	}
	// ThreadView is a thread as the caller sees it.
	ThreadView struct {
		ForumThread
		Joined      bool    `json:"joined" doc:"The caller takes part."`
		UnreadCount int64   `json:"unread_count" example:"2"`
		LastReadID  *string `json:"last_read_id" doc:"The newest message that the caller has read; null for none." example:"1045"`
		CanChange   bool    `json:"can_change" doc:"The caller may rename, archive and delete it."`
		CanLock     bool    `json:"can_lock"`
	}
	threadList struct {
		Threads    []ThreadView `json:"threads" doc:"The latest message first."`
		NextCursor *string      `json:"next_cursor" doc:"Null at the end."`
	}
	newThreadRequest struct {
		Name string `json:"name" minLength:"1" maxLength:"100" example:"Where do we meet?"`
	}
	threadChangeRequest struct {
		Name     *string `json:"name" required:"false" minLength:"1" maxLength:"100" example:"Where we meet"`
		Locked   *bool   `json:"locked" required:"false"`
		Archived *bool   `json:"archived" required:"false"`
	}
	threadReadRequest struct {
		MessageID string `json:"message_id" required:"false" doc:"Up to this message; not given: everything." example:"1047"`
	}
	// ThreadPath names a thread.
	ThreadPath struct {
		ID string `path:"id" doc:"The thread's id." example:"1040"`
	}
	threadFrame struct { // thread_created, thread_updated, thread_joined, thread_left
		Type   string      `json:"type"`
		RoomID string      `json:"room_id"`
		UserID string      `json:"user_id,omitempty"`
		Thread ForumThread `json:"thread"`
	}
	threadIDFrame struct { // thread_deleted, thread_read
		Type      string `json:"type"`
		RoomID    string `json:"room_id"`
		ThreadID  string `json:"thread_id"`
		MessageID string `json:"message_id,omitempty"`
	}
)

func (p ThreadPath) thread() (chat.MessageID, error) {
	id, ok := chat.ParseMessageID(p.ID)
	if !ok {
		return 0, chat.Errorf(chat.NotFound, "thread_not_found", "There is no such thread, or you cannot see it.")
	}
	return id, nil
}

// thread converts a thread for everybody.
func (d *Dialect) thread(th *chat.Thread) ForumThread {
	out := ForumThread{
		ID: th.ID.String(), RoomID: th.RoomID.String(), Name: th.Name, CreatedBy: d.summaryOrNil(th.People[th.CreatedBy]), CreatedAt: stamp(th.CreatedAt),
		Locked: th.Locked, Archived: th.Archived, MessageCount: th.MessageCount, LastMessageAt: stamp(th.LastMessageAt),
		Participants: []UserSummary{}, ParticipantCount: len(th.Participants),
	}
	if th.LastMessageID != 0 {
		id := th.LastMessageID.String()
		out.LastMessageID = &id
	}
	for _, id := range th.Participants {
		if u := th.People[id]; u != nil && len(out.Participants) < maxThreadPeople {
			out.Participants = append(out.Participants, d.summary(u))
		}
	}
	return out
}

// threadFor converts a thread for the person whose view it is.
func (d *Dialect) threadFor(v core.ThreadView, by chat.Actor) ThreadView {
	out := ThreadView{ForumThread: d.thread(&v.Thread), Joined: v.Thread.TakesPart(by.UserID), UnreadCount: v.Position.Unread,
		CanChange: v.Manages || v.Thread.CreatedBy == by.UserID, CanLock: v.Manages}
	if v.Position.LastRead != 0 {
		id := v.Position.LastRead.String()
		out.LastReadID = &id
	}
	return out
}

// threadFrame is an event of a thread; nil where there is no frame for it.
func (d *Dialect) threadFrame(ev chat.Event) any {
	frame := func(kind string, th *chat.Thread, user chat.UserID) any {
		return threadFrame{kind, th.RoomID.String(), string(user), d.thread(th)}
	}
	switch e := ev.(type) {
	case chat.ThreadCreated:
		return frame("thread_created", e.Thread, "")
	case chat.ThreadChanged:
		return frame("thread_updated", e.Thread, "")
	case chat.ThreadJoined:
		return frame("thread_joined", e.Thread, e.UserID)
	case chat.ThreadLeft:
		return frame("thread_left", e.Thread, e.UserID)
	case chat.ThreadDeleted:
		return threadIDFrame{"thread_deleted", e.RoomID.String(), e.ThreadID.String(), ""}
	case chat.PositionMoved:
		if e.ThreadID != 0 {
			return threadIDFrame{"thread_read", e.RoomID.String(), e.ThreadID.String(), e.MessageID.String()}
		}
	}
	return nil
}

// threadNow answers with a thread as it is for the caller now.
func (d *Dialect) threadNow(ctx context.Context, by chat.Actor, id chat.MessageID) (*reply[ThreadView], error) {
	v, err := d.core.Thread(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return ok(d.threadFor(v, by)), nil
}

func (d *Dialect) registerThreads() {
	const (
		tag    = "Threads"
		faults = "thread_not_found not_a_member read_forbidden banned timed_out"
	)
	handle(d, "GET /rooms/{id}/threads", endpoint{
		id: "list-threads", tag: tag, summary: "List the threads of a forum", description: "What is said in one: GET /messages/{id}/thread.",
		codes: "room_not_found not_a_member read_forbidden banned timed_out" + pageFaults,
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		PageQuery
		Archived bool `query:"archived" doc:"Those that were put away instead of the open ones."`
	}) (*reply[threadList], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		views, next, err := d.core.Threads(ctx, by, id, in.Archived, in.page())
		if err != nil {
			return nil, err
		}
		return ok(threadList{convert(views, func(v core.ThreadView) ThreadView { return d.threadFor(v, by) }), orNil(next)}), nil
	})
	handle(d, "POST /rooms/{id}/threads", endpoint{
		id: "create-thread", tag: tag, status: 201, summary: "Open a thread in a forum",
		codes: "room_not_found not_a_member room_not_forum create_thread_forbidden thread_name_invalid muted banned timed_out room_archived slow_mode",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		RoomPath
		Body newThreadRequest
	}) (*created[ThreadView], error) {
		id, err := in.room()
		if err != nil {
			return nil, err
		}
		th, err := d.core.CreateThread(ctx, by, id, in.Body.Name)
		if err != nil {
			return nil, err
		}
		v, err := d.core.Thread(ctx, by, th.ID)
		if err != nil {
			return nil, err
		}
		return made("/threads/"+th.ID.String(), d.threadFor(v, by)), nil
	})
	handle(d, "GET /threads/{id}", endpoint{id: "get-thread", tag: tag, summary: "Read a thread", codes: faults},
		func(ctx context.Context, by chat.Actor, in *ThreadPath) (*reply[ThreadView], error) {
			id, err := in.thread()
			if err != nil {
				return nil, err
			}
			return d.threadNow(ctx, by, id)
		})
	handle(d, "PATCH /threads/{id}", endpoint{
		id: "update-thread", tag: tag, summary: "Rename, lock, archive or bring back a thread", description: "Fields that are not given stay.",
		codes: faults + " thread_forbidden thread_lock_forbidden thread_name_invalid muted room_archived",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		ThreadPath
		Body threadChangeRequest
	}) (*reply[ThreadView], error) {
		id, err := in.thread()
		if err != nil {
			return nil, err
		}
		if _, err := d.core.UpdateThread(ctx, by, id, core.ThreadChange{Name: in.Body.Name, Locked: in.Body.Locked, Archived: in.Body.Archived}); err != nil {
			return nil, err
		}
		return d.threadNow(ctx, by, id)
	})
	handle(d, "DELETE /threads/{id}", endpoint{
		id: "delete-thread", tag: tag, summary: "Delete a thread and everything said in it", codes: faults + " thread_forbidden muted room_archived",
	}, func(ctx context.Context, by chat.Actor, in *ThreadPath) (*nothing, error) {
		id, err := in.thread()
		if err != nil {
			return nil, err
		}
		_, err = d.core.DeleteThread(ctx, by, id)
		return nil, err
	})
	for _, step := range []struct {
		name, summary, codes string
		do                   func(context.Context, chat.Actor, chat.MessageID) (chat.Thread, error)
	}{
		{"join", "Take part in a thread", faults + " thread_locked", d.core.JoinThread},
		{"leave", "Take part in a thread no more; whoever opened it stays", faults, d.core.LeaveThread},
	} {
		handle(d, "POST /threads/{id}/"+step.name, endpoint{id: step.name + "-thread", tag: tag, summary: step.summary, codes: step.codes},
			func(ctx context.Context, by chat.Actor, in *ThreadPath) (*reply[ThreadView], error) {
				id, err := in.thread()
				if err != nil {
					return nil, err
				}
				if _, err := step.do(ctx, by, id); err != nil {
					return nil, err
				}
				return d.threadNow(ctx, by, id)
			})
	}
	handle(d, "POST /threads/{id}/read", endpoint{
		id: "read-thread", tag: tag, summary: "Mark a thread as read", description: "The place may also move back.", codes: faults + " message_not_found",
	}, func(ctx context.Context, by chat.Actor, in *struct {
		ThreadPath
		Body threadReadRequest
	}) (*reply[ThreadView], error) {
		id, err := in.thread()
		if err != nil {
			return nil, err
		}
		upTo, err := optionalMessage(in.Body.MessageID)
		if err != nil {
			return nil, err
		}
		v, err := d.core.Thread(ctx, by, id)
		if err != nil {
			return nil, err
		}
		if _, err := d.core.AckRead(ctx, by, core.Read{RoomID: v.Thread.RoomID, ThreadID: id, MessageID: upTo}); err != nil {
			return nil, err
		}
		return d.threadNow(ctx, by, id)
	})
}
