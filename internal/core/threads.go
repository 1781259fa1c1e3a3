package core

import (
	"context"
	"maps"
	"slices"
	"time"

	"parley/internal/chat"
	"parley/internal/fold"
)

// The refusals of threads.
var (
	errThreadNotFound = chat.Errorf(chat.NotFound, "thread_not_found", "There is no such thread, or you cannot see it.")
	errThreadNeeded   = chat.Errorf(chat.Invalid, "thread_needed", "In a forum everything is said in a thread. Open one, or choose one to write in.")
	errThreadLocked   = chat.Errorf(chat.Forbidden, "thread_locked", "This thread is locked: it can be read, but nothing in it changes.")
	errThreadArchived = chat.Errorf(chat.Forbidden, "thread_archived", "This thread is archived. Write in it to bring it back, then try again.")
	errThreadHead     = chat.Errorf(chat.Forbidden, "thread_head", "This is the name of a thread. Rename or delete the thread instead.")
	errNotForum       = chat.Errorf(chat.Invalid, "room_not_forum", "Threads can be opened in forums only. Here, reply to a message.")
	errThreadChange   = chat.Errorf(chat.Forbidden, "thread_forbidden", "Only whoever opened a thread, and those who manage the threads of this room, can change it.")
	errThreadLock     = chat.InvalidField("locked", "thread_lock_forbidden", "Only those who manage the threads of this room can lock one.")
)

// maxThreadName is in characters (specs: OriginChats, thread_create).
const maxThreadName = 100

// deletedAtOnce is how many messages of a deleted thread become tombstones in one transaction.
const deletedAtOnce = 100

// ThreadView is a thread as one person sees it.
type ThreadView struct {
	Thread   chat.Thread
	Position chat.ReadPosition // of the person
	Manages  bool              // the person may change it as one who manages the room's threads
}

// ThreadChange changes a thread; nil fields stay.
type ThreadChange struct {
	Name             *string
	Locked, Archived *bool
}

// CreateThread opens a thread in a forum; whoever opens it takes part. The name is 1–100 characters after trimming. Fails with
// room_not_found, room_not_forum, not_a_member, create_thread_forbidden, thread_name_invalid, muted, banned, timed_out,
// room_archived, slow_mode.
func (c *Core) CreateThread(ctx context.Context, by chat.Actor, room chat.RoomID, name string) (th chat.Thread, err error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return th, err
	}
	s, err := c.allow(ctx, by, chat.CanSee, room)
	if err != nil {
		return th, err
	}
	if s.room.Form != chat.Forum {
		return th, errNotForum
	}
	if s, err = c.allow(ctx, by, chat.CanCreateThread, room); err != nil {
		return th, err
	}
	if name, err = cleanName("name", "thread_name", name, 1, maxThreadName); err != nil {
		return th, err
	}
	d := chat.Draft{RoomID: room, SenderID: by.UserID, Sender: user, Type: chat.ThreadMessage, Content: name, At: c.now()}
	if s.slowed() {
		d.SlowMode = s.room.SlowMode
	}
	if !s.room.Encrypted {
		d.Search = fold.Fold(name)
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		events, err := c.enterQuietly(ctx, tx, s, user)
		if err != nil {
			return nil, err
		}
		head, _, err := tx.Append(ctx, d)
		if err != nil {
			return nil, err
		}
		if err := tx.CreateThread(ctx, chat.Thread{ID: head.ID, RoomID: room, Name: name, CreatedBy: by.UserID, CreatedAt: head.CreatedAt}); err != nil {
			return nil, err
		}
		if err := tx.SetThreadRead(ctx, head.ID, by.UserID, head.Seq, head.CreatedAt); err != nil {
			return nil, err
		}
		if th, err = tx.Thread(ctx, head.ID); err != nil {
			return nil, err
		}
		return append(events, chat.MessageCreated{Message: head}, chat.ThreadCreated{Thread: &th}), nil
	})
	return th, err
}

