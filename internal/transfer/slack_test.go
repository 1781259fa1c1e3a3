package transfer

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/chat"
	"parley/internal/core/coretest"
)

// sample is a small workspace.
var sample = map[string]string{
	"users.json": `[
		{"id":"U1","name":"jane.doe","profile":{"display_name":"Jane","real_name":"Jane Doe","title":"Baker","email":"jane@example.org"}},
		{"id":"U2","name":"bob","real_name":"Bob","deleted":true,"profile":{}},
		{"id":"UB","name":"oven","is_bot":true,"profile":{"real_name":"Oven Bot"}}]`,
	"channels.json": `[
		{"id":"C1","name":"bakery","created":1700000000,"creator":"U1","is_archived":false,"members":["U1","U2"],
		 "topic":{"value":"Bread &amp; rolls"},"purpose":{"value":"All about <#C2|kitchen>"},"pins":[{"id":"1700000100.000200","type":"C","user":"U2"}]},
		{"id":"C2","name":"kitchen","created":1700000001,"creator":"U2","is_archived":true,"members":["U2"]}]`,
	"bakery/2023-11-14.json": `[
		{"type":"message","user":"U2","text":"<@U2> has joined the channel","subtype":"channel_join","ts":"1700000050.000100"},
		{"type":"message","user":"U2","text":"answer for <@U1>","ts":"1700000200.000300","thread_ts":"1700000100.000200"},
		{"type":"message","user":"U1","text":"Hello <!here>, see <https://example.org/a_(b)|the *rota*> &amp; <http://example.org/x*y*z> *now*! :tada: :our_own:","ts":"1700000100.000200",
		 "thread_ts":"1700000100.000200","reply_count":1,"reactions":[{"name":"+1::skin-tone-3","users":["U2","U1"],"count":2},{"name":"our_own","users":["U2"]}],
		 "edited":{"user":"U1","ts":"1700000150.000000"}},
		{"type":"other","ts":"1700000201.0"}]`,
	"bakery/2023-11-15.json": `[
		{"type":"message","subtype":"bot_message","bot_id":"B9","username":"Timer","text":"","attachments":[{"fallback":"ready","text":"The bread is *ready*"}],"ts":"1700090000.000100"},
		{"type":"message","user":"UX","user_profile":{"name":"guest","display_name":"A Guest"},"text":"pic","files":[{"name":"loaf [1].jpg","permalink":"https://example.org/f/1"},{"mode":"tombstone"}],"ts":"1700090001.000100"},
		{"type":"message","user":"U1","text":"code: ` + "`*not bold* :tada: &lt;b&gt; <@U2>`" + `\n• one\n• ~two~","ts":"1700090002.000100"},
		{"type":"message","subtype":"tombstone","user":"U1","text":"This message was deleted.","ts":"1700090003.000100"},
		{"type":"message","user":"U1","text":"` + strings.Repeat("a long line\\n", 1500) + `","ts":"1700090004.000100"},
		{"type":"message","user":"U1","text":"twin","ts":"1700090004.000100"}]`,
	"integration_logs.json": `[]`,
}

func zipped(t testing.TB, files map[string]string, change func(w *zip.Writer)) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(name)
		must(t, err)
		_, err = f.Write([]byte(content))
		must(t, err)
	}
	if change != nil {
		change(w)
	}
	must(t, w.Close())
	return bytes.NewReader(b.Bytes())
}

