package relay

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
)

// samples has one event of every type.
var samples = []chat.Event{
	chat.MessageCreated{}, chat.MessageChanged{}, chat.MessageDeleted{}, chat.ReactionAdded{}, chat.ReactionRemoved{}, chat.PollVoted{}, chat.PollEnded{},
	chat.MemberJoined{}, chat.MemberLeft{}, chat.MemberChanged{}, chat.RoomChanged{}, chat.RoomDeleted{}, chat.ReadMoved{}, chat.Typing{},
	chat.RoomAdded{}, chat.RoomRemoved{}, chat.UnreadChanged{}, chat.Notified{}, chat.SessionRevoked{}, chat.UserChanged{}, chat.PresenceChanged{},
	chat.UserJoined{}, chat.UserLeft{}, chat.FaceChanged{},
	chat.SanctionChanged{}, chat.RolesChanged{}, chat.UsersSeen{}, chat.BlockChanged{}, chat.ReportChanged{},
	chat.EmojiAdded{}, chat.EmojiUpdated{}, chat.EmojiRemoved{}, chat.ServerChanged{}, chat.DirectoryChanged{}, chat.UserRolesChanged{},
	chat.CommandsAdded{}, chat.CommandsRemoved{}, chat.CommandCalled{},
	chat.VoiceJoined{}, chat.VoiceChanged{}, chat.VoiceLeft{}, chat.VoiceSignal{}, chat.PluginsChanged{},
	chat.ThreadCreated{}, chat.ThreadChanged{}, chat.ThreadDeleted{}, chat.ThreadJoined{}, chat.ThreadLeft{}, chat.PositionMoved{},
}

// left are the fields that stay behind, because the receiver reads them from the store or has no use for them. A line ending
// in a dot is all that is below.
var left = map[string][]string{
	"":                {"Message.Sender.", "Message.Mark", "Mark", "Thread.People"}, // everywhere
	"MemberJoined":    {"User."},
	"VoiceJoined":     {"Participant.User."},
	"VoiceChanged":    {"Participant.User."},
	"MemberChanged":   {"Member.Role", "Member.JoinedAt", "Member.Notify", "Member.Last", "Member.Muted", "Member.Favourite", "Member.Hidden"},
	"RoomChanged":     {"Room.!ID"},
	"RoomAdded":       {"Room.!ID"},
	"Notified":        {"Notification.Actor."},
	"UserChanged":     {"User.Email", "User.Settings"},
	"UserJoined":      {"User.Email", "User.Settings"},
	"UserLeft":        {"User.Email", "User.Settings"},
	"FaceChanged":     {"User.Email", "User.Settings"},
	"PresenceChanged": {"Presence.Status", "Moved"},
	"ReportChanged":   {"Report.!ID"},
	"EmojiAdded":      {"Emoji.!ID"},
	"EmojiUpdated":    {"Emoji.!ID"},
}

func stays(event, path string) bool {
	for _, rule := range append(slices.Clone(left[""]), left[event]...) {
		if all, but, ok := strings.Cut(rule, "!"); ok {
			if strings.HasPrefix(path, all) && path != all+but {
				return true
			}
		} else if strings.HasPrefix(path, rule) || path == strings.TrimSuffix(rule, ".") {
			return true
		}
	}
	return false
}

// fill sets everything below v to something that is not zero, and different each time.
func fill(v reflect.Value, n *int, path string, skip func(path string) bool) {
	if path != "" && skip(path) {
		return
	}
	*n++
	if raw, ok := v.Addr().Interface().(*json.RawMessage); ok {
		*raw = fmt.Appendf(nil, `{"text":%d}`, *n)
		return
	}
	if t, ok := v.Addr().Interface().(*time.Time); ok {
		*t = time.Date(2026, 1, 2, 3, 4, *n, 5006007, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d ü", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) * 1_000_003)
	case reflect.Uint8:
		v.SetUint(uint64(1 + *n%3))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n, path, skip)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n, path, skip)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n, path, skip)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n, strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), skip)
		}
	default:
		panic("a kind that no event had: " + v.Kind().String())
	}
}

func filled(ev chat.Event) chat.Event {
	v := reflect.New(reflect.TypeOf(ev)).Elem()
	n := 0
	fill(v, &n, "", func(path string) bool { return stays(v.Type().Name(), path) })
	return v.Interface().(chat.Event)
}

