package transfer

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/fold"
)

// roomRun is the room whose records are being read.
type roomRun struct {
	source *Room
	local  chat.Room
	done   bool     // by an earlier try
	skip   int      // messages that an earlier try stored
	seen   int      // messages read
	seq    chat.Seq // the room's counter after what this import stored
	last   int64    // id of the last one read, in the source

	// from are the source's ids of the messages read, ascending; to their ids here, known for a part of them.
	from, to []int64

	batch []draft
	bytes int

	members []chat.Member
	count   int64 // of messages stored by this try
	reacted int64
}

// roomState is what is kept of a room of an import under settings.
type roomState struct {
	Room chat.RoomID `json:"room"`
	Done bool        `json:"done,omitempty"`
}

func (r *run) roomKey(id int64) string { return r.key() + ":room:" + strconv.FormatInt(id, 10) }

// enterRoom begins a room: a new one, or the one that an earlier try has begun. Rooms that were here before are left alone.
func (r *run) enterRoom(source *Room) error {
	if err := r.leaveRoom(); err != nil {
		return err
	}
	now := r.Now().UTC()
	local := chat.Room{
		Slug: slug(source.Slug), Name: line(source.Name, maxRoomName), Description: text(source.Description, maxDescription), Topic: line(source.Topic, maxTopic),
		Type: chat.Private, Form: roomForm(source.Form), Encrypted: source.Encrypted, AvatarURL: address(source.AvatarURL), Position: source.Position,
		SlowMode: time.Duration(min(max(source.SlowMode, 0), int64(chat.MaxSlowMode/time.Second))) * time.Second,
		OwnerID:  r.person(source.Owner), CreatedBy: r.person(source.CreatedBy), CreatedAt: past(source.CreatedAt, now),
	}
	pair := r.persons(source.People, 2)
	direct := source.Type == string(chat.Direct) && len(pair) == 2
	if direct {
		local.Type, local.OwnerID, local.Name, local.Slug = chat.Direct, "", "", ""
		local.DirectPair = [2]chat.UserID{min(pair[0], pair[1]), max(pair[0], pair[1])}
	} else if local.Name == "" {
		local.Name = cmp.Or(local.Slug, "Imported room")
	}
	room := &roomRun{source: source, local: local}
	r.room = room
	var s roomState
	found, err := setting(r.ctx, r.Store, r.roomKey(source.ID), &s)
	if err != nil {
		return err
	}
	if found {
		here, err := r.Store.Room(r.ctx, s.Room)
		switch {
		case err == nil:
			room.local, room.done, room.seq = here, s.Done, here.LastSeq
			return r.resume()
		case chat.CodeOf(err) != chat.ErrRoomNotFound.Code:
			return err
		case s.Done: // somebody has deleted it since
			room.done = true
			return nil
		}
	}
	if direct {
		if _, err := r.Store.DirectRoom(r.ctx, pair[0], pair[1]); err == nil {
			r.note("the conversation of two people who have one here already became a private room")
			room.local.Type, room.local.DirectPair, room.local.Name = chat.Private, [2]chat.UserID{}, "Imported conversation"
		} else if chat.CodeOf(err) != chat.ErrRoomNotFound.Code {
			return err
		}
	}
	if r.opts.DryRun {
		room.local.Slug, err = r.freeSlug(r.Store, room.local.Slug)
		return err
	}
	return r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) {
		wish := room.local
		if wish.Slug, err = r.freeSlug(tx, wish.Slug); err != nil {
			return nil, err
		}
		made, err := tx.CreateRoom(r.ctx, wish)
		if err != nil {
			return nil, err
		}
		room.local = made
		return nil, putSetting(r.ctx, tx, r.roomKey(source.ID), roomState{Room: made.ID})
	})
}

// freeSlug numbers a slug that is taken.
func (r *run) freeSlug(reader core.Reader, wish string) (string, error) {
	if wish == "" {
		return "", nil
	}
	for n, s := 1, wish; ; s = fmt.Sprintf("%s-%d", wish, n) {
		_, err := reader.RoomBySlug(r.ctx, s)
		if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
			return s, nil
		}
		if err != nil {
			return "", err
		}
		n++
	}
}

// resume finds the messages that an earlier try stored. Only imported ones can be among the first: nobody else could write.
func (r *run) resume() error {
	if r.room.done {
		return nil
	}
	err := r.Store.EachMessage(r.ctx, r.room.local.ID, "", func(m *chat.Message) error {
		r.room.to = append(r.room.to, int64(m.ID))
		return nil
	})
	r.room.skip = len(r.room.to)
	return err
}

