package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core"
	"parley/internal/core/coretest"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exporter(w *coretest.World, files bool) Exporter {
	e := Exporter{Store: w.Store, Server: "Test", Now: w.Clock.Now}
	if files {
		e.Blobs = w.Blobs
	}
	return e
}

func importer(w *coretest.World) Importer {
	return Importer{Store: w.Store, Blobs: w.Blobs, Scanner: w.Scanner, TempDir: w.T.TempDir(), Now: w.Clock.Now}
}

// full is a world with a room in which everything has happened that can.
type full struct {
	*coretest.World
	ada, ben, cleo, gone chat.Actor
	room, dm             chat.RoomID
}

func newFull(t testing.TB) *full {
	t.Helper()
	f := &full{World: coretest.New(t, nil)}
	f.ada, f.ben, f.cleo, f.gone = f.User("ada"), f.User("ben"), f.User("cleo"), f.User("gone")
	f.room = f.World.Room(f.ada, f.ben, f.cleo, f.gone)
	say := func(by chat.Actor, n core.NewMessage) *chat.Message {
		t.Helper()
		f.Clock.Advance(90 * time.Second)
		n.RoomID = orRoom(n.RoomID, f.room)
		m, _, err := f.SendMessage(ctx, by, n)
		must(t, err)
		return m
	}
	name := "Sourdough"
	slug := "sourdough"
	_, err := f.UpdateRoom(ctx, f.ada, f.room, core.RoomChange{Name: &name, Slug: &slug, Description: &name})
	must(t, err)
	_, err = f.SetMemberRole(ctx, f.ada, f.room, f.ben.UserID, chat.RoomAdmin)
	must(t, err)
	first := say(f.ada, core.NewMessage{Content: "Who bakes on **Saturday**? See https://example.org/rota"})
	reply := say(f.ben, core.NewMessage{Content: "I can, @ada", ParentID: first.ID})
	say(f.cleo, core.NewMessage{Content: "me too", ParentID: reply.ID})
	say(f.gone, core.NewMessage{Content: "so long"})
	edited := say(f.ben, core.NewMessage{Content: "at sevn"})
	f.Clock.Advance(time.Minute)
	_, err = f.EditMessage(ctx, f.ben, edited.ID, "at seven", nil)
	must(t, err)
	removed := say(f.cleo, core.NewMessage{Content: "oops"})
	_, err = f.DeleteMessage(ctx, f.ada, removed.ID)
	must(t, err)
	for _, who := range []chat.Actor{f.cleo, f.ada} {
		_, _, err = f.React(ctx, who, edited.ID, "🍞")
		must(t, err)
	}
	_, _, err = f.React(ctx, f.ben, first.ID, "👍")
	must(t, err)
	_, err = f.Pin(ctx, f.ada, first.ID)
	must(t, err)
	up, err := f.UploadFile(ctx, f.cleo, core.Upload{Filename: "loaf.png", Body: bytes.NewReader(picture(t))})
	must(t, err)
	say(f.cleo, core.NewMessage{Content: "look", Attachments: []string{up.Key}, Payload: &chat.Payload{Kind: "other", Data: []byte{1, 2, 3}}})
	_, err = f.SetAvatar(ctx, f.ben, bytes.NewReader(picture(t)))
	must(t, err)
	view, _, err := f.DirectRoom(ctx, f.ben, f.cleo.UserID)
	must(t, err)
	f.dm = view.Room.ID
	say(f.ben, core.NewMessage{RoomID: f.dm, Content: "psst"})
	say(f.cleo, core.NewMessage{RoomID: f.dm, Content: "yes?"})
	_, err = f.Sanction(ctx, chat.Operator, core.Measure{Kind: chat.Warning, UserID: f.ben.UserID, Reason: "too loud"})
	must(t, err)
	must(t, f.Block(ctx, f.ben, f.cleo.UserID))
	must(t, f.DeleteUser(ctx, chat.Operator, f.gone.UserID))
	return f
}

func orRoom(id, other chat.RoomID) chat.RoomID {
	if id == 0 {
		return other
	}
	return id
}

func picture(t testing.TB) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 640, 400))
	for x := range 640 {
		for y := range 400 {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), 128, 255})
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, img))
	return b.Bytes()
}