func TestASlackWorkspaceBecomesPublicRooms(t *testing.T) {
	w := coretest.New(t, nil)
	z := zipped(t, sample, nil)
	rep, err := importer(w).Import(ctx, Slack(z, z.Size()), Options{})
	must(t, err)
	if rep.Kind != KindSlack || rep.Created != 5 || len(rep.Rooms) != 2 || rep.Rooms[0].Slug != "bakery" || rep.Rooms[1].Slug != "kitchen" || rep.Members != 3 {
		t.Errorf("report %+v", rep)
	}
	room, err := w.Store.RoomBySlug(ctx, "bakery")
	must(t, err)
	if room.Type != chat.Public || room.Topic != "Bread & rolls" || room.Description != "All about #kitchen" || !room.CreatedAt.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("room %+v", room)
	}
	kitchen, err := w.Store.RoomBySlug(ctx, "kitchen")
	if err != nil || !kitchen.Archived {
		t.Errorf("kitchen %+v, %v", kitchen, err)
	}
	page, err := w.Store.Messages(ctx, room.ID, chat.MessagesQuery{Limit: 50})
	must(t, err)
	m := page.Messages
	name := func(id chat.UserID) string {
		u, err := w.Store.User(ctx, id)
		if err != nil {
			return "-"
		}
		return u.Username + "/" + u.DisplayName + "/" + string(u.Kind)
	}
	for i, want := range []struct {
		kind    chat.MessageType
		sender  string
		content string
	}{
		{chat.SystemMessage, "-", "@bob has joined the channel"},
		{chat.TextMessage, "jane_doe/Jane/person", "Hello @everyone, see [the *rota*](https://example.org/a_%28b%29) & http://example.org/x*y*z **now**! 🎉 :our_own:"},
		{chat.TextMessage, "bob/Bob/person", "answer for @jane_doe"},
		{chat.TextMessage, "Timer/Timer/bot", "The bread is **ready**"},
		{chat.TextMessage, "guest/A Guest/person", "pic\n📎 [loaf \\[1\\].jpg](https://example.org/f/1)\n📎 a file that was deleted"},
		{chat.TextMessage, "jane_doe/Jane/person", "code: `*not bold* :tada: <b> @bob`\n- one\n- ~~two~~"},
		{chat.TextMessage, "jane_doe/Jane/person", chat.DeletedContent},
	} {
		if m[i].Type != want.kind || name(m[i].SenderID) != want.sender || m[i].Content != want.content {
			t.Errorf("%d: %s %s %q", i, m[i].Type, name(m[i].SenderID), m[i].Content)
		}
	}
	hello := m[1]
	if !hello.Pinned || name(hello.PinnedBy) != "bob/Bob/person" || !hello.Everyone || hello.ReplyCount != 1 || m[2].ParentID != hello.ID || m[2].ThreadID != hello.ID {
		t.Errorf("hello %+v, answer %+v", hello, m[2])
	}
	if !hello.EditedAt.Equal(time.Unix(1700000150, 0)) || hello.CreatedAt.UnixMilli() != 1700000100000 {
		t.Errorf("times %s, %s", hello.CreatedAt, hello.EditedAt)
	}
	if len(hello.Reactions) != 2 || hello.Reactions[0].Emoji != "👍" || len(hello.Reactions[0].Users) != 2 || hello.Reactions[1].Emoji != ":our_own:" {
		t.Errorf("reactions %+v", hello.Reactions)
	}
	if len(hello.Links) != 2 || hello.Links[0].URL != "https://example.org/a_(b)" || len(m[2].Mentions) != 1 {
		t.Errorf("links %+v, mentions %v", hello.Links, m[2].Mentions)
	}
	if len(m) != 10 || m[7].Content+m[8].Content != strings.Repeat("a long line\n", 1500) || m[9].Content != "twin" {
		t.Errorf("%d messages; the long one is in parts of %d and %d", len(m), len(m[7].Content), len(m[8].Content))
	}
	again, err := importer(w).Import(ctx, Slack(z, z.Size()), Options{})
	if err != nil || again.DoneAt.IsZero() {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestSlackRefusesOtherFiles(t *testing.T) {
	with := func(name, content string) map[string]string {
		files := map[string]string{}
		for n, c := range sample {
			files[n] = c
		}
		files[name] = content
		return files
	}
	add := func(name string) func(w *zip.Writer) {
		return func(w *zip.Writer) {
			f, err := w.Create(name)
			must(t, err)
			_, err = f.Write([]byte("[]"))
			must(t, err)
		}
	}
	for _, c := range []struct {
		name string
		zip  *bytes.Reader
	}{
		{"no zip", bytes.NewReader([]byte("hello"))},
		{"an empty zip", zipped(t, nil, nil)},
		{"no channels", zipped(t, map[string]string{"users.json": "[]"}, nil)},
		{"a name that leads out", zipped(t, sample, add("../evil.json"))},
		{"a name that leads out on the way", zipped(t, sample, add("bakery/../../2023-11-14.json"))},
		{"an absolute name", zipped(t, sample, add("/etc/2023-11-14.json"))},
		{"a name for Windows", zipped(t, sample, add(`..\evil.json`))},
		{"a file twice", zipped(t, sample, add("users.json"))},
		{"a symbolic link", zipped(t, sample, func(w *zip.Writer) {
			h := &zip.FileHeader{Name: "link.json"}
			h.SetMode(fs.ModeSymlink | 0o777)
			f, err := w.CreateHeader(h)
			must(t, err)
			_, err = f.Write([]byte("/etc/passwd"))
			must(t, err)
		})},
		{"a file that is no list", zipped(t, with("bakery/2023-11-14.json", `{"a":1}`), nil)},
		{"a file that is cut off", zipped(t, with("bakery/2023-11-14.json", `[{"type":"message"`), nil)},
		{"users without ids", zipped(t, with("users.json", `[{"name":"x"}]`), nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := coretest.New(t, nil)
			if _, err := importer(w).Import(ctx, Slack(c.zip, c.zip.Size()), Options{DryRun: true}); !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSlackTexts(t *testing.T) {
	s := &slackRun{users: map[string]string{"U1": "jane"}, channels: map[string]string{"C1": "bakery"}}
	for _, c := range []struct{ in, want string }{
		{"*a* *b* *c*", "**a** **b** **c**"},
		{"2*3*4", "2*3*4"},
		{"* not bold *", "* not bold *"},
		{"(*bold*)", "(**bold**)"},
		{"~gone~ and ~more~", "~~gone~~ and ~~more~~"},
		{"_same_", "_same_"},
		{"<@U1> <@U9> <@U9|zed>", "@jane @U9 @zed"},
		{"<#C1> <#C9|old>", "#bakery #old"},
		{"<!channel> <!subteam^S1|@bakers> <!date^1^x|today> <!odd>", "@everyone @bakers today odd"},
		{"<mailto:a@b.c|a@b.c> <mailto:a@b.c>", "a@b.c a@b.c"},
		{"<javascript:alert(1)|click>", "click"},
		{"a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"},
		{"&amp;lt;", "&lt;"},
		{"```*x* <https://e.org|e>```", "```*x* e```"},
		{":smile: :nope: 10:30:15", "😄 :nope: 10:30:15"},
		{"<|x> `<|x>`", "x `x`"},
		{"\x00<https://e.org>\x00", "https://e.org"},
	} {
		if got := s.text(c.in).text; got != c.want {
			t.Errorf("%q became %q, not %q", c.in, got, c.want)
		}
	}
}

func TestSplitTextKeepsEveryCharacter(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"short", []string{"short"}},
		{"12345678\n0123456789", []string{"12345678\n", "0123456789"}},
		{"ßßßßßßßßßßßß", []string{"ßßßßßßßßßß", "ßß"}},
	} {
		if got := splitText(c.text, 10); !slices.Equal(got, c.want) {
			t.Errorf("%q became %q", c.text, got)
		}
	}
}

func FuzzSlack(f *testing.F) {
	f.Add("[]", "[]", "[]")
	f.Add(sample["users.json"], sample["channels.json"], sample["bakery/2023-11-14.json"])
	f.Add(sample["users.json"], sample["channels.json"], sample["bakery/2023-11-15.json"])
	w := coretest.New(f, nil)
	i := importer(w)
	f.Fuzz(func(t *testing.T, users, channels, day string) {
		z := zipped(t, map[string]string{"users.json": users, "channels.json": channels, "bakery/2023-11-14.json": day}, nil)
		if _, err := i.Import(ctx, Slack(z, z.Size()), Options{DryRun: true}); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

func FuzzSlackZip(f *testing.F) {
	z := zipped(f, sample, nil)
	whole := make([]byte, z.Size())
	_, err := z.ReadAt(whole, 0)
	must(f, err)
	f.Add(whole)
	f.Add(whole[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		err := Slack(bytes.NewReader(b), int64(len(b))).Records(ctx, func(*Record) error { return nil })
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}