// here is the id of a source's message on this server, 0 for one that is not in the room.
func (room *roomRun) here(id int64) chat.MessageID {
	if i, found := slices.BinarySearch(room.from, id); found && i < len(room.to) {
		return chat.MessageID(room.to[i])
	}
	return 0
}

// draft is a message that waits for its transaction.
type draft struct {
	source Message
	files  []chat.AttachmentID
	noted  string // what is added to the text in place of files that are not there
}

// message takes one message into the batch.
func (r *run) message(m *Message) error {
	room := r.room
	if room == nil || m.Room != room.source.ID {
		return damaged("message %d stands outside its room", m.ID)
	}
	if m.ID <= room.last {
		return damaged("message %d is out of order", m.ID)
	}
	room.last = m.ID
	room.seen++
	if room.done {
		r.report.Before++
		return nil
	}
	room.from = append(room.from, m.ID)
	if room.seen <= room.skip {
		r.report.Before++
		return r.forgetFiles()
	}
	d := draft{source: *m}
	d.files, d.noted = r.claim(m)
	if err := r.forgetFiles(); err != nil {
		return err
	}
	room.batch = append(room.batch, d)
	room.bytes += len(m.Content) + 200*len(m.Reactions)
	if len(room.batch) >= batchCount || room.bytes >= batchBytes {
		return r.flush()
	}
	return nil
}

// flush stores the batch in one transaction.
func (r *run) flush() error {
	room := r.room
	if len(room.batch) == 0 {
		return nil
	}
	var ids []int64
	reacted := int64(0)
	if r.opts.DryRun {
		for _, d := range room.batch {
			ids = append(ids, d.source.ID)
			for _, list := range d.source.Reactions {
				reacted += int64(len(r.persons(list.Users, len(list.Users))))
			}
		}
	} else {
		var seq chat.Seq
		err := r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) {
			ids, reacted = nil, 0 // a transaction may run twice
			now, err := tx.Room(r.ctx, room.local.ID)
			if err != nil {
				return nil, err
			}
			if now.LastSeq != room.seq {
				return nil, fmt.Errorf("something else writes into the room %q: is this import running twice?", room.local.Name)
			}
			var events []chat.Event
			for _, d := range room.batch {
				msg, more, n, err := r.store(tx, d, ids)
				if err != nil {
					return nil, fmt.Errorf("message %d: %w", d.source.ID, err)
				}
				ids = append(ids, int64(msg))
				events = append(events, more...)
				reacted += n
			}
			now, err = tx.Room(r.ctx, room.local.ID)
			seq = now.LastSeq
			return events, err
		})
		if err != nil {
			return err
		}
		room.seq = seq
	}
	room.to = append(room.to, ids...)
	room.count += int64(len(ids))
	room.reacted += reacted
	room.batch, room.bytes = room.batch[:0], 0
	return nil
}

// store stores one message with everything on it. fresh are the ids of those of the batch before it.
func (r *run) store(tx core.Tx, d draft, fresh []int64) (chat.MessageID, []chat.Event, int64, error) {
	ctx, m, room := r.ctx, &d.source, r.room
	here := func(id int64) chat.MessageID {
		if at := room.here(id); at != 0 || id == 0 {
			return at
		}
		if i, found := slices.BinarySearch(room.from, id); found && i-len(room.to) < len(fresh) {
			return chat.MessageID(fresh[i-len(room.to)])
		}
		return 0
	}
	now := r.Now().UTC()
	draft := chat.Draft{RoomID: room.local.ID, SenderID: r.person(m.Sender), Type: messageType(m.Type), At: past(m.CreatedAt, now)}
	if m.Parent < m.ID && m.Thread < m.ID { // a message can only answer what was there
		draft.ParentID, draft.ThreadID = here(m.Parent), here(m.Thread)
	}
	if m.Deleted {
		msg, _, err := tx.Append(ctx, draft)
		if err != nil {
			return 0, nil, 0, err
		}
		gone, _, err := tx.DeleteMessage(ctx, msg.ID, r.person(m.DeletedBy), now)
		return msg.ID, []chat.Event{chat.MessageCreated{Message: msg}, chat.MessageDeleted{Message: gone}}, 0, err
	}
	r.fill(&draft, d)
	msg, _, err := tx.Append(ctx, draft)
	if err != nil {
		return 0, nil, 0, err
	}
	id, events := msg.ID, []chat.Event{chat.MessageCreated{Message: msg}}
	if !m.EditedAt.IsZero() {
		edit := core.Edit{Content: draft.Content, Mentions: draft.Mentions, Everyone: draft.Everyone, Links: draft.Links, Payload: draft.Payload,
			Extras: draft.Extras, Search: draft.Search, At: past(m.EditedAt, now)}
		if msg, err = tx.EditMessage(ctx, id, edit); err != nil {
			return 0, nil, 0, err
		}
	}
	if !m.PinnedAt.IsZero() {
		if msg, err = tx.SetPinned(ctx, id, true, r.person(m.PinnedBy), past(m.PinnedAt, now)); err != nil {
			return 0, nil, 0, err
		}
	}
	if msg.Poll != nil {
		if msg, err = r.votes(tx, msg, m.Poll, now); err != nil {
			return 0, nil, 0, err
		}
	}
	reacted := int64(0)
	for _, list := range m.Reactions {
		e, ok := emoji(list.Emoji)
		if !ok {
			continue
		}
		for _, user := range r.persons(list.Users, len(list.Users)) {
			if msg, _, err = tx.AddReaction(ctx, id, user, e, draft.At); err != nil {
				return 0, nil, 0, err
			}
			reacted++
		}
	}
	if msg.ChangeSeq > msg.Seq {
		events = append(events, chat.MessageChanged{Message: msg})
	}
	return id, events, reacted, nil
}

