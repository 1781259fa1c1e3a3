package demo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
)

// world is the community in the making.
type world struct {
	*core.Core
	store core.Store
	parts []part
	clock *clock
	now   time.Time // when the story ends
	rand  *rand.Rand
	share int

	people map[string]*person
	order  []*person
	rooms  map[string]*room
	plan   []happening
	drawn  map[picture]file
	result Result
}

// happening is something that is going to happen.
type happening struct {
	at time.Time
	do func(ctx context.Context) error
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }

// tell tells the whole story.
func (w *world) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{w.arrive, w.settleIn, w.converse, w.moderate, w.catchUp, w.leave} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pass lets some time go by.
func (w *world) pass(d time.Duration) { w.clock.set(w.clock.Now().Add(d)) }

// arrive makes the server's room, the roles and the people.
func (w *world) arrive(ctx context.Context) error {
	first := places[0]
	view, err := w.RoomBySlug(ctx, chat.Operator, first.key)
	if chat.CodeOf(err) == chat.ErrRoomNotFound.Code {
		view, err = w.CreateRoom(ctx, chat.Operator, core.NewRoom{Name: first.name, Slug: first.key, Description: first.about, Type: chat.Public, Official: true})
	}
	if err != nil {
		return err
	}
	first.id = view.Room.ID
	w.rooms[first.key] = &first
	ids := map[string]chat.RoleID{}
	have, err := w.Roles(ctx, chat.Operator)
	if err != nil {
		return err
	}
	for _, r := range roles {
		if i := slices.IndexFunc(have, func(h chat.Role) bool { return h.Name == r.Name }); i >= 0 {
			ids[r.Name] = have[i].ID
			continue
		}
		r.Position = len(have)
		made, err := w.PutRole(ctx, chat.Operator, r)
		if err != nil {
			return err
		}
		ids[r.Name] = made.ID
	}
	for i := range cast {
		w.pass(7 * time.Minute)
		p := cast[i]
		if err := w.register(ctx, &p, ids[p.role]); err != nil {
			return err
		}
		w.people[p.username] = &p
		w.order = append(w.order, &p)
		w.result.Accounts = append(w.result.Accounts, Account{Username: p.user.Username, DisplayName: p.name, Rank: p.rank})
	}
	w.rooms[first.key].members = w.order
	return nil
}

// register makes one person, with a picture and all.
func (w *world) register(ctx context.Context, p *person, role chat.RoleID) error {
	for n := 1; ; n++ {
		name := p.username
		if n > 1 {
			name = fmt.Sprintf("%s%d", p.username, n)
		}
		u, err := w.CreateUser(ctx, chat.Operator, core.Registering{Username: name, DisplayName: p.name, Password: Password}, p.rank)
		if chat.CodeOf(err) == "username_taken" && n < 100 {
			continue
		}
		if err != nil {
			return err
		}
		p.user, p.actor = u, chat.Actor{UserID: u.ID, SessionID: "demo"}
		break
	}
	if role != "" {
		if _, err := w.SetUserRoles(ctx, chat.Operator, p.user.ID, append(slices.Clone(p.user.Roles), role)); err != nil {
			return err
		}
	}
	picture, err := avatar(w.rand)
	if err != nil {
		return err
	}
	if _, err := w.SetAvatar(ctx, p.actor, bytes.NewReader(picture)); err != nil {
		return err
	}
	_, err = w.UpdateProfile(ctx, p.actor, core.Profile{Bio: &p.bio, Status: &p.status, StatusMessage: &p.says})
	return err
}