// UpdateThread renames, locks, archives or brings back a thread. Whoever opened it may, and those with manage_threads, who alone
// may lock. It is told even if nothing is different. Fails with thread_not_found, thread_forbidden, thread_lock_forbidden,
// thread_name_invalid, muted, room_archived.
func (c *Core) UpdateThread(ctx context.Context, by chat.Actor, id chat.MessageID, change ThreadChange) (th chat.Thread, err error) {
	old, manages, err := c.changeable(ctx, by, id)
	if err != nil {
		return th, err
	}
	if change.Locked != nil && !manages {
		return th, errThreadLock
	}
	if change.Name != nil {
		name, err := cleanName("name", "thread_name", *change.Name, 1, maxThreadName)
		if err != nil {
			return th, err
		}
		change.Name = &name
	}
	s, err := c.seat(ctx, by, old.RoomID)
	if err != nil {
		return th, err
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		var events []chat.Event
		was, err := tx.Thread(ctx, id)
		if err != nil {
			return nil, err
		}
		th = was
		if change.Name != nil && *change.Name != was.Name {
			th.Name = *change.Name
			e := Edit{Content: th.Name, At: c.now()}
			if !s.room.Encrypted {
				e.Search = fold.Fold(th.Name)
			}
			head, err := tx.EditMessage(ctx, id, e)
			if err != nil {
				return nil, err
			}
			events = append(events, chat.MessageChanged{Message: head})
		}
		if change.Locked != nil {
			th.Locked = *change.Locked
		}
		if change.Archived != nil {
			th.Archived = *change.Archived
		}
		if th.Name != was.Name || th.Locked != was.Locked || th.Archived != was.Archived {
			if th, err = tx.UpdateThread(ctx, th); err != nil {
				return nil, err
			}
		}
		if th.Locked != was.Locked {
			action := map[bool]string{true: "thread.lock", false: "thread.unlock"}[th.Locked]
			if err := tx.AddAudit(ctx, c.audit(by, action, "thread", id.String(), th.RoomID, nil)); err != nil {
				return nil, err
			}
		}
		return append(events, chat.ThreadChanged{Thread: &th}), nil
	})
	return th, err
}

// changeable returns a thread that the actor may change, and whether as one who manages the room's threads.
func (c *Core) changeable(ctx context.Context, by chat.Actor, id chat.MessageID) (th chat.Thread, manages bool, err error) {
	th, s, err := c.readableThread(ctx, by, id)
	if err != nil || by.Operator {
		return th, true, err
	}
	now := c.now()
	manages = s.decide(chat.CanManageThreads, now) == nil
	if !manages && th.CreatedBy != by.UserID {
		return th, false, errThreadChange
	}
	return th, manages, s.silenced(chat.CanCreateThread, now)
}

// DeleteThread deletes a thread and everything said in it, for good. Whoever opened it may, and those with manage_threads. It is
// gone for everybody at once; that its messages become tombstones is told by MessageDeleted events that follow. Fails with
// thread_not_found, thread_forbidden, muted, room_archived.
func (c *Core) DeleteThread(ctx context.Context, by chat.Actor, id chat.MessageID) (chat.Thread, error) {
	th, _, err := c.changeable(ctx, by, id)
	if err != nil {
		return th, err
	}
	var blobs []string
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if err := tx.HideThread(ctx, id); err != nil {
			return nil, err
		}
		if th.CreatedBy != by.UserID {
			if err := tx.AddAudit(ctx, c.audit(by, "thread.delete", "thread", id.String(), th.RoomID, map[string]any{"author": th.CreatedBy})); err != nil {
				return nil, err
			}
		}
		var head *chat.Message
		if head, blobs, err = tx.DeleteMessage(ctx, id, by.UserID, c.now()); err != nil {
			return nil, err
		}
		return []chat.Event{chat.ThreadDeleted{RoomID: th.RoomID, ThreadID: id}, chat.MessageDeleted{Message: head, Thread: true}}, nil
	})
	if err != nil {
		return th, err
	}
	c.releaseBlobs(blobs)
	return th, c.emptyThread(ctx, by.UserID, id)
}