// story tells what can be seen of a room, with names in place of ids, so that two servers can be compared.
func story(t testing.TB, w *coretest.World, id chat.RoomID) (lines []string) {
	t.Helper()
	names := map[chat.UserID]string{"": "-"}
	name := func(id chat.UserID) string {
		if names[id] == "" {
			names[id] = "-" // gone
			if u, err := w.Store.User(ctx, id); err == nil {
				names[id] = u.Username
			}
		}
		return names[id]
	}
	room, err := w.Store.Room(ctx, id)
	must(t, err)
	lines = append(lines, fmt.Sprintf("room %s %s %q %q by %s at %s archived %v", room.Type, room.Slug, room.Name, room.Description, name(room.OwnerID), room.CreatedAt, room.Archived))
	places := map[chat.MessageID]int64{}
	must(t, w.Store.EachMessage(ctx, id, "", func(m *chat.Message) error {
		places[m.ID] = m.Ordinal
		l := fmt.Sprintf("%d %s %s %s %q re %d in %d (%d) edited %s deleted %v by %s pinned %s by %s everyone %v", m.Ordinal, m.CreatedAt, m.Type, name(m.SenderID), m.Content,
			places[m.ParentID], places[m.ThreadID], m.ReplyCount, m.EditedAt, m.Deleted, name(m.DeletedBy), m.PinnedAt, name(m.PinnedBy), m.Everyone)
		for _, u := range m.Mentions {
			l += " @" + name(u)
		}
		for _, r := range m.Reactions {
			l += " " + r.Emoji
			for _, u := range r.Users {
				l += " " + name(u)
			}
		}
		for _, a := range m.Attachments {
			l += fmt.Sprintf(" file %s %d %s %d×%d %s %v", a.Filename, a.Size, a.MIMEType, a.Width, a.Height, a.Hash, a.ThumbHash != "")
		}
		for _, link := range m.Links {
			l += " " + link.URL
		}
		if m.Payload != nil {
			l += fmt.Sprintf(" %s %v", m.Payload.Kind, m.Payload.Data)
		}
		lines = append(lines, l)
		return nil
	}))
	ids, err := w.Store.MemberIDs(ctx, id)
	must(t, err)
	members, err := w.Store.MembersAmong(ctx, id, ids)
	must(t, err)
	var who []string
	for _, m := range members {
		who = append(who, fmt.Sprintf("member %s %s since %s", name(m.UserID), m.Role, m.JoinedAt))
	}
	slices.Sort(who)
	return append(lines, who...)
}