// fill sets what a message says.
func (r *run) fill(draft *chat.Draft, d draft) {
	m := &d.source
	draft.AttachmentIDs = d.files
	draft.Content = content(m.Content)
	if d.noted != "" {
		if draft.Content != "" {
			d.noted = "\n\n" + d.noted
		}
		draft.Content = content(draft.Content + d.noted)
	}
	if len(d.files) == 0 && (draft.Type == chat.ImageMessage || draft.Type == chat.FileMessage) {
		draft.Type = chat.TextMessage
	}
	if m.Payload != nil && len(m.Payload.Data) <= maxPayload {
		draft.Payload = &chat.Payload{Kind: line(m.Payload.Kind, 40), Data: m.Payload.Data}
	}
	if r.room.local.Encrypted {
		return
	}
	draft.Extras, draft.Poll = extras(m), r.poll(m.Poll)
	draft.Everyone = m.Everyone
	draft.Mentions = r.persons(m.Mentions, maxMentions)
	for _, l := range m.Links[:min(len(m.Links), maxLinks)] {
		if url := address(l.URL); url != "" {
			draft.Links = append(draft.Links, chat.Link{URL: url, Title: line(l.Title, 200), Description: text(l.Description, 1000)})
		}
	}
	if draft.Type == chat.SystemMessage {
		return // not searched
	}
	carried, pictures := core.Carried(draft.Extras, draft.Poll)
	draft.Links = append(draft.Links, pictures...)
	words := append([]string{draft.Content}, carried...)
	for _, a := range m.Attachments {
		words = append(words, line(a.Filename, 255))
	}
	draft.Search = fold.Fold(strings.Join(words, "\n"))
}

// extras is what a message carries beside its text; what is not as it should be is left out.
func extras(m *Message) *chat.Extras {
	x := &chat.Extras{}
	if core.CheckEmbeds(m.Embeds) == nil {
		x.Embeds = m.Embeds
	}
	if a := m.Author; a != nil {
		kind := chat.AuthorKind(a.Kind)
		name := line(a.Name, 100)
		if (kind == chat.WebhookAuthor || kind == chat.PluginAuthor || kind == chat.ServerAuthor) && name != "" {
			x.Author = &chat.Author{Kind: kind, ID: line(a.ID, 100), Name: name, AvatarURL: address(a.AvatarURL)}
		}
	}
	if x.Empty() {
		return nil
	}
	return x
}

// poll is the question that a message asks; nil if it is none that could be asked here.
func (r *run) poll(p *Poll) *chat.Poll {
	if p == nil {
		return nil
	}
	n := core.NewPoll{Question: p.Question, Multiple: p.Multiple}
	for _, o := range p.Options {
		n.Options = append(n.Options, chat.PollOption{ID: o.ID, Text: o.Text, Emoji: o.Emoji})
	}
	poll, err := core.CheckPoll(n, r.person(p.CreatedBy))
	if err != nil {
		return nil
	}
	poll.ExpiresAt = p.ExpiresAt
	return poll
}