// emptyThread deletes what was said in a thread that is hidden, a bounded part in each transaction, and then the thread.
func (c *Core) emptyThread(ctx context.Context, by chat.UserID, id chat.MessageID) error {
	for done := false; !done; {
		var blobs []string
		err := c.change(ctx, func(tx Tx) (events []chat.Event, err error) {
			blobs = nil
			replies, err := tx.RemainingReplies(ctx, id, deletedAtOnce)
			if err != nil {
				return nil, err
			}
			for _, reply := range replies {
				msg, files, err := tx.DeleteMessage(ctx, reply, by, c.now())
				if err != nil {
					return nil, err
				}
				blobs = append(blobs, files...)
				events = append(events, chat.MessageDeleted{Message: msg, Thread: true})
			}
			if done = len(replies) < deletedAtOnce; done {
				err = tx.RemoveThread(ctx, id)
			}
			return events, err
		})
		if err != nil {
			return err
		}
		c.releaseBlobs(blobs)
	}
	return nil
}

// emptyThreads goes on where the server was stopped while it deleted threads.
func (c *Core) emptyThreads(ctx context.Context) error {
	ids, err := c.Store.DeletedThreads(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := c.emptyThread(ctx, "", id); err != nil {
			return err
		}
	}
	return nil
}

// JoinThread makes the actor take part in a thread. Joining again is fine, and told again. Fails with thread_not_found,
// thread_locked.
func (c *Core) JoinThread(ctx context.Context, by chat.Actor, id chat.MessageID) (th chat.Thread, err error) {
	user, err := c.person(ctx, by)
	if err != nil {
		return th, err
	}
	th, s, err := c.readableThread(ctx, by, id)
	if err != nil {
		return th, err
	}
	if th.Locked {
		return th, errThreadLocked
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		events, err := c.enterQuietly(ctx, tx, s, user)
		if err != nil {
			return nil, err
		}
		at := c.now()
		if said := th.LastMessageAt; said.After(at) { // messages are put in order by their times, and may be a little ahead
			at = said
		}
		if _, err := tx.JoinThread(ctx, id, by.UserID, at.Add(time.Microsecond)); err != nil {
			return nil, err
		}
		if th, err = tx.Thread(ctx, id); err != nil {
			return nil, err
		}
		return append(events, chat.ThreadJoined{Thread: &th, UserID: by.UserID}), nil
	})
	return th, err
}

// LeaveThread ends taking part, also for those who cannot see the thread any more. Whoever opened it stays, and nothing happens.
// Fails with thread_not_found.
func (c *Core) LeaveThread(ctx context.Context, by chat.Actor, id chat.MessageID) (th chat.Thread, err error) {
	if _, err := c.person(ctx, by); err != nil {
		return th, err
	}
	if th, err = c.Store.Thread(ctx, id); err != nil {
		return th, err
	}
	if !th.TakesPart(by.UserID) {
		if _, _, err := c.readableThread(ctx, by, id); err != nil {
			return th, err
		}
	}
	err = c.change(ctx, func(tx Tx) ([]chat.Event, error) {
		if th.CreatedBy != by.UserID {
			if _, err := tx.LeaveThread(ctx, id, by.UserID); err != nil {
				return nil, err
			}
		}
		if th, err = tx.Thread(ctx, id); err != nil {
			return nil, err
		}
		return []chat.Event{chat.ThreadLeft{Thread: &th, UserID: by.UserID}}, nil
	})
	return th, err
}