func TestARoomIsTheSameOnAnotherServer(t *testing.T) {
	from := newFull(t)
	var b bytes.Buffer
	done, err := exporter(from.World, true).Room(ctx, &b, from.room)
	must(t, err)
	if done.Files != 1 || len(done.MissingFiles) != 0 {
		t.Errorf("exported %+v", done)
	}
	to := coretest.New(t, nil)
	to.Clock.Advance(24 * time.Hour)
	rep, err := importer(to).Import(ctx, Lines(bytes.NewReader(b.Bytes())), Options{})
	must(t, err)
	if rep.Created != 3 || rep.Matched != 0 || rep.Messages != done.Messages || rep.Files != 1 || rep.Members != 3 || rep.Reactions != 3 || len(rep.Rooms) != 1 {
		t.Errorf("report %+v", rep)
	}
	// What is not kept: who is gone has no name, and an account made by the import is disabled.
	want, got := story(t, from.World, from.room), story(t, to, rep.Rooms[0].ID)
	if !slices.Equal(want, got) {
		t.Errorf("wanted\n%s\ngot\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
	ben, err := to.Store.UserByName(ctx, "ben")
	must(t, err)
	if ben.DisabledAt.IsZero() {
		t.Error("an imported account must be disabled")
	}
	if ids, err := to.Store.IdentitiesOf(ctx, ben.ID); err != nil || len(ids) != 0 {
		t.Errorf("identities %v, %v", ids, err)
	}
	if n, err := to.Store.UnreadNotifications(ctx, ben.ID, to.Clock.Now()); err != nil || n != 0 {
		t.Errorf("%d notifications, %v", n, err)
	}
	if unread, mentions, err := to.Store.Unread(ctx, rep.Rooms[0].ID, ben.ID); err != nil || unread != 0 || mentions != 0 {
		t.Errorf("unread %d, %d, %v", unread, mentions, err)
	}
	found, err := to.Store.Search(ctx, chat.SearchQuery{Reader: ben.ID, Terms: []chat.SearchTerm{{Words: []string{"saturday"}}}, Limit: 10})
	if err != nil || len(found.Hits) != 1 {
		t.Errorf("search found %d, %v", len(found.Hits), err)
	}
	file := ""
	must(t, to.Store.EachMessage(ctx, rep.Rooms[0].ID, "", func(m *chat.Message) error {
		for _, a := range m.Attachments {
			file = a.Hash
		}
		return nil
	}))
	body, _, err := to.Blobs.Open(ctx, file)
	must(t, err)
	defer body.Close()
	if b, err := io.ReadAll(body); err != nil || !bytes.Equal(b, picture(t)) {
		t.Errorf("the picture is another: %v", err)
	}
}

func TestPeopleWithTheSameUsernameAreTheSame(t *testing.T) {
	from := newFull(t)
	var b bytes.Buffer
	_, err := exporter(from.World, false).Room(ctx, &b, from.room)
	must(t, err)
	to := coretest.New(t, nil)
	to.Clock.Advance(24 * time.Hour)
	ada := to.User("Ada")
	rep, err := importer(to).Import(ctx, Lines(bytes.NewReader(b.Bytes())), Options{})
	must(t, err)
	if rep.Matched != 1 || rep.Created != 2 || rep.Files != 0 {
		t.Errorf("report %+v", rep)
	}
	room, err := to.Core.Room(ctx, ada, rep.Rooms[0].ID)
	if err != nil || room.Me == nil || room.Me.Role != chat.RoomOwner {
		t.Errorf("%+v, %v", room, err)
	}
	page, err := to.Messages(ctx, ada, rep.Rooms[0].ID, chat.MessagesQuery{Limit: 2})
	if err != nil || !strings.Contains(page.Messages[0].Content, "📎 loaf.png") || page.Messages[0].Type != chat.TextMessage {
		t.Errorf("a file that is not in the export is named: %+v, %v", page.Messages, err)
	}
	to.Say(ada, rep.Rooms[0].ID, "it goes on here")
}

func TestAnImportThatBrokeOffGoesOn(t *testing.T) {
	from := newFull(t)
	for i := range 450 {
		from.Clock.Advance(time.Second)
		from.Say(from.ada, from.room, fmt.Sprintf("loaf %d", i))
	}
	var b bytes.Buffer
	_, err := exporter(from.World, true).Room(ctx, &b, from.room)
	must(t, err)
	to := coretest.New(t, nil)
	to.Clock.Advance(24 * time.Hour)
	broken := errors.New("the cable")
	for _, limit := range []int{3_000, 30_000, 60_000} {
		if _, err := importer(to).Import(ctx, Lines(&failing{bytes.NewReader(b.Bytes()), limit, broken}), Options{}); !errors.Is(err, broken) {
			t.Fatalf("after %d bytes: %v", limit, err)
		}
	}
	rep, err := importer(to).Import(ctx, Lines(bytes.NewReader(b.Bytes())), Options{})
	must(t, err)
	if !rep.Resumed || rep.Before == 0 || rep.Messages == 0 {
		t.Errorf("report %+v", rep)
	}
	want, got := story(t, from.World, from.room), story(t, to, rep.Rooms[0].ID)
	if !slices.Equal(want, got) {
		t.Errorf("%d and %d lines; wanted\n%s\ngot\n%s", len(want), len(got), strings.Join(want[:12], "\n"), strings.Join(got[:12], "\n"))
	}
	again, err := importer(to).Import(ctx, Lines(bytes.NewReader(b.Bytes())), Options{})
	must(t, err)
	if again.DoneAt.IsZero() || again.Messages != 0 {
		t.Errorf("a second time: %+v", again)
	}
	other, err := importer(to).Import(ctx, Lines(bytes.NewReader(b.Bytes())), Options{ID: "another"})
	must(t, err)
	if other.Rooms[0].Slug != "sourdough-2" || other.Matched != 3 {
		t.Errorf("under another id: %+v", other)
	}
}

// failing fails after some bytes.
type failing struct {
	r    io.Reader
	left int
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, f.err
	}
	n, err := f.r.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

func TestADryRunWritesNothing(t *testing.T) {
	from := newFull(t)
	var b bytes.Buffer
	done, err := exporter(from.World, true).Room(ctx, &b, from.room)
	must(t, err)
	to := coretest.New(t, nil)
	to.Clock.Advance(24 * time.Hour)
	to.User("ada")
	before, err := to.Store.Stats(ctx, to.Clock.Now())
	must(t, err)
	rep, err := importer(to).Import(ctx, Lines(bytes.NewReader(b.Bytes())), Options{DryRun: true})
	must(t, err)
	if rep.Created != 2 || rep.Matched != 1 || rep.Messages != done.Messages || rep.Files != 1 || rep.Rooms[0].Slug != "sourdough" {
		t.Errorf("report %+v", rep)
	}
	after, err := to.Store.Stats(ctx, to.Clock.Now())
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("it wrote: %+v, %v", after, err)
	}
	if _, err := to.Store.Setting(ctx, "import:"+rep.ID); err == nil {
		t.Error("it left a trace")
	}
}

func TestAPersonsExportHasNoMessagesOfOthers(t *testing.T) {
	from := newFull(t)
	var b bytes.Buffer
	_, err := exporter(from.World, true).User(ctx, &b, from.ben.UserID)
	must(t, err)
	all := b.String()
	for _, secret := range []string{"argon2", "Who bakes", "look", "so long"} {
		if strings.Contains(all, secret) {
			t.Errorf("it has %q", secret)
		}
	}
	kinds := map[string]int{}
	must(t, Lines(strings.NewReader(all)).Records(ctx, func(r *Record) error {
		raw, err := json.Marshal(r)
		must(t, err)
		var one map[string]json.RawMessage
		must(t, json.Unmarshal(raw, &one))
		for k := range one {
			kinds[k]++
		}
		return nil
	}))
	for kind, least := range map[string]int{"header": 1, "user": 2, "identity": 1, "block": 1, "room": 2, "message": 3, "member": 2, "reaction": 1, "notification": 2,
		"sanction": 1, "audit": 1, "file": 1, "chunk": 1} {
		if kinds[kind] < least {
			t.Errorf("%d records %s, at least %d expected", kinds[kind], kind, least)
		}
	}

	to := coretest.New(t, nil)
	to.Clock.Advance(24 * time.Hour)
	rep, err := importer(to).Import(ctx, Lines(strings.NewReader(all)), Options{})
	must(t, err)
	if len(rep.Rooms) != 2 || rep.Messages != 3 || rep.LeftOut["sanctions"] != 1 || rep.LeftOut["identities"] != 1 || rep.LeftOut["reactions to messages of others"] != 1 {
		t.Errorf("report %+v", rep)
	}
	ben, err := to.Store.UserByName(ctx, "ben")
	must(t, err)
	if !strings.HasPrefix(ben.AvatarURL, core.AvatarPath) {
		t.Errorf("avatar %q", ben.AvatarURL)
	}
	cleo, err := to.Store.UserByName(ctx, "cleo")
	must(t, err)
	if _, err := to.Store.DirectRoom(ctx, ben.ID, cleo.ID); err != nil {
		t.Errorf("the direct room: %v", err)
	}
	if live, err := to.Store.LiveSanctions(ctx, ben.ID, 0, to.Clock.Now()); err != nil || len(live) != 0 {
		t.Errorf("sanctions %v, %v", live, err)
	}
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func lineOf(t testing.TB, r Record) string {
	t.Helper()
	b, err := json.Marshal(r)
	must(t, err)
	return string(b) + "\n"
}

func TestImportRefusesDamagedExports(t *testing.T) {
	head := lineOf(t, Record{Header: &Header{Format: FormatName, Version: 1, Kind: KindRoom, ID: "x", MadeAt: time.Unix(1, 0)}})
	room := lineOf(t, Record{Room: &Room{ID: 1, Name: "Room", Type: "public"}})
	msg := func(id int64) string { return lineOf(t, Record{Message: &Message{ID: id, Room: 1, Content: "x"}}) }
	end := func(n int64) string { return lineOf(t, Record{End: &End{Records: n}}) }
	file := lineOf(t, Record{File: &File{Attachment: "a", User: "u", Size: 3, SHA256: strings.Repeat("0", 64)}})
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", ErrDamaged},
		{"something else", "hello\n", ErrDamaged},
		{"no header", room + end(1), ErrDamaged},
		{"another format", `{"header":{"format":"other","version":1,"kind":"room","id":"x"}}` + "\n" + end(1), ErrDamaged},
		{"a newer format", `{"header":{"format":"chat-export","version":2,"kind":"room","id":"x"}}` + "\n" + end(1), ErrTooNew},
		{"two headers", head + head + end(2), ErrDamaged},
		{"no end", head + room, ErrDamaged},
		{"lines are missing", head + room + end(3), ErrDamaged},
		{"something after the end", head + end(1) + room, ErrDamaged},
		{"a message outside a room", head + msg(1) + end(2), ErrDamaged},
		{"messages out of order", head + room + msg(2) + msg(1) + end(4), ErrDamaged},
		{"bytes without a file", head + room + `{"chunk":"AAAA"}` + "\n" + end(3), ErrDamaged},
		{"a file that is cut off", head + room + file + msg(1) + end(4), ErrDamaged},
		{"a file with another content", head + room + file + `{"chunk":"AAAA"}` + "\n" + end(4), ErrDamaged},
		{"a line that is too long", head + `{"room":{"name":"` + strings.Repeat("x", maxLine) + `"}}` + "\n", ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, dry := range []bool{true, false} {
				w := coretest.New(t, nil)
				i := importer(w)
				_, err := i.Import(ctx, Lines(strings.NewReader(c.text)), Options{DryRun: dry})
				if !errors.Is(err, c.want) {
					t.Errorf("got %v", err)
				}
				if left, _ := os.ReadDir(i.TempDir); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}

func TestWhatCannotBeKeptIsMadeFit(t *testing.T) {
	w := coretest.New(t, nil)
	lines := []Record{
		{Header: &Header{Format: FormatName, Version: 1, Kind: KindRoom, ID: "odd"}},
		{User: &User{ID: "1", Username: "jo.el-van der Längename-with-more", DisplayName: "a\u202eb\x00", Kind: "alien"}},
		{User: &User{ID: "2", Username: "jo.el-van der Lingename-with-more"}},
		{User: &User{ID: "3", Username: "here", Settings: json.RawMessage(`{"a":1}`), Roles: []string{"owner"}}},
		{Room: &Room{ID: 7, Name: "\n", Slug: "123", Type: "strange", Form: "odd", CreatedAt: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{Message: &Message{ID: 1, Room: 7, Sender: "1", Content: strings.Repeat("ß", 12_000), CreatedAt: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC), Parent: 1, Thread: 99,
			Reactions: []ReactionList{{Emoji: strings.Repeat("x", 99), Users: []string{"1"}}, {Emoji: "🎉", Users: []string{"1", "1", "nobody", "3"}}}}},
		{Message: &Message{ID: 2, Room: 7, Sender: "nobody", Content: "a\x00b", Links: []Link{{URL: "javascript:alert(1)"}}, Payload: &Payload{Kind: "k", Data: make([]byte, maxPayload+1)}}},
		{Member: &Member{Room: 7, User: "nobody"}},
		{Member: &Member{Room: 7, User: "1", Role: "owner"}},
	}
	var text strings.Builder
	for _, r := range lines {
		text.WriteString(lineOf(t, r))
	}
	text.WriteString(`{"weather":{"sunny":true}}` + "\n" + lineOf(t, Record{End: &End{Records: int64(len(lines) + 1)}}))
	rep, err := importer(w).Import(ctx, Lines(strings.NewReader(text.String())), Options{})
	must(t, err)
	users, _, err := w.Store.ListUsers(ctx, core.UserQuery{Page: chat.Page{Limit: 10}})
	must(t, err)
	var names []string
	for _, u := range users {
		names = append(names, u.Username+"/"+u.DisplayName+"/"+u.Rank.String())
	}
	if want := []string{"jo_el_van_der_L_ngen/ab/member", "jo_el_van_der_Lingen/jo_el_van_der_Lingen/member", "here_/here_/member"}; !slices.Equal(names, want) {
		t.Errorf("names %q", names)
	}
	room, err := w.Store.Room(ctx, rep.Rooms[0].ID)
	must(t, err)
	if room.Type != chat.Private || room.Slug != "" || room.Name != "Imported room" || room.CreatedAt.After(w.Clock.Now()) {
		t.Errorf("room %+v", room)
	}
	page, err := w.Store.Messages(ctx, room.ID, chat.MessagesQuery{Limit: 10})
	must(t, err)
	a, b := page.Messages[0], page.Messages[1]
	if len([]rune(a.Content)) != core.MaxContent || a.CreatedAt.After(w.Clock.Now().Add(time.Second)) || a.ParentID != 0 || len(a.Reactions) != 1 || len(a.Reactions[0].Users) != 2 {
		t.Errorf("message %+v", a)
	}
	if b.Content != "a\uFFFDb" || b.SenderID != "" || len(b.Links) != 0 || b.Payload != nil || !b.CreatedAt.After(a.CreatedAt) {
		t.Errorf("message %+v", b)
	}
	if rep.LeftOut["records of an unknown sort"] != 1 || rep.Members != 1 {
		t.Errorf("report %+v", rep)
	}
}

func TestAFileThatIsNotAllowedIsLeftOut(t *testing.T) {
	w := coretest.New(t, nil)
	script := []byte("<script>alert(1)</script>")
	var text strings.Builder
	records := []Record{
		{Header: &Header{Format: FormatName, Version: 1, Kind: KindRoom, ID: "odd"}},
		{User: &User{ID: "1", Username: "ada"}},
		{Room: &Room{ID: 7, Name: "Room", Type: "public"}},
		{File: &File{Attachment: "k", User: "1", Size: int64(len(script)), SHA256: hashOf(script)}},
		{Chunk: script},
		{Message: &Message{ID: 1, Room: 7, Sender: "1", Type: "file", Attachments: []Attachment{{Key: "k", Filename: "../evil.html", Size: 25}}}},
	}
	for _, r := range records {
		text.WriteString(lineOf(t, r))
	}
	text.WriteString(lineOf(t, Record{End: &End{Records: int64(len(records))}}))
	rep, err := importer(w).Import(ctx, Lines(strings.NewReader(text.String())), Options{})
	must(t, err)
	page, err := w.Store.Messages(ctx, rep.Rooms[0].ID, chat.MessagesQuery{Limit: 1})
	must(t, err)
	if m := page.Messages[0]; m.Type != chat.TextMessage || len(m.Attachments) != 0 || m.Content != "📎 evil.html (25 bytes, not imported)" {
		t.Errorf("message %+v", m)
	}
	if len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0], "left out") {
		t.Errorf("notes %q", rep.Notes)
	}
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{
		`{"header":{"format":"chat-export","version":1,"kind":"room","id":"x"}}` + "\n" + `{"room":{"id":1,"name":"r"}}` + "\n" + `{"message":{"id":1,"room":1,"content":"x","reactions":[{"emoji":"x","users":["1"]}]}}` + "\n" + `{"end":{"records":3}}`,
		`{"header":{"format":"chat-export","version":1,"kind":"user","id":"x"}}` + "\n" + `{"user":{"id":"1","username":"ada"}}` + "\n" + `{"file":{"attachment":"a","user":"1","size":3,"sha256":"` + strings.Repeat("0", 64) + `"}}` + "\n" + `{"chunk":"AAAA"}`,
		"", "{}", "\n\n",
	} {
		f.Add([]byte(s))
	}
	w := coretest.New(f, nil)
	i := importer(w)
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := i.Import(ctx, Lines(bytes.NewReader(b)), Options{DryRun: true})
		if err == nil && rep.ID == "" {
			t.Fatal("accepted without a header")
		}
		for range rep.Lines() {
		}
	})
}