func decode(t testing.TB, payload []byte) (events []chat.Event) {
	t.Helper()
	b, err := open(payload)
	if err != nil {
		t.Fatal(err)
	}
	for {
		k, body, ok := b.next()
		if !ok {
			break
		}
		if read := readers[k]; read != nil {
			events = append(events, read(&body))
			if body.fault || len(body.b) > 0 {
				t.Fatalf("kind %d: fault %v, %d bytes left", k, body.fault, len(body.b))
			}
		}
	}
	if b.entries.fault {
		t.Fatal("the batch is damaged")
	}
	return events
}

func TestEveryEventReadsBack(t *testing.T) {
	for _, ev := range samples {
		t.Run(reflect.TypeOf(ev).Name(), func(t *testing.T) {
			want := filled(ev)
			var w writer
			w.begin("node", 7)
			if !w.event(want) {
				t.Fatal("it has no form")
			}
			got := decode(t, w.b)
			if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestNoEventIsForgotten reads the source of package chat for the types that are events.
func TestNoEventIsForgotten(t *testing.T) {
	names, err := filepath.Glob("../chat/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var decls []ast.Decl
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, file.Decls...)
	}
	have := make(map[string]bool)
	for _, ev := range samples {
		have[reflect.TypeOf(ev).Name()] = true
	}
	found := 0
	for _, d := range decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "Scope" {
			found++
			if name := f.Recv.List[0].Type.(*ast.Ident).Name; !have[name] {
				t.Errorf("%s is an event that nobody tells other nodes of", name)
			}
		}
	}
	if found != len(samples) {
		t.Errorf("%d events in the source, %d samples", found, len(samples))
	}
}

func TestWhatComesFirstIsWhereItIsLookedFor(t *testing.T) {
	for _, ev := range samples {
		var w writer
		k := w.body(filled(ev))
		if int(k) >= len(leads) || leads[k] == nothingFirst {
			continue
		}
		r := reader{b: w.b}
		scope := filled(ev).Scope()
		switch leads[k] {
		case roomFirst:
			if room := r.room(); room != scope.Room {
				t.Errorf("%T: room %d, want %d", ev, room, scope.Room)
			}
		case userFirst:
			if user := r.who(); len(scope.Users) != 1 || user != scope.Users[0] {
				t.Errorf("%T: user %q, want %q", ev, user, scope.Users)
			}
		case nothingFirst:
		}
	}
}

func TestWhatANewerVersionSaysIsSkipped(t *testing.T) {
	moved := chat.ReadMoved{RoomID: 3, UserID: "u", Seq: 9, Delivered: true}
	var body writer
	body.body(moved)
	body.text("a field that came later")
	var w writer
	w.begin("node", 1)
	w.entry(9999, []byte("a kind that came later"))
	w.entry(readMoved, body.b)
	b, err := open(w.b)
	if err != nil {
		t.Fatal(err)
	}
	if k, _, ok := b.next(); k != 9999 || !ok {
		t.Fatalf("the first entry is %d, %v", k, ok)
	}
	k, r, ok := b.next()
	if !ok {
		t.Fatal("the second entry is not there")
	}
	if got := readers[k](&r); got != moved || r.fault {
		t.Errorf("got %+v, fault %v", got, r.fault)
	}
	if _, err := open([]byte{version + 1, 1, 'n', 1}); err == nil {
		t.Error("a batch of another form was opened")
	}
}

func TestWhatAnOlderVersionDidNotSayIsZero(t *testing.T) {
	var w writer
	w.int(3)
	w.text("u")
	r := reader{b: w.b}
	if got := readers[readMoved](&r); got != (chat.ReadMoved{RoomID: 3, UserID: "u"}) || r.fault {
		t.Errorf("got %+v, fault %v", got, r.fault)
	}
}

func FuzzBatch(f *testing.F) {
	for _, ev := range samples {
		var w writer
		w.begin("node", 1)
		w.event(filled(ev))
		w.entry(beatKind, []byte{1, 2, 3})
		f.Add(w.b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := open(payload)
		if err != nil {
			return
		}
		for {
			k, body, ok := b.next()
			if !ok {
				return
			}
			read := readers[k]
			if read == nil {
				continue
			}
			ev := read(&body)
			if body.fault {
				continue
			}
			ev.Scope() // what is read can be routed
			var again, twice writer
			if again.body(ev) != k {
				t.Fatalf("%T is written as another kind", ev)
			}
			r := reader{b: again.b}
			if twice.body(readers[k](&r)); r.fault || string(twice.b) != string(again.b) {
				t.Fatalf("%T does not read back", ev)
			}
		}
	})
}

func FuzzBucket(f *testing.F) {
	var w writer
	w.b = append(w.b, version)
	w.uint(7)
	w.users([]chat.UserID{"a", "b"})
	f.Add(w.b)
	f.Fuzz(func(_ *testing.T, value []byte) { readBucket(value) })
}