// settleIn makes the other rooms and brings people into them, each in the way people come.
func (w *world) settleIn(ctx context.Context) error {
	w.result.Rooms = len(places)
	for _, r := range places[1:] {
		w.pass(11 * time.Minute)
		for _, name := range r.people {
			r.members = append(r.members, w.people[name])
		}
		if len(r.people) == 0 {
			r.members = w.order
		}
		w.rooms[r.key] = &r
		if r.kind == chat.Direct {
			view, _, err := w.DirectRoom(ctx, r.members[0].actor, r.members[1].user.ID)
			if err != nil {
				return err
			}
			r.id = view.Room.ID
			continue
		}
		owner := w.people[r.owner]
		view, err := w.CreateRoom(ctx, owner.actor, core.NewRoom{Name: r.name, Description: r.about, Topic: r.topic, Type: r.kind, Form: r.form})
		if err != nil {
			return err
		}
		r.id = view.Room.ID
		for _, p := range r.members {
			if p == owner {
				continue
			}
			w.pass(time.Minute)
			if err := w.bring(ctx, &r, owner, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// bring makes somebody a member.
func (w *world) bring(ctx context.Context, r *room, owner, p *person) error {
	if r.kind == chat.Public {
		_, err := w.Join(ctx, p.actor, r.id)
		return err
	}
	invite, err := w.InviteMember(ctx, owner.actor, r.id, p.user.ID)
	if err != nil {
		return err
	}
	_, err = w.AcceptInvite(ctx, p.actor, invite.Code)
	return err
}

// converse plans all conversations and then has everything happen in the order of time.
func (w *world) converse(ctx context.Context) error {
	begin := w.clock.Now().Add(time.Hour)
	for _, place := range places {
		r := w.rooms[place.key]
		b, err := readBook(r.book)
		if err != nil {
			return err
		}
		var deck []scene // all scenes come before one comes again
		for _, at := range w.times(begin, (r.scenes+w.share-1)/w.share) {
			if len(deck) == 0 {
				deck = slices.Clone(b.scenes)
				w.rand.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
			}
			w.perform(r, b, deck[0], at)
			deck = deck[1:]
		}
	}
	w.warn()
	for at := begin.AddDate(0, 0, 5); at.Before(w.now); at = at.AddDate(0, 0, 5) {
		w.at(at, func(ctx context.Context) error { return w.readAll(ctx, 0) })
	}
	slices.SortStableFunc(w.plan, func(a, b happening) int { return a.at.Compare(b.at) })
	for _, h := range w.plan {
		if h.at.After(w.now.Add(-5 * time.Minute)) {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		w.clock.set(h.at)
		if err := h.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) at(t time.Time, do func(ctx context.Context) error) {
	w.plan = append(w.plan, happening{t, do})
}

// times are n moments between begin and the end at which people are awake, more of them on working days and lately, and
// far enough from each other for a conversation.
func (w *world) times(begin time.Time, n int) []time.Time {
	var list []time.Time
	for len(list) < n {
		back := w.rand.Float64()
		at := w.now.Add(-time.Duration(back * back * float64(w.now.Sub(begin)) * 0.5)).Add(-time.Duration(back * float64(w.now.Sub(begin)) * 0.5))
		hour := at.Hour()
		weekend := at.Weekday() == time.Saturday || at.Weekday() == time.Sunday
		if hour < 6 || hour > 21 || weekend && w.rand.IntN(3) == 0 || hour > 18 && w.rand.IntN(2) == 0 {
			if w.now.Sub(at) > 2*time.Hour { // whenever it is now, something was said just before
				continue
			}
		}
		list = append(list, at)
	}
	slices.SortFunc(list, time.Time.Compare)
	for i := 1; i < len(list); i++ {
		if earliest := list[i-1].Add(12 * time.Minute); list[i].Before(earliest) {
			list[i] = earliest
		}
	}
	return list
}

// variants is how many pictures there are of each kind.
const variants = 5

// picture names one that is drawn when it is first needed.
type picture struct {
	kind    string
	variant uint64
}

// file is a picture as it is uploaded.
type file struct {
	name    string
	content []byte
}

// turn is something said, once it has been.
type turn struct {
	by  *person
	msg *chat.Message
}

// perform plans one scene in a room.
func (w *world) perform(r *room, b *book, s scene, at time.Time) {
	p := &performance{book: b, rand: w.rand, values: map[string]string{}}
	p.cast = slices.Clone(r.members)
	w.rand.Shuffle(len(p.cast), func(i, j int) { p.cast[i], p.cast[j] = p.cast[j], p.cast[i] })
	slips := map[int]step{}
	for _, st := range s.steps {
		if st.verb == edit {
			slips[st.turn] = st
		}
	}
	var turns []*turn
	add := func(st step, text string) {
		who := p.actor(st.role)
		t := &turn{by: who}
		slip, slipped := slips[len(turns)]
		said := text
		if slipped {
			said = strings.Replace(text, slip.text, slip.slip, 1)
		}
		var parent *turn
		if st.turn >= 0 {
			parent = turns[st.turn]
		}
		variant := w.rand.Uint64N(variants)
		turns = append(turns, t)
		w.at(at, func(ctx context.Context) error { return w.say(ctx, r, t, said, parent, picture{st.picture, variant}) })
		if slipped {
			w.at(at.Add(w.between(20, 200)), func(ctx context.Context) error { return w.correct(ctx, t, text) })
		}
		if st.picture != "" {
			at = at.Add(5 * time.Second)
		}
	}
	for _, st := range s.steps {
		switch st.verb {
		case say:
			text := p.fill(st.text)
			add(st, text)
			at = at.Add(w.between(12, 40+len(text)))
		case pause:
			at = at.Add(w.between(2*3600, 5*3600))
		case react:
			w.react(r, p, turns[st.turn], st, at)
		case remove:
			t := turns[st.turn]
			w.at(at.Add(w.between(30, 400)), func(ctx context.Context) error { return w.takeBack(ctx, t) })
		case pin:
			t := turns[st.turn]
			w.at(at.Add(w.between(60, 900)), func(ctx context.Context) error { return w.pin(ctx, r, t) })
		}
	}
	first := turns[0]
	for range w.rand.IntN(3) { // others have little to add
		who := w.rand.IntN(len(p.cast))
		st := step{verb: say, role: who, turn: -1}
		if r.form == chat.Forum || first.by != p.cast[who] && w.rand.IntN(3) == 0 {
			st.turn = 0
		}
		add(st, w.filler(b, p))
		at = at.Add(w.between(20, 240))
	}
}

// filler is a short remark that the performance has not had.
func (w *world) filler(b *book, p *performance) string {
	text := p.pick("filler")
	p.values["filler"+text] = text
	return text
}

func (w *world) between(from, to int) time.Duration {
	return time.Duration(from)*time.Second + time.Duration(w.rand.IntN((to-from)*1000+1))*time.Millisecond
}

func (w *world) say(ctx context.Context, r *room, t *turn, text string, parent *turn, p picture) error {
	n := core.NewMessage{RoomID: r.id, Content: text}
	if parent != nil {
		if parent.msg == nil {
			return nil
		}
		n.ParentID = parent.msg.ID
	} else if r.form == chat.Forum {
		th, err := w.CreateThread(ctx, t.by.actor, r.id, threadName(text))
		if err != nil {
			return err
		}
		n.ThreadID = th.ID
	}
	if p.kind != "" {
		f, ok := w.drawn[p]
		if !ok {
			var err error
			if f.name, f.content, err = paint(p.kind, newRand(p.variant)); err != nil {
				return err
			}
			w.drawn[p] = f
		}
		up, err := w.UploadFile(ctx, t.by.actor, core.Upload{Filename: f.name, Body: bytes.NewReader(f.content)})
		if err != nil {
			return err
		}
		n.Attachments = []string{up.Key}
		w.result.Files++
	}
	msg, _, err := w.SendMessage(ctx, t.by.actor, n)
	if chat.CodeOf(err) == "parent_deleted" {
		return nil
	}
	if err != nil {
		return err
	}
	t.msg, r.last = msg, msg
	w.result.Messages++
	return nil
}

// threadName is what a thread is called that begins with a text: its first sentence, as far as there is room for it.
func threadName(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.IndexAny(text, ".!?:"); i > 0 {
		text = text[:i]
	}
	const most = 60
	if r := []rune(text); len(r) > most {
		text = strings.TrimSpace(string(r[:most])) + "…"
	}
	return text
}

func (w *world) correct(ctx context.Context, t *turn, text string) error {
	if t.msg == nil {
		return nil
	}
	w.result.Edits++
	_, err := w.EditMessage(ctx, t.by.actor, t.msg.ID, text, nil)
	return err
}

func (w *world) takeBack(ctx context.Context, t *turn) error {
	if t.msg == nil {
		return nil
	}
	w.result.Deletions++
	_, err := w.DeleteMessage(ctx, t.by.actor, t.msg.ID)
	return err
}

// react plans what people give to something that was said.
func (w *world) react(r *room, p *performance, t *turn, st step, at time.Time) {
	for _, who := range st.who {
		by := p.cast[w.rand.IntN(len(p.cast))]
		if who >= 0 {
			by = p.actor(who)
		} else if w.rand.IntN(2) == 0 {
			continue
		}
		if by == t.by {
			continue
		}
		w.at(at.Add(w.between(5, 600)), func(ctx context.Context) error {
			if t.msg == nil {
				return nil
			}
			_, added, err := w.React(ctx, by.actor, t.msg.ID, st.emoji)
			if added {
				w.result.Reactions++
			}
			if chat.CodeOf(err) == "message_deleted" {
				err = nil
			}
			return err
		})
	}
}

// pin pins something; a room keeps only some.
func (w *world) pin(ctx context.Context, r *room, t *turn) error {
	if t.msg == nil {
		return nil
	}
	by := chat.Operator
	if owner := w.people[r.owner]; owner != nil {
		by = owner.actor
	}
	pins, err := w.Pins(ctx, by, r.id)
	if err != nil {
		return err
	}
	if len(pins) >= 3 {
		if _, err := w.Unpin(ctx, by, pins[len(pins)-1].ID); err != nil {
			return err
		}
	} else {
		w.result.Pins++
	}
	_, err = w.Pin(ctx, by, t.msg.ID)
	return err
}

// warn plans an earlier case: somebody is reported, spoken to and warned.
func (w *world) warn() {
	p, general := w.people, w.rooms["general"]
	t := &turn{by: p["owen"]}
	day := w.now.AddDate(0, 0, -9)
	w.at(day, func(ctx context.Context) error {
		return w.say(ctx, general, t, "Anybody here who needs new sails? I know a guy. I am the guy.", nil, picture{})
	})
	w.at(day.Add(20*time.Minute), func(ctx context.Context) error {
		r, err := w.Report(ctx, p["nora"].actor, t.msg.ID, "Is this allowed here?")
		if err != nil {
			return err
		}
		w.pass(15 * time.Minute)
		if _, err := w.HandleReport(ctx, p["priya"].actor, r.ID, chat.ReportResolved, "Talked to him.", false); err != nil {
			return err
		}
		_, err = w.Sanction(ctx, p["priya"].actor, core.Measure{Kind: chat.Warning, UserID: p["owen"].user.ID, Reason: "No advertising in the rooms, please."})
		return err
	})
}

// moderate is what those do who look after the place, just now.
func (w *world) moderate(ctx context.Context) error {
	p, general := w.people, w.rooms["general"]
	w.clock.set(w.now.Add(-4 * time.Minute))
	said := func(text string) (*chat.Message, error) {
		w.pass(8 * time.Second)
		t := &turn{by: p["owen"]}
		return t.msg, w.say(ctx, general, t, text, nil, picture{})
	}
	var ads []*chat.Message
	for _, text := range []string{"Best sails on the coast, half price only today!!! https://example.org/sails", "Did you all see my offer? HALF PRICE!!!"} {
		if _, err := said(text); err != nil {
			return err
		}
		ads = append(ads, general.last)
	}
	w.pass(5 * time.Second)
	for i, by := range []string{"aiko", "leila"} {
		w.pass(9 * time.Second)
		if _, err := w.Report(ctx, p[by].actor, ads[i].ID, []string{"advertising, for the third time", "Spam. Please have a word with him."}[i]); err != nil {
			return err
		}
	}
	w.pass(10 * time.Second)
	if _, err := w.Sanction(ctx, p["priya"].actor, core.Measure{Kind: chat.Mute, RoomID: general.id, UserID: p["owen"].user.ID,
		Reason: "Advertising again. You can write here again tomorrow.", Until: w.now.Add(24 * time.Hour)}); err != nil {
		return err
	}
	if _, err := w.Announce(ctx, p["mara"].actor, "Maintenance on Sunday", "The server moves to its new home on Sunday between six and seven in the morning. Nothing will be lost, and the bread will be ready in time.", chat.SeverityInfo); err != nil {
		return err
	}
	if _, err := w.CreateInvite(ctx, p["tomas"].actor, w.rooms["sailing"].id, core.NewInvite{MaxUses: 20}); err != nil {
		return err
	}
	if _, err := w.CreateServerInvite(ctx, p["mara"].actor, core.NewInvite{MaxUses: 5, ExpiresIn: 14 * 24 * time.Hour}); err != nil {
		return err
	}
	_, err := w.InviteMember(ctx, p["mara"].actor, w.rooms["committee"].id, p["aiko"].user.ID)
	return err
}

// catchUp leaves everybody with some rooms read and some not.
func (w *world) catchUp(ctx context.Context) error {
	w.pass(30 * time.Second)
	return w.readAll(ctx, 5)
}

// readAll has everybody read their rooms; one in leave of them stays as it is, and those on holiday read nothing.
func (w *world) readAll(ctx context.Context, leave int) error {
	for _, p := range w.order {
		if leave > 0 && strings.Contains(p.says, "holiday") {
			continue
		}
		for _, place := range places {
			r := w.rooms[place.key]
			if r.last == nil || !slices.Contains(r.members, p) || leave > 0 && w.rand.IntN(leave) == 0 {
				continue
			}
			if _, err := w.MarkReadMessage(ctx, p.actor, r.last.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave notes when each was last here.
func (w *world) leave(ctx context.Context) error {
	people := slices.Clone(w.order)
	slices.SortFunc(people, func(a, b *person) int { return cmp.Compare(a.name, b.name) })
	for _, p := range people {
		w.pass(2 * time.Second)
		if err := w.Connected(ctx, p.actor); err != nil {
			return err
		}
		w.Disconnected(ctx, p.actor)
	}
	return nil
}