// votes gives the votes of a poll, and ends it if it was ended.
func (r *run) votes(tx core.Tx, msg *chat.Message, p *Poll, now time.Time) (*chat.Message, error) {
	given := map[chat.UserID][]string{}
	var voters []chat.UserID
	for i, o := range p.Options[:min(len(p.Options), len(msg.Poll.Options))] {
		for _, user := range r.persons(o.Voters, len(o.Voters)) {
			if given[user] == nil {
				voters = append(voters, user)
			} else if !msg.Poll.Multiple {
				continue // one choice
			}
			given[user] = append(given[user], msg.Poll.Options[i].ID)
		}
	}
	var err error
	for _, user := range voters {
		if msg, _, err = tx.SetVotes(r.ctx, msg.ID, user, given[user], msg.CreatedAt); err != nil {
			return nil, err
		}
	}
	if !p.EndedAt.IsZero() {
		msg, err = tx.EndPoll(r.ctx, msg.ID, r.person(p.EndedBy), past(p.EndedAt, now))
	}
	return msg, err
}

// member keeps a place in the room until it is opened.
func (r *run) member(m *Member) error {
	room := r.room
	if room == nil || m.Room != room.source.ID {
		return damaged("a member of room %d stands outside it", m.Room)
	}
	user := r.person(m.User)
	if user == "" || room.done {
		return nil
	}
	place := chat.Member{RoomID: room.local.ID, UserID: user, Role: chat.RoomMember, JoinedAt: past(m.JoinedAt, r.Now().UTC()), Notify: notifyLevel(m.Notify),
		Favourite: m.Favourite, Hidden: m.Hidden}
	if m.Role == string(chat.RoomAdmin) {
		place.Role = chat.RoomAdmin
	}
	room.members = append(room.members, place)
	return nil
}

// leaveRoom opens the room whose records are all read: its members come in, having read everything, and it becomes what it
// was.
func (r *run) leaveRoom() error {
	room := r.room
	if room == nil {
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	if err := r.forgetFiles(); err != nil {
		return err
	}
	r.room = nil
	r.report.Messages += room.count
	r.report.Reactions += room.reacted
	name := cmp.Or(room.local.Name, "direct conversation")
	r.report.Rooms = append(r.report.Rooms, Roomed{Name: name, ID: room.local.ID, Slug: room.local.Slug, Messages: room.count, Before: room.done})
	if room.done {
		return nil
	}
	r.report.Members += int64(len(room.members))
	if r.opts.DryRun {
		return nil
	}
	for batch := range slices.Chunk(room.members, 200) {
		if err := r.admit(room, batch); err != nil {
			return err
		}
	}
	return r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) {
		now, err := tx.Room(r.ctx, room.local.ID)
		if err != nil {
			return nil, err
		}
		if room.source.Type == string(chat.Public) && now.Type == chat.Private {
			now.Type = chat.Public
		}
		now.Archived = room.source.Archived
		if _, err := tx.Member(r.ctx, now.ID, now.OwnerID); now.OwnerID != "" && chat.CodeOf(err) == chat.ErrMemberNotFound.Code {
			now.OwnerID = "" // who owned it was not in it: an operator decides
		}
		if now, err = tx.UpdateRoom(r.ctx, now); err != nil {
			return nil, err
		}
		return []chat.Event{chat.RoomChanged{Room: now}}, putSetting(r.ctx, tx, r.roomKey(room.source.ID), roomState{Room: now.ID, Done: true})
	})
}

// admit makes people members.
func (r *run) admit(room *roomRun, members []chat.Member) error {
	return r.Store.Change(r.ctx, func(tx core.Tx) ([]chat.Event, error) {
		var events []chat.Event
		for _, m := range members {
			if room.local.OwnerID == m.UserID {
				m.Role = chat.RoomOwner
			}
			if room.local.Type == chat.Direct {
				m.Role = chat.RoomMember
			}
			created, err := tx.PutMember(r.ctx, m)
			if err != nil {
				return nil, err
			}
			if !created {
				continue
			}
			place, err := tx.Member(r.ctx, m.RoomID, m.UserID)
			if err != nil {
				return nil, err
			}
			user, err := tx.User(r.ctx, m.UserID)
			if err != nil {
				return nil, err
			}
			now, err := tx.Room(r.ctx, m.RoomID)
			if err != nil {
				return nil, err
			}
			events = append(events, chat.MemberJoined{Member: place, User: user}, chat.RoomAdded{UserID: m.UserID, Room: now})
		}
		return events, nil
	})
}