// Thread returns a thread of a forum. Fails with thread_not_found, also when the actor must not know of it, and with banned,
// timed_out, not_a_member.
func (c *Core) Thread(ctx context.Context, by chat.Actor, id chat.MessageID) (ThreadView, error) {
	th, s, err := c.readableThread(ctx, by, id)
	if err != nil {
		return ThreadView{}, err
	}
	views, err := c.threadViews(ctx, by, s, []chat.Thread{th})
	if err != nil {
		return ThreadView{}, err
	}
	return views[0], nil
}

// Threads lists the threads of a forum, open or archived ones, the latest message first. Fails with room_not_found,
// not_a_member, limit_invalid.
func (c *Core) Threads(ctx context.Context, by chat.Actor, room chat.RoomID, archived bool, page chat.Page) (views []ThreadView, next string, err error) {
	if err := checkLimit(&page.Limit, 100); err != nil {
		return nil, "", err
	}
	s, err := c.allow(ctx, by, chat.CanRead, room)
	if err != nil {
		return nil, "", err
	}
	threads, next, err := c.Store.RoomThreads(ctx, room, archived, page)
	if err != nil {
		return nil, "", err
	}
	if err := c.fillThreads(ctx, threads); err != nil {
		return nil, "", err
	}
	views, err = c.threadViews(ctx, by, s, threads)
	return views, next, err
}

// ThreadsOf returns every thread of several forums, by room; open ones first, then the latest message first. Rooms that the actor
// may not read are left out.
func (c *Core) ThreadsOf(ctx context.Context, by chat.Actor, rooms []chat.RoomID) (map[chat.RoomID][]chat.Thread, error) {
	rooms, err := c.readableRooms(ctx, by, rooms)
	if err != nil {
		return nil, err
	}
	threads, err := c.Store.Threads(ctx, rooms)
	if err != nil {
		return nil, err
	}
	if err := c.fillThreads(ctx, threads); err != nil {
		return nil, err
	}
	of := make(map[chat.RoomID][]chat.Thread)
	for _, th := range threads {
		of[th.RoomID] = append(of[th.RoomID], th)
	}
	return of, nil
}

// readableThread returns a thread that the actor may read, with its people.
func (c *Core) readableThread(ctx context.Context, by chat.Actor, id chat.MessageID) (chat.Thread, *seat, error) {
	th, err := c.Store.Thread(ctx, id)
	if err != nil {
		return th, nil, err
	}
	s, err := c.allow(ctx, by, chat.CanRead, th.RoomID)
	if err != nil {
		if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			err = errThreadNotFound
		}
		return chat.Thread{}, nil, err
	}
	list := []chat.Thread{th}
	err = c.fillThreads(ctx, list)
	return list[0], s, err
}

func (c *Core) threadViews(ctx context.Context, by chat.Actor, s *seat, threads []chat.Thread) ([]ThreadView, error) {
	views := make([]ThreadView, len(threads))
	ids := make([]chat.MessageID, len(threads))
	for i, th := range threads {
		views[i].Thread = th
		ids[i] = th.ID
	}
	positions, err := c.Store.ThreadPositions(ctx, by.UserID, ids)
	if err != nil {
		return nil, err
	}
	manages := by.Operator || s.decide(chat.CanManageThreads, c.now()) == nil
	for i := range views {
		views[i].Position, views[i].Manages = positions[views[i].Thread.ID], manages
	}
	return views, nil
}

// fillThreads sets the people of threads that nobody else holds yet.
func (c *Core) fillThreads(ctx context.Context, threads []chat.Thread) error {
	var ids []chat.UserID
	for _, th := range threads {
		ids = append(append(ids, th.CreatedBy), th.Participants...)
	}
	users, err := c.users.get(ctx, ids)
	if err != nil {
		return err
	}
	for i := range threads {
		threads[i].People = threadPeople(&threads[i], func(id chat.UserID) *chat.User { return users[id] })
	}
	return nil
}

// threadPeople finds the creator and the participants of a thread.
func threadPeople(th *chat.Thread, find func(chat.UserID) *chat.User) map[chat.UserID]*chat.User {
	people := make(map[chat.UserID]*chat.User, len(th.Participants)+1)
	for _, id := range append(slices.Clip(th.Participants), th.CreatedBy) {
		if user := find(id); user != nil {
			people[id] = user
		}
	}
	return people
}

// threadIn returns the thread that an event is about, nil if it is about none or has gone.
func threadIn(ev chat.Event) *chat.Thread {
	switch e := ev.(type) {
	case chat.ThreadCreated:
		return e.Thread
	case chat.ThreadChanged:
		return e.Thread
	case chat.ThreadJoined:
		return e.Thread
	case chat.ThreadLeft:
		return e.Thread
	}
	return nil
}

// fillThread sets the people of a thread in an event; other is for those who are in it besides.
func (c *Core) fillThread(ctx context.Context, th *chat.Thread, other chat.UserID) error {
	if th.People != nil {
		return nil
	}
	users, err := c.users.get(ctx, append(slices.Clone(th.Participants), th.CreatedBy, other))
	if err != nil {
		return err
	}
	th.People = maps.Clone(users)
	return nil
}

// forumThread finds the thread that something is to be said in, which has the id or is that of the message replied to. It fails
// as SendMessage does.
func (c *Core) forumThread(ctx context.Context, room chat.RoomID, id chat.MessageID, parent *chat.Message) (chat.MessageID, error) {
	if parent != nil {
		above := parent.ThreadID
		if parent.Type == chat.ThreadMessage {
			above = parent.ID
		}
		if id != 0 && id != above {
			return 0, chat.ErrMessageNotFound
		}
		id = above
	}
	if id == 0 {
		return 0, errThreadNeeded
	}
	th, err := c.Store.Thread(ctx, id)
	switch {
	case err != nil:
		return 0, err
	case th.RoomID != room:
		return 0, errThreadNotFound
	case th.Locked:
		return 0, errThreadLocked
	case th.Archived:
		return id, c.fillThreads(ctx, []chat.Thread{th}) // the people are at hand when it comes back
	}
	return id, nil
}

// intoThread puts a draft into its thread, where the room is a forum. Elsewhere a thread is only that of the parent.
func (c *Core) intoThread(ctx context.Context, room chat.Room, id chat.MessageID, parent *chat.Message, d *chat.Draft) (err error) {
	if room.Form != chat.Forum {
		if id != 0 && id != d.ThreadID {
			return errThreadNotFound
		}
		return nil
	}
	if d.ThreadID, err = c.forumThread(ctx, room.ID, id, parent); err != nil {
		return err
	}
	d.Forum = true
	if d.ParentID == 0 {
		d.ParentID = d.ThreadID
	}
	return nil
}

// openThread says whether a message may change: in forums that is decided by its thread, too.
func (c *Core) openThread(ctx context.Context, s *seat, msg *chat.Message) error {
	if s.room.Form != chat.Forum {
		return nil
	}
	if msg.Type == chat.ThreadMessage {
		return errThreadHead
	}
	if msg.ThreadID == 0 {
		return nil // said before the room became a forum
	}
	th, err := c.Store.Thread(ctx, msg.ThreadID)
	switch {
	case chat.CodeOf(err) == errThreadNotFound.Code:
		return nil // another kind of thread, from before the room became a forum
	case err != nil:
		return err
	case th.Locked:
		return errThreadLocked
	case th.Archived:
		return errThreadArchived
	}
	return nil
}

// enterQuietly makes someone a member of a room of the server within a transaction, without a word of it, and returns what is to
// be told. Elsewhere, and for members, nothing happens.
func (c *Core) enterQuietly(ctx context.Context, tx Tx, s *seat, user *chat.User) ([]chat.Event, error) {
	if s.member != nil || !s.room.Official {
		return nil, nil
	}
	room, err := tx.Room(ctx, s.room.ID)
	if err != nil {
		return nil, err
	}
	return c.admit(ctx, tx, room, user, chat.RoomMember, false)
}
